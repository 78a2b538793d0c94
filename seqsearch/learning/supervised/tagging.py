"""Labels of words with nothing said of how: a network and what stands in a window, blended by what is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...arrays import JSON, DoubleArray, IntArray
from ...encoders.blend import blended
from ...encoders.heads import Head, head_outputs
from ...encoders.inputs import InputSpec
from ...encoders.model import Model
from ...encoders.words import WordReading
from ...sequences import TEXT, Sequences, Tagged
from ..loop import Run, TrainingLog
from ..scores import accuracy, confusion, macro_f1
from .automatic import AUTO, FEWEST_HELD
from .job import Job, family_for
from .labels import UNKNOWN, Examples, known_names, label_weights, numbered_labels
from .network_judge import Recipe
from .plan import LabelPlan
from .temperature import fitted_temperature, log_loss
from .windows import window_model

_PARTS = 8  # a blend is shared out in eighths
RECIPE = Recipe(
    "lstm",
    {"channels": 96, "hidden": 96, "dropout": 0.3, "bins": 0, "dim": 8},
    LabelPlan(epochs=20, batch=64, rate=6e-3, average=0.996, patience=3, input_dropout=0.3),
    100_000,
)


def usual_tag_plan(data: Tagged, encoder: str = AUTO) -> LabelPlan:
    """The plan of a tagger where nothing is said of it."""
    return RECIPE.plan_for(len(data)) if encoder == AUTO and data.by_words else LabelPlan()


def train_blend(data: Tagged, plan: LabelPlan, validation: Tagged | None, run: Run) -> tuple[Model, TrainingLog] | None:
    """A network and a linear model of windows that tell labels of words together; None where too few are held out to
    choose the shares by.

    The linear model, which takes seconds, learns once more from what was held out. Raises what `train_tagger` raises.
    """
    settings = {**RECIPE.settings, **(run.settings or {})}
    job = Job("tag", family_for(RECIPE.family, "tag", data.sequences), plan, replace(run, settings=settings))
    training, held = job.halves(data, validation)
    labels, _ = numbered_labels(known_names(data))
    learnt, judged = Examples.tags(training, labels), Examples.tags(held, labels)
    known = np.flatnonzero(judged.wanted != UNKNOWN)
    if len(known) < FEWEST_HELD:
        return None
    network, log = job.labelled(learnt, judged, labels, by_words=True, by_step=True)
    weights = label_weights(learnt.wanted[learnt.wanted != UNKNOWN], len(labels), plan.class_weights)
    with run.progress.task("words in windows", 2) as task:
        window = window_model(learnt, len(labels), weights, run.seed)
        task.advance()
        scores = [_scores(model, held.sequences)[known] for model in (network, window)]
        if validation is None:
            window = window_model(Examples.tags(data, labels), len(labels), weights, run.seed)
        task.advance()
    more: JSON = {"plan": plan.to_json(), "seed": run.seed, "sequences": len(training), "log": log.rows}
    return _blend([network, window], scores, judged.wanted[known], labels, more), log


def _blend(
    models: list[Model], scores: list[DoubleArray], true: IntArray, labels: tuple[str, ...], training: JSON
) -> Model:
    """The network and the model of windows as one, shared out by their (h, K) scores of the (h,) labels held out."""
    heat = [fitted_temperature(own, true) for own in scores]
    cool = [own / degrees for own, degrees in zip(scores, heat, strict=True)]
    shares = _best_shares(cool, true)
    joint = shares[0] * cool[0] + shares[1] * cool[1]
    temperature = fitted_temperature(joint, true)
    judges = [
        {"judge": name, "variant": "", "share": share, **_told(own, true)}
        for name, share, own in zip(("network", "words in a window"), shares, cool, strict=True)
    ]
    chosen = _told(joint / temperature, true)
    choice: JSON = {"measure": "log_loss", "held_out": len(true), "folds": 1, "judges": judges, "chosen": chosen}
    spec = InputSpec(TEXT.name, length=models[0].spec.length, reading=WordReading((), 0))
    kept = [row for row, share in enumerate(shares) if share]
    factors = [shares[row] / heat[row] for row in kept]
    head, levels = Head("tag", labels, temperature), np.zeros(len(labels))
    return blended(spec, [models[row] for row in kept], factors, levels, head, training | {"choice": choice})


def _scores(model: Model, sequences: Sequences) -> DoubleArray:
    """(m, K) of all words, before any temperature."""
    return head_outputs(model.elements(sequences), model.weights).astype(np.float64)


def _best_shares(scores: list[DoubleArray], true: IntArray) -> tuple[float, float]:
    """Of the first and the second, with the least log loss once their sum has its own temperature."""
    best = (np.inf, 0)
    for part in range(_PARTS + 1):
        joint = (part * scores[0] + (_PARTS - part) * scores[1]) / _PARTS
        best = min(best, (log_loss(joint, true, fitted_temperature(joint, true)), part))
    return best[1] / _PARTS, 1 - best[1] / _PARTS


def _told(scores: DoubleArray, true: IntArray) -> dict[str, float]:
    """Accuracy, macro F1 and log loss."""
    counts = confusion(true, scores.argmax(axis=1), scores.shape[1])
    told = {"accuracy": accuracy(counts), "macro_f1": macro_f1(counts), "log_loss": log_loss(scores, true)}
    return {name: round(value, 4) for name, value in told.items()}
