"""Trees by embedding distances beside the tree of exact distances: Dasgupta's cost and the time both take.

    python benchmarks/clustering.py [--leaves 5000] [--train 20000] [--seconds 120] [--geometries euclidean,cosine]
        [--model FILE] [--threads 1] [--output rows.jsonl] [--plots FOLDER]

V4 genes; the leaves are none of those an encoder was trained on. ratio: cost in multiples of the exact tree's (linkage
by linkage); share: of what exact distances gain on randomly exchanged leaves, the part that the embedding gains, 1 at
best. --model: a file that `seqsearch train` wrote, measured in place of training. Seconds are processor time.

The sequences come from the package qiime-default-reference.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch import threads
from seqsearch.arrays import DoubleArray
from seqsearch.datasets import greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.encoders.model import Model, kmer_model
from seqsearch.encoders.model_file import load_model
from seqsearch.evaluation.plots import plot_dendrogram
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.sequences import Sequences
from seqsearch.trees import LINKAGES, compare_trees, dendrogram, exact_distances, point_distances

EDIT = EditDistance()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return work(), time.process_time() - started


def models(options: argparse.Namespace, training: Sequences) -> Iterator[tuple[str, Model]]:
    yield "5-mers, euclidean", kmer_model(training, 5)
    if options.model is not None:
        model = load_model(options.model)
        yield f"{model.family}, {model.geometry}", model
        return
    for geometry in options.geometries:
        name, _, mode = geometry.partition("-")
        plan = replace(TrainingPlan(), geometry=name, mode=mode or "ball", seconds=options.seconds, clock="cpu")
        yield f"projection, {geometry}", train(training, EDIT, plan=plan)[0]


def predicted(model: Model, leaves: Sequences) -> DoubleArray:
    return point_distances(model.embed(leaves), model.geometry, scale=model.scale, power=model.power)


def rows(options: argparse.Namespace, training: Sequences, leaves: Sequences) -> Iterator[dict[str, Any]]:
    everyone = np.arange(len(leaves))
    EDIT.matrix(leaves[:20], leaves[:20])  # compiles
    _, exact_seconds = timed(lambda: exact_distances(leaves, EDIT))
    yield {"distances": "exact", "leaves": len(leaves), "ratio": 1.0, "share": 1.0, "cpu_seconds": exact_seconds}
    for name, model in models(options, training):
        model.embed(leaves[:20])
        between, seconds = timed(lambda model=model: predicted(model, leaves))
        for linkage in LINKAGES:
            tree = dendrogram(between, leaves.ids, everyone, linkage)
            cost = compare_trees(tree, leaves, EDIT, sample=len(leaves))
            yield {
                "distances": name,
                "linkage": linkage,
                "leaves": cost.leaves,
                "ratio": cost.ratio,
                "share": cost.share,
                "random_ratio": cost.random_cost / cost.exact_cost,
                "cpu_seconds": seconds,
            }
        if options.plots is not None:
            tree = dendrogram(between, leaves.ids, everyone)
            plot_dendrogram(tree.picture_rows(), options.plots / "dendrogram.png", title=f"V4 genes, {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", default=5_000, type=int)
    parser.add_argument("--train", default=20_000, type=int)
    parser.add_argument("--seconds", default=120.0, type=float)
    parser.add_argument("--geometries", default="euclidean,cosine", type=lambda text: text.split(","))
    parser.add_argument("--model")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--plots", type=Path)
    options = parser.parse_args()
    threads.use(options.threads)
    if options.plots is not None:
        options.plots.mkdir(parents=True, exist_ok=True)
    everything = greengenes_v4()
    order = np.random.default_rng(0).permutation(len(everything))
    leaves, training = order[: options.leaves], order[options.leaves : options.leaves + options.train]
    for row in rows(options, everything[np.sort(training)], everything[np.sort(leaves)]):
        print("  ".join(f"{k}={v:.5g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)
        if options.output is not None:
            with open(options.output, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
