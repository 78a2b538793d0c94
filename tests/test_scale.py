"""What grows: data in mapped columns, a truth proved in blocks, memory without mapped files, and the tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from tests.families import families

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from harness import bulk, datasets, growth, kmers, lists, measuring, memory, processes, reads, tasks  # noqa: E402


def test_mapped_columns_are_the_sequences(tmp_path: Path) -> None:
    genes = families(9, 5, 60)
    assert bulk.write([genes[:7], genes[7:7], genes[7:]], tmp_path / "columns") == 45
    again = bulk.mapped(tmp_path / "columns")
    assert again.digest() == genes.digest()
    assert again.alphabet is genes.alphabet
    assert isinstance(again.data.base, np.memmap)


@pytest.mark.parametrize("rows", [7, 25, 1000])
def test_a_truth_in_blocks_is_the_truth(rows: int) -> None:
    genes = families(12, 10, 60, edits=5)
    queries, targets = genes[::4], genes
    whole = EditDistance().exact(queries, targets, 10)
    found = bulk.nearest(queries, targets, EditDistance(), 10, rows=rows)
    np.testing.assert_array_equal(found.distances, whole.distances)
    np.testing.assert_array_equal(found.rows, whole.rows)


def test_reads_come_in_parts_as_they_do_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    genes = families(4, 3, 80)
    monkeypatch.setattr(reads, "_ROWS", 30)
    whole = reads.simulated(genes, 100, np.random.default_rng(3))
    parts = list(reads.simulated_parts(genes, 100, np.random.default_rng(3)))
    assert [len(part) for part in parts] == [30, 30, 30, 10]
    assert list(whole.ids)[:2] == ["r1", "r2"]
    assert len(set(whole.ids)) == 100
    assert whole.digest() == type(whole).concatenate(parts).digest()


def test_a_grown_task_is_kept_once_it_is_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genes = families(30, 10, 60)
    monkeypatch.setattr(datasets, "greengenes_v4", lambda: genes)
    monkeypatch.setattr(reads, "GENES_UP_TO", 200)
    for size in (150, 400):  # genes, and reads of them
        task = tasks.SequenceTask.grown(tmp_path / str(size), size, 20)
        assert (task.name, task.size, len(task.database), len(task.queries)) == (f"reads-{size}", size, size, 20)
        assert task.more is not None
        assert len(task.more) == size // 100 + (size % 100 >= 50)
        assert not set(task.more.ids) & set(task.database.ids)
        truth = EditDistance().exact(task.queries, task.database, 10)
        np.testing.assert_array_equal(task.reach(20), truth.distances)
        written = (tmp_path / str(size) / "truth.npz").stat().st_mtime_ns
        tasks.SequenceTask.grown(tmp_path / str(size), size, 20)
        assert (tmp_path / str(size) / "truth.npz").stat().st_mtime_ns == written


def test_data_without_a_truth_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "greengenes_v4", lambda: families(30, 10, 60))
    folder = tmp_path / "task"
    bulk.grow(folder, 100, 20)  # and killed here
    assert len(tasks.SequenceTask.grown(folder, 100, 20).truth) == 20


WATCHED = """
import time
import numpy as np
from harness import memory
before = memory.anonymous_bytes()
with memory.AnonymousPeak() as peak:
    held = np.ones(40 << 20, np.uint8)
    assert memory.anonymous_bytes() - before > held.nbytes // 2
    time.sleep(0.3)  # it is looked at fifty times a second
    del held
assert peak.bytes - before > 20 << 20
"""


def test_memory_is_watched_while_it_is_held() -> None:
    """In a process of its own: one that has freed much before takes from that."""
    folder = Path(memory.__file__).resolve().parents[1]
    subprocess.run(
        [sys.executable, "-c", WATCHED], check=True, env={**os.environ, "PYTHONPATH": f"{folder}:{folder.parent}"}
    )


def test_memory_of_programs_is_that_of_their_children_too() -> None:
    processes.USAGE.reset()
    child = "import time; held = bytearray(60 << 20); time.sleep(.5)"
    processes.run(sys.executable, "-c", f"import subprocess, sys; subprocess.call([sys.executable, '-c', {child!r}])")
    assert processes.USAGE.anonymous > 60 << 20
    assert processes.USAGE.seconds > 0.5


def test_kmer_points_are_unit_vectors_in_faiss_lists(tmp_path: Path) -> None:
    pytest.importorskip("faiss", reason="faiss is not installed")
    genes = families(40, 10, 150)
    points = kmers.kmer_points(genes)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-5)
    for layout, effort in ((lists.IVF_FLAT, 999), (lists.HNSW, 1), (lists.IVF_PQ, 999)):
        index = lists.FaissIndex(layout, 1)
        index.build(points, [points[:100], points[100:]], len(points))
        index.save(tmp_path / "index")
        again = lists.FaissIndex(layout, 1)
        again.load(tmp_path / "index")
        found = again.search(points[::7], 10, effort)
        own = np.arange(0, len(points), 7)[:, None]
        near = np.square(points[::7, None] - points[found]).sum(-1)[:, 0]
        assert (near < 0.2).all() if layout is lists.IVF_PQ else (found == own).any(axis=1).mean() > 0.95


ROWS: list[measuring.Row] = [
    {
        "part": "speed",
        "series": "ours",
        "n": n,
        "label": "",
        "recall": r,
        "qps": q,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "build_s": n / 100,
        "index_mb": n / 1000,
        "search_anon_mb": 50.0,
        "steps": {"embedding": n / 200},
    }
    for n in (1000, 10_000)
    for r, q in ((0.9, 4e6 / n), (0.9, 3e6 / n), (0.97, 2e6 / n), (0.96, 1e6 / n), (0.999, 1e6 / n))
]


def test_speed_at_a_recall_lies_on_the_front_between_two_budgets() -> None:
    own = [row for row in ROWS if row["n"] == 1000]
    assert growth.at_recall(own, 0.9) == 4000
    assert growth.at_recall(own, 0.97) == pytest.approx(2000)
    half = growth.at_recall(own, 1 - np.sqrt(0.1 * 0.03))
    assert half == pytest.approx(np.sqrt(4000 * 2000))
    assert growth.at_recall(own, 0.9999) is None


def test_tables_and_slopes_and_a_picture(tmp_path: Path) -> None:
    text = growth.tables([*ROWS, {"part": "speed", "series": "peer", "n": 1000, "skipped": "not installed"}])
    assert "| ours | 10,000 | .9990 |" in text
    assert "peer" not in text
    (slope,) = growth.slopes(growth.summaries(ROWS), "ours")
    assert (slope["from"], slope["to"]) == (1000, 10_000)
    assert slope["qps_95"] == pytest.approx(0.1)
    assert slope["build_s"] == pytest.approx(10)
    growth.draw(ROWS, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").stat().st_size > 1000
