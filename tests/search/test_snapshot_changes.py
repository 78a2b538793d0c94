"""Snapshots of what changed: written at logarithmic cost, read in order, done without where one does not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, ann, mapped
from seqsearch.ann.exact import ExactIndex
from seqsearch.arrays import AnyArray, IntArray
from seqsearch.errors import StorageFullError, StrPath
from seqsearch.search import cache
from seqsearch.store import Store, targets
from tests.families import families

NONE: IntArray = np.zeros(0, np.int64)


class Kept(ExactIndex):
    """An exact index that writes down what changes; as long as `able`."""

    kind = "toy-kept"
    has_snapshot = True
    keeps_changes = True
    able = True

    def __init__(self, *, geometry: str, dim: int) -> None:
        super().__init__(geometry=geometry, dim=dim)
        self._journal: list[tuple[IntArray, AnyArray]] = []

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        super().add(rows, vectors)
        self._journal.append((rows, np.array(vectors)))

    def remove(self, rows: IntArray) -> None:
        super().remove(rows)
        self._journal.append((-1 - rows, np.zeros((len(rows), self.dim), np.float32)))

    def save(self, path: StrPath) -> None:
        super().save(path)
        self._journal = []

    @classmethod
    def load(cls, path: StrPath) -> Kept:
        index = super().load(path)
        assert isinstance(index, Kept)
        index._journal = []
        return index

    def save_changes(self, path: StrPath) -> bool:
        if not self.able:
            return False
        rows = np.concatenate([NONE, *(rows for rows, _ in self._journal)])
        vectors = np.concatenate([np.zeros((0, self.dim), np.float32), *(found for _, found in self._journal)])
        self._journal = []
        mapped.write(path, "toy-changes", {}, {"rows": rows, "vectors": vectors})
        return True

    def apply_changes(self, path: StrPath) -> None:
        _, arrays = mapped.read(path, "toy-changes")
        for row, vector in zip(arrays["rows"], arrays["vectors"], strict=True):
            if row >= 0:
                super().add(np.array([row]), vector[None])
            else:
                super().remove(np.array([-1 - row]))


ann.register(Kept)
QUERIES = families(5, 2, 50, seed=1)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "TAIL_LEAST", 5)
    monkeypatch.setattr(cache, "CHANGES_SHARE", 0.0)
    monkeypatch.setattr(targets, "SMALL", 0)
    place = tmp_path / "refs.ss"
    SequenceIndex.build(place, families(30, 10, 50), encoder="kmer", index="toy-kept").close()
    return place


def names(path: Path) -> list[str]:
    with Store.open(path) as store:
        return sorted(record.name for record in store.snapshots())


def origin(path: Path) -> str:
    with SequenceIndex.open(path) as index, index.state():
        assert index._handle._cache is not None
        return index._handle._cache.origin


def require_answers(path: Path) -> None:
    """What an index that is opened anew answers is what exhaustive comparison says; and it holds the live rows."""
    with SequenceIndex.open(path) as index, index.state() as state:
        np.testing.assert_array_equal(state.proposals.rows(), np.flatnonzero(state.live))
        found = index.search(QUERIES, k=5, candidates=len(index))
        truth = index.search(QUERIES, k=5, exact=True)
        np.testing.assert_array_equal(found.rows, truth.rows)
        np.testing.assert_array_equal(found.distances, truth.distances)
        hits = [[hit.id for hit in hits] for hits in found]
        assert hits == [[state.targets.ids[row] for row in rows] for rows in found.rows.tolist()]


def grow(path: Path, number: int, each: int = 10) -> None:
    with SequenceIndex.open(path) as index:
        index.add(families(1, each, 50, seed=100 + number, prefix=f"n{number}-"))


def test_changes_follow_the_whole_and_are_merged_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(path) == ["candidates", "sequences"]
    for number in range(3):
        grow(path, number)
        assert names(path)[: number + 2] == ["candidates", *(f"candidates-{n + 1}" for n in range(number + 1))]
        assert origin(path) == "snapshot"
        require_answers(path)
    with SequenceIndex.open(path) as index:
        index.remove([f"n0-{i}" for i in range(4)] + ["s5", "s7", "s8"])
    require_answers(path)
    assert "candidates-4" in names(path)
    monkeypatch.setattr(cache, "MOST_CHANGES", 4)
    grow(path, 7)
    assert [name for name in names(path) if name.startswith("c")] == ["candidates"]
    require_answers(path)
    with SequenceIndex.open(path) as index:
        index.compact()
    assert names(path) == ["candidates", "sequences"]
    require_answers(path)


def test_large_changes_are_merged(path: Path) -> None:
    grow(path, 0, 100)
    assert "candidates-1" in names(path)
    grow(path, 1, 100)
    grow(path, 2, 10)
    assert [name for name in names(path) if name.startswith("c")] == ["candidates"]
    require_answers(path)


def test_a_kind_that_cannot_just_now_saves_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(path, 0)
    monkeypatch.setattr(Kept, "able", False)
    grow(path, 1)
    assert [name for name in names(path) if name.startswith("c")] == ["candidates"]
    require_answers(path)


@pytest.mark.parametrize("which", ["candidates", "candidates-1", "candidates-2", "candidates-3"])
def test_a_damaged_file_is_done_without_and_mended(path: Path, which: str) -> None:
    for number in range(3):
        grow(path, number)
    with Store.open(path) as store:
        file = store.snapshot_file(which)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert origin(path) == ("rebuilt" if which == "candidates" else "snapshot")
    require_answers(path)
    grow(path, 9)
    with Store.open(path) as store:
        assert store.verify().ok
    assert origin(path) == "snapshot"
    require_answers(path)


def test_two_handles_that_save_in_turn(path: Path) -> None:
    with SequenceIndex.open(path) as one, SequenceIndex.open(path) as other:
        for number in range(4):
            index = (one, other)[number % 2]
            index.search(QUERIES, k=1)
            index.add(families(1, 8, 50, seed=200 + number, prefix=f"t{number}-"))
            require_answers(path)
            assert origin(path) == "snapshot"


def test_what_could_not_be_written_is_written_as_a_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SequenceIndex.open(path) as index:
        index.search(QUERIES, k=1)
        saved = Kept.save_changes

        def full(held: Kept, place: StrPath) -> bool:
            saved(held, place)
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Kept, "save_changes", full)
            with pytest.raises(StorageFullError, match="no space left"):
                index.add(families(1, 10, 50, seed=300, prefix="full"))
        require_answers(path)
        assert "candidates-1" not in names(path)
        index.add(families(1, 10, 50, seed=301, prefix="later"))
    assert [name for name in names(path) if name.startswith("c")] == ["candidates"]
    require_answers(path)


def test_an_index_of_before_gains_its_files_at_the_next_write(path: Path) -> None:
    with Store.open(path, write=True) as store:
        key = "sequences"
        from seqsearch.store.snapshots import snapshot_key

        store._commit(lambda commit: commit.remove(snapshot_key(key)))
        store._collect_snapshots()
    before = {file.name: file.stat().st_mtime_ns for file in path.iterdir()}
    require_answers(path)
    assert names(path) == ["candidates"]
    assert {file.name for file in path.iterdir()} == set(before)
    with SequenceIndex.open(path) as index:
        index.add(families(1, 1, 50, seed=5, prefix="one"))
    assert "sequences" in names(path)
    require_answers(path)
