"""What can be asked of all shards: each answers, and the answers are merged as one index would have given them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..distances import Distance, Neighbours
from ..distances.neighbours import require_count
from ..encoders.vector_rows import VectorsLike
from ..errors import IndexClosedError, MismatchError, ParameterError, UnavailableShardError, UnknownIdError
from ..progress import Watching, watched
from ..registry import call
from ..search import RangeResults, Results
from ..search.conditions import Where
from ..search.strands import BOTH, require_strand
from ..search.wanted import BudgetOptions, Wanted
from ..sequences import TEXT, Sequence, Sequences, SequencesLike
from ..sequences.coercion import taken
from .calibrating import asked_of_shards
from .manifest import Manifest
from .merging import merged_found, merged_search, merged_within, nearest_of_all
from .placement import GLOBAL_ROW
from .shard import Facts, Found, Nearest, some_of
from .transport import Call, CopyState, Transport


def require_no_vectors(*vectors: VectorsLike | None) -> None:
    """Raise ParameterError for vectors that came along."""
    if any(given is not None for given in vectors):
        raise ParameterError("vectors mean nothing for shards, which make their own")


class Scattered:
    """Shards behind a `Transport`, and what they share: see `ShardedIndex`.

    `partial`: answers of the shards that can be asked are taken where others cannot; `Results.warnings` then says of
    how many they are, and `coverage` keeps the share of the last search.
    """

    partial: bool
    coverage: float
    _facts: Facts
    _manifest: Manifest
    _transport: Transport

    def __init__(self, path: Path, manifest: Manifest, transport: Transport, *, partial: bool = False) -> None:
        self._path, self._manifest, self._transport = path, manifest, transport
        self.partial, self.coverage, self._closed = partial, 1.0, False
        self._changing = threading.RLock()
        self._facts = self._any("facts")

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The folder of the shards."""
        return str(self._path)

    @property
    def name(self) -> str:
        """What it is called in messages: its folder."""
        return self.path

    @property
    def transport(self) -> Transport:
        """What asks the shards."""
        return self._transport

    @property
    def manifest(self) -> Manifest:
        """What the shards are."""
        return self._manifest

    @property
    def shards(self) -> int:
        """How many there are."""
        return len(self._manifest.shards)

    @property
    def distance(self) -> Distance:
        """The exact distance that decides."""
        return self._facts.distance

    @property
    def finds_parts(self) -> bool:
        """Whether distances are to parts of what is stored, which hits then tell."""
        return self.distance.partial

    @property
    def alphabet_name(self) -> str | None:
        """The alphabet queries are read with; None for series."""
        alphabet = self._facts.nothing.alphabet
        return None if alphabet is None else alphabet.name

    @property
    def features(self) -> int:
        """Numbers of each step of a series, 0 of tokens."""
        return self._facts.nothing.features

    @property
    def has_labels(self) -> bool:
        """Whether a shard holds a sequence with a label."""
        return any(facts.labels for facts in self._all("facts"))

    def some(self, count: int) -> Sequences:
        """The first of the first shard, `count` at most: examples of what is stored. Raises UnavailableShardError."""
        found: Sequences = self._ask([Call(0, "some", (count,))], partial=False)[0]
        return found

    @property
    def columns(self) -> dict[str, str]:
        """The columns beside the sequences: their names and kinds."""
        return {name: kind for name, kind in self._facts.info.get("columns", {}).items() if name != GLOBAL_ROW}

    def __len__(self) -> int:
        return sum(mark.sequences for mark in self._all("mark"))

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and bool(self.holds([record_id])[0])

    def holds(self, ids: Iterable[str]) -> BoolArray:
        """(m,) which of many ids are there. Raises UnavailableShardError."""
        names = list(ids)
        grouped = some_of(names, self.shards)
        asked = [number for number, group in enumerate(grouped) if group]
        found = self._ask([Call(number, "holds", (grouped[number],)) for number in asked], partial=False)
        held = {
            name
            for number, mask in zip(asked, found, strict=True)
            for name, there in zip(grouped[number], mask.tolist(), strict=True)
            if there
        }
        return np.array([name in held for name in names], np.bool_)

    @property
    def sequences(self) -> Sequences:
        """The stored sequences, in the order they came."""
        return self._at(self.global_rows())

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self.sequences)

    def __getitem__(self, record_id: str) -> Sequence:
        """The stored sequence of that id. Raises UnknownIdError, which is a KeyError too."""
        if not isinstance(record_id, str):
            raise ParameterError(f"an id is a string, not {record_id!r}: rows are those of index.sequences")
        return self.get([record_id])[0]

    def get(self, ids: Iterable[str]) -> Sequences:
        """The stored sequences of `ids`, in that order. Raises UnknownIdError naming the first that is not there."""
        if isinstance(ids, str):
            raise ParameterError(f"ids is one string, {ids!r}: give a list of ids, or ask for index[{ids!r}]")
        names = list(ids)
        self._require_known(names)
        grouped = some_of(names, self.shards)
        asked = [number for number, group in enumerate(grouped) if group]
        if not asked:
            return self._facts.nothing
        found = self._ask([Call(number, "get", (grouped[number],)) for number in asked], partial=False)
        place = {name: at for at, name in enumerate(name for number in asked for name in grouped[number])}
        return Sequences.concatenate(found)[np.array([place[name] for name in names], np.int64)]

    def count(self, where: Where | None = None, *, ids: Iterable[str] | None = None) -> int:
        """How many stored sequences fulfil a condition. Raises as `SequenceIndex.count`."""
        grouped = self._grouped(ids)
        calls = [Call(number, "count", (where, grouped[number])) for number in range(self.shards)]
        return sum(self._ask(calls, partial=False))

    def matching(self, where: Where, *, ids: Iterable[str] | None = None) -> Sequences:
        """The stored sequences that fulfil a condition, in the order they came. Raises as `SequenceIndex.matching`."""
        grouped = self._grouped(ids)
        calls = [Call(number, "matching", (where, grouped[number])) for number in range(self.shards)]
        found: list[Found] = self._ask(calls, partial=False)
        return merged_found(found).sequences

    # -- searching -----------------------------------------------------------------------------------------------

    def search(
        self,
        queries: SequencesLike,
        k: int = 10,
        *,
        vectors: VectorsLike | None = None,
        ids: Iterable[str] | None = None,
        where: Where | None = None,
        strand: str = "plus",
        progress: Watching = False,
        **budget: Unpack[BudgetOptions],
    ) -> Results:
        """The k nearest stored sequences of each query over all shards, as `SequenceIndex.search` gives them.

        Compared with everything (`exact`), the answer is that of one index, ties included. `recall`: of the merged
        answer, measured where the shards were calibrated together; `candidates`: of each shard. `Results.rows` are
        places among `Results.targets`, which are what was found. Raises as `SequenceIndex.search`,
        UnavailableShardError where a shard cannot be asked, unless answers may be `partial`.
        """
        require_count(k)
        require_no_vectors(vectors)
        require_strand(strand)
        asked = self._taken(queries, "queries")
        each, why = self._of_each(k, budget)
        answers, lacking = self._nearest(asked, k, each, self._grouped(ids), where, strand, progress)
        return merged_search(asked, answers, k, self.distance, why, lacking)

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
        """All stored sequences within the exact distance `radius`, by proof. Raises as `SequenceIndex.within`."""
        require_strand(strand)
        asked, grouped = self._taken(queries, "queries"), self._grouped(ids)
        calls = [
            Call(number, "within", (asked, radius, grouped[number], where, strand)) for number in range(self.shards)
        ]
        with watched(progress).task("searching shards", len(calls)) as task:
            answers, lacking = self._some(calls)
            task.advance(len(calls))
        return merged_within(asked, answers, self.distance, strand == BOTH, lacking)

    def _nearest(
        self,
        queries: Sequences,
        k: int,
        budget: BudgetOptions,
        grouped: Items[list[str] | None],
        where: Where | None,
        strand: str,
        progress: Watching = False,
    ) -> tuple[list[Nearest], tuple[str, ...]]:
        """What each shard finds with a `budget` of its own, and what to say where some cannot be asked."""
        calls = [
            Call(number, "search", (queries, k, grouped[number], where, strand), dict(budget))
            for number in range(self.shards)
        ]
        with watched(progress).task("searching shards", len(calls)) as task:
            answers, lacking = self._some(calls)
            task.advance(len(calls))
        return answers, lacking

    def _of_each(self, k: int, budget: BudgetOptions) -> tuple[BudgetOptions, str]:
        """What each shard is asked for, and why where that is another recall. Raises as `SequenceIndex.search`."""
        wanted = call(Wanted, "search", **budget)
        if wanted.by_proof or wanted.candidates is not None:
            return budget, ""
        recall, why = asked_of_shards(self._manifest, wanted.recall, k)
        return {"recall": recall, "guarantee": wanted.guarantee}, why

    def neighbours_of_members(
        self, members: IntArray, k: int, budget: BudgetOptions | None = None, *, strand: str = "plus"
    ) -> Neighbours:
        """(m, k) nearest others of stored records, given by their global rows (m,), as global rows; `budget`: of each
        shard, None: for the recall by default. Raises UnavailableShardError."""
        each, queries = self._of_each(k, {})[0] if budget is None else budget, self._at(members)
        calls = [Call(number, "others", (queries, members, k, strand), dict(each)) for number in range(self.shards)]
        return nearest_of_all(self._ask(calls, partial=False), k)[0]

    def global_rows(self) -> IntArray:
        """(n,) places of the stored records in the order of all, ascending."""
        return np.sort(np.concatenate(self._all("rows")))

    def copies(self) -> list[CopyState]:
        """Where shards are asked: one copy of each in this process, or those on a cluster."""
        return self._transport.copies()

    # -- how shards are asked ------------------------------------------------------------------------------------

    def _any(self, method: str) -> Any:
        return self._ask([Call(0, method)], partial=False)[0]

    def _all(self, method: str, *arguments: object) -> list[Any]:
        return self._ask([Call(number, method, arguments) for number in range(self.shards)], partial=False)

    def _some(self, calls: list[Call]) -> tuple[list[Any], tuple[str, ...]]:
        """The answers there are, and what to say where they are not of all shards: of these calls, whatever other
        threads are told. Raises UnavailableShardError where there is none."""
        answers = self._ask(calls, partial=self.partial)
        counts = [self._manifest.shards[one.number].sequences for one in calls]
        there = sum(count for count, answer in zip(counts, answers, strict=True) if answer is not None)
        self.coverage = coverage = there / max(1, sum(counts))
        found = [answer for answer in answers if answer is not None]
        if not found:
            raise UnavailableShardError(f"{self.path}: no copy of any shard answers")
        if len(found) == len(answers):
            return found, ()
        return found, (f"{coverage:.1%} of the stored sequences were searched: some shards cannot be asked",)

    def _ask(self, calls: list[Call], *, partial: bool) -> list[Any]:
        if self._closed:
            raise IndexClosedError(f"{self.path}: the index is closed")
        return self._transport.ask(calls, partial=partial)

    def _grouped(self, ids: Iterable[str] | None) -> Items[list[str] | None]:
        """Ids by shard, None for all. Raises UnknownIdError."""
        if ids is None:
            return [None] * self.shards
        names = list(ids)
        self._require_known(names)
        return some_of(names, self.shards)

    def _require_known(self, names: list[str]) -> None:
        held = self.holds(names)
        if not held.all():
            raise UnknownIdError(f"{self.path}: no record with the id {names[int(np.argmin(held))]!r}")

    def _at(self, rows: IntArray) -> Sequences:
        """The records of global rows (m,), in that order."""
        found: list[tuple[IntArray, Sequences]] = self._all("at", rows)
        return Sequences.concatenate([part for _, part in found])[np.argsort(np.concatenate([at for at, _ in found]))]

    def _taken(self, given: SequencesLike, what: str) -> Sequences:
        """Sequences of the argument `what`, of the kind that is stored. Raises MismatchError for others."""
        nothing = self._facts.nothing
        if isinstance(given, Sequences) and given.alphabet != TEXT:
            made = given
        else:
            made = taken(given, what, like=nothing).sequences
        if made.kind != nothing.kind:
            raise MismatchError(f"{what} are {made.kind}, {self.path} holds {nothing.kind}")
        return made
