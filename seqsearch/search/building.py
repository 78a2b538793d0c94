"""From sequences to an index: record, train, embed, build the candidate index, calibrate - in that order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ann import CandidateIndex
from ..arrays import AnyArray, IntArray
from ..distances import Distance
from ..encoders.codes import LEARNED, quantizer
from ..encoders.families import family_named
from ..encoders.model import Model, unlearned_model
from ..errors import EmptyInputError, MismatchError, ParameterError, Path
from ..learning.plan import TrainingPlan
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import Store, StoreBuilder
from .calibrating import calibrate
from .calibration import Calibration, held_out
from .engine import Engine
from .options import BuildOptions
from .snapshots import empty_candidates

CALIBRATION_QUERIES = 500
MOST_UNSEEN = 5000  # sequences that were not trained on, remembered by name: novelty is judged by them
_EMBED_ROWS = 1 << 16


@dataclass(frozen=True)
class Built:
    """A finished store and the candidate index that belongs to its last commit."""

    store: Store
    candidates: CandidateIndex


def build(
    path: Path,
    parts: Iterable[Sequences],
    options: BuildOptions,
    *,
    model: Model | None = None,
    queries: Sequences | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Built:
    """Build an index at `path` from sets of sequences that arrive one after the other.

    Nothing is at `path` before everything succeeded. `model`: use this one instead of training; `queries`: measure the
    recall on these, which are like those that will be asked, instead of on stored sequences held out meanwhile.
    Raises IndexExistsError, EmptyInputError, MismatchError and what reading the parts raises.
    """
    with StoreBuilder(path, overwrite=overwrite) as builder:
        _fill(builder, parts, progress)
        if queries is not None:
            require_alike(queries, builder.sequences(np.zeros(1, np.int64)))
        rng = np.random.default_rng(options.seed)
        distance = options.exact_distance()
        held = held_out(builder.rows, CALIBRATION_QUERIES if queries is None else 0, rng)
        if model is None:
            model = _trained(builder, held, distance, options, rng, progress)
        else:
            model = _given(model, builder, held, distance, options, rng, progress)
        builder.put_document("model", model.document())
        builder.put_blob("weights", model.weight_bytes())
        _embed(builder, model, progress)
        kind = options.kind_for(builder.rows)
        settings = settings_document(options, kind, options.parameters_for(builder.rows), distance)
        candidates = empty_candidates(model, settings)
        calibration = _calibrated(builder, candidates, held, queries, model, distance, options, progress)
        builder.put_document("settings", settings)
        builder.put_document("calibration", calibration.to_json())
        builder.put_document("health", dict(candidates.health(seed=options.seed)))
        return Built(builder.finish(), candidates)


def require_alike(queries: Sequences, stored: Sequences) -> None:
    """Raise MismatchError, before anything is trained, for queries that cannot be compared with what is stored."""
    names = [s.alphabet.name if s.alphabet is not None else "series" for s in (queries, stored)]
    if names[0] != names[1]:
        raise MismatchError(f"the queries are {names[0]}, the stored sequences {names[1]}")
    if not len(queries):
        raise EmptyInputError("there is no query to measure the recall on")


def settings_document(
    options: BuildOptions, kind: str, parameters: dict[str, Any], distance: Distance
) -> dict[str, Any]:
    """What an index needs to know to go on as it was built."""
    return {
        "distance": distance.name,
        "distance_parameters": distance.parameters(),
        "index": kind,
        "index_parameters": parameters,
        "seed": options.seed,
        "encoder": options.encoder,
        "effort": options.effort,
    }


def _fill(builder: StoreBuilder, parts: Iterable[Sequences], progress: Progress) -> None:
    with progress.task("reading") as task:
        for part in parts:
            if len(part):
                builder.append(part)
                task.advance(len(part))
    if not builder.rows:
        raise EmptyInputError("there is no sequence to index")


def _trained(
    builder: StoreBuilder,
    held: IntArray,
    distance: Distance,
    options: BuildOptions,
    rng: np.random.Generator,
    progress: Progress,
) -> Model:
    """A model trained on stored sequences other than those held out, and its binary code where bits are asked for."""
    if builder.kind != distance.kind:
        raise MismatchError(f"the {distance.name} distance compares {distance.kind}, the data are {builder.kind}")
    plan = TrainingPlan.of_effort(options.effort)
    others = np.setdiff1d(np.arange(builder.rows), held)
    chosen = others if len(others) <= plan.sequences else rng.choice(others, plan.sequences, replace=False)
    sample = builder.sequences(np.sort(chosen))
    settings = {} if options.dim is None else {"dim": options.dim}
    plan = replace(plan, geometry=options.geometry)
    if options.bits is not None:  # codes that are cut from points were measured with Euclidean ones
        flat = "euclidean" if options.geometry == "auto" else options.geometry
        plan = replace(plan, geometry=flat, bits=options.bits if options.learns_codes else None)
    model = _train(sample, distance, options, plan, settings, progress)
    if model.training:
        unseen = np.concatenate([held, np.setdiff1d(others, chosen)[:MOST_UNSEEN]])
        names = [*builder.sequences(unseen).ids, *model.training["held_out"]]
        model = replace(model, training={**model.training, "held_out": names})
    if options.bits is None or model.bits is not None:
        return model
    if options.codes == LEARNED:
        raise ParameterError(f"codes cannot be learned: encoder {model.family!r} has nothing to train")
    return _coded(model, sample, options, rng)


def _given(
    model: Model,
    builder: StoreBuilder,
    held: IntArray,
    distance: Distance,
    options: BuildOptions,
    rng: np.random.Generator,
    progress: Progress,
) -> Model:
    """A model that was brought along, with a binary code of these data where bits are asked for and it has none."""
    if options.bits is None or model.bits == options.bits:
        return model
    if model.bits is not None:
        raise MismatchError(f"the model makes codes of {model.bits} bits, {options.bits} are asked for")
    sample = builder.sequences(np.setdiff1d(np.arange(builder.rows), held))
    if options.codes != LEARNED:
        return _coded(model, sample, options, rng)
    from ..learning.trainer import learn_code

    plan = TrainingPlan.of_effort(options.effort)
    model, _ = learn_code(model, sample, distance, options.bits, plan=plan, seed=options.seed, progress=progress)
    return model


def _coded(model: Model, sample: Sequences, options: BuildOptions, rng: np.random.Generator) -> Model:
    """The model with a code cut from its points."""
    assert options.bits is not None
    some = sample[rng.permutation(len(sample))[:20_000]]
    kind = "itq" if options.codes in (None, LEARNED) else options.codes
    head = quantizer(model.embed(some), options.bits, rng, kind)
    return replace(model, bits=options.bits, weights={**model.weights, **head})


def _train(
    sample: Sequences,
    distance: Distance,
    options: BuildOptions,
    plan: TrainingPlan,
    settings: dict[str, Any],
    progress: Progress,
) -> Model:
    """Torch is imported only when something is trained."""
    family = family_named(options.encoder, sample.kind)
    if not family.trained:
        return unlearned_model(sample, plan.geometry, family.name)
    from ..learning.trainer import train

    model, _ = train(
        sample, distance, encoder=options.encoder, plan=plan, seed=options.seed, settings=settings, progress=progress
    )
    return model


def _embed(builder: StoreBuilder, model: Model, progress: Progress) -> None:
    with progress.task("embedding", builder.rows) as task:
        for start in range(0, builder.rows, _EMBED_ROWS):
            rows = np.arange(start, min(start + _EMBED_ROWS, builder.rows))
            builder.set_vectors(start, model.vectors(builder.sequences(rows)))
            task.advance(len(rows))


def _calibrated(
    builder: StoreBuilder,
    candidates: CandidateIndex,
    held: IntArray,
    queries: Sequences | None,
    model: Model,
    distance: Distance,
    options: BuildOptions,
    progress: Progress,
) -> Calibration:
    """Fill the candidate index, all but the held-out rows first: the curve is measured on sequences it never saw, or on
    the given queries."""
    vectors = builder.vectors()
    known = np.ones(builder.rows, np.bool_)
    known[held] = False
    with progress.task("building the candidate index", builder.rows) as task:
        _add(candidates, np.flatnonzero(known), vectors, task)
    targets = builder.sequences()
    engine = Engine(model, candidates, distance, targets)
    asked = targets[held] if queries is None else queries
    calibration = calibrate(engine, asked, known, options.recall, progress)
    if len(held):
        candidates.add(held, vectors[held])
    return replace(calibration, size=builder.rows)


def _add(candidates: CandidateIndex, rows: IntArray, vectors: AnyArray, task: Any) -> None:
    for start in range(0, len(rows), _EMBED_ROWS):
        some = rows[start : start + _EMBED_ROWS]
        candidates.add(some, vectors[some])
        task.advance(len(some))
