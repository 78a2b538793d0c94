"""seqsearch novelty"""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from .output import fields, plain_numbers
from .progress import progress_for
from .shared import quiet_option, read_batches_noting, read_noting, reading_arguments, reading_options, threads_option

if TYPE_CHECKING:
    from ..search import KnownScores, NoveltyResults

COLUMNS = ("query", "score", "p_value", "novel", "nearest", "distance")


@click.command("novelty", short_help="Is each query new, and how sure is that?")
@click.argument("index", type=click.Path())
@click.argument("queries")
@click.option(
    "--method",
    metavar="NAME",
    default="nearest",
    show_default=True,
    help="nearest, mean, kth, lof, shells or reconstruction.",
)
@click.option(
    "--by", metavar="NAME", help="Distances of nearest, mean, kth and lof: exact or embedding  [default: exact]"
)
@click.option("-k", "k", type=int, help="Neighbours of mean, kth (10) and lof (20).")
@click.option("--fpr", type=float, default=0.01, show_default=True, help="Share of known sequences called novel.")
@click.option(
    "--bh",
    is_flag=True,
    help="Take --fpr as the false discovery rate over all queries (Benjamini-Hochberg); adds the column q_value.",
)
@click.option(
    "--ties",
    metavar="NAME",
    default="smoothed",
    show_default=True,
    help="smoothed: known sequences are called novel as often as --fpr says; conservative: no more.",
)
@click.option(
    "--known", metavar="FILE", help="Known sequences to compare with, none of them stored  [default: members]"
)
@click.option(
    "--sample", type=click.IntRange(1), default=20_000, show_default=True, metavar="N", help="Members to compare with."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw the scores of known sequences and queries.")
@reading_options
@threads_option
@quiet_option
def command(
    index: str, queries: str, known: str | None, output_format: str, plot: str | None, quiet: bool, **options: Any
) -> None:
    """Say of each query whether it is new, with a p-value: the share of known sequences that score as high.

    The p-values come from members of the index, each judged as if it were not stored, so that --fpr 0.01 calls one
    known sequence in a hundred novel. Their scores are kept in the index, and measured anew when it has changed by more
    than a fifth. TSV has the columns query, score, p_value, novel, nearest, distance; the distance is exact.

    \b
    Examples:
      seqsearch novelty refs.ss reads.fasta --fpr 0.01
      seqsearch novelty refs.ss reads.fasta --method lof --by embedding --bh --fpr 0.1
      seqsearch novelty refs.ss reads.fasta --format json --plot novelty.png
    """
    from ..search import SequenceIndex
    from ..search.novelty.results import joined

    reading, progress, bh = reading_arguments(options), progress_for(quiet), options.pop("bh")
    with SequenceIndex.open(index) as opened:
        reading["alphabet"] = reading["alphabet"] or opened.alphabet_name
        compared = None if known is None else read_noting(known, **reading)
        calibration = opened.known_scores(known=compared, progress=progress, **options)
        if not quiet:
            _tell(index, calibration, options["fpr"])
        parts = [
            opened.novelty(part, known=calibration, progress=progress, **options)
            for part in read_batches_noting(queries, **reading)
        ]
    found = joined(parts)
    if bh:
        found = found.controlled()
    click.echo(_text(found, output_format), nl=False)
    if not quiet:
        click.echo(f"{int(found.novel.sum()):,} of {len(found):,} queries are novel", err=True)
    if plot is not None:
        _plot(found, calibration, plot, options)


def _tell(index: str, known: KnownScores, fpr: float) -> None:
    click.echo(f"{index}: compared with {len(known):,} known sequences ({known.source})", err=True)
    if fpr * (len(known) + 1) < 1:
        click.echo(f"nothing can be called novel at {fpr:g}: no p-value is below 1 in {len(known) + 1:,}", err=True)


def _text(found: NoveltyResults, output_format: str) -> str:
    names = COLUMNS + ("q_value",) * (found.q_values is not None)
    columns: dict[str, list[Any]] = {
        "query": list(found.queries),
        "score": plain_numbers(found.scores),
        "p_value": _rounded(found.p_values),
        "novel": found.novel.tolist(),
        "nearest": found.nearest,
        "distance": plain_numbers(found.distances),
        "q_value": [] if found.q_values is None else _rounded(found.q_values),
    }
    if output_format == "json":
        columns = {name: [_finite(value) for value in columns[name]] for name in names}
        rows = zip(*(columns[name] for name in names), strict=True)
        return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    columns["novel"] = ["yes" if novel else "no" for novel in columns["novel"]]
    for name in ("query", "nearest"):
        columns[name] = list(fields(columns[name]))
    rows = zip(*(map(str, columns[name]) for name in names), strict=True)
    return "\t".join(names) + "\n" + "".join("\t".join(row) + "\n" for row in rows)


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


def _finite(value: Any) -> Any:
    """What JSON has no number for is null."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _plot(found: NoveltyResults, known: KnownScores, path: str, options: dict[str, Any]) -> None:
    from ..evaluation.plots import plot_histograms
    from ..search.novelty import NoveltyOptions

    both = (("known", known.scores), ("queries", found.scores))
    rows = [{"series": name, "value": value} for name, scores in both for value in scores.tolist() if isfinite(value)]
    asked = NoveltyOptions.of(options)
    score = ", ".join(part for part in (asked.method, asked.source) if part)
    threshold = known.threshold(options["fpr"]) if found.q_values is None else float("inf")
    plot_histograms(
        rows,
        path,
        title=f"{int(found.novel.sum()):,} of {len(found):,} queries are novel",
        x_label=f"novelty score ({score})",
        threshold=threshold if isfinite(threshold) else None,
    )
