"""Which judge to believe: all answer for the same held-out rows, and the best of them, or a blend, becomes the model.

A blend is a weighted sum of scores, each judge's divided by a temperature fitted first; the weights are those of the
least log loss on the held-out rows, or of the highest mean F1. Where one class is rare, a level is added to the score
of each class so that the mean F1 of the classes is highest: the most probable class is then not the best answer,
because rare classes would never be told (Lipton, Elkan and Narayanaswamy, Optimal thresholding of classifiers to
maximize F1, ECML 2014).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...arrays import JSON, AnyArray, BoolArray, DoubleArray, FloatArray, IntArray
from ...progress import Progress
from ..scores import accuracy, f1_scores, macro_f1
from .judges import Judge
from .material import Fold, Material, mostly_of_one_record
from .temperature import fitted_temperature

_RARE = 0.2  # of an even share: a class below makes the measure macro F1
_PARTS = 4  # a blend is shared out in quarters
_MOST_BLENDED = 3
_LEVELS = np.arange(-3.0, 3.01, 0.25)
_ROUNDS = 3


def measure_for(numbers: IntArray, classes: int) -> str:
    """Accuracy, or macro F1 where a class is rare."""
    shares = np.bincount(numbers, minlength=classes) / max(1, len(numbers))
    return "macro_f1" if float(shares.min()) < _RARE / classes else "accuracy"


@dataclass(frozen=True)
class Held:
    """(h,) classes of what is held out, one fold after the other, what each counts in judging and in a loss; `judged`:
    (K,) which classes can be judged: not those of which one record has more than half, which lack wherever that is held
    out."""

    true: IntArray
    counts: DoubleArray
    weights: DoubleArray
    measure: str
    judged: BoolArray

    @classmethod
    def of(cls, material: Material, folds: Sequence[Fold], measure: str) -> Held:
        """Of all folds."""
        rows = np.concatenate([held for _, held in folds])
        judged = ~mostly_of_one_record(material)
        judged |= not judged.any()
        weights = material.weights[rows] * judged[material.numbers[rows]].astype(np.float64)
        return cls(material.numbers[rows], material.counts[rows], weights, measure, judged)

    def loss(self, scores: AnyArray) -> float:
        """Weighted mean of -log probability of the true class, of (h, K) scores."""
        highest = scores.max(axis=1)
        total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
        return float(np.average(total - scores[np.arange(len(scores)), self.true], weights=self.weights))

    def table(self, scores: AnyArray, counts: DoubleArray | None = None) -> DoubleArray:
        """(K, K) counts, true down and told across."""
        table = np.zeros((scores.shape[1], scores.shape[1]))
        np.add.at(table, (self.true, scores.argmax(axis=1)), self.counts if counts is None else counts)
        return table

    def mean_f1(self, scores: AnyArray, counts: DoubleArray | None = None) -> float:
        """Mean F1 of the classes that can be judged, of their own examples."""
        own = self.counts * self.judged[self.true] if counts is None else counts
        found = f1_scores(self.table(scores, own))[self.judged]
        return float(np.nanmean(found)) if not np.isnan(found).all() else 0.0

    def badness(self, scores: AnyArray) -> tuple[float, float]:
        """What is made least: the log loss, or less the mean F1 and then the log loss."""
        if self.measure != "macro_f1":
            return self.loss(scores), 0.0
        return -self.mean_f1(scores + self.levels(scores)), self.loss(scores)

    def told(self, scores: AnyArray) -> dict[str, float]:
        """Accuracy, macro F1 and log loss."""
        table = self.table(scores)
        told = {"accuracy": accuracy(table), "macro_f1": macro_f1(table), "log_loss": self.loss(scores)}
        return {name: round(value, 4) for name, value in told.items()}

    def levels(self, scores: AnyArray) -> DoubleArray:
        """(K,) what to add to the scores for the highest mean F1 of the classes that can be judged: class by class,
        until nothing changes. It is 0 for the others and, so that these keep their odds against what they are told
        from, for the most frequent class."""
        levels = np.zeros(scores.shape[1])
        if self.measure != "macro_f1":
            return levels
        counts = self.counts * self.judged[self.true]
        frequent = int(np.bincount(self.true, weights=self.counts, minlength=len(levels)).argmax())
        moved = [number for number in np.flatnonzero(self.judged).tolist() if number != frequent]
        for _ in range(_ROUNDS):
            before = levels.copy()
            for number in moved:
                values = []
                for level in _LEVELS:
                    levels[number] = level
                    values.append(self.mean_f1(scores + levels, counts))
                best = np.flatnonzero(np.array(values) >= max(values) - 1e-12)
                levels[number] = _LEVELS[best[np.argmin(np.abs(_LEVELS[best]))]]
            if (levels == before).all():
                break
        return levels


@dataclass(frozen=True)
class Candidate:
    """A judge's best variant: its (h, K) scores, already divided by the `temperature`, and what they come to."""

    judge: Judge
    variant: str
    temperature: float
    scores: DoubleArray
    told: dict[str, float]


@dataclass(frozen=True)
class Choice:
    """What is chosen: `shares` of candidates, which add up to 1; their summed scores, divided by a `temperature` and
    with (K,) `levels` added, are the (h, K) `scores`."""

    candidates: list[Candidate]
    shares: DoubleArray
    temperature: float
    levels: DoubleArray
    scores: DoubleArray
    told: dict[str, float]
    held: Held

    def final_temperature(self) -> float:
        """What makes the probabilities of the chosen scores true."""
        return fitted_temperature(self.scores, self.held.true, self.held.counts)

    def to_json(self) -> JSON:
        """What `seqsearch info` shows."""
        tried = [
            {"judge": one.judge.name, "variant": one.variant, "share": round(float(share), 4), **one.told}
            for one, share in zip(self.candidates, self.shares, strict=True)
        ]
        return {"measure": self.held.measure, "held_out": len(self.held.true), "judges": tried, "chosen": self.told}


def choose(judges: Sequence[Judge], folds: Sequence[Fold], held: Held, progress: Progress) -> Choice:
    """The judges' best variants and the blend of them that does best on what is held out."""
    candidates = []
    with progress.task("judging", len(judges) * len(folds)) as task:
        for judge in judges:
            answers: dict[str, list[FloatArray]] = {}
            for fold in folds:
                task.say(judge.name)
                for variant, scores in judge.answers(fold).items():
                    answers.setdefault(variant, []).append(scores)
                task.advance()
            whole = {name: np.concatenate(parts) for name, parts in answers.items() if len(parts) == len(folds)}
            candidates.append(_best(judge, whole, held))
    return _blend(candidates, held)


def _best(judge: Judge, answers: dict[str, FloatArray], held: Held) -> Candidate:
    """The variant of the least loss."""
    made = []
    for variant, scores in answers.items():
        temperature = fitted_temperature(scores, held.true, held.weights)
        cooled = scores.astype(np.float64) / temperature
        made.append(Candidate(judge, variant, temperature, cooled, held.told(cooled + held.levels(cooled))))
    return min(made, key=lambda one: held.badness(one.scores))


def _blend(candidates: list[Candidate], held: Held) -> Choice:
    """Shares in quarters, of three judges at most."""
    best: tuple[tuple[float, float], tuple[int, ...]] = ((np.inf, np.inf), ())
    for parts in itertools.product(range(_PARTS + 1), repeat=len(candidates)):
        if sum(parts) != _PARTS or np.count_nonzero(parts) > _MOST_BLENDED:
            continue
        scores = _sum(candidates, parts)
        scores /= fitted_temperature(scores, held.true, held.weights)
        best = min(best, (held.badness(scores), parts))
    shares = np.array(best[1], np.float64) / _PARTS
    scores = _sum(candidates, best[1])
    temperature = fitted_temperature(scores, held.true, held.weights)
    scores /= temperature
    levels = held.levels(scores)
    scores += levels
    return Choice(candidates, shares, temperature, levels, scores, held.told(scores), held)


def _sum(candidates: list[Candidate], parts: Sequence[int]) -> DoubleArray:
    total = np.zeros(candidates[0].scores.shape)
    for one, part in zip(candidates, parts, strict=True):
        if part:
            total += one.scores * (part / _PARTS)
    return total
