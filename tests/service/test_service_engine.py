"""The engine: what waits together is searched together, everybody gets their own answer, and nobody starves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.distances import Neighbours
from seqsearch.errors import ParameterError
from seqsearch.search import Answers
from seqsearch.sequences import Sequences
from seqsearch.service.engine import Engine, Turn
from seqsearch.service.hosted import Hosted
from seqsearch.service.problems import Problem
from seqsearch.service.questions import Search


@dataclass(frozen=True)
class Slow:
    """Answers each query with its length, and takes `seconds` for each; letters N are a mistake."""

    name: str = ""
    seconds: float = 0.0
    gate: threading.Event = field(default_factory=threading.Event, compare=False)
    first: int = 16

    def answer(self, parts: list[Sequences]) -> list[Answers]:
        self.gate.wait(10)
        if any("N" in text for part in parts for text in part.texts()):
            raise ParameterError("N is a mistake")
        time.sleep(self.seconds * sum(map(len, parts)))
        return [self._one(part) for part in parts]

    def _one(self, part: Sequences) -> Answers:
        found = Neighbours(np.zeros((len(part), 1), np.int64), part.lengths[:, None].astype(np.float64))
        return ss.Results(part.ids, part, found)


def some(*texts: str) -> Sequences:
    return ss.as_sequences(texts, "dna")


@pytest.fixture
def turns() -> list[Turn]:
    return []


@pytest.fixture
def engine(turns: list[Turn]) -> Iterator[Engine]:
    made = Engine(8, turns.append)
    yield made
    made.stop()


def lengths(answers: list[Answers]) -> list[float]:
    return [float(value) for answer in answers for value in answer.distances[:, 0]]


def test_what_waits_together_is_searched_together(engine: Engine, turns: list[Turn]) -> None:
    slow, other, busy = Slow(), Slow("other"), Slow("busy")
    slow.gate.set()
    other.gate.set()
    engine.submit(slow, some("A"), 10).result(5)
    engine.submit(busy, some("A"), 10)
    time.sleep(0.05)  # the engine waits at the gate
    parts = [some("A" * length, "C" * (length + 1)) for length in (2, 5, 7)]
    futures = [engine.submit(slow, part, 10) for part in parts]
    between = engine.submit(other, some("AAA"), 10)
    busy.gate.set()
    assert [lengths(future.result(5)) for future in futures] == [[2, 3], [5, 6], [7, 8]]
    assert lengths(between.result(5)) == [3]
    assert [turn.requests for turn in turns] == [1, 1, 3, 1]


def test_mistakes_are_told_to_those_who_made_them(engine: Engine) -> None:
    slow = Slow()
    engine.submit(slow, some("A"), 10)
    time.sleep(0.02)
    right, wrong, also = (engine.submit(slow, some(text), 10) for text in ("AA", "ANA", "AAAA"))
    slow.gate.set()
    assert (lengths(right.result(5)), lengths(also.result(5))) == ([2], [4])
    with pytest.raises(ParameterError, match="N is a mistake"):
        wrong.result(5)


def test_a_long_request_does_not_keep_short_ones_waiting(engine: Engine) -> None:
    long, short = Slow("long", 0.005), Slow("short")
    for each in (long, short):
        each.gate.set()
    everything = engine.submit(long, some(*["ACGT"] * 300), 60)
    time.sleep(0.1)
    start = time.perf_counter()
    assert lengths(engine.submit(short, some("AC"), 10).result(5)) == [2]
    assert time.perf_counter() - start < 0.6
    assert not everything.done()
    assert lengths(everything.result(20)) == [4] * 300


def test_too_many_are_sent_away_and_what_is_late_is_given_up(engine: Engine) -> None:
    slow, quick = Slow(), Slow("quick")
    quick.gate.set()
    engine.submit(slow, some("A"), 10)
    time.sleep(0.02)
    waiting = [engine.submit(quick, some("AA"), 10.0 if number < 2 else 0.0) for number in range(8)]
    with pytest.raises(Problem, match="8 requests wait already") as refused:
        engine.submit(quick, some("A"), 10)
    assert refused.value.status == 429
    assert int(refused.value.headers["Retry-After"]) >= 1
    later = engine.submit(quick, some("AAA"), 10, later=True)
    assert waiting[1].cancel()
    slow.gate.set()
    assert lengths(waiting[0].result(5)) == [2]
    for future in waiting[2:]:
        with pytest.raises(Problem, match="the time for this request is over"):
            future.result(5)
    assert lengths(later.result(5)) == [3]


def test_stopping_answers_what_waits(turns: list[Turn]) -> None:
    engine, slow = Engine(8, turns.append), Slow()
    futures = [engine.submit(slow, some("A" * length), 10) for length in (1, 2, 3)]
    threading.Timer(0.05, slow.gate.set).start()
    engine.stop()
    assert [lengths(future.result(0)) for future in futures] == [[1], [2], [3]]
    with pytest.raises(Problem, match="the service stops"):
        engine.submit(slow, some("A"), 10)


def test_too_many_hits_are_not_gathered() -> None:
    engine, slow = Engine(most=10), Slow()
    slow.gate.set()
    with pytest.raises(Problem, match="more than 10 hits"):
        engine.submit(slow, some(*["A"] * 40), 10).result(5)
    engine.stop()


@pytest.mark.parametrize("strand", ["plus", "both"])
@pytest.mark.parametrize("within", [None, 5.0])
def test_answers_together_are_those_alone(folders: dict[str, Path], within: float | None, strand: str) -> None:
    hosted = Hosted.open(folders["genes"])
    question = Search(hosted, k=3, within=within, strand=strand)  # type: ignore[arg-type]
    everything = hosted.index.sequences
    parts = [everything[:4], everything[50:51], everything[[7, 120, 33]]]
    together = question.answer(parts)
    for part, answer in zip(parts, together, strict=True):
        (alone,) = question.answer([part])
        assert answer.to_dicts() == alone.to_dicts()
        assert answer.to_dicts(["query", "cigar"]) == alone.to_dicts(["query", "cigar"])
        assert list(answer.queries) == list(part.ids)
        assert answer.warnings == alone.warnings
    hosted.close()


def test_what_is_said_of_all_is_not_said_of_each(folders: dict[str, Path]) -> None:
    hosted = Hosted.open(folders["genes"])
    usual, short = hosted.index.sequences[:1], ss.as_sequences(["ACGT", "ACGA"], "dna")
    own, others = Search(hosted).answer([usual, short])
    assert own.warnings == Search(hosted).answer([usual])[0].warnings == ()
    assert others.warnings == Search(hosted).answer([short])[0].warnings != ()
    hosted.close()
