"""What no string's sum of edit distances to a set can be less than, by proof.

For any string with distances x to the members, x_i + x_j is at least their distance, by the triangle inequality, and
x_i + x_j + x_k what the best string for those three has. The least weighted sum of whole numbers that keep to this is
a bound: a linear programme, to which only those pairs and triples are added that its solutions break.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import EmptyInputError, MismatchError, ParameterError
from ..sequences import Sequences, SequencesLike
from ..sequences.coercion import taken
from .consensus import weights_of
from .edit import EditDistance
from .median_of_three import medians_of_three

_SMALL = 1e-6
_AT_ONCE = 2000  # pairs or triples added between two solutions
_CELLS = 1 << 30  # of all triples that are looked at
_TOGETHER = 1000  # members at most in one programme: what parts of a set come to at least adds up
_TRIPLES_OF = 100  # members at most, of which there are 161,700
_NODES = 2000  # of a search over whole numbers; what it has proved by then stands


class _Conditions(NamedTuple):
    """Sets of members, (c, 3) with -1 for none, and (c,) what their distances come to at least."""

    members: IntArray
    least: IntArray

    def with_more(self, members: IntArray, least: IntArray) -> _Conditions:
        return _Conditions(np.concatenate([self.members, members]), np.concatenate([self.least, least]))


def consensus_bound(members: SequencesLike, *, weights: ArrayLike | None = None, most: int | None = None) -> int:
    """A number that the weighted sum of edit distances of no string to `members` is below.

    `weights`: as of `consensus`; `most`: a sum that is known (`Consensus.total`), at which the search for a better
    bound ends: a bound that equals it proves that there is none better. Of more than 100 distinct members, triples are
    not looked at. Raises EmptyInputError, MismatchError for series, ParameterError.

    >>> import seqsearch as ss
    >>> names = ["anna", "hanna", "anne"]
    >>> ss.consensus_bound(names), ss.consensus(names).total
    (2, 2)
    """
    given = taken(members, "members").sequences
    if given.alphabet is None:
        raise MismatchError("a consensus is of strings; series have averages (dtw_barycenter_averaging of tslearn)")
    if not len(given):
        raise EmptyInputError("there is no sequence", path="members")
    if most is not None and most < 0:
        raise ParameterError(f"most must be at least 0, not {most}")
    first, counts = _distinct(given, weights_of(weights, len(given)))
    if len(first) == 1:
        return 0
    known = np.inf if most is None or len(first) > _TOGETHER else most
    parts = [slice(start, start + _TOGETHER) for start in range(0, len(first), _TOGETHER)]
    return sum(_Bound(given[first[part]], counts[part], known).found() for part in parts)


def _distinct(members: Sequences, counts: IntArray) -> tuple[IntArray, IntArray]:
    """The first row of all equal ones, and what they weigh together."""
    rows: dict[bytes, list[int]] = {}
    for row in range(len(members)):
        rows.setdefault(members.data[members.offsets[row] : members.offsets[row + 1]].tobytes(), []).append(row)
    together = [int(counts[equal].sum()) for equal in rows.values()]
    return np.array([equal[0] for equal in rows.values()]), np.array(together)


class _Bound:
    """The linear programme of n distinct strings with `counts`, up to `most`."""

    def __init__(self, members: Sequences, counts: IntArray, most: float) -> None:
        self._members, self._counts, self._most = members, counts, most
        self._between = EditDistance().matrix(members, members).astype(np.int64)
        self._pairs = np.stack(np.triu_indices(len(members), 1), axis=1)
        self._apart = self._between[tuple(self._pairs.T)]

    def found(self) -> int:
        farthest = self._between.argmax(axis=1)
        pairs = np.stack([np.arange(len(farthest)), farthest, np.full(len(farthest), -1)], axis=1)
        conditions = _Conditions(pairs, self._between.max(axis=1))
        conditions, best, distances = self._with_pairs(conditions)
        if best < self._most:
            best = max(best, self._whole(conditions))
        if best >= self._most or len(self._members) > _TRIPLES_OF or len(self._members) < 3:
            return best
        triples = _Triples(self._members, self._between)
        while best < self._most:
            broken = triples.broken_by(distances)
            if broken is None:
                break
            conditions, linear, distances = self._with_pairs(conditions.with_more(*broken))
            best = max(best, linear)
        return best if best >= self._most else max(best, self._whole(conditions))

    def _with_pairs(self, conditions: _Conditions) -> tuple[_Conditions, int, DoubleArray]:
        """Conditions with every pair that mattered, the bound by them, and (n,) distances that attain it."""
        while True:
            value, distances = self._linear(conditions)
            missing = self._apart - distances[self._pairs].sum(axis=1)
            worst = np.argsort(-missing, kind="stable")[:_AT_ONCE]
            worst = worst[missing[worst] > _SMALL]
            if not len(worst):
                return conditions, int(np.ceil(value - _SMALL)), distances
            pairs = np.pad(self._pairs[worst], ((0, 0), (0, 1)), constant_values=-1)
            conditions = conditions.with_more(pairs, self._apart[worst])

    def _rows(self, conditions: _Conditions) -> AnyArray:
        from scipy.sparse import coo_array

        there = conditions.members >= 0
        row, _ = np.nonzero(there)
        shape = (len(conditions.least), len(self._members))
        made: AnyArray = coo_array((np.ones(len(row)), (row, conditions.members[there])), shape=shape).tocsr()
        return made

    def _linear(self, conditions: _Conditions) -> tuple[float, DoubleArray]:
        """The least sum, from its dual solution made feasible to the last digit; and the distances."""
        from scipy.optimize import linprog

        rows = self._rows(conditions)
        solved = linprog(self._counts, A_ub=-rows, b_ub=-conditions.least, method="highs")
        if solved.status != 0:
            return 0.0, np.full(len(self._counts), float(self._between.max()))
        dual = np.maximum(-solved.ineqlin.marginals, 0)
        beyond = float(((rows.T @ dual) / self._counts).max(initial=1.0))
        return float(conditions.least @ dual) / max(1.0, beyond), solved.x

    def _whole(self, conditions: _Conditions) -> int:
        """The bound where distances are whole numbers, which they are."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        kept = LinearConstraint(self._rows(conditions), conditions.least, np.inf)
        whole = np.ones(len(self._counts))
        limits = {"node_limit": _NODES, "mip_rel_gap": 0.0}
        solved = milp(self._counts, integrality=whole, constraints=kept, bounds=Bounds(0, np.inf), options=limits)
        return 0 if solved.mip_dual_bound is None else int(np.ceil(solved.mip_dual_bound - _SMALL))


class _Triples:
    """The triples of n strings, each measured when it may matter, the work being bounded."""

    def __init__(self, members: Sequences, between: IntArray) -> None:
        self._members = members
        self._rows = np.array(list(combinations(range(len(members)), 3)))
        a, b, c = (between[self._rows[:, one], self._rows[:, two]] for one, two in ((0, 1), (0, 2), (1, 2)))
        self._most = np.min([a + b, a + c, b + c], axis=0)  # one of them as the string
        self._sums = np.full(len(self._rows), -1)
        self._cells = (self._most + 1) ** 2 * members.lengths[self._rows].min(axis=1)
        self._left = _CELLS

    def broken_by(self, distances: DoubleArray) -> tuple[IntArray, IntArray] | None:
        """Triples of which (n,) distances come to less than they must, and what they must come to; None: there are
        none, or none that may be looked at."""
        sums = distances[self._rows].sum(axis=1)
        room = np.flatnonzero((self._most > sums + _SMALL) & (self._sums < 0))
        room = room[np.argsort((sums - self._most)[room], kind="stable")]
        room = room[np.cumsum(self._cells[room]) <= self._left]
        self._measure(room)
        lacking = np.where(self._sums >= 0, self._sums - sums, 0.0)
        worst = np.argsort(-lacking, kind="stable")[:_AT_ONCE]
        worst = worst[lacking[worst] > _SMALL]
        return (self._rows[worst], self._sums[worst]) if len(worst) else None

    def _measure(self, some: IntArray) -> None:
        if not len(some):
            return
        self._left -= int(self._cells[some].sum())
        found = np.zeros(len(some), np.int64)
        members = self._members
        medians_of_three(members.data.astype(np.int32), members.offsets, self._rows[some], self._most[some], found)
        self._sums[some] = found
