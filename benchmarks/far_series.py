"""How much more series of another source lose than beats whose nearest count as not stored: `calibrator.LOST_MORE`.

    python benchmarks/far_series.py --data FOLDER [--work FOLDER] [--factors 1 1.25 1.5 2 3] [--output rows.jsonl]

The patients whose beats the set `ecg` asks are left alone. Of the others a quarter is left out at a time, an index of
beats of the rest is built, and asked beats of those left out, by budgets chosen with each factor. Rows: for each recall
asked, the mean over patients of what was delivered (`mean`), its standard error over patients (`error`), the share of
answers by proof, and whether mean less error is what was asked (`met`) (docs/recall.md).
The set `asked` are the patients left alone, on which nothing is chosen: 20,000 beats of the others are stored.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import datasets

import seqsearch
from seqsearch import SequenceIndex
from seqsearch.arrays import AnyArray, IntArray
from seqsearch.distances import recall_at
from seqsearch.search.budget import Group, controlled
from seqsearch.search.calibration import Calibration
from seqsearch.search.curves import LOST_MORE
from seqsearch.search.pipeline import Queries

FOLDS, K, ASKED = 4, 10, (0.9, 0.95, 0.99)
FOLD_BEATS = 10_000


def is_far(group: Group) -> bool:
    """Whether the losses of a group were counted more than once, by its best budget."""
    best = max((point for point in group.points if point.k == K), key=lambda point: (point.recall, point.lower))
    return best.lower < 1 - (1 + LOST_MORE) / 2 * (1 - controlled(best.recall, group.queries))


def with_factor(curve: Calibration, factor: float) -> Calibration:
    """As if it had been measured with another factor."""

    def again(group: Group) -> Group:
        if not is_far(group):
            return group
        points = [replace(point, lower=1 - factor / LOST_MORE * (1 - point.lower)) for point in group.points]
        return replace(group, points=tuple(points))

    return replace(curve, groups=tuple(again(group) for group in curve.groups))


def delivered(
    path: Path, beats: AnyArray, stored: IntArray, asked: IntArray, records: IntArray, options: argparse.Namespace
) -> dict[tuple[float, float], tuple[list[float], float]]:
    """By factor and recall: the mean recall of each patient asked, and the share of proofs."""
    if not path.exists():
        made = {"distance": "dtw", "distance_parameters": {"window": 0.1}, "recall": max(ASKED), "seed": 0}
        SequenceIndex.build(path, datasets._beats(beats, stored), learn=options.learn, **made).close()
    queries, out = Queries(datasets._beats(beats, asked)), {}
    with SequenceIndex.open(path) as index, index.state() as state:
        truth = state.neighbours(queries, K, None)
        for factor in options.factors:
            curve = with_factor(state.calibration, factor)
            for recall in ASKED:
                budget = curve.choose_by_groups(recall, K, len(state))
                found = state.neighbours(queries, K, budget)
                each = recall_at(found.distances, truth.distances, K)
                patients = [float(each[records[asked] == patient].mean()) for patient in np.unique(records[asked])]
                out[factor, recall] = patients, float(found.proved.mean())
    return out


def measured(work: Path, options: argparse.Namespace) -> list[dict[str, object]]:
    """The rows of patients left out, and of those that are asked in the set `ecg`."""
    content, rng = np.load(options.data / "ecg" / "mitbih_beats.npz"), np.random.default_rng(0)
    beats, records = content["X"], content["record"]
    alone = rng.permutation(np.unique(records))[: datasets.TEST_PATIENTS]
    others = np.flatnonzero(~np.isin(records, alone))
    patients = np.random.default_rng(1).permutation(np.unique(records[others]))
    splits = [("left out", patients[fold::FOLDS], FOLD_BEATS) for fold in range(FOLDS)]
    splits.append(("asked", alone, datasets.BEATS))
    told: dict[tuple[str, float, float], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for number, (name, left, size) in enumerate(splits):
        rng = np.random.default_rng(2 + number)
        stored = rng.permutation(others[~np.isin(records[others], left)])[:size]
        asked = rng.permutation(np.flatnonzero(np.isin(records, left)))[: options.queries]
        found = delivered(work / f"far-{number}.ss", beats, stored, asked, records, options)
        for (factor, recall), (means, proved) in found.items():
            told[name, factor, recall][0].extend(means)
            told[name, factor, recall][1].append(proved)
    rows: list[dict[str, object]] = []
    for (name, factor, recall), (means, proofs) in told.items():
        mean, error = float(np.mean(means)), float(np.std(means, ddof=1) / np.sqrt(len(means)))
        row = {"set": name, "patients": len(means), "factor": factor, "asked": recall, "mean": round(mean, 4)}
        rows.append(
            row | {"error": round(error, 4), "proved": round(float(np.mean(proofs)), 3), "met": mean - error >= recall}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of what no package brings")
    parser.add_argument("--work", type=Path, help="folder of the indexes, kept")
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0, 1.25, 1.5, 2.0, 3.0])
    parser.add_argument("--queries", type=int, default=500, help="of each split")
    parser.add_argument("--learn", default="normal")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="rows as JSON lines")
    options = parser.parse_args()
    seqsearch.use_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        rows = [json.dumps(row) for row in measured(options.work or Path(scratch), options)]
    print("\n".join(rows))
    if options.output is not None:
        options.output.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
