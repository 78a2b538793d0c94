"""seqsearch train"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click

from .progress import progress_for
from .shared import (
    distance_parameters_option,
    quiet_option,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)


@click.command("train", short_help="Train an encoder and write it to a file.")
@click.argument("references", metavar="REFS")
@click.option("-o", "--output", type=click.Path(), required=True, metavar="MODEL", help="Where the model goes.")
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option("--encoder", metavar="NAME", default="auto", show_default=True, help="Encoder family, or auto.")
@click.option("--dim", type=int, metavar="D", help="Dimensions of the embedding  [default: 128]")
@click.option(
    "--geometry",
    metavar="NAME",
    default="euclidean",
    show_default=True,
    help="euclidean, squared, manhattan, cosine or hyperbolic.",
)
@click.option("--mode", metavar="NAME", default="ball", show_default=True, help="Hyperbolic: ball or sphere.")
@click.option(
    "--target",
    metavar="NAME",
    default="near",
    show_default=True,
    help="near, mse, relative, triplet, contrastive or autoencode.",
)
@click.option("--margin", type=float, metavar="M", help="Of triplets and contrasted pairs  [default: 1]")
@click.option("--edits", type=float, metavar="RATE", help="Share of elements edited in the positives of contrastive "
              "[default: 0.05]")  # fmt: skip
@click.option("--effort", metavar="LEVEL", default="normal", show_default=True, help="low, normal or high.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Batches at most  [default: by effort]")
@click.option("--batch", type=click.IntRange(2), metavar="N", help="Sequences in a batch  [default: 256]")
@click.option("--rate", type=float, metavar="R", help="Peak learning rate  [default: by family]")
@click.option("--seconds", type=float, metavar="S", help="Stop learning after so long.")
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--precision", metavar="NAME", default="float32", show_default=True,
              help="Of the network while it learns: float32 or bfloat16.")  # fmt: skip
@click.option("--checkpoint", type=click.Path(), metavar="FILE", help="Keep the run here; go on when it is there.")
@click.option("--log", type=click.Path(), metavar="FILE.jsonl", help="Write the rows of the training log.")
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw the training log.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@reading_options
@threads_option
@quiet_option
def command(
    references: str, output: str, distance: str, distance_parameters: dict[str, Any], encoder: str,
    dim: int | None, effort: str, checkpoint: str | None, log: str | None, plot: str | None, seed: int, quiet: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Train an encoder on REFS: distances of its points predict exact distances.

    The model is one safetensors file with everything needed to embed one more sequence.

    \b
    Examples:
      seqsearch train refs.fasta -o v4.model --effort low
      seqsearch train refs.fasta -o v4.model --encoder cnn --geometry hyperbolic --checkpoint v4.checkpoint
      seqsearch build refs.fasta -o refs.ss --model v4.model
    """
    from ..distances import distance_named
    from ..encoders.model_file import save_model
    from ..learning.plan import TrainingPlan
    from ..learning.trainer import train

    sequences = read_noting(references, **reading_arguments(options))
    plan = replace(TrainingPlan.of_effort(effort), **{name: v for name, v in options.items() if v is not None})
    model, rows = train(
        sequences, distance_named(distance, **distance_parameters), encoder=encoder, plan=plan, seed=seed,
        settings={} if dim is None else {"dim": dim}, checkpoint=checkpoint, progress=progress_for(quiet),
    )  # fmt: skip
    save_model(model, output)
    if log is not None:
        with open(log, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows.rows)
    if plot is not None and rows.rows:
        from ..evaluation.plots import plot_training

        plot_training(rows.rows, plot, title=f"{model.family}, {model.geometry}, {model.dim} dimensions")
    if not quiet:
        last = "" if not rows.rows else f", {rows.rows[-1].get('percent_rmse', float('nan')):.2f} %RMSE"
        click.echo(f"{output}: {model.family}, {model.geometry}, {model.dim} dimensions{last}", err=True)
