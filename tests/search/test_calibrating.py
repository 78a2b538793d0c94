from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.distances import EditDistance, recall_at
from seqsearch.errors import EmptyInputError, MismatchError, ParameterError
from seqsearch.progress import SILENT
from seqsearch.search.calibrating import exact_others, exact_search_cost, propose_others
from seqsearch.search.calibration import Budget
from seqsearch.search.engine import Engine
from seqsearch.sequences import DNA, PROTEIN, Sequences
from seqsearch.store import Store
from tests.families import families


@pytest.fixture(params=["exact", "hnsw"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> SequenceIndex:
    return SequenceIndex.build(tmp_path / "i.ss", families(30, 10, 50), encoder="kmer", index=request.param)


def test_members_are_never_their_own_neighbours(index: SequenceIndex) -> None:
    index.remove(["s5", "s17"])
    engine, live = index.engine(), np.ones(300, np.bool_)
    live[[5, 17]] = False
    own = np.array([0, 4, 100, 299])
    queries = engine.targets[own]
    truth = exact_others(engine, queries, 6, live, own, SILENT)
    matrix = EditDistance().matrix(queries, engine.targets)
    for q, row in enumerate(own.tolist()):
        allowed = [r for r in np.lexsort((np.arange(300), matrix[q])).tolist() if live[r] and r != row]
        assert truth.rows[q].tolist() == allowed[:6]
    proposed = propose_others(engine, engine.model.vectors(queries), Budget(20, 40), own).rows
    assert proposed.shape == (4, 20)
    assert not (proposed == own[:, None]).any()


def test_a_member_among_many_copies_loses_one_column_only(tmp_path: Path) -> None:
    copies = Sequences.from_texts(["ACGTACGTAC"] * 60, DNA, [f"c{i}" for i in range(60)])
    with SequenceIndex.build(tmp_path / "c.ss", copies, encoder="kmer", index="exact") as index:
        engine = index.engine()
        own = np.array([59])
        found = exact_others(engine, copies[own], 5, np.ones(60, np.bool_), own, SILENT)
        assert found.rows.tolist() == [[0, 1, 2, 3, 4]]  # ties by row: its own was not even among the first six


def test_the_stored_curve_is_what_a_plain_loop_measures(index: SequenceIndex) -> None:
    measured = index.calibrate(sample=25, seed=3)
    assert index.calibration == measured
    assert (measured.queries, measured.size) == (25, 300)
    engine = index.engine()
    own = np.sort(np.random.default_rng(3).choice(300, 25, replace=False))
    matrix = EditDistance().matrix(engine.targets[own], engine.targets)
    matrix[np.arange(25), own] = np.inf
    truth = np.sort(matrix, axis=1)[:, :10]
    for point in measured.points:
        if point.k != 10 or point.ef is not None or point.doubt is not None:
            continue
        rows = engine.propose(engine.model.vectors(engine.targets[own]), Budget(point.candidates + 1)).rows
        found = np.full((25, 10), np.inf)
        for q in range(25):
            others = [row for row in rows[q].tolist() if row >= 0 and row != own[q]][: point.candidates]
            best = np.sort(matrix[q, others])[:10]
            found[q, : len(best)] = best
        assert point.recall == pytest.approx(recall_at(found, truth, 10).mean(), abs=1e-6)
    assert [point for point in measured.points if point.doubt is None][-1].recall == 1


def test_calibrate_on_given_queries_and_a_new_target(index: SequenceIndex) -> None:
    asked = families(30, 2, 50, seed=9)
    measured = index.calibrate(asked, recall=0.8)
    assert (measured.queries, measured.target) == (60, 0.8)
    assert "recall 0.8" in index.budget(10)[1]
    with pytest.raises(MismatchError, match="dna"):
        index.calibrate(Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(ParameterError, match="recall must be above 0"):
        index.calibrate(asked, recall=0.0)
    assert index.calibration == measured


def test_one_sequence_has_nothing_to_measure(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "one.ss", Sequences.from_texts(["ACGT"], DNA)) as index:
        assert index.calibrate().points == ()
        assert "too little data" in index.budget(1)[1]
        assert index.verify().ok


def test_verify_sees_a_candidate_index_that_lost_or_gained_rows(index: SequenceIndex) -> None:
    index.remove(["s9"])
    assert index.verify(sample=50).problems == []
    index.engine().candidates.remove(np.array([3, 4]))
    index.engine().candidates.add(np.array([9]), index.model.vectors(families(30, 10, 50)[9:10]))
    problems = index.verify(sample=50).problems
    assert "the candidate index lacks 2 live rows, 's3' first" in problems
    assert "the candidate index holds 1 rows that are not live" in problems


def test_verify_sees_vectors_that_the_model_does_not_make(index: SequenceIndex) -> None:
    some = index.sequences[40:60]
    with Store.open(index.path, write=True) as writer:
        writer.update(some, 2 * index.model.vectors(some))
    index.refresh()
    assert index.verify(sample=300).problems == ["the model makes other vectors of 20 of 300 stored sequences"]


def test_build_measures_the_recall_on_given_queries(tmp_path: Path) -> None:
    stored, asked = families(20, 10, 50), families(20, 2, 50, seed=9)
    with SequenceIndex.build(tmp_path / "q.ss", stored, encoder="kmer", queries=asked) as index:
        assert index.calibration.queries == 40
        assert index.calibration.size == 200
    with pytest.raises(MismatchError, match="the queries are protein, the stored sequences dna"):
        SequenceIndex.build(tmp_path / "x.ss", stored, queries=Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(EmptyInputError, match="no query"):
        SequenceIndex.build(tmp_path / "x.ss", stored, queries=stored[:0])
    assert not (tmp_path / "x.ss").exists()


def test_a_search_says_when_its_queries_are_not_like_those_measured(tmp_path: Path) -> None:
    everything = families(60, 12, 50)
    is_asked = np.arange(len(everything)) % 12 < 2
    with SequenceIndex.build(tmp_path / "s.ss", everything[~is_asked], encoder="kmer", index="exact") as index:
        alike = index.search(everything[is_asked], 5, candidates=50)
        strange = index.search(families(60, 2, 50, seed=77), 5, candidates=50)
        assert "may be lower" not in alike.budget
        assert "calibrate with queries like these" in strange.budget


@pytest.mark.parametrize(("stored", "length", "least"), [(70_000, 150, 3_000), (98_000, 1_400, 100_000)])
def test_comparing_with_a_large_set_costs_thousands_of_candidates(stored: int, length: int, least: int) -> None:
    engine = cast("Engine", SimpleNamespace(distance=EditDistance()))
    queries = Sequences.from_texts(["A" * length] * 3, DNA)
    cost = exact_search_cost(engine, queries, stored, 1.0)
    assert least < cost < 20 * least
    assert exact_search_cost(engine, queries, 10 * stored, 1.0) == pytest.approx(10 * cost)
