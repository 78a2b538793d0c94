"""What may tell classes, each with its few variants: n-grams, outlines of series, warped neighbours, a network.

A judge answers for held-out rows after learning from others, once for each variant, and makes a model of the variant
that is chosen in the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np

from ...arrays import JSON, AnyArray, DoubleArray, FloatArray, IntArray
from ...distances import distance_named
from ...encoders import grams, voters
from ...encoders.blend import direct_head, scores_of
from ...encoders.grams import GramReading, found_among, norms
from ...encoders.heads import BIAS, WEIGHT, head_outputs
from ...encoders.inputs import InputSpec
from ...encoders.model import Model
from ...encoders.series_features import SeriesFeatures
from ...sequences import ranges_to_indices
from .linear import DenseTable, Fitted, SparseTable, Table, fit_logistic
from .material import Fold, Material

Answers = dict[str, FloatArray]
"""(h, K) scores of the held-out rows by the name of a variant."""

_MOST_GRAMS = 1 << 20
_MOST_VALUES = 1 << 25  # of a table of n-grams and classes
_FAR = 8.0  # deviations beyond which a feature says no more
_BAND = 0.05
_KS = (1, 5, 15)
_MOST_VOTERS = 8000


class Judge(ABC):
    """One way to tell classes. `name` is shown in `seqsearch info`."""

    name: str

    def __init__(self, material: Material) -> None:
        self.material = material

    @abstractmethod
    def answers(self, fold: Fold) -> Answers:
        """Scores of the rows held out, learnt from the others."""

    @abstractmethod
    def models(self, variant: str) -> list[Model]:
        """Models of that variant, each with a head: one of all rows, or those of the folds, which count alike."""


class GramJudge(Judge):
    """Logistic regression on which n-grams are there. `weighting`: "bayes" scales every n-gram by how much oftener it
    stands in a class than elsewhere (Wang and Manning 2012), "tf-idf" by its rarity, in vectors of length 1. Variants:
    strengths. `what`: how the n-grams are called; `keys`: what the reading gives of the sequences."""

    strengths: ClassVar[dict[str, tuple[float, ...]]] = {"bayes": (0.03, 0.1, 0.3, 1.0), "tf-idf": (4.0, 16.0, 64.0)}

    def __init__(
        self, material: Material, reading: GramReading, what: str, weighting: str, keys: tuple[grams.Keys, IntArray]
    ) -> None:
        super().__init__(material)
        self.reading, self.weighting = reading, weighting
        self.name = f"{what}, {weighting}"
        self.keys, self.offsets = keys

    @classmethod
    def both(cls, material: Material, reading: GramReading, what: str) -> list[Judge]:
        """One of each weighting."""
        keys = reading.keys(material.sequences)
        return [cls(material, reading, what, weighting, keys) for weighting in cls.strengths]

    def answers(self, fold: Fold) -> Answers:
        train, held = fold
        part = self.material.sequences[held]
        return {
            variant: scores_of(model, part) for variant, model in self._fitted(train, self.strengths[self.weighting])
        }

    def models(self, variant: str) -> list[Model]:
        return [model for _, model in self._fitted(self.material.learnt, (float(variant),))]

    def _fitted(self, rows: IntArray, strengths: tuple[float, ...]) -> Iterator[tuple[str, Model]]:
        """A model of every strength, learnt from some rows; stronger ones go on from weaker ones."""
        material = self.material
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        own = self.keys[ranges_to_indices(self.offsets[rows], lengths)]
        known, places = _vocabulary(own, material.classes)
        there = places >= 0
        owners = np.repeat(np.arange(len(rows)), lengths)
        columns, whose = places[there], owners[there]
        ends = np.concatenate([[0], np.cumsum(np.bincount(whose, minlength=len(rows)))])
        numbers = material.numbers[rows]
        rarity, scale, values = None, None, np.ones(len(columns))
        if self.weighting == "bayes":
            scale = _ratios(columns, numbers[whose], len(known), material.classes)
        else:
            seen = np.bincount(columns, minlength=len(known))
            rarity = (np.log((1 + len(rows)) / (1 + seen)) + 1).astype(np.float32)
            values = rarity[columns] / norms(rarity, places, offsets)[whose]
        table = SparseTable(columns, values, ends, len(known))
        given = numbers, material.weights[rows], material.classes
        start: Fitted | None = None
        for strength in strengths:
            start = fit_logistic(table, len(known), *given, strength=strength, scale=scale, start=start)
            inner = start.weights if rarity is None else start.weights * rarity[:, None]
            more: dict[str, AnyArray] = {} if rarity is None else {grams.RARITY: rarity}
            found: dict[str, AnyArray] = {grams.KEYS: known, grams.TABLE: inner.astype(np.float32), **more}
            weights: dict[str, AnyArray] = {**found, **direct_head(material.classes, start.bias)}
            settings: JSON = {"reading": self.reading.to_json()}
            yield f"{strength:g}", Model(grams.FAMILY, self._spec(), settings, weights, material.classes)

    def _spec(self) -> InputSpec:
        spec = InputSpec.fit(self.material.sequences)
        return replace(spec, vocabulary=())  # every symbol is an n-gram of its own


def _vocabulary(keys: grams.Keys, classes: int) -> tuple[grams.Keys, IntArray]:
    """The ascending n-grams that count, the most frequent where there are too many, and the place of each key."""
    known, seen = np.unique(keys, return_counts=True)
    most = min(_MOST_GRAMS, max(1, _MOST_VALUES // classes))
    if len(known) > most:
        known = np.sort(known[np.argsort(-seen, kind="stable")[:most]])
    return known, found_among(keys, known)


def _ratios(columns: IntArray, numbers: IntArray, width: int, classes: int) -> DoubleArray:
    """(M, K) logarithms of how many times as often an n-gram stands in a class as in all others, one more seen each."""
    counts = np.zeros((width, classes))
    np.add.at(counts, (columns, numbers), 1.0)
    others = counts.sum(axis=1, keepdims=True) - counts + 1.0
    counts += 1.0
    ratios: DoubleArray = np.log(counts / counts.sum(axis=0)) - np.log(others / others.sum(axis=0))
    return ratios


class OutlineJudge(Judge):
    """Logistic regression on the outlines of series (`SeriesFeatures`). Variants: strengths."""

    name = "outlines"
    strengths: ClassVar[tuple[float, ...]] = (3e-4, 3e-3, 3e-2)

    def __init__(self, material: Material) -> None:
        super().__init__(material)
        self.features = SeriesFeatures.standard(InputSpec.fit(material.sequences))
        self.values = self.features.dense(material.sequences)
        self._answered: dict[bytes, Answers] = {}  # asked twice where series may be read in context

    def answers(self, fold: Fold) -> Answers:
        train, held = fold
        key = held.tobytes()
        if key not in self._answered:
            self._answered[key] = {
                variant: head_outputs(self.values[held], weights)
                for variant, weights in self._fitted(train, self.strengths)
            }
        return self._answered[key]

    def models(self, variant: str) -> list[Model]:
        classes = self.material.classes
        made = []
        for _, weights in self._fitted(self.material.learnt, (float(variant),)):
            settings: JSON = {"dim": classes, "hidden": 0, "features": self.features.to_json()}
            own = {"linear.weight": weights[WEIGHT], **direct_head(classes, weights[BIAS])}
            made.append(Model("linear", self.features.spec, settings, own, classes))
        return made

    def _fitted(self, rows: IntArray, strengths: tuple[float, ...]) -> Iterator[tuple[str, dict[str, AnyArray]]]:
        """(K, M) weights and (K,) biases over the features as they are."""
        material, chosen = self.material, self.values[rows]
        mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
        spread = np.where(spread > 1e-6, spread, np.inf)  # what never changes says nothing
        table: Table = DenseTable((chosen - mean) / spread)
        start: Fitted | None = None
        for strength in strengths:
            start = fit_logistic(
                table,
                chosen.shape[1],
                material.numbers[rows],
                material.weights[rows],
                material.classes,
                strength=strength,
                start=start,
            )
            weights = start.weights / spread[:, None]
            bias = start.bias - mean @ weights
            yield f"{strength:g}", {WEIGHT: weights.T.astype(np.float32), BIAS: bias.astype(np.float32)}


class VoterJudge(Judge):
    """The classes of the nearest under time warping in a narrow band. Variants: how many vote."""

    name = "neighbours"

    def __init__(self, material: Material, channels: int) -> None:
        super().__init__(material)
        self.channels = channels
        self.compared = voters.compared(material.sequences, channels)

    def answers(self, fold: Fold) -> Answers:
        train, held = fold
        kept = self._kept(train)
        distance = distance_named("dtw", window=_BAND)
        most = min(max(_KS), len(kept))
        rows = distance.exact(self.compared[held], self.compared[kept], most).rows
        classes = self.material.numbers[kept]
        votes = self._votes(kept)
        return {f"{k}": voters.log_shares(rows[:, :k], classes, votes) for k in _KS if k <= most}

    def models(self, variant: str) -> list[Model]:
        kept = self._kept(self.material.learnt)
        stored = self.compared[kept]
        spec = InputSpec.fit(self.material.sequences)
        settings: JSON = {
            "channels": self.channels,
            "k": int(variant),
            "window": _BAND,
            "votes": self._votes(kept).tolist(),
        }
        weights = {
            voters.SERIES: stored.data.astype(np.float32),
            voters.ENDS: stored.offsets - stored.offsets[0],
            voters.CLASSES: self.material.numbers[kept],
            **direct_head(self.material.classes),
        }
        return [Model(voters.FAMILY, spec, settings, weights, self.material.classes)]

    def _kept(self, rows: IntArray) -> IntArray:
        """Those that vote: all, or so many of them, evenly spread."""
        if len(rows) <= _MOST_VOTERS:
            return rows
        return rows[np.linspace(0, len(rows) - 1, _MOST_VOTERS).astype(np.int64)]

    def _votes(self, kept: IntArray) -> DoubleArray:
        """(K,) how much the vote of each class counts: as its examples count in learning."""
        material = self.material
        votes = np.ones(material.classes)
        votes[material.numbers[kept]] = material.weights[kept]
        return votes
