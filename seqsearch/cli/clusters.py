"""Of which sequences there is a consensus each: those within a distance, of a label, of a tree or of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, option
from .progress import progress_for

if TYPE_CHECKING:
    from ..arrays import IntArray
    from ..sequences import Sequences

Named = tuple[str, "IntArray"]
"""A cluster: what it is called, and its rows in order."""
_TABLE = ("sequence", "representative")


@dataclass(frozen=True)
class Clusters:
    """How sequences are put into clusters; without any of it, they are one."""

    cluster: str | None = option(
        "Of every cluster: dedup (of --within R), a tree in Newick format, or a table as of `dedup --clusters`.",
        type=PATH,
        metavar="dedup|TREE|TABLE",
    )
    cut: float | None = option("Of a tree: clades of which no two leaves are farther apart.", metavar="D")
    into: int | None = option("Of a tree: so many clades.", type=click.IntRange(1), metavar="N")
    within: float | None = option("Of every cluster of sequences within this distance, as of `dedup`.", metavar="R")
    by: str | None = option("Of the sequences of every label, or of every value of a column.", metavar="label|COLUMN")
    least: int = option("Only of clusters of so many sequences.", type=click.IntRange(1), default=1, metavar="N")

    def __post_init__(self) -> None:
        if self.within is not None and self.by is not None:
            raise click.UsageError("--within and --by exclude each other")
        if self.within is not None and not self.within >= 0:
            raise click.BadParameter(f"must be at least 0, not {self.within}", param_hint="--within")
        file = self.cluster is not None and self.cluster != "dedup"
        if self.cluster == "dedup" and self.within is None:
            raise click.UsageError("--cluster dedup needs --within R")
        if (file and self.within is not None) or (self.cluster is not None and self.by is not None):
            raise click.UsageError(f"--cluster {self.cluster} excludes --by" + (" and --within" if file else ""))
        if (self.cut is not None or self.into is not None) and not file:
            raise click.UsageError("--cut and --into belong to --cluster TREE")
        if self.cut is not None and self.into is not None:
            raise click.UsageError("--cut and --into exclude each other")

    def of(self, whole: Sequences, file: str, quiet: bool) -> list[Named]:
        """The clusters that are large enough, in the order of their first rows."""
        return [(name, rows) for name, rows in self._all(whole, file, quiet) if len(rows) >= self.least]

    def _all(self, whole: Sequences, file: str, quiet: bool) -> Iterator[Named]:
        import numpy as np

        if self.within is not None:
            from ..distances import EditDistance
            from ..search import duplicates

            groups = duplicates(whole, EditDistance(), self.within, progress_for(quiet)).representatives
            for row in np.unique(groups).tolist():
                yield whole.ids[row], np.flatnonzero(groups == row)
        elif self.cluster is not None:
            yield from _listed(whole, file, self._from_file(self.cluster), self.cluster, quiet)
        elif self.by is not None:
            yield from _of_values(whole, self.by)
        else:
            yield "consensus", np.arange(len(whole))

    def _from_file(self, path: str) -> list[list[str]]:
        """The ids of every cluster of a tree or a table."""
        from ..errors import InputError, ParseError
        from ..trees import parse_newick

        try:
            with open(path, encoding="utf-8", newline="") as opened:
                text = opened.read()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", path=path) from None
        if text.lstrip().startswith(("(", "[")):
            if self.cut is None and self.into is None:
                raise click.UsageError(f"{path} is a tree: where is it cut? --cut D or --into N")
            tree = parse_newick(text, path)
            return tree.cut(self.cut) if self.cut is not None else tree.into(self.into or 1)
        if self.cut is not None or self.into is not None:
            raise click.UsageError(f"--cut and --into are for trees: {path} does not begin with '('")
        rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        if not set(_TABLE) <= set(rows.fieldnames or ()):
            raise ParseError(
                f"neither a tree in Newick format nor a table with the columns {' and '.join(_TABLE)}", path=path
            )
        found: dict[str, list[str]] = {}
        for line, row in enumerate(rows, start=2):
            if row["sequence"] is None or row["representative"] is None:
                raise ParseError("fewer fields than columns", path=path, line=line)
            found.setdefault(row["representative"], []).append(row["sequence"])
        return list(found.values())


def _listed(whole: Sequences, file: str, clusters: list[list[str]], path: str, quiet: bool) -> list[Named]:
    """The clusters of lists of ids, each called by its first sequence."""
    import numpy as np

    from ..errors import MismatchError

    row_of = {id: row for row, id in enumerate(whole.ids)}
    found, seen = [], 0
    for ids in clusters:
        for id in ids:
            if id not in row_of:
                raise MismatchError(f"{path}: {id!r} is not in {file}")
        rows = np.sort(np.array([row_of[id] for id in ids], np.int64))
        seen += len(rows)
        found.append((whole.ids[int(rows[0])], rows))
    if seen < len(whole) and not quiet:
        click.echo(
            f"{file}: {len(whole) - seen:,} of {len(whole):,} sequences are not in {path}, and left out", err=True
        )
    return sorted(found, key=lambda each: int(each[1][0]))


def _of_values(whole: Sequences, by: str) -> Iterator[Named]:
    import numpy as np

    from ..errors import UnknownNameError

    if by != "label" and by not in whole.columns:
        known = ", ".join(["label", *whole.columns])
        raise UnknownNameError(f"--by {by}: there is no such column: {known}")
    texts = list(whole.labels) if by == "label" else whole.columns[by].spelled()
    values, first, groups = np.unique(np.array(texts), return_index=True, return_inverse=True)
    for number in np.argsort(first).tolist():
        yield str(values[number]) or "-", np.flatnonzero(groups == number)
