"""seqsearch train"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .progress import progress_for
from .shared import (
    distance_parameters_option,
    named_values,
    quiet_option,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)
from .train_labels import LABEL_OPTIONS, label_options, said, train_on_labels

if TYPE_CHECKING:
    from ..encoders.model import Model
    from ..learning.state import TrainingLog

TASKS = ("distance", "classify", "tag", "cluster")
DISTANCE_OPTIONS = (
    "distance",
    "distance_parameters",
    "geometry",
    "mode",
    "power",
    "target",
    "effort",
    "steps",
    "rounds",
)


@click.command("train", short_help="Train an encoder and write it to a file.")
@click.argument("references", metavar="REFS")
@click.option("-o", "--output", type=click.Path(), required=True, metavar="MODEL", help="Where the model goes.")
@click.option(
    "--task",
    type=click.Choice(TASKS),
    default="distance",
    show_default=True,
    help="What is learnt: exact distances, or the labels of sequences (classify) or elements (tag, cluster).",
)
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option("--encoder", metavar="NAME", default="auto", show_default=True, help="Encoder family, or auto.")
@click.option(
    "-E",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=named_values,
    help="A setting of the encoder, such as -E channels=64. May be repeated.",
)
@click.option("--dim", type=int, metavar="D", help="Dimensions of the embedding  [default: 128]")
@click.option(
    "--geometry",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="auto (cosine for long tokens, else euclidean), euclidean, squared, manhattan, cosine or hyperbolic.",
)
@click.option("--mode", metavar="NAME", default="ball", show_default=True, help="Hyperbolic: ball or sphere.")
@click.option(
    "--power",
    type=float,
    metavar="P",
    help="The predicted distance grows as the P-th power of that of the "
    "points. At 16 dimensions 1 (cosine: 0.5) fits better  [default: 1.5; cosine, squared 0.75]",
)
@click.option(
    "--target",
    metavar="NAME",
    default="near",
    show_default=True,
    help="near, rank, mse, relative, triplet, contrastive, autoencode; hash (needs --bits).",
)
@click.option("--margin", type=float, metavar="M", help="Of triplets and contrasted pairs  [default: 1]")
@click.option(
    "--edits",
    type=float,
    metavar="RATE",
    help="Share of elements edited in the positives of contrastive [default: 0.05]",
)
@click.option("--bits", type=int, metavar="B", help="Learn a binary code of B bits on top of the points.")
@click.option("--binarise", metavar="NAME", help="Bits while learning: tanh or straight-through.")
@click.option("--effort", metavar="LEVEL", default="normal", show_default=True, help="low, normal or high.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Batches at most  [default: by effort]")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    metavar="N",
    help="Times near pairs are mined, from the second on by the embedding so far  [default: 1]",
)
@click.option("--batch", type=click.IntRange(2), metavar="N", help="Sequences in a batch  [default: 256; labels: 32]")
@click.option("--rate", type=float, metavar="R", help="Peak learning rate  [default: by family]")
@click.option("--seconds", type=float, metavar="S", help="Stop learning after so long.")
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--precision",
    metavar="NAME",
    default="float32",
    show_default=True,
    help="Of the network while it learns: float32 or bfloat16.",
)
@click.option("--checkpoint", type=click.Path(), metavar="FILE", help="Keep the run here; go on when it is there.")
@click.option("--log", type=click.Path(), metavar="FILE.jsonl", help="Write the rows of the training log.")
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw the training log.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@label_options
@reading_options
@threads_option
@quiet_option
def command(
    references: str,
    output: str,
    task: str,
    encoder: str,
    settings: dict[str, Any],
    dim: int | None,
    checkpoint: str | None,
    log: str | None,
    plot: str | None,
    seed: int,
    quiet: bool,
    **options: Any,
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

    settings = settings if dim is None else {**settings, "dim": dim}
    common: dict[str, Any] = {
        "encoder": encoder,
        "settings": settings,
        "checkpoint": checkpoint,
        "seed": seed,
        "quiet": quiet,
    }
    if task == "distance":
        own = _without(options, LABEL_OPTIONS, "is for labels: give --task classify, tag or cluster")
        model, rows = _train_on_distances(references, own, **common)
    else:
        own = _without(options, DISTANCE_OPTIONS, f"is for distances: it means nothing with --task {task}")
        model, rows = train_on_labels(task, references, own, **common)
    save_model(model, output)
    if log is not None:
        from ..files import atomic_write

        with atomic_write(log, text=True) as file:
            file.writelines(json.dumps(row) + "\n" for row in rows.rows)
    if plot is not None and rows.rows:
        from ..evaluation.plots import plot_training

        what = f"{model.geometry}, {model.dim} dimensions" if task == "distance" else task
        plot_training(rows.rows, plot, title=f"{model.family}, {what}")
    if not quiet:
        if task == "distance":
            last = "" if not rows.rows else f", {rows.rows[-1].get('percent_rmse', float('nan')):.2f} %RMSE"
            click.echo(f"{output}: {model.family}, {model.geometry}, {model.dim} dimensions{last}", err=True)
        else:
            click.echo(f"{output}: {said(model, rows)}", err=True)


def _train_on_distances(
    references: str,
    options: dict[str, Any],
    *,
    encoder: str,
    settings: dict[str, Any],
    checkpoint: str | None,
    seed: int,
    quiet: bool,
) -> tuple[Model, TrainingLog]:
    from ..distances import distance_named
    from ..learning.plan import TrainingPlan
    from ..learning.trainer import train

    distance = distance_named(options.pop("distance"), **options.pop("distance_parameters"))
    sequences = read_noting(references, **reading_arguments(options))
    effort = TrainingPlan.of_effort(options.pop("effort"))
    plan = replace(effort, **{name: value for name, value in options.items() if value is not None})
    return train(
        sequences,
        distance,
        encoder=encoder,
        plan=plan,
        seed=seed,
        settings=settings,
        checkpoint=checkpoint,
        progress=progress_for(quiet),
    )


def _without(options: dict[str, Any], names: tuple[str, ...], why: str) -> dict[str, Any]:
    """The options without some that mean nothing here. Raises UsageError for one of them that was given."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "-D" if name == "distance_parameters" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} {why}")
    return {name: value for name, value in options.items() if name not in names}
