"""Classes by the nearest stored sequences: votes weighted by exact distance, and no answer for what looks new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..errors import MismatchError, ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences

if TYPE_CHECKING:
    from .index import SequenceIndex
    from .results import Results

WEIGHTINGS = ("distance", "uniform")
MEMBERS = 500  # stored sequences whose distance to their nearest other says what is usual


class Novelty(Protocol):
    """What says how usual the distance of a query to its nearest stored sequence is."""

    def p_values(self, nearest: DoubleArray) -> DoubleArray:
        """(Q,) probability of as great a distance for a sequence like the stored ones."""


@dataclass(frozen=True)
class MemberDistances:
    """(m,) distances of stored sequences to their nearest other, ascending."""

    distances: DoubleArray

    def p_values(self, nearest: DoubleArray) -> DoubleArray:
        """(1 + number of members as far or farther) / (1 + m): valid for exchangeable sequences whatever their
        distribution (Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005).
        """
        farther = len(self.distances) - np.searchsorted(self.distances, nearest, side="left")
        out: DoubleArray = (1 + farther) / (1 + len(self.distances))
        return out


@dataclass(frozen=True)
class Votes:
    """What the neighbours of Q queries say.

    `shares`: (Q, K) of the votes for each of `labels`, 0 everywhere when no neighbour has a label; `winners`: (Q,)
    number of the winner; `nearest`: (Q,) exact distance to the nearest neighbour; `p_values`: (Q,) how usual that is;
    `abstained`: (Q,) where no label is told.
    """

    labels: tuple[str, ...]
    shares: DoubleArray
    winners: IntArray
    nearest: DoubleArray
    p_values: DoubleArray
    abstained: BoolArray

    def names(self) -> list[str]:
        """(Q,) labels, "" for none."""
        return [
            "" if none else self.labels[winner]
            for winner, none in zip(self.winners.tolist(), self.abstained.tolist(), strict=True)
        ]

    @property
    def confidence(self) -> DoubleArray:
        """(Q,) share of the votes for the winner."""
        share: DoubleArray = self.shares[np.arange(len(self.winners)), self.winners]
        return share


class NeighbourClassifier:
    """Tells the label of a query by its k nearest stored sequences.

    `weighting`: "uniform", or "distance": a neighbour at distance d votes with (d' - d) / (d' - nearest), d' the
    distance of neighbour k + 1 (Dudani, IEEE Trans. Syst. Man Cybern. 6, 1976; Macleod, Luk and Titterington 1987).
    `abstain`: no label where the p-value of the nearest distance is at most this; 0 always answers. `novelty`: what
    gives the p-values; by default a sample of members, each asked for its nearest other. `budget`: as of `search`.
    Raises ParameterError, and MismatchError for an index without labels.
    """

    def __init__(
        self, index: SequenceIndex, *, k: int = 10, weighting: str = "distance", abstain: float = 0.0,
        novelty: Novelty | None = None, seed: int = 0, progress: Progress = SILENT, **budget: Any,
    ) -> None:  # fmt: skip
        if weighting not in WEIGHTINGS:
            raise ParameterError(f"no weighting {weighting!r}: choose one of {', '.join(WEIGHTINGS)}")
        if not 0 <= abstain < 1:
            raise ParameterError(f"abstain must be from 0 to below 1, not {abstain}")
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        self.index, self.k, self.weighting, self.abstain = index, k, weighting, abstain
        self.progress, self.budget = progress, budget
        column = np.array(list(index.engine(progress).targets.labels), dtype=np.str_)
        names, numbers = np.unique(column, return_inverse=True)
        self._numbers = numbers - int(names[0] == "")  # what has no label becomes -1
        self.labels: tuple[str, ...] = tuple(names[names != ""].tolist())
        if not self.labels:
            raise MismatchError(f"the sequences of {index.path} have no labels to vote with")
        self.novelty = novelty
        if novelty is None and abstain > 0:
            self.novelty = member_distances(index, seed=seed, progress=progress, **budget)

    def classify(self, queries: Sequences) -> Votes:
        """The votes of the neighbours. Raises MismatchError for queries of another kind."""
        found = self.index.search(queries, self.k + 1, progress=self.progress, **self.budget)
        voters, weights = _votes(found, self._numbers, self.k, self.weighting)
        shares = np.zeros((len(queries), len(self.labels)))
        there = voters >= 0
        np.add.at(shares, (np.nonzero(there)[0], voters[there]), weights[there])
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        nearest = found.distances[:, 0]
        p_values = np.ones(len(queries)) if self.novelty is None else self.novelty.p_values(nearest)
        strange = p_values <= self.abstain if self.abstain > 0 else np.zeros(len(queries), np.bool_)
        winners = _winners(shares, voters)
        return Votes(self.labels, shares, winners, nearest, p_values, strange | ~there.any(axis=1))


def member_distances(
    index: SequenceIndex, *, sample: int = MEMBERS, seed: int = 0, progress: Progress = SILENT, **budget: Any
) -> MemberDistances:
    """How far stored sequences are from their nearest other, by a sample."""
    stored = index.sequences
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(stored))[:sample])
    asked = stored[rows]
    found = index.search(asked, 2, progress=progress, **budget)
    others = [
        next((hit.distance for hit in hits if hit.id != name), np.inf)
        for name, hits in zip(asked.ids, found, strict=True)
    ]
    distances = np.array(others, np.float64)
    return MemberDistances(np.sort(distances[np.isfinite(distances)]))


def _votes(found: Results, numbers: IntArray, k: int, weighting: str) -> tuple[IntArray, DoubleArray]:
    """(Q, <= k) class of every neighbour, -1 for none, and the weight of its vote."""
    rows, distances = found.rows[:, :k], found.distances[:, :k]
    voters = np.where(rows >= 0, numbers[np.maximum(rows, 0)], -1)
    if weighting == "uniform":
        return voters, np.ones(voters.shape)
    finite = np.where(np.isfinite(found.distances), found.distances, -np.inf)
    reach = finite.max(axis=1, keepdims=True, initial=-np.inf)  # of neighbour k + 1, or of the last there is
    span = reach - finite[:, :1]
    with np.errstate(invalid="ignore"):
        weights = np.where(span > 0, (reach - distances) / np.where(span > 0, span, 1.0), 1.0)
    return voters, np.where(voters >= 0, np.maximum(weights, 1e-9), 0.0)  # the last one counts, if next to nothing


def _winners(shares: DoubleArray, voters: IntArray) -> IntArray:
    """(Q,) the class with most votes; of equals the one whose nearest neighbour is nearest."""
    if not voters.shape[1]:
        return np.zeros(len(voters), np.int64)
    own = np.where(voters >= 0, np.take_along_axis(shares, np.maximum(voters, 0), axis=1), -1.0)
    first = (own >= own.max(axis=1, keepdims=True) - 1e-12).argmax(axis=1)
    winners: IntArray = np.maximum(voters[np.arange(len(voters)), first], 0)
    return winners
