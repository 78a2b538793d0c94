"""seqsearch classify"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import label_reports
from .progress import progress_for
from .shared import quiet_option, read_batches_noting, reading_arguments, reading_options, threads_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..sequences import Sequences


@click.command("classify", short_help="The class of each query, by a model or by neighbours.")
@click.argument("model", metavar="MODEL|INDEX", type=click.Path())
@click.argument("queries")
@click.option("-k", "k", type=click.IntRange(1), default=10, show_default=True, help="Index: neighbours that vote.")
@click.option(
    "--weighting",
    type=click.Choice(["distance", "uniform"]),
    default="distance",
    show_default=True,
    help="Index: nearer neighbours count more, or all alike.",
)
@click.option(
    "--abstain",
    type=float,
    default=0.0,
    show_default=True,
    metavar="P",
    help="Tell no label where it would be less sure than P (model), or for queries as new as a share P of "
    "known sequences (index).",
)
@click.option(
    "--novelty",
    "novelty_method",
    metavar="METHOD",
    default="nearest",
    show_default=True,
    help="Index: how new a query is, for --abstain; see `seqsearch novelty`.",
)
@click.option("--recall", type=float, metavar="R", help="Index: the recall of the search.")
@click.option("--exact", is_flag=True, help="Index: compare with everything.")
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@label_reports.options
@reading_options
@threads_option
@quiet_option
def command(
    model: str,
    queries: str,
    output_format: str,
    confusion: str | None,
    reliability: str | None,
    report: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Tell the class of each query: by a model of `train --task classify`, or by the labels of its nearest neighbours
    in an index.

    TSV has the columns query, label, probability (of an index: the share of the votes), distance (of an index: to the
    nearest neighbour) and, with --abstain, p_value (of an index: that a known sequence would look as new); no label is
    "-". JSON has one object a line with the same names and the probability of every label. Where the queries have
    labels, a summary goes to stderr.

    \b
    Examples:
      seqsearch classify reviews.model new.tsv
      seqsearch classify genes.ss reads.fasta -k 5 --abstain 0.01
      seqsearch classify beats.model test.npz --report report.jsonl --confusion confusion.png
    """
    reading = reading_arguments(options)
    verdicts, alphabet, close = (_by_index if Path(model).is_dir() else _by_model)(model, quiet, options)
    reading["alphabet"] = reading["alphabet"] or alphabet
    tally = label_reports.Tally()
    try:
        for number, part in enumerate(read_batches_noting(queries, **reading)):
            verdict = verdicts(part)
            if number == 0 and output_format == "tsv":
                click.echo("\t".join(("query", "label", "probability", *_asked(verdict.more))))
            click.echo("".join(_lines(part, verdict, output_format)), nl=False)
            tally.add(list(part.labels), verdict.names, verdict.confidence)
    finally:
        close()
    tally.tell(confusion=confusion, reliability=reliability, report=report, quiet=quiet)


@dataclass(frozen=True)
class _Verdict:
    """A batch of answers: names ("" for none), how sure, (Q, K) probabilities of labels, further columns."""

    names: Sequence[str]
    confidence: Any
    labels: tuple[str, ...]
    probabilities: Any
    more: dict[str, Any]


_Judge = tuple["Callable[[Sequences], _Verdict]", "str | None", "Callable[[], None]"]


def _by_model(path: str, quiet: bool, options: dict[str, Any]) -> _Judge:
    from ..encoders.labelling import classify, head_of
    from ..encoders.model_file import load_model

    loaded = load_model(path)
    head_of(loaded, "classify")
    least, progress = options["abstain"], progress_for(quiet)

    def verdict(part: Sequences) -> _Verdict:
        told = classify(loaded, part, progress)
        names = [
            name if sure >= least else "" for name, sure in zip(told.names(), told.confidence.tolist(), strict=True)
        ]
        return _Verdict(names, told.confidence, told.labels, told.probabilities, {})

    return verdict, loaded.spec.alphabet, lambda: None


def _by_index(path: str, quiet: bool, options: dict[str, Any]) -> _Judge:
    from ..search import SequenceIndex
    from ..search.classifying import NeighbourClassifier

    index = SequenceIndex.open(path)
    method = {"method": options.pop("novelty_method")}
    judge = NeighbourClassifier(index, novelty=method, progress=progress_for(quiet), **options)

    def verdict(part: Sequences) -> _Verdict:
        votes = judge.classify(part)
        p_values = [None] * len(part) if votes.p_values is None else votes.p_values.tolist()
        more = {"distance": votes.nearest.tolist(), "p_value": p_values}
        return _Verdict(votes.names(), votes.confidence, votes.labels, votes.shares, more)

    return verdict, index.alphabet_name, index.close


def _asked(more: dict[str, Any]) -> list[str]:
    """The columns that hold something: no p-values where nobody asked for them."""
    return [column for column, values in more.items() if values[:1] != [None]]


def _lines(part: Sequences, verdict: _Verdict, output_format: str) -> list[str]:
    import json

    lines = []
    for row, (query, name) in enumerate(zip(part.ids, verdict.names, strict=True)):
        probability = float(verdict.confidence[row])
        more = {column: values[row] for column, values in verdict.more.items()}
        if output_format == "tsv":
            lines.append(
                "\t".join((query, name or "-", f"{probability:.4f}", *(f"{more[c]:g}" for c in _asked(verdict.more))))
                + "\n"
            )
        else:
            shares = dict(zip(verdict.labels, (round(p, 6) for p in verdict.probabilities[row].tolist()), strict=True))
            said = {"query": query, "label": name or None, "probability": round(probability, 6), **more}
            lines.append(json.dumps({**said, "probabilities": shares}) + "\n")
    return lines
