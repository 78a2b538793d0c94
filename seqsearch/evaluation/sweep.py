"""Recall against speed over budgets: the rows of `evaluate` and of the plot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ..search import SweepRow
from .rows import as_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Sweep:
    """The rows of one index over its budgets, as `SequenceIndex.evaluate` measures them, cheapest first."""

    rows: list[SweepRow] = field(default_factory=list)

    def as_rows(self, series: str | None = None) -> list[dict[str, object]]:
        """The rows as dictionaries, with `series` as a first column when it is given: what the plot reads.

        `lists` and `compared` are columns where a budget has them.
        """
        named: dict[str, object] = {} if series is None else {"series": series}
        rows = [named | asdict(row) for row in self.rows]
        without = [name for name in ("lists", "compared") if all(getattr(row, name) is None for row in self.rows)]
        return [{name: value for name, value in row.items() if name not in without} for row in rows]

    def cheapest(self, recall: float) -> SweepRow | None:
        """The fastest row that reaches `recall`, None when none does."""
        reaching = [row for row in self.rows if row.recall >= recall]
        return max(reaching, key=lambda row: row.qps, default=None)

    def as_table(self) -> Table:
        """For a terminal, rounded to what was measured; without the effort where no budget has one."""
        shown = [
            {
                "candidates": row.candidates,
                "ef": row.ef,
                "lists": row.lists,
                "compared": row.compared,
                "recall": f"{row.recall:.4f}",
                "candidate recall": f"{row.candidate_recall:.4f}",
                "queries/s": f"{row.qps:,.0f}",
                "p50 ms": f"{row.p50_ms:.2f}",
                "p99 ms": f"{row.p99_ms:.2f}",
            }
            for row in self.rows
        ]
        for optional in ("ef", "lists", "compared"):
            if all(row[optional] is None for row in shown):
                shown = [{name: value for name, value in row.items() if name != optional} for row in shown]
        table = as_table(shown)
        for column in table.columns:
            column.justify = "right"
        return table

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SweepRow]:
        return iter(self.rows)
