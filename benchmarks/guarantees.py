"""The recall that is asked for, and the one that is delivered, to queries like what is stored and to strangers.

    python benchmarks/guarantees.py [SET ...] --data FOLDER [--work FOLDER] [--output rows.jsonl] [--plot FILE.png]

An index of each set is built in --work (one that is there is used; --calibrate measures its recall anew, on members)
and asked, for .90, .95 and .99, up to --queries queries that it never saw. Rows: `delivered`, the mean share of the k
nearest that came back, `error` its standard error, `qps`, `proved` the share of answers by proof, for each `guarantee`:
"group" and "marginal", and "tuned": the cheapest budget whose mean recall on half of these very queries is what is
asked, with what it delivers to the other half - nobody has it, and it is what the others are held to: `cost` is the
time of a query in theirs. Sets: those of `harness/datasets.py`, `ecg` (beats of patients of whom nothing is stored),
`ecg-same` (other beats of the stored patients), `reads-1000000` (reads of genes of which nothing is stored). What is
not installed, or not in --data, is skipped, and said.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import datasets

import seqsearch
from seqsearch import SequenceIndex
from seqsearch.arrays import IntArray
from seqsearch.distances import Neighbours, recall_at
from seqsearch.search.budget import Budget
from seqsearch.search.calibrator import calibrate
from seqsearch.search.pipeline import Found, Queries
from seqsearch.search.state import State

SETS = ("v4", "names", "typos", "proteins", "full", "ecg-same", "ecg", "reads-1000000")
ASKED = (0.9, 0.95, 0.99)
REPEATS = 3


def opened(data: datasets.DataSet, path: Path, options: argparse.Namespace) -> SequenceIndex:
    """The index of a set: that of `path`, or one that is built there."""
    if not path.exists():
        made = SequenceIndex.build(
            path,
            data.database,
            distance=data.distance,
            distance_parameters=data.distance_parameters,
            learn=options.learn,
            recall=max(ASKED),
            seed=0,
        )
        made.close()
    index = SequenceIndex.open(path)
    if options.calibrate:
        index.calibrate(recall=max(ASKED))
    return index


def timed(state: State, queries: Queries, k: int, budget: Budget | None) -> tuple[Found, float]:
    """The answers, and the seconds that a query takes: the least of several."""
    state.neighbours(queries[:50], k, budget)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = state.neighbours(Queries(queries.sequences), k, budget)
        taken.append(time.perf_counter() - start)
    return found, min(taken) / len(queries)


def tuned(state: State, queries: Queries, k: int, half: IntArray, asked: float) -> Budget | None:
    """The cheapest budget that finds `asked` of the neighbours of half of the queries; None: comparing with all."""
    curve = calibrate(state.pipeline, Queries(queries.sequences[half]), asked)
    points = [replace(point, lower=point.recall) for point in curve.points]
    chosen, point = replace(curve, points=tuple(points)).choose(asked, k)
    return None if point is None or curve.exact_is_cheaper(point, len(state)) else chosen


def measured(data: datasets.DataSet, index: SequenceIndex) -> Iterator[dict[str, object]]:
    """The rows of one set."""
    queries, k = Queries(data.queries), data.k
    with index.state() as state:
        truth = state.neighbours(queries, k, None)
        order = np.random.default_rng(0).permutation(len(queries))
        half, other = np.sort(order[::2]), np.sort(order[1::2])
        for asked in ASKED:
            budget = tuned(state, queries, k, half, asked)
            found, least = timed(state, queries, k, budget)
            told = _row(found, truth, k, other)
            common = {"set": data.name, "n": len(state), "asked": asked}
            yield {**common, "guarantee": "tuned", **told, "qps": round(1 / least, 1), "budget": str(budget)}
            for guarantee in ("group", "marginal"):
                if guarantee == "group" and not state.calibration.groups:
                    continue
                budget = index.budget(k, recall=asked, guarantee=guarantee)[0]
                found, taken = timed(state, queries, k, budget)
                told = _row(found, truth, k, np.arange(len(queries)))
                cost = {"qps": round(1 / taken, 1), "cost": round(taken / least, 2)}
                yield {**common, "guarantee": guarantee, **told, **cost, "budget": str(budget)}


def _row(found: Found, truth: Neighbours, k: int, some: IntArray) -> dict[str, object]:
    each = recall_at(found.distances[some], truth.distances[some], k)
    error = float(each.std() / np.sqrt(len(each)))
    proved = float(found.proved[some].mean())
    return {"delivered": round(float(each.mean()), 4), "error": round(error, 4), "proved": round(proved, 4)}


def draw(rows: list[dict[str, object]], path: Path) -> None:
    """Delivered against asked, a panel each for one budget for all and budgets by groups."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(str(row["set"]) for row in rows))
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4.4), sharey=True)
    for panel, guarantee in zip(panels, ("marginal", "group"), strict=True):
        panel.plot([0.89, 1], [0.89, 1], color="0.6", linewidth=1)
        panel.plot([0.89, 1], [0.88, 0.99], color="0.6", linewidth=1, linestyle=":")
        for number, name in enumerate(names):
            own = [row for row in rows if row["set"] == name and row["guarantee"] == guarantee]
            places = [float(str(row["asked"])) + 0.0006 * (number - len(names) / 2) for row in own]
            panel.plot(places, [row["delivered"] for row in own], "o-", markersize=4, linewidth=1, label=name)
        panel.set(title=f"guarantee {guarantee}", xlabel="recall asked for", ylim=(0.8, 1.003))
    panels[0].set_ylabel("recall delivered")
    panels[1].legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help=f"default: {' '.join(SETS)}")
    parser.add_argument("--data", type=Path, help="folder of what no package brings")
    parser.add_argument("--work", type=Path, help="folder of the indexes, kept")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--learn", default="normal")
    parser.add_argument("--calibrate", action="store_true", help="measure the recall of indexes that are there anew")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="rows as JSON lines, put behind what it holds")
    parser.add_argument("--plot", type=Path, help="a picture of all rows of --output")
    options = parser.parse_args()
    seqsearch.use_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        for name in options.sets or SETS:
            try:
                data = datasets.load(name, options.queries, options.data)
            except (ImportError, FileNotFoundError) as error:
                print(f"{name}: skipped: {error}", flush=True)
                continue
            database = datasets.ECG if name == datasets.ECG_SAME else name
            with opened(data, work / f"{database}.ss", options) as index:
                for row in measured(data, index):
                    told = json.dumps(row)
                    print(told, flush=True)
                    if options.output is not None:
                        with options.output.open("a") as file:
                            file.write(told + "\n")
    if options.plot is not None and options.output is not None:
        draw([json.loads(line) for line in options.output.read_text().splitlines()], options.plot)


if __name__ == "__main__":
    main()
