"""seqsearch search"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import click

from . import output
from .progress import progress_for
from .shared import quiet_option, read_batches_noting, reading_arguments, reading_options, threads_option
from .starting import numba_without_scipy

if TYPE_CHECKING:
    from ..search import Answers, SequenceIndex
    from ..sequences import Sequences


@click.command("search", short_help="Nearest stored sequences of each query.")
@click.argument("index", type=click.Path())
@click.argument("queries")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Neighbours of each query.")
@click.option("--all", "everything", is_flag=True, help="All within --max-distance or --min-identity, by proof.")
@click.option("--recall", type=float, metavar="R", help="Take the cheapest budget measured to reach this recall.")
@click.option("--candidates", type=int, metavar="N", help="Verify N candidates of each query.")
@click.option("--ef", type=int, metavar="N", help="Effort of the graph search, with --candidates.")
@click.option("--exact", is_flag=True, help="Compare with everything: exact by proof.")
@click.option("--max-distance", type=float, metavar="D", help="Only hits within this distance.")
@click.option(
    "--min-identity",
    type=float,
    metavar="P",
    help="Only hits of this identity, 0 to 1: equal columns of the alignment over all columns.",
)
@click.option("--where", metavar="label=VALUE", help="Only sequences with this label.")
@click.option("--ids-file", type=click.File("r", encoding="utf-8"), metavar="FILE", help="Only these ids, one a line.")
@click.option(
    "--strand",
    type=click.Choice(["plus", "both"]),
    default="plus",
    show_default=True,
    help="Search for the reverse complement of DNA and RNA as well.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["tsv", "json", "blast6"]),
    default="tsv",
    show_default=True,
    help="blast6: the twelve columns of BLAST's -outfmt 6.",
)
@click.option("--columns", metavar="NAME,...", help=f"Of tsv and json: {', '.join(output.COLUMNS)}.")
@click.option("--align", is_flag=True, help="Draw the alignment of every hit.")
@reading_options
@threads_option
@quiet_option
def command(index: str, queries: str, quiet: bool, **options: Any) -> None:
    """Find the K nearest stored sequences of each query, with their exact distances.

    TSV has the columns query, rank, target, distance (and strand, if both are searched); JSON has one object a line
    with the same names. Alignments are shortest edit paths from end to end: a CIGAR has =, X, I (in the query only)
    and D (in the target only). In blast6 pident is in percent; E-value and bit score, which edit distance does not
    have, are -1 and 0, as vsearch writes them; sstart > send means the minus strand.

    \b
    Examples:
      seqsearch search refs.ss queries.fasta -k 10
      seqsearch search refs.ss queries.fasta --recall 0.95 --format json
      seqsearch search refs.ss queries.fasta --all --max-distance 5 --columns query,target,distance,cigar
      seqsearch search refs.ss queries.fasta --strand both --min-identity 0.97 --format blast6
      cat reads.fq | seqsearch search refs.ss - --candidates 200
    """
    numba_without_scipy()
    from ..search import SequenceIndex

    reading, printing, kept = reading_arguments(options), _printing(options), _kept(options)
    _check(options, kept)
    ids_file: TextIO | None = options.pop("ids_file")
    ids = None if ids_file is None else [line.strip() for line in ids_file if line.strip()]
    where = _condition(options.pop("where"))
    progress = progress_for(quiet)
    warnings: dict[str, None] = {}  # of all batches, each once
    with SequenceIndex.open(index) as opened:
        reading["alphabet"] = reading["alphabet"] or opened.alphabet_name
        for number, part in enumerate(read_batches_noting(queries, **reading)):
            answers = _answers(opened, part, kept, ids=ids, where=where, progress=progress, **options)
            warnings |= dict.fromkeys(answers.warnings)
            hits = _hits(answers, part, kept)
            if number == 0:
                if not quiet:
                    click.echo(f"{index}: {answers.budget}", err=True)
                click.echo(output.header(**printing), nl=False)
            click.echo(output.text_of(hits, **printing), nl=False)
    for warning in () if quiet else warnings:
        click.echo(f"seqsearch: warning: {warning}", err=True)


def _printing(options: dict[str, Any]) -> dict[str, Any]:
    """How hits are printed."""
    output_format, drawn = options.pop("output_format"), options.pop("align")
    if drawn and output_format != "tsv":
        raise click.UsageError(f"--align draws pictures: --format {output_format} has no place for them")
    columns = output.columns_of(options.pop("columns"), output_format, options["strand"])
    return {"columns": columns, "output_format": output_format, "drawn": drawn}


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    """Which hits are kept."""
    return {name: options.pop(name) for name in ("everything", "max_distance", "min_identity")}


def _check(options: dict[str, Any], kept: dict[str, Any]) -> None:
    if kept["max_distance"] is not None and not kept["max_distance"] >= 0:
        raise click.BadParameter(f"must be at least 0, not {kept['max_distance']}", param_hint="--max-distance")
    if kept["min_identity"] is not None and not 0 < kept["min_identity"] <= 1:
        raise click.BadParameter(
            f"must be above 0 and at most 1, not {kept['min_identity']}", param_hint="--min-identity"
        )
    if kept["everything"] and kept["max_distance"] is None and kept["min_identity"] is None:
        raise click.UsageError("--all needs --max-distance or --min-identity")
    if kept["everything"]:
        for name in ("recall", "candidates", "ef"):
            if options[name] is not None:
                raise click.UsageError(f"--all finds everything by proof: --{name} means nothing")


def _answers(
    index: SequenceIndex,
    queries: Sequences,
    kept: dict[str, Any],
    *,
    k: int,
    recall: float | None,
    candidates: int | None,
    ef: int | None,
    exact: bool,
    **options: Any,
) -> Answers:
    if not kept["everything"]:
        return index.search(queries, k, recall=recall, candidates=candidates, ef=ef, exact=exact, **options)
    from ..search.alignment import radius_of_identity

    radius: Any = float("inf") if kept["max_distance"] is None else kept["max_distance"]
    if kept["min_identity"] is not None:
        radius = radius_of_identity(queries.lengths, kept["min_identity"]).clip(max=radius)
    return index.within(queries, radius, **options)


def _hits(answers: Answers, queries: Sequences, kept: dict[str, Any]) -> output.Hits:
    """The hits to print."""
    table = answers.table()
    if kept["max_distance"] is not None:
        table = table.keep(table.distances <= kept["max_distance"])
    if kept["min_identity"] is not None:
        table = table.keep(answers.align(queries, table).at_least(kept["min_identity"]))
    return output.Hits(answers, table, queries)


def _condition(where: str | None) -> dict[str, str] | None:
    if where is None:
        return None
    column, equals, value = where.partition("=")
    if not equals:
        raise click.BadParameter(f"{where!r} is not of the form label=VALUE", param_hint="--where")
    return {column: value}
