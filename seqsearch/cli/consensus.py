"""seqsearch consensus"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, Command, Reading, format_option, given, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import header_text, rows_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..arrays import IntArray
    from ..sequences import Sequences

COLUMNS = ("cluster", "size", "total", "median", "mean", "farthest")


@dataclass(frozen=True)
class Options:
    """Of what there is a consensus each, and where it goes."""

    within: float | None = option("Of every cluster of sequences within this distance, as of `dedup`.", metavar="R")
    by: str | None = option("Of the sequences of every label, or of every value of a column.", metavar="label|COLUMN")
    least: int = option("Only of clusters of so many sequences.", type=click.IntRange(1), default=1, metavar="N")
    output: str | None = option(
        "Write the strings: FASTA, or text a line each.", flags="-o, --output", type=PATH, metavar="FILE"
    )
    tries: int = option("Times that edits which change nothing are tried.", type=click.IntRange(0), default=30)
    seed: int = option("Seed of every random draw.", default=0)
    output_format: str = format_option("tsv", "json")

    def __post_init__(self) -> None:
        if self.within is not None and self.by is not None:
            raise click.UsageError("--within and --by exclude each other")
        if self.within is not None and not self.within >= 0:
            raise click.BadParameter(f"must be at least 0, not {self.within}", param_hint="--within")


@click.command(
    "consensus",
    cls=Command,
    first=("within", "by", "output", "output_format", "least"),
    short_help="The string nearest to all of a set, or of each cluster.",
)
@click.argument("file", metavar="FILE|INDEX")
@takes(options=Options, reading=Reading)
@threads_and_quiet
def command(file: str, options: Options, reading: Reading, quiet: bool) -> None:
    """Find the string of least sum of edit distances to the sequences of FILE, or to those of each cluster.

    The best of the sequences is improved by single edits, all weighed exactly at once, until none is left that helps.
    With --size-in (of an INDEX: its column size) each counts as often as it was seen. The table has the columns
    cluster, size, total (the sum), median (that of the best sequence itself), mean and farthest distance; -o writes the
    strings.

    \b
    Examples:
      seqsearch consensus reads.fasta -o consensus.fasta
      seqsearch consensus genes.fasta --within 5 --least 3 -o centres.fasta
      seqsearch consensus names.csv --by label
    """
    from ..distances.consensus import consensus
    from ..sequences import Sequences, Strings
    from ..sequences.readers.sizes import SIZE

    whole = _sequences(file, options, reading)
    if whole.alphabet is None:
        raise click.UsageError(f"{file}: a consensus is of strings, and these are series")
    sizes = whole.columns[SIZE].numbers if SIZE in whole.columns else None
    made, names = [], []
    rows: dict[str, list[object]] = {name: [] for name in COLUMNS}
    clusters = [(name, of) for name, of in _clusters(whole, options, quiet) if len(of) >= options.least]
    with progress_for(quiet).task("looking for consensus strings", len(clusters)) as task:
        for name, of in clusters:
            found = consensus(
                whole[of], weights=None if sizes is None else sizes[of], tries=options.tries, seed=options.seed
            )
            made.append(found.sequence)
            names.append(name)
            mean = round(found.total / (len(of) if sizes is None else int(sizes[of].sum())), 4)
            told = (name, len(of), found.total, found.median, mean, int(found.distances.max()))
            for column, value in zip(COLUMNS, told, strict=True):
                rows[column].append(value)
            task.advance()
    if options.output is not None and made:
        from ..sequences.writers import write_sequences

        joined = Sequences.concatenate(made)
        write_sequences(options.output, joined.renamed(Strings.of(names)))
    click.echo(header_text(COLUMNS, options.output_format) + rows_text(rows, options.output_format), nl=False)


def _sequences(file: str, options: Options, reading: Reading) -> Sequences:
    """Those of a file, or what an index holds."""
    from ..errors import NotAnIndexError
    from .source import open_index

    if os.path.isdir(file):
        with suppress(NotAnIndexError), open_index(file) as index:
            for name in given(reading):
                raise click.UsageError(f"--{name.replace('_', '-')} is for reading a file: {file} is an index")
            return index.sequences
    beside = options.by is not None and options.by != "label"
    return reading.read(file, columns=None if beside else ())


def _clusters(whole: Sequences, options: Options, quiet: bool) -> Iterator[tuple[str, IntArray]]:
    """The rows of each cluster, and what it is called: in the order of their first rows."""
    import numpy as np

    if options.within is not None:
        from ..distances import EditDistance
        from ..search import duplicates

        groups = duplicates(whole, EditDistance(), options.within, progress_for(quiet)).representatives
        for row in np.unique(groups).tolist():
            yield whole.ids[row], np.flatnonzero(groups == row)
    elif options.by is not None:
        from ..errors import UnknownNameError

        if options.by != "label" and options.by not in whole.columns:
            known = ", ".join(["label", *whole.columns])
            raise UnknownNameError(f"--by {options.by}: there is no such column: {known}")
        texts = list(whole.labels) if options.by == "label" else whole.columns[options.by].spelled()
        values, first, groups = np.unique(np.array(texts), return_index=True, return_inverse=True)
        for number in np.argsort(first).tolist():
            yield str(values[number]) or "-", np.flatnonzero(groups == number)
    else:
        yield "consensus", np.arange(len(whole))
