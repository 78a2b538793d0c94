"""seqsearch dedup"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from .options import (
    PATH,
    Command,
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


UC = "uc"


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
        "In FILE of -o: ;size=N behind the ids, how often the cluster was seen, the most abundant first.",
        flags="--size-out, --sizeout",
    )
    where: str | None = option(
        "Only those that fulfil this: 'genus = \"Bacteroides\" and year >= 2019' (docs/metadata.md).",
        metavar="CONDITION",
    )
    strand: str = strand_option()
    output_format: str = format_option(
        "tsv", "json", UC, help="Of the table; uc: the lines S, H and C of vsearch and usearch."
    )


@dataclass(frozen=True)
class Clustering:
    """What a cluster is, and who stands for it."""

    radius: float = option(
        "Distance within which two sequences are duplicates.", flags="--within", default=0.0, metavar="R"
    )
    identity: float | None = option(
        "In place of --within: identity from which on they are, 0 to 1: equal columns over all columns of the "
        "alignment, gaps at the ends among them (as vsearch --iddef 1).",
        flags="--identity, --id",
        metavar="P",
    )
    linkage: str | None = option(
        "single: a chain of duplicates is one cluster. centroid: each joins the nearest centroid before it, or becomes "
        "one.  [default: single; with --identity centroid]",
        type=click.Choice(["single", "centroid"]),
    )
    order: str | None = option(
        "Who comes first and stands for a cluster.  [default: abundance of centroids, and with --size-in; else input]",
        type=click.Choice(["abundance", "length", "input"]),
    )

    def __post_init__(self) -> None:
        if not self.radius >= 0:
            raise click.BadParameter(f"must be at least 0, not {self.radius:g}", param_hint="--within")
        if self.identity is not None and not 0 < self.identity <= 1:
            raise click.BadParameter(
                f"must be above 0 and at most 1, not {self.identity:g}: 97% is 0.97", param_hint="--identity"
            )
        if self.identity is not None and self.radius:
            raise click.UsageError("--within and --identity exclude each other")

    @property
    def told(self) -> str:
        """When two are duplicates."""
        return f"within {self.radius:g}" if self.identity is None else f"of identity {self.identity:g}"


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


@click.command(
    "dedup",
    cls=Command,
    first=("radius", "identity", "output", "clusters", "output_format"),
    short_help="Exact and near duplicates within a file.",
)
@click.argument("file", metavar="FILE|INDEX")
@takes(clustering=Clustering, output=Output, distance=SuitingDistance, reading=Reading)
@threads_and_quiet
def command(
    file: str, clustering: Clustering, output: Output, distance: SuitingDistance, reading: Reading, quiet: bool
) -> None:
    """Find equal sequences and those within distance R of each other, or of identity P, and keep one of each cluster.

    Lossless: no pair is overlooked. Two linkages: single, where a chain of duplicates is one cluster, as swarm has it;
    and centroid, where every member is a duplicate of the one that stands for the cluster, as vsearch --cluster_size
    has it (by abundance; --order length: --cluster_fast, --order input: --cluster_smallmem). For complete and average
    linkage see `seqsearch cluster`. The table has the columns sequence, representative, size (of the cluster) and
    distance (exact, to the representative: along a chain it may exceed R), and identity with --identity. What an INDEX
    holds is compared by its own distance where none is named.

    With --where only what fulfils the condition is compared and written, of an INDEX or of a table with columns.

    With --size-in (of an INDEX: its column size) the most abundant sequence stands for its cluster, and sizes are
    summed; --size-out writes them, as vsearch does.

    \b
    Examples:
      seqsearch dedup reads.fasta.gz -o unique.fasta
      seqsearch dedup reads.fasta --within 2 -o distinct.fasta --clusters clusters.tsv
      seqsearch dedup names.txt --within 1
      seqsearch dedup reads.fasta --size-in --size-out --within 1 -o centroids.fasta
      seqsearch dedup reads.fasta --identity 0.97 -o centroids.fasta --format uc --clusters clusters.uc
      seqsearch dedup refs.ss --within 1 --where 'year >= 2019'
    """
    from ..search import duplicates
    from ..sequences import write_sequences

    sequences, exact = _sequences(file, distance, reading, output.where)
    sizes = _sizes(sequences, file) if reading.sizes else None
    found = duplicates(
        sequences,
        exact,
        clustering.radius,
        progress_for(quiet),
        strand=output.strand,
        sizes=sizes,
        identity=clustering.identity,
        linkage=clustering.linkage,
        order=clustering.order,
    )
    if output.output is not None:
        if sizes is None and not output.size_out:
            write_sequences(output.output, sequences[found.kept])
        else:
            write_sequences(output.output, _ranked(sequences, found, output.size_out))
    if output.clusters is not None or output.output is None:
        write_text(output.clusters or "-", _table(sequences, found, exact, clustering, output))
    if not quiet:
        click.echo(
            f"{file}: {len(sequences):,} sequences in {len(found.kept):,} clusters; {found.equal:,} equal an earlier "
            f"one, {found.pairs:,} pairs of others are {clustering.told}",
            err=True,
        )


def _table(sequences: Sequences, found: Duplicates, distance: Distance, clustering: Clustering, output: Output) -> str:
    """What --clusters is given."""
    if output.output_format == UC:
        from .uc import uc_text

        return uc_text(sequences, found, distance)
    columns: dict[str, list[object]] = {
        "sequence": list(sequences.ids),
        "representative": list(sequences.ids.take(found.representatives)),
        "size": found.abundances.tolist(),
        "distance": [*plain_numbers(found.distances)],
    }
    if clustering.identity is not None:
        columns["identity"] = [round(path.identity, 4) for path in found.alignments(sequences, distance)]
    if found.minus is not None:
        columns["strand"] = ["-" if minus else "+" for minus in found.minus.tolist()]
    return header_text(columns, output.output_format) + rows_text(columns, output.output_format)
