"""seqsearch truth"""

from __future__ import annotations

from dataclasses import dataclass

import click

from .options import PATH, Command, DistanceOptions, Reading, strand_option, takes, threads_and_quiet
from .output import PLACES, PLAIN, HitColumns
from .progress import progress_for
from .shared import header_text, rows_text


@dataclass(frozen=True)
class Options:
    """Which strands are compared."""

    strand: str = strand_option()


@click.command(
    "truth",
    cls=Command,
    first=("k", "output", "distance", "distance_parameters", "strand"),
    short_help="Exact nearest neighbours, without an index.",
)
@click.argument("references", metavar="REFS")
@click.argument("queries")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@takes(options=Options, distance=DistanceOptions)
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="TRUTH.npz",
    help="Write a truth file, which `evaluate --truth` reads, in place of the table.",
)
@takes(reading=Reading)
@threads_and_quiet
def command(
    references: str,
    queries: str,
    k: int,
    options: Options,
    distance: DistanceOptions,
    output: str | None,
    reading: Reading,
    quiet: bool,
) -> None:
    """Compare every query with every reference and print the K nearest: query, rank, target, distance.

    Ties are broken by the order of the references. A truth file remembers which sequences, distance and parameters it
    belongs to, and is refused for others.

    \b
    Examples:
      seqsearch truth refs.fasta queries.fasta -k 10 > truth.tsv
      seqsearch truth refs.fasta queries.fasta -k 10 -o truth.npz
      seqsearch evaluate refs.ss queries.fasta --truth truth.npz
    """
    import numpy as np

    from ..distances import Truth
    from ..search import Results
    from ..search.fitting import require_no_bases_among
    from ..search.guarantees import PROVED, guarantees
    from ..search.pipeline import Queries
    from ..search.results import Explanation
    from ..search.strands import BOTH, better_strand, reverse_complement, turned_round
    from ..search.unlike_lengths import unlike_references

    targets = reading.read(references)
    asked = reading.suiting(targets.alphabet).read(queries, queries=True)
    require_no_bases_among(asked, queries, targets)
    exact = distance.suiting(references).exact()
    searcher, progress = exact.searcher(targets), progress_for(quiet)
    found, pruning = searcher.search(asked, k, progress=progress)
    if not quiet:
        click.echo(f"{queries}: compared with all {len(targets):,}; {pruning}", err=True)
    minus = None
    if options.strand == BOTH:
        turned = searcher.search(reverse_complement(asked), k, within=found.distances[:, -1], progress=progress)[0]
        found, minus = better_strand(found, turned)
    warnings = unlike_references(exact, asked, targets)
    if options.strand != BOTH and exact.alignable and k > 0 and len(targets):
        nearest = found.distances[:, 0]
        told = turned_round(Queries(asked), nearest, lambda some: searcher.search(some.sequences, 1)[0].distances[:, 0])
        warnings += () if told is None else (told,)
    for warning in () if quiet else warnings:
        click.echo(f"seqsearch: warning: {warning}", err=True)
    if output is not None:
        Truth.of(found, asked, targets, exact, options.strand).save(output)
        return
    parts = exact if exact.partial else None
    proved = guarantees(np.ones(len(asked), np.bool_), PROVED)
    answers = Results(asked.ids, targets, found, minus, how=Explanation(parts=parts), guarantee=proved)
    shown = PLAIN + PLACES * exact.partial + ("strand",) * (options.strand == BOTH)
    columns = HitColumns(answers, answers.table(), asked).columns(shown)
    click.echo(header_text(columns, "tsv") + rows_text(columns, "tsv"), nl=False)
