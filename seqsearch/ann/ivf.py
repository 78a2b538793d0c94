"""IVF: vectors compressed to a few bits a dimension, in lists around the centres of k-means.

A search looks into the lists whose centres are nearest to its query (Jegou, Douze and Schmid, 2011). Codes are of the
vectors themselves, so that lists only route: they can be split and filled again without loss.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..errors import ParameterError, StrPath
from ..registry import call
from ..threads import ForkSafeLock
from . import ivf_files, scan
from .candidates import CandidateIndex, Candidates, Health, Parameter, Parameters
from .exact import ExactIndex
from .groups import RowGroups
from .ivf_health import code_recall, measure
from .ivf_journal import ADDED, REMOVED, Change, Journal, replayed
from .ivf_lists import ListSettings, ListTable, suited_lists
from .ivf_space import coded
from .kernels import Points, squares_of
from .rows import BIGGEST, checked_count, checked_vectors

FEWEST = 4096
"""Rows from which on there is enough to learn from; fewer are kept as they are and scanned."""

FEWEST_DISTINCT = 1024
"""And so many different vectors among LOOKED_AT of them."""

LOOKED_AT = 20_000

LEARNED_FROM = 65_536
LEARNED_PER_LIST = 64
"""Vectors to learn from: so many for each list, but no fewer than the number above."""

NARROW = 24
"""Vectors of so few dimensions lose too much with 4 bits each, and take little room with 8."""

FEW = 2000
"""Up to so many matching entries a scan of them costs no more than a look into the lists."""

SPARSE = 0.02
"""Below this part of matching entries most of a list would be passed over."""


class IvfIndex(CandidateIndex):
    """Compressed lists. Rows whose codes are equal share an entry, and come at one distance, ordered by row.

    Distances are estimated from the codes. Built on one thread, the same calls with the same seed give the same bytes.
    Searches of one index take turns with each other and with changes.
    """

    kind = "ivf"
    takes_effort = True
    effort = "lists"
    has_snapshot = True
    compresses = (1, 2, 4, 8)
    estimates = True
    keeps_changes = True

    def __init__(self, settings: ListSettings) -> None:
        self.settings = settings
        self._lock = ForkSafeLock()
        self._few: ExactIndex | None = ExactIndex(geometry=settings.geometry, dim=settings.dim)
        self._learns_at = FEWEST
        self._table: ListTable | None = None
        self._groups = RowGroups()
        self._journal = Journal()

    @classmethod
    def make(cls, parameters: Parameters, seed: int = 0) -> CandidateIndex:
        """See `CandidateIndex.make`: those of `ListSettings`; few dimensions get 8 bits by default."""
        dim = parameters.get("dim")
        suited = {"bits": 8} if isinstance(dim, int) and dim <= NARROW else {}
        return cls(call(ListSettings, f"an index of kind {cls.kind!r}", **{**suited, **parameters, "seed": seed}))

    @classmethod
    def suited_parameters(cls, size: int) -> dict[str, Parameter]:
        """See `CandidateIndex.suited_parameters`."""
        return {"lists": suited_lists(size)}

    def __len__(self) -> int:
        return len(self._groups) if self._few is None else len(self._few)

    def __repr__(self) -> str:
        settings, table = self.settings, self._table
        inside = "not learned" if table is None else f"{table.entries.live} entries, {self.lists} lists"
        return f"IvfIndex({len(self)} rows, {inside}, geometry={settings.geometry!r}, bits={settings.bits})"

    @property
    def lists(self) -> int:
        """How many lists there are; 0 while there are too few rows."""
        return 0 if self._table is None else len(self._table.entries.centres)

    @property
    def default_effort(self) -> int:
        """How many lists a search looks into by default; 0 while there are none."""
        return 0 if self._table is None else self._table.effort

    def rows(self) -> IntArray:
        """The live rows, ascending."""
        with self._lock:
            return self._groups.rows.all() if self._few is None else self._few.rows()

    # -- learning ------------------------------------------------------------------------------------------------

    @property
    def training_rows(self) -> int:
        """See `CandidateIndex.training_rows`."""
        return max(LEARNED_FROM, LEARNED_PER_LIST * (self.settings.lists or 0))

    def train(self, sample: AnyArray) -> None:
        """See `CandidateIndex.train`. Of fewer than 256 vectors nothing is learned: what is added will be enough."""
        with self._lock:
            if len(self) or self._few is None:
                raise ParameterError("an index of kind 'ivf' learns before the first rows are added, and only once")
            ready = self._prepared(sample)
            if len(ready) >= 256:
                self._learn(ready)

    def _learn(self, ready: FloatArray) -> None:
        vectors = self._coded(ready)
        if len(vectors) > self.training_rows:
            drawn = np.random.default_rng(self.settings.seed).choice(len(vectors), self.training_rows, replace=False)
            ready, vectors = ready[np.sort(drawn)], vectors[np.sort(drawn)]
        table = ListTable.learned(self.settings, vectors, len(ready))
        table.code_recall = code_recall(self.settings, table, ready, vectors)
        self._table, self._few, self._groups, self._journal = table, None, RowGroups(), Journal()

    # -- changes -------------------------------------------------------------------------------------------------

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        """See `CandidateIndex.add`. ParameterError for values beyond 1e16, which cannot be compressed."""
        with self._lock:
            if self._few is not None:
                self._few.add(rows, self._checked(vectors))
                if len(self._few) < self._learns_at:
                    return
                _, new_rows, ready = self._few.contents()
                if len(np.unique(ready[:: -(-len(ready) // LOOKED_AT)], axis=0)) < FEWEST_DISTINCT:
                    self._learns_at = 2 * len(ready)
                    return
                self._learn(ready)
            else:
                new_rows = self._groups.rows.new(rows)
                ready = self._prepared(vectors, len(new_rows))
            if len(ready):
                assert self._table is not None
                moved = self._coded(ready)
                self._take(new_rows, self._table.space.coder.encode(moved), self._table.route(moved))
                self._split_long_lists()
                self._journal.worth_keeping(len(self))

    def _take(self, rows: IntArray, codes: AnyArray, lists: IntArray) -> None:
        assert self._table is not None
        entries = self._table.entries
        of_rows, fresh = entries.match(codes, lists)
        entries.append(codes[fresh], lists[fresh])
        self._groups.add(of_rows, rows)
        self._journal.added(rows, codes, lists)

    def _split_long_lists(self) -> None:
        assert self._table is not None
        for number in self._table.overlong().tolist():
            centres = self._table.parted(number, self.settings.seed)
            if centres is not None:
                self._table.entries.split(number, centres)
                self._journal.split(number, centres)

    def remove(self, rows: IntArray) -> None:
        """See `CandidateIndex.remove`. The space of entries is reclaimed when half of them are gone."""
        with self._lock:
            if self._table is None:
                assert self._few is not None
                self._few.remove(rows)
                return
            self._drop(self._groups.rows.known(rows))

    def _drop(self, rows: IntArray) -> None:
        assert self._table is not None
        touched = self._groups.remove(rows)
        self._table.entries.drop(touched[self._groups.head[touched] < 0])
        self._journal.removed(rows)
        if self._table.entries.live < self._table.entries.count // 2:
            self._compact()

    def _compact(self) -> None:
        assert self._table is not None
        rows = self._groups.rows.all()
        of_rows = self._groups.rows.places(rows)
        number = self._table.entries.compact()
        self._table.forget_scanner()
        self._groups = RowGroups()
        self._groups.reserve(self._table.entries.count)
        self._groups.add(number[of_rows], rows)

    # -- answers -------------------------------------------------------------------------------------------------

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        """See `CandidateIndex.search`; `effort` is the number of lists to look into."""
        with self._lock:
            if self._few is not None:
                return self._few.search(self._checked(queries), count, allowed=allowed)
            ready = self._prepared(queries)
            return self._search(ready, checked_count(count), effort, allowed)

    @property
    def nests(self) -> bool:
        """See `CandidateIndex.nests`. Not where lists give more than is asked for, which another distance orders."""
        with self._lock:
            return self._few is not None or (self._table is not None and self._table.space.native)

    def search_within(self, queries: AnyArray, count: int, effort: int | None) -> Candidates:
        """See `CandidateIndex.search_within`: of so many lists, and no others."""
        with self._lock:
            if self._few is not None:
                return self._few.search(self._checked(queries), count)
            return self._search(self._prepared(queries), checked_count(count), effort, widens=False)

    def _search(
        self,
        ready: FloatArray,
        count: int,
        effort: int | None = None,
        allowed: BoolArray | None = None,
        *,
        widens: bool = True,
    ) -> Candidates:
        """`widens`: whether more lists are looked into for a query that finds less than `count` in these."""
        assert self._table is not None
        if effort is not None and effort < 1:
            raise ParameterError(f"at least 1 list must be looked into, not {effort}")
        lists = self._table.effort if effort is None else effort
        found = Candidates.none(len(ready), count)
        if allowed is None:
            wanted, mask = min(count, len(self)), None
        else:
            first = self._groups.first_rows(allowed)
            mask = first >= 0
            entries = np.flatnonzero(mask)
            if len(entries) <= FEW or len(entries) < SPARSE * self._table.entries.live:
                return self._scan(ready, count, entries, first[entries].astype(np.int64), allowed)
            wanted = min(count, len(self._groups.rows.matching(allowed)))
        left = np.arange(len(ready)) if wanted else np.zeros(0, dtype=np.int64)
        whole = self._coded(ready)
        while len(left):
            some = slice(None) if len(left) == len(ready) else left
            of_queries, distances = self._table.find(ready[some], whole[some], count, lists, mask)
            part = Candidates(found.rows[some], found.distances[some])
            self._groups.expand(of_queries, distances, allowed, part)
            if len(left) < len(ready):
                found.rows[left], found.distances[left] = part.rows, part.distances
            if lists >= self.lists or not widens:
                break
            left = left[part.rows[:, wanted - 1] < 0]
            if not len(left):
                break
            found.rows[left], found.distances[left] = -1, np.inf
            lists *= 4
        return found

    def _scan(
        self, ready: FloatArray, count: int, entries: IntArray, names: IntArray, allowed: BoolArray
    ) -> Candidates:
        """The nearest of these entries, which go by `names`, their smallest matching rows."""
        assert self._table is not None
        space = self._table.space
        vectors = space.restored(space.coder.decode(self._table.entries.codes(entries)))
        points = Points(vectors, squares_of(vectors), names, np.ones(len(names), dtype=np.bool_))
        hits = scan.nearest(self.settings.geometry, ready, points, min(count, max(len(names), 1)))
        return self._groups.expand_first(hits, count, allowed)

    def efforts(self, count: int) -> tuple[int, ...]:
        """See `CandidateIndex.efforts`: half of the default, and its doubles up to eight times, of which those whose
        lists hold `count` entries, or nearly all would be looked into again."""
        usual, most = max(1, self.default_effort), max(self.lists, 1)
        efforts = sorted({max(1, min(most, usual * by // 2)) for by in (1, 2, 4, 8, 16)})
        needed = min(most, -(-count * most // max(len(self), 1)))
        return tuple(effort for effort in efforts if effort >= needed) or (needed,)

    def effort_cost(self, count: int, effort: int | None = None) -> float:
        """See `CandidateIndex.effort_cost`: the distances to all centres, the codes looked at and the places to fill.

        The weights are those of V4 points at 64 bytes beside a graph of them (see benchmarks/ann.py).
        """
        if self._table is None:
            return float(count)
        entries = self._table.entries
        looked = min(self._table.effort if effort is None else effort, self.lists) / max(self.lists, 1) * entries.live
        words = entries.coder.words * (2 if self.settings.bits == 8 else 1)
        place = 0.08 if self._table.space.native else 0.3
        routing = 1e-4 * self.lists * self.settings.width
        return routing + 1.6e-4 * looked * words + place * self._table.space.fetch(count)

    def health(self, *, sample: int = 1000, seed: int = 0) -> Health:
        """Measure what lists miss, and set the number of lists to look into.

        Stored points search for their ten nearest others beside a look into all lists; the fewest lists that lose no
        more than half of what the target allows become the default. `code_recall` was measured with the vectors that
        codes were learned from: the part of the ten nearest of a sample among the hundred nearest by their codes.
        """
        with self._lock:
            if self._table is None or not len(self):
                return {"kind": self.kind, "rows": len(self), "learned": False, "self_recall": 1.0, "recall": 1.0}
            measured = measure(self.settings, self._table, sample=sample, seed=seed)
            return {"kind": self.kind, "rows": len(self), **measured}

    # -- files ---------------------------------------------------------------------------------------------------

    def save(self, path: StrPath) -> None:
        """See `CandidateIndex.save`."""
        with self._lock:
            if self._table is None:
                assert self._few is not None
                _, rows, vectors = self._few.contents()
                ivf_files.save_few(path, self.kind, self.settings, rows, vectors)
                return
            if self._table.entries.live < self._table.entries.count:
                self._compact()
            rows = self._groups.rows.all()
            history = self._journal.history
            ivf_files.save(path, self.kind, self.settings, self._table, (rows, self._groups.rows.places(rows)), history)
            self._journal = Journal(history, keeps=True)

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """See `CandidateIndex.load`."""
        settings, content = ivf_files.load(path, cls.kind)
        index = cls(settings)
        if isinstance(content, ExactIndex):
            index._few = content
        else:
            index._few = None
            index._table, index._groups, history = content
            index._journal = Journal(history, keeps=True)
        return index

    def save_changes(self, path: StrPath) -> bool:
        """See `CandidateIndex.save_changes`. False before the first file, and when a quarter of all has changed."""
        with self._lock:
            if self._table is None or not self._journal.worth_keeping(len(self)):
                return False
            self._journal.save(path, self._table.entries.coder.words, self._table.entries.centres.shape[1])
            return True

    def apply_changes(self, path: StrPath) -> None:
        """See `CandidateIndex.apply_changes`. After an error the index is in a state between two changes."""
        with self._lock:
            if self._table is None:
                raise ParameterError("an index that has learned nothing has no changes to repeat")
            coder, dim = self._table.entries.coder, self.settings.width
            replayed(path, self._journal.history, coder.words, dim, self._repeat)
            self._journal = Journal(self._journal.history, keeps=True)

    def _repeat(self, change: Change) -> None:
        """Make one change of a file again; ValueError or KeyError where it cannot be."""
        assert self._table is not None
        kind, rows, content, lists = change
        entries = self._table.entries
        if len(lists) and (lists.min() < 0 or lists.max() >= self.lists):
            raise ValueError("a change is of a list that is not there")
        if kind == ADDED:
            ivf_files.require_sound(entries.coder, content.view(np.uint8))
            self._take(self._groups.rows.new(rows), content, lists)
        elif kind == REMOVED:
            self._drop(self._groups.rows.known(rows))
        elif len(content) < 2:
            raise ValueError("a list is split into less than two")
        else:
            entries.split(int(lists[0]), content)
            self._journal.split(int(lists[0]), content)

    # -- vectors -------------------------------------------------------------------------------------------------

    def _checked(self, vectors: AnyArray, rows: int | None = None) -> FloatArray:
        checked = checked_vectors(vectors, self.settings.dim, rows)
        if self.settings.geometry != "cosine" and checked.size and max(checked.max(), -checked.min()) > BIGGEST:
            worst = int(np.argmax(np.abs(checked).max(axis=1)))
            raise ParameterError(f"vector {worst} has a value beyond {BIGGEST:g}, which cannot be compressed")
        return checked

    def _prepared(self, vectors: AnyArray, rows: int | None = None) -> FloatArray:
        return scan.prepared(self.settings.geometry, self._checked(vectors, rows))

    def _coded(self, ready: FloatArray) -> FloatArray:
        return coded(self.settings.geometry, ready, self.settings.width)
