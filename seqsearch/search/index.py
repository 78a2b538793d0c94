"""`SequenceIndex`: the front door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Self, Unpack

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, DoubleArray
from ..distances import Distance, Neighbours, Ranges
from ..distances.neighbours import require_count
from ..encoders.model import Model
from ..errors import IndexClosedError, MismatchError, ParameterError, StrPath
from ..progress import SILENT, Progress
from ..registry import call
from ..sequences import Alphabet, Sequences, SequencesLike
from ..sequences.coercion import Taken, sets_of, taken
from ..store import Store
from ..trees import Dendrogram
from .budget import Budget, BudgetOptions, Calibration, Wanted, unusual
from .building import CALIBRATION_QUERIES, build
from .cache import IndexCache, bytes_by_part
from .calibrator import budgets_for, calibrate, calibrate_pairs, members
from .clustering import MEMORY, Clustering, clustered
from .conditions import Where
from .encoding import OneModel, TwoTowers
from .handle import CALIBRATION, FORMAT_VERSION, HEALTH, Handle
from .metadata import ColumnsLike, Joining, MetadataLike, asked_of, brought, fitted, kept, metadata_of, with_columns
from .novelty import KnownScores, NoveltyOptions, NoveltyResults
from .novelty.detector import NoveltyDetector
from .novelty.options import NoveltyFields
from .options import BuildFields, BuildOptions
from .pairs.aligning import Pairs, paired
from .pipeline import Trace
from .records import Records, counted_on
from .results import Explanation, RangeResults, Results
from .state import State
from .strands import BOTH, better_strand, require_strand, reverse_complement, united
from .sweep import SweepRow, swept
from .verification import VerificationReport, verified


class SequenceIndex(Records):
    """An index of sequences on disk: encodes queries, proposes candidates, verifies them with the exact distance.

    Made by `build` or `open`. Any number of threads may search one handle while another changes it: each search answers
    from one committed state, that of the last change through this handle or of the last `refresh`. Reading needs no
    lock on disk; `add`, `remove`, `update` and `compact` take the index's one writer lock while they run, and wait some
    seconds for another process that holds it (then IndexLockedError). A forked child opens it anew. After `close`,
    which waits for searches that run, everything raises IndexClosedError.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._known: dict[str, KnownScores] = {}

    # -- making and opening --------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        path: StrPath,
        references: SequencesLike | Iterable[Sequences],
        *,
        alphabet: Alphabet | str | None = None,
        overwrite: bool = False,
        model: Model | None = None,
        queries: SequencesLike | None = None,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        resume: bool = True,
        progress: Progress = SILENT,
        **options: Unpack[BuildFields],
    ) -> Self:
        """Build an index at `path` and open it.

        `references`: a set, sets that arrive one after the other (`read_batches`), or what `as_sequences` takes, then
        of `alphabet` (None: guessed, and told to `progress`); `model`: an encoder to use instead of training one;
        `queries`: measure the recall of budgets on these instead of on a held-out sample; `columns`: what is kept
        beside the sequences, values by name, or which columns of a data frame (default: all that are nothing else);
        `metadata`: a table with ids and columns, a file or a data frame; `resume`: go on with a build of the same that
        was interrupted, where its records are the same; `options`: the fields of `BuildOptions` (distance, by name or
        itself, encoder, recall, seed, ...).
        Raises ParameterError, IndexExistsError, EmptyInputError, DuplicateIdError, StorageFullError.

        >>> import seqsearch as ss
        >>> names = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause"]
        >>> with ss.SequenceIndex.build("names.ss", names, encoder="kmer") as index:
        ...     [(hit.sequence.text, hit.distance) for hit in index.search("ana meier", k=2)[0]]
        [('anna meyer', 2.0), ('anna maier', 2.0)]
        """
        chosen = BuildOptions.of(options)
        parts, first = sets_of(references, "references", alphabet, progress.note, asked_of(columns))
        if isinstance(columns, Mapping):
            parts = with_columns(parts, columns)
        if metadata is not None:
            parts = Joining(metadata_of(metadata)).all_joined(parts, progress.note)
        asked = None if queries is None else taken(queries, "queries", like=first).sequences
        how = {"overwrite": overwrite, "resume": resume}
        built = build(path, parts, chosen, model=model, queries=asked, progress=progress, **how)
        return cls._built(path, built, chosen.given_distance)

    @classmethod
    def build_pairs(
        cls,
        path: StrPath,
        references: Sequences,
        queries: Sequences,
        *,
        pairs: Pairs | None = None,
        overwrite: bool = False,
        progress: Progress = SILENT,
        **options: object,
    ) -> Self:
        """Build an index of series of two kinds: `queries` and `references` that belong together, by equal ids or by
        `pairs` of a query's and a reference's id, teach two networks; `references` are indexed.

        `options`: the fields of `PairOptions`. Raises as `build`, and MismatchError where pairs do not fit.
        """
        from .pairs.building import PairOptions, build_pairs

        chosen = PairOptions.of(options)
        made = build_pairs(path, references, queries, chosen, pairs=pairs, overwrite=overwrite, progress=progress)
        return cls._built(path, made)

    @classmethod
    def _built(cls, path: StrPath, cache: IndexCache, distance: Distance | None = None) -> Self:
        return cls(Handle(path, cache, distance))

    def with_entries(self, path: StrPath, references: Sequences, *, progress: Progress = SILENT) -> Self:
        """An index of other references with the encoders and budgets of this one, which is of two kinds of series. At
        the path of this one it takes its place. Raises MismatchError, IndexExistsError.
        """
        from .pairs.building import reindexed

        return self._built(path, reindexed(self._handle, references, path, progress))

    @classmethod
    def open(cls, path: StrPath, *, distance: Distance | None = None) -> Self:
        """Open an index. Raises NotAnIndexError, FormatVersionError or CorruptIndexError, naming the path.

        `distance`: the one that the index was built with, where it is of your own and not registered here; an index
        holds no code, only its name and parameters. Raises MismatchError for another one.
        """
        return cls(Handle(path, distance=distance))

    def close(self) -> None:
        """Let go of the files, once the searches that run are done."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- looking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        with self._handle.store() as store:
            return len(store)

    def __contains__(self, record_id: object) -> bool:
        with self._handle.store() as store:
            return record_id in store

    def holds(self, ids: Iterable[str]) -> BoolArray:
        """(m,) which of many ids are there."""
        with self._handle.store() as store:
            held: BoolArray = store.find(ids) >= 0
            return held

    @property
    def path(self) -> str:
        """The folder of the index."""
        return self._handle.path

    @property
    def distance(self) -> Distance:
        """The exact distance that decides. Raises MismatchError where there is none: of two kinds of series."""
        if self._handle.distance is None:
            raise MismatchError(f"{self.path}: queries and stored series are of two kinds: none compares them exactly")
        return self._handle.distance

    @property
    def model(self) -> Model:
        """The encoder. Raises MismatchError for an index of two kinds of series."""
        encoder = self._handle.encoder
        if not isinstance(encoder, OneModel):
            raise MismatchError(f"{self.path}: an index of two kinds of series has an encoder a side, no single model")
        return encoder.model

    @property
    def calibration(self) -> Calibration:
        """The measured curve of recall over budgets."""
        return self._handle.calibration()

    @property
    def alphabet_name(self) -> str | None:
        """The alphabet queries are read with; None for series."""
        with self._handle.store() as store:
            return store.alphabet.name if store.alphabet is not None else None

    @property
    def columns(self) -> dict[str, str]:
        """The columns beside the sequences: their names and kinds (int, float, bool, date, datetime, text, list)."""
        with self._handle.store() as store:
            return dict(store.columns().fields)

    @property
    def sequences(self) -> Sequences:
        """The stored sequences, in the order they came."""
        with self._handle.store() as store:
            return store.sequences(np.flatnonzero(store.live()))

    def state(self, progress: Progress = SILENT) -> AbstractContextManager[State]:
        """A context in which several questions are answered from one committed `State`; changes wait for its end."""
        return self._handle.state(progress)

    def refresh(self) -> bool:
        """See what was committed since, by this or another process; True when there was something."""
        return self._handle.refresh()

    def info(self) -> JSON:
        """What `seqsearch info --format json` prints."""
        calibration, settings = self.calibration, self._handle.settings
        with self._handle.store() as store:
            return {
                "sequences": len(store),
                "deleted": store.rows - len(store),
                "kind": store.kind,
                **({"columns": dict(store.columns().fields)} if store.columns() else {}),
                "alphabet": self.alphabet_name,
                "distance": settings["distance"],
                "distance_parameters": None if settings["distance"] is None else settings["distance_parameters"],
                **self._handle.encoder.facts(),
                "index": settings["index"],
                "index_parameters": settings["index_parameters"],
                "format_version": settings.get("format_version", FORMAT_VERSION),
                "bytes": store.bytes,
                "bytes_by_part": bytes_by_part(store),
                "health": store.document(HEALTH),
                **{name: settings[name] for name in ("pairs",) if name in settings},
                "calibration": {**calibration.to_json(), "stale": calibration.is_stale(len(store))},
            }

    # -- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Progress = SILENT,
        **budget: Unpack[BudgetOptions],
    ) -> Results:
        """The k nearest stored sequences of each query, with their exact distances.

        The budget: `recall` asks for a measured recall (default: the one the index was built for), `candidates` for a
        number of candidates (with `ef` of a graph, or `lists` of compressed lists), `exact` for a comparison with
        everything. `ids` or `where` restrict the answers, always to exactly min(k, matching) of them.
        `where`: a condition on the columns, and on id, label, description and length: 'genus = "Bacteroides" and year
        >= 2019', or {"genus": ["Bacteroides"], "year": (2019, None)}; see `seqsearch.search.conditions`. Where nothing
        fulfils it `Results.warnings` says so.
        `strand`: "both" searches for the reverse complements of DNA and RNA queries as well, and each stored sequence
        counts on its nearer strand.
        Raises MismatchError for queries of another kind, ParameterError, ConditionError, UnknownIdError.
        """
        require_count(k)
        require_strand(strand)
        queries = self._taken(queries, "queries")
        wanted = call(Wanted, "search", **budget)
        with self._handle.state(progress) as state:
            choice, (allowed, cautions), trace = state.choice(k, wanted), state.asked(ids, where), Trace()

            def found(asked: Sequences) -> Neighbours:
                return state.neighbours(asked, k, choice.budget, allowed=allowed, trace=trace, progress=progress)

            answer, minus = found(queries), None
            if strand == BOTH:
                answer, minus = better_strand(answer, found(reverse_complement(queries)))
            calibrated, unlike = choice.budget is not None and allowed is None, None
            if calibrated:
                unlike = unusual(state.calibration, answer.distances[:, 0])
        distance = state.distance
        sure = None if distance is None else distance.confidence(answer.distances)
        alignable, aligner = (False, None) if distance is None else (distance.alignable, distance.aligner)
        how = Explanation(choice.reason, (*choice.warnings, *cautions), unlike, calibrated, alignable, aligner, trace)
        return Results(queries.ids, state.targets, answer, minus, sure, how)

    def budget(self, k: int, **asked: Unpack[BudgetOptions]) -> tuple[Budget | None, str]:
        """The budget that `search` would use (None: compare with everything) and a line that says why."""
        choice = self._handle.choice(k, call(Wanted, "a budget", **asked))
        return choice.budget, "; ".join((choice.reason, *choice.warnings))

    def budgets(self) -> list[Budget]:
        """The ladder of budgets that `evaluate` climbs."""
        with self._handle.state() as state:
            return budgets_for(state.proposals, len(state))

    def distribution_warning(self, nearest: Iterable[DoubleArray]) -> str | None:
        """A warning where queries whose nearest are at `nearest`, several (Q,), are not like those that the recall was
        measured on; None where they are, or are too few to tell."""
        return unusual(self.calibration, np.concatenate(list(nearest)))

    def count(self, where: Where | None = None, *, ids: Iterable[str] | None = None) -> int:
        """How many stored sequences fulfil a condition, as `search` takes it, exactly.

        Raises ConditionError, UnknownIdError.

        >>> import seqsearch as ss
        >>> names = ss.as_sequences(["anna", "hanna", "otto"], columns={"born": [1950, 1999, None]})
        >>> index = ss.SequenceIndex.build("names.ss", names, encoder="kmer")
        >>> index.count("born > 1960"), index.count({"born": (None, 1999)}), index.count("born is missing")
        (1, 2, 1)
        >>> hit = index.search("ana", k=1, where="born > 1960")[0][0]
        >>> hit.id, hit["born"]
        ('2', 1999)
        """
        with self._handle.state() as state:
            mask = state.allowed(ids, where)
            return len(state) if mask is None else int(np.count_nonzero(mask))

    def within(
        self,
        queries: SequencesLike,
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
        queries = self._taken(queries, "queries")
        with self._handle.state(progress) as state:
            state.encoder.require(queries)
            (allowed, cautions), exact, minus = state.asked(ids, where), state.exact, None

            def found(asked: Sequences) -> Ranges:
                return exact.lossless.ranges(asked, radius, allowed=allowed, progress=progress)

            ranges = found(queries)
            if strand == BOTH:
                ranges, minus = united(ranges, found(reverse_complement(queries)))
        how = Explanation("exact", cautions, alignable=exact.distance.alignable, aligner=exact.distance.aligner)
        return RangeResults(queries.ids, state.targets, ranges, minus, how)

    def novelty(
        self,
        queries: SequencesLike,
        *,
        known: SequencesLike | KnownScores | None = None,
        progress: Progress = SILENT,
        **options: Unpack[NoveltyFields],
    ) -> NoveltyResults:
        """How new each query is: its score, and the p-value that a known sequence would score as high.

        `known`: sequences like those that are to count as known, none of them stored, or what `known_scores` made of
        them; None takes members, each judged as if it were not stored. What members score is kept in the index, and
        measured anew when it has changed by more than a fifth. `options`: the fields of `NoveltyOptions` (method, by,
        k, fpr, bh, ties, sample, seed).
        In an empty index every score is infinite and, with nothing to compare, none is called novel.
        Raises ParameterError, MismatchError for queries of another kind.
        """
        queries, known = self._taken(queries, "queries"), self._known_of(known)
        with self._handle.state(progress) as state:
            return self._detector(state).novelty(queries, NoveltyOptions.of(options), known, progress)

    def known_scores(
        self,
        *,
        known: SequencesLike | None = None,
        anew: bool = False,
        progress: Progress = SILENT,
        **options: Unpack[NoveltyFields],
    ) -> KnownScores:
        """What `novelty` compares with, as there; `anew`: measured now, whatever is kept."""
        known = None if known is None else self._taken(known, "known")
        with self._handle.state(progress) as state:
            return self._detector(state).known_scores(NoveltyOptions.of(options), known, progress, anew=anew)

    def member_scores(self, *, progress: Progress = SILENT, **options: Unpack[NoveltyFields]) -> DoubleArray:
        """(n,) how new each stored sequence would be if it were not stored, in the order of `sequences`."""
        with self._handle.state(progress) as state:
            return self._detector(state).member_scores(NoveltyOptions.of(options), progress)

    def _known_of(self, known: SequencesLike | KnownScores | None) -> Sequences | KnownScores | None:
        return known if known is None or isinstance(known, KnownScores) else self._taken(known, "known")

    def _detector(self, state: State) -> NoveltyDetector:
        return NoveltyDetector(state, self._handle, self._known)

    # -- measuring -----------------------------------------------------------------------------------------------

    def evaluate(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        truth: Neighbours | None = None,
        budgets: list[Budget] | None = None,
        progress: Progress = SILENT,
    ) -> list[SweepRow]:
        """Recall against exact truth and speed, one row a budget. `truth`: of these queries, if known already.

        Without `budgets` the ladder is climbed until everything is found.
        """
        queries = self._taken(queries, "queries")
        with self._handle.state(progress) as state:
            return swept(state, queries, k, truth, budgets, progress)

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
        with self._handle.store() as store:
            return clustered(store, self.model, self.distance, asked, progress)

    def verify(self, *, sample: int = 100, seed: int = 0, progress: Progress = SILENT) -> VerificationReport:
        """Check every checksum and invariant on disk, that every id is reachable, and the recall of `sample` members.

        What is wrong is listed in the report; nothing is raised for it. `seed` draws the sample.
        """
        return verified(self._handle, sample, seed, progress)

    def calibrate(
        self,
        queries: SequencesLike | None = None,
        *,
        recall: float | None = None,
        pairs: Pairs | None = None,
        sample: int = CALIBRATION_QUERIES,
        seed: int = 0,
        progress: Progress = SILENT,
    ) -> Calibration:
        """Measure the recall of every budget anew, on the data as they are now, and keep the curve.

        `queries`: sequences like those that will be asked; None takes `sample` random members, each asked for its
        nearest others. An index of two kinds of series needs queries whose answers are known, by equal ids or by
        `pairs`. `recall`: aimed at by default from now on. Raises ParameterError, IndexLockedError.
        """
        queries = None if queries is None else self._taken(queries, "queries")
        target = Wanted(self.calibration.target if recall is None else recall).recall
        assert target is not None
        with self._handle.writing() as writer:
            self.refresh()
            with self._handle.state(progress) as state:
                known = pairs, self._handle.settings.get("pairs", {}).get("most", 1.0)
                measured = _measured(state, queries, target, known, (sample, seed), progress)
            writer.put_document(CALIBRATION, measured.to_json())
        self.refresh()
        return measured

    # -- changing ------------------------------------------------------------------------------------------------

    def add(
        self,
        sequences: SequencesLike,
        *,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """Add sequences; durable when it returns. What comes without ids is counted on from the end of the index.

        `columns` and `metadata` as in `build`, of the columns that the index has; those not given are missing.
        Raises DuplicateIdError, MismatchError, InputError for a value of another kind, IndexLockedError.
        """
        given = self._brought(sequences, columns, metadata, progress)
        vectors = self._handle.encoder.of_stored(given.sequences, progress)
        self._handle.change(lambda writer: writer.append(counted_on(given, writer), vectors), progress)

    def _brought(
        self, sequences: SequencesLike, columns: ColumnsLike | None, metadata: MetadataLike | None, progress: Progress
    ) -> Taken:
        """What an index takes in, with its columns as the index has them."""
        given = self._taken_with(sequences, "sequences", asked_of(columns))
        whole = brought(given.sequences, columns, metadata, progress.note)
        with self._handle.store() as store:
            fields = store.columns().fields
        return replace(given, sequences=fitted(whole, fields, progress.note))

    def remove(self, ids: Iterable[str], *, progress: Progress = SILENT) -> None:
        """Remove sequences by id. Raises UnknownIdError, and then removes none; IndexLockedError."""
        self._handle.change(lambda writer: writer.delete(ids), progress)

    def update(
        self,
        sequences: SequencesLike,
        *,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """Put sequences in place of those with the same ids, in one step; columns that are not given keep their values.

        `columns` and `metadata` as in `add`. Raises UnknownIdError, MismatchError, and ParameterError for sequences
        without ids.
        """
        given = self._brought(sequences, columns, metadata, progress)
        if not given.named:
            raise ParameterError("update needs to know which sequences: seqsearch.as_sequences(..., ids=...)")
        vectors = self._handle.encoder.of_stored(given.sequences, progress)

        def put(writer: Store) -> None:
            rows = writer.rows_of(given.sequences.ids)
            writer.update(kept(given.sequences, writer.columns(), rows), vectors)

        self._handle.change(put, progress)

    def compact(self, *, progress: Progress = SILENT) -> None:
        """Give back the space of removed sequences; done by itself above a fifth. Safe to be killed at any moment."""
        self._handle.compact(progress)

    def save_snapshot(self, *, progress: Progress = SILENT) -> None:
        """Write the candidate index as it is now, so that opening has nothing to replay. Done by itself in time."""
        self._handle.save_snapshot(progress)

    def __repr__(self) -> str:
        try:
            what = self.alphabet_name or "series"
            return f"SequenceIndex({self.path!r}, n={len(self)}, {what}, {self._handle.settings['distance']})"
        except IndexClosedError:
            return f"SequenceIndex({self.path!r}, closed)"


def _measured(
    state: State,
    queries: Sequences | None,
    target: float,
    known: tuple[Pairs | None, float],
    sample: tuple[int, int],
    progress: Progress,
) -> Calibration:
    """`known`: pairs, and the share of the database that may reach the last stage; `sample`: members, and a seed."""
    pairs, most = known
    if queries is not None:
        state.encoder.require(queries)
    if isinstance(state.encoder, TwoTowers):
        if queries is None:
            raise ParameterError("an index of two kinds of series is calibrated on queries whose answers are known")
        asked, correct = paired(queries.ids, state.targets.ids, pairs)
        most = max(1, round(most * len(state)))
        return calibrate_pairs(state.pipeline, queries[asked], correct, target, most, progress)
    exclude = None
    if queries is None:
        queries, exclude = members(state.pipeline, state.targets, *sample)
    return calibrate(state.pipeline, queries, target, exclude=exclude, progress=progress)
