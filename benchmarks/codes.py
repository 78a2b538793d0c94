"""What a sequence costs and finds: codes of 16 to 256 bits and points of 8 to 128 floats on Greengenes V4.

    python benchmarks/codes.py [--model v4.model] [--bits 16,32,64,128,256] [--dims 8,16,32,64,128]
        [--candidates 10,100,500] [--output rows.jsonl] [--plot trade.png]

1,000 held-out genes of 150 nt search the other 70,814. The encoder is trained once (or read from --model: of
`seqsearch train`, on other genes than these queries if the figures are to mean anything); learned codes go on from it,
ITQ, principal components and random projection cut its points, and points of fewer dimensions are its principal
components. recall: tie-aware recall@10 after the best so many candidates are verified by the exact distance.
queries/s: candidates and verification, not embedding. Bytes: of the code or point in the candidate index.

The sequences come from the package qiime-default-reference.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from seqsearch import threads
from seqsearch.ann import CandidateIndex, make_index
from seqsearch.arrays import AnyArray, FloatArray
from seqsearch.datasets import greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.encoders.codes import HASH_MEAN, HASH_ROTATION, QUANTIZERS, quantizer
from seqsearch.encoders.features import principal_axes
from seqsearch.encoders.model import Model
from seqsearch.encoders.model_file import load_model
from seqsearch.evaluation.plots import plot_speed
from seqsearch.hashing import bit_correlation, bit_entropy, codes_of
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import learn_code, train
from seqsearch.sequences import Sequences

QUERIES, K = 1_000, 10
EDIT = EditDistance()


class Data:
    """Genes to search and to search with, and the distance of the tenth neighbour of each query."""

    def __init__(self, queries: int, seed: int) -> None:
        everything = greengenes_v4()
        order = np.random.default_rng(seed).permutation(len(everything))
        self.queries = everything[np.sort(order[:queries])]
        self.database = everything[np.sort(order[queries:])]
        self.reach = EDIT.exact(self.queries, self.database, K).distances[:, K - 1 :]

    def measured(self, index: CandidateIndex, queries: AnyArray, candidates: int) -> dict[str, Any]:
        """recall@10 and queries/s of one budget."""
        start = time.perf_counter()
        rows = index.search(queries, candidates).rows
        found = EDIT.rerank(self.queries, self.database, rows, K)
        seconds = time.perf_counter() - start
        recall = float((found.distances <= self.reach).mean())
        return {"candidates": candidates, "recall": recall, "qps": len(self.queries) / seconds}


def coded(data: Data, stored: AnyArray, asked: AnyArray, bits: int, candidates: list[int]) -> Iterator[dict[str, Any]]:
    index = make_index("hamming", geometry=None, dim=None, bits=bits, parameters={}, seed=0)
    index.add(np.arange(len(stored)), stored)
    quality = {"bit_entropy": bit_entropy(stored, bits), "bit_correlation": bit_correlation(stored, bits)}
    for budget in candidates:
        yield {"bits": bits, "bytes": bits // 8, **quality, **data.measured(index, asked, budget)}


def pointed(data: Data, stored: FloatArray, asked: FloatArray, candidates: list[int]) -> Iterator[dict[str, Any]]:
    dim = stored.shape[1]
    index = make_index("hnsw", geometry="euclidean", dim=dim, bits=None, parameters={}, seed=0)
    index.add(np.arange(len(stored)), stored)
    for budget in candidates:
        yield {"dim": dim, "bytes": 4 * dim, **data.measured(index, asked, budget)}


def everything(data: Data, model: Model, training: Sequences, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One row a kind of code or point and budget."""
    stored, asked = model.embed(data.database), model.embed(data.queries)
    for bits in options.bits:
        for kind in QUANTIZERS:
            head = quantizer(stored[:: max(1, len(stored) // 20_000)], bits, np.random.default_rng(0), kind)
            a, b = (codes_of((x - head[HASH_MEAN]) @ head[HASH_ROTATION]) for x in (stored, asked))
            for row in coded(data, a, b, bits, options.candidates):
                yield {"method": kind, **row}
        start = time.process_time()
        plan = replace(TrainingPlan.of_effort(options.effort), steps=options.steps)
        learned, _ = learn_code(model, training, EDIT, bits, plan=plan, seed=options.seed)
        spent = time.process_time() - start
        a, b = learned.vectors(data.database), learned.vectors(data.queries)
        for row in coded(data, a, b, bits, options.candidates):
            yield {"method": "learned", **row, "cpu_seconds": spent}
    axes = principal_axes(stored[:: max(1, len(stored) // 20_000)], stored.shape[1])
    for dim in options.dims:
        turned = [x if dim >= x.shape[1] else np.ascontiguousarray(x @ axes[:, :dim]) for x in (stored, asked)]
        for row in pointed(data, turned[0], turned[1], options.candidates):
            yield {"method": "points", **row}


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="an encoder that is trained already")
    parser.add_argument("--bits", default="16,32,64,128,256", type=numbers)
    parser.add_argument("--dims", default="8,16,32,64,128", type=numbers)
    parser.add_argument("--candidates", default="10,100,500", type=numbers)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--steps", default=4000, type=int, help="of the points; a code learns a quarter of them more")
    parser.add_argument("--train", default=100_000, type=int, help="genes to learn from at most")
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--output")
    parser.add_argument("--plot")
    options = parser.parse_args()
    threads.use(options.threads)
    data = Data(QUERIES, options.seed)
    rows = np.random.default_rng(options.seed + 1).permutation(len(data.database))[: options.train]
    training = data.database[np.sort(rows)]
    if options.model is not None:
        model = load_model(options.model)
    else:
        # learned codes go on from Euclidean points; "auto" would make cosine ones of genes
        plan = replace(TrainingPlan.of_effort(options.effort), steps=options.steps, geometry="euclidean")
        model, _ = train(training, EDIT, plan=plan, seed=options.seed)
    kept = []
    for row in everything(data, model, training, options):
        kept.append(row)
        shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}
        print("  ".join(f"{name}={value}" for name, value in shown.items()), flush=True)
        if options.output is not None:
            with open(options.output, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    if options.plot is not None:
        curves = [{**row, "series": f"{row['method']}, {row['bytes']} bytes"} for row in kept]
        plot_speed([row for row in curves if row["method"] in ("learned", "points")], options.plot)


if __name__ == "__main__":
    main()
