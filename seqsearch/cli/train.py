"""seqsearch train"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import click

from .options import PATH, Command, DistanceOptions, Reading, given, option, takes, threads_and_quiet
from .shared import write_text
from .training import LabelOptions, Options, summary, train_on_distances, train_on_labels

_DISTANCE = ("geometry", "mode", "power", "target", "margin", "edits", "bits", "binarise", "effort", "steps", "rounds")


@dataclass(frozen=True)
class Task:
    """What is learnt, and where it goes."""

    output: str = option("Where the model goes.", flags="-o, --output", type=PATH, required=True, metavar="MODEL")
    task: str = option(
        "What is learnt: exact distances, or the labels of sequences (classify) or elements (tag, cluster).",
        type=click.Choice(["distance", "classify", "tag", "cluster"]),
        default="distance",
    )


@click.command(
    "train",
    cls=Command,
    first=("output", "task", "encoder", "target", "effort"),
    short_help="Train an encoder and write it to a file.",
)
@click.argument("references", metavar="REFS")
@takes(task=Task, distance=DistanceOptions, options=Options, labels=LabelOptions, reading=Reading)
@threads_and_quiet
def command(
    references: str,
    task: Task,
    distance: DistanceOptions,
    options: Options,
    labels: LabelOptions,
    reading: Reading,
    quiet: bool,
) -> None:
    """Train an encoder on REFS: distances of its points predict exact distances, or, with --task, its points or steps
    tell labels.

    The model is one safetensors file with everything needed to embed one more sequence and to tell its labels. Target
    contrastive pulls every sequence and a copy of it with random edits together, and others apart; autoencode learns to
    read an embedding back as its sequence and keeps the decoder, for `novelty --method reconstruction`.

    \b
    Examples:
      seqsearch train refs.fasta -o v4.model --effort low
      seqsearch train refs.fasta -o v4.model --encoder cnn --geometry hyperbolic --checkpoint v4.checkpoint
      seqsearch build refs.fasta -o refs.ss --model v4.model
      seqsearch train --task classify reviews.tsv --unit words -o reviews.model
      seqsearch train --task tag tagged.txt -o tagger.model --encoder lstm -E hidden=128
    """
    from ..encoders.model_file import save_model

    if task.task == "distance":
        _refuse(given(labels), "is for labels: give --task classify, tag or cluster")
        model, log = train_on_distances(reading.read(references), distance.exact(), options, quiet)
    else:
        only = [*given(distance), *(name for name in given(options) if name in _DISTANCE)]
        _refuse(only, f"is for distances: it means nothing with --task {task.task}")
        model, log = train_on_labels(task.task, references, options, labels, reading, quiet)
    save_model(model, task.output)
    if options.log is not None:
        write_text(options.log, "".join(json.dumps(row) + "\n" for row in log.rows))
    if options.plot is not None and log.rows:
        from ..evaluation.plots import plot_training

        what = f"{model.geometry}, {model.dim} dimensions" if task.task == "distance" else task.task
        plot_training(log.rows, options.plot, title=f"{model.family}, {what}")
    if not quiet:
        click.echo(f"{task.output}: {summary(model, log)}", err=True)


def _refuse(names: Iterable[str], why: str) -> None:
    """Raise UsageError for an option that was given and means nothing."""
    for name in names:
        flag = "-D" if name == "distance_parameters" else f"--{name.replace('_', '-')}"
        raise click.UsageError(f"{flag} {why}")
