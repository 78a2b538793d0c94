"""Whether learning pays: what a build and so many queries will cost without it, with it, and by proof.

Costs are counted - candidates, cells of dynamic programmes, numbers multiplied - never timed, so that equal data give
equal decisions. Seconds are what these took on two cores of an AMD EPYC; elsewhere all of them are longer or shorter
together, and the decision is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..ann import CANDIDATE_INDEXES, auto_kind
from ..arrays import JSON, DoubleArray
from ..distances import Distance, Neighbours
from ..encoders.components import DIM, components_model
from ..learning.plan import TrainingPlan, affordable
from ..sequences import Sequences
from .lossless import Lossless

SAMPLE = 2000  # sequences among which the nearest of some are looked for, by proof and by components
K = 10
_ASKED = (10, 100)  # of them, fewer where distances are dear:
_LOOKED_AT = 4e10  # cells
_UNIT = 3e-7  # seconds that one candidate proposed takes
_PROVED = 4e-8  # and one of a search by proof, of which bounds rule most out
_CELL = 1.1e-11  # seconds that a cell of a dynamic programme takes while learning
_STEP = 1.6e-2  # seconds of a step of learning, of 256 sequences, beside its distances
_FEATURE = 2e-9  # seconds of a token and a dimension of a point
_ROW = 2.5e-5  # seconds to read, store and index a sequence
_FIXED = {"none": 6.0, "normal": 16.0}  # seconds that do not depend on the data: imports, components, calibration
_GROWTH = 0.1  # the power of the size by which the candidates grow that are needed for the same recall
_LEARNED = 0.2  # of the candidates that components need, what a trained encoder needs,
_FEWEST = 20.0  # at least
_VERIFIED = 0.6  # of them, as calibration stops lists early
_SCAN, _LISTS = 0.03, 60.0  # what a scan of a row costs, and looking through lists, in candidates
NONE, NORMAL = "none", "normal"
_ORDER = ("exact", NONE, NORMAL)


@dataclass(frozen=True)
class Estimate:
    """Of one way to search: `build`, in seconds, and seconds a `query`."""

    build: float
    query: float

    def total(self, queries: int) -> float:
        """Seconds for a build and so many queries."""
        return self.build + queries * self.query


@dataclass(frozen=True)
class Decision:
    """What to `learn`, after `estimates` of "exact" (by proof), "none" and "normal", for so many `queries`."""

    learn: str
    queries: int
    estimates: dict[str, Estimate]

    @property
    def cheapest(self) -> str:
        """Of the estimates."""
        return min(_ORDER, key=lambda name: (self.estimates[name].total(self.queries), _ORDER.index(name)))

    def to_json(self) -> JSON:
        """For `info`: what it was built for."""
        each = {
            name: {"build_s": round(one.build, 1), "queries_per_s": round(1 / one.query)}
            for name, one in self.estimates.items()
        }
        return {"queries": self.queries, "learn": self.learn, "cheapest": self.cheapest, "estimates": each}

    def __str__(self) -> str:
        told = {"exact": "lossless search", "none": "components (learn none)", "normal": "learning (learn normal)"}
        costs = ", ".join(
            f"{told[name]} {_seconds(one.build)} + {_rate(one.query)}" for name, one in self.estimates.items()
        )
        chosen = "nothing is learned" if self.learn == NONE else "an encoder is trained"
        return f"for {self.queries:,} queries {chosen} ({costs}; --expect-queries, --learn)"


def decided(
    sequences: Sequences, size: int, distance: Distance, queries: int, seconds: float | None = None
) -> Decision:
    """For an index of `size` sequences, of which `sequences` are a random sample, and so many queries; `seconds`: that
    building may take at most."""
    sample = sequences[:SAMPLE]
    asked = min(len(sample), _affordable_queries(sample, distance))
    everything = np.ones(len(sample), np.bool_)
    truth, _ = Lossless(distance, sample, everything).neighbours(sample[:asked], min(len(sample), K + 1))
    known = truth.distances[np.isfinite(truth.distances)]
    cost = distance.verification_cost(sample.lengths, float(np.median(known)))
    exact = _PROVED * distance.exhaustive_cost(sample.lengths, size, cost)
    needed = _rank(truth, sample, asked) * (size / len(sample)) ** _GROWTH
    scans = not CANDIDATE_INDEXES[auto_kind(size)].effort
    lengths = sample.lengths.astype(np.float64)
    estimates = {"exact": Estimate(0.0, exact)}
    for name, count in (("none", needed), ("normal", max(_FEWEST, _LEARNED * needed))):
        count = min(float(size), count)
        proposing = _SCAN * size if scans else _LISTS + count
        query = _UNIT * (proposing + _VERIFIED * count * cost) + _FEATURE * float(lengths.mean()) * DIM
        # what proposing does not pay for is searched by proof all the same
        estimates[name] = Estimate(_FIXED[name] + _building(name, lengths, size, distance), min(query, exact))
    best = Decision(NONE, queries, estimates).cheapest
    late = seconds is not None and estimates[NORMAL].build > seconds
    return Decision(NORMAL if best == NORMAL and not late else NONE, queries, estimates)


def _affordable_queries(sample: Sequences, distance: Distance) -> int:
    """Of the sample, those whose nearest may be looked for in it."""
    pair = max(1.0, float(np.mean(sample.lengths.astype(np.float64) ** 2)))
    return int(np.clip(affordable(_LOOKED_AT, distance) / (pair * len(sample)), *_ASKED))


def _rank(truth: Neighbours, sample: Sequences, asked: int) -> float:
    """The rank by components that 99 of 100 of the nearest in a sample are within."""
    points = components_model(sample).embed(sample)
    squared = ((points[:asked, None] - points[None]) ** 2).sum(-1) if asked * len(points) < 1 << 20 else None
    if squared is None:
        squared = (points**2).sum(1) - 2 * points[:asked] @ points.T
    place = squared.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    ranks = np.take_along_axis(place, np.maximum(truth.rows, 0), axis=1)[truth.rows >= 0]
    return float(np.quantile(ranks, 0.99)) + 1


def _building(name: str, lengths: DoubleArray, size: int, distance: Distance) -> float:
    """Seconds that depend on the data."""
    made = size * (_ROW + _FEATURE * float(lengths.mean()) * 128)
    if name == NONE:
        return made
    plan = TrainingPlan()
    cells = min(affordable(plan.cells, distance), plan.steps * (plan.batch * float(lengths.mean())) ** 2 / 2)
    dear = plan.cells / affordable(plan.cells, distance)
    return made + plan.steps * _STEP + cells * dear * _CELL + min(size, plan.sequences) * 1.5e-4


def _seconds(seconds: float) -> str:
    return "no build" if seconds == 0 else f"{seconds:,.0f} s"


def _rate(seconds: float) -> str:
    rate = 1 / max(seconds, 1e-9)
    return f"{float(f'{rate:.2g}'):,.0f} queries/s"
