"""What goes wrong says what, where and with which value, and changes nothing."""

import os
import re

import lmdb
import numpy as np
import pytest
from store_cases import dna, numbered, points, run

from seqsearch.errors import (
    CorruptIndexError,
    DuplicateIdError,
    EmptyInputError,
    EmptySequenceError,
    FormatVersionError,
    IndexExistsError,
    IndexLockedError,
    MismatchError,
    NotAnIndexError,
    ParameterError,
    StoreError,
    UnknownIdError,
)
from seqsearch.sequences import DNA, RNA, Sequences
from seqsearch.store import Store, StoreBuilder
from seqsearch.store.envelope import HEAD, seal_head

# -- no index there ----------------------------------------------------------------------------------------------------


def test_a_missing_path(tmp_path):
    with pytest.raises(NotAnIndexError, match=re.escape(f"{tmp_path / 'none'}: no such file or directory")):
        Store.open(tmp_path / "none", write=True)
    assert os.listdir(tmp_path) == []


def test_a_file_and_a_folder_that_are_no_index(tmp_path):
    (tmp_path / "file").write_text(">a\nACGT\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotAnIndexError, match=r"file: not an index: an index is a directory"):
        Store.open(tmp_path / "file")
    with pytest.raises(NotAnIndexError, match=r"folder: not an index: it holds no data-N\.mdb"):
        Store.open(tmp_path / "folder", write=True)
    assert os.listdir(tmp_path / "folder") == []


@pytest.mark.parametrize("content", [b"", b"short", os.urandom(100_000), bytes(100_000)])
def test_garbage(tmp_path, content):
    (tmp_path / "data-1.mdb").write_bytes(content)
    with pytest.raises(
        NotAnIndexError, match=r"data-1\.mdb: not an index: (this is not an LMDB|the file is too short)"
    ):
        Store.open(tmp_path)


def test_an_lmdb_file_of_somebody_else(tmp_path):
    with lmdb.open(str(tmp_path / "data-1.mdb"), subdir=False) as env, env.begin(write=True) as transaction:
        transaction.put(b"somebody", b"else")
    with pytest.raises(NotAnIndexError, match=re.escape(f"{tmp_path}: its LMDB file was not written by seqsearch")):
        Store.open(tmp_path)


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_truncated_file(path, pages):
    size = (path / "data-1.mdb").stat().st_size
    os.truncate(path / "data-1.mdb", pages * 4096)
    with pytest.raises(
        StoreError, match=rf"data-1\.mdb: .*(is cut off (after {pages} of {size // 4096}|within)|damaged)"
    ):
        Store.open(path)


def test_a_newer_format(path, monkeypatch):
    monkeypatch.setattr("seqsearch.store.envelope.PLAIN_VERSION", 3)
    newer = seal_head({"whatever": "comes"})
    monkeypatch.undo()
    with lmdb.open(str(path / "data-1.mdb"), subdir=False) as env, env.begin(write=True) as transaction:
        transaction.put(HEAD, newer)
    with pytest.raises(
        FormatVersionError, match=re.escape(f"{path}: format version 3 is newer than 2: update seqsearch")
    ):
        Store.open(path)


def test_an_older_copy_of_the_data_is_not_taken_for_the_index(path):
    older = (path / "data-1.mdb").read_bytes()
    with Store.open(path, write=True) as store:
        store.append(dna(["d"]), points(1))
    (path / "data-1.mdb").write_bytes(older)
    with pytest.raises(CorruptIndexError, match=r"commit 2 of generation 1 was acknowledged, and data-1\.mdb does not"):
        Store.open(path)


def test_data_of_another_index(path, tmp_path):
    with StoreBuilder(tmp_path / "other", config="other") as builder:
        builder.append(dna(["x", "y", "z"]), points(3))
        with builder.finish() as store:
            store.append(dna(["xx"]), points(1))
    os.replace(tmp_path / "other" / "data-1.mdb", path / "data-1.mdb")
    with pytest.raises(CorruptIndexError, match=r"the file is older, or from another index"):
        Store.open(path)


# -- what is put in ----------------------------------------------------------------------------------------------------


def test_ids_that_are_taken(path):
    with Store.open(path, write=True) as store:
        with pytest.raises(DuplicateIdError, match=r"^record 2 \(b\): this id is in the index already$"):
            store.append(dna(["x", "b"]), points(2))
        with pytest.raises(DuplicateIdError, match=r"^record 3 \(y\): this id comes twice$"):
            store.append(dna(["y", "z", "y"]), points(3))
        with pytest.raises(UnknownIdError, match=r"no record with the id 'q'"):
            store.update(dna(["a", "q"]), points(2))
        with pytest.raises(DuplicateIdError, match=r"comes twice"):
            store.update(dna(["a", "a"]), points(2))
        assert (store.lsn, store.rows) == (1, 3)


def test_other_kinds_of_records(path):
    with Store.open(path, write=True) as store:
        with pytest.raises(MismatchError, match=r"holds the alphabet dna, these are rna"):
            store.append(Sequences.from_texts(["ACGU"], RNA), points(1))
        with pytest.raises(MismatchError, match=r"holds tokens, these are series"):
            store.append(Sequences.from_arrays([np.ones(3)]), points(1))
        with pytest.raises(EmptySequenceError, match=r"record 1 \(e\): the sequence is empty"):
            store.append(Sequences(np.zeros(0, np.uint8), np.zeros(2, np.int64), dna(["e"]).ids, DNA), points(1))


def test_series_of_other_features(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(Sequences.from_arrays([np.ones((3, 2))]))
        with pytest.raises(MismatchError, match=r"series of 2 features, these have 3"):
            builder.append(Sequences.from_arrays([np.ones((3, 3))], ids=["b"]))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (None, "the index holds vectors: 1 new ones are needed"),
        (points(2), "2 vectors for 1 sequences"),
        (points(1, width=5), "the index holds vectors of 4 float32, these have 5 float32"),
        (np.zeros((1, 4), np.uint8), "the index holds vectors of 4 float32, these have 4 uint8"),
        (np.zeros((1, 4)), r"must be \(n, D\) float32 or \(n, B\) uint8, not float64 \(1, 4\)"),
        (np.full((1, 4), np.nan, np.float32), "the vector of row 0 holds NaN or infinity"),
    ],
)
def test_vectors_that_do_not_fit(path, vectors, message):
    with Store.open(path, write=True) as store, pytest.raises((MismatchError, ParameterError), match=message):
        store.append(dna(["x"]), vectors)


def test_rows_that_are_not_there(path):
    with Store.open(path) as store:
        with pytest.raises(ParameterError, match=r"row 3 is outside 0\.\.2"):
            store.sequences([0, 3])
        with pytest.raises(ParameterError, match=r"row -1 is outside"):
            store.vectors([-1])
        with pytest.raises(ParameterError, match=r"whole numbers, not float64"):
            store.sequences(np.array([0.5]))


def test_documents_that_are_not_json(path):
    with Store.open(path, write=True) as store, pytest.raises(ParameterError, match=r"must be JSON: Out of range"):
        store.put_document("model", {"loss": float("nan")})


# -- building ----------------------------------------------------------------------------------------------------------


def test_a_path_that_is_taken(path, tmp_path):
    with pytest.raises(IndexExistsError, match=re.escape(f"{path}: exists already")):
        StoreBuilder(path)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to-mother.txt").write_text("Dear mother")
    with pytest.raises(IndexExistsError, match=r"letters: exists and is no index: not overwritten"):
        StoreBuilder(tmp_path / "letters", overwrite=True)


def test_overwriting_happens_at_the_very_end(path, tmp_path):
    reader = Store.open(path)
    with StoreBuilder(path, overwrite=True) as builder:
        builder.append(dna(["new"]), points(1))
        with Store.open(path) as store:
            assert "a" in store
        builder.finish().close()
    assert (list(reader.ids), reader.outdated) == (["a", "b", "c"], True)
    assert reader.refresh()
    assert list(reader.ids) == ["new"]
    reader.close()
    assert os.listdir(tmp_path) == ["index"]


def test_overwriting_an_index_that_is_being_written_to(path, tmp_path):
    with Store.open(path, write=True), StoreBuilder(path, overwrite=True) as builder:
        builder.append(dna(["new"]), points(1))
        with pytest.raises(IndexLockedError, match=f"process {os.getpid()} is writing"):
            builder.finish()
    assert os.listdir(tmp_path) == ["index"]
    with Store.open(path) as store:
        assert len(store) == 3


def test_a_build_given_up_leaves_nothing(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        builder.append(dna(["a"]))
    assert os.listdir(tmp_path) == []
    with pytest.raises(StoreError, match=r"i: (building has ended|the index is closed)"):
        builder.append(dna(["b"]))


def test_builds_that_are_not_complete(tmp_path):
    with StoreBuilder(tmp_path / "i") as builder:
        with pytest.raises(EmptyInputError, match="at least one append"):
            builder.finish()
        builder.append(dna(numbered(0, 10)))
        with pytest.raises(ParameterError, match="the next vector is that of row 0, not of row 5"):
            builder.set_vectors(5, points(5))
        with pytest.raises(ParameterError, match="vectors up to row 10 for 10 records"):
            builder.set_vectors(0, points(11))
        builder.set_vectors(0, points(5))
        with pytest.raises(ParameterError, match="5 vectors for 10 records"):
            builder.finish()
        builder.set_vectors(5, points(5))
        builder.finish().close()
    assert os.listdir(tmp_path) == ["i"]


def test_what_a_killed_builder_left_is_removed_by_the_next(tmp_path):
    code = """
        import os, sys
        from store_cases import dna
        from seqsearch.store import Store, StoreBuilder
        StoreBuilder(sys.argv[1]).append(dna(["a"]))
        os.kill(os.getpid(), 9)
    """
    assert run(code, tmp_path / "i").returncode == -9
    assert len(os.listdir(tmp_path)) == 1
    with StoreBuilder(tmp_path / "i") as alive:
        assert os.listdir(tmp_path) == [alive.path.name]
        with StoreBuilder(tmp_path / "i"):
            assert alive.path.is_dir()
