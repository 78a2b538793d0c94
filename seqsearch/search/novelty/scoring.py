"""One scorer over one state of an index: what every method of the table does with queries and with members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...ann import CandidateIndex
from ...arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ...distances import Neighbours
from ...errors import ParameterError
from ...progress import SILENT, Progress
from ..guarantees import NONE, Guarantees, guarantees
from ..pipeline import Found, Queries
from ..stages import Propose
from ..state import State
from ..wanted import Choice
from . import scores
from .neighbourhoods import Neighbourhoods, NeighbourLists
from .options import EXACT, METHODS, NoveltyOptions
from .outlier_factor import CONTINUOUS_FLOOR, WHOLE_FLOOR, local_outlier_factor

BANDWIDTH = "bandwidth"
_MEMBERS = 4096  # that the bandwidth is fitted to


@dataclass(frozen=True)
class Scored:
    """(Q,) `scores`, and the nearest rows that scoring came across, (Q,), None when it met none; `proved`, (Q,): which
    queries were compared with everything."""

    scores: DoubleArray
    rows: IntArray | None = None
    distances: DoubleArray | None = None
    proved: BoolArray | None = None


class Scoring:
    """Scores of queries and members. `choice`: the budget of exact distances; `allowed`: (rows,)
    which rows are compared with, None for all that are live.

    Raises ParameterError for a method that the index cannot answer.
    """

    def __init__(self, state: State, options: NoveltyOptions, choice: Choice, allowed: BoolArray | None = None) -> None:
        if allowed is not None and not METHODS[options.method].measures:
            able = ", ".join(name for name, method in METHODS.items() if method.measures)
            raise ParameterError(f"the method {options.method} looks at everything stored: where is for {able}")
        self.state = state
        self.options = options
        self.choice = choice
        self._filtered = allowed is not None
        self.neighbourhoods = Neighbourhoods(state, choice.budget, options.source == EXACT, options.strand, allowed)
        self._lists: NeighbourLists | None = None
        if options.method == "shells":
            self._codes()
        if options.method == "reconstruction" and state.model.decoder is None:
            raise ParameterError(
                "reconstruction needs a model with a decoder: `seqsearch train --target autoencode`, then build --model"
            )

    def fit(self, rows: IntArray) -> dict[str, float]:
        """What the method has to know about the data; `rows`: members to learn it from."""
        if self.options.method != "shells":
            return {}
        counts = self._shells(self.state.members(rows[:_MEMBERS]), own=True)
        return {BANDWIDTH: scores.fitted_bandwidth(counts)}

    def score(
        self, queries: Queries, parameters: dict[str, float], own: IntArray | None = None, progress: Progress = SILENT
    ) -> Scored:
        """Scores of queries. `own`, (Q,): the rows that they are, each judged as if it were not stored."""
        if self.options.method == "shells":
            counts = self._shells(queries, own=own is not None)
            return Scored(scores.shell_surprise(counts, parameters[BANDWIDTH]))
        if self.options.method == "reconstruction":
            from ...encoders.reconstruction import reconstruction_errors

            return Scored(reconstruction_errors(self.state.model, queries.sequences, progress))
        found = self.neighbourhoods.of(queries, self.options.neighbours, own, progress)
        proved = found.proved if isinstance(found, Found) else None
        return Scored(self._measured(found, own, progress), found.rows[:, 0], found.distances[:, 0], proved)

    def guarantee(self, scored: Scored) -> Guarantees:
        """(Q,) what the exact distances behind scores rest on."""
        none: BoolArray = np.zeros(len(scored.scores), np.bool_)
        if self.options.source != EXACT or scored.proved is None:
            return guarantees(none, NONE)
        return guarantees(scored.proved, NONE if self._filtered else self.choice.guarantee)

    def nearest(self, queries: Queries, scored: Scored) -> tuple[IntArray, DoubleArray]:
        """(Q,) rows of the nearest stored sequences, as the method sees nearness, and their exact distances."""
        if scored.rows is not None and scored.distances is not None and self.options.source == EXACT:
            return scored.rows, scored.distances
        rows = scored.rows
        if rows is None:
            rows = self.state.proposals.search(self._points(queries), 1).rows[:, 0]
        return rows, self.neighbourhoods.verified_distance(queries.sequences, rows)

    def _measured(self, found: Neighbours, own: IntArray | None, progress: Progress) -> DoubleArray:
        if self.options.method == "mean":
            return scores.mean_distance(found.distances)
        if self.options.method != "lof":
            return scores.kth_distance(found.distances)
        if self._lists is None:
            self._lists = NeighbourLists(self.neighbourhoods, self.options.neighbours + 1, progress)
        whole = self.options.source == EXACT and self.state.exact.distance.whole_numbers
        alone = np.full(len(found.rows), -1, np.int64) if own is None else own
        floor = WHOLE_FLOOR if whole else CONTINUOUS_FLOOR
        return local_outlier_factor(found.rows, found.distances, alone, self._lists, floor)

    def _codes(self) -> CandidateIndex:
        if not self.state.proposals.counts_by_distance:
            raise ParameterError("shells needs an index of 16-bit codes: build it with bits=16")
        return self.state.proposals

    def _points(self, queries: Queries) -> AnyArray:
        return queries.points(Propose.name, self.state.encoder.of_queries)

    def _shells(self, queries: Queries, *, own: bool) -> IntArray:
        """(Q, 17) stored codes at each distance; `own`: the queries are stored, and do not count themselves."""
        counts = self._codes().distance_counts(self._points(queries))
        if own:
            counts = counts.copy()
            counts[:, 0] -= 1
        return counts
