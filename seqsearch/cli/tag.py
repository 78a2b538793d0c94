"""seqsearch tag"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .label_reports import Reports, Tally
from .options import PATH, Command, Reading, takes, threads_and_quiet
from .progress import progress_for
from .shared import header_text, rows_text

if TYPE_CHECKING:
    from ..encoders.model import Model
    from ..sequences import Tagged


@click.command(
    "tag",
    cls=Command,
    first=("output_format", "report", "mask_column", "confusion", "alphabet"),
    short_help="A label for every element of each query.",
)
@click.argument("model", metavar="MODEL", type=PATH)
@click.argument("queries")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["tsv", "json", "tokens"]),
    default="tsv",
    show_default=True,
    help="tokens: element and label a line, a blank line between sequences.",
)
@click.option("--mask-column", metavar="NAME", help="Labelled queries: column of 0 (not to be judged) and 1.")
@takes(reports=Reports, reading=Reading)
@threads_and_quiet
def command(
    model: str,
    queries: str,
    output_format: str,
    mask_column: str | None,
    reports: Reports,
    reading: Reading,
    quiet: bool,
) -> None:
    """Tell the label of every element of each query, with a model of `train --task tag`; or, with one of `train --task
    cluster`, which elements belong together: groups 0, 1, ... in the order they appear.

    TSV has the columns query, position (from 1), element, label, probability; JSON has one object a query. Queries are
    what `train --task tag` reads, with or without labels; with them a summary goes to stderr.

    \b
    Examples:
      seqsearch tag tagger.model sentences.txt --format tokens
      seqsearch tag structure.model proteins.fasta --format json
    """
    from ..encoders.labelling import require_elements
    from ..encoders.model_file import load_model
    from ..errors import InputError, MismatchError

    loaded = load_model(model)
    if loaded.head is None or loaded.head.task == "classify":
        raise MismatchError(f"{model} does not label elements: train one with --task tag or --task cluster")
    unit = "words" if loaded.spec.reading is not None else "symbols"
    data = reading.suiting(loaded.spec.alphabet).elements(queries, unit, mask_column)
    try:
        require_elements(loaded, data.sequences)
    except InputError as error:
        error.path = queries
        raise
    if loaded.head.task == "cluster":
        if reports:
            raise click.UsageError("groups have no names: no table of labels can be made of them")
        _groups(loaded, data, output_format, quiet)
    else:
        _tags(loaded, data, output_format, reports, quiet)


def _tags(model: Model, data: Tagged, output_format: str, reports: Reports, quiet: bool) -> None:
    from ..encoders.labelling import tag

    predicted = tag(model, data.sequences, progress_for(quiet))
    names, sure = predicted.names(), predicted.confidence
    for line in _lines(data, names, [f"{p:.4f}" for p in sure.tolist()], output_format):
        click.echo(line, nl=False)
    tally = Tally()
    if data.tags is not None:
        known = data.known.nonzero()[0]
        tally.add(list(data.tags.take(known)), [names[row] for row in known.tolist()], sure[known])
    tally.tell(reports, quiet)


def _groups(model: Model, data: Tagged, output_format: str, quiet: bool) -> None:
    from ..encoders.labelling import group

    groups, _ = group(model, data.sequences, progress_for(quiet))
    for line in _lines(data, list(map(str, groups.tolist())), None, output_format):
        click.echo(line, nl=False)
    if data.tags is not None and not quiet:
        from ..evaluation.labels import grouping_scores

        scores = grouping_scores(data, groups)
        click.echo(", ".join(f"{name} {value:.4f}" for name, value in scores.items()), err=True)


def _lines(data: Tagged, labels: list[str], sure: list[str] | None, output_format: str) -> Iterator[str]:
    """The text of each query."""
    names = ("query", "position", "element", "label", "probability")[: 5 if sure else 4]
    yield header_text(names, output_format)
    bounds = data.offsets.tolist()
    for row, query in enumerate(data.sequences.ids):
        part = slice(bounds[row], bounds[row + 1])
        elements, own, probabilities = _elements(data, row), labels[part], sure[part] if sure else []
        if output_format == "json":
            answer: dict[str, object] = {"query": query, "labels": own}
            if sure:
                answer["probabilities"] = list(map(float, probabilities))
            yield json.dumps(answer) + "\n"
        elif output_format == "tokens":
            yield rows_text({"element": elements, "label": own}, "tsv") + "\n"
        else:
            columns = ([query] * len(own), range(1, len(own) + 1), elements, own, probabilities)
            yield rows_text(dict(zip(names, columns, strict=False)), "tsv")


def _elements(data: Tagged, row: int) -> list[str]:
    """The elements of a query as they are written; those of a series by their number."""
    sequence = data.sequences[row]
    if sequence.alphabet is None:
        return [str(step) for step in range(1, len(sequence) + 1)]
    if sequence.alphabet.name == "integers" or data.by_words:
        return sequence.text.split()
    return list(sequence.text)
