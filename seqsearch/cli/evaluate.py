"""seqsearch evaluate"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .label_reports import evaluate_labels
from .options import (
    HDF5,
    PATH,
    PICTURE,
    QUERY_VECTORS,
    Cluster,
    Command,
    Reading,
    format_option,
    given,
    numbers_of,
    option,
    query_vectors_option,
    strand_option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .shared import show_rows
from .source import is_model, open_index

if TYPE_CHECKING:
    from ..distances import Neighbours
    from ..distributed import ShardedIndex
    from ..evaluation.judging import Judging
    from ..search import SequenceIndex
    from ..search.wanted import BudgetOptions
    from ..sequences import Sequences


@dataclass(frozen=True)
class Options:
    """What is measured, and how it is shown."""

    k: int = option("Neighbours of each query.", default=10)
    candidates: str | None = option(
        "Numbers of candidates to measure  [default: growing ones, until all is found]", metavar="N,N,..."
    )
    truth: str | None = option(
        "Exact neighbours written by `seqsearch truth`, or held by an HDF5 file of ann-benchmarks.",
        type=PATH,
        metavar="TRUTH.npz|FILE.hdf5",
    )
    strand: str = strand_option()
    output_format: str = format_option("table", "tsv", "json")
    check: bool = option(
        "Compute every reported distance again with python-Levenshtein (infix: edlib); exit code 1 where one differs."
    )
    plot: str | None = option("Draw recall against queries per second.", type=PICTURE, metavar="FILE.png")


@click.command(
    "evaluate",
    cls=Command,
    first=("k", "candidates", "truth", "check", "plot"),
    short_help="Recall against exact truth, and speed, by candidates.",
)
@click.argument("index", metavar="INDEX|MODEL", type=PATH)
@click.argument("queries")
@query_vectors_option
@takes(options=Options, cluster=Cluster, reading=Reading)
@threads_and_quiet
def command(
    index: str,
    queries: str,
    query_vectors: str | None,
    options: Options,
    cluster: Cluster,
    reading: Reading,
    quiet: bool,
) -> None:
    """Compare the index with exact truth on QUERIES: recall, candidate recall and speed of growing
    numbers of candidates.

    --check (pip install 'seqsearch[check]') takes nothing on trust: the distances of the hits of every row, of a
    comparison with everything and of a search as it is by default are computed again by a library that shares no code
    with this one. Of edit, weighted-edit, indel and infix; for others it says that nobody can.

    A hit counts when its exact distance is at most that of the true K-th neighbour, so ties count. Of a MODEL that
    tells classes, the labels that it gives to QUERIES are compared with those they have.

    \b
    Examples:
      seqsearch evaluate refs.ss queries.fasta
      seqsearch evaluate refs.ss queries.fasta --candidates 50,100,200 --format json --plot recall.png
      seqsearch evaluate refs.ss queries.fasta --check
      seqsearch evaluate glove.ss glove-100-angular.hdf5 --truth glove-100-angular.hdf5
      seqsearch evaluate reviews.model labelled.tsv
    """
    if is_model(index):
        for name in given(options).keys() - {"output_format"}:
            raise click.UsageError(f"--{name} is for an index: {index} is a model")
        if query_vectors is not None:
            raise click.UsageError(f"{QUERY_VECTORS} is for an index: {index} is a model")
        evaluate_labels(index, queries, reading, options.output_format, quiet)
        return
    from ..evaluation.sweep import Sweep
    from ..search import SequenceIndex
    from ..search.unlike_lengths import unlike_lengths

    k, budgets = options.k, None
    with open_index(index, cluster) as opened:
        if options.candidates is not None:
            chosen = [opened.budget(k, candidates=n)[0] for n in numbers_of(options.candidates, "--candidates")]
            budgets = [budget for budget in chosen if budget is not None]
        asked = reading.suiting(opened.alphabet_name).read(queries, queries=True)
        if isinstance(opened, SequenceIndex) and not quiet:
            with opened.state() as state:
                for warning in unlike_lengths(state, asked):
                    click.echo(f"seqsearch: warning: {warning}", err=True)
        judging = _judging(opened, asked, options)
        truth = None if options.truth is None else _truth(options.truth, opened, asked, options)
        rows = reading.rows(query_vectors, QUERY_VECTORS)
        progress = progress_for(quiet)
        measured = opened.evaluate(
            asked, k, vectors=rows, truth=truth, budgets=budgets, strand=options.strand, progress=progress
        )
        sweep = Sweep(measured)
        show_rows(sweep.as_rows(), options.output_format, sweep.as_table)
        if options.plot is not None:
            from ..evaluation.plots import plot_speed

            plot_speed(sweep.as_rows(index), options.plot, title=f"{len(asked):,} queries, {k} neighbours")
        if judging is None:
            return
        spent: list[BudgetOptions] = [{"exact": True}, {}]
        whole = [row for row in measured if row.compared is None]
        spent += [{"candidates": row.candidates, "ef": row.ef, "lists": row.lists} for row in whole]
        for budget in spent:
            judging.add_answers(
                opened.search(asked, k, vectors=rows, strand=options.strand, progress=progress, **budget)
            )
        verdicts = judging.verdicts(progress)
    click.echo(f"{index}: {verdicts}", err=True)
    if verdicts.wrong:
        click.get_current_context().exit(1)


def _judging(opened: SequenceIndex | ShardedIndex, asked: Sequences, options: Options) -> Judging | None:
    """Who checks the distances, where that is asked for: raises before anything is measured."""
    if not options.check:
        return None
    from ..evaluation.judging import Judging

    if opened.distance is None:
        raise click.UsageError("--check is of exact distances, which do not compare series of two kinds")
    return Judging(opened.distance, asked, options.strand)


def _truth(path: str, opened: SequenceIndex | ShardedIndex, asked: Sequences, options: Options) -> Neighbours:
    """The exact neighbours of a file."""
    from ..distances import Truth
    from ..search import SequenceIndex

    if path.lower().endswith(HDF5):
        from ..evaluation.told_truth import told_truth

        if not isinstance(opened, SequenceIndex):
            raise click.UsageError(f"--truth {path} is of vectors, which shards do not hold")
        return told_truth(path, opened, asked, options.k)
    known = Truth.load(path)
    known.require(asked, opened.sequences, opened.distance, options.k, options.strand)
    return known.neighbours
