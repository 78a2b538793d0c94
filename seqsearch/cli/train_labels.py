"""What `seqsearch train --task classify|tag|cluster` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .progress import progress_for
from .shared import Command, read_noting, reading_arguments

if TYPE_CHECKING:
    from ..encoders.model import Model
    from ..learning.state import TrainingLog
    from ..sequences import Tagged

PLAN_OPTIONS = (
    "epochs",
    "batch",
    "rate",
    "seconds",
    "device",
    "precision",
    "class_weights",
    "smoothing",
    "input_dropout",
    "validate",
)
LABEL_OPTIONS = (
    "epochs",
    "class_weights",
    "smoothing",
    "input_dropout",
    "validate",
    "validation",
    "unit",
    "mask_column",
)


def label_options(command: Command) -> Command:
    """The options of training on labels."""
    for option in reversed(
        (
            click.option("--epochs", type=float, metavar="N", help="Labels: passes over REFS at most  [default: 20]"),
            click.option(
                "--unit",
                type=click.Choice(["auto", "symbols", "words"]),
                default="auto",
                show_default=True,
                help="Labels: what a step of a text is; auto: words in a file of tokens, letters elsewhere.",
            ),
            click.option(
                "--class-weights",
                metavar="NAME",
                help="Labels: none, balanced (every class counts alike) or root (in between)  [default: none]",
            ),
            click.option(
                "--smoothing", type=float, metavar="S", help="Labels: spread this share over all  [default: 0]"
            ),
            click.option(
                "--input-dropout", type=float, metavar="P", help="Labels: drop channels of inputs  [default: 0]"
            ),
            click.option("--validate", type=float, metavar="P", help="Labels: share of REFS held out  [default: 0.1]"),
            click.option("--validation", type=click.Path(), metavar="FILE", help="Labels: judge by these instead."),
            click.option("--mask-column", metavar="NAME", help="Elements: column of 0 (not to be learnt) and 1."),
        )
    ):
        command = option(command)
    return command


def train_on_labels(
    task: str,
    references: str,
    options: dict[str, Any],
    *,
    encoder: str,
    settings: dict[str, Any],
    checkpoint: str | None,
    seed: int,
    quiet: bool,
) -> tuple[Model, TrainingLog]:
    """Read, train, and say what came of it. `options`: the reading options and those of `LabelPlan`."""
    from ..learning.supervised import LabelPlan, train_classifier, train_grouper, train_tagger

    reading = reading_arguments(options)
    unit, mask_column, validation = options["unit"], options["mask_column"], options["validation"]
    plan = LabelPlan(**{name: options[name] for name in PLAN_OPTIONS if options.get(name) is not None})
    common: dict[str, Any] = {
        "encoder": encoder,
        "plan": plan,
        "seed": seed,
        "settings": settings,
        "checkpoint": checkpoint,
        "progress": progress_for(quiet),
    }
    if task == "classify":
        sequences = read_noting(references, **reading)
        held = None if validation is None else read_noting(validation, **reading)
        return train_classifier(sequences, by_words=unit == "words", validation=held, **common)
    data = read_elements(references, reading, unit, mask_column)
    judged = None if validation is None else read_elements(validation, reading, unit, mask_column)
    train = train_tagger if task == "tag" else train_grouper
    return train(data, validation=judged, **common)


def read_elements(path: str, reading: dict[str, Any], unit: str, mask_column: str | None) -> Tagged:
    """`read_tagged` with the reading options of a command."""
    from ..sequences import read_tagged

    if reading["on_error"] != "raise":
        raise click.UsageError("--on-error skip is not for labels of elements: a sentence with a hole means nothing")
    names = {name: reading[name] for name in ("alphabet", "format", "id_column", "sequence_column", "label_column")}
    return read_tagged(path, unit=unit, mask_column=mask_column, **names)


def said(model: Model, log: TrainingLog) -> str:
    """What training came to, in a line."""
    assert model.head is not None
    best = min(log.rows, key=lambda row: row["validation_loss"])
    parts = [f"{model.family}, {len(model.head.labels)} labels" if model.head.labels else f"{model.family}, groups"]
    if "accuracy" in best:
        parts.append(f"held out: accuracy {best['accuracy']:.4f}, macro F1 {best['macro_f1']:.4f}")
    elif "validation_loss" in best:
        parts.append(f"loss {best['validation_loss']:.4f}")
    return ", ".join(parts)
