"""`Client`: an index of a service, asked as if it were here."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import TracebackType
from typing import Self, Unpack
from urllib.parse import urlencode

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, DoubleArray
from ..distances import Aligner, Distance, Neighbours, Ranges, distance_named
from ..distances.neighbours import require_count
from ..errors import MismatchError, ParameterError, UnknownIdError
from ..progress import Watching, watched
from ..registry import call
from ..search import NoveltyResults, RangeResults, Results
from ..search.calibration import Calibration
from ..search.classifying import Votes
from ..search.conditions import Where
from ..search.guarantees import NONE
from ..search.novelty.options import NoveltyFields, NoveltyOptions
from ..search.results import Explanation
from ..search.wanted import BudgetOptions, Wanted
from ..sequences import Sequence, Sequences, SequencesLike, Strings, alphabet_named
from ..sequences.coercion import columns_from, taken
from ..sequences.strings import offsets_of
from .remote import RemoteAligner, beside, payload, records_of
from .where import text_of
from .wire import Wire, quoted

_AT_ONCE = 500
_PAGE = 1000


class Client:
    """An index that a service holds: `Client("http://127.0.0.1:8080/refs")`.

    What `SequenceIndex` is asked, and answers: `search`, `within`, `novelty`, `get`, `index[id]`, `info`, `add`,
    `remove`, `update`, `count`, `matching`. Answers hold the sequences that were found, so that alignments, identities
    and data frames are made here. `token`: of a service that asks for one; `timeout`: seconds to wait for an answer;
    `tries`: of a request that the service is too busy for. Queries are sent `at_once`; each request is answered from
    one committed state or, if it takes long, from successive ones. Any number of threads may use it.
    Raises ParameterError for an address that is none, ServiceError where nothing answers, or there is no such index.

    >>> import seqsearch as ss
    >>> from seqsearch.service.serving import served  # `seqsearch serve names.ss`, in this process
    >>> ss.SequenceIndex.build("names.ss", ["anna meyer", "otto schulz"], encoder="kmer").close()
    >>> with served("names.ss") as url, ss.Client(f"{url}/names") as index:
    ...     [(hit.sequence.text, hit.distance) for hit in index.search("ana meier", k=1)[0]]
    [('anna meyer', 2.0)]
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 60.0, tries: int = 5, at_once: int = _AT_ONCE
    ) -> None:
        before, _, name = url.rstrip("/").rpartition("/")
        if "://" not in before or before.endswith(":/"):
            raise ParameterError(f"{url!r} names no index: http://HOST:PORT/INDEX")
        self.url, self.index_name, self._at_once = url, name, max(1, at_once)
        self._wire = Wire(before.removesuffix("/v1/indexes"), token, timeout, tries)
        try:
            self._facts = self._ask("GET", "/info")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of all threads."""
        self._wire.close()

    def _ask(self, method: str, path: str, body: JSON | None = None) -> JSON:
        return self._wire.ask(method, f"/v1/indexes/{quoted(self.index_name)}{path}", body)

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Its address."""
        return self.url

    @property
    def name(self) -> str:
        """What it is called in messages: its address."""
        return self.url

    def info(self) -> JSON:
        """What `seqsearch info --format json` prints."""
        self._facts = self._ask("GET", "/info")
        return _without_names(self._facts)

    def __len__(self) -> int:
        return int(self.info()["sequences"])

    @cached_property
    def distance(self) -> Distance:
        """The exact distance that decides. Raises MismatchError where there is none: of two kinds of series; and
        ParameterError for one of somebody's own that is not known here."""
        if self._facts["distance"] is None:
            raise MismatchError(f"{self.url}: queries and stored series are of two kinds: none compares them exactly")
        return distance_named(self._facts["distance"], **self._facts["distance_parameters"])

    @property
    def finds_parts(self) -> bool:
        """Whether distances are to parts of what is stored, which hits then tell."""
        return self._known is not None and self._known.partial

    @cached_property
    def _known(self) -> Distance | None:
        """The distance, where it can be made here."""
        try:
            return self.distance
        except (ParameterError, MismatchError):
            return None

    @property
    def alphabet_name(self) -> str | None:
        """The alphabet queries are read with; None for series."""
        name: str | None = self._facts["alphabet"]
        return name

    @property
    def columns(self) -> dict[str, str]:
        """The columns beside the sequences: their names and kinds."""
        return dict(self._facts.get("columns", {}))

    @property
    def calibration(self) -> Calibration:
        """The measured curve of recall over budgets."""
        document = self.info()["calibration"]
        return Calibration.from_json({name: value for name, value in document.items() if name != "stale"})

    def refresh(self) -> bool:
        """True when something was committed since `info` was asked last; answers are always of what is committed."""
        before = self._facts
        return self.info() != _without_names(before)

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and bool(self.holds([record_id])[0])

    def holds(self, ids: Iterable[str]) -> BoolArray:
        """(m,) which of many ids are there. Raises ServiceError."""
        held: list[bool] = []
        for part in _parts(list(ids), 10_000):
            held += self._ask("POST", "/records/lookup", {"ids": part, "records": False})["held"]
        return np.array(held, np.bool_)

    def __getitem__(self, record_id: str) -> Sequence:
        """The stored sequence of that id. Raises UnknownIdError, which is a KeyError too."""
        return self.get([record_id])[0]

    def get(self, ids: Iterable[str]) -> Sequences:
        """The stored sequences of `ids`, in that order. Raises UnknownIdError naming the first that is not there."""
        if isinstance(ids, str):
            raise ParameterError(f"ids is one string, {ids!r}: give a list of ids, or ask for index[{ids!r}]")
        wanted, found = list(ids), list[JSON]()
        for part in _parts(wanted, self._at_once):
            found += self._ask("POST", "/records/lookup", {"ids": part})["records"]
        for name, record in zip(wanted, found, strict=True):
            if record is None:
                raise UnknownIdError(f"{self.url} holds no {name!r}")
        return self._records(found)

    def _records(self, found: list[JSON]) -> Sequences:
        return records_of(found, self.alphabet_name, self.columns, self._facts.get("features", 1))

    def count(self, where: Where | None = None) -> int:
        """How many stored sequences fulfil a condition. Raises ConditionError."""
        return int(self._page(where, 0, 1)["total"])

    def matching(self, where: Where) -> Sequences:
        """The stored sequences that fulfil a condition, in the order they came. Raises ConditionError."""
        found: list[JSON] = []
        while True:
            page = self._page(where, len(found), _PAGE)
            found += page["records"]
            if len(page["records"]) < _PAGE:
                return self._records(found)

    def _page(self, where: Where | None, offset: int, limit: int) -> JSON:
        asked: dict[str, object] = {"limit": limit, "offset": offset}
        if where:
            asked["where"] = text_of(where)
        return self._ask("GET", f"/records?{urlencode(asked)}")

    @property
    def sequences(self) -> Sequences:
        """The stored sequences, in the order they came: all of them are sent."""
        return self.matching({})

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self.sequences)

    # -- asking --------------------------------------------------------------------------------------------------

    def search(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        vectors: object = None,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Watching = False,
        **budget: Unpack[BudgetOptions],
    ) -> Results:
        """The k nearest stored sequences of each query, with their exact distances: see `SequenceIndex.search`.

        Vectors are not sent. Raises what that raises, and ServiceError."""
        require_count(k)
        call(Wanted, "search", **budget)
        given = self._taken(queries)
        asked = self._options(vectors, ids, where, strand) | {"k": k, **budget}
        distances, rows = np.full((len(given), k), np.inf), np.full((len(given), k), -1, np.int64)
        minus = np.zeros((len(given), k), np.bool_) if strand == "both" else None
        records, how, at = list[JSON](), _How(), 0
        rests = np.full(len(given), NONE, object)
        for answer in self._answers("/search", given, asked, progress):
            for result in answer["results"]:
                hits = result["hits"]
                rows[at, : len(hits)] = [hit["record"] + len(records) for hit in hits]
                distances[at, : len(hits)] = [_distance(hit["distance"]) for hit in hits]
                rests[at] = result["guarantee"]
                if minus is not None:
                    minus[at, : len(hits)] = [hit["strand"] == "-" for hit in hits]
                at += 1
            records += answer["records"]
            how.add(answer)
        known = self._known
        sure = None if known is None else known.confidence(distances)
        targets = self._records(records)
        return Results(given.ids, targets, Neighbours(rows, distances), minus, sure, self._how(how), given, rests)

    def within(
        self,
        queries: SequencesLike,
        radius: float | AnyArray,
        *,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Watching = False,
    ) -> RangeResults:
        """All stored sequences within the exact distance `radius`: see `SequenceIndex.within`.

        Raises what that raises, and ServiceError."""
        given = self._taken(queries)
        limits = np.broadcast_to(np.asarray(radius, np.float64), (len(given),))
        if len(limits) and not (limits >= 0).all():
            raise ParameterError(f"radius must be at least 0, not {limits.min():g}")
        asked = self._options(None, ids, where, strand) | {"exact": "within"}
        counts, rows, distances, minus = list[int](), list[int](), list[float](), list[bool]()
        records, how = list[JSON](), _How()
        for start, stop in _of_one_radius(limits):
            most = float(limits[start]) if np.isfinite(limits[start]) else 1e300
            for answer in self._answers("/search", given[start:stop], asked | {"max_distance": most}, progress):
                for result in answer["results"]:
                    hits = result["hits"]
                    counts.append(len(hits))
                    rows += [hit["record"] + len(records) for hit in hits]
                    distances += [_distance(hit["distance"]) for hit in hits]
                    minus += [hit.get("strand") == "-" for hit in hits]
                records += answer["records"]
                how.add(answer)
        ranges = Ranges(offsets_of(np.array(counts, np.int64)), np.array(rows, np.int64), np.array(distances))
        both = np.array(minus, np.bool_) if strand == "both" else None
        return RangeResults(given.ids, self._records(records), ranges, both, self._how(how), given)

    def novelty(
        self,
        queries: SequencesLike,
        *,
        where: Where | None = None,
        progress: Watching = False,
        **options: Unpack[NoveltyFields],
    ) -> NoveltyResults:
        """How new each query is: see `SequenceIndex.novelty`; known sequences are members.

        Raises what that raises, and ServiceError."""
        chosen = NoveltyOptions.of(options)
        if chosen.sample != NoveltyOptions.sample or chosen.seed != NoveltyOptions.seed:
            raise ParameterError("sample and seed are those of the service")
        given = self._taken(queries)
        asked: JSON = {name: value for name, value in options.items() if name not in ("bh", "sample", "seed")}
        if where:
            asked["where"] = text_of(where)
        results, known, warnings = list[JSON](), 0, dict[str, None]()
        for answer in self._answers("/novelty", given, asked, progress):
            results += answer["results"]
            known, warnings = answer["known"], warnings | dict.fromkeys(answer["warnings"])
        nearest = [one["nearest"] or "" for one in results]
        names = list(dict.fromkeys(name for name in nearest if name))
        place = {name: row for row, name in enumerate(names)} | {"": -1}
        found = NoveltyResults(
            given.ids,
            Strings.of(names),
            np.array([_distance(one["score"]) for one in results], np.float64),
            np.array([one["p_value"] for one in results], np.float64),
            np.array([place[name] for name in nearest], np.int64),
            np.array([_distance(one["distance"]) for one in results], np.float64),
            chosen.fpr,
            known,
            np.array([one["guarantee"] for one in results], object),
            warnings=tuple(warnings),
        )
        return found.controlled() if chosen.bh else found

    def classify(self, queries: SequencesLike, **options: object) -> Votes:
        """What the neighbours of each query vote for: `k`, `weighting`, `abstain`, `where`, `strand`, `recall` and
        `exact` as of `seqsearch classify`. Raises MismatchError for sequences without labels, ParameterError,
        ServiceError."""
        given, results = self._taken(queries), list[JSON]()
        for answer in self._answers("/classify", given, dict(options), False):
            results += answer["results"]
        labels = tuple(sorted({label for one in results for label in one["probabilities"]}))
        shares = np.array([[one["probabilities"].get(label, 0.0) for label in labels] for one in results], np.float64)
        shares = shares.reshape(len(results), len(labels))
        voted = [max(one["probabilities"], key=one["probabilities"].get, default=None) for one in results]
        chosen = [one["label"] or other for one, other in zip(results, voted, strict=True)]
        winners = np.array([0 if name is None else labels.index(name) for name in chosen], np.int64)
        p_values = [one["p_value"] for one in results]
        return Votes(
            labels,
            shares,
            winners,
            np.array([_distance(one["distance"]) for one in results], np.float64),
            None if None in p_values else np.array(p_values, np.float64),
            np.array([one["label"] is None for one in results], np.bool_),
            np.array([one["guarantee"] for one in results], object),
        )

    def embed(self, queries: SequencesLike) -> AnyArray:
        """(Q, D) float32 points, or (Q, bits / 8) uint8 codes. Raises MismatchError where there is no single encoder,
        ServiceError."""
        vectors: list[list[float]] = []
        kind: type[np.float32] | type[np.uint8] = np.float32
        for answer in self._answers("/embed", self._taken(queries), {}, False):
            vectors += [one["vector"] for one in answer["results"]]
            kind = np.float32 if answer["bits"] is None else np.uint8
        return np.array(vectors, kind)

    # -- changing ------------------------------------------------------------------------------------------------

    def add(
        self,
        sequences: SequencesLike,
        *,
        columns: Mapping[str, Iterable[object]] | None = None,
        progress: Watching = False,
    ) -> None:
        """Add sequences, which need ids; each request is on disk when it is answered. Raises what
        `SequenceIndex.add` raises, and ServiceError; what was sent before is there then."""
        self._put("POST", sequences, columns, progress)

    def update(
        self,
        sequences: SequencesLike,
        *,
        columns: Mapping[str, Iterable[object]] | None = None,
        progress: Watching = False,
    ) -> None:
        """Put sequences in place of those with the same ids. Raises as `SequenceIndex.update`, and ServiceError."""
        self._put("PUT", sequences, columns, progress)

    def _put(
        self, method: str, sequences: SequencesLike, columns: Mapping[str, Iterable[object]] | None, progress: Watching
    ) -> None:
        given = taken(sequences, "sequences", like=self._like)
        if not given.named:
            raise ParameterError("sequences that are sent need ids: seqsearch.as_sequences(..., ids=...)")
        whole = given.sequences
        if columns is not None:
            whole = whole.beside(columns_from(columns, len(whole)))
        with watched(progress).task("sending", len(whole)) as task:
            for start in range(0, len(whole), self._at_once):
                part = whole[start : start + self._at_once]
                self._ask(method, "/records", {"records": [*beside(part)]})
                task.advance(len(part))

    def remove(self, ids: Iterable[str], *, progress: Watching = False) -> None:
        """Remove sequences by id. Raises UnknownIdError, and then removes none of that request."""
        names = [ids] if isinstance(ids, str) else list(ids)
        for part in _parts(names, 10_000):
            self._ask("DELETE", "/records", {"ids": part})

    # -- inside --------------------------------------------------------------------------------------------------

    @cached_property
    def _like(self) -> Sequences:
        if self.alphabet_name is not None:
            return Sequences.from_texts([], alphabet_named(self.alphabet_name))
        width = int(self._facts.get("features", 1))
        return Sequences.from_arrays([np.zeros((1, width), np.float32)])[:0]

    def _taken(self, queries: SequencesLike) -> Sequences:
        return taken(queries, "queries", like=self._like).sequences

    def _options(self, vectors: object, ids: Iterable[str] | None, where: Where | None, strand: str) -> JSON:
        if vectors is not None:
            raise ParameterError("vectors are not sent: the service makes them, or compares with everything (exact)")
        asked: JSON = {"records": True, "strand": strand, "columns": ["target", "strand"]}
        if ids is not None:
            asked["ids"] = list(ids)
        if where:
            asked["where"] = text_of(where)
        return asked

    def _answers(self, path: str, given: Sequences, asked: JSON, progress: Watching) -> Iterator[JSON]:
        """The answers to queries, some at a time."""
        with watched(progress).task("asking", len(given)) as task:
            for start in range(0, len(given), self._at_once):
                part = given[start : start + self._at_once]
                yield self._ask("POST", path, asked | {"queries": payload(part)})
                task.advance(len(part))

    def _how(self, how: _How) -> Explanation:
        known = self._known
        if known is None:
            return Explanation(how.message, tuple(how.warnings), alignable=False)
        aligner: Aligner | None = known.aligner
        if aligner is not None and how.letters is not None:
            aligner = RemoteAligner(aligner, how.letters)
        parts = known if known.partial else None
        return Explanation(how.message, tuple(how.warnings), None, False, known.alignable, aligner, parts)

    def __repr__(self) -> str:
        return f"Client({self.url!r}, {self.alphabet_name or 'series'}, {self._facts['distance']})"


class _How:
    """What several answers say of how they were found."""

    def __init__(self) -> None:
        self.message = ""
        self.warnings: dict[str, None] = {}
        self.letters: int | None = None

    def add(self, answer: JSON) -> None:
        """One more."""
        self.message, self.letters = answer["message"], answer.get("letters")
        self.warnings |= dict.fromkeys(answer["warnings"])


def _without_names(facts: JSON) -> JSON:
    """What the service tells of an index beside what the index tells."""
    return {name: value for name, value in facts.items() if name not in ("name", "features")}


def _distance(value: float | None) -> float:
    return float("inf") if value is None else float(value)


def _parts(names: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def _of_one_radius(limits: DoubleArray) -> Iterator[tuple[int, int]]:
    """Where stretches of equal radii begin and end."""
    cuts = [0, *(np.flatnonzero(np.diff(limits)) + 1).tolist(), len(limits)]
    yield from ((start, stop) for start, stop in itertools.pairwise(cuts) if stop > start)
