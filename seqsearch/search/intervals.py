"""When to stop verifying: a calibrated predictive interval of the exact distance, given the predicted one.

On the calibration queries it is known which predicted distance each true neighbour got. `Interval` keeps, for classes
of exact distance, the predicted distance that all but a share `alpha` of the neighbours in the class stay within
(split conformal: Vovk, Gammerman and Shafer 2005, section 4.2). Turned round, a candidate that is predicted farther
than that is, up to the alpha, not as near as the class: verification ends where no remaining candidate can enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, FloatArray, IntArray
from ..jit import kernel, prange

ALPHAS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
MOST_CLASSES = 32
FEWEST_IN_CLASS = 400


@dataclass(frozen=True)
class Stop:
    """One level of alpha: neighbours from `nearest[i]` on (up to the next class) are predicted within `reach[i]`.

    Both ascend; `nearest` has one entry more, what is known of candidates that are predicted beyond every class.
    """

    alpha: float
    nearest: tuple[float, ...]
    reach: tuple[float, ...]

    def bounds(self, predicted: FloatArray) -> DoubleArray:
        """(Q, C) least exact distance to be expected of candidates predicted at `predicted` or farther."""
        nearest, reach = self.classes
        out: DoubleArray = nearest[np.searchsorted(reach, predicted, "left")]
        return out

    @cached_property
    def classes(self) -> tuple[DoubleArray, DoubleArray]:
        """`nearest` and `reach` as arrays."""
        return np.array(self.nearest, np.float64), np.array(self.reach, np.float64)


@dataclass(frozen=True)
class Interval:
    """The stops of all levels of `ALPHAS`: `nearest` (B + 1,) as in `Stop`, `reaches` (levels, B)."""

    nearest: tuple[float, ...]
    reaches: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, exact: DoubleArray, predicted: AnyArray) -> Interval | None:
        """From true neighbours, (m,) each; `predicted` is inf for one that was not proposed. None for too few."""
        classes = min(MOST_CLASSES, len(exact) // FEWEST_IN_CLASS)
        if classes < 1:
            return None
        order = np.argsort(exact, kind="stable")
        exact, predicted = exact[order], np.asarray(predicted, np.float64)[order]
        starts = np.unique(np.searchsorted(exact, exact[len(exact) * np.arange(classes) // classes]))
        parts = np.split(predicted, starts[1:])
        reaches = [np.maximum.accumulate([_conformal(part, alpha) for part in parts]) for alpha in ALPHAS]
        nearest = (*exact[starts].tolist(), float(np.nextafter(exact[-1], np.inf)))
        return cls(nearest, tuple(tuple(reach.tolist()) for reach in reaches))

    def at(self, alpha: float) -> Stop:
        """The stop of one level."""
        return Stop(alpha, self.nearest, self.reaches[ALPHAS.index(alpha)])

    def to_json(self) -> JSON:
        finite = [[None if np.isinf(r) else r for r in reach] for reach in self.reaches]
        return {"nearest": list(self.nearest), "reaches": finite}

    @classmethod
    def from_json(cls, document: JSON) -> Interval:
        reaches = tuple(tuple(np.inf if r is None else float(r) for r in reach) for reach in document["reaches"])
        return cls(tuple(document["nearest"]), reaches)


def _conformal(values: DoubleArray, alpha: float) -> float:
    """What a further value stays within but for a share `alpha`; inf where there are too few to say."""
    rank = int(np.ceil((len(values) + 1) * (1 - alpha)))
    return float(np.sort(values)[rank - 1]) if rank <= len(values) else float("inf")


def predicted_of(truth: IntArray, rows: IntArray, predicted: FloatArray) -> FloatArray:
    """(Q, N) predicted distances of true rows among (Q, C) proposed ones; inf for one that was not proposed."""
    owners = np.arange(len(rows))[:, None] << 40
    proposed = (owners | np.maximum(rows, 0)).ravel()  # padding is last in its list, so it is found last, if at all
    order = np.argsort(proposed, kind="stable")
    wanted = owners | np.maximum(truth, 0)
    at = order[np.minimum(np.searchsorted(proposed[order], wanted), proposed.size - 1)]
    found = (proposed[at] == wanted) & (truth >= 0) & (rows.ravel()[at] >= 0)
    return np.where(found, predicted.ravel()[at], np.float32(np.inf))


@kernel(parallel=True)
def stopped(
    distances: DoubleArray,
    predicted: FloatArray,
    reach: DoubleArray,
    least: DoubleArray,
    nearest: DoubleArray,
    verified: IntArray,
) -> None:
    """What `Distance.rerank` with a `stop` would do, from (Q, C) exact distances in the order of the candidates, which
    are `predicted`, (Q, C); `reach`, (B,), and `least`, (B + 1,), are those of a `Stop`, and nothing is looked up of
    what comes after its end.

    Fills `nearest`, (Q, k) of inf, with the k least distances met, ascending, and `verified`, (Q,), with how many
    candidates were compared. An infinite distance is a candidate that is too far to count, or none at all.
    """
    k = nearest.shape[1]
    for q in prange(len(distances)):
        best, place = nearest[q], 0
        for c in range(distances.shape[1]):
            score = np.float64(predicted[q, c])
            while place < len(reach) and reach[place] < score:
                place += 1
            while place > 0 and reach[place - 1] >= score:
                place -= 1
            if least[place] > best[k - 1]:
                break
            verified[q] += 1
            found = distances[q, c]
            at = k - 1
            if found >= best[at]:
                continue
            while at > 0 and best[at - 1] > found:
                best[at] = best[at - 1]
                at -= 1
            best[at] = found
