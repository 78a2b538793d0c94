"""What a question for novelty answers: columns that read like a list of verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...arrays import JSON, BoolArray, DoubleArray, IntArray
from ...sequences import Strings
from ..guarantees import NONE, Guarantees
from ..table import Listed
from .conformal import benjamini_hochberg


@dataclass(frozen=True, slots=True)
class Verdict:
    """One query: its `score` (the higher, the newer), the `p_value` that a known sequence would score as high, whether
    it is called `novel`; the `nearest` stored sequence by id ("" in an empty index) and its exact `distance`.

    `guarantee`: what the distances behind the score rest on; `q_value`: the least false discovery rate at which it is
    novel, None unless asked for.
    """

    query: str
    score: float
    p_value: float
    novel: bool
    nearest: str
    distance: float
    guarantee: str = NONE
    q_value: float | None = None


@dataclass(frozen=True, eq=False)
class NoveltyResults(Listed[Verdict]):
    """The verdicts on Q queries, in columns: `scores`, `p_values`, `distances` (Q,) float64, `rows` (Q,) of the nearest
    in `stored` (-1: none), `q_values` (Q,) or None; `stored`: the ids of all rows; `fpr`: the level asked for.

    `known`: sequences that the p-values compare with: none is below 1 / (known + 1). `guarantee`: (Q,) what the exact
    distances behind the scores rest on, as in `Results`; "none" where scores are made of others. `warnings`: what to
    beware of.
    """

    queries: Strings
    stored: Strings
    scores: DoubleArray
    p_values: DoubleArray
    rows: IntArray
    distances: DoubleArray
    fpr: float
    known: int
    guarantee: Guarantees
    q_values: DoubleArray | None = None
    warnings: tuple[str, ...] = ()

    @property
    def novel(self) -> BoolArray:
        """(Q,) which queries are called novel at the level `fpr`."""
        decided: BoolArray = (self.p_values if self.q_values is None else self.q_values) <= self.fpr
        return decided

    @property
    def nearest(self) -> list[str]:
        """The id of the nearest stored sequence of each query, "" where there is none."""
        return [self.stored[row] if row >= 0 else "" for row in self.rows.tolist()]

    def __getstate__(self) -> dict[str, object]:
        """Pickled with the ids of the nearest, and no others: `rows` are then positions among these."""
        held = np.unique(self.rows[self.rows >= 0])
        rows = np.where(self.rows < 0, -1, np.searchsorted(held, self.rows))
        queries = self.queries.take(np.arange(len(self)))
        return {**self.__dict__, "queries": queries, "stored": self.stored.take(held), "rows": rows}

    def controlled(self) -> NoveltyResults:
        """The same with `fpr` as the false discovery rate over all queries (Benjamini and Hochberg)."""
        return replace(self, q_values=benjamini_hochberg(self.p_values))

    def __len__(self) -> int:
        return len(self.scores)

    def at(self, position: int) -> Verdict:
        """The verdict on a query."""
        row = int(self.rows[position])
        return Verdict(
            self.queries[position],
            float(self.scores[position]),
            float(self.p_values[position]),
            bool(self.novel[position]),
            self.stored[row] if row >= 0 else "",
            float(self.distances[position]),
            self.guarantee[position],
            None if self.q_values is None else float(self.q_values[position]),
        )

    def __repr__(self) -> str:
        return f"NoveltyResults(queries={len(self)}, novel={int(self.novel.sum())}, fpr={self.fpr:g})"


def joined(parts: Iterable[NoveltyResults]) -> NoveltyResults:
    """The verdicts of several batches of one question as one; false discovery is to be controlled afterwards."""
    every = list(parts)
    columns = ("scores", "p_values", "rows", "distances", "guarantee")
    whole: JSON = {name: np.concatenate([getattr(part, name) for part in every]) for name in columns}
    queries = Strings.concatenate([part.queries for part in every])
    warnings = tuple(dict.fromkeys(warning for part in every for warning in part.warnings))
    return replace(every[0], queries=queries, q_values=None, warnings=warnings, **whole)
