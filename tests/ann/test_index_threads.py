"""Many threads on one index: alone they find what one thread finds, beside changes each answer is that of one state."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest
from test_contract import CASES, Case

from seqsearch.ann import CANDIDATE_INDEXES, Candidates, make_index
from seqsearch.errors import ForkError

some = pytest.mark.parametrize(
    "case", [case for case in CASES if case.geometry in ("cosine", "hyperbolic") or case.bits in (16, 64)], ids=str
)
ROWS = np.arange(4000)
PART = np.arange(1000)  # rows that come and go


def together(work: Callable[[], None], change: Callable[[], None]) -> None:
    """Run `work` again and again in four threads until `change` is done; what goes wrong in any of them is raised."""
    errors: list[BaseException] = []
    stop = threading.Event()

    def keep_working() -> None:
        try:
            work()
            while not stop.is_set():
                work()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=keep_working) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        change()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    if errors:
        raise errors[0]


def equal(one: Candidates, other: Candidates) -> bool:
    return np.array_equal(one.rows, other.rows) and np.array_equal(one.distances, other.distances)


@some
def test_four_threads_find_what_one_finds(case: Case) -> None:
    index, queries = case.make(), case.data(60, seed=1)
    index.add(ROWS, case.data(4000))
    allowed = np.random.default_rng(0).random(4000) < 0.4
    asked = [(count, mask) for count in (1, 10, 300) for mask in (None, allowed)]
    alone = [index.search(queries, count, allowed=mask) for count, mask in asked]

    def work() -> None:
        for (count, mask), expected in zip(asked, alone, strict=True):
            assert equal(index.search(queries, count, allowed=mask), expected)

    together(work, lambda: [work() for _ in range(3)] and None)


@some
def test_beside_changes_each_answer_is_that_of_one_state(case: Case) -> None:
    items, queries = case.data(4000), case.data(20, seed=1)
    index = case.make()
    index.add(ROWS[1000:], items[1000:])
    allowed = np.random.default_rng(0).random(4000) < 0.4

    def answers() -> list[Candidates]:
        return [index.search(queries, 20), index.search(queries, 20, allowed=allowed), index.search(queries, 3000)]

    without = answers()
    index.add(PART, items[:1000])
    states = [without, answers()]
    index.remove(PART)

    def work() -> None:
        for which, found in enumerate(answers()):
            if not CANDIDATE_INDEXES[case.kind].takes_effort:  # what had rows and lost them may find others than before
                assert any(equal(found, state[which]) for state in states)
            came = (found.rows < 1000) & (found.rows >= 0)
            nearer = states[1][which].rows < 1000
            assert not came.any() or came.sum() >= 0.9 * nearer.sum()

    def change() -> None:
        for _ in range(8):
            index.add(PART, items[:1000])
            index.remove(PART)

    together(work, change)


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_a_child_forked_beside_a_change_does_not_wait_for_it(kind: str) -> None:
    index = make_index(kind, geometry="euclidean", dim=8)
    items = Case(kind, "euclidean").data(20_000)
    index.add(np.arange(100), items[:100])
    adding = threading.Thread(target=lambda: index.add(np.arange(100, 20_000), items[100:]))
    adding.start()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            index.rows()
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    adding.join()
    assert len(index) == 20_000


def test_a_child_forked_after_lists_were_searched_is_told() -> None:
    case = Case("ivf", "euclidean", taught=True)
    index = case.make()
    index.add(np.arange(500), case.data(500))
    index.search(case.data(3), 5)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        told = False
        try:
            index.search(case.data(3), 5)
        except ForkError as error:
            told = 'start processes by "spawn"' in str(error)
        finally:
            os._exit(0 if told else 1)
    assert os.waitpid(child, 0)[1] == 0
