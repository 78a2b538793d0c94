"""Recall against speed over budgets: the rows of `evaluate` and of the plot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import AnyArray
from ..errors import ParameterError
from ..search import SweepRow as SweepRow  # what `SequenceIndex.evaluate` measures
from .rows import as_json_lines, as_table, as_tsv

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Sweep:
    """The rows of one index over its budgets, cheapest first."""

    rows: list[SweepRow] = field(default_factory=list)
    title: str = ""

    def add(
        self,
        *,
        candidates: int,
        ef: int | None,
        recall: float,
        candidate_recall: float,
        queries: int,
        seconds: float,
        single_seconds: AnyArray,
    ) -> SweepRow:
        """Add what was measured: `queries` answered in `seconds` together, and (m,) seconds of queries one by one.

        Raises ParameterError for shares outside [0, 1] and times that are not above 0.
        """
        for name, share in (("recall", recall), ("candidate_recall", candidate_recall)):
            if not 0 <= share <= 1:
                raise ParameterError(f"{name} is a share of 1, not {share}")
        alone = np.asarray(single_seconds, np.float64)
        if queries < 1 or not seconds > 0 or not alone.size or not (alone > 0).all():
            raise ParameterError(f"{queries} queries in {seconds} s, and {alone.size} alone, are no measurement")
        p50, p99 = (1000 * np.percentile(alone, [50, 99])).tolist()
        row = SweepRow(candidates, ef, recall, candidate_recall, queries / seconds, p50, p99)
        self.rows.append(row)
        self.rows.sort(key=lambda r: (r.candidates, r.ef or 0))
        return row

    def as_rows(self, series: str | None = None) -> list[dict[str, Any]]:
        """The rows as dictionaries, with `series` as a first column when it is given: what the plot reads."""
        named = {} if series is None else {"series": series}
        return [{**named, **asdict(row)} for row in self.rows]

    def cheapest(self, recall: float) -> SweepRow | None:
        """The fastest row that reaches `recall`, None when none does."""
        reaching = [row for row in self.rows if row.recall >= recall]
        return max(reaching, key=lambda row: row.qps, default=None)

    def as_tsv(self) -> str:
        return as_tsv(self.as_rows())

    def as_json_lines(self) -> str:
        return as_json_lines(self.as_rows())

    def as_table(self) -> Table:
        """For a terminal, rounded to what was measured."""
        shown = [
            {
                "candidates": row.candidates,
                "ef": row.ef,
                "recall": f"{row.recall:.4f}",
                "candidate recall": f"{row.candidate_recall:.4f}",
                "queries/s": f"{row.qps:,.0f}",
                "p50 ms": f"{row.p50_ms:.2f}",
                "p99 ms": f"{row.p99_ms:.2f}",
            }
            for row in self.rows
        ]
        if all(row.ef is None for row in self.rows):
            shown = [{name: value for name, value in row.items() if name != "ef"} for row in shown]
        table = as_table(shown, self.title or None)
        for column in table.columns:
            column.justify = "right"
        return table

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SweepRow]:
        return iter(self.rows)
