"""`ShardedIndex`: a folder of indexes with one encoder, asked as one index is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import numpy as np

from ..arrays import JSON, DoubleArray, IntArray
from ..distances import Distance, Neighbours, recall_at
from ..encoders.model import Model
from ..encoders.vector_rows import VectorsLike
from ..errors import CorruptIndexError, DuplicateIdError, ParameterError, StrPath
from ..progress import Watching, watched
from ..registry import call
from ..search import BuildOptions, VerificationReport
from ..search.budget import Budget
from ..search.conditions import Where
from ..search.metadata import ColumnsLike, MetadataLike, brought, parts_of
from ..search.novelty import KnownScores, NoveltyResults
from ..search.novelty.options import NoveltyFields, NoveltyOptions
from ..search.options import BuildFields
from ..search.sweep import SweepRow
from ..search.wanted import BudgetOptions, Wanted
from ..sequences import Alphabet, Sequences, SequencesLike
from ..sequences.coercion import taken
from ..sequences.strings import Counted
from ..store import WriterLock
from .building import Parts, built_shards, entry
from .bulk import Searching, search_in_bulk
from .calibrating import asked_of_shards, drawn, measured_levels
from .manifest import Level, Manifest
from .novelty import ShardedNovelty
from .placement import numbered, shards_of
from .scattered import Scattered, require_no_vectors
from .shard import Mark
from .transport import Call, InProcess, Transport

CALIBRATION_QUERIES = 500
_LADDER = (10, 20, 50, 100, 200, 400, 800, 1600)
_LATENCY_QUERIES = 100
_KEPT_KINDS = ("hnsw", "ivf", "hamming")


class ShardedIndex(Scattered):
    """Shards in a folder: a manifest, and an index each, which hold the records whose ids hash to them.

    Made by `build`, or by `seqsearch shard`, and opened by `open`; it has the methods of `SequenceIndex`. All shards
    have one encoder, trained on the first, which is a random sample of all. Any number of threads may search; changes
    come one after the other, of all processes, and each shard's part is durable by itself: an interrupted `add` may
    have added some of its sequences, and none twice.

    >>> import seqsearch as ss
    >>> names = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause", "emilie kraus"]
    >>> names += ["hugo braun", "hugo brown", "lena vogt", "lena voigt"]
    >>> with ss.ShardedIndex.build("names.shards", names, shards=2, encoder="kmer") as index:
    ...     [(hit.sequence.text, hit.distance) for hit in index.search("ana meier", k=2, exact=True)[0]]
    [('anna meyer', 2.0), ('anna maier', 2.0)]
    """

    # -- making and opening --------------------------------------------------------------------------------------

    @classmethod
    def build(
        cls,
        path: StrPath,
        references: SequencesLike | Iterable[Sequences] | Parts,
        *,
        shards: int,
        alphabet: Alphabet | str | None = None,
        overwrite: bool = False,
        ray: str | None = None,
        model: Model | None = None,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        progress: Watching = False,
        **options: Unpack[BuildFields],
    ) -> Self:
        """Build `shards` indexes in the folder `path` and open them.

        `references` as in `SequenceIndex.build`, or a callable that reads them anew, set by set: it is called for each
        shard, and no more than one is in memory. `ray`: the cluster (see `open`) on which all shards but the first are
        built, where its machines see `path`. Other arguments as there. Raises as `SequenceIndex.build`, and
        ParameterError for more shards than the sequences are enough for.
        """
        watcher = watched(progress)
        chosen = BuildOptions.of(options)
        if callable(references):
            if alphabet is not None or columns is not None or metadata is not None:
                raise ParameterError("sequences that are read anew come with their alphabet and columns")
            parts: Parts = references
        else:
            given = list(parts_of(references, alphabet, columns, metadata, watcher.note)[0])
            parts = lambda: given  # noqa: E731  # mypy infers the type of a nested function no better
        built_shards(path, parts, shards, chosen, model=model, overwrite=overwrite, ray=ray, progress=watcher)
        index = cls.open(path, distance=chosen.given_distance)
        try:
            index.calibrate(seed=chosen.seed, progress=progress)
        except BaseException:
            index.close()
            raise
        return index

    @classmethod
    def open(
        cls,
        path: StrPath,
        *,
        distance: Distance | None = None,
        ray: str | None = None,
        replicas: int = 1,
        timeout: float = 30.0,
        partial: bool = False,
    ) -> Self:
        """Open the shards in a folder.

        `distance` as in `SequenceIndex.open`; `ray`: where they are asked, "auto", an address, or "local:N" (see
        docs/cluster.md), None in this process, with `replicas` copies of each, which are taken for dead after `timeout`
        seconds without an answer; `partial`: answers that are not of all
        shards are given, with a warning. Raises NotAnIndexError, CorruptIndexError, FormatVersionError,
        ParameterError, MissingExtraError.
        """
        folder, manifest = Path(path), Manifest.load(path)
        places = [folder / shard.name for shard in manifest.shards]
        transport: Transport
        if ray is None:
            if replicas != 1:
                raise ParameterError("replicas are copies on a cluster: give ray= (--ray) too")
            transport = InProcess(places, distance)
        else:
            from .on_ray import RayTransport

            transport = RayTransport(places, distance, address=ray, replicas=replicas, timeout=timeout)
        try:
            made = cls(folder, manifest, transport, partial=partial)
            made._require_whole()
        except BaseException:
            transport.close()
            raise
        return made

    def resharded(
        self, path: StrPath, shards: int, *, overwrite: bool = False, progress: Watching = False
    ) -> ShardedIndex:
        """The same sequences over another number of shards, in another folder, by the encoder that is there. Raises
        ParameterError, IndexExistsError; MismatchError where the shards compare with everything, and have no encoder.
        """
        info = self._facts.info
        whole = self.sequences
        options: BuildFields = {
            "distance": self.distance,
            "index": info["index"] if info["index"] in _KEPT_KINDS else "auto",
            "recall": self._manifest.target,
            "bits": info.get("bits"),
        }
        model = None if self.finds_parts else self._ask([Call(0, "model")], partial=False)[0]
        return type(self).build(
            path, whole, shards=shards, model=model, overwrite=overwrite, progress=progress, **options
        )

    def _require_whole(self) -> None:
        """Raise CorruptIndexError for a shard that is older than the manifest, or has another encoder."""
        for number, (known, mark) in enumerate(zip(self._manifest.shards, self._all("mark"), strict=True)):
            if (mark.generation, mark.lsn) < (known.generation, known.lsn):
                raise CorruptIndexError(
                    f"{self._path / known.name}: an older copy, commit {mark.lsn} where the manifest knows {known.lsn}"
                )
            encoder = self._ask([Call(number, "facts")], partial=False)[0].encoder
            if self._manifest.encoder and encoder != self._manifest.encoder:
                raise CorruptIndexError(f"{self._path / known.name}: its encoder is not that of the other shards")

    def close(self) -> None:
        """Let go of the shards."""
        self._closed = True
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refresh(self) -> bool:
        """See what was committed since, by this or another process; True when there was something."""
        with self._changing:
            if not self._transport.refresh():
                return False
            self._manifest = Manifest.load(self._path)
            return True

    # -- looking -------------------------------------------------------------------------------------------------

    def info(self) -> JSON:
        """What `seqsearch info --format json` prints: of all shards, and a few facts of each."""
        each = [facts.info for facts in self._all("facts")]
        first, marks = each[0], self._all("mark")
        shared = ("kind", "alphabet", "distance", "distance_parameters", "encoder", "geometry", "dim", "bits", "index")
        return {
            "sequences": sum(mark.sequences for mark in marks),
            "deleted": sum(info["deleted"] for info in each),
            **({"columns": self.columns} if self.columns else {}),
            **{name: first[name] for name in shared if name in first},
            "format_version": first["format_version"],
            "bytes": sum(info["bytes"] for info in each),
            "bytes_by_part": {
                name: sum(info["bytes_by_part"].get(name, 0) for info in each) for name in first["bytes_by_part"]
            },
            "shards": [
                {"name": shard.name, "sequences": mark.sequences, "first": mark.first, "stop": mark.stop}
                for shard, mark in zip(self._manifest.shards, marks, strict=True)
            ],
            "encoder_digest": self._manifest.encoder,
            "calibration": first["calibration"] | {"target": self._manifest.target},
            "levels": [vars(level) for level in self._manifest.levels],
        }

    def budget(self, k: int, **asked: Unpack[BudgetOptions]) -> tuple[Budget | None, str]:
        """The budget of the first shard and a line that says why: others measured their own. Raises ParameterError for
        what `search` would not take."""
        wanted = call(Wanted, "a budget", **asked)
        if wanted.by_proof or wanted.candidates is not None:
            chosen, text = self._ask([Call(0, "budget", (k,), dict(asked))], partial=False)[0]
            return chosen, f"{self.shards} shards, each {text}"
        recall, why = asked_of_shards(self._manifest, wanted.recall, k)
        chosen, text = self._ask([Call(0, "budget", (k,), {"recall": recall})], partial=False)[0]
        return chosen, f"{self.shards} shards, {why}: {text}"

    def search_to_parquet(
        self,
        queries: Iterable[Sequences],
        folder: StrPath,
        k: int = 10,
        *,
        workers: int = 2,
        columns: Iterable[str] | None = None,
        progress: Watching = False,
        **asked: Unpack[Searching],
    ) -> int:
        """Search for many queries by several processes of a cluster, each of which writes what it finds: the hits, as
        `Results.to_arrow(columns)` has them, as Parquet files in `folder`, in no order of files; the number of queries.

        `queries`: sets one after the other (`read_batches`); `asked`: what `search` takes. The folder is there when it
        is complete. Raises ParameterError without a cluster, IndexExistsError for a folder that holds something, and as
        `search`.
        """
        from .on_ray import RayTransport

        if not isinstance(self._transport, RayTransport):
            raise ParameterError("several processes ask on a cluster: open the shards with ray= (--ray)")
        named = None if columns is None else list(columns)
        asker = self._transport.asker()
        return search_in_bulk(self, asker, queries, folder, k, workers, named, watched(progress), asked)

    # -- novelty -------------------------------------------------------------------------------------------------

    def novelty(
        self,
        queries: SequencesLike,
        *,
        vectors: VectorsLike | None = None,
        known: SequencesLike | KnownScores | None = None,
        known_vectors: VectorsLike | None = None,
        where: Where | None = None,
        progress: Watching = False,
        **options: Unpack[NoveltyFields],
    ) -> NoveltyResults:
        """How new each query is among the sequences of all shards, as `SequenceIndex.novelty`: by exact distances, of
        the methods nearest, mean and kth; p-values compare with members of all shards. Raises ParameterError for
        others.
        """
        require_no_vectors(vectors, known_vectors)
        asked = NoveltyOptions.of(options)
        novelty = ShardedNovelty(self, asked, where)
        compared = known if known is None or isinstance(known, KnownScores) else self._taken(known, "known")
        return novelty.results(self._taken(queries, "queries"), compared, watched(progress))

    def known_scores(
        self,
        *,
        known: SequencesLike | None = None,
        known_vectors: VectorsLike | None = None,
        where: Where | None = None,
        anew: bool = False,
        progress: Watching = False,
        **options: Unpack[NoveltyFields],
    ) -> KnownScores:
        """What `novelty` compares with, as there. Raises as `novelty`."""
        require_no_vectors(known_vectors)
        compared = None if known is None else self._taken(known, "known")
        return ShardedNovelty(self, NoveltyOptions.of(options), where).known(compared, anew, watched(progress))

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
        """Recall of merged answers against exact truth and speed, one row a budget (candidates of each shard).

        Raises as `SequenceIndex.evaluate`."""
        require_no_vectors(vectors)
        asked = self._taken(queries, "queries")
        if truth is None:
            truth_distances = self.search(asked, k, strand=strand, exact=True, progress=progress).distances
        else:
            truth_distances = truth.distances
        counts = [n for n in _LADDER if n >= k] if budgets is None else [one.candidates for one in budgets]
        rows: list[SweepRow] = []
        with watched(progress).task("sweeping budgets", len(counts)) as task:
            for count in counts:
                rows.append(self._swept(asked, k, strand, count, truth_distances))
                task.advance()
                if budgets is None and rows[-1].recall >= 1:
                    break
        return rows

    def _swept(self, asked: Sequences, k: int, strand: str, candidates: int, truth: DoubleArray) -> SweepRow:
        self.search(asked[:16], k, strand=strand, candidates=candidates)  # what is loaded once is no part of the speed
        start = time.perf_counter()
        found = self.search(asked, k, strand=strand, candidates=candidates)
        seconds, latencies = time.perf_counter() - start, []
        for at in range(min(_LATENCY_QUERIES, len(asked))):
            start = time.perf_counter()
            self.search(asked[at : at + 1], k, strand=strand, candidates=candidates)
            latencies.append(1000 * (time.perf_counter() - start))
        recall = float(recall_at(found.distances, truth, k).mean())
        p50, p99 = (float(np.quantile(latencies, share)) for share in (0.5, 0.99))
        # all candidates are verified, so those that are found are those that were proposed
        return SweepRow(candidates, None, recall, recall, len(asked) / seconds, p50, p99)

    def calibrate(
        self,
        *,
        recall: float | None = None,
        sample: int = CALIBRATION_QUERIES,
        seed: int = 0,
        progress: Watching = False,
    ) -> None:
        """Measure the recall of merged answers, on `sample` random members each asked for its nearest others, and keep
        it: shards are then asked for no more than it takes. `recall`: aimed at by default from now on. Raises
        ParameterError, IndexLockedError.
        """
        target = Wanted(self._manifest.target if recall is None else recall).recall
        assert target is not None
        levels: tuple[Level, ...] = ()
        members: IntArray = np.zeros(0, np.int64)
        if not self._facts.info["calibration"].get("lossless") and not self.finds_parts:
            members = drawn(self.global_rows(), sample, seed)

            def found(k: int, asked: float | None) -> Neighbours:
                budget = BudgetOptions(exact=True) if asked is None else BudgetOptions(recall=asked)
                return self.neighbours_of_members(members, k, budget)

            with watched(progress).task("calibrating shards") as task:
                levels = measured_levels(found, len(self), target)
                task.advance()
        with self._changing, self._writing():
            self._manifest = replace(self._manifest, target=target, levels=levels, queries=len(members))
            self._manifest.save(self._path)

    def verify(self, *, sample: int = 100, seed: int = 0, progress: Watching = False) -> VerificationReport:
        """Check every shard as `SequenceIndex.verify` does, and that each record is where it belongs, once.

        What is wrong is listed; raises UnavailableShardError where a shard cannot be asked."""
        whole = VerificationReport()
        each = max(1, sample // self.shards) if sample else 0
        recalls = []
        with watched(progress).task("verifying shards", self.shards) as task:
            for number, shard in enumerate(self._manifest.shards):
                asked = Call(number, "verify", (number, self.shards, each, seed))
                report: VerificationReport = self._ask([asked], partial=False)[0]
                whole.problems += [f"{shard.name}: {problem}" for problem in report.problems]
                whole.notes += [f"{shard.name}: {note}" for note in report.notes]
                for name, count in report.counts.items():
                    whole.counts[name] = whole.counts.get(name, 0) + count
                whole.sampled += report.sampled
                recalls += [] if report.recall is None else [report.recall]
                task.advance()
        whole.recall = round(float(np.mean(recalls)), 6) if recalls else None
        rows = np.concatenate(self._all("rows"))
        if len(np.unique(rows)) < len(rows):
            whole.problems.append("records of two shards have one place in the order of all")
        return whole

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
        """Add sequences; durable in every shard when it returns. `columns` and `metadata` as in `SequenceIndex.add`.
        Raises DuplicateIdError before anything is added, MismatchError, IndexLockedError.
        """
        require_no_vectors(vectors)
        with self._changing, self._writing():
            given = brought(self._to_add(sequences), columns, metadata, watched(progress).note)
            held = self.holds(given.ids)
            if held.any():
                first = int(np.argmax(held))
                raise DuplicateIdError("this id is in the index already", record=first + 1, record_id=given.ids[first])
            self._put("add", numbered(given, self._next_row()), progress)

    def update(
        self,
        sequences: SequencesLike,
        *,
        columns: ColumnsLike | None = None,
        metadata: MetadataLike | None = None,
        vectors: VectorsLike | None = None,
        progress: Watching = False,
    ) -> None:
        """Put sequences in place of those with the same ids; they come last in the order. `columns` and `metadata` as
        in `SequenceIndex.update`. Raises UnknownIdError before anything is changed."""
        require_no_vectors(vectors)
        with self._changing, self._writing():
            given = brought(self._taken(sequences, "sequences"), columns, metadata, watched(progress).note)
            self._require_known(list(given.ids))
            self._put("update", numbered(given, self._next_row()), progress)

    def remove(self, ids: Iterable[str], *, progress: Watching = False) -> None:
        """Remove sequences by id. Raises UnknownIdError, and then removes none."""
        with self._changing, self._writing():
            grouped = self._grouped(list(ids))
            asked = [number for number in range(self.shards) if grouped[number]]
            marks = self._transport.change([Call(number, "remove", (grouped[number],)) for number in asked])
            self._noted(asked, marks)

    def compact(self, *, progress: Watching = False) -> None:
        """Give back the space of removed sequences, shard by shard."""
        with self._changing, self._writing():
            asked = list(range(self.shards))
            self._noted(asked, self._transport.change([Call(number, "compact") for number in asked]))

    def _to_add(self, sequences: SequencesLike) -> Sequences:
        """What is added: ids that nobody gave go on counting where the shards end."""
        given = taken(sequences, "sequences", like=self._facts.nothing)
        if given.named and not (isinstance(given.sequences.ids, Counted) and self.holds(given.sequences.ids).any()):
            return self._taken(given.sequences, "sequences")
        ids = Counted.up_to(len(given.sequences), self._next_row() + 1)
        if self.holds(ids).any():
            ids = Counted.up_to(len(given.sequences), max(self._all("largest_number")) + 1)
        return given.sequences.renamed(ids)

    def _put(self, method: str, given: Sequences, progress: Watching) -> None:
        owners = shards_of(given.ids, self.shards)
        asked = np.unique(owners).tolist()
        with watched(progress).task("changing shards", len(asked)) as task:
            calls = [Call(number, method, (given[np.flatnonzero(owners == number)],)) for number in asked]
            marks = self._transport.change(calls)
            task.advance(len(asked))
        self._noted(asked, marks)

    def _next_row(self) -> int:
        marks: list[Mark] = self._all("mark")
        return max([self._manifest.stop, *(mark.stop for mark in marks)])

    def _noted(self, numbers: list[int], marks: list[Mark]) -> None:
        """Keep in the manifest what shards have acknowledged."""
        for number, mark in zip(numbers, marks, strict=True):
            self._manifest = self._manifest.with_shard(number, entry(self._manifest.shards[number].name, mark))
        self._manifest.save(self._path)

    def _writing(self) -> _Turn:
        return _Turn(self._path)

    def __repr__(self) -> str:
        what = self.alphabet_name or "series"
        return f"ShardedIndex({self.path!r}, shards={self.shards}, {what}, {self._manifest.distance})"


class _Turn:
    """The right to change the shards of a folder: one at a time, of all processes. Raises IndexLockedError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: WriterLock | None = None

    def __enter__(self) -> None:
        self._lock = WriterLock(self._folder)

    def __exit__(self, *_: object) -> None:
        assert self._lock is not None
        self._lock.release()
