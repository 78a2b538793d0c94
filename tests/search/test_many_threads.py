"""One handle, many threads: every search answers from one committed state (trials E1, E2)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.distances import EditDistance
from seqsearch.errors import IndexClosedError, ParameterError
from seqsearch.search.locking import SharedLock
from seqsearch.sequences import DNA, Sequences
from tests.families import families

STORED = families(40, 10, 40)
FRESH = families(10, 6, 40, seed=5, prefix="new")
ASKED = families(40, 1, 40, seed=3, prefix="q")


class Checker:
    """Knows the sequence of every id that was ever stored, so that any answer can be checked by itself."""

    def __init__(self) -> None:
        self.texts = {s.id: s for part in (STORED, FRESH) for s in part}
        self.distance = EditDistance()

    def wrong(self, queries: Sequences, answers: object) -> int:
        """Hits whose distance is not that of the sequence their id names."""
        count = 0
        for query, hits in zip(queries, answers, strict=True):  # type: ignore[call-overload]
            named = Sequences.from_arrays([self.texts[hit.id].data for hit in hits], DNA)
            exact = self.distance.matrix(Sequences.from_arrays([query.data], DNA), named)[0]
            count += int((exact != [hit.distance for hit in hits]).sum())
        return count


@pytest.mark.parametrize(("kind", "bits"), [("hnsw", None), ("exact", None), ("hamming", 64), ("hamming", 16)])
def test_searches_beside_changes_are_right(kind: str, bits: int | None, tmp_path: Path) -> None:
    index = SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index=kind, bits=bits)
    checker, wrong, failures, done = Checker(), [0], list[str](), threading.Event()
    counts = [0]

    def searching(number: int) -> None:
        rng = random.Random(number)
        while not done.is_set():
            some = ASKED[sorted(rng.sample(range(40), 5))]
            ask: Callable[[], object] = rng.choice(
                [
                    lambda: index.search(some, 5, candidates=30),  # noqa: B023
                    lambda: index.search(some, 5, exact=True),  # noqa: B023
                    lambda: index.within(some, 6),  # noqa: B023
                    lambda: index.search(some, 5, candidates=20, where={"label": ""}),  # noqa: B023
                ]
            )
            try:
                wrong[0] += checker.wrong(some, ask())
                verdicts = index.novelty(some, sample=20)
                assert set(verdicts.nearest) <= checker.texts.keys()
                counts[0] += 1
            except Exception as error:
                failures.append(repr(error))
                raise

    threads = [threading.Thread(target=searching, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    rng = random.Random(9)
    try:
        for step in range(8):
            index.add(FRESH[step * 6 : step * 6 + 6])
            gone = rng.sample(list(index.sequences.ids), 6)
            index.remove(gone)
            index.update(index.sequences[:1])
            if step % 3 == 1:
                index.compact()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert (wrong[0], failures) == (0, [])
    assert counts[0] > 3
    assert index.verify().problems == []
    index.close()


def test_each_answer_is_that_of_some_commit(tmp_path: Path) -> None:
    """Two sets of sequences take turns in one update each: no search may ever see some of both."""
    first = Sequences.from_texts(["ACGTACGTAC" + "A" * i for i in range(8)], DNA, [f"s{i}" for i in range(8)])
    second = Sequences.from_texts(["ACGTACGTAC" + "G" * i + "TT" for i in range(8)], DNA, [f"s{i}" for i in range(8)])
    others = families(20, 5, 40, prefix="o")
    everything = Sequences.concatenate([first, others])
    index = SequenceIndex.build(tmp_path / "i.ss", everything, encoder="kmer", index="exact")
    query = Sequences.from_texts(["ACGTACGTAC"], DNA)
    wanted = []
    for which in (first, second):
        index.update(which)
        wanted.append(sorted((hit.id, hit.distance) for hit in index.search(query, 8, exact=True)[0]))
    seen, done = list[list[tuple[str, float]]](), threading.Event()

    def searching() -> None:
        exact = False
        while not done.is_set():
            exact = not exact
            found = index.search(query, 8, exact=True) if exact else index.search(query, 8, candidates=60)
            seen.append(sorted((hit.id, hit.distance) for hit in found[0]))

    threads = [threading.Thread(target=searching) for _ in range(3)]
    for thread in threads:
        thread.start()
    for step in range(12):
        index.update((first, second)[step % 2])
    done.set()
    for thread in threads:
        thread.join()
    assert len(seen) > 10
    assert all(answer in wanted for answer in seen)


def test_closing_waits_for_searches_and_then_says_so(tmp_path: Path) -> None:
    index = SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index="hnsw")
    outcomes = list[str]()

    def searching() -> None:
        try:
            while True:
                assert len(index.search(ASKED, 5, exact=True)) == 40
        except IndexClosedError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=searching) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    index.close()
    for thread in threads:
        thread.join(20)
    assert outcomes == [f"{index.path}: the index is closed"] * 3
    index.close()
    for question in (
        lambda: len(index),
        lambda: index.search(ASKED),
        lambda: index.add(FRESH),
        lambda: index.refresh(),
        lambda: index.info(),
        lambda: index.within(ASKED, 1),
        lambda: index.calibration,
        lambda: "s1" in index,
        lambda: index.compact(),
        lambda: index.novelty(ASKED),
    ):
        with pytest.raises(IndexClosedError, match="the index is closed"):
            question()


def test_several_questions_of_one_state(tmp_path: Path) -> None:
    index = SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index="exact")
    changed = threading.Event()

    def changing() -> None:
        index.remove(["s0"])
        changed.set()

    thread = threading.Thread(target=changing)
    with index.state() as state:
        before = len(state)
        thread.start()
        assert not changed.wait(0.3), "a change waits for the end of the block"
        assert len(state) == before
        assert len(index.search(ASKED[:1], 400)[0]) == before, "searches go on meanwhile"
        with pytest.raises(ParameterError, match="nothing can be changed while this thread holds its state"):
            index.add(FRESH)
    thread.join(20)
    assert len(index) == before - 1
    assert not index.holds(FRESH.ids).any(), "what was refused changed nothing"
    index.close()


def test_writers_of_one_handle_take_turns(tmp_path: Path) -> None:
    index = SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index="exact")
    parts = [FRESH[at : at + 6] for at in range(0, 60, 6)]
    threads = [threading.Thread(target=index.add, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(index) == 460
    assert index.holds(FRESH.ids).all()
    index.close()


def test_whoever_waits_to_be_alone_goes_before_new_sharers() -> None:
    lock, order = SharedLock(), list[str]()
    inside, waiting = threading.Event(), threading.Event()

    def alone() -> None:
        waiting.set()
        with lock.exclusive():
            order.append("alone")

    def sharer() -> None:
        with lock.shared():
            order.append("late sharer")

    def first() -> None:
        with lock.shared(), lock.shared():
            inside.set()
            waiting.wait(10)
            time.sleep(0.1)
            late.start()
            time.sleep(0.1)
            order.append("first")

    late, one, two = (threading.Thread(target=target) for target in (sharer, first, alone))
    one.start()
    inside.wait(10)
    two.start()
    for thread in (one, two):
        thread.join(10)
    late.join(10)
    assert order == ["first", "alone", "late sharer"]
    with lock.shared(), pytest.raises(RuntimeError, match="cannot change what it searches"), lock.exclusive():
        pass
    with lock.exclusive():
        pass


def test_the_rows_of_an_answer_stay_what_they_named(tmp_path: Path) -> None:
    index = SequenceIndex.build(tmp_path / "i.ss", STORED, encoder="kmer", index="exact")
    found = index.search(ASKED, 3)
    ids = [[hit.id for hit in hits] for hits in found]
    distances = [path.edits for path in found.align(ASKED)]
    index.remove([f"s{i}" for i in range(0, 400, 2)])  # compacts: rows are numbered anew
    assert [[hit.id for hit in hits] for hits in found] == ids
    assert [path.edits for path in found.align(ASKED)] == distances == found.table().distances.tolist()
    assert np.isfinite(found.distances).all()
    index.close()
