from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.search import cache
from seqsearch.search.cache import CANDIDATES, IndexCache
from seqsearch.search.encoding import load_encoder
from seqsearch.sequences import Sequences
from seqsearch.store import Store
from tests.families import families


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "refs.ss"
    SequenceIndex.build(place, families(30, 10, 50), encoder="kmer", index="hnsw").close()
    return place


def snapshot_file(path: Path) -> Path:
    with Store.open(path) as store:
        return store.snapshot_file(CANDIDATES)


def origin(path: Path, queries: Sequences) -> tuple[str, np.ndarray]:
    with Store.open(path) as store:
        settings = store.document("settings")
        assert isinstance(settings, dict)
        how = IndexCache.load(store, load_encoder(store), settings).origin
    with SequenceIndex.open(path) as index:
        return how, index.search(queries, k=5, candidates=299).rows


def held_rows(index: SequenceIndex) -> list[int]:
    with index.state() as state:
        return state.proposals.rows().tolist()


def test_opening_loads_the_snapshot_and_replays_the_rest(path: Path) -> None:
    queries = families(5, 2, 50, seed=1)
    first, _ = origin(path, queries)
    assert first == "snapshot"
    with SequenceIndex.open(path) as index:
        index.add(families(1, 4, 50, seed=2, prefix="new"))
        index.remove(["s5", "s6"])
    assert origin(path, queries)[0] == "snapshot"
    with SequenceIndex.open(path) as index:
        assert held_rows(index) == [r for r in range(304) if r not in (5, 6)]


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove", "swap"])
def test_a_damaged_snapshot_is_built_again(path: Path, damage: str, tmp_path: Path) -> None:
    queries = families(5, 2, 50, seed=1)
    _, expected = origin(path, queries)
    file = snapshot_file(path)
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "truncate":
        del content[len(content) // 3 :]
    elif damage == "empty":
        content.clear()
    elif damage == "swap":
        other = tmp_path / "other.ss"
        SequenceIndex.build(other, families(30, 10, 50, seed=7), encoder="kmer", index="hnsw").close()
        content = bytearray(snapshot_file(other).read_bytes())
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(content)
    how, rows = origin(path, queries)
    assert how == "rebuilt"
    np.testing.assert_array_equal(rows, expected)


def test_a_long_tail_becomes_a_snapshot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "TAIL_LEAST", 10)
    with SequenceIndex.open(path) as index:
        before = snapshot_file(path)
        index.add(families(1, 8, 50, seed=2, prefix="few"))
        assert snapshot_file(path) == before
        index.add(families(1, 40, 50, seed=3, prefix="many"))
    assert snapshot_file(path) != before
    assert not before.exists()


def test_compacting_keeps_every_answer(path: Path) -> None:
    queries = families(5, 2, 50, seed=1)
    with SequenceIndex.open(path) as index, SequenceIndex.open(path) as reader:
        index.remove([f"s{i}" for i in range(0, 300, 3)])
        expected = [[(hit.id, hit.distance) for hit in hits] for hits in index.search(queries, k=5, exact=True)]
        index.compact()
        for opened in (index, reader):
            opened.refresh()
            found = opened.search(queries, k=5, candidates=199)
            assert [[(hit.id, hit.distance) for hit in hits] for hits in found] == expected
            assert opened.info()["deleted"] == 0
    assert origin(path, queries)[0] == "snapshot"


def test_update_replaces_in_one_step(path: Path) -> None:
    fresh = families(1, 3, 50, seed=4)
    with SequenceIndex.open(path) as index:
        index.update(fresh)
        assert len(index) == 300
        hits = index.search(fresh, k=1)
        assert [hits[i][0].distance for i in range(3)] == [0, 0, 0]
        assert hits[0][0].id in {"s0", "s1", "s2"}


def test_removing_more_than_a_fifth_compacts_by_itself(path: Path) -> None:
    queries = families(5, 2, 50, seed=1)
    with SequenceIndex.open(path) as index, SequenceIndex.open(path) as reader:
        reader.search(queries, k=1)
        index.remove([f"s{i}" for i in range(60)])
        assert index.info()["deleted"] == 60
        index.remove(["s60"])
        assert index.info()["deleted"] == 0
        reader.refresh()
        for opened in (index, reader):
            assert held_rows(opened) == list(range(239))
            assert opened.search(queries, k=3, candidates=238)[0][0].id not in {f"s{i}" for i in range(61)}


def test_a_snapshot_that_goes_while_it_is_loaded_is_built_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proved = Store.snapshot_file

    def proved_then_replaced(store: Store, name: str, **asked: bool) -> Path:
        file = proved(store, name, **asked)
        file.unlink()
        return file

    monkeypatch.setattr(Store, "snapshot_file", proved_then_replaced)
    assert origin(path, families(2, 2, 50, seed=1))[0] == "rebuilt"
