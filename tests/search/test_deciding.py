"""What is built where nobody says how much to learn, how long it may take, and when a calibration is stale."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from seqsearch.distances import DTWDistance, EditDistance, Neighbours
from seqsearch.errors import ParameterError
from seqsearch.evaluation.comparing import Comparison, compare
from seqsearch.learning.deadline import NEVER, Deadline
from seqsearch.learning.tuning import tune
from seqsearch.progress import Silent
from seqsearch.search import SequenceIndex
from seqsearch.search.deciding import Decision, Estimate, _drawing_near, decided
from seqsearch.sequences import PROTEIN, Sequences
from tests.families import families

STORED = families(50, 8, 60)


class Noting(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_the_cheapest_in_all_is_chosen_by_the_number_of_queries() -> None:
    estimates = {"exact": Estimate(0, 1e-2), "none": Estimate(10, 1e-3), "normal": Estimate(60, 1e-4)}
    chosen = [Decision("", count, estimates).cheapest for count in (0, 1000, 2000, 50_000, 60_000)]
    assert chosen == ["exact", "exact", "none", "none", "normal"]


def test_equal_data_give_equal_decisions_and_more_queries_learn_more() -> None:
    stored = families(25, 16, 60)
    few, again, many = (decided(stored, 100_000, EditDistance(), count) for count in (10, 10, 10**10))
    assert few == again
    assert (few.learn, few.cheapest, many.learn) == ("none", "exact", "normal")
    assert decided(stored, 100_000, EditDistance(), 10**10, seconds=1.0).learn == "none"
    assert "for 10 queries nothing is learned (lossless search no build + " in str(few)
    series = Sequences.from_arrays(np.random.default_rng(0).standard_normal((40, 20)).astype(np.float32))
    assert set(decided(series, 40, DTWDistance(), 1).estimates) == {"exact", "none", "normal"}


def test_a_small_index_is_built_without_training_and_says_so(tmp_path: Path) -> None:
    told = Noting()
    with SequenceIndex.build(tmp_path / "a.ss", STORED, expect_queries=500, progress=told) as index:
        facts = index.info()
        assert facts["encoder"] == "components"
        assert (facts["built_for"]["queries"], facts["built_for"]["learn"]) == (500, "none")
        assert [note for note in told.notes if note.startswith("for 500 queries nothing is learned")]
    with SequenceIndex.build(tmp_path / "b.ss", STORED, encoder="kmer") as index:
        assert "built_for" not in index.info()


def test_time_at_most_ends_training_and_the_index_is_whole(tmp_path: Path) -> None:
    start = time.monotonic()
    with SequenceIndex.build(tmp_path / "a.ss", STORED, learn="high", max_time=1.0) as index:
        assert time.monotonic() - start < 60
        assert index.info()["encoder"] == "projection"
        assert index.model.training["log"][-1]["step"] < index.model.training["plan"]["steps"]
        assert index.calibration.queries > 0
        assert not index.verify(sample=10).problems


def test_adding_tells_once_that_the_calibration_is_stale(tmp_path: Path) -> None:
    more = families(20, 8, 60, seed=5, prefix="m")
    with SequenceIndex.build(tmp_path / "a.ss", STORED, encoder="kmer") as index:
        told = [Noting() for _ in range(3)]
        for start, progress in zip((0, 60, 120), told, strict=True):
            index.add(more[start : start + 40], progress=progress)
        assert [len([n for n in each.notes if "may be lower" in n]) for each in told] == [0, 0, 1]
        assert (
            f"520 sequences now, the recall was measured among 400 and may be lower: seqsearch calibrate {index.path}"
            in told[2].notes[-1]
        )


def test_a_deadline() -> None:
    assert (NEVER.left, NEVER.is_over) == (0.0, False)
    assert Deadline(100.0).left > 90
    assert Deadline(1.0, time.monotonic() - 5).is_over
    assert Deadline(1.0, time.monotonic() - 5).left > 0


def test_bench_and_tune_end_in_time() -> None:
    asked = Comparison(("kmer", "linear"), ("exact",), max_time=1e-6)
    compared = compare(STORED[:300], STORED[300:320], asked)
    assert {cell.failed for cell in compared.cells} == {"not measured: the time is over"}
    with pytest.raises(ParameterError, match="max_time must be above 0 seconds, not 0"):
        Comparison(max_time=0)
    with pytest.raises(ParameterError, match="max_time must be above 0 seconds, not -1"):
        tune(STORED, EditDistance(), trials=1, max_time=-1)


def test_nothing_is_learned_of_sequences_that_are_near_nothing() -> None:
    rng = np.random.default_rng(0)
    strangers = Sequences.from_texts(
        ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 80)) for _ in range(600)], PROTEIN
    )
    assert decided(strangers, 10_000, EditDistance(), 10**10).learn == "none"


def test_neighbours_draw_near_as_sequences_get_more() -> None:
    distances = np.tile(np.arange(41.0), (5, 1))
    deep = Neighbours(np.zeros(distances.shape, np.int64), distances)
    assert _drawing_near(deep, 1) == 1
    assert _drawing_near(deep, 4) == pytest.approx(10 / 40)
    assert _drawing_near(Neighbours(deep.rows, np.full(distances.shape, 3.0)), 100) == 1
