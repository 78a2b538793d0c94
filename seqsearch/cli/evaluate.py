"""seqsearch evaluate"""

from __future__ import annotations

from dataclasses import dataclass

import click

from .label_reports import evaluate_labels
from .options import (
    HDF5,
    PATH,
    PICTURE,
    QUERY_VECTORS,
    Cluster,
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


@dataclass(frozen=True)
class Options:
    """What is measured, and how it is shown."""

    k: int = option("Neighbours of each query.", default=10)
    candidates: str | None = option("Budgets to measure  [default: a ladder]", metavar="N,N,...")
    truth: str | None = option(
        "Exact neighbours written by `seqsearch truth`, or told by an HDF5 file of ann-benchmarks.",
        type=PATH,
        metavar="TRUTH.npz|FILE.hdf5",
    )
    strand: str = strand_option()
    output_format: str = format_option("table", "tsv", "json")
    plot: str | None = option("Draw recall against queries per second.", type=PICTURE, metavar="FILE.png")


@click.command("evaluate", short_help="Recall against exact truth, over a sweep of budgets.")
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
    """Compare the index with exact truth on QUERIES: recall, candidate recall and speed of every budget.

    A hit counts when its exact distance is at most that of the true K-th neighbour, so ties count. Of a MODEL that
    tells classes, the labels that it gives to QUERIES are compared with those they have.

    \b
    Examples:
      seqsearch evaluate refs.ss queries.fasta
      seqsearch evaluate refs.ss queries.fasta --candidates 50,100,200 --format json --plot recall.png
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
    from ..distances import Truth
    from ..evaluation.sweep import Sweep
    from ..search import SequenceIndex

    k, budgets, truth = options.k, None, None
    with open_index(index, cluster) as opened:
        if options.candidates is not None:
            chosen = [opened.budget(k, candidates=n)[0] for n in numbers_of(options.candidates, "--candidates")]
            budgets = [budget for budget in chosen if budget is not None]
        asked = reading.suiting(opened.alphabet_name).read(queries, queries=True)
        if options.truth is not None and options.truth.lower().endswith(HDF5):
            from ..evaluation.told_truth import told_truth

            if not isinstance(opened, SequenceIndex):
                raise click.UsageError(f"--truth {options.truth} is of vectors, which shards do not hold")
            truth = told_truth(options.truth, opened, asked, k)
        elif options.truth is not None:
            known = Truth.load(options.truth)
            known.require(asked, opened.sequences, opened.distance, k, options.strand)
            truth = known.neighbours
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
