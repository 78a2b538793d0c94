"""seqsearch train"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import click

from .options import PATH, DistanceOptions, Reading, given, named_values, option, takes, threads_and_quiet
from .shared import write_text
from .training import LabelOptions, summary, train_on_distances, train_on_labels

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


@dataclass(frozen=True)
class Options:
    """The encoder, its plan (most are fields of `TrainingPlan` or `LabelPlan`), and files beside the model."""

    encoder: str = option("Encoder family, or auto.", metavar="NAME", default="auto")
    settings: dict[str, object] = option(
        "A setting of the encoder, such as -E channels=64. May be repeated.",
        flags="-E",
        multiple=True,
        metavar="NAME=VALUE",
        callback=named_values,
    )
    dim: int | None = option("Dimensions of the embedding  [default: 128]", metavar="D")
    geometry: str = option(
        "auto (cosine for long tokens, else euclidean), euclidean, squared, manhattan, cosine or hyperbolic.",
        metavar="NAME",
        default="auto",
    )
    mode: str = option("Hyperbolic: ball or sphere.", metavar="NAME", default="ball")
    power: float | None = option(
        "The predicted distance grows as the P-th power of that of the "
        "points. At 16 dimensions 1 (cosine: 0.5) fits better  [default: 1.5; cosine, squared 0.75]",
        metavar="P",
    )
    target: str = option(
        "near, rank, mse, relative, triplet, contrastive, autoencode; hash (needs --bits).",
        metavar="NAME",
        default="near",
    )
    margin: float | None = option("Of triplets and contrasted pairs  [default: 1]", metavar="M")
    edits: float | None = option(
        "Share of elements edited in the positives of contrastive [default: 0.05]", metavar="RATE"
    )
    bits: int | None = option("Learn a binary code of B bits on top of the points.", metavar="B")
    binarise: str | None = option("Bits while learning: tanh or straight-through.", metavar="NAME")
    effort: str = option("low, normal or high.", metavar="LEVEL", default="normal")
    steps: int | None = option("Batches at most  [default: by effort]", type=click.IntRange(1), metavar="N")
    rounds: int | None = option(
        "Times near pairs are mined, from the second on by the embedding so far  [default: 1]",
        type=click.IntRange(1),
        metavar="N",
    )
    batch: int | None = option("Sequences in a batch  [default: 256; labels: 32]", type=click.IntRange(2), metavar="N")
    rate: float | None = option("Peak learning rate  [default: by family]", metavar="R")
    seconds: float | None = option("Stop learning after so long.", metavar="S")
    device: str = option("cpu, cuda, cuda:1, ...", metavar="NAME", default="cpu")
    precision: str = option("Of the network while it learns: float32 or bfloat16.", metavar="NAME", default="float32")
    checkpoint: str | None = option("Keep the run here; go on when it is there.", type=PATH, metavar="FILE")
    log: str | None = option("Write the rows of the training log.", type=PATH, metavar="FILE.jsonl")
    plot: str | None = option("Draw the training log.", type=PATH, metavar="FILE.png")
    seed: int = option("Seed of every random draw.", default=0)


@click.command("train", short_help="Train an encoder and write it to a file.")
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
