"""How much recall a budget buys on the user's own data, and which budget to take for the recall he asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import Neighbours

CONFIDENCE = 1.645  # standard errors below the mean: 95% one-sided (normal approximation over queries)
CALIBRATED_K = (1, 10, 50)
STALE_SHARE = 0.2
SURE = 0.9985  # a lower bound above which nobody needs a larger budget


@dataclass(frozen=True)
class Budget:
    """`candidates` to verify for each query, found with effort `ef` of the graph (None: kinds without a graph)."""

    candidates: int
    ef: int | None = None

    def __str__(self) -> str:
        return f"{self.candidates} candidates" + (f", ef {self.ef}" if self.ef is not None else "")


@dataclass(frozen=True)
class Point:
    """One measured budget: mean recall of k neighbours over the held-out queries, and its 95% lower bound."""

    k: int
    candidates: int
    ef: int | None
    recall: float
    lower: float


@dataclass(frozen=True)
class Calibration:
    """The measured curve: `queries` held-out sequences against `size` stored ones; `target`: the recall by default."""

    target: float
    queries: int
    size: int
    points: tuple[Point, ...] = field(default_factory=tuple)

    def choose(self, recall: float, k: int) -> tuple[Budget | None, Point | None]:
        """The cheapest budget whose lower bound meets `recall` for k neighbours, or None when none does.

        The second value is the measured point behind it, or the best there is. For a k that was not measured the next
        larger measured one stands in; beyond the largest, its budgets grow in proportion.
        """
        measured = sorted({point.k for point in self.points})
        if not measured:
            return None, None
        stand_in = next((m for m in measured if m >= k), measured[-1])
        factor = max(1.0, k / stand_in)
        curve = sorted((p for p in self.points if p.k == stand_in), key=lambda p: (p.candidates, p.ef or 0))
        for point in curve:
            if point.lower >= recall:
                return _scaled(point, factor), point
        return None, max(curve, key=lambda p: (p.lower, p.recall))

    def is_stale(self, size: int) -> bool:
        """True when the index has grown or shrunk by more than a fifth since."""
        return abs(size - self.size) > STALE_SHARE * max(1, self.size)

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target, "queries": self.queries, "size": self.size,
            "points": [asdict(point) for point in self.points],
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Calibration:
        points = tuple(Point(**point) for point in document["points"])
        return cls(document["target"], document["queries"], document["size"], points)


def budgets_for(size: int, kind: str) -> list[Budget]:
    """The ladder of budgets that is measured for an index of `size` sequences."""
    ladder = [10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200]
    counts = [count for count in ladder if count < size] + ([size] if size <= ladder[-1] else [])
    return [Budget(count, max(count, 32) if kind == "hnsw" else None) for count in counts]


def per_query_recall(found: DoubleArray, truth: DoubleArray, k: int) -> DoubleArray:
    """(Q,) tie-aware recall of each query: found distances <= the k-th true one, over the true neighbours there are."""
    there = np.isfinite(truth[:, :k]).sum(axis=1)
    good = (found[:, :k] <= _thresholds(truth, k)[:, None]) & np.isfinite(found[:, :k])
    return np.asarray(np.where(there > 0, good.sum(axis=1) / np.maximum(there, 1), 1.0))


def _thresholds(truth: DoubleArray, k: int) -> DoubleArray:
    """(Q,) true distance of the k-th neighbour, or of the last there is."""
    there = np.isfinite(truth[:, :k]).sum(axis=1)
    return np.asarray(truth[np.arange(len(truth)), np.maximum(there, 1) - 1])


Propose = Callable[[Budget], IntArray]
Verify = Callable[[IntArray, IntArray, DoubleArray], DoubleArray]


def measure(
    truth: Neighbours, propose: Propose, verify: Verify, budgets: list[Budget], ks: tuple[int, ...]
) -> list[Point]:  # fmt: skip
    """The points of a curve for the queries that `truth` belongs to.

    `propose(budget)` gives (Q, C) rows, -1 padded; `verify(queries, rows, cutoffs)` the exact distances of pairs, (m,)
    each, of which those above their cutoff may be inf. A pair is verified once, however many budgets propose it. The
    ladder ends where every k is found as surely as anybody asks.
    """
    farthest = _thresholds(truth.distances, max(ks))
    seen: dict[str, AnyArray] = {"pairs": np.zeros(0, np.int64), "distances": np.zeros(0)}
    points: list[Point] = []
    for budget in budgets:
        distances = np.sort(_verified(propose(budget), verify, farthest, seen), axis=1)
        sure = True
        for k in ks:
            if budget.candidates < k:
                sure = False
                continue
            each = per_query_recall(distances, truth.distances, k)
            mean = float(each.mean())
            lower = mean - CONFIDENCE * float(each.std()) / np.sqrt(len(each))
            points.append(Point(k, budget.candidates, budget.ef, round(mean, 6), round(float(lower), 6)))
            sure = sure and lower >= SURE
        if sure:
            break
    return points


def _verified(rows: IntArray, verify: Verify, farthest: DoubleArray, seen: dict[str, AnyArray]) -> DoubleArray:
    """(Q, C) distances of proposed rows, inf where there is none; new pairs are verified and remembered in `seen`."""
    owners = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)
    there = rows >= 0
    pairs = owners[there] << 40 | rows[there]
    fresh = np.setdiff1d(pairs, seen["pairs"], assume_unique=True)
    who = fresh >> 40
    exact = verify(who, fresh & ((1 << 40) - 1), farthest[who])
    order = np.argsort(np.concatenate([seen["pairs"], fresh]))
    seen["pairs"] = np.concatenate([seen["pairs"], fresh])[order]
    seen["distances"] = np.concatenate([seen["distances"], exact])[order]
    out = np.full(rows.shape, np.inf)
    out[there] = seen["distances"][np.searchsorted(seen["pairs"], pairs)]
    return out


def _scaled(point: Point, factor: float) -> Budget:
    candidates = int(np.ceil(point.candidates * factor))
    return Budget(candidates, None if point.ef is None else max(candidates, int(np.ceil(point.ef * factor))))


def held_out(size: int, most: int, rng: np.random.Generator) -> IntArray:
    """Rows to take out as calibration queries: a twentieth of the data, at most `most`, none of a tiny set."""
    if size < 40:
        return np.zeros(0, np.int64)
    return np.sort(rng.choice(size, min(most, max(20, size // 20)), replace=False)).astype(np.int64)
