"""From pairs to an index: align, train a network a side, record, choose what the stages keep."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, TypedDict

import numpy as np

from ... import extras
from ...ann import CandidateIndex, auto_kind
from ...arrays import JSON, AnyArray, IntArray
from ...distances import Distance, HashDTW, HashSequences, MatchingDTW
from ...encoders.pair import TowerPair
from ...errors import IndexExistsError, MismatchError, ParameterError, StrPath
from ...learning.plan import CLOCKS
from ...progress import SILENT, Progress
from ...registry import call
from ...sequences import Sequences
from ...store import StoreBuilder
from ..build_rows import fill
from ..building import finished
from ..cache import IndexCache, add_vectors, empty_candidates
from ..calibration import Calibration
from ..encoding import TwoTowers
from ..handle import CALIBRATION, HEALTH, SETTINGS, Handle
from ..pair_calibrator import calibrate_pairs
from ..pipeline import Pipeline
from ..state import pipeline_of
from .aligning import ALIGNMENTS, Pairs, aligned, connected, paired

PENALTIES = (0.125, 0.25, 0.5)
"""Penalties of a step that is not diagonal that are tried, as shares of the bits (Raffel's are .25 and .47)."""
GULLY = 0.9
VERSION = 2  # of the settings: two encoders


class PairFields(TypedDict, total=False):
    """The fields of `PairOptions` by name."""

    bits: int
    dim: int
    align: str
    develop: float
    recall: float
    most: float
    steps: int | None
    seconds: float
    clock: str
    seed: int


@dataclass(frozen=True)
class PairOptions:
    """How an index of two kinds of series is made.

    `bits` of a hash (a multiple of 8 to 64) and `dim` of a point, 0 for none; `align`: "steps" takes pairs as aligned
    step by step, "dtw" aligns them, "auto" aligns where lengths differ; `develop`: share of pairs held out of training
    to choose what the stages keep; `recall`: share of these that has to reach the last stage; `most`: share of the
    database that may; `steps`: training batches at most, None for the default; `seconds`: training time at most for
    each pair of towers, 0 for no limit, by `clock`.
    """

    bits: int = 32
    dim: int = 128
    align: str = "auto"
    develop: float = 0.2
    recall: float = 0.95
    most: float = 0.05
    steps: int | None = None
    seconds: float = 0.0
    clock: str = "wall"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bits % 8 or not 8 <= self.bits <= 64:
            raise ParameterError(f"hashes of a sequence have a multiple of 8 bits from 8 to 64, not {self.bits}")
        if self.dim < 0:
            raise ParameterError(f"dim must be at least 1, or 0 for no embedding, not {self.dim}")
        if self.align not in ALIGNMENTS:
            raise ParameterError(f"no alignment {self.align!r}: choose one of {', '.join(ALIGNMENTS)}")
        if not 0 < self.develop < 1:
            raise ParameterError(f"develop must be a share between 0 and 1, not {self.develop}")
        if not 0 < self.recall <= 1:
            raise ParameterError(f"recall must be above 0 and at most 1, not {self.recall}")
        if not 0 < self.most <= 1:
            raise ParameterError(f"most must be a share above 0 and at most 1, not {self.most}")
        if self.clock not in CLOCKS:
            raise ParameterError(f"no clock {self.clock!r}: choose one of {', '.join(CLOCKS)}")

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """From fields by name. Raises ParameterError for a name there is not."""
        return call(cls, "building of pairs", **options)


def build_pairs(
    path: StrPath,
    entries: Sequences,
    queries: Sequences,
    options: PairOptions,
    *,
    pairs: Pairs | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> IndexCache:
    """Learn from known pairs, index all `entries`, and choose what the stages keep on pairs held out of training.

    `pairs`: ids of what belongs together, by equal ids when None. Several pairs may share a query or an entry; they
    stay on one side of the split. Raises MismatchError, ParameterError, IndexExistsError.
    """
    if os.path.lexists(path) and not overwrite:  # told before anything is trained
        raise IndexExistsError(f"{os.fspath(path)} exists already: overwrite=True (--overwrite) replaces it")
    asked, correct = paired(queries.ids, entries.ids, pairs)
    groups = connected(asked, correct)
    order = np.random.default_rng(options.seed).permutation(np.unique(groups))
    held = np.isin(groups, order[: max(1, int(options.develop * len(order)))])
    distance = MatchingDTW() if queries.features == entries.features else None
    known = queries[asked[~held]], entries[correct[~held]]
    steps = aligned(*known, options.align, distance, progress)
    encoder = _trained(steps, known, groups[~held], options, progress)
    parts = PairParts.of(encoder, entries, distance, options.seed, progress)
    dev, answers = queries[asked[held]], correct[held]
    parts.settings["pairs"] = {"penalty": 0, "gully": GULLY, "most": options.most, "measured": {}}
    parts.settings["pairs"]["penalty"] = _best_penalty(encoder, dev, parts.hashes, answers)
    pipeline = parts.pipeline(distance)
    most = max(1, round(options.most * len(entries)))
    calibration = calibrate_pairs(pipeline, dev, answers, options.recall, most, progress)
    parts.settings["pairs"]["measured"] = _measured(pipeline, dev, answers, calibration)
    return parts.written(path, calibration, overwrite=overwrite, progress=progress)


@dataclass(frozen=True)
class PairParts:
    """All that an index of two kinds of series is made of, in memory."""

    encoder: TwoTowers
    entries: Sequences
    hashes: HashSequences
    points: AnyArray | None
    candidates: CandidateIndex | None
    settings: JSON

    @classmethod
    def of(
        cls, encoder: TwoTowers, entries: Sequences, distance: Distance | None, seed: int, progress: Progress = SILENT
    ) -> Self:
        """Encode the entries."""
        points = encoder.of_stored(entries, progress)
        hashes = encoder.hashed_stored(entries, progress)
        return cls.known(encoder, entries, hashes, points, settings_of(distance, len(entries), seed))

    @classmethod
    def known(
        cls, encoder: TwoTowers, entries: Sequences, hashes: HashSequences, points: AnyArray | None, settings: JSON
    ) -> Self:
        """From entries that are encoded already."""
        candidates = empty_candidates(encoder, settings)
        if candidates is not None and points is not None:
            add_vectors(candidates, np.arange(len(entries)), points.__getitem__, SILENT)
        return cls(encoder, entries, hashes, points, candidates, settings)

    def pipeline(self, distance: Distance | None) -> Pipeline:
        """Its stages."""
        pairs, live = self.settings["pairs"], np.ones(len(self.entries), np.bool_)
        warping = self.hashes, HashDTW(penalty=pairs["penalty"], gully=pairs["gully"])
        return pipeline_of(self.entries, live, self.encoder, self.candidates, distance, warping)

    def written(
        self, path: StrPath, calibration: Calibration, *, overwrite: bool = False, progress: Progress = SILENT
    ) -> IndexCache:
        """Write the index. Raises IndexExistsError, EmptyInputError, StorageFullError."""
        with StoreBuilder(path, overwrite=overwrite) as builder:
            fill(builder, [self.entries], None, progress)
            self.encoder.save(builder)
            if self.points is not None:
                builder.set_vectors(0, self.points)
            builder.put_document(SETTINGS, self.settings)
            builder.put_document(CALIBRATION, calibration.to_json())
            health = {} if self.candidates is None else dict(self.candidates.health(seed=self.settings["seed"]))
            builder.put_document(HEALTH, health)
            return finished(builder, self.candidates, self.hashes, self.settings)


def settings_of(distance: Distance | None, size: int, seed: int) -> JSON:
    """The settings of an index of two kinds of series, but for those of its pairs."""
    return {
        "distance": None if distance is None else distance.name,
        "distance_parameters": {} if distance is None else distance.parameters(),
        "index": auto_kind(size, None),
        "index_parameters": {},
        "seed": seed,
        "encoder": "towers",
        "effort": "normal",
        "format_version": VERSION,
    }


def reindexed(handle: Handle, entries: Sequences, path: StrPath, progress: Progress = SILENT) -> IndexCache:
    """Another index with the encoders and budgets of one, of other entries; at its own path it takes its place.

    Raises MismatchError for an index of one kind, and for entries with other features.
    """
    encoder, settings = handle.encoder, handle.settings
    if not isinstance(encoder, TwoTowers):
        raise MismatchError(f"{handle.path}: this is no index of two kinds of series")
    parts = PairParts.of(encoder, entries, handle.distance, settings["seed"], progress)
    parts.settings["pairs"] = settings["pairs"]
    own = os.path.realpath(path) == os.path.realpath(handle.path)
    return parts.written(path, handle.calibration(), overwrite=own, progress=progress)


def _trained(
    steps: tuple[Sequences, Sequences],
    whole: tuple[Sequences, Sequences],
    groups: IntArray,
    options: PairOptions,
    progress: Progress,
) -> TwoTowers:
    """Hash towers of pairs aligned in `steps`, and attention towers of `whole` ones (none for dim 0)."""
    extras.require("torch", "training towers")
    from ...learning.towers import TowerPlan, train_towers

    def trained(pair: tuple[Sequences, Sequences], family: str, dim: int) -> TowerPair:
        plan = replace(TowerPlan.for_family(family), seconds=options.seconds, clock=options.clock)
        if options.steps is not None:
            plan = replace(plan, steps=options.steps)
        made, _ = train_towers(
            *pair, family=family, groups=groups, settings={"dim": dim}, plan=plan, seed=options.seed, progress=progress
        )
        return made

    hashes = trained(steps, "hash", options.bits)
    return TwoTowers(hashes, trained(whole, "attention", options.dim) if options.dim else None)


def _best_penalty(encoder: TwoTowers, queries: Sequences, hashes: HashSequences, correct: IntArray) -> int:
    """The penalty with the highest mean reciprocal rank of the known matches."""
    bits, asked = encoder.hashes.dim, encoder.hashed_queries(queries)
    best, least = -1.0, max(1, bits // 4)
    for share in PENALTIES:
        penalty = max(1, round(share * bits))
        scores = HashDTW(penalty=penalty, gully=GULLY).scores(asked, hashes)
        own = scores[np.arange(len(scores)), correct][:, None]
        value = float((1 / (scores <= own).sum(axis=1)).mean())
        if value > best:
            best, least = value, penalty
    return least


def _measured(pipeline: Pipeline, queries: Sequences, correct: IntArray, calibration: Calibration) -> JSON:
    """How the index does on pairs held out of training: `first`, the share whose match ranks first, and
    `false_rejects`, the share whose match did not reach the last stage."""
    budget, point = calibration.choose(calibration.target, 1)
    found = pipeline.neighbours(queries, 1, budget)
    return {
        "queries": len(queries),
        "size": len(pipeline.live),
        "recall": calibration.target,
        "false_rejects": 0.0 if point is None else round(1 - point.recall, 6),
        "first": float((found.rows[:, 0] == correct).mean()),
    }
