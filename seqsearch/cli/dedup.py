"""seqsearch dedup"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from .options import (
    PATH,
    DistanceOptions,
    Reading,
    format_option,
    given,
    option,
    strand_option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .shared import header_text, plain_numbers, rows_text, write_text

if TYPE_CHECKING:
    from ..arrays import IntArray
    from ..distances import Distance
    from ..search import Duplicates
    from ..sequences import Sequences


@dataclass(frozen=True)
class SuitingDistance(DistanceOptions):
    """The exact distance, by default one that suits the data."""

    distance: str = option("edit or dtw  [default: what suits the data]", metavar="NAME")

    def suiting(self, kind: str) -> SuitingDistance:
        """With the first distance of a kind of sequences where none was asked for."""
        from ..distances import DISTANCES

        first = next(name for name in DISTANCES if DISTANCES[name].kind == kind)
        return self if self.distance else replace(self, distance=first)


@dataclass(frozen=True)
class Output:
    """What is written where."""

    output: str | None = option(
        "Write the first sequence of every cluster: FASTA, or text a line each.",
        flags="-o, --output",
        type=PATH,
        metavar="FILE",
    )
    clusters: str | None = option(
        "Write the table to a file  [default: standard output, unless -o is given]", type=PATH, metavar="TABLE"
    )
    size_out: bool = option(
        "In FILE of -o: ;size=N behind the ids, how often the cluster was seen, the most abundant first."
    )
    where: str | None = option(
        "Only those that fulfil this: 'genus = \"Bacteroides\" and year >= 2019' (docs/metadata.md).",
        metavar="CONDITION",
    )
    strand: str = strand_option()
    output_format: str = format_option("tsv", "json")


def _sequences(path: str, distance: SuitingDistance, reading: Reading, where: str | None) -> tuple[Sequences, Distance]:
    """Those of a file, or what an index holds, that fulfil a condition, and how they are compared: as asked, or as
    suits."""
    from ..errors import NotAnIndexError
    from ..search import SequenceIndex
    from ..search.filtering import mask_of

    if os.path.isdir(path):  # an index, or a folder of series
        with suppress(NotAnIndexError), SequenceIndex.open(path) as index:
            for name in given(reading).keys() - {"sizes"}:
                raise click.UsageError(f"--{name.replace('_', '-')} is for reading a file: {path} is an index")
            asked = replace(distance, distance=distance.distance or index.distance.name)
            stored = index.sequences if where is None else index.matching(where)
            return stored, asked.exact() if given(distance) else index.distance
    sequences = reading.read(path, columns=() if where is None else None)
    if where is not None:
        sequences = sequences[mask_of(where, sequences).nonzero()[0]]
    return sequences, distance.suiting(sequences.kind).exact()


def _sizes(sequences: Sequences, file: str) -> IntArray:
    """How often each was seen. Raises a usage error for an index that does not know."""
    from ..sequences.readers.sizes import SIZE

    column = sequences.columns.get(SIZE)
    if column is None or column.kind != "int" or column.missing.any():
        raise click.UsageError(f"{file} has no column {SIZE} of whole numbers: build it with --size-in")
    return column.numbers


def _ranked(sequences: Sequences, found: Duplicates, size_out: bool) -> Sequences:
    """The representatives, the most abundant first, with that behind their ids."""
    kept = sequences[found.ranked]
    if not size_out:
        return kept
    from ..sequences.readers.sizes import without_size
    from ..sequences.strings import Strings

    if kept.alphabet is None or kept.alphabet.is_open:
        raise click.UsageError("--size-out writes into the headers of FASTA: texts and series have none")
    sizes = found.abundances[found.ranked].tolist()
    names = Strings.of(f"{without_size(name)};size={size}" for name, size in zip(kept.ids, sizes, strict=True))
    return type(kept)(kept.data, kept.offsets, names, kept.alphabet, kept.descriptions, kept.labels)


@click.command("dedup", short_help="Exact and near duplicates within a file.")
@click.argument("file", metavar="FILE|INDEX")
@click.option(
    "--within",
    "radius",
    type=float,
    default=0.0,
    show_default=True,
    metavar="R",
    help="Distance within which two sequences are duplicates.",
)
@takes(distance=SuitingDistance, output=Output, reading=Reading)
@threads_and_quiet
def command(file: str, radius: float, distance: SuitingDistance, output: Output, reading: Reading, quiet: bool) -> None:
    """Find equal sequences and those within distance R of each other, and keep one of each cluster.

    Lossless: every pair within R is found, by proof. Two sequences are in one cluster when a chain of duplicates joins
    them (single linkage); the first in the file stands for it. The table has the columns sequence, representative, size
    (of the cluster) and distance (exact, to the representative: along a chain it may exceed R). What an INDEX holds is
    compared by its own distance where none is named.

    With --where only what fulfils the condition is compared and told, of an INDEX or of a table with columns.

    With --size-in (of an INDEX: its column size) the most abundant sequence stands for its cluster, and sizes are
    summed; --size-out writes them, as vsearch does.

    \b
    Examples:
      seqsearch dedup reads.fasta.gz -o unique.fasta
      seqsearch dedup reads.fasta --within 2 -o distinct.fasta --clusters clusters.tsv
      seqsearch dedup names.txt --within 1
      seqsearch dedup reads.fasta --size-in --size-out --within 1 -o centroids.fasta
      seqsearch dedup refs.ss --within 1 --where 'year >= 2019'
    """
    from ..search import duplicates
    from ..sequences import write_sequences

    if not radius >= 0:
        raise click.BadParameter(f"must be at least 0, not {radius:g}", param_hint="--within")
    sequences, exact = _sequences(file, distance, reading, output.where)
    sizes = _sizes(sequences, file) if reading.sizes else None
    found = duplicates(sequences, exact, radius, progress_for(quiet), strand=output.strand, sizes=sizes)
    if output.output is not None:
        if sizes is None and not output.size_out:
            write_sequences(output.output, sequences[found.kept])
        else:
            write_sequences(output.output, _ranked(sequences, found, output.size_out))
    if output.clusters is not None or output.output is None:
        columns = {
            "sequence": list(sequences.ids),
            "representative": list(sequences.ids.take(found.representatives)),
            "size": found.abundances.tolist(),
            "distance": plain_numbers(found.distances),
        }
        if found.minus is not None:
            columns["strand"] = ["-" if minus else "+" for minus in found.minus.tolist()]
        text = header_text(columns, output.output_format) + rows_text(columns, output.output_format)
        write_text(output.clusters or "-", text)
    if not quiet:
        click.echo(
            f"{file}: {len(sequences):,} sequences in {len(found.kept):,} clusters; {found.equal:,} equal an earlier "
            f"one, {found.pairs:,} pairs of others are within {radius:g}",
            err=True,
        )
