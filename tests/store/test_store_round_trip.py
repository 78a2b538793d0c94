"""What goes in comes out: any records, any split into appends, whole or row by row."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import dna, numbered, points, record_sets, same

from seqsearch.sequences import DNA, Alphabet, Sequences
from seqsearch.store import Store, StoreBuilder
from seqsearch.store.chunks import CHUNK_ROWS


@settings(max_examples=60, deadline=None)
@given(record_sets(), st.data())
def test_any_records_come_back(records, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=4)))
    parts = list(itertools.pairwise([0, *cuts, len(records)]))
    wide = data.draw(st.booleans())
    rng = np.random.default_rng(0)
    vectors = points(len(records)) if wide else rng.integers(0, 256, (len(records), 2)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        builder = StoreBuilder(path)
        for start, stop in parts[:2]:
            builder.append(records[start:stop], vectors[start:stop])
        with builder.finish() as store:
            for start, stop in parts[2:]:
                rows = store.append(records[start:stop], vectors[start:stop])
                assert rows.tolist() == list(range(start, stop))
        with Store.open(path) as store:
            assert len(store) == store.rows == len(records)
            assert same(store.sequences(), records)
            assert np.array_equal(store.vectors(), vectors)
            assert store.vectors().dtype == vectors.dtype
            asked = np.array(data.draw(st.lists(st.integers(0, len(records) - 1), max_size=20)), np.int64)
            assert same(store.sequences(asked), records[asked])
            assert np.array_equal(store.vectors(asked), vectors[asked])
            assert np.array_equal(store.rows_of(records.ids), np.arange(len(records)))
            assert store.ids == records.ids
            assert store.labels == records.labels
            assert store.verify().problems == []


def test_single_adds_leave_few_chunks_and_the_same_content(tmp_path):
    records, vectors = dna(numbered(0, 300)), points(300)
    builder = StoreBuilder(tmp_path / "i")
    builder.append(records[:0])
    with builder.finish() as store:
        for row in range(300):
            store.append(records[row : row + 1], vectors[row : row + 1])
        assert same(store.sequences(), records)
        assert np.array_equal(store.vectors(), vectors)
        assert len(store._directory.sequence_starts) <= 10
        assert store.lsn == 301


def test_long_and_many_records_are_cut_into_chunks(tmp_path):
    rng = np.random.default_rng(0)
    long = Sequences.from_arrays([rng.integers(0, 4, 3 << 20).astype(np.uint8)] * 2, DNA, ["a", "b"])
    many = Sequences.from_arrays([np.zeros(1, np.uint8)] * (2 * CHUNK_ROWS + 5), DNA)
    builder = StoreBuilder(tmp_path / "i")
    builder.append(long)
    builder.append(many)
    with builder.finish() as store:
        assert same(store.sequences(), Sequences.concatenate([long, many]))
        assert store._directory.sizes[:, 0].tolist() == [1, 1, CHUNK_ROWS, CHUNK_ROWS, 5]


def test_vectors_written_later_in_chunks(tmp_path):
    records, vectors = dna(numbered(0, 3000)), points(3000)
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(records)
        for start in range(0, 3000, 700):
            part = builder.sequences(np.arange(start, min(3000, start + 700)))
            assert same(part, records[start : start + 700])
            builder.set_vectors(start, vectors[start : start + 700] * 0)
        for start in range(0, 3000, 999):
            builder.set_vectors(start, vectors[start : start + 999])
        with builder.finish() as store:
            assert np.array_equal(store.vectors(), vectors)
            assert store.verify().ok


def test_codes_replace_vectors_when_set_again(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(dna(["a", "b"]))
        builder.set_vectors(0, points(2))
        builder.set_vectors(0, np.array([[1, 2], [3, 4]], np.uint8))
        with builder.finish() as store:
            assert store.vectors().tolist() == [[1, 2], [3, 4]]
            assert (store.vectors().dtype, store.vectors().shape[1]) == (np.uint8, 2)


def test_an_index_without_vectors(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(dna(["a"]))
        with builder.finish() as store:
            store.append(dna(["b"]))
            store.compact()
            assert not store.has_vectors
            assert len(store) == 2


def test_an_empty_index_knows_what_it_will_hold(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(dna([]))
        with builder.finish() as store:
            assert (len(store), store.kind, store.alphabet) == (0, "tokens", DNA)
            assert len(store.sequences()) == 0
            assert "a" not in store
            store.append(dna(["a"]), points(1))
            store.delete(["a"])
            store.compact()
            assert (store.rows, store.vectors().shape) == (0, (0, 4))
            store.append(dna(["b"]), points(1))
            assert list(store.sequences().ids) == ["b"]


def test_an_alphabet_of_ones_own_travels_with_the_index(tmp_path):
    own = Alphabet("rock", "RGBXY", {"?": "RG"}, {"Q": "X"})
    records = Sequences.from_texts(["RGBQ?"], own, ["a"])
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(records)
        builder.finish().close()
    with Store.open(tmp_path / "i") as store:
        assert store.alphabet == own
        assert store.sequences().texts() == ["RGBX?"]


def test_documents_and_blobs(tmp_path):
    with StoreBuilder(tmp_path / "i", config={"β": [1, None]}) as builder:
        builder.append(dna(["a"]))
        builder.put_document("model", {"one": 1})
        with builder.finish() as store:
            for size in (0, 1, 4 << 20, (4 << 20) + 1, 9_000_001):
                store.put_blob("weights", np.random.default_rng(size).bytes(size))
                assert store.blob("weights") == np.random.default_rng(size).bytes(size)
            store.put_blob("w", b"short")
            store.put_document("größe", [1.5, "x"])
    with Store.open(tmp_path / "i") as store:
        assert (store.document("model"), store.document("gone")) == ({"one": 1}, None)
        assert store.document("größe") == [1.5, "x"]
        assert (store.blob("w"), store.blob("none")) == (b"short", None)
        assert store.config == {"β": [1, None]}
        assert store.verify().ok


def test_equal_input_gives_equal_bytes(tmp_path):
    for name in ("one", "two"):
        builder = StoreBuilder(tmp_path / name, config={"seed": 1})
        builder.append(dna(numbered(0, 2000)), points(2000))
        with builder.finish() as store:
            store.delete(["id7"])
            store.compact()
    one, two = ((tmp_path / name / "data-2.mdb").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 201])
def test_names_that_cannot_be_keys(tmp_path, name):
    with StoreBuilder(tmp_path / "i") as builder, pytest.raises(ValueError, match="a name must have 1 to 200 bytes"):
        builder.put_document(name, 1)
