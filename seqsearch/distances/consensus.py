"""The string nearest to several: of least sum of edit distances (the median, or Steiner, string of a set).

Finding the very best is NP-hard (de la Higuera & Casacuberta, Theor. Comput. Sci. 230, 2000). Here the best members are
improved by edits, all of which are weighed at once and exactly (consensus_kernels.py), until none makes the sum less;
then by edits that leave it as it is, some of which open the way to better ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import AnyArray, IntArray
from ..errors import EmptyInputError, MismatchError, ParameterError
from ..sequences import Sequences, SequencesLike, Strings
from ..sequences.coercion import taken
from .consensus_kernels import move_distances
from .edit import EditDistance

_LOOKED_AT = 100  # members at most among which the best are looked for, the first: more are not worth their cost
_MEMORY = 1 << 28  # numbers of all moves of some members in memory at a time
_REACH = 3  # letters between two edits that are made at once: nearer ones may be about the same letter


@dataclass(frozen=True, eq=False)
class Consensus:
    """`sequence`: a set of the one that was found; `distances`: (n,) of the members to it; `total`: their weighted sum;
    `median`: that sum of the best member, from which the search began.

    >>> import seqsearch as ss
    >>> found = ss.consensus(ss.as_sequences(["anna", "hanna", "anne"], "text"))
    >>> found.text, found.total, found.median
    ('anna', 2, 2)
    """

    sequence: Sequences
    distances: IntArray
    total: int
    median: int

    @property
    def text(self) -> str:
        """The letters that were found."""
        return self.sequence[0].text


def consensus(
    members: SequencesLike,
    *,
    weights: ArrayLike | None = None,
    starts: int = 5,
    tries: int = 30,
    edits: int = 1,
    seed: int = 0,
) -> Consensus:
    """The string of least sum of edit distances to `members` that is found: at most that of the best member, and of
    whatever one edit makes of it, or two.

    `weights`: (n,) how often each counts, whole numbers; `starts`: the search begins at so many of the best members, or
    until two come to the same sum; `tries`: edits that change nothing are made so often, by the
    draws of `seed`, to get away from where no single edit is better; `edits`: with 2, every pair of edits is weighed in
    the end, which takes as many times as long as there are single ones (8 a letter of DNA). `consensus_bound` tells
    whether there can be a better one at all.
    Raises EmptyInputError, MismatchError for series, ParameterError.

    >>> import seqsearch as ss
    >>> found = ss.consensus(["GATTACA", "GATACA", "GATTTACA", "GCTTACA"])
    >>> found.text, found.total, found.distances.tolist()
    ('GATTACA', 3, [0, 1, 1, 1])
    """
    given = taken(members, "members").sequences
    if given.alphabet is None:
        raise MismatchError("a consensus is of strings; series have averages (dtw_barycenter_averaging of tslearn)")
    if not len(given):
        raise EmptyInputError("there is no sequence", path="members")
    if starts < 1:
        raise ParameterError(f"starts must be at least 1, not {starts}")
    if tries < 0:
        raise ParameterError(f"tries must be at least 0, not {tries}")
    if edits not in (1, 2):
        raise ParameterError(f"edits must be 1 or 2, not {edits!r}")
    counts = weights_of(weights, len(given))
    letters, coded = np.unique(given.data[given.offsets[0] : given.offsets[-1]], return_inverse=True)
    whole = _Members(coded.astype(np.int32), given.offsets - given.offsets[0], counts, len(letters))
    search, median = _descended(whole, given, counts, starts)
    rng = np.random.default_rng(seed)
    search.wander(tries, rng)
    while edits == 2 and search.leap():
        search.wander(tries, rng)
    made = letters[search.centre].astype(given.data.dtype)
    name = Strings.of(["consensus"])
    found = Sequences(made, np.array([0, len(made)], np.int64), name, given.alphabet)
    return Consensus(found, search.distances, search.total, median)


def weights_of(weights: ArrayLike | None, count: int) -> IntArray:
    """(count,) whole numbers from 1 on; None: 1 each. Raises ParameterError."""
    if weights is None:
        return np.ones(count, np.int64)
    given = np.asarray(weights)
    if given.shape != (count,) or given.dtype.kind not in "iu" or (count and given.min() < 1):
        raise ParameterError(f"weights are {count} whole numbers from 1, not {given.dtype} of shape {given.shape}")
    return given.astype(np.int64)


def _descended(whole: _Members, members: Sequences, counts: IntArray, starts: int) -> tuple[_Search, int]:
    """The best of searches that began at different members, the best first, and the sum of the first member. They end
    when two came to the same sum: so far down there is hardly anything better."""
    away = EditDistance().matrix(members[: min(len(members), _LOOKED_AT)], members).astype(np.int64)
    left = np.argsort(away @ counts, kind="stable")
    found, median = None, 0
    for _ in range(starts):
        row = int(left[0])
        search = _Search(whole, whole.of(row), away[row])
        if found is None:
            median = search.total
        search.descend()
        if found is not None and search.total == found.total:
            break
        found = search if found is None or search.total < found.total else found
        left = left[away[row][left] > 0]
        if not len(left):
            break
    assert found is not None
    return found, median


@dataclass(frozen=True)
class _Members:
    """N strings as numbers of `letters` letters, and how often each counts."""

    data: IntArray
    offsets: IntArray
    counts: IntArray
    letters: int

    def of(self, row: int) -> IntArray:
        return self.data[self.offsets[row] : self.offsets[row + 1]].copy()

    def some(self, start: int, stop: int) -> tuple[IntArray, IntArray]:
        """The data and offsets of members in a row."""
        first = self.offsets[start]
        return self.data[first : self.offsets[stop]], self.offsets[start : stop + 1] - first


@dataclass(frozen=True)
class _Move:
    """One edit of the centre at `place`: the letter there is left out (`kind` 0), another put in its place (1), or one
    before it (2)."""

    kind: int
    place: int
    letter: int


class _Search:
    """A `centre`, its `distances` to the members and their `total`; the sums after every edit of it."""

    def __init__(self, members: _Members, centre: IntArray, distances: IntArray) -> None:
        self._members = members
        self._weigh(centre, distances)

    def _weigh(self, centre: IntArray, known: IntArray) -> None:
        """Look at a centre; `known`: (N,) numbers that its distances do not exceed."""
        members, n = self._members, len(centre)
        self.centre, count = centre, len(members.counts)
        self.distances = np.zeros(count, np.int64)
        sums = [np.zeros(n, np.int64), np.zeros((n, members.letters), np.int64)]
        sums.append(np.zeros((n + 1, members.letters), np.int64))
        step = max(1, _MEMORY // ((2 * members.letters + 1) * (n + 1) * 4))
        for start in range(0, count, step):
            stop = min(count, start + step)
            data, offsets = members.some(start, stop)
            bands = known[start:stop].astype(np.int64) + 2
            away: AnyArray = np.zeros(stop - start, np.int32)
            made: list[AnyArray] = [np.zeros((stop - start, *each.shape), np.int32) for each in sums]
            move_distances(centre, data, offsets, bands, away, *made)
            self.distances[start:stop] = away
            for each, part in zip(sums, made, strict=True):
                each += np.tensordot(members.counts[start:stop], part.astype(np.int64), axes=1)
        self.total = int(self.distances @ members.counts)
        self._sums = sums

    def descend(self) -> None:
        """Make edits as long as one makes the sum less: as many at once as stand apart, or the best one where they turn
        out to be in each other's way."""
        while moves := self._chosen(least=1):
            before, known, total, sums = self.centre, self.distances, self.total, self._sums
            self._weigh(_edited(before, moves), known + len(moves))
            if self.total > total - self._gain(sums, total, moves[0]):
                self._weigh(_edited(before, moves[:1]), known + 1)

    @staticmethod
    def _gain(sums: list[IntArray], total: int, move: _Move) -> int:
        at = sums[move.kind][move.place] if move.kind == 0 else sums[move.kind][move.place, move.letter]
        return total - int(at)

    def wander(self, tries: int, rng: np.random.Generator) -> None:
        """Make edits that leave the sum as it is, and go on from there where that leads to a lesser one."""
        for _ in range(tries):
            even = self._even()
            if not even:
                return
            best, total, known = self.centre, self.total, self.distances
            picked = [even[at] for at in rng.permutation(len(even))[: int(rng.integers(1, 4))].tolist()]
            self._weigh(_edited(best, _apart(picked)), known + len(picked))
            self.descend()
            if self.total > total:
                self._weigh(best, known)

    def leap(self) -> bool:
        """Make two edits that make the sum less, where there are such, and go on from there; whether there were.

        One of them alone may make it greater, by any number: each is made in turn, and all others are weighed."""
        centre, total, known = self.centre, self.total, self.distances
        for move in self._moves():
            self._weigh(_edited(centre, [move]), known + 1)
            if min(int(sums.min()) for sums in self._sums if sums.size) < total:
                self.descend()
                return True
        self._weigh(centre, known)
        return False

    def _moves(self) -> list[_Move]:
        """All edits of the centre but those that change nothing, those of equal letters in a row once."""
        n, letters = len(self.centre), self._members.letters
        moves = []
        for place in range(n + 1):
            if place < n and (place == 0 or self.centre[place] != self.centre[place - 1]):
                moves.append(_Move(0, place, 0))
            for letter in range(letters):
                if place < n and self.centre[place] != letter:
                    moves.append(_Move(1, place, letter))
                if place == 0 or self.centre[place - 1] != letter:  # before a letter as after it
                    moves.append(_Move(2, place, letter))
        return moves

    def _even(self) -> list[_Move]:
        """The edits after which the sum is the same, but for those that change nothing."""
        moves = []
        for kind, sums in enumerate(self._sums):
            for place, *letter in np.argwhere(sums == self.total).tolist():
                if kind == 1 and self.centre[place] == letter[0]:
                    continue
                moves.append(_Move(kind, place, letter[0] if letter else 0))
        return moves

    def _chosen(self, least: int) -> list[_Move]:
        """The edits that make the sum less by `least` or more, the best first, of those near each other the best."""
        gains, moves = [], []
        for kind, sums in enumerate(self._sums):
            for place, *letter in np.argwhere(sums <= self.total - least).tolist():
                move = _Move(kind, place, letter[0] if letter else 0)
                moves.append(move)
                gains.append(self._gain(self._sums, self.total, move))
        order = np.argsort(-np.array(gains, np.int64), kind="stable").tolist()
        return _apart([moves[at] for at in order])


def _apart(moves: list[_Move]) -> list[_Move]:
    """Those that are not near an earlier one."""
    taken_places: list[int] = []
    kept = []
    for move in moves:
        if all(abs(move.place - place) > _REACH for place in taken_places):
            taken_places.append(move.place)
            kept.append(move)
    return kept


def _edited(centre: IntArray, moves: list[_Move]) -> IntArray:
    """The centre after edits at different places."""
    parts: list[AnyArray] = []
    start = 0
    for move in sorted(moves, key=lambda each: each.place):
        parts.append(centre[start : move.place])
        if move.kind:
            parts.append(np.array([move.letter], centre.dtype))
        start = move.place + (move.kind != 2)
    return np.concatenate([*parts, centre[start:]])
