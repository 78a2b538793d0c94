"""Classes by the nearest stored sequences: votes weighted by exact distance, and no answer for what looks new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import numpy as np

from ..arrays import BoolArray, DoubleArray, IntArray
from ..encoders.vector_rows import VectorsLike
from ..errors import MismatchError, ParameterError
from ..progress import Watching, watched
from ..sequences import Sequences, SequencesLike
from ..sequences.ids import numbered
from .conditions import Where
from .guarantees import Guarantees
from .novelty.options import NoveltyFields, NoveltyOptions
from .strands import PLUS, require_strand
from .wanted import BudgetOptions

if TYPE_CHECKING:
    from .questions import Questions
    from .results import Results

WEIGHTINGS = ("distance", "uniform")


@dataclass(frozen=True)
class Votes:
    """What the neighbours of Q queries say.

    `shares`: (Q, K) of the votes for each of `labels`, 0 everywhere when no neighbour has a label; `winners`: (Q,)
    number of the winner; `nearest`: (Q,) exact distance to the nearest neighbour; `p_values`: (Q,) that a known
    sequence would look as new, None where novelty was not asked for; `abstained`: (Q,) where no label is told;
    `guarantee`: (Q,) what the neighbours rest on, as in `Results`; `warnings`: what to beware of, as there.
    """

    labels: tuple[str, ...]
    shares: DoubleArray
    winners: IntArray
    nearest: DoubleArray
    p_values: DoubleArray | None
    abstained: BoolArray
    guarantee: Guarantees
    warnings: tuple[str, ...] = ()

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
    `abstain`: no label for a query whose p-value of `SequenceIndex.novelty` is at most this; 0 always answers.
    `novelty`: options of that question, such as its method. `where`: a condition on those that vote, and among which
    it looks new. `strand` and `budget`: as of `search`.
    Raises ParameterError, and MismatchError for sequences without labels.
    """

    def __init__(
        self,
        index: Questions,
        *,
        k: int = 10,
        weighting: str = "distance",
        abstain: float = 0.0,
        novelty: NoveltyFields | None = None,
        where: Where | None = None,
        strand: str = PLUS,
        progress: Watching = False,
        **budget: Unpack[BudgetOptions],
    ) -> None:
        if weighting not in WEIGHTINGS:
            raise ParameterError(f"no weighting {weighting!r}: choose one of {', '.join(WEIGHTINGS)}")
        if not 0 <= abstain < 1:
            raise ParameterError(f"abstain must be from 0 to below 1, not {abstain}")
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        self.index, self.k, self.weighting, self.abstain = index, k, weighting, abstain
        require_strand(strand)
        self.progress, self.budget, self.strand, self.where = watched(progress), budget, strand, where
        with index.state(progress) as state:
            self._learn(state.targets)
        if not self.labels:
            raise MismatchError(f"the sequences of {index.name} have no labels to vote with")
        self.novelty: NoveltyFields | None = None
        if abstain > 0:
            own: NoveltyFields = {"guarantee": budget.get("guarantee"), **(novelty or {})}
            self.novelty = {**own, "fpr": abstain, "strand": strand}
        if self.novelty is not None:
            NoveltyOptions.of(self.novelty)

    def _learn(self, targets: Sequences) -> None:
        """Number the labels of the rows of a state; what has none is -1."""
        names, numbers = numbered(targets.labels)
        self._targets, self._numbers = targets, numbers - int(names[:1] == [""])
        self.labels: tuple[str, ...] = tuple(name for name in names if name)

    def classify(self, queries: SequencesLike, vectors: VectorsLike | None = None) -> Votes:
        """The votes of the neighbours; `vectors` as in `SequenceIndex.search`. Raises MismatchError for queries of
        another kind."""
        with self.index.state(self.progress):  # neighbours and novelty of one state
            found = self.index.search(
                queries,
                self.k + 1,
                where=self.where,
                vectors=vectors,
                strand=self.strand,
                progress=self.progress,
                **self.budget,
            )
            asked = None
            if self.novelty is not None:
                asked = self.index.novelty(
                    queries, where=self.where, vectors=vectors, progress=self.progress, **self.novelty
                )
        if found.targets is not self._targets:
            self._learn(found.targets)
        voters, weights = _votes(found, self._numbers, self.k, self.weighting)
        shares = np.zeros((len(found), len(self.labels)))
        there = voters >= 0
        np.add.at(shares, (np.nonzero(there)[0], voters[there]), weights[there])
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
        p_values = None if asked is None else asked.p_values
        abstained: BoolArray = np.logical_not(there.any(axis=1))
        if asked is not None:
            abstained = abstained | asked.novel
        winners, nearest = _winners(shares, voters), found.distances[:, 0]
        return Votes(self.labels, shares, winners, nearest, p_values, abstained, found.guarantee, found.warnings)


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
