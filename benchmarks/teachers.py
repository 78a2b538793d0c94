"""Learning from inexact distances: what a teacher costs, and what its pupil finds.

    python benchmarks/teachers.py genes beats --data FOLDER --output teachers.jsonl

`genes`: 9,169 of Debian's partial LSU rRNA genes (2,900 nt, edit distance; `apt-get install ncbi-rrna-data`); `beats`:
3,000 heartbeats under DTW without a band, of which `banded` knows a tenth. Learned with --steps batches at most, and
the work of --effort; `labels_ms` is the processor time of telling one batch, `batch` its size, `cpu_s` of the whole
training, `within_100` the recall@10 of exact neighbours among the 100 nearest points, for queries that nobody trained
on; `components` is not trained at all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from build import data_of
from harness.datasets import DataSet

from seqsearch import threads
from seqsearch.arrays import AnyArray
from seqsearch.distances import Distance, distance_named, recall_at
from seqsearch.encoders.components import components_model
from seqsearch.encoders.model import Model
from seqsearch.geometry import matrix
from seqsearch.learning.plan import TEACHERS, TrainingPlan, affordable, batch_size
from seqsearch.learning.teachers import teacher_of
from seqsearch.learning.trainer import train

K = 10
WITHIN = (20, 50, 100)
QUERIES = {"genes": 200, "beats": 300}


def recalls(model: Model, data: DataSet, truth: AnyArray, distance: Distance, asked: int) -> dict[str, float]:
    """Of the nearest points alone."""
    queries = data.queries[:asked]
    between = matrix(model.geometry, model.embed(queries), model.embed(data.database))
    order = np.argsort(between, axis=1, kind="stable")[:, : max(WITHIN)]
    owners = np.repeat(np.arange(asked), order.shape[1])
    exact = distance.pairs(queries, owners, data.database, order.ravel()).reshape(order.shape)
    return {f"within_{n}": round(float(recall_at(np.sort(exact[:, :n]), truth, K).mean()), 4) for n in WITHIN}


def told(name: str, data: DataSet, distance: Distance, plan: TrainingPlan) -> dict[str, object]:
    """What a batch of a teacher's distances costs, and how far off they are."""
    started = time.process_time()
    teacher = teacher_of(name, distance, data.database, np.random.default_rng(0))
    fitted = time.process_time() - started
    length = float(data.database.lengths.mean())
    cells = affordable(plan.cells, distance) / teacher.share
    size = batch_size(plan.batch, length, cells)
    some = data.database[np.random.default_rng(1).permutation(len(data.database))[:size]]
    teacher.distance.matrix(some[:40], some[:40])  # compiled, or loaded
    started = time.process_time()
    found = teacher.distance.matrix(some, some)
    spent = time.process_time() - started
    few = some[:64]
    exact, upper = distance.matrix(few, few), np.triu_indices(len(few), 1)
    wrong = np.abs(found[:64, :64] - exact)[upper].mean() / exact[upper].mean()
    return {
        "fit_s": round(fitted, 2),
        "batch": size,
        "labels_ms": round(1000 * spent, 1),
        "us_a_pair": round(1e6 * spent / size**2, 2),
        "mean_error": round(float(wrong), 4),
    }


def rows(name: str, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    data = data_of(name, options.data)
    distance = distance_named(data.distance)
    asked = min(QUERIES[name], len(data.queries))
    started = time.process_time()
    truth = distance.exact(data.queries[:asked], data.database, K).distances
    about: dict[str, object] = {"data": name, "n": len(data.database), "queries": asked, "effort": options.effort}
    print(f"{name}: exact neighbours in {time.process_time() - started:.0f} s of processor time", flush=True)
    model = components_model(data.database)
    yield about | {"teacher": "none (components)"} | recalls(model, data, truth, distance, asked)
    for teacher in options.teachers:
        plan = replace(TrainingPlan.of_effort(options.effort), teacher=teacher)
        plan = replace(plan, steps=min(options.steps, plan.steps), seconds=options.seconds, clock="cpu")
        costs = told(teacher, data, distance, plan)
        started = time.process_time()
        model, log = train(data.database, distance, plan=plan)
        spent = time.process_time() - started
        row = about | {"teacher": teacher, "steps": log.rows[-1]["step"], "seconds_at_most": options.seconds} | costs
        yield row | {"cpu_s": round(spent, 1)} | recalls(model, data, truth, distance, asked)


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=list(QUERIES))
    text.add_argument("--teachers", default=list(TEACHERS), type=lambda names: names.split(","))
    text.add_argument("--effort", default="low")
    text.add_argument("--steps", type=int, default=300)
    text.add_argument("--seconds", type=float, default=0.0, help="of learning, processor time; 0: no limit")
    text.add_argument("--threads", type=int, default=2)
    text.add_argument("--data", type=Path, help="folder with ecg/mitbih_beats.npz, for beats")
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    threads.use(options.threads)
    for part in options.parts:
        try:
            for row in rows(part, options):
                print(json.dumps(row), flush=True)
                if options.output is not None:
                    with options.output.open("a") as file:
                        file.write(json.dumps(row) + "\n")
        except (ImportError, FileNotFoundError, subprocess.CalledProcessError) as missing:
            print(f"{part}: skipped, {missing}")


if __name__ == "__main__":
    main()
