"""The benchmark harness: what it feeds peers is what it says, and what it scores is true."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from seqsearch.sequences import PROTEIN, TEXT, Sequences
from tests.families import families

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from harness import datasets, kmers, measuring, pictures, programs, reads, tasks, texts  # noqa: E402


@pytest.fixture
def task(tmp_path: Path) -> tasks.SequenceTask:
    genes = families(12, 10, 60, edits=5)
    return tasks.SequenceTask.prepare(tmp_path / "task", datasets.DataSet("small", genes[20:], genes[:20]))


def test_a_task_on_disk_is_the_task(task: tasks.SequenceTask) -> None:
    again = tasks.opened(task.folder)
    genes = families(12, 10, 60, edits=5)
    assert isinstance(again, tasks.SequenceTask)
    assert again.database.digest() == genes[20:].digest()
    assert (again.size, again.k, again.alphabet) == (100, 10, "dna")
    np.testing.assert_array_equal(
        again.reach(20), np.sort(EditDistance().matrix(genes[:20], genes[20:]), axis=1)[:, :10]
    )


def test_recall_is_of_what_is_ranked_first_and_once_more_of_all_hits(task: tasks.SequenceTask) -> None:
    table = EditDistance().matrix(task.queries, task.database)
    order = np.argsort(table, axis=1, kind="stable")
    worst_first = np.concatenate([order[:, 90:], order[:, :10]], axis=1)
    ranked, again = measuring.scored(task, {"series": "peer", "qps": 1.0}, worst_first, 1)
    assert (ranked["series"], ranked["recall"], ranked["candidate_recall"]) == ("peer", 0, 1)
    assert (again["series"], again["recall"]) == ("peer, re-ranked", 1)
    assert again["qps"] < 1.0
    (half,) = measuring.scored(task, {"series": "peer", "qps": 1.0}, order[:, :5], 1)
    assert half["recall"] == 0.5


def test_missing_hits_count_as_missed(task: tasks.SequenceTask) -> None:
    nothing = np.full((20, 10), -1, np.int64)
    (row,) = measuring.scored(task, {"series": "peer", "qps": 1.0}, nothing, 1)
    assert row["recall"] == 0


def test_a_child_process_measures_and_the_ledger_goes_on(task: tasks.SequenceTask, tmp_path: Path) -> None:
    settings = measuring.Settings(tmp_path / "work", threads=1, queries=15, seconds=1)
    path = tmp_path / "rows.jsonl"
    ledger = measuring.Ledger(path)
    measuring.measure(task, ["rapidfuzz", "symspell", "vectors-hnswlib"], settings, ledger)
    measured, skipped = ledger.rows
    assert (measured["series"], measured["recall"], measured["queries"], measured["n"]) == (
        "rapidfuzz cdist",
        1,
        15,
        100,
    )
    assert measured["qps"] > 0
    assert measured["search_peak_mb"] > 10
    assert skipped["skipped"]  # not installed, or too long strings
    again = measuring.Ledger(path)
    assert again.rows == ledger.rows
    assert again.has("small", "rapidfuzz cdist")
    assert not again.has("small", "symspellpy")
    again.forget("small", "rapidfuzz cdist")
    assert [json.loads(line)["series"] for line in path.read_text().splitlines()] == ["symspellpy"]


def test_a_failing_child_is_a_row_that_says_why(task: tasks.SequenceTask, tmp_path: Path) -> None:
    (task.folder / "database.npz").write_bytes(b"nonsense")
    ledger = measuring.Ledger(None)
    measuring.measure(task, ["rapidfuzz"], measuring.Settings(tmp_path / "work", threads=1), ledger)
    assert ledger.rows[0]["skipped"].startswith("failed: ")


def test_simulated_reads_have_the_errors_they_claim() -> None:
    genes = families(40, 1, 150, edits=0)
    made = reads.simulated(genes, 2000, np.random.default_rng(0))
    assert len(made) == 2000
    assert made.data.max() < 4
    share = EditDistance().matrix(genes, made).min(axis=0) / 150
    assert 0.012 < share.mean() < 0.022  # 2% errors, some of which cancel
    assert share.max() < 0.08
    change = made.lengths - np.round(made.lengths.mean())
    assert (change > 0).any()
    assert (change < 0).any()
    np.testing.assert_array_equal(made.data, reads.simulated(genes, 2000, np.random.default_rng(0)).data)


@pytest.mark.parametrize(("alphabet", "k"), [("dna", 4), ("protein", 2), ("text", 2)])
def test_kmer_counts(alphabet: str, k: int) -> None:
    if alphabet == "dna":
        sequences = families(3, 4, 30)
    else:
        words = ["WHAT", "NEAREST", "A", "NEARESTNEAREST"]
        sequences = Sequences.from_texts(words, {"protein": PROTEIN, "text": TEXT}[alphabet])
    counts = kmers.kmer_counts(sequences, k)
    for row, sequence in zip(counts, sequences, strict=True):
        text = sequence.text
        own = [text[i : i + k] for i in range(len(text) - k + 1)]
        assert row.sum() == len(own)
        # equal k-mers share a place; here no two different ones do
        assert sorted(row[row > 0]) == sorted(own.count(kmer) for kmer in set(own))


def test_tables_of_programs_become_rows(tmp_path: Path) -> None:
    table = tmp_path / "hits.tsv"
    table.write_text("0\t7\n0\t3\n0\t7\n2\t1\n")
    np.testing.assert_array_equal(programs._table(table, 3), [[7, 3], [-1, -1], [1, -1]])
    table.write_text("")
    np.testing.assert_array_equal(programs._table(table, 2), [[-1], [-1]])
    np.testing.assert_array_equal(texts.padded([[], [4, 5]]), [[-1, -1], [4, 5]])


def test_vectors_in_the_layout_of_ann_benchmarks(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    vectors = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    for metric in ("angular", "euclidean"):
        path = tmp_path / f"{metric}.hdf5"
        tasks.write_vectors(path, vectors, 50, metric, k=20)
        task = tasks.opened(path)
        assert isinstance(task, tasks.VectorTask)
        assert (task.size, task.dim, task.metric, len(task.queries)) == (250, 8, metric, 50)
        best = np.array([np.argsort(tasks.vector_distances(q, task.database, metric))[:10] for q in task.queries])
        (row,) = measuring.scored(task, {"series": "x", "qps": 1.0}, best, 1)
        assert row["recall"] == 1
        (row,) = measuring.scored(task, {"series": "x", "qps": 1.0}, (best + 100) % 250, 1)
        assert row["recall"] < 0.2


def test_pictures_of_rows(tmp_path: Path) -> None:
    cost = {"build_s": 2.0, "build_peak_mb": 9.0, "search_peak_mb": 5.0, "index_mb": 1.0, "load_s": 0.1}
    common = {"part": "speed", "queries": 9, "k": 10, "threads": 1, "mode": "warm", **cost}
    rows = [
        {**common, "data": data, "n": n, "series": "seqsearch", "label": str(c), "recall": r, "qps": q}
        for data, n in (("v4", 99), ("reads-100", 100), ("reads-1000", 1000))
        for c, r, q in ((10, 0.9, 100.0), (20, 0.995, 50.0), (40, 0.995, 20.0))
    ]
    rows += [{**rows[0], "part": "asked", "recall_asked": 0.9}, {"part": "speed", "data": "v4", "skipped": "why"}]
    pictures.draw(rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked.png", "growth.png", "v4-costs.png", "v4.png"]
    assert [(row["n"], row["qps"]) for row in pictures.growing(rows[:9])] == [(100, 50.0), (1000, 50.0)]
    assert [row["label"] for row in pictures.front(rows[:3])] == ["10", "20"]
