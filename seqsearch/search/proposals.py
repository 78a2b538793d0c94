"""What budgets propose for the queries of a calibration, as they are and as strangers, with few searches.

The first of more candidates of one effort are those of fewer, in the kinds of candidate index that say so, and a
stranger is a usual query that must not see its nearest. So one wide search an effort serves many budgets, and both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays import IntArray
from .budget import Budget
from .pipeline import Pipeline, Queries, Ranked
from .stages import Propose
from .strangers import Strangers

_AHEAD = 2  # times the candidates that are asked for, kept for larger budgets


@dataclass(frozen=True)
class Proposals:
    """Of `queries`, (Q,), and of the `strange` ones among them; `exclude`, (Q,): rows that they are themselves, or -1;
    `largest`: candidates of the largest budget.
    """

    pipeline: Pipeline
    queries: Queries
    exclude: IntArray | None
    strange: Strangers | None
    largest: int
    _kept: dict[int | None, tuple[Ranked, Ranked | None]] = field(default_factory=dict, repr=False)

    def of(self, budget: Budget) -> Ranked:
        """What a budget proposes for each query, (Q, C), and then for each stranger, of what counts as stored."""
        first, strange = self.pipeline.stages[0], self.strange
        if budget.ef is None and isinstance(first, Propose) and first.index.nests:
            wide, left = self._widest(first, budget)
            usual = _filled(wide, budget.candidates, lambda some: self._usual(budget, some))
            if strange is None or left is None:
                return usual
            return usual.followed_by(
                _filled(left, budget.candidates, lambda some: self._stranger(strange, budget, some))
            )
        usual = self._usual(budget)
        return usual if strange is None else usual.followed_by(self._stranger(strange, budget))

    def _widest(self, first: Propose, budget: Budget) -> tuple[Ranked, Ranked | None]:
        """At least the first candidates of the budget within its effort, as far as that goes, of all and of strangers,
        and one more that says that it went so far."""
        known, strange = self._kept.get(budget.lists), self.strange
        more = 1 if strange is None else 1 + strange.most
        needed = budget.candidates + more
        if known is None or known[0].rows.shape[1] < needed:
            points, own = self.queries.points(first.name, first.encode), int(self.exclude is not None)
            width = max(needed, min(_AHEAD * needed, self.largest + more)) + own
            found = first.index.search_within(points, width, budget.effort(first.index.effort))
            wide = Ranked(found.rows, found.distances).without(self.exclude)
            known = wide, None if strange is None else strange.left(wide[strange.who])
            self._kept[budget.lists] = known
        return known

    def _usual(self, budget: Budget, some: IntArray | None = None) -> Ranked:
        """By a search as it is made, for all queries or some of them."""
        if some is None:
            return self.pipeline.proposed(self.queries, budget, exclude=self.exclude)
        own = None if self.exclude is None else self.exclude[some]
        return self.pipeline.proposed(self.queries[some], budget, exclude=own)

    def _stranger(self, strange: Strangers, budget: Budget, some: IntArray | None = None) -> Ranked:
        """The same for strangers: of so many more candidates that enough are left."""
        wider = replace(budget, candidates=budget.candidates + strange.most)
        wider = wider if budget.ef is None else replace(wider, ef=budget.ef + strange.most)
        left = strange.left(self._usual(wider, strange.who if some is None else strange.who[some]), some)
        return Ranked(left.rows[:, : budget.candidates], left.scores[:, : budget.candidates])


def _filled(wide: Ranked, count: int, ask: Callable[[IntArray], Ranked]) -> Ranked:
    """The first `count` of each line, which are more; where they are not, a search may look farther: `ask` makes it."""
    rows, scores = wide.widened(max(count + 1, wide.rows.shape[1]))
    lacking = np.flatnonzero(rows[:, count] < 0)
    rows, scores = rows[:, :count], scores[:, :count]
    if len(lacking):
        rows, scores = rows.copy(), scores.copy()
        rows[lacking], scores[lacking] = ask(lacking).widened(count)
    return Ranked(rows, scores)
