"""seqsearch classify"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .label_reports import Reports, Tally, labelling_model
from .options import (
    PATH,
    QUERY_VECTORS,
    Command,
    Reading,
    format_option,
    given,
    guarantee_option,
    option,
    query_vectors_option,
    strand_option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .shared import header_text, rows_text
from .source import RefsDistance, is_model, is_references, searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..arrays import AnyArray
    from ..encoders.model import Model
    from ..encoders.vector_rows import VectorRows
    from ..search import References, SequenceIndex
    from ..sequences import Sequences


@dataclass(frozen=True)
class Options:
    """How a class is found, and how answers are printed."""

    k: int = option("Index: neighbours that vote.", type=click.IntRange(1), default=10)
    weighting: str = option(
        "Index: nearer neighbours count more, or all alike.",
        type=click.Choice(["distance", "uniform"]),
        default="distance",
    )
    abstain: float = option(
        "Tell no label where it would be less sure than P (model), or for queries as new as a share P of "
        "known sequences (index).",
        default=0.0,
        metavar="P",
    )
    novelty: str = option(
        "Index: how new a query is, for --abstain; see `seqsearch novelty`.", metavar="METHOD", default="nearest"
    )
    recall: float | None = option("Index: the recall of the search.", metavar="R")
    exact: bool = option("Index: compare with everything.")
    guarantee: str | None = guarantee_option()
    where: str | None = option("Index: only sequences that fulfil this vote.", metavar="CONDITION")
    strand: str = strand_option()
    output_format: str = format_option("tsv", "json")


@click.command(
    "classify",
    cls=Command,
    first=("k", "exact", "novelty", "report", "output_format"),
    short_help="The class of each query, by a model or by neighbours.",
)
@click.argument("model", metavar="MODEL|INDEX|REFS", type=PATH)
@click.argument("queries")
@query_vectors_option
@takes(options=Options, reports=Reports, distance=RefsDistance, reading=Reading)
@threads_and_quiet
def command(
    model: str,
    queries: str,
    query_vectors: str | None,
    options: Options,
    reports: Reports,
    distance: RefsDistance,
    reading: Reading,
    quiet: bool,
) -> None:
    """Tell the class of each query: by a model of `train --task classify`, or by the labels of its nearest neighbours
    in an index - or, for a few questions, in a file of labelled REFS that are compared with everything, by --distance.

    TSV has the columns query, label, probability (of an index: the share of the votes), distance (of an index: to the
    nearest neighbour) and, with --abstain, p_value (of an index: that a known sequence would look as new); no label is
    "-". JSON has one object a line with the same names, guarantee (of an index: what the neighbours rest on) and the
    probability of every label. Where the queries have
    labels, a summary goes to stderr.

    \b
    Examples:
      seqsearch classify reviews.model new.tsv
      seqsearch classify genes.ss reads.fasta -k 5 --abstain 0.01
      seqsearch classify genes.fasta reads.fasta --labels taxonomy.tsv -k 5
      seqsearch classify beats.model test.npz --report report.jsonl --confusion confusion.png
    """
    if not _is_searched(model):
        for name in given(distance):
            flag = "-D" if name == "distance_parameters" else f"--{name}"
            raise click.UsageError(f"{flag} is for REFS: {model} is a model, which compares nothing")
    from ..distributed import ShardedIndex
    from ..sequences import Sequences

    tally, warnings = Tally(), dict[str, None]()  # of all batches, each once
    with ExitStack() as open_now:
        if _is_searched(model):
            of_index = {QUERY_VECTORS: query_vectors, "--recall": options.recall}
            asked = [flag for flag, value in of_index.items() if value is not None]
            source = open_now.enter_context(searched(model, queries, distance, reading, asked, quiet))
            if isinstance(source, ShardedIndex):
                raise click.UsageError(f"{model} holds shards, and neighbours of one index vote: build one")
            judge, alphabet, at_once = _by_neighbours(source, options, quiet), source.alphabet_name, False
        else:
            loaded = labelling_model(model)
            judge, alphabet = _by_model(loaded, model, options, quiet), loaded.spec.alphabet
            at_once = loaded.spec.context  # all of a record is read together
        parts = reading.suiting(alphabet).with_vectors(queries, query_vectors, QUERY_VECTORS, queries=True)
        if at_once:
            parts = iter([(Sequences.concatenate([part for part, _ in parts]), None)])
        for number, (part, vectors) in enumerate(parts):
            verdict = judge(part, vectors)
            columns = _columns(part, verdict, options.output_format)
            text = header_text(columns, options.output_format) if number == 0 else ""
            click.echo(text + rows_text(columns, options.output_format), nl=False)
            tally.add(list(part.labels), verdict.names, verdict.confidence)
            warnings |= dict.fromkeys(verdict.warnings)
    for warning in () if quiet else warnings:
        click.echo(f"seqsearch: warning: {warning}", err=True)
    tally.tell(reports, quiet)


@dataclass(frozen=True)
class _Verdict:
    """A batch of answers: names ("" for none), how sure, (Q, K) probabilities of labels, further columns."""

    names: Sequence[str]
    confidence: AnyArray
    labels: tuple[str, ...]
    probabilities: AnyArray
    more: dict[str, AnyArray | None]
    guarantee: Sequence[str | None]
    warnings: tuple[str, ...] = ()


def _is_searched(path: str) -> bool:
    """Whether it is an index or references, and no model."""
    return os.path.isdir(path) or (is_references(path) and not is_model(path))


_Judge = Callable[["Sequences", "VectorRows | None"], _Verdict]


def _by_model(loaded: Model, path: str, options: Options, quiet: bool) -> _Judge:
    from ..encoders.labelling import classify

    progress = progress_for(quiet)

    def verdict(part: Sequences, vectors: VectorRows | None) -> _Verdict:
        if vectors is not None:
            raise click.UsageError(f"{QUERY_VECTORS} is for an index with own vectors: {path} is a model")
        predicted = classify(loaded, part, progress)
        sure = (predicted.confidence >= options.abstain).tolist()
        names = [name if enough else "" for name, enough in zip(predicted.names(), sure, strict=True)]
        return _Verdict(names, predicted.confidence, predicted.labels, predicted.probabilities, {}, [None] * len(names))

    return verdict


def _by_neighbours(source: SequenceIndex | References, options: Options, quiet: bool) -> _Judge:
    from ..search.classifying import NeighbourClassifier

    judge = NeighbourClassifier(
        source,
        k=options.k,
        weighting=options.weighting,
        abstain=options.abstain,
        novelty={"method": options.novelty},
        progress=progress_for(quiet),
        recall=options.recall,
        exact=options.exact,
        guarantee=options.guarantee,
        where=options.where,
        strand=options.strand,
    )

    def verdict(part: Sequences, vectors: VectorRows | None) -> _Verdict:
        votes = judge.classify(part, vectors)
        more = {"distance": votes.nearest, "p_value": votes.p_values}
        sure, guarantee = votes.confidence, votes.guarantee.tolist()
        return _Verdict(votes.names(), sure, votes.labels, votes.shares, more, guarantee, votes.warnings)

    return verdict


def _columns(part: Sequences, verdict: _Verdict, output_format: str) -> dict[str, Sequence[object]]:
    """What is printed of a batch; what nobody computed is null in JSON and no column elsewhere."""
    sure, names = verdict.confidence.tolist(), verdict.names
    columns: dict[str, Sequence[object]] = {"query": list(part.ids)}
    if output_format == "tsv":
        columns |= {"label": [name or "-" for name in names], "probability": [f"{p:.4f}" for p in sure]}
        predicted = {name: values.tolist() for name, values in verdict.more.items() if values is not None}
        return columns | {name: [f"{value:g}" for value in values] for name, values in predicted.items()}
    columns |= {"label": [name or None for name in names], "probability": [round(p, 6) for p in sure]}
    for name, values in verdict.more.items():
        columns[name] = [None] * len(part) if values is None else values.tolist()
    columns["guarantee"] = verdict.guarantee
    shares = [[round(p, 6) for p in row] for row in verdict.probabilities.tolist()]
    return columns | {"probabilities": [dict(zip(verdict.labels, row, strict=True)) for row in shares]}
