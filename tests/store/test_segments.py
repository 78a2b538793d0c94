"""Snapshots of sequences: the same answers as the database gives, whatever happened to the files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import dna, numbered, points, record_sets, same

from seqsearch import mapped
from seqsearch.sequences import Sequences
from seqsearch.sequences.packed import PackedSequences
from seqsearch.sequences.packed_files import KIND
from seqsearch.store import Store, StoreBuilder, targets
from seqsearch.store.segments import NAME


class Notes:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture(params=["in memory", "mapped"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small enough to be unpacked, or not."""
    if request.param == "mapped":
        monkeypatch.setattr(targets, "SMALL", 0)
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index of 3,000 rows with a snapshot."""
    with StoreBuilder(tmp_path / "index") as builder:
        builder.append(dna(numbered(0, 3000)), points(3000))
        with builder.finish() as store:
            store.save_sequences()
    return tmp_path / "index"


def segments(store: Store) -> dict[str, tuple[int, int]]:
    """First row and rows of each snapshot."""
    found = {}
    for file in store._targets.segments().files:
        found[Path(file.path).name.rsplit("-", 1)[0]] = (file.first, len(file.part))
    return found


def require_all(store: Store) -> Sequences:
    """Every way to read rows says what the database says."""
    expected = store.sequences()
    found = store.targets()
    assert same(found, expected)
    assert store.ids == expected.ids
    assert store.labels == expected.labels
    rows = np.random.default_rng(0).integers(0, store.rows, 200)
    assert same(found[rows], expected[rows])
    wanted = expected.ids.take(np.arange(store.rows))
    np.testing.assert_array_equal(store.find(wanted), np.where(store.live(), np.arange(store.rows), -1))
    return found


def test_targets_are_the_rows(path: Path, size: str) -> None:
    with Store.open(path) as store:
        found = require_all(store)
        assert isinstance(found, PackedSequences) == (size == "mapped")
        assert store.targets() is found
        assert segments(store) == {"sequences": (0, 3000)}
        assert store.verify().ok


def test_rows_that_come_are_seen_and_saved_at_logarithmic_cost(path: Path, size: str) -> None:
    with Store.open(path) as reader, Store.open(path, write=True) as store:
        at, written = 3000, 0
        for number in range(40):
            store.append(dna(numbered(at, at + 100), seed=number), points(100))
            at += 100
            if number % 3 == 0:
                store.delete([f"id{at - 7}"])
            before = segments(store)
            store.save_sequences()
            written += sum(rows for name, (_, rows) in segments(store).items() if before.get(name) != (_, rows))
            sizes = [rows for _, rows in segments(store).values()]
            assert sizes == sorted(sizes, reverse=True)
            assert len(sizes) <= 7
        require_all(store)
        reader.refresh()
        require_all(reader)
        assert store.saved_rows == 7000
        assert written <= 4000 * 7
        assert len(list((path / "snapshots").iterdir())) == len(segments(store))
        store.compact()
        assert segments(store) == {}
        require_all(store)
        store.save_sequences()
        assert segments(store) == {"sequences": (0, store.rows)}
        assert same(reader.targets(), reader.sequences())  # of before: its files are gone, and still mapped
        assert store.verify().ok


def test_a_reader_of_an_earlier_commit_does_not_see_later_rows(path: Path, size: str) -> None:
    with Store.open(path) as reader, Store.open(path, write=True) as store:
        reader.targets()
        store.append(dna(["late"]), points(1))
        store.save_sequences()
        store.append(dna(numbered(5000, 9000)), points(4000))
        store.save_sequences()
        assert len(reader.targets()) == 3000
        require_all(reader)
        assert reader.find(["late"]).tolist() == [-1]
        reader.refresh()
        require_all(reader)


@settings(deadline=None, max_examples=30)
@given(st.lists(record_sets(), min_size=1, max_size=1), st.data())
def test_any_kind_of_record(
    tmp_path_factory: pytest.TempPathFactory, sets: list[Sequences], data: st.DataObject
) -> None:
    records = sets[0]
    path = tmp_path_factory.mktemp("any") / "index"
    cut = data.draw(st.integers(0, len(records)))
    with StoreBuilder(path) as builder:
        builder.append(records[:cut])
        with builder.finish() as store:
            store.save_sequences()
            store.append(records[cut:])
            for small in (0, 64 << 20):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(targets, "SMALL", small)
                    store._targets._all = None
                    assert same(store.targets(), records)
            store.save_sequences()
            require_all(store)
    with Store.open(path) as store:
        require_all(store)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_damage_is_noted_and_mended_by_the_next_save(path: Path, damage: str, size: str) -> None:
    (file,) = (path / "snapshots").iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "truncate":
        del content[len(content) // 3 :]
    elif damage == "empty":
        content.clear()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(content)
    notes = Notes()
    with Store.open(path) as store:
        store.targets(notes)  # type: ignore[arg-type]
        require_all(store)
        assert len(notes.texts) == 1
        assert notes.texts[0].endswith("; reading the sequences from the database")
        assert not store.verify().ok
    with Store.open(path, write=True) as store:
        assert store.saved_rows == 0
        store.save_sequences()
        assert store.saved_rows == 3000
        require_all(store)
        assert store.verify().ok


def test_every_flipped_byte_is_noticed(path: Path) -> None:
    (file,) = (path / "snapshots").iterdir()
    good, rng = file.read_bytes(), np.random.default_rng(3)
    with Store.open(path) as store:
        expected = store.sequences()
    for at in [*range(0, 600, 7), *rng.integers(0, len(good), 150).tolist()]:
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        file.write_bytes(bad)
        with Store.open(path) as store:
            assert same(store.targets(), expected), at
            assert store.saved_rows == 0 or at >= 16, at


def rewritten(path: Path, **changes: object) -> None:
    """Put a made-up file in place of a snapshot, checksum, size and record included."""
    with Store.open(path, write=True) as store:
        record = store.snapshot(NAME)
        assert record is not None
        fields, arrays = mapped.read(store.snapshot_file(NAME), KIND)
        for name, change in changes.items():
            held = arrays.pop(name.replace("_", "-"), np.zeros(0, np.int64)).copy()
            made = change(held)  # type: ignore[operator]
            if made is not None:
                arrays[name.replace("_", "-")] = made
        said = dict(record.parameters)

        def write(file: Path) -> None:
            mapped.write(file, KIND, fields, arrays)
            said["digest"] = mapped.digest_of(file)

        store.write_snapshot(NAME, write, parameters=said)


def at(position: int, value: int):  # type: ignore[no-untyped-def]
    """A change of one element."""

    def change(array: np.ndarray) -> np.ndarray:
        array[position] = value
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("offsets", at(5, -1), "offsets do not ascend"),
        ("offsets", at(0, 1), "offsets do not ascend"),
        ("offsets", at(-1, 2**40), "letters are not as many as it says"),
        ("offsets", lambda a: a[:-1], "offsets are not one a row"),
        ("letters", lambda a: a[:-1], "letters are not as many as it says"),
        ("ids_offsets", at(7, 2**40), "ids do not lie in order"),
        ("ids", at(3, 0xFF), "ids are not UTF-8"),
        ("labels", at(3, 0x80), "labels are not UTF-8"),
        ("hashes", at(0, 2**63), "hashes of its ids are not in order"),
        ("rows", at(4, 3000), "names rows that it does not hold"),
        ("rows", lambda a: a.astype(np.int64), "hashes of its ids are not in order"),
        ("exceptions", lambda a: np.array([1, 1], np.int64), "exceptions are not places and symbols"),
        ("exceptions", lambda a: np.array([-1], np.int64), "exceptions are not places and symbols"),
        ("symbols", lambda a: np.array([3], np.uint8), "exceptions are not places and symbols"),
        ("more", lambda a: a, r"arrays that do not belong there: \['more'\]"),
        ("hashes", lambda a: None, "the array 'hashes' is missing"),
        ("letters", lambda a: None, "the array 'letters' is missing"),
    ],
)
def test_what_a_file_made_up_says_is_checked(path: Path, name: str, change: object, message: str) -> None:
    rewritten(path, **{name: change})
    with Store.open(path) as store:
        assert store.saved_rows == 0
        assert message.replace("\\", "") in store._targets.segments().problem
        require_all(store)


def test_a_file_of_another_index_is_not_believed(path: Path, tmp_path: Path) -> None:
    with StoreBuilder(tmp_path / "other") as builder:
        builder.append(dna(numbered(0, 3000), seed=1), points(3000))
        with builder.finish() as other:
            other.save_sequences()
            foreign = other.snapshot_file(NAME).read_bytes()
    with Store.open(path) as store:
        store.snapshot_file(NAME).write_bytes(foreign)
        assert store.saved_rows == 0
        require_all(store)


def test_a_full_disk_leaves_the_snapshots_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsearch.errors import StorageFullError

    with Store.open(path, write=True) as store:
        store.append(dna(["late"]), points(1))

        def full(*_: object) -> None:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patch:
            patch.setattr(mapped.Pieces, "put", full)
            with pytest.raises(StorageFullError, match="no space left"):
                store.save_sequences()
        assert segments(store) == {"sequences": (0, 3000)}
        assert len(list((path / "snapshots").iterdir())) == 1
        require_all(store)
        store.save_sequences()
        assert segments(store) == {"sequences": (0, 3000), "sequences-3000": (3000, 1)}
        require_all(store)


def test_ids_are_looked_up_without_reading_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsearch.store import reading

    with Store.open(path, write=True) as store:

        def never(*_: object) -> None:
            raise AssertionError("ids were read from the database")

        with monkeypatch.context() as patch:
            patch.setattr(reading.Rows, "texts", never)
            assert store.find(["id7", "nobody", "id2999"]).tolist() == [7, -1, 2999]
            store.append(dna(["new"]), points(1))
        assert store.find(["new", "id0"]).tolist() == [3000, 0]


def test_only_a_writer_saves(path: Path) -> None:
    from seqsearch.errors import StoreError

    with Store.open(path) as store, pytest.raises(StoreError, match="open for reading only"):
        store.save_sequences()


def test_verify_compares_the_file_with_the_database(path: Path) -> None:
    def swapped(array: np.ndarray) -> np.ndarray:
        array[0] ^= 3
        return array

    rewritten(path, letters=swapped)
    with Store.open(path) as store:
        problems = store.verify().problems
    assert len(problems) == 1
    assert "holds other records than rows 0 to 2999 are" in problems[0]
    rewritten(path, letters=swapped, rows=lambda array: np.roll(array, 1))
    with Store.open(path) as store:
        assert "holds other hashes than its ids have" in store.verify().problems[0]


def test_bytes_by_part_add_up(path: Path) -> None:
    with Store.open(path) as store:
        records = store.sequences()
        assert store.extent() == {
            "sequences": records.data.nbytes,
            "ids": records.ids.data.nbytes,
            "labels": records.labels.data.nbytes,
            "vectors": 3000 * 16,
        }


def test_where_chunks_begin_is_read_anew_only_at_the_end(path: Path) -> None:
    from seqsearch.store import reading

    rng = np.random.default_rng(4)
    with Store.open(path) as reader, Store.open(path, write=True) as store:
        at = 10_000
        for _ in range(60):
            count = int(rng.choice([1, 2, 30, 500, 1024, 1500]))
            store.append(dna(numbered(at, at + count)), points(count))
            at += count
            reader.refresh()
            with reader._rows() as known:
                head = reading.read_head(known.transaction)
                fresh = reading.Directory.read(known.transaction, head, None)
                np.testing.assert_array_equal(known.directory.sequence_starts, fresh.sequence_starts)
                np.testing.assert_array_equal(known.directory.sizes, fresh.sizes)
                np.testing.assert_array_equal(known.directory.vector_starts, fresh.vector_starts)
                np.testing.assert_array_equal(known.directory.vector_sizes, fresh.vector_sizes)
