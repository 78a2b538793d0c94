"""`SequenceIndex`: the front door."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

import numpy as np

from ..arrays import JSON, DoubleArray
from ..distances import Distance, Neighbours
from ..encoders.model import Model
from ..encoders.own import OWN, Embedder, Embedding
from ..encoders.vector_rows import VectorsLike
from ..errors import IndexClosedError, MismatchError, ParameterError, StrPath
from ..progress import Progress, Watching, watched
from ..registry import call
from ..sequences import Alphabet, Sequences, SequencesLike
from ..sequences.coercion import Taken, taken
from ..store import Store
from ..trees import Dendrogram
from .asking import vectors_to_store
from .budget import Budget
from .cache import IndexCache, bytes_by_part
from .calibration import Calibration
from .clustering import MEMORY, Clustering, clustered
from .column_changes import ColumnChanges, ColumnValues
from .encoding import OneModel
from .handle import CALIBRATION, FORMAT_VERSION, HEALTH, Handle
from .ladders import ladder_to_climb
from .maps import AUTO, PCA, TSNE, Map, MapFields, MapOptions, drawn
from .metadata import ColumnsLike, MetadataLike, asked_of, brought, fitted, kept, parts_of
from .novelty import KnownScores
from .options import BuildFields, BuildOptions
from .questions import Questions
from .records import counted_on
from .wanted import BudgetOptions, Wanted, unusual

if TYPE_CHECKING:
    from .pairs.aligning import Pairs
    from .pairs.building import PairFields
    from .sweep import SweepRow
    from .verification import VerificationReport


class SequenceIndex(Questions):
    """An index of sequences on disk: encodes queries, proposes candidates, verifies them with the exact distance.

    Made by `build` or `open`. Any number of threads may search one handle while another changes it: each search answers
    from one committed state, that of the last change through this handle or of the last `refresh`. Reading needs no
    lock on disk; `add`, `remove`, `update` and `compact` take the index's one writer lock while they run, and wait some
    seconds for another process that holds it (then IndexLockedError). A forked child opens it anew. After `close`,
    which waits for searches that run, everything raises IndexClosedError.
    """

    _handle: Handle

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
        vectors: VectorsLike | None = None,
        queries: SequencesLike | None = None,
        query_vectors: VectorsLike | None = None,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        resume: bool = True,
        progress: Watching = False,
        **options: Unpack[BuildFields],
    ) -> Self:
        """Build an index at `path` and open it.

        `references`: a set, sets that arrive one after the other (`read_batches`), or what `as_sequences` takes, then
        of `alphabet` (None: guessed, and told to `progress`); `model`: an encoder to use instead of training one;
        `vectors`: (n, D) numbers, or the path of an .npy file, made elsewhere, row i of sequence i. Candidates are then
        the nearest of these, by the cosine unless `geometry` says otherwise, and queries need vectors too (see
        `search`), or `encoder=` the callable that made them: a list of strings (arrays, of series) -> (n, D). Such an
        encoder alone makes all vectors; it is not stored (see `open`).
        `queries`: measure the recall of budgets on these, by `query_vectors` where vectors are given, instead of on a
        held-out sample; `resume`: go on with a build of the same that was interrupted, where its records are the same;
        `options`: the fields of `BuildOptions` (distance, by name or itself, encoder, recall, seed, ...).
        `columns`: what is kept beside the sequences, values by name, or which columns of a data frame (default: all
        that are nothing else); `metadata`: a table with ids and columns, a file or a data frame.
        `progress`, here and everywhere: True draws bars on stderr, lines where that is no terminal; or a `Progress` of
        your own.
        Raises ParameterError, IndexExistsError, EmptyInputError, DuplicateIdError, StorageFullError; of vectors
        MismatchError (their number), InputError (what is not finite), MissingVectorsError.

        >>> import seqsearch as ss
        >>> names = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause"]
        >>> with ss.SequenceIndex.build("names.ss", names, encoder="kmer") as index:
        ...     [(hit.sequence.text, hit.distance) for hit in index.search("ana meier", k=2)[0]]
        [('anna meyer', 2.0), ('anna maier', 2.0)]
        """
        from .building import build

        chosen = BuildOptions.of(options)
        parts, first = parts_of(references, alphabet, columns, metadata, watched(progress).note)
        asked = None if queries is None else taken(queries, "queries", like=first).sequences
        how = {"overwrite": overwrite, "resume": resume}
        built = build(
            path,
            parts,
            chosen,
            model=model,
            vectors=vectors,
            queries=asked,
            query_vectors=query_vectors,
            progress=watched(progress),
            **how,
        )
        return cls._built(path, built, chosen.given_distance, chosen.own_encoder)

    @classmethod
    def build_pairs(
        cls,
        path: StrPath,
        references: Sequences,
        queries: Sequences,
        *,
        pairs: Pairs | None = None,
        overwrite: bool = False,
        progress: Watching = False,
        **options: Unpack[PairFields],
    ) -> Self:
        """Build an index of series of two kinds: `queries` and `references` that belong together, by equal ids or by
        `pairs` of a query's and a reference's id, teach two networks; `references` are indexed.

        `options`: the fields of `PairOptions`. Raises as `build`, and MismatchError where pairs do not fit.
        """
        from .pairs.building import PairOptions, build_pairs

        chosen = PairOptions.of(options)
        made = build_pairs(
            path, references, queries, chosen, pairs=pairs, overwrite=overwrite, progress=watched(progress)
        )
        return cls._built(path, made)

    @classmethod
    def _built(
        cls, path: StrPath, cache: IndexCache, distance: Distance | None = None, embedder: Embedder | None = None
    ) -> Self:
        return cls(Handle(path, cache, distance, embedder))

    def with_entries(self, path: StrPath, references: Sequences, *, progress: Watching = False) -> Self:
        """An index of other references with the encoders and budgets of this one, which is of two kinds of series. At
        the path of this one it takes its place. Raises MismatchError, IndexExistsError.
        """
        from .pairs.building import reindexed

        return self._built(path, reindexed(self._handle, references, path, watched(progress)))

    @classmethod
    def open(cls, path: StrPath, *, distance: Distance | None = None, encoder: Embedding | None = None) -> Self:
        """Open an index. Raises NotAnIndexError, FormatVersionError or CorruptIndexError, naming the path.

        `distance`: the one that the index was built with, where it is of your own and not registered here; an index
        holds no code, only its name and parameters. `encoder`: of an index with own vectors the callable that made them
        (see `build`), by which queries need no vectors. Raises MismatchError for others: some stored sequences are
        embedded, and compared with their vectors.
        """
        opened = cls(Handle(path, None, distance, None if encoder is None else Embedder.of(encoder)))
        try:
            if encoder is not None:
                from .own_building import PROBED

                opened._handle.require_embedder(PROBED)
        except BaseException:
            opened.close()
            raise
        return opened

    @classmethod
    def import_archive(
        cls,
        path: StrPath,
        archive: StrPath,
        *,
        distance: Distance | None = None,
        overwrite: bool = False,
        progress: Watching = False,
    ) -> Self:
        """Make an index at `path` of a file that `export(..., "archive")` wrote, here or elsewhere, and open it.

        Records, columns, vectors, encoder and calibration are those it had; graphs, lists and windows are built again
        from these. Nothing is at `path` before everything succeeded. `distance` as in `open`. Raises NotAnIndexError
        for what is no archive, FormatVersionError for one of a newer version, CorruptIndexError for one whose files are
        not those of its manifest, IndexExistsError, InputError, StorageFullError.

        >>> import seqsearch as ss
        >>> names = ["anna meyer", "anna maier", "otto schulz"]
        >>> with ss.SequenceIndex.build("names.ss", names, encoder="kmer") as index:
        ...     index.export("names.zip", "archive")
        3
        >>> with ss.SequenceIndex.import_archive("again.ss", "names.zip") as again:
        ...     again.search("ana meier", k=1)[0][0].sequence.text
        'anna meyer'
        """
        from .archives import restored

        return cls._built(path, restored(path, archive, overwrite=overwrite, progress=watched(progress)), distance)

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

    @property
    def path(self) -> str:
        """The folder of the index."""
        return self._handle.path

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

    def __reduce__(self) -> tuple[Callable[..., SequenceIndex], tuple[object, ...]]:
        """Pickled, or copied, as its path, with a distance of your own that it was opened with: the copy is opened
        anew, and each has its own files."""
        return _opened, (os.path.abspath(self._handle.path), self._handle.given_distance)

    @property
    def commit(self) -> tuple[int, int]:
        """Of the last change that is seen: how often the index was compacted, and the number of the change."""
        with self._handle.store() as store:
            return store.generation, store.lsn

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
                **{name: settings[name] for name in ("pairs", "windows", "built_for") if name in settings},
                "calibration": {**calibration.to_json(), "stale": calibration.is_stale(len(store))},
            }

    def budget(self, k: int, **asked: Unpack[BudgetOptions]) -> tuple[Budget | None, str]:
        """The budget that `search` would use (None: compare with everything) and a line that says why.

        Raises ParameterError for what `search` would not take."""
        choice = self._handle.choice(k, call(Wanted, "a budget", **asked))
        return choice.budget, "; ".join((choice.reason, *choice.warnings))

    def budgets(self) -> list[Budget]:
        """The ladder of budgets that `evaluate` climbs."""
        with self._handle.state() as state:
            return ladder_to_climb(state.pipeline, len(state))

    def distribution_warning(self, nearest: Iterable[DoubleArray]) -> str | None:
        """A warning where queries whose nearest are at `nearest`, several (Q,), are not like those that the recall was
        measured on; None where they are, or are too few to tell."""
        return unusual(self.calibration, np.concatenate(list(nearest)))

    # -- measuring -----------------------------------------------------------------------------------------------

    def evaluate(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        vectors: VectorsLike | None = None,
        truth: Neighbours | None = None,
        budgets: list[Budget] | None = None,
        strand: str = "plus",
        progress: Watching = False,
    ) -> list[SweepRow]:
        """Recall against exact truth and speed, one row a budget. `truth`: of these queries (and strands), if known.

        Without `budgets` the ladder is climbed until everything is found. `vectors` and `strand` as in `search`. Raises
        ParameterError, MismatchError for queries of another kind, MissingVectorsError.
        """
        from .sweep import swept

        self._require_strand(strand, vectors)
        asked = self._asked(queries, vectors)
        with self._handle.state(watched(progress)) as state:
            return swept(state, asked, k, truth, budgets, watched(progress), strand)

    def cluster(
        self,
        linkage: str = "average",
        *,
        sample: int | None = None,
        exact: bool = False,
        seed: int = 0,
        memory: float = MEMORY,
        progress: Watching = False,
    ) -> Dendrogram:
        """A binary tree of the stored sequences, or of `sample` random ones, by agglomerative clustering.

        `linkage`: "average", "single" or "complete", of the distances that the embeddings predict, or of `exact` ones.
        Distances of all pairs are kept: raises ParameterError when they would take more than `memory` bytes, for an
        unknown linkage and for fewer than 2 sequences.
        """
        asked = Clustering(linkage, sample, exact, seed, memory)
        with self._handle.store() as store:
            return clustered(store, self.model, self.distance, asked, watched(progress))

    def verify(self, *, sample: int = 100, seed: int = 0, progress: Watching = False) -> VerificationReport:
        """Check every checksum and invariant on disk, that every id is reachable, and the recall of `sample` members.

        What is wrong is listed in the report; nothing is raised for it. `seed` draws the sample.
        """
        from .verification import verified

        return verified(self._handle, sample, seed, watched(progress))

    def calibrate(
        self,
        queries: SequencesLike | None = None,
        *,
        vectors: VectorsLike | None = None,
        recall: float | None = None,
        pairs: Pairs | None = None,
        sample: int | None = None,
        seed: int = 0,
        progress: Watching = False,
    ) -> Calibration:
        """Measure the recall of every budget anew, on the data as they are now, and keep the curve.

        `queries`: sequences like those that will be asked, with `vectors` as in `search`; None takes `sample` random
        members (by default as many as the recall needs), each asked for its nearest others. An index of two kinds of
        series needs queries whose answers are known, by equal ids or by `pairs`. `recall`: aimed at by default from now
        on. Raises ParameterError, MissingVectorsError, IndexLockedError.
        """
        from .recalibration import enough, measured

        if queries is None and vectors is not None:
            raise ParameterError("vectors say nothing without queries")
        asked = None if queries is None else self._asked(queries, vectors)
        target = Wanted(self.calibration.target if recall is None else recall).recall
        assert target is not None
        with self._handle.writing() as writer:
            self.refresh()
            with self._handle.state(watched(progress)) as state:
                known = pairs, self._handle.settings.get("pairs", {}).get("most", 1.0)
                drawn = enough(state, target) if sample is None else sample
                made = measured(state, asked, target, known, (drawn, seed), watched(progress))
            writer.put_document(CALIBRATION, made.to_json())
        self.refresh()
        return made

    # -- changing ------------------------------------------------------------------------------------------------

    def add(
        self,
        sequences: SequencesLike,
        *,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        vectors: VectorsLike | None = None,
        progress: Watching = False,
    ) -> None:
        """Add sequences; durable when it returns. What comes without ids is counted on from the end of the index.

        `columns` and `metadata` as in `build`, of the columns that the index has; those not given are missing.
        `vectors`: (n, D), theirs, where the index holds vectors that were made elsewhere. `progress` is told when the
        index has grown so much that its calibration is stale (see `calibrate`). Raises DuplicateIdError,
        MismatchError, InputError for a value of another kind, IndexLockedError, MissingVectorsError.
        """
        given = self._brought(sequences, columns, metadata, watched(progress))
        made = vectors_to_store(self._handle.encoder, given.sequences, vectors, watched(progress))
        was_stale = self.calibration.is_stale(len(self))
        self._handle.change(lambda writer: writer.append(counted_on(given, writer), made), watched(progress))
        calibration = self.calibration
        if calibration.is_stale(len(self)) and not was_stale and not calibration.lossless:
            watched(progress).note(
                f"{self.path}: {len(self):,} sequences now, the recall was measured among {calibration.size:,} and may "
                f"be lower: seqsearch calibrate {self.path}"
            )

    def _brought(
        self, sequences: SequencesLike, columns: ColumnsLike | None, metadata: MetadataLike | None, progress: Progress
    ) -> Taken:
        """What an index takes in, with its columns as the index has them."""
        given = self._taken_to_store(sequences, "sequences", asked_of(columns))
        whole = brought(given.sequences, columns, metadata, progress.note)
        with self._handle.store() as store:
            fields = store.columns().fields
        return replace(given, sequences=fitted(whole, fields, progress.note))

    def remove(self, ids: Iterable[str], *, progress: Watching = False) -> None:
        """Remove sequences by id. Raises UnknownIdError, and then removes none; IndexLockedError."""
        self._handle.change(lambda writer: writer.delete(ids), watched(progress))

    def update(
        self,
        sequences: SequencesLike,
        *,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        vectors: VectorsLike | None = None,
        progress: Watching = False,
    ) -> None:
        """Put sequences in place of those with the same ids, in one step; columns that are not given keep their values.

        `columns`, `metadata` and `vectors` as in `add`. Raises UnknownIdError, MismatchError, MissingVectorsError, and
        ParameterError for sequences without ids.
        """
        given = self._brought(sequences, columns, metadata, watched(progress))
        if not given.named:
            raise ParameterError("update needs to know which sequences: seqsearch.as_sequences(..., ids=...)")
        made = vectors_to_store(self._handle.encoder, given.sequences, vectors, watched(progress))

        def put(writer: Store) -> None:
            rows = writer.rows_of(given.sequences.ids)
            writer.update(kept(given.sequences, writer.columns(), rows), made)

        self._handle.change(put, watched(progress))

    def set_columns(self, values: ColumnValues, *, new: bool = False, progress: Watching = False) -> int:
        """Set columns of stored records, in one step; how many records have other values now.

        `values`: by id and name, {"id7": {"year": 2020}}, which leaves what is not named as it is; or a table with ids,
        a file or a data frame, of which every value counts. None, and an empty field, is missing from now on. Nothing
        is embedded: the records keep their ids, sequences and vectors, and come last in the order, as after `update`.
        `new`: make columns that the index has not, which other records lack.
        Raises UnknownIdError, ParameterError for a column that is not there, InputError for a value that is not of its
        kind, IndexLockedError, and what reading a table raises; then nothing is changed.

        >>> import seqsearch as ss
        >>> names = ss.as_sequences(["anna", "hanna"], ids=["a", "h"], columns={"born": [1950, 1999]})
        >>> with ss.SequenceIndex.build("names.ss", names, encoder="kmer") as index:
        ...     index.set_columns({"h": {"born": 1998}}), index["h"].columns, index["a"].columns
        (1, {'born': 1998}, {'born': 1950})
        """
        changes, done = ColumnChanges.of(values), 0

        def put(writer: Store) -> None:
            nonlocal done
            done = changes.put(writer, new=new)

        self._handle.change(put, watched(progress))
        return done

    def compact(self, *, progress: Watching = False) -> None:
        """Give back the space of removed sequences; done by itself above a fifth. Safe to be killed at any moment."""
        self._handle.compact(watched(progress))

    def export(self, path: StrPath, to: str, *, progress: Watching = False) -> int:
        """Write everything stored as a file for other programs, in the order of `sequences`; how many there were.

        `to`: "archive", all there is as one zip file of FASTA or JSON lines, .npy, safetensors and JSON, which
        `import_archive` makes an index of again; "npy", points (n, D) float32 or uint8 codes; "faiss", an index for
        `faiss.read_index`, with lists where this one has lists, else flat; "hnswlib", a graph for its `load_index`, in
        the space l2, cosine or ip; these three have ids in a file beside them, PATH.ids.txt. "parquet": columns id,
        sequence, label, description, those of the index, each of its kind (columns.NAME where one of the others has its
        name), and vector; "fasta". The file stands at `path` when it is complete. Raises UnknownNameError,
        MismatchError for what a format cannot hold, InputError for a path that cannot be written.
        """
        from .exports import exported

        with self._handle.store() as store:
            return exported(store, self._handle.encoder, self._handle.settings, path, to, watched(progress))

    def map(
        self, method: str = PCA, *, anew: bool = False, progress: Watching = False, **options: Unpack[MapFields]
    ) -> Map:
        """Where every stored sequence lies in the plane, near ones near each other: `rows` (n,) and `places` (n, 2).

        `method`: "pca", the principal components of the points, or "tsne", of `sample` (5,000) of them by t-SNE
        (`perplexity` 30), beside which the others are placed; it needs scikit-learn. "auto": by t-SNE where the index
        keeps such a map, else by PCA. What was found is kept in the
        index, later sequences are placed on it, and it is made anew when a fifth has changed or `anew` asks for it.
        `options`: the fields of `MapOptions` (sample, perplexity, seed). Raises ParameterError, MismatchError for an
        index without points, MissingExtraError.
        """
        if method == AUTO:
            kept = drawn(self._handle, call(MapOptions, "a map", method=TSNE, **options), only_kept=True)
            if kept is not None and not anew:
                return kept
            method = PCA
        made = drawn(self._handle, call(MapOptions, "a map", method=method, **options), watched(progress), anew=anew)
        assert made is not None  # only where a kept one alone is asked for
        return made

    def save_snapshot(self, *, progress: Watching = False) -> None:
        """Write the candidate index as it is now, so that opening has nothing to replay. Done by itself in time."""
        self._handle.save_snapshot(watched(progress))

    def __repr__(self) -> str:
        try:
            what, points = self.alphabet_name or "series", ""
            if self._handle.settings.get("encoder") == OWN and (own := self._handle.encoder.own) is not None:
                points = f", {own.told}"
            return f"SequenceIndex({self.path!r}, n={len(self)}, {what}, {self._handle.settings['distance']}{points})"
        except IndexClosedError:
            return f"SequenceIndex({self.path!r}, closed)"


def _opened(path: str, distance: Distance | None) -> SequenceIndex:
    return SequenceIndex.open(path, distance=distance)
