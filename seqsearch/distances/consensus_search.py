"""Looking for the string nearest to several: every edit of it is weighed at once and exactly, until none helps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, IntArray
from .consensus_kernels import EDITS, Costs, move_distances

_MEMORY = 1 << 28  # numbers of all moves of some members in memory at a time
_REACH = 3  # letters between two edits that are made at once: nearer ones may be about the same letter


@dataclass(frozen=True)
class Members:
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
class Move:
    """One edit of the centre at `place`: the letter there is left out (`kind` 0), another put in its place (1), or one
    before it (2)."""

    kind: int
    place: int
    letter: int


class Search:
    """A `centre`, its `distances` to the members and their `total`; the sums after every edit of it."""

    def __init__(self, members: Members, centre: IntArray, distances: IntArray, costs: Costs = EDITS) -> None:
        """`distances`: (N,) numbers that those of the centre do not exceed."""
        self._members, self._costs = members, costs
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
            bands = known[start:stop].astype(np.int64) // self._costs.of_shift + 2
            away: AnyArray = np.zeros(stop - start, np.int32)
            made: list[AnyArray] = [np.zeros((stop - start, *each.shape), np.int32) for each in sums]
            move_distances(centre, data, offsets, bands, self._costs, away, *made)
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
            self._weigh(_edited(before, moves), known + len(moves) * self._costs.greatest)
            if self.total > total - self._gain(sums, total, moves[0]):
                self._weigh(_edited(before, moves[:1]), known + self._costs.greatest)

    @staticmethod
    def _gain(sums: list[IntArray], total: int, move: Move) -> int:
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
            self._weigh(_edited(best, _apart(picked)), known + len(picked) * self._costs.greatest)
            self.descend()
            if self.total > total:
                self._weigh(best, known)

    def leap(self) -> bool:
        """Make two edits that make the sum less, where there are such, and go on from there; whether there were.

        One of them alone may make it greater, by any number: each is made in turn, and all others are weighed."""
        centre, total, known = self.centre, self.total, self.distances
        for move in self._moves():
            self._weigh(_edited(centre, [move]), known + self._costs.greatest)
            if min(int(sums.min()) for sums in self._sums if sums.size) < total:
                self.descend()
                return True
        self._weigh(centre, known)
        return False

    def _moves(self) -> list[Move]:
        """All edits of the centre but those that change nothing, those of equal letters in a row once."""
        n, letters = len(self.centre), self._members.letters
        moves = []
        for place in range(n + 1):
            if place < n and (place == 0 or self.centre[place] != self.centre[place - 1]):
                moves.append(Move(0, place, 0))
            for letter in range(letters):
                if place < n and self.centre[place] != letter:
                    moves.append(Move(1, place, letter))
                if place == 0 or self.centre[place - 1] != letter:  # before a letter as after it
                    moves.append(Move(2, place, letter))
        return moves

    def _even(self) -> list[Move]:
        """The edits after which the sum is the same, but for those that change nothing."""
        moves = []
        for kind, sums in enumerate(self._sums):
            for place, *letter in np.argwhere(sums == self.total).tolist():
                if kind == 1 and self.centre[place] == letter[0]:
                    continue
                moves.append(Move(kind, place, letter[0] if letter else 0))
        return moves

    def _chosen(self, least: int) -> list[Move]:
        """The edits that make the sum less by `least` or more, the best first, of those near each other the best."""
        gains, moves = [], []
        for kind, sums in enumerate(self._sums):
            for place, *letter in np.argwhere(sums <= self.total - least).tolist():
                move = Move(kind, place, letter[0] if letter else 0)
                moves.append(move)
                gains.append(self._gain(self._sums, self.total, move))
        order = np.argsort(-np.array(gains, np.int64), kind="stable").tolist()
        return _apart([moves[at] for at in order])


def _apart(moves: list[Move]) -> list[Move]:
    """Those that are not near an earlier one."""
    taken_places: list[int] = []
    kept = []
    for move in moves:
        if all(abs(move.place - place) > _REACH for place in taken_places):
            taken_places.append(move.place)
            kept.append(move)
    return kept


def _edited(centre: IntArray, moves: list[Move]) -> IntArray:
    """The centre after edits at different places."""
    parts: list[AnyArray] = []
    start = 0
    for move in sorted(moves, key=lambda each: each.place):
        parts.append(centre[start : move.place])
        if move.kind:
            parts.append(np.array([move.letter], centre.dtype))
        start = move.place + (move.kind != 2)
    return np.concatenate([*parts, centre[start:]])
