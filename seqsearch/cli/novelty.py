"""seqsearch novelty"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

import click

from .options import (
    PATH,
    PICTURE,
    QUERY_VECTORS,
    Cluster,
    Command,
    Reading,
    format_option,
    guarantee_option,
    named,
    option,
    query_vectors_option,
    strand_option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .shared import header_text, plain_numbers, rows_text
from .source import INDEX, RefsDistance, searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..arrays import AnyArray
    from ..search import KnownScores, NoveltyResults
    from ..search.novelty import NoveltyOptions


@dataclass(frozen=True)
class Options:
    """What is asked - most are fields of `NoveltyOptions` - and how answers are shown."""

    method: str = option("nearest, mean, kth, lof, shells or reconstruction.", metavar="NAME", default="nearest")
    by: str | None = option(
        "Distances of nearest, mean, kth and lof: exact or embedding  [default: exact]", metavar="NAME"
    )
    k: int | None = option("Neighbours of mean, kth (10) and lof (20).")
    fpr: float = option("Share of known sequences called novel.", default=0.01)
    bh: bool = option(
        "Take --fpr as the false discovery rate over all queries (Benjamini-Hochberg); adds the column q_value."
    )
    ties: str = option(
        "smoothed: known sequences are called novel as often as --fpr says; conservative: no more.",
        metavar="NAME",
        default="smoothed",
    )
    known: str | None = option(
        "Known sequences to compare with, none of them stored  [default: members]", metavar="FILE"
    )
    known_vectors: str | None = option("Of an index with own vectors: those of --known.", type=PATH, metavar="FILE.npy")
    where: str | None = option(
        "Is it new among those that fulfil this: 'genus = \"Bacteroides\" and year >= 2019' (docs/metadata.md).",
        metavar="CONDITION",
    )
    guarantee: str | None = guarantee_option()
    sample: int = option("Members to compare with.", type=click.IntRange(1), default=20_000, metavar="N")
    seed: int = option("Seed of every random draw.", default=0)
    strand: str = strand_option()
    output_format: str = format_option("tsv", "json")
    plot: str | None = option("Draw the scores of known sequences and queries.", type=PICTURE, metavar="FILE.png")


@click.command(
    "novelty",
    cls=Command,
    first=("k", "fpr", "bh", "method", "plot"),
    short_help="Is each query new, and how sure is that?",
)
@click.argument("index", metavar=INDEX, type=PATH)
@click.argument("queries")
@query_vectors_option
@takes(options=Options, distance=RefsDistance, cluster=Cluster, reading=Reading)
@threads_and_quiet
def command(
    index: str,
    queries: str,
    query_vectors: str | None,
    options: Options,
    distance: RefsDistance,
    cluster: Cluster,
    reading: Reading,
    quiet: bool,
) -> None:
    """Say of each query whether it is new, with a p-value: the share of known sequences that score as high.

    The p-values come from members of the index, each judged as if it were not stored, so that --fpr 0.01 calls one
    known sequence in a hundred novel. Their scores are kept in the index, and measured anew when it has changed by more
    than a fifth. TSV has the columns query, score, p_value, novel, nearest, distance; the distance is exact,
    and in JSON guarantee says what it rests on.

    With --where a query is compared with the sequences that fulfil the condition alone, and so are these, for the
    p-values, each with the others.

    For a few questions no index is needed: REFS, a file, is read and compared with everything, by --distance, and
    nothing is kept; the methods are nearest, mean, kth and lof.

    \b
    Examples:
      seqsearch novelty refs.ss reads.fasta --fpr 0.01
      seqsearch novelty refs.ss reads.fasta --method lof --by embedding --bh --fpr 0.1
      seqsearch novelty refs.ss reads.fasta --format json --plot novelty.png
      seqsearch novelty refs.ss reads.fasta --where 'site = "gut"'
      seqsearch novelty refs.fasta reads.fasta --sample 1000
    """
    from ..search.novelty import NoveltyOptions
    from ..search.novelty.results import joined

    progress = progress_for(quiet)
    asked = replace(NoveltyOptions(**named(options, NoveltyOptions)), bh=False)  # of all queries, not of a batch
    vectors_given = {QUERY_VECTORS: query_vectors, "--known-vectors": options.known_vectors}
    of_index = [flag for flag, value in vectors_given.items() if value is not None]
    with searched(index, queries, distance, reading, of_index, quiet, cluster) as opened:
        reading = reading.suiting(opened.alphabet_name)
        compared = None if options.known is None else reading.read(options.known, queries=True)
        own = reading.rows(options.known_vectors, "--known-vectors")
        how = {"where": options.where, "progress": progress, **vars(asked)}
        calibration = opened.known_scores(known=compared, known_vectors=own, **how)
        if not quiet:
            _tell(index, calibration, asked)
        parts = [
            opened.novelty(part, vectors=vectors, known=calibration, **how)
            for part, vectors in reading.with_vectors(queries, query_vectors, QUERY_VECTORS, queries=True)
        ]
    found = joined(parts)
    if options.bh:
        found = found.controlled()
    columns = _columns(found, options.output_format)
    text = header_text(columns, options.output_format) + rows_text(columns, options.output_format)
    click.echo(text, nl=False)
    if not quiet:
        for warning in found.warnings:
            click.echo(f"seqsearch: warning: {warning}", err=True)
        click.echo(f"{int(found.novel.sum()):,} of {len(found):,} queries are novel", err=True)
    if options.plot is not None:
        _plot(found, calibration, options.plot, asked)


def _tell(index: str, known: KnownScores, asked: NoveltyOptions) -> None:
    from ..search.novelty.options import SMOOTHED

    click.echo(f"{index}: compared with {len(known):,} known sequences ({known.source})", err=True)
    if (share := asked.fpr * (len(known) + 1)) >= 1:
        return
    if asked.ties == SMOOTHED:
        few = f"{len(known):,} known sequences are few for {asked.fpr:g}: of what is newer than all of them"
        click.echo(f"{few}, {share:.0%} are called novel, by lot (none with --ties conservative)", err=True)
    else:
        least = f"no p-value is below 1 in {len(known) + 1:,}"
        click.echo(f"nothing can be called novel at {asked.fpr:g}: {least}", err=True)


def _columns(found: NoveltyResults, output_format: str) -> dict[str, Sequence[object]]:
    columns: dict[str, Sequence[object]] = {
        "query": list(found.queries),
        "score": plain_numbers(found.scores),
        "p_value": _rounded(found.p_values),
        "novel": found.novel.tolist(),
        "nearest": found.nearest,
        "distance": plain_numbers(found.distances),
    }
    if output_format == "tsv":
        columns["novel"] = ["yes" if novel else "no" for novel in found.novel.tolist()]
    if found.q_values is not None:
        columns["q_value"] = _rounded(found.q_values)
    if output_format == "json":
        columns["guarantee"] = found.guarantee.tolist()
    return columns


def _rounded(values: AnyArray) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


def _plot(found: NoveltyResults, known: KnownScores, path: str, asked: NoveltyOptions) -> None:
    from ..evaluation.plots import plot_histograms

    both = (("known", known.scores), ("queries", found.scores))
    rows = [{"series": name, "value": value} for name, scores in both for value in scores.tolist() if isfinite(value)]
    score = ", ".join(part for part in (asked.method, asked.source) if part)
    threshold = known.threshold(asked.fpr) if found.q_values is None else float("inf")
    plot_histograms(
        rows,
        path,
        title=f"{int(found.novel.sum()):,} of {len(found):,} queries are novel",
        x_label=f"novelty score ({score})",
        threshold=threshold if isfinite(threshold) else None,
    )
