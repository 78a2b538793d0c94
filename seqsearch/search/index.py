"""`SequenceIndex`: the front door."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..ann import CANDIDATE_INDEXES
from ..arrays import AnyArray, BoolArray, DoubleArray
from ..distances import Distance, Neighbours, Ranges, Searcher, distance_named, range_search
from ..encoders.model import Model
from ..errors import CorruptIndexError, ParameterError, Path
from ..progress import SILENT, Progress
from ..sequences import Sequences, Strings
from ..store import Store
from ..trees import Dendrogram
from .alignment import Alignments
from .budgeting import chosen_budget
from .building import CALIBRATION_QUERIES, build
from .calibrating import calibrate, members
from .calibration import Budget, Calibration, budgets_for
from .clustering import MEMORY, Clustering, clustered
from .engine import Engine, SweepRow, sweep_row
from .filters import Where, allowed_rows
from .novelty import KnownScores, NoveltyOptions, NoveltyResults
from .novelty.asking import Asked
from .options import BuildOptions
from .results import RangeResults, Results
from .snapshots import Follower, tail_is_long
from .strands import BOTH, better_strand, require_strand, reverse_complement, united
from .table import HitTable
from .verifying import NEIGHBOURS, Verified, verified

FORMAT_VERSION = 1


class SequenceIndex:
    """An index of sequences on disk: encodes queries, proposes candidates, verifies them with the exact distance.

    Made by `build` or `open`. Reading needs no lock; `add`, `remove`, `update` and `compact` take the index's one
    writer lock while they run. A reader keeps answering from the state it has seen until `refresh`.
    """

    def __init__(self, store: Store, follower: Follower | None = None) -> None:
        self._store = store
        self._settings = _document(store, "settings")
        self._distance = distance_named(self._settings["distance"], **self._settings["distance_parameters"])
        self._model: Model | None = None
        self._follower = follower
        self._engine: Engine | None = None
        self._exact: Searcher | None = None
        self._calibration: Calibration | None = None
        self._known: dict[str, KnownScores] = {}

    # -- making and opening --------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        path: Path,
        references: Sequences | Iterable[Sequences],
        *,
        overwrite: bool = False,
        model: Model | None = None,
        queries: Sequences | None = None,
        progress: Progress = SILENT,
        **options: Any,
    ) -> Self:
        """Build an index at `path` and open it.

        `references`: a set, or sets that arrive one after the other (`read_batches`); `model`: an encoder to use
        instead of training one; `queries`: measure the recall of budgets on these instead of on a held-out sample;
        `options`: the fields of `BuildOptions` (distance, encoder, recall, seed, ...).
        Raises ParameterError, IndexExistsError, EmptyInputError, DuplicateIdError, StorageFullError.
        """
        try:
            chosen = BuildOptions(**options)
        except TypeError as error:
            raise ParameterError(str(error).replace("BuildOptions.__init__()", "build")) from None
        parts = [references] if isinstance(references, Sequences) else references
        built = build(path, parts, chosen, model=model, queries=queries, overwrite=overwrite, progress=progress)
        follower = Follower.adopt(built.store, built.candidates)
        with built.store as writer:
            follower.save(writer, _document(writer, "settings"))
        return cls(Store.open(path), follower)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an index. Raises NotAnIndexError, FormatVersionError or CorruptIndexError, naming the path."""
        return cls(Store.open(path))

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- looking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._store)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._store

    def holds(self, ids: Iterable[str]) -> BoolArray:
        """(m,) which of many ids are there."""
        held: BoolArray = self._store.find(ids) >= 0
        return held

    @property
    def path(self) -> str:
        """The folder of the index."""
        return os.fspath(self._store.path)

    @property
    def distance(self) -> Distance:
        """The exact distance that decides."""
        return self._distance

    @property
    def model(self) -> Model:
        """The encoder."""
        if self._model is None:
            weights = self._store.blob("weights")
            if weights is None:
                raise CorruptIndexError(f"{self.path}: the weights of the model are missing")
            self._model = Model.restore(_document(self._store, "model"), weights)
        return self._model

    @property
    def calibration(self) -> Calibration:
        """The measured curve of recall over budgets."""
        if self._calibration is None:
            self._calibration = Calibration.from_json(_document(self._store, "calibration"))
        return self._calibration

    @property
    def alphabet_name(self) -> str | None:
        """The alphabet queries are read with; None for series."""
        return self._store.alphabet.name if self._store.alphabet is not None else None

    @property
    def sequences(self) -> Sequences:
        """The stored sequences, in the order they came."""
        return self._store.sequences(np.flatnonzero(self._store.live()))

    def info(self) -> dict[str, Any]:
        """What `seqsearch info --format json` prints."""
        model, calibration = self.model, self.calibration
        return {
            "sequences": len(self),
            "deleted": self._store.rows - len(self),
            "kind": self._store.kind,
            "alphabet": self.alphabet_name,
            "distance": self._distance.name,
            "distance_parameters": self._distance.parameters(),
            "encoder": model.family,
            "geometry": model.geometry,
            "dim": model.dim,
            "bits": model.bits,
            "index": self._settings["index"],
            "index_parameters": self._settings["index_parameters"],
            "format_version": FORMAT_VERSION,
            "bytes": self._store.bytes,
            "health": self._store.document("health"),
            "calibration": {**calibration.to_json(), "stale": calibration.is_stale(len(self))},
        }

    # -- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        queries: Sequences,
        k: int = 10,
        *,
        recall: float | None = None,
        candidates: int | None = None,
        ef: int | None = None,
        exact: bool = False,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Progress = SILENT,
    ) -> Results:
        """The k nearest stored sequences of each query, with their exact distances.

        The budget: `recall` asks for a measured recall (default: the one the index was built for), `candidates` (and
        `ef`) for a number of candidates, `exact` for a comparison with everything. `ids` or `where` (label=VALUE)
        restrict the answers, always to exactly min(k, matching) of them. `strand`: "both" searches for the reverse
        complements of DNA and RNA queries as well, and each stored sequence counts on its nearer strand.
        Raises MismatchError for queries of another kind, ParameterError, UnknownIdError for unknown `ids`.
        """
        if k < 1:
            raise ParameterError(f"k must be at least 1, not {k}")
        budget, said = self.budget(k, recall=recall, candidates=candidates, ef=ef, exact=exact)
        allowed = allowed_rows(self._store, ids, where)
        require_strand(strand)
        found, minus = self._found(queries, k, budget, allowed, progress), None
        if strand == BOTH:
            turned = self._found(reverse_complement(queries), k, budget, allowed, progress)
            found, minus = better_strand(found, turned)
        if budget is not None and allowed is None:
            said += self._about_strangers(found)
        return Results(queries.ids, self._names(), found.rows, found.distances, said, minus)

    def within(
        self,
        queries: Sequences,
        radius: float | AnyArray,
        *,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Progress = SILENT,
    ) -> RangeResults:
        """All stored sequences within the exact distance `radius` (one, or one a query), by proof, nearest first.

        `ids`, `where` and `strand` as in `search`. Raises ParameterError for a negative radius, and as `search`.
        """
        require_strand(strand)
        self.model.spec.require(queries)
        allowed, targets = allowed_rows(self._store, ids, where), self.engine(progress).targets
        mask = self._store.live() if allowed is None else allowed

        def found(asked: Sequences) -> Ranges:
            return range_search(self._distance, asked, targets, radius, allowed=mask, progress=progress)

        if strand == BOTH:
            ranges, minus = united(found(queries), found(reverse_complement(queries)))
            return RangeResults(queries.ids, self._names(), ranges, minus)
        return RangeResults(queries.ids, self._names(), found(queries))

    def align(self, queries: Sequences, table: HitTable) -> Alignments:
        """How `queries` and their hits align: the paths behind the edit distances. Raises ParameterError for series."""
        return Alignments(queries, self.engine().targets, table)

    def budget(
        self,
        k: int,
        *,
        recall: float | None = None,
        candidates: int | None = None,
        ef: int | None = None,
        exact: bool = False,
    ) -> tuple[Budget | None, str]:
        """The budget that `search` would use (None: compare with everything) and a line that says why."""
        return chosen_budget(
            lambda: self.calibration,
            CANDIDATE_INDEXES[self._settings["index"]].takes_effort,
            len(self),
            k,
            recall=recall,
            candidates=candidates,
            ef=ef,
            exact=exact,
        )

    def _about_strangers(self, found: Neighbours) -> str:
        """A warning where the queries are not like those that the recall was measured on."""
        share = self.calibration.strangers(found.distances[:, 0])
        if share is None:
            return ""
        return (
            f"; {share:.0%} of these queries are farther from everything stored than nine of ten of those the recall "
            "was measured on, so it may be lower: calibrate with queries like these"
        )

    def _found(
        self, queries: Sequences, k: int, budget: Budget | None, allowed: BoolArray | None, progress: Progress
    ) -> Neighbours:
        self.model.spec.require(queries)
        engine = self.engine(progress)
        if budget is None or budget.candidates >= len(self):
            found, pruning = self._everything(allowed).search(queries, k, progress=progress)
            progress.note(f"exact: {pruning}")
            return found
        return engine.find(queries, k, budget, allowed)

    def _everything(self, allowed: BoolArray | None) -> Searcher:
        """The lossless search; kept for the next where it is of all that is stored."""
        live, targets = self._store.live(), self.engine().targets
        if allowed is not None:
            return self._distance.searcher(targets, live & allowed)
        if self._exact is None:
            self._exact = self._distance.searcher(targets, live)
        return self._exact

    def _names(self) -> Strings:
        """The ids of all rows: those that the engine holds already."""
        return self.engine().targets.ids

    def engine(self, progress: Progress = SILENT) -> Engine:
        """The state that answers: loaded at the first search, brought up to date after `refresh`."""
        if self._follower is None:
            self._follower = Follower.load(self._store, self.model, self._settings, progress)
        if self._engine is None or self._engine.candidates is not self._follower.candidates:
            self._engine = Engine(self.model, self._follower.candidates, self._distance, self._store.sequences())
        return self._engine

    def novelty(
        self,
        queries: Sequences,
        *,
        known: Sequences | KnownScores | None = None,
        progress: Progress = SILENT,
        **options: Any,
    ) -> NoveltyResults:
        """How new each query is: its score, and the p-value that a known sequence would score as high.

        `known`: sequences like those that are to count as known, none of them stored, or what `known_scores` made of
        them; None takes members, each judged as if it were not stored. What members score is kept in the index, and
        measured anew when it has changed by more than a fifth. `options`: the fields of `NoveltyOptions` (method, by,
        k, fpr, bh, ties, sample, seed).
        In an empty index every score is infinite and, with nothing to compare, none is called novel.
        Raises ParameterError, MismatchError for queries of another kind.
        """
        return self._asked(progress).novelty(queries, NoveltyOptions.of(options), known, progress)

    def known_scores(
        self, *, known: Sequences | None = None, anew: bool = False, progress: Progress = SILENT, **options: Any
    ) -> KnownScores:
        """What `novelty` compares with, as there; `anew`: measured now, whatever is kept."""
        return self._asked(progress).known_scores(NoveltyOptions.of(options), known, progress, anew=anew)

    def member_scores(self, *, progress: Progress = SILENT, **options: Any) -> DoubleArray:
        """(n,) how new each stored sequence would be if it were not stored, in the order of `sequences`."""
        return self._asked(progress).member_scores(NoveltyOptions.of(options), progress)

    def _asked(self, progress: Progress) -> Asked:
        return Asked(self._store, self.engine(progress), lambda k: self.budget(k)[0], self._writing, self._known)

    def evaluate(
        self,
        queries: Sequences,
        k: int = 10,
        *,
        truth: Neighbours | None = None,
        budgets: list[Budget] | None = None,
        progress: Progress = SILENT,
    ) -> list[SweepRow]:
        """Recall against exact truth and speed, one row a budget. `truth`: of these queries, if known already.

        Without `budgets` the ladder is climbed until everything is found.
        """
        engine = self.engine(progress)
        self.model.spec.require(queries)
        if truth is None:
            truth = self._distance.exact(queries, engine.targets, k, allowed=self._store.live(), progress=progress)
        ladder = budgets
        if ladder is None:
            ladder = [b for b in budgets_for(len(self), engine.candidates.takes_effort) if b.candidates >= k]
        rows: list[SweepRow] = []
        with progress.task("sweeping budgets") as task:
            for budget in ladder:
                rows.append(sweep_row(engine, queries, truth, k, budget))
                task.advance()
                if budgets is None and rows[-1].recall >= 1:
                    break
        return rows

    def cluster(
        self,
        linkage: str = "average",
        *,
        sample: int | None = None,
        exact: bool = False,
        seed: int = 0,
        memory: float = MEMORY,
        progress: Progress = SILENT,
    ) -> Dendrogram:
        """A binary tree of the stored sequences, or of `sample` random ones, by agglomerative clustering.

        `linkage`: "average", "single" or "complete", of the distances that the embeddings predict, or of `exact` ones.
        Distances of all pairs are kept: raises ParameterError when they would take more than `memory` bytes, for an
        unknown linkage and for fewer than 2 sequences.
        """
        asked = Clustering(linkage, sample, exact, seed, memory)
        return clustered(self._store, self.model, self._distance, asked, progress)

    def verify(self, *, sample: int = 100, seed: int = 0, progress: Progress = SILENT) -> Verified:
        """Check every checksum and invariant on disk, that every id is reachable, and the recall of `sample` members.

        What is wrong is listed in the report; nothing is raised for it. `seed` draws the sample.
        """
        return verified(
            self._store,
            lambda: self.engine(progress),
            lambda: self.budget(NEIGHBOURS)[0],
            lambda: self.calibration.target,
            sample,
            seed,
            progress,
        )

    # -- changing ------------------------------------------------------------------------------------------------

    def add(self, sequences: Sequences, *, progress: Progress = SILENT) -> None:
        """Add sequences; durable when it returns. Raises DuplicateIdError, MismatchError, IndexLockedError."""
        vectors = self.model.vectors(sequences, progress)
        self._change(lambda writer: writer.append(sequences, vectors), progress)

    def remove(self, ids: Iterable[str], *, progress: Progress = SILENT) -> None:
        """Remove sequences by id. Raises UnknownIdError, and then removes none; IndexLockedError."""
        self._change(lambda writer: writer.delete(ids), progress)

    def update(self, sequences: Sequences, *, progress: Progress = SILENT) -> None:
        """Put sequences in place of those with the same ids, in one step. Raises UnknownIdError, MismatchError."""
        vectors = self.model.vectors(sequences, progress)
        self._change(lambda writer: writer.update(sequences, vectors), progress)

    def compact(self, *, progress: Progress = SILENT) -> None:
        """Give back the space of removed sequences; done by itself above a fifth. Safe to be killed at any moment."""
        with self._writing() as writer:
            self._compacted(writer, progress)
        self._store.refresh()

    def _compacted(self, writer: Store, progress: Progress) -> None:
        writer.compact(progress)
        self._follower = Follower.load(writer, self.model, self._settings, progress)
        self._follower.save(writer, self._settings)
        self._engine = self._exact = None

    def calibrate(
        self,
        queries: Sequences | None = None,
        *,
        recall: float | None = None,
        sample: int = CALIBRATION_QUERIES,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> Calibration:
        """Measure the recall of every budget anew, on the data as they are now, and keep the curve.

        `queries`: sequences like those that will be asked; None takes `sample` random members, each asked for its
        nearest others. `recall`: aimed at by default from now on. Raises ParameterError, IndexLockedError.
        """
        target = self.calibration.target if recall is None else recall
        if not 0 < target <= 1:
            raise ParameterError(f"recall must be above 0 and at most 1, not {target}")
        with self._writing() as writer:
            self.refresh()
            engine, live, own = self.engine(progress), self._store.live(), None
            if queries is None:
                queries, own = members(engine, live, sample, seed)
            self.model.spec.require(queries)
            measured = calibrate(engine, queries, live, target, progress, own=own)
            writer.put_document("calibration", measured.to_json())
        self.refresh()
        return measured

    def save_snapshot(self, *, progress: Progress = SILENT) -> None:
        """Write the candidate index as it is now, so that opening has nothing to replay. Done by itself in time."""
        with self._writing() as writer:
            self._save_snapshot(writer, progress)

    def _save_snapshot(self, writer: Store, progress: Progress) -> None:
        self.refresh()
        self.engine(progress)
        assert self._follower is not None
        self._follower.save(writer, self._settings)

    def _change(self, change: Callable[[Store], object], progress: Progress) -> None:
        with self._writing() as writer:
            change(writer)
            if writer.should_compact:
                self._compacted(writer, progress)
            elif CANDIDATE_INDEXES[self._settings["index"]].has_snapshot and tail_is_long(writer):
                self._save_snapshot(writer, progress)
        self.refresh()

    def refresh(self) -> bool:
        """See what was committed since; True when there was something."""
        if not self._store.refresh():
            return False
        self._engine = self._exact = self._calibration = None
        if self._follower is not None and not self._follower.catch_up(self._store):
            self._follower = None
        return True

    def _writing(self) -> Store:
        return Store.open(self._store.path, write=True)

    def __repr__(self) -> str:
        return f"SequenceIndex({self.path!r}, n={len(self)})"


def _document(store: Store, name: str) -> dict[str, Any]:
    document = store.document(name)
    if not isinstance(document, dict):
        raise CorruptIndexError(f"{store.path}: its {name} document is missing")
    return document
