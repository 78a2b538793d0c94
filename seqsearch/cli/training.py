"""What `seqsearch train` does: on distances, or on labels (--task classify, tag, cluster)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from .. import extras
from .options import PATH, PICTURE, Reading, named, named_values, option
from .progress import progress_for

if TYPE_CHECKING:
    from ..distances import Distance
    from ..encoders.model import Model
    from ..learning.loop import TrainingLog
    from ..sequences import Sequences


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
    teacher: str = option(
        "Distances to learn from: exact, banded (near ones within a band) or sketch (estimates).",
        metavar="NAME",
        default="exact",
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
    plot: str | None = option("Draw the training log.", type=PICTURE, metavar="FILE.png")
    seed: int = option("Seed of every random draw.", default=0)


@dataclass(frozen=True)
class LabelOptions:
    """What only labels need."""

    epochs: float | None = option("Labels: passes over REFS at most  [default: 20]", metavar="N")
    unit: str = option(
        "Labels: what a step of a text is; auto: words in a file of tokens and, with --encoder auto, in sentences; "
        "letters elsewhere.",
        type=click.Choice(["auto", "symbols", "words"]),
        default="auto",
    )
    class_weights: str | None = option(
        "Labels: none, balanced (every class counts alike) or root (in between)  [default: none]", metavar="NAME"
    )
    smoothing: float | None = option("Labels: spread this share over all  [default: 0]", metavar="S")
    input_dropout: float | None = option("Labels: drop channels of inputs  [default: 0]", metavar="P")
    validate: float | None = option("Labels: share of REFS held out  [default: 0.1]", metavar="P")
    validation: str | None = option("Labels: judge by these instead.", type=PATH, metavar="FILE")
    measure: str | None = option(
        "Classes: accuracy or macro_f1 (rare classes count as much), by which encoder auto chooses  "
        "[default: macro_f1 where a class is rare]",
        metavar="NAME",
    )
    mask_column: str | None = option("Elements: column of 0 (not to be learnt) and 1.", metavar="NAME")


def train_on_distances(
    sequences: Sequences, distance: Distance, options: Options, quiet: bool
) -> tuple[Model, TrainingLog]:
    """An encoder whose distances predict exact ones."""
    extras.require("torch", "training")
    from ..learning.plan import TrainingPlan
    from ..learning.trainer import train

    plan = replace(TrainingPlan.of_effort(options.effort), **named(options, TrainingPlan))
    return train(sequences, distance, plan=plan, **_common(options, quiet))


def train_on_labels(
    task: str, references: str, options: Options, labels: LabelOptions, reading: Reading, quiet: bool
) -> tuple[Model, TrainingLog]:
    """An encoder and a head that tells labels of sequences or of their elements."""
    extras.require("torch", "learning from labels")
    from ..learning.supervised import (
        LabelPlan,
        reads_words,
        train_classifier,
        train_grouper,
        train_tagger,
        usual_plan,
        usual_tag_plan,
    )

    asked, validation = named(options, LabelPlan) | named(labels, LabelPlan), labels.validation
    common = _common(options, quiet)
    if task == "classify":
        sequences = reading.read(references)
        by_words = labels.unit == "words"
        if labels.unit == "auto" and options.encoder == "auto":
            by_words = reads_words(sequences)
        plan = replace(usual_plan(sequences, by_words, options.encoder), **asked)
        held = None if validation is None else reading.read(validation)
        return train_classifier(sequences, by_words=by_words, validation=held, plan=plan, **common)
    data = reading.elements(references, labels.unit, labels.mask_column)
    judged = None if validation is None else reading.elements(validation, labels.unit, labels.mask_column)
    if task == "tag":
        plan = replace(usual_tag_plan(data, options.encoder), **asked)
        return train_tagger(data, validation=judged, plan=plan, **common)
    return train_grouper(data, validation=judged, plan=LabelPlan(**asked), **common)


def _common(options: Options, quiet: bool) -> dict[str, Any]:
    """The arguments that all kinds of training take."""
    return {
        "encoder": options.encoder,
        "settings": options.settings if options.dim is None else {**options.settings, "dim": options.dim},
        "checkpoint": options.checkpoint,
        "seed": options.seed,
        "progress": progress_for(quiet),
    }


def summary(model: Model, log: TrainingLog) -> str:
    """What training came to, in a line."""
    if model.head is None:
        error = f", {log.rows[-1].get('percent_rmse', float('nan')):.2f} %RMSE" if log.rows else ""
        return f"{model.family}, {model.geometry}, {model.dim} dimensions{error}"
    if "choice" in model.training:
        chosen = model.training["choice"]
        told, blended = chosen["chosen"], [one for one in chosen["judges"] if one["share"]]
        parts = [
            " + ".join(f"{one['share']:.0%} {one['judge']}" for one in blended),
            f"{len(model.head.labels)} labels",
        ]
        parts.append(f"held out: accuracy {told['accuracy']:.4f}, macro F1 {told['macro_f1']:.4f}")
        return ", ".join(parts)
    best = min(log.rows, key=lambda row: row["validation_loss"])
    parts = [f"{model.family}, {len(model.head.labels)} labels" if model.head.labels else f"{model.family}, groups"]
    if "accuracy" in best:
        parts.append(f"held out: accuracy {best['accuracy']:.4f}, macro F1 {best['macro_f1']:.4f}")
    elif "validation_loss" in best:
        parts.append(f"loss {best['validation_loss']:.4f}")
    return ", ".join(parts)
