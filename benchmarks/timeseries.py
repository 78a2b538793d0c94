"""Time series under DTW: 1-NN accuracy on the UCR/UEA splits, and neighbours through an index beside exact ones.

    pip install aeon          # carries the data sets
    python benchmarks/timeseries.py --output timeseries.jsonl
    python benchmarks/timeseries.py --ecg DATA/ecg/mitbih_beats.npz

Published accuracies are 1-NN DTW without a window: the UCR archive's table ("DTW (w=100)", Dau et al. 2018) and, for
multivariate sets, DTW_D of the UEA archive (Bagnall et al. 2018).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import SequenceIndex, read
from seqsearch.distances import distance_named
from seqsearch.sequences import Sequences

PUBLISHED = {
    "GunPoint": 0.9067,
    "ItalyPowerDemand": 0.9504,
    "OSULeaf": 0.5909,
    "ArrowHead": 0.7029,
    "ACSF1": 0.64,
    "JapaneseVowels": 0.949,
    "BasicMotions": 0.975,
}


def accuracy(name: str, folder: Path) -> dict[str, Any]:
    """1-NN DTW on the archive's own split; the archive's univariate series are compared as they are."""
    train, test = (read(folder / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
    start = time.perf_counter()
    nearest = distance_named("dtw").exact(test, train, 1)
    seconds = time.perf_counter() - start
    labels = np.array(list(train.labels))
    right = labels[nearest.rows[:, 0]] == np.array(list(test.labels))
    return {
        "data": name,
        "train": len(train),
        "test": len(test),
        "accuracy": round(float(right.mean()), 4),
        "published": PUBLISHED[name],
        "seconds": round(seconds, 2),
    }


def through_index(name: str, references: Sequences, queries: Sequences, **options: Any) -> list[dict[str, Any]]:
    """recall@10 through an index beside the exact search, lossless bounds on and off."""
    with tempfile.TemporaryDirectory() as folder:
        index = SequenceIndex.build(Path(folder) / "i.ss", references, distance="dtw", **options)
        start = time.perf_counter()
        truth = index.distance.exact(queries, index.sequences, 10)
        exact = (time.perf_counter() - start) / len(queries)
        some = queries[:20]
        start = time.perf_counter()
        index.distance.matrix(some, index.sequences)
        brute = (time.perf_counter() - start) / len(some)
        measured = index.evaluate(queries, 10, truth=truth)
        index.close()
    common = {"data": name, "stored": len(references), "queries": len(queries)}
    return [
        common
        | {
            "candidates": row.candidates,
            "recall": round(row.recall, 4),
            "qps": round(row.qps, 1),
            "times exact": round(row.qps * exact, 2),
            "times brute": round(row.qps * brute, 1),
        }
        for row in measured
    ]


def ecg(path: Path, stored: int, asked: int) -> tuple[Sequences, Sequences]:
    """Beats of training patients and of others, each with its own mean and deviation taken out."""
    content = np.load(path)
    rng = np.random.default_rng(0)
    patients = rng.permutation(np.unique(content["record"]))
    is_test = np.isin(content["record"], patients[:8])
    sets = []
    for rows, count in ((np.flatnonzero(~is_test), stored), (np.flatnonzero(is_test), asked)):
        beats = content["X"][rng.permutation(rows)[:count]].astype(np.float32)
        beats = (beats - beats.mean(axis=1, keepdims=True)) / (beats.std(axis=1, keepdims=True) + 1e-6)
        sets.append(Sequences.from_arrays(beats))
    return sets[0], sets[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="UCR/UEA sets as NAME/NAME_TRAIN.ts  [default: those of aeon]")
    parser.add_argument("--ecg", type=Path, help="mitbih_beats.npz")
    parser.add_argument("--stored", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    folder = asked.folder
    if folder is None and (aeon := find_spec("aeon")) is not None and aeon.origin is not None:
        folder = Path(aeon.origin).parent / "datasets" / "data"
    if folder is None or not folder.is_dir():
        print("UCR/UEA sets skipped: pip install aeon, or give --folder")
    else:
        rows += [accuracy(name, folder) for name in PUBLISHED]
        for name in ("GunPoint", "ItalyPowerDemand", "OSULeaf", "JapaneseVowels"):
            train, test = (read(folder / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST"))
            references, queries = (test, train) if len(test) > len(train) else (train, test)
            rows += through_index(name, references, queries, effort=asked.effort)
    if asked.ecg is not None:
        references, queries = ecg(asked.ecg, asked.stored, asked.queries)
        rows += through_index(
            "ecg", references, queries, effort=asked.effort, distance_parameters={"window": 0.1}, index="hnsw"
        )
    for row in rows:
        print(json.dumps(row))
    if asked.output is not None:
        asked.output.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
