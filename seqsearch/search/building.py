"""From sequences to an index: record, train, embed, build the candidate index, calibrate - in that order.

Nothing of it holds all sequences or vectors in memory. Each step is kept once it is done, so that a build whose
process was killed, or which was interrupted, is gone on with by the next one of the same: records by parts, the model
(within its training a checkpoint), vectors by parts, the candidate index whenever it has doubled, the calibration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import numpy as np

from .. import extras
from ..ann import CandidateIndex
from ..arrays import JSON, AnyArray, BoolArray, IntArray, spread
from ..distances import Distance, HashSequences
from ..distances.distance import full_name
from ..encoders.codes import LEARNED
from ..encoders.families import FAMILIES
from ..encoders.model import Model
from ..encoders.own import OWN
from ..encoders.vector_rows import VectorRows, VectorsLike
from ..errors import (
    CorruptIndexError,
    EmptyInputError,
    FormatVersionError,
    MismatchError,
    MissingVectorsError,
    ParameterError,
    StrPath,
)
from ..learning.deadline import NEVER, Deadline
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import Store, StoreBuilder, worth_keeping
from .asking import queries_of
from .build_encoder import EncoderMaker
from .build_rows import Indexing, fill
from .cache import IndexCache
from .calibration import Calibration
from .calibrator import calibrate, counted, enough_queries, held_out, is_dear, left_out
from .deciding import decided
from .encoding import MODEL, WEIGHTS, OneModel, load_encoder
from .handle import CALIBRATION, HEALTH, SETTINGS
from .options import AUTO, NONE, NORMAL, BuildOptions
from .own_building import OwnVectors
from .pipeline import Points, Queries
from .state import pipeline_of
from .suiting import SAMPLE
from .window_building import WindowBuilding
from .windows import WindowIndex

CALIBRATION_READS = 1000  # of windows: which of them have ten near relatives differs more
_LENGTHS = 1000  # sequences whose lengths are looked at
TRAINING_SHARE = 0.6  # of the time that a build may take
DECISION = "decision"  # document of what was estimated before the encoder was made


def build(
    path: StrPath,
    parts: Iterable[Sequences],
    options: BuildOptions,
    *,
    model: Model | None = None,
    vectors: VectorsLike | None = None,
    queries: Sequences | None = None,
    query_vectors: VectorsLike | None = None,
    overwrite: bool = False,
    resume: bool = True,
    progress: Progress = SILENT,
) -> IndexCache:
    """Build an index at `path` from sets of sequences that arrive one after the other.

    Nothing is at `path` before everything succeeded. `model`: use this one instead of training; `vectors`: (n, D), made
    elsewhere, in place of a model's; `queries`: measure the recall on these, which are like those that will be asked
    (and have `query_vectors` where vectors are given), instead of on stored sequences held out meanwhile; `resume`: go
    on with a build of the same that was interrupted, once the records have proved to be the same.
    Raises IndexExistsError, EmptyInputError, MismatchError, MissingExtraError and what reading the parts raises.
    """
    own = OwnVectors.of(options, vectors, progress)
    _require_sense(own, model, queries is not None, query_vectors is not None)
    if model is not None and options.exact_distance().partial:
        raise ParameterError(f"a model would propose no candidates: {options.by_proof}: leave it out")
    asked = None if query_vectors is None else VectorRows.of(query_vectors, "query_vectors")
    if own is None and model is None:
        _require_torch(options)
    what = _identity(options, model, queries, own, asked)
    try:
        with StoreBuilder(path, overwrite=overwrite, identity=what, resume=resume) as builder:
            for note in builder.notes:
                progress.note(note)
            return _Build(builder, options, model, own, queries, asked, progress).run(parts)
    except BaseException as error:
        if worth_keeping(error):
            progress.note(f"{path}: what is done is kept: the same build goes on from there")
        raise


def _require_sense(own: OwnVectors | None, model: Model | None, queries: bool, query_vectors: bool) -> None:
    """Raise ParameterError for arguments that exclude or need each other."""
    if own is not None and model is not None:
        raise ParameterError("a model and vectors of your own exclude each other")
    if query_vectors and not queries:
        raise ParameterError("query_vectors say nothing without queries")
    if query_vectors and own is None:
        raise ParameterError("query_vectors say nothing without vectors: the index makes its own")
    if queries and not query_vectors and own is not None and own.embedder is None:
        told = "give query_vectors= (on the command line --query-vectors FILE.npy), a row of each"
        raise MissingVectorsError(f"queries to measure the recall on need vectors, as the sequences have: {told}")


def _require_torch(options: BuildOptions) -> None:
    """Raise MissingExtraError, before anything is read, where training is asked for that cannot be done here."""
    asked = options.learn not in (AUTO, NONE) or options.encoder != AUTO or options.codes == LEARNED
    if not asked or (options.encoder == AUTO and options.exact_distance().space) or options.exact_distance().partial:
        return
    if options.encoder == AUTO or FAMILIES[options.family].trained:
        extras.require("torch", "training an encoder")


def _identity(
    options: BuildOptions,
    model: Model | None,
    queries: Sequences | None,
    own: OwnVectors | None,
    query_vectors: VectorRows | None,
) -> JSON:
    """What two builds of the same have in common; the records are compared themselves."""
    distance = options.exact_distance()
    exact = {"distance": [distance.name, full_name(type(distance))], "distance_parameters": distance.parameters()}
    return {
        "version": version("seqsearch"),
        "options": vars(options) | exact | {"encoder": options.family},
        "model": None if model is None else model.digest(),
        "queries": None if queries is None else queries.digest(),
        **({} if own is None else {"own": own.identity()}),
        **({} if query_vectors is None or own is None else {"query_vectors": query_vectors.proved(own.geometry)}),
    }


@dataclass
class _Build:
    """The steps of a build."""

    builder: StoreBuilder
    options: BuildOptions
    model: Model | None
    own: OwnVectors | None
    queries: Sequences | None
    query_vectors: VectorRows | None
    progress: Progress
    started: float = field(default_factory=time.monotonic)

    @property
    def training_ends(self) -> Deadline:
        """When training has to be over, so that embedding, indexing and calibrating end in time."""
        seconds = self.options.max_time
        return NEVER if seconds is None else Deadline(TRAINING_SHARE * seconds, self.started)

    def run(self, parts: Iterable[Sequences]) -> IndexCache:
        """All steps, but for those that an interrupted build has done."""
        builder, options = self.builder, self.options
        if builder.resumed:
            self.progress.note(self._remains())
        distance, rng = options.exact_distance(), np.random.default_rng(options.seed)
        fill(builder, parts, distance, self.progress)
        if self.queries is not None:
            first = builder.sequences(np.zeros(1, np.int64))
            _require_alike(self.queries, first)
            distance.check(self.queries, first)
        if self.own is not None:
            self.own.require_rows(builder)
        windows = WindowBuilding.of(builder, distance, self.queries, options.seed, self.progress)
        by_proof = distance.partial and windows is None and not distance.proposes
        asked = self._enough(distance) if windows is None else CALIBRATION_READS
        asked = 0 if self.queries is not None or by_proof else asked
        held = held_out(builder.rows, asked, rng)
        encoder = self._kept_encoder()
        if encoder is None:
            encoder = OneModel(self._made(distance, held, rng))
            encoder.save(builder)
        settings = self._settings(distance) | ({} if windows is None else {"windows": windows.settings.to_json()})
        # the curve is measured on sequences that the candidate index never saw, or on the given queries
        known: BoolArray = np.ones(builder.rows, np.bool_)
        known[held] = False
        builder.save_sequences(self.progress)
        builder.unmap()
        candidates = Indexing(builder, encoder, self._maker(encoder), settings, known, self.progress).run()
        cut = None if windows is None else windows.run(np.flatnonzero(known))
        if builder.document(CALIBRATION) is None:
            _set_effort(candidates if cut is None else cut.index, options.seed)
            queries, own = self._asked(encoder, held, windows, known)
            measured = self._measured(encoder, candidates, cut, known, queries, own)
            builder.put_document(CALIBRATION, measured.to_json())
        if len(held):
            candidates.add(held, builder.vectors(held))
        if cut is not None and len(held):
            cut.add(held, builder.sequences)
        builder.put_document(SETTINGS, settings)
        builder.put_document(HEALTH, dict((candidates if cut is None else cut.index).health(seed=options.seed)))
        return finished(builder, candidates, None, settings, cut)

    def _made(self, distance: Distance, held: IntArray, rng: np.random.Generator) -> Model:
        builder, options = self.builder, self.options
        if self.own is not None:
            return self.own.model(builder, options, held, rng)
        checkpoint = builder.side_file("training.safetensors")
        if builder.kind != distance.kind:
            raise MismatchError(f"the {distance.name} distance compares {distance.kind}, the data are {builder.kind}")
        maker = EncoderMaker(builder, options, distance, held, rng, self.progress, checkpoint, self.training_ends)
        if self.model is not None:
            return maker.adapted(self.model)
        return maker.trained(self._learn(maker, distance))

    def _learn(self, maker: EncoderMaker, distance: Distance) -> str:
        """How much to learn: as was asked for, or as pays."""
        options, builder = self.options, self.builder
        if options.learn != AUTO or options.encoder != AUTO or not maker.learns:
            return NORMAL if options.learn == AUTO else options.learn
        if options.bits is not None:
            return NORMAL if extras.installed("torch") else NONE
        rng = np.random.default_rng([options.seed, 2])
        rows = np.sort(rng.permutation(builder.rows)[:SAMPLE])
        sample = builder.sequences(rows)[rng.permutation(len(rows))]
        decision = decided(sample, builder.rows, distance, options.expect_queries, options.max_time, options.recall)
        self.progress.note(str(decision))
        builder.put_document(DECISION, decision.to_json())
        return decision.learn

    def _maker(self, encoder: OneModel) -> Callable[[IntArray], AnyArray]:
        """What is stored of rows."""
        builder, own, model = self.builder, self.own, encoder.own
        if own is None or model is None:
            return lambda rows: encoder.of_stored(builder.sequences(rows))
        own.store_all(model, builder, self.progress)
        return lambda rows: own.to_store(model, builder, rows)

    def _asked(
        self, encoder: OneModel, held: IntArray, windows: WindowBuilding | None, known: BoolArray
    ) -> tuple[Queries, IntArray | None]:
        """What the recall is measured on, and the rows that these are themselves, -1 for none, where any are."""
        if self.queries is not None:
            return queries_of(encoder, self.queries, self.query_vectors), None
        if windows is not None:
            return Queries(windows.reads(held, np.flatnonzero(known))), None
        rng = np.random.default_rng([self.options.seed, 3])
        more = np.zeros(0, np.int64)
        if not self.options.exact_distance().partial:
            more = left_out(known, len(held), self._enough(self.options.exact_distance()), rng)
        rows = np.concatenate([held, more])
        points = None if encoder.own is None else Points(self.builder.vectors, rows)
        own = np.concatenate([np.full(len(held), -1), more]) if len(more) else None
        return Queries(self.builder.sequences(rows), points), own

    def _enough(self, distance: Distance) -> int:
        """On how many queries the recall is measured: fewer where comparing one with everything takes long."""
        rows = spread(self.builder.rows, _LENGTHS)
        dear = is_dear(self.builder.sequences(rows).lengths, self.builder.rows, distance)
        return enough_queries(self.options.recall, self.builder.rows, dear=dear, lost=counted(distance))

    def _measured(
        self,
        encoder: OneModel,
        candidates: CandidateIndex,
        windows: WindowIndex | None,
        known: BoolArray,
        asked: Queries,
        own: IntArray | None,
    ) -> Calibration:
        """The curve, of candidates among the rows `known`; none of a distance to parts without windows."""
        builder, options, distance = self.builder, self.options, self.options.exact_distance()
        if distance.partial and windows is None and not distance.proposes:
            self.progress.note(f"every search will compare with everything: {options.by_proof}")
            return Calibration(options.recall, 0, builder.rows, lossless=options.by_proof)
        if distance.proposes:
            self.progress.note(f"candidates of {distance.name} are proposed by what sequences share; none are embedded")
        targets = builder.targets(self.progress)
        pipeline = pipeline_of(targets, known, encoder, candidates, distance, windows=windows)
        measured = calibrate(pipeline, asked, options.recall, exclude=own, progress=self.progress)
        return replace(measured, size=builder.rows)

    def _kept_encoder(self) -> OneModel | None:
        """That of an interrupted build."""
        builder = self.builder
        if builder.document(MODEL) is None or builder.blob(WEIGHTS) is None:
            return None
        try:
            found = load_encoder(builder)
        except (CorruptIndexError, FormatVersionError):
            found = None
        if isinstance(found, OneModel) and found.own is not None and self.own is not None:
            model = self.own.attached(found.own, builder)
            found = None if model is None else OneModel(model)
        if isinstance(found, OneModel):
            return found
        builder.keep_rows(builder.rows)
        return None

    def _settings(self, distance: Distance) -> JSON:
        options, rows = self.options, self.builder.rows
        decision = self.builder.document(DECISION)
        return {
            "distance": distance.name,
            "distance_parameters": distance.parameters(),
            **_class_of(distance),
            "index": options.kind_for(rows),
            "index_parameters": options.parameters_for(rows, brought=self.model is not None or self.own is not None),
            "seed": options.seed,
            "encoder": options.encoder_for(distance) if self.own is None else OWN,
            "learn": options.learn,
            **({} if decision is None else {"built_for": decision}),
        }

    def _remains(self) -> str:
        """What an interrupted build has done, in a line."""
        builder = self.builder
        done = [f"{builder.rows:,} records"]
        if builder.document(MODEL) is not None:
            done += ["the model", f"{builder.vector_rows:,} vectors"]
        if builder.document(CALIBRATION) is not None:
            done.append("the calibration")
        return f"going on with an interrupted build: {', '.join(done)} are there"


def _set_effort(index: CandidateIndex, seed: int) -> None:
    """Measure how hard to look before recall is, where that is not usual for a number of candidates: the efforts that a
    calibration tries are those around it."""
    if index.effort and index.usual_effort(1) is None:
        index.health(seed=seed)


def finished(
    builder: StoreBuilder,
    candidates: CandidateIndex | None,
    hashes: HashSequences | None,
    settings: JSON,
    windows: WindowIndex | None = None,
) -> IndexCache:
    """Put the index in its place, with its first snapshots."""
    made: list[IndexCache] = []

    def complete(store: Store) -> None:
        made.append(IndexCache(candidates, hashes, store, "built", windows))
        made[0].save(store, settings)

    builder.finish(complete).close()
    return made[0]


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
