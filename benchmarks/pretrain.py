"""Whether a pretrained start would pay: learning from weights that generated families taught, and from components.

    python benchmarks/pretrain.py v4 names proteins genes --data FOLDER --output pretrain.jsonl

For each data set families are generated of its alphabet and lengths: ancestors, their descendants over four generations
of a tree, with sites that change at different rates; substitutions by BLOSUM62 for proteins, mostly transitions in DNA,
letters of the set in text, which also swaps two; insertions and deletions of one or several. The default network with
256 outputs learns --steps batches of their edit distances. Then it learns the real data for --seconds of processor time
of one thread from three starts, and `within_50`, `within_100`, `within_300` are the recall@10 of its nearest points for
queries that are not stored:

`components`: weighted principal components and a residual near zero, as learning begins; `pretrained`: all of the
pretrained network, its outputs turned to their weighted principal components on the real data; `residual`: components,
and the first layer of the pretrained residual. What is pretrained has the very features of the data set, its
vocabulary and length, which weights of a package could not have: an upper bound of what these would save.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import build
import numpy as np
import torch
from harness import datasets
from harness.datasets import DataSet

from seqsearch import threads
from seqsearch.arrays import AnyArray, DoubleArray, FloatArray, IntArray
from seqsearch.distances import distance_named
from seqsearch.distances.matrices import matrix_named
from seqsearch.encoders.components import DAMPING, components_model, leading_axes
from seqsearch.encoders.families import Family, register
from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.model import Model
from seqsearch.encoders.projection import ProjectionEncoder
from seqsearch.learning.networks import weights_of
from seqsearch.learning.plan import TrainingPlan
from seqsearch.learning.trainer import train
from seqsearch.search.lossless import Lossless
from seqsearch.search.suiting import suited
from seqsearch.sequences import PROTEIN, Alphabet, Sequences, Strings, offsets_of

K, DEEP, QUERIES = 10, 60, 300
WITHIN = (50, 100, 300)
STORED = {"v4": 20_000, "genes": 9169, "names": 12_000, "proteins": 20_000}
Row = dict[str, object]
STARTS = ("components", "pretrained", "residual")
WIDE = 256
ROOTS = 24
CHILDREN = ((5, 0.2), (5, 0.08), (4, 0.03), (4, 0.012))
"""Descendants of each, and the changes a site to them, a generation."""
_INDELS, _SWAPS, _LONGER = 0.2, 0.15, 0.3  # shares of the changes, and the chance that an insertion goes on


@dataclass(frozen=True)
class Evolving:
    """Sequences side by side: their letters, how fast each site changes beside others, and where they begin."""

    letters: IntArray
    rates: DoubleArray
    offsets: IntArray

    def children(
        self, count: int, changes: float, table: DoubleArray, swaps: float, rng: np.random.Generator
    ) -> Evolving:
        """`count` descendants of each, changed at about that share of sites; `table`: (A, A) rows of chances."""
        lengths = np.repeat(np.diff(self.offsets), count)
        starts = np.repeat(self.offsets[:-1], count)
        at = np.repeat(starts - offsets_of(lengths)[:-1], lengths) + np.arange(lengths.sum())
        letters, rates = self.letters[at], self.rates[at]
        each = np.repeat(changes * rng.exponential(size=len(lengths)), lengths)
        changed = rng.random(len(letters)) < 1 - np.exp(-each * rates)
        kind = rng.random(len(letters))
        other = changed & (kind >= _INDELS + swaps)
        below = np.cumsum(table[letters[other]], axis=1)
        drawn = (rng.random(len(below))[:, None] * below[:, -1:] > below).sum(axis=1)
        letters = letters.copy()
        letters[other] = np.minimum(drawn, table.shape[1] - 1)
        owner = np.repeat(np.arange(len(lengths)), lengths)
        first = np.flatnonzero(changed & (kind >= _INDELS) & (kind < _INDELS + swaps))
        first = first[(first + 1 < len(letters))]
        first = first[(owner[first] == owner[np.minimum(first + 1, len(letters) - 1)])]
        letters[first], letters[first + 1] = letters[first + 1], letters[first].copy()
        copies = np.ones(len(letters), np.int64)
        copies[changed & (kind < _INDELS / 2)] = 0
        longer = np.flatnonzero(changed & (kind >= _INDELS / 2) & (kind < _INDELS))
        copies[longer] += rng.geometric(1 - _LONGER, size=len(longer))
        kept = np.add.reduceat(copies, offsets_of(lengths)[:-1])
        copies[offsets_of(lengths)[:-1][kept == 0]] = 1
        ends = np.concatenate([[0], np.cumsum(copies)])
        out, faster = np.repeat(letters, copies), np.repeat(rates, copies)
        new = np.setdiff1d(np.arange(len(out)), ends[:-1][copies > 0])
        out[new] = rng.choice(table.shape[1], size=len(new), p=table.mean(axis=0) / table.mean(axis=0).sum())
        return Evolving(out, faster, ends[offsets_of(lengths)])


def chances(like: Sequences) -> tuple[IntArray, DoubleArray, float]:
    """The codes that letters stand for, (A, A) the chances that one is replaced by another, and the share of swaps."""
    assert like.alphabet is not None
    if like.alphabet.is_open:
        codes, counts = np.unique(like.data, return_counts=True)
        table = np.tile(counts / counts.sum(), (len(codes), 1))
        swaps = _SWAPS
    elif like.alphabet.name == PROTEIN.name:
        letters = "ARNDCQEGHILKMFPSTWYV"
        codes = PROTEIN.encode(letters).astype(np.int64)
        scores = matrix_named("blosum62").by_code(PROTEIN)[np.ix_(codes, codes)]
        table, swaps = np.exp2(scores / 2) / 20, 0.0
    else:
        codes = np.arange(4)
        table, swaps = np.ones((4, 4)), 0.0
        table[[0, 2, 1, 3], [2, 0, 3, 1]] = 4  # A and G, C and T
    table = table * (1 - np.eye(len(codes)))
    return codes.astype(np.int64), table / table.sum(axis=1, keepdims=True), swaps


def at_large(alphabet: Alphabet, rng: np.random.Generator) -> Sequences:
    """4,000 sequences that are nothing but lengths, as proteins have them: a median of 220, and two thirds within a
    factor of two."""
    lengths = np.clip(np.exp(rng.normal(np.log(220), 0.65, 4000)), 25, 1500).astype(np.int64)
    return Sequences.from_texts(["A" * length for length in lengths.tolist()], alphabet)


def generated(like: Sequences, rng: np.random.Generator, shallow: bool = False) -> Sequences:
    """Families of the alphabet and about the lengths of `like`, 9,600 sequences, by chance alone; `shallow`: 960 of
    ten children each."""
    codes, table, swaps = chances(like)
    usual = table.mean(axis=0)
    words = like.alphabet is not None and like.alphabet.is_open  # which have no deep tree
    roots, generations = (40 * ROOTS, ((10, 0.15),)) if words or shallow else (ROOTS, CHILDREN)
    parts = []
    for length in np.maximum(rng.choice(like.lengths, size=roots), 3).tolist():
        root = rng.choice(len(codes), size=length, p=usual / usual.sum())
        now = Evolving(root, rng.gamma(0.7, 1 / 0.7, size=length), np.array([0, length]))
        for count, changes in generations:
            now = now.children(count, changes, table, swaps, rng)
        data = codes[now.letters].astype(like.data.dtype)
        names = Strings.of([f"g{len(parts)}.{i}" for i in range(len(now.offsets) - 1)])
        parts.append(Sequences(data, now.offsets, names, like.alphabet))
    return Sequences.concatenate(parts)


class Started(ProjectionEncoder):
    """The default network with another start."""

    start: ClassVar[str] = STARTS[0]
    source: ClassVar[Model | None] = None

    def warm_up(self, sequences: Sequences) -> None:
        if self.start != "pretrained":
            super().warm_up(sequences)
        if self.start == STARTS[0] or self.source is None:
            return
        learned = {name: torch.from_numpy(np.array(value)) for name, value in self.source.weights.items()}
        with torch.no_grad():
            self.widen.weight.copy_(learned["widen.weight"])
            self.norm.load_state_dict({name[5:]: value for name, value in learned.items() if name.startswith("norm.")})
            if self.start == "pretrained":
                turned = torch.from_numpy(self._turned(sequences))  # (D, 256)
                self.linear.weight.copy_(turned @ learned["linear.weight"])
                self.narrow.weight.copy_(turned @ learned["narrow.weight"])

    def _turned(self, sequences: Sequences) -> FloatArray:
        """(D, 256) the weighted principal axes of the pretrained outputs."""
        assert self.source is not None
        points = replace(self.source, geometry="euclidean").embed(sequences)
        axes, variances = leading_axes(points, self.dim, np.random.default_rng(0))
        found = np.zeros((self.dim, points.shape[1]), np.float32)
        found[: axes.shape[1]] = (axes * (variances / variances[0]) ** -DAMPING).T
        return found


class WithSpec(ProjectionEncoder):
    """The default network with the inputs of other sequences than it learns from."""

    spec_of: ClassVar[InputSpec]

    def __init__(self, spec: InputSpec, **settings: object) -> None:
        super().__init__(self.spec_of, **settings)  # type: ignore[arg-type]


def pretrained(like: Sequences, steps: int, seed: int, width: int = WIDE, shallow: bool = False) -> Model:
    """A network of `width` outputs that learned generated families only."""
    families = generated(like, np.random.default_rng(seed), shallow)
    WithSpec.spec_of = InputSpec.fit(like)
    plan = replace(TrainingPlan.of_effort("normal"), steps=steps, epochs=1000)
    return train(families, distance_named("edit"), encoder="with-spec", plan=plan, seed=seed, settings={"dim": width})[
        0
    ]


def data_of(name: str, folder: Path | None) -> tuple[Sequences, Sequences]:
    """Stored and asked."""
    data: DataSet = datasets.load(name, QUERIES, folder) if name == "proteins" else build.data_of(name, folder)
    stored = data.database
    rows = np.random.default_rng(9).permutation(len(stored))[: STORED[name]]
    return stored[np.sort(rows)], data.queries[:QUERIES]


@dataclass(frozen=True)
class Judge:
    """Which of the stored are no farther from each query than its tenth."""

    stored: Sequences
    asked: Sequences
    near: list[AnyArray]

    @classmethod
    def of(cls, stored: Sequences, asked: Sequences) -> Judge:
        found, _ = Lossless(distance_named("edit"), stored, np.ones(len(stored), np.bool_)).neighbours(asked, DEEP)
        near = [rows[far <= far[K - 1]] for rows, far in zip(found.rows, found.distances, strict=True)]
        return cls(stored, asked, near)

    def recalls(self, model: Model) -> dict[str, float]:
        points, asked = model.embed(self.stored), model.embed(self.asked)
        if model.geometry == "cosine":
            points, asked = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in (points, asked))
        squares, found = (points**2).sum(axis=1), np.zeros(len(WITHIN))
        for point, near in zip(asked, self.near, strict=True):
            order = np.argsort(squares - 2 * points @ point, kind="stable")[: max(WITHIN)]
            hits = np.cumsum(np.isin(order, near))
            found += [min(K, hits[within - 1]) / K for within in WITHIN]
        shares = found / len(asked)
        return {f"within_{within}": round(float(share), 4) for within, share in zip(WITHIN, shares, strict=True)}


def started(stored: Sequences) -> Model:
    """The network of the current start, before its first step."""
    torch.manual_seed(0)
    network = Started(InputSpec.fit(stored))
    network.warm_up(stored[np.sort(np.random.default_rng(0).permutation(len(stored))[:8192])])
    geometry = TrainingPlan().suited_to(stored).geometry
    return Model("started", network.spec, network.settings(), weights_of(network), network.dim, geometry=geometry)


def unlearned(about: Row, judge: Judge, options: argparse.Namespace) -> Iterator[Row]:
    """What `--learn none` has, and what general weights find."""
    stored, edit = judge.stored, distance_named("edit")
    for width in options.widths:
        model = suited(components_model(stored, width), stored, edit, 0)
        kind = f"learn none, {width} dimensions, {model.geometry}"
        yield {**about, "start": kind, "cpu_s": 0, **judge.recalls(model)}
        if options.general:
            assert stored.alphabet is not None
            before = time.process_time()
            like = at_large(stored.alphabet, np.random.default_rng(5))
            model = pretrained(like, options.steps, 1, width, shallow=True)
            spent = {"cpu_s": 0, "pretraining_s": round(time.process_time() - before, 1)}
            yield {**about, "start": f"general, {width} dimensions", **spent, **judge.recalls(model)}


def rows(name: str, options: argparse.Namespace) -> Iterator[Row]:
    stored, asked = data_of(name, options.data)
    judge, about = Judge.of(stored, asked), {"data": name, "n": len(stored)}
    yield from unlearned(about, judge, options)
    if options.starts:
        yield from learned(about, judge, options)


def learned(about: Row, judge: Judge, options: argparse.Namespace) -> Iterator[Row]:
    """What is found after so many seconds of each start."""
    stored, before = judge.stored, time.process_time()
    Started.source = source = pretrained(stored, options.steps, seed=1)
    spent = round(time.process_time() - before, 1)
    yield {**about, "start": "pretrained, as it is", "cpu_s": 0, "pretraining_s": spent, **judge.recalls(source)}
    for start in options.starts:
        Started.start = start
        yield {**about, "start": start, "cpu_s": 0, **judge.recalls(started(stored))}
        for seconds in options.seconds:
            plan = replace(TrainingPlan.of_effort("normal"), seconds=seconds, clock="cpu", check=10_000)
            model, log = train(stored, distance_named("edit"), encoder="started", plan=plan, seed=0)
            yield {**about, "start": start, "cpu_s": seconds, "steps": log.rows[-1]["step"], **judge.recalls(model)}


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=list(STORED))
    text.add_argument("--starts", default=list(STARTS), type=lambda names: [name for name in names.split(",") if name])
    text.add_argument("--widths", type=int, nargs="+", default=[128], help="of what learns nothing here")
    text.add_argument("--general", action="store_true", help="weights that know nothing of the data, too")
    text.add_argument("--seconds", type=float, nargs="+", default=[5, 10, 20, 40])
    text.add_argument("--steps", type=int, default=1500, help="of pretraining")
    text.add_argument("--data", type=Path, help="folder with tagging/secondary_structure.tsv.gz, for proteins")
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    threads.use(1)
    register(Family("started", network=Started, load=".run:projection_runner"))
    register(Family("with-spec", network=WithSpec, load=".run:projection_runner"))
    for part in options.parts:
        for row in rows(part, options):
            print(json.dumps(row), flush=True)
            if options.output is not None:
                with options.output.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
