"""Novelty measured: how well every method ranks held-out clades, how well p-values keep what they promise, how fast.

    pip install pyod rapidfuzz          # peers
    python benchmarks/novelty.py [--only v4,full,ecg,splice,exact-rates,learned-rates] [--groups oracle,default,...]
        [--data DATA] [--references 100000] [--full-references 20000] [--beats 10000] [--splits 0:5]
        [--train-seconds 120] [--threads 1] [--output novelty.jsonl]

v4, full: 16S genes (Greengenes 13_8, from the package qiime-default-reference). Whole phyla, whole families of other
phyla and whole genera of other families are taken out and asked as novel; known queries are drawn at random from what
is left. Encoders see neither. ecg: DATA/ecg/mitbih_beats.npz; stored are normal beats of training patients, novel are
V and F beats of other patients, known are normal beats of those other patients, or held-out ones of the training
patients. splice: DATA/dna/splice.csv; stored are donors, known other donors, novel acceptors and no junctions. The
area under the ROC curve (AUROC, ties count half) says how well a score ranks novel above known; "oracle" is the
distance to the nearest by brute force. Peers read the embeddings of the same index.

exact-rates, learned-rates: random splits of V4 into an index and unseen known sequences; the share of these called
novel at a nominal rate, and the Kolmogorov-Smirnov distance of their p-values from uniform, with its significance for
two samples, since known scores and queries are both finite.

Times are processor seconds of all threads, so that they hold on a machine that is shared.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kstwobign, rankdata

from seqsearch import SequenceIndex, read, threads
from seqsearch.arrays import DoubleArray, FloatArray
from seqsearch.datasets import greengenes_full, greengenes_taxonomy, greengenes_v4
from seqsearch.distances import distance_named
from seqsearch.encoders.model import Model
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.search.novelty import METHODS
from seqsearch.sequences import DNA, Sequences

RANKS = {"phylum": 1, "family": 4, "genus": 5}
RATES = (0.01, 0.05, 0.10)
Row = dict[str, Any]


class Task:
    """`references` are stored, `known` and every set of `novel` are asked; `name` goes into the rows."""

    def __init__(
        self,
        name: str,
        references: Sequences,
        known: dict[str, Sequences],
        novel: dict[str, Sequences],
        distance: str,
        **parameters: Any,
    ) -> None:
        self.name = name
        self.references = references
        self.parts = {**known, **novel}
        self.known, self.novel = list(known), list(novel)
        self.queries = Sequences.concatenate(list(self.parts.values()))
        self.distance = distance_named(distance, **parameters)
        self.options = {"distance": distance, "distance_parameters": parameters}

    def rows(self, method: str, scores: DoubleArray, seconds: float) -> Iterator[Row]:
        """One row a pair of a known and a novel set."""
        ends = np.cumsum([0, *map(len, self.parts.values())])
        of = {name: scores[ends[i] : ends[i + 1]] for i, name in enumerate(self.parts)}
        for known in self.known:
            for novel in self.novel:
                yield {
                    "task": self.name,
                    "method": method,
                    "stored": len(self.references),
                    "known": known,
                    "known_n": len(of[known]),
                    "novel": novel,
                    "novel_n": len(of[novel]),
                    "auroc": round(auroc(of[known], of[novel]), 4),
                    "ms_per_query": round(1e3 * seconds / len(scores), 4),
                }


def auroc(known: DoubleArray, novel: DoubleArray) -> float:
    """The probability that a novel score is above a known one; ties count half."""
    ranks = rankdata(np.concatenate([known, novel]))[len(known) :]
    return float((ranks.sum() - len(novel) * (len(novel) + 1) / 2) / (len(known) * len(novel)))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` gives, and the processor seconds it took."""
    start = time.process_time()
    return work(), time.process_time() - start


# -- data ------------------------------------------------------------------------------------------------------------


def clades(name: str, genes: Sequences, references: int, known: int, novel: int, seed: int) -> Task:
    """Whole phyla, then families, then genera, each from what is left, about `novel` sequences a rank."""
    rng = np.random.default_rng(seed)
    taxonomy = greengenes_taxonomy()
    lineages = np.array([taxonomy[id] for id in genes.ids])
    left = np.ones(len(genes), np.bool_)
    parts: dict[str, Sequences] = {}
    for rank, level in RANKS.items():
        names = lineages[:, level]
        named = np.array([len(name) > 3 for name in names])  # such as "g__" without a name
        sizes = {clade: int((left & (names == clade)).sum()) for clade in np.unique(names[left & named])}
        taken: list[str] = []
        for clade in rng.permutation(sorted(sizes)).tolist():
            if sizes[clade] <= novel and sum(sizes[c] for c in taken) < novel:
                taken.append(clade)
        chosen = left & np.isin(names, taken)
        parts[f"new {rank}"] = genes[rng.permutation(np.flatnonzero(chosen))[:novel]]
        left &= ~chosen
    rows = rng.permutation(np.flatnonzero(left))
    return Task(name, genes[np.sort(rows[known:][:references])], {"known": genes[rows[:known]]}, parts, "edit")


def beats(path: Path, references: int, asked: int, seed: int) -> Task:
    """Beats with their own mean and deviation taken out; the others are the patient with the most F beats, who has half
    of all, and seven drawn at random.
    """
    content, kind = np.load(path), np.load(path)["y"]
    patients, counts = np.unique(content["record"][kind == 3], return_counts=True)
    fused = patients[np.argmax(counts)]
    rest = np.random.default_rng(seed).permutation(np.setdiff1d(content["record"], [fused]))
    other = np.isin(content["record"], [fused, *rest[:7]])

    def some(mask: Any, count: int, skip: int = 0) -> Sequences:
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(mask))[skip : skip + count]
        values = content["X"][rows].astype(np.float32)
        values = (values - values.mean(axis=1, keepdims=True)) / (values.std(axis=1, keepdims=True) + 1e-6)
        return Sequences.from_arrays(values, ids=map(str, rows))

    known = {
        "N of others": some(other & (kind == 0), asked),
        "N held out": some(~other & (kind == 0), asked, references),
    }
    novel = {"V of others": some(other & (kind == 2), asked), "F of others": some(other & (kind == 3), asked)}
    novel = {name: part for name, part in novel.items() if len(part)}
    return Task("ecg", some(~other & (kind == 0), references), known, novel, "dtw", window=0.1)


def junctions(path: Path, seed: int) -> Task:
    """Splice junctions, 60 nt with the place in the middle: known are donors, two thirds of them stored."""
    every = read(path, alphabet=DNA, sequence_column="sequence", label_column="label")
    labels = np.array(list(every.labels))
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(labels == "ei"))
    part = 2 * len(rows) // 3
    novel = {"no junction": every[np.flatnonzero(labels == "n")], "acceptors": every[np.flatnonzero(labels == "ie")]}
    return Task("splice", every[np.sort(rows[:part])], {"donors": every[rows[part:]]}, novel, "edit")


# -- scores ----------------------------------------------------------------------------------------------------------


def oracle(task: Task) -> Iterator[Row]:
    """Exact nearest distances; the cost of brute force measured on a few queries, by this package and by rapidfuzz."""
    found, seconds = timed(lambda: task.distance.exact(task.queries, task.references, 1))
    scores = found.distances[:, 0]
    yield from task.rows("oracle: exact nearest", scores, seconds)
    few = task.queries[:: max(1, len(task.queries) // 12)]
    task.distance.matrix(few[:2], task.references[:200])  # compiled code is loaded once
    matrix, seconds = timed(lambda: task.distance.matrix(few, task.references))
    assert np.array_equal(matrix.min(axis=1), scores[:: max(1, len(task.queries) // 12)])
    yield {"task": task.name, "method": "oracle: brute force, seqsearch", "ms_per_query": 1e3 * seconds / len(few)}
    if task.distance.kind == "tokens":
        try:
            from rapidfuzz.distance import Levenshtein
            from rapidfuzz.process import cdist
        except ImportError:
            print("rapidfuzz skipped: pip install rapidfuzz")
            return
        texts, asked = task.references.texts(), few[:5].texts()
        _, seconds = timed(lambda: cdist(asked, texts, scorer=Levenshtein.distance, workers=1))
        yield {
            "task": task.name,
            "method": "oracle: brute force, rapidfuzz",
            "ms_per_query": 1e3 * seconds / len(asked),
        }


def scored(task: Task, index: SequenceIndex, encoder: str, methods: list[tuple[str, str | None]]) -> Iterator[Row]:
    """Rows of an index, the p-values left aside: the first known set stands for all that is known."""
    few = task.queries[:8]
    for method, by in methods:
        asked = {"method": method, "by": by, "known": few}
        index.novelty(few, **asked)
        found, seconds = timed(lambda asked=asked: index.novelty(task.queries, **asked))  # type: ignore[misc]
        yield from task.rows(" ".join(filter(None, (method, by, encoder))), found.scores, seconds)


def built(task: Task, folder: Path, name: str, **options: Any) -> SequenceIndex:
    return SequenceIndex.build(folder / f"{name}.ss", task.references, **{**task.options, "seed": 0, **options})


def learned(task: Task, target: str, encoder: str, seconds: float) -> Model:
    """An encoder trained for so many processor seconds."""
    plan = replace(
        TrainingPlan.of_effort("low"),
        target=target,
        steps=100_000,
        seconds=seconds,
        clock="cpu",
        check=50,
        batch=128,
        cells=2e11,
        average=0.99,
    )
    return train(task.references, task.distance, encoder=encoder, plan=plan, seed=0)[0]


def peers(task: Task, model: Model) -> Iterator[Row]:
    """Detectors of pyod on the embeddings."""
    try:
        from pyod.models.ecod import ECOD
        from pyod.models.iforest import IForest
        from pyod.models.lof import LOF
    except ImportError as error:
        print(f"pyod skipped: {error}: pip install pyod")
        return
    stored: FloatArray = model.embed(task.references)
    asked: FloatArray = model.embed(task.queries)
    for name, detector in (("LOF", LOF(20, novelty=True)), ("IForest", IForest(random_state=0)), ("ECOD", ECOD())):
        detector.fit(stored)
        scores, seconds = timed(lambda detector=detector: detector.decision_function(asked))  # type: ignore[misc]
        yield from task.rows(f"pyod {name} embedding", np.asarray(scores, np.float64), seconds)


def by_default(task: Task, folder: Path, seconds: float) -> Iterator[Row]:
    """The default encoder, its points and its 16-bit codes, and the peers on its points."""
    every = [(m, by) for m, row in METHODS.items() if row.measures for by in ("exact", "embedding")]
    with built(task, folder, "default", effort="low") as index:
        yield from scored(task, index, "", every)
        yield from peers(task, index.model)
        model = index.model
    with built(task, folder, "codes", model=model, bits=16) as index:
        yield from scored(task, index, "", [("shells", None)])
        yield from scored(task, index, "codes", [("nearest", "embedding")])


def by_counts(task: Task, folder: Path, seconds: float) -> Iterator[Row]:
    """Nothing learned: k-mer counts, or the shape of a series."""
    untrained = "kmer" if task.distance.kind == "tokens" else "curve"
    with built(task, folder, untrained, encoder=untrained, index="exact") as index:
        asked = [("nearest", "exact"), ("nearest", "embedding"), ("mean", "embedding")]
        yield from scored(task, index, f"{untrained} features", asked)


def by_contrast(task: Task, folder: Path, seconds: float, encoder: str) -> Iterator[Row]:
    model = learned(task, "contrastive", encoder, seconds)
    with built(task, folder, encoder, model=model, index="exact") as index:
        yield from scored(task, index, f"contrastive {encoder}", [("nearest", "embedding"), ("mean", "embedding")])


def by_autoencoder(task: Task, folder: Path, seconds: float) -> Iterator[Row]:
    model = learned(task, "autoencode", "gru", seconds)
    with built(task, folder, "auto", model=model, index="exact") as index:
        yield from scored(task, index, "autoencoder gru", [("reconstruction", None), ("nearest", "embedding")])


GROUPS: dict[str, Callable[[Task, Path, float], Iterator[Row]]] = {
    "oracle": lambda task, folder, seconds: oracle(task),
    "default": by_default,
    "counts": by_counts,
    "contrastive-gru": lambda *asked: by_contrast(*asked, "gru"),
    "contrastive-lstm": lambda *asked: by_contrast(*asked, "lstm"),
    "autoencoder": by_autoencoder,
}


def ranking(task: Task, groups: list[str], seconds: float) -> Iterator[Row]:
    """The methods of some groups on one task."""
    print(f"{task.name}: {len(task.references):,} stored; asked: { ({n: len(p) for n, p in task.parts.items()}) }")
    for group in groups:
        with tempfile.TemporaryDirectory() as folder:
            yield from GROUPS[group](task, Path(folder), seconds)


# -- calibration -----------------------------------------------------------------------------------------------------


def learned_rates(splits: range, stored: int, asked: int) -> Iterator[Row]:
    """What a network scores: each split trains its own, and compares with the members kept out of training."""
    for split in splits:
        references, queries = halves(split, stored, asked)
        with tempfile.TemporaryDirectory() as name:
            with SequenceIndex.build(Path(name) / "i.ss", references, effort="low", seed=split) as index:
                for method in ("nearest", "lof"):
                    found = index.novelty(queries, method=method, by="embedding")
                    yield kept(f"{method} embedding", split, found.p_values, found.known)
                model = index.model
            with SequenceIndex.build(Path(name) / "c.ss", references, model=model, bits=16) as index:
                found = index.novelty(queries, method="shells")
                yield kept("shells", split, found.p_values, found.known)


def exact_rates(splits: range, stored: int, asked: int) -> Iterator[Row]:
    """Exact distances, whoever proposes: one encoder for all splits, compared with all members."""
    plan = replace(TrainingPlan.of_effort("low"), sequences=10_000)
    model = train(greengenes_v4(), distance_named("edit"), plan=plan, seed=0)[0]
    for split in splits:
        references, queries = halves(split, stored, asked)
        with (
            tempfile.TemporaryDirectory() as name,
            SequenceIndex.build(Path(name) / "i.ss", references, model=model, seed=split) as index,
        ):
            for method in ("nearest", "mean"):
                found = index.novelty(queries, method=method, by="exact", sample=stored)
                yield kept(f"{method} exact", split, found.p_values, found.known)


def halves(split: int, stored: int, asked: int) -> tuple[Sequences, Sequences]:
    """V4 genes to store and others to ask, at random."""
    genes = greengenes_v4()
    rows = np.random.default_rng(100 + split).permutation(len(genes))
    return genes[np.sort(rows[:stored])], genes[rows[stored : stored + asked]]


def kept(method: str, split: int, p_values: DoubleArray, known: int) -> Row:
    ordered, n = np.sort(p_values), len(p_values)
    away = float(max((np.arange(1, n + 1) / n - ordered).max(), (ordered - np.arange(n) / n).max()))
    both = known * n / (known + n)
    return {
        "task": "calibration",
        "method": method,
        "split": split,
        "known": known,
        "queries": n,
        **{f"fpr_{rate:.2f}": round(float((p_values <= rate).mean()), 5) for rate in RATES},
        "ks": round(away, 4),
        "ks_significance": round(float(kstwobign.sf(away * np.sqrt(both))), 4),
    }


# -- all of it -------------------------------------------------------------------------------------------------------


def everything(asked: argparse.Namespace, parts: list[str]) -> Iterator[Row]:
    how = asked.groups.split(","), asked.train_seconds
    if "v4" in parts:
        yield from ranking(clades("v4", greengenes_v4(), asked.references, 2000, 600, 0), *how)
    if "full" in parts:
        yield from ranking(clades("full", greengenes_full(), asked.full_references, 400, 200, 0), *how)
    if "ecg" in parts and asked.data is None:
        print("ecg skipped: give --data, a folder with ecg/mitbih_beats.npz")
    elif "ecg" in parts:
        yield from ranking(beats(asked.data / "ecg" / "mitbih_beats.npz", asked.beats, 500, 0), *how)
    if "splice" in parts and asked.data is not None:
        yield from ranking(junctions(asked.data / "dna" / "splice.csv", 0), *how)
    splits = range(*map(int, asked.splits.split(":")))
    if "exact-rates" in parts:
        yield from exact_rates(splits, 50_000, 20_000)
    if "learned-rates" in parts:
        yield from learned_rates(splits, 10_000, 20_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="v4,full,ecg,splice,exact-rates,learned-rates")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--full-references", type=int, default=20_000)
    parser.add_argument("--beats", type=int, default=10_000)
    parser.add_argument("--splits", default="0:5", help="first and last, which is left out")
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--train-seconds", type=float, default=120.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, help="JSON lines; rows are added to what is there")
    asked = parser.parse_args()
    threads.use(asked.threads)
    for row in everything(asked, asked.only.split(",")):
        line = json.dumps(row)
        print(line, flush=True)
        if asked.output is not None:
            with asked.output.open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
