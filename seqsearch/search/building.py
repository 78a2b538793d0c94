"""From sequences to an index: record, train, embed, build the candidate index, calibrate - in that order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..ann import CandidateIndex
from ..arrays import JSON, BoolArray, IntArray
from ..distances import Distance, HashSequences
from ..distances.distance import full_name
from ..encoders.codes import LEARNED, quantizer
from ..encoders.families import family_named
from ..encoders.model import Model, unlearned_model
from ..errors import EmptyInputError, MismatchError, ParameterError, StrPath
from ..learning.plan import TrainingPlan
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import StoreBuilder
from .budget import Calibration
from .cache import IndexCache, add_vectors, empty_candidates
from .calibrator import calibrate, held_out
from .encoding import OneModel
from .handle import CALIBRATION, HEALTH, SETTINGS
from .options import BuildOptions
from .state import pipeline_of

CALIBRATION_QUERIES = 500
MOST_UNSEEN = 5000  # sequences that were not trained on, remembered by name: novelty is judged by them
_EMBED_ROWS = 1 << 16


def build(
    path: StrPath,
    parts: Iterable[Sequences],
    options: BuildOptions,
    *,
    model: Model | None = None,
    queries: Sequences | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> IndexCache:
    """Build an index at `path` from sets of sequences that arrive one after the other.

    Nothing is at `path` before everything succeeded. `model`: use this one instead of training; `queries`: measure the
    recall on these, which are like those that will be asked, instead of on stored sequences held out meanwhile.
    Raises IndexExistsError, EmptyInputError, MismatchError and what reading the parts raises.
    """
    with StoreBuilder(path, overwrite=overwrite) as builder:
        fill(builder, parts, progress)
        if queries is not None:
            _require_alike(queries, builder.sequences(np.zeros(1, np.int64)))
        rng = np.random.default_rng(options.seed)
        held = held_out(builder.rows, CALIBRATION_QUERIES if queries is None else 0, rng)
        distance = options.exact_distance()
        made = _Encoders(builder, options, distance, held, rng, progress)
        encoder = OneModel(made.trained() if model is None else made.adapted(model))
        encoder.save(builder)
        _embed(builder, encoder, progress)
        kind = options.kind_for(builder.rows)
        settings = {
            "distance": distance.name,
            "distance_parameters": distance.parameters(),
            **_class_of(distance),
            "index": kind,
            "index_parameters": options.parameters_for(builder.rows),
            "seed": options.seed,
            "encoder": options.encoder,
            "effort": options.effort,
        }
        candidates = empty_candidates(encoder, settings)
        assert candidates is not None
        vectors, targets = builder.vectors(), builder.sequences()
        # the curve is measured on sequences that the candidate index never saw, or on the given queries
        known: BoolArray = np.ones(builder.rows, np.bool_)
        known[held] = False
        add_vectors(candidates, np.flatnonzero(known), vectors.__getitem__, progress)
        pipeline = pipeline_of(targets, known, encoder, candidates, distance)
        asked = targets[held] if queries is None else queries
        measured = calibrate(pipeline, asked, options.recall, progress=progress)
        candidates.add(held, vectors[held])
        calibration: Calibration = replace(measured, size=builder.rows)
        builder.put_document(SETTINGS, settings)
        builder.put_document(CALIBRATION, calibration.to_json())
        builder.put_document(HEALTH, dict(candidates.health(seed=options.seed)))
        return finished(builder, candidates, None, settings)


def finished(
    builder: StoreBuilder, candidates: CandidateIndex | None, hashes: HashSequences | None, settings: JSON
) -> IndexCache:
    """Put the index in its place, with its first snapshots."""
    with builder.finish() as writer:
        cache = IndexCache(candidates, hashes, writer, "built")
        cache.save(writer, settings)
    return cache


def fill(builder: StoreBuilder, parts: Iterable[Sequences], progress: Progress) -> None:
    """Record the sequences. Raises EmptyInputError where there are none."""
    with progress.task("reading") as task:
        for part in parts:
            if len(part):
                builder.append(part)
                task.advance(len(part))
    if not builder.rows:
        raise EmptyInputError("there is no sequence to index")


def _class_of(distance: Distance) -> JSON:
    """Where a distance of somebody's own comes from, for whoever opens the index without it."""
    place = full_name(type(distance))
    return {} if place.startswith("seqsearch.") else {"distance_class": place}


def _require_alike(queries: Sequences, stored: Sequences) -> None:
    """Raise MismatchError, before anything is trained, for queries that cannot be compared with what is stored."""
    names = [s.alphabet.name if s.alphabet is not None else "series" for s in (queries, stored)]
    if names[0] != names[1]:
        raise MismatchError(f"the queries are {names[0]}, the stored sequences {names[1]}")
    if not len(queries):
        raise EmptyInputError("there is no query to measure the recall on")


def _embed(builder: StoreBuilder, encoder: OneModel, progress: Progress) -> None:
    with progress.task("embedding", builder.rows) as task:
        for start in range(0, builder.rows, _EMBED_ROWS):
            rows = np.arange(start, min(start + _EMBED_ROWS, builder.rows))
            builder.set_vectors(start, encoder.of_stored(builder.sequences(rows)))
            task.advance(len(rows))


@dataclass(frozen=True)
class _Encoders:
    """Makes the encoder of a build, from the stored sequences but those `held` out."""

    builder: StoreBuilder
    options: BuildOptions
    distance: Distance
    held: IntArray
    rng: np.random.Generator
    progress: Progress

    def trained(self) -> Model:
        """A model trained on stored sequences, and its binary code where bits are asked for."""
        options, builder = self.options, self.builder
        if builder.kind != self.distance.kind:
            name, kind = self.distance.name, self.distance.kind
            raise MismatchError(f"the {name} distance compares {kind}, the data are {builder.kind}")
        plan = replace(TrainingPlan.of_effort(options.effort), geometry=options.geometry)
        if options.bits is not None:  # codes that are cut from points were measured with Euclidean ones
            flat = "euclidean" if options.geometry == "auto" else options.geometry
            plan = replace(plan, geometry=flat, bits=options.bits if options.learns_codes else None)
        others = np.setdiff1d(np.arange(builder.rows), self.held)
        few = len(others) <= plan.sequences
        chosen = others if few else self.rng.choice(others, plan.sequences, replace=False)
        sample = builder.sequences(np.sort(chosen))
        model = self._learned(sample, plan)
        if model.training:
            unseen = np.concatenate([self.held, np.setdiff1d(others, chosen)[:MOST_UNSEEN]])
            names = [*builder.sequences(unseen).ids, *model.training["held_out"]]
            model = replace(model, training={**model.training, "held_out": names})
        if options.bits is None or model.bits is not None:
            return model
        if options.codes == LEARNED:
            raise ParameterError(f"codes cannot be learned: encoder {model.family!r} has nothing to train")
        return self._coded(model, sample)

    def _learned(self, sample: Sequences, plan: TrainingPlan) -> Model:
        """Torch is imported only when something is trained."""
        options = self.options
        family = family_named(options.encoder, sample.kind)
        if not family.trained:
            return unlearned_model(sample, plan.geometry, family.name)
        from ..learning.trainer import train

        model, _ = train(
            sample,
            self.distance,
            encoder=options.encoder,
            plan=plan,
            seed=options.seed,
            settings={} if options.dim is None else {"dim": options.dim},
            progress=self.progress,
        )
        return model

    def adapted(self, model: Model) -> Model:
        """A model that was brought along, with a binary code of these data where bits are asked for and it has none."""
        options = self.options
        if options.bits is None or model.bits == options.bits:
            return model
        if model.bits is not None:
            raise MismatchError(f"the model makes codes of {model.bits} bits, {options.bits} are asked for")
        sample = self.builder.sequences(np.setdiff1d(np.arange(self.builder.rows), self.held))
        if options.codes != LEARNED:
            return self._coded(model, sample)
        from ..learning.trainer import learn_code

        plan = TrainingPlan.of_effort(options.effort)
        made, _ = learn_code(
            model, sample, self.distance, options.bits, plan=plan, seed=options.seed, progress=self.progress
        )
        return made

    def _coded(self, model: Model, sample: Sequences) -> Model:
        """The model with a code cut from its points."""
        bits, codes = self.options.bits, self.options.codes
        assert bits is not None
        some = sample[self.rng.permutation(len(sample))[:20_000]]
        head = quantizer(model.embed(some), bits, self.rng, "itq" if codes in (None, LEARNED) else codes)
        return replace(model, bits=bits, weights={**model.weights, **head})
