"""Encoders and kinds beside each other: what is measured is true, what fails says why, what wins is the fastest."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.evaluation import Sweep
from seqsearch.evaluation.comparing import LOSSLESS, Cell, Compared, Comparison, compare, exact_truth, held_out_queries
from seqsearch.progress import SILENT
from seqsearch.search import SweepRow
from seqsearch.sequences import Sequences
from tests.families import families


@pytest.fixture(scope="module")
def genes() -> tuple[Sequences, Sequences]:
    return held_out_queries(families(30, 10, 60, edits=6), seed=0)


@pytest.fixture(scope="module")
def compared(genes: tuple[Sequences, Sequences]) -> Compared:
    return compare(*genes, Comparison(encoders=("kmer", "linear"), kinds=("exact", "hamming"), seconds=1, recall=0.9))


def test_every_cell_is_measured_against_exact_truth(compared: Compared) -> None:
    assert [cell.name for cell in compared.cells] == [
        "kmer, exact",
        "kmer, hamming 128 bits",
        "linear, exact",
        "linear, hamming 128 bits",
    ]
    for cell in compared.cells:
        assert not cell.failed
        assert cell.build_s is not None
        assert cell.bytes is not None
        candidates = [row.candidates for row in cell.sweep]
        assert candidates == sorted(set(candidates))
        recalls = [row.recall for row in cell.sweep]
        assert all(later >= earlier for earlier, later in itertools.pairwise(recalls))
        assert all(row.recall == row.candidate_recall for row in cell.sweep)
    # the whole ladder verifies everything: recall 1, unless the time was over
    assert any(cell.sweep.rows[-1].recall == 1 for cell in compared.cells)


def test_what_was_trained_took_its_time_and_what_was_not_did_not(compared: Compared) -> None:
    seconds = {cell.encoder: cell.train_s for cell in compared.cells}
    assert seconds["kmer"] is not None
    assert seconds["linear"] is not None
    assert seconds["kmer"] < 0.1 < seconds["linear"]


def test_rows_name_their_cell_and_end_with_the_lossless_search(compared: Compared) -> None:
    rows = compared.rows()
    assert sum(len(cell.sweep) for cell in compared.cells) == len(rows) - 1
    assert rows[-1]["series"] == LOSSLESS
    assert rows[-1]["recall"] == 1
    assert {"encoder", "index", "bits", "candidates", "ef", "recall", "qps", "p50_ms", "train_s", "build_s"} <= set(
        rows[0]
    )


def test_the_truth_is_that_of_the_distance(genes: tuple[Sequences, Sequences]) -> None:
    stored, queries = genes
    some, truth, qps = exact_truth(stored, queries, Comparison(k=3), SILENT)
    expected = np.sort(EditDistance().matrix(some, stored), axis=1)[:, :3]
    np.testing.assert_array_equal(truth.distances, expected)
    assert len(some) == len(queries)
    assert qps > 0


def test_fewer_queries_where_the_time_is_short(genes: tuple[Sequences, Sequences]) -> None:
    stored, _ = genes
    some, truth, _ = exact_truth(stored, stored, Comparison(seconds=1e-9), SILENT)
    assert len(some) == len(truth) == 20


def row(candidates: int, recall: float, qps: float) -> SweepRow:
    return SweepRow(candidates, None, recall, recall, qps, 1.0, 2.0)


def made(*sweeps: list[SweepRow], recall: float = 0.9) -> Compared:
    cells = [Cell(f"e{i}", "exact", sweep=Sweep(rows)) for i, rows in enumerate(sweeps)]
    return Compared(Comparison(recall=recall), cells, 100, 10, 50.0)


def test_the_fastest_that_reaches_it_wins() -> None:
    best = made([row(10, 0.8, 900), row(20, 0.95, 500)], [row(10, 0.85, 800), row(20, 0.91, 600)]).best()
    assert best is not None
    assert (best[0].encoder, best[1].qps) == ("e1", 600)


def test_none_wins_where_none_reaches_it() -> None:
    short = made([row(10, 0.8, 900)], recall=0.99)
    assert short.best() is None
    assert [line[""] for line in short.summary()] == ["does not reach it", ""]
    assert short.summary()[0]["recall"] == "0.8000"


def test_a_cell_that_fails_says_why_and_the_others_go_on(genes: tuple[Sequences, Sequences]) -> None:
    stored, queries = genes
    done = compare(stored[:25], queries, Comparison(encoders=("linear", "kmer"), kinds=("exact",), seconds=1))
    assert "25 sequences are too few to train on" in done.cells[0].failed
    assert not len(done.cells[0].sweep)
    assert len(done.cells[1].sweep)
    assert done.rows()[0]["failed"] == done.summary()[0][""] == done.cells[0].failed


def test_a_graph_that_would_take_too_long_is_not_begun() -> None:
    genes = families(210, 10, 40)
    done = compare(genes, genes[:20], Comparison(encoders=("kmer",), kinds=("hnsw", "exact"), seconds=1e-3))
    assert "a graph of 1,024 dimensions would take about" in done.cells[0].failed
    assert len(done.cells[1].sweep) == 1  # the time was over after the first budget


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoders": ("nothing",)}, "no encoder 'nothing'"),
        ({"kinds": ("tree",)}, "no index kind 'tree'"),
        ({"kinds": ("auto",)}, "the kinds to compare are some of hnsw, exact, hamming"),
        ({"recall": 1.5}, "recall must be above 0 and at most 1, not 1.5"),
        ({"seconds": 0}, "seconds must be above 0, not 0"),
        ({"k": 0}, "k must be at least 1, not 0"),
        ({"effort": "huge"}, "effort must be low, normal or high, not 'huge'"),
        ({"distance": "hamming"}, "no distance 'hamming'"),
        ({"distance_parameters": {"window": 1}}, "distance edit"),
    ],
)
def test_wrong_options_are_said_before_any_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Comparison(**options)  # type: ignore[arg-type]


def test_data_that_do_not_fit_are_said(genes: tuple[Sequences, Sequences]) -> None:
    stored, queries = genes
    series = Sequences.from_arrays(np.zeros((30, 5), np.float32))
    with pytest.raises(MismatchError, match="tokens cannot be compared with series"):
        compare(stored, series, Comparison())
    with pytest.raises(MismatchError, match="the edit distance compares tokens, the data are series"):
        compare(series, series, Comparison())
    with pytest.raises(ParameterError, match="500 neighbours of 280 sequences cannot be found"):
        compare(stored, queries, Comparison(k=500))
    with pytest.raises(ParameterError, match="reads series, not tokens"):
        compare(stored, queries, Comparison(encoders=("curve",)))


def test_held_out_queries_are_never_stored() -> None:
    everything = families(30, 10, 40)
    stored, queries = held_out_queries(everything, seed=1)
    assert len(queries) == 20
    assert sorted([*stored.ids, *queries.ids]) == sorted(everything.ids)
    with pytest.raises(ParameterError, match="50 sequences are too few to keep 20 as queries: give some"):
        held_out_queries(everything[:50], seed=1)
