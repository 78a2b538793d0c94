"""seqsearch dedup"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .output import fields, plain_numbers
from .progress import progress_for
from .shared import (
    distance_parameters_option,
    quiet_option,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)

if TYPE_CHECKING:
    from ..search import Duplicates
    from ..sequences import Sequences

COLUMNS = ("sequence", "representative", "size", "distance")


@click.command("dedup", short_help="Exact and near duplicates within a file.")
@click.argument("file")
@click.option(
    "--within",
    "radius",
    type=float,
    default=0.0,
    show_default=True,
    metavar="R",
    help="Distance within which two sequences are duplicates.",
)
@click.option("--distance", metavar="NAME", help="edit or dtw  [default: what suits the data]")
@distance_parameters_option
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    help="Write the first sequence of every cluster: FASTA, or text a line each.",
)
@click.option(
    "--clusters",
    type=click.Path(),
    metavar="TABLE",
    help="Write the table to a file  [default: standard output, unless -o is given]",
)
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@reading_options
@threads_option
@quiet_option
def command(
    file: str,
    radius: float,
    distance: str | None,
    distance_parameters: dict[str, Any],
    output: str | None,
    clusters: str | None,
    output_format: str,
    quiet: bool,
    **options: Any,
) -> None:
    """Find equal sequences and those within distance R of each other, and keep one of each cluster.

    Lossless: every pair within R is found, by proof. Two sequences are in one cluster when a chain of duplicates joins
    them (single linkage); the first in the file stands for it. The table has the columns sequence, representative, size
    (of the cluster) and distance (exact, to the representative: along a chain it may exceed R).

    \b
    Examples:
      seqsearch dedup reads.fasta.gz -o unique.fasta
      seqsearch dedup reads.fasta --within 2 -o distinct.fasta --clusters clusters.tsv
      seqsearch dedup names.txt --within 1
    """
    from ..distances import distance_named
    from ..search import duplicates
    from ..sequences import write_sequences

    if not radius >= 0:
        raise click.BadParameter(f"must be at least 0, not {radius:g}", param_hint="--within")
    sequences = read_noting(file, **reading_arguments(options))
    chosen = distance or {"tokens": "edit", "series": "dtw"}[sequences.kind]
    found = duplicates(sequences, distance_named(chosen, **distance_parameters), radius, progress_for(quiet))
    if output is not None:
        write_sequences(output, sequences[found.kept])
    if clusters is not None or output is None:
        with click.open_file(clusters or "-", "w", encoding="utf-8", atomic=clusters is not None) as table:
            table.write(_text(sequences, found, output_format))
    if not quiet:
        click.echo(
            f"{file}: {len(sequences):,} sequences in {len(found.kept):,} clusters; {found.equal:,} equal an earlier "
            f"one, {found.pairs:,} pairs of others are within {radius:g}",
            err=True,
        )


def _text(sequences: Sequences, found: Duplicates, output_format: str) -> str:
    ids = list(sequences.ids)
    columns: list[list[Any]] = [
        ids,
        [ids[row] for row in found.representatives.tolist()],
        found.sizes.tolist(),
        plain_numbers(found.distances),
    ]
    if output_format == "json":
        return "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in zip(*columns, strict=True))
    texts = [list(fields(columns[0])), list(fields(columns[1])), *(map(str, column) for column in columns[2:])]
    return "\t".join(COLUMNS) + "\n" + "".join("\t".join(row) + "\n" for row in zip(*texts, strict=True))
