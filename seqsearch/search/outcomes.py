"""What one budget proposed in a calibration, and what is found of it: of all, with stops, and of the first in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import Neighbours
from ..distances.neighbours import thresholds
from ..jit import kernel, prange
from ..threads import numba_threads
from .budget import Budget, Point
from .intervals import Stop, stopped
from .ladders import COMPARED
from .pipeline import Ranked

CALIBRATED_K = (1, 10, 50)
FEWEST_TO_NARROW, LEAST_NARROWING = 200, 2
"""Candidates from which on fewer of them are compared, where something orders them; at most one of so many."""
FEWEST_TO_STOP = 50  # candidates below which nothing is saved by stopping early
STOPPED = (100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200)
"""Of the numbers of ordered candidates, those with which stops are tried."""


class Order(Protocol):
    """What puts candidates in an order."""

    def of(self, proposed: Ranked) -> AnyArray | None:
        """(Q, C) scores of what was proposed; None where nothing orders them."""


class Hits:
    """How many of the k nearest of each query are among the first so many of its candidates, (Q, C) `distances`."""

    def __init__(self, distances: DoubleArray, truth: Neighbours, k: int) -> None:
        self._possible = np.isfinite(truth.distances[:, :k]).sum(axis=1)
        self._counts = np.zeros((len(distances), distances.shape[1] + 1), np.int32)
        numba_threads()
        _count(distances, thresholds(truth.distances, k), self._counts)

    def among(self, first: IntArray | int) -> DoubleArray:
        """(Q,) the shares of them that are, ties counted, as `recall_at`; `first`: so many of each, (Q,), or of all."""
        found = np.minimum(self._counts[np.arange(len(self._counts)), first], self._possible)
        return np.where(self._possible > 0, found / np.maximum(self._possible, 1), 1.0)


@kernel(parallel=True)
def _count(distances: DoubleArray, farthest: DoubleArray, counts: IntArray) -> None:
    for q in prange(len(distances)):
        for c in range(distances.shape[1]):
            counts[q, c + 1] = counts[q, c] + (distances[q, c] <= farthest[q])


@dataclass(frozen=True)
class Proposal:
    """What one budget proposed: (Q, C) scores, and the exact distances, inf for those too far to count. `truth`: the
    nearest of the queries."""

    budget: Budget
    scores: AnyArray
    distances: DoubleArray
    truth: Neighbours

    def recalls(self, k: int, usual: int | None) -> list[float]:
        """The share of the k nearest that are among what was proposed, for the first `usual` queries and the others."""
        each = self._hits(k).among(self.distances.shape[1])
        return [
            float(part.mean()) for part in (each[:usual], each[len(each) if usual is None else usual :]) if len(part)
        ]

    def outcomes(self, ks: tuple[int, ...], stops: list[Stop]) -> Iterator[Outcome]:
        """What it finds of the k nearest, for each k: of all candidates, and with every stop."""
        stops = stops if self.budget.candidates >= FEWEST_TO_STOP else []
        for k in ks:
            if k <= self.budget.candidates:
                hits = self._hits(k)
                yield Outcome(self.budget, k, None, hits.among(self.distances.shape[1]), None)
                for stop in stops:
                    compared = self._until(stop, k)
                    yield Outcome(self.budget, k, stop.alpha, hits.among(compared), compared)

    def ordered_by(self, order: AnyArray) -> Proposal:
        """The same candidates by an `order`, (Q, C) scores."""
        places = np.argsort(order, axis=1)
        scores, distances = (np.take_along_axis(each, places, axis=1) for each in (order, self.distances))
        return replace(self, scores=scores.astype(np.float32, copy=False), distances=distances)

    def narrowed(self, ks: tuple[int, ...]) -> Iterator[Outcome]:
        """What is found where only the first of those in order are compared: some numbers of them."""
        for k in ks:
            hits = self._hits(k)
            for count in COMPARED:
                if k <= count <= self.budget.candidates // LEAST_NARROWING:
                    yield Outcome(replace(self.budget, kept=(count,)), k, None, hits.among(count), None)

    def stopped(self, ks: tuple[int, ...], stops: list[Stop]) -> Iterator[Outcome]:
        """What is found where those in order, the first of them or all, are compared until a stop."""
        for k in ks:
            hits = self._hits(k)
            for stop in stops:
                until = self._until(stop, k)
                for count in STOPPED:
                    if k <= count <= self.budget.candidates:
                        budget, compared = replace(self.budget, kept=(count,)), np.minimum(until, count)
                        yield Outcome(budget, k, stop.alpha, hits.among(compared), compared)

    def _hits(self, k: int) -> Hits:
        return Hits(self.distances, self.truth, k)

    def _until(self, stop: Stop, k: int) -> IntArray:
        """(Q,) how many candidates are compared until a stop."""
        least, reach = stop.classes
        nearest, compared = np.full((len(self.truth), k), np.inf), np.zeros(len(self.truth), np.int64)
        stopped(self.distances, self.scores, reach, least, nearest, compared)
        return compared


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

    def __init__(self, ordered: Order | None, ks: tuple[int, ...]) -> None:
        self._ordered, self._ks = ordered, ks
        self._widest: dict[int, Proposal] = {}  # by numbers of candidates, of the last effort, the highest
        self.outcomes: list[Outcome] = []
        """Of all that were taken, without stops."""

    def take(self, proposal: Proposal, candidates: Ranked) -> AnyArray | None:
        """The (Q, C) scores by which candidates are chosen; None where nothing orders them, or there are few."""
        few = proposal.budget.candidates < FEWEST_TO_NARROW
        order = None if self._ordered is None or few else self._ordered.of(candidates)
        if order is not None:
            first = self._widest[proposal.budget.candidates] = proposal.ordered_by(order)
            self.outcomes += first.narrowed(self._ks)
        return order

    def stopped(self, stops: list[Stop]) -> Iterator[Outcome]:
        """With every stop, of the highest effort for each number of candidates: beside what is compared, looking costs
        little."""
        for first in self._widest.values():
            yield from first.stopped(self._ks, stops)
