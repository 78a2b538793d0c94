"""What one budget proposed in a calibration, and what is found of it: of all, with stops, and of the first in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import Neighbours, recall_at
from .budget import Budget, Point
from .intervals import Stop, stopped
from .ladders import COMPARED
from .pipeline import Ranked

CALIBRATED_K = (1, 10, 50)
FEWEST_TO_NARROW, LEAST_NARROWING = 200, 2
"""Candidates from which on fewer of them are compared, where something orders them; at most one of so many."""
FEWEST_TO_STOP = 50  # candidates below which nothing is saved by stopping early
STOPPED = (100, 150, 200, 300, 400, 600, 800, 1200, 1600)
"""Of the numbers of ordered candidates, those with which stops are tried."""


class Order(Protocol):
    """What puts candidates in an order."""

    def of(self, proposed: Ranked) -> AnyArray | None:
        """(Q, C) scores of what was proposed; None where nothing orders them."""


@dataclass(frozen=True)
class Proposal:
    """What one budget proposed: (Q, C) scores, and the exact distances, inf for those too far to count."""

    budget: Budget
    scores: AnyArray
    distances: DoubleArray

    @cached_property
    def ordered(self) -> DoubleArray:
        """The distances of each query, nearest first, as many as are looked at."""
        most = max(CALIBRATED_K)
        if most < self.distances.shape[1]:
            return np.sort(np.partition(self.distances, most - 1, axis=1)[:, :most], axis=1)
        return np.sort(self.distances, axis=1)

    def recalls(self, truth: Neighbours, k: int, usual: int | None) -> list[float]:
        """The share of the k nearest that are among what was proposed, for the first `usual` queries and the others."""
        each = recall_at(self.ordered, truth.distances, k)
        return [
            float(part.mean()) for part in (each[:usual], each[len(each) if usual is None else usual :]) if len(part)
        ]

    def outcomes(self, truth: Neighbours, ks: tuple[int, ...], stops: list[Stop]) -> Iterator[Outcome]:
        """What it finds of the k nearest, for each k: of all candidates, and with every stop."""
        ks = tuple(k for k in ks if self.budget.keeps[-1] >= k)
        for k in ks:
            yield Outcome(self.budget, k, None, recall_at(self.ordered, truth.distances, k), None)
        for stop in stops if self.budget.keeps[-1] >= FEWEST_TO_STOP else ():
            least, reach = stop.classes
            distances, scores = (np.ascontiguousarray(each) for each in (self.distances, self.scores))
            for k in ks:
                nearest, compared = np.full((len(truth), k), np.inf), np.zeros(len(truth), np.int64)
                stopped(distances, scores, reach, least, nearest, compared)
                yield Outcome(self.budget, k, stop.alpha, recall_at(nearest, truth.distances, k), compared)

    def ordered_by(self, order: AnyArray) -> Proposal:
        """The first by an `order`, (Q, C) scores, as many as are compared at most."""
        most = max(self._narrowings)
        first = np.argsort(order, axis=1)[:, :most]
        scores, distances = (np.take_along_axis(each, first, axis=1) for each in (order, self.distances))
        return Proposal(self.budget, scores.astype(np.float32, copy=False), distances)

    def narrowed(self, truth: Neighbours, ks: tuple[int, ...], stops: list[Stop]) -> Iterator[Outcome]:
        """What is found where only the first of those in order are compared: some numbers of them."""
        for count in self._narrowings:
            part = Proposal(replace(self.budget, kept=(count,)), self.scores[:, :count], self.distances[:, :count])
            yield from part.outcomes(truth, ks, stops if count in STOPPED else [])

    @property
    def _narrowings(self) -> list[int]:
        return [count for count in COMPARED if count <= self.budget.candidates // LEAST_NARROWING]


@dataclass(frozen=True)
class Outcome:
    """What one budget, with a stop or without, finds of the k nearest of each query, (Q,) `each`, and how many
    candidates it compares for it, (Q,), None for all."""

    budget: Budget
    k: int
    alpha: float | None
    each: DoubleArray
    compared: IntArray | None

    def point(self, recall: float, lower: float, compared: float) -> Point:
        """With what it found of some queries, and surely finds, and how many candidates of each it compared."""
        verified, budget = None if self.compared is None else round(compared, 2), self.budget
        recall, lower = round(recall, 6), round(lower, 6)
        told = Point(self.k, budget.candidates, budget.ef, recall, lower, self.alpha, verified, lists=budget.lists)
        return replace(told, kept=budget.kept)


class Narrowing:
    """What is found where candidates are put in order, and only the first are compared."""

    def __init__(self, ordered: Order | None, truth: Neighbours, ks: tuple[int, ...]) -> None:
        self._ordered, self._truth, self._ks = ordered, truth, ks
        self._widest: dict[int, Proposal] = {}  # by numbers of candidates, of the last effort, the highest
        self.outcomes: list[Outcome] = []
        """Of all that were taken, without stops."""

    def take(self, proposal: Proposal, candidates: Ranked) -> AnyArray | None:
        """The (Q, C) scores by which candidates are chosen; None where nothing orders them, or there are few."""
        few = proposal.budget.candidates < FEWEST_TO_NARROW
        order = None if self._ordered is None or few else self._ordered.of(candidates)
        if order is not None:
            first = self._widest[proposal.budget.candidates] = proposal.ordered_by(order)
            self.outcomes += first.narrowed(self._truth, self._ks, [])
        return order

    def stopped(self, stops: list[Stop]) -> Iterator[Outcome]:
        """With every stop, of the highest effort for each number of candidates: beside what is compared, looking costs
        little."""
        for first in self._widest.values():
            for outcome in first.narrowed(self._truth, self._ks, stops):
                if outcome.alpha is not None:
                    yield outcome
