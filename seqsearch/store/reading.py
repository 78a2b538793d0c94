"""Reading rows: where each chunk begins, all rows in one sweep, or some rows from the chunks that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import CorruptIndexError, ParameterError
from ..sequences import Sequences, Strings, offsets_of
from .chunks import CHUNK_ROWS, Columns, columns_of, extent_of, unpack_sequences, unpack_vectors, vector_rows
from .envelope import (
    DELETED,
    HEAD,
    LOG,
    SEQUENCES,
    VECTORS,
    add_marks,
    mark_of,
    number_of,
    numbered,
    unseal,
    unseal_head,
)
from .environment import Transaction
from .files import Mark
from .header import StoreHeader
from .log import unpack_entry
from .structure import FIRST, Value
from .writing import SEGMENT_ROWS, scan


def read_head(transaction: Transaction) -> StoreHeader:
    """The head of this transaction. Raises NotAnIndexError, FormatVersionError, CorruptIndexError."""
    return StoreHeader.from_json(unseal_head(transaction.get(HEAD) or memoryview(b"")))


def read_live(transaction: Transaction, head: StoreHeader) -> BoolArray:
    """(rows,) mask of the rows that are not deleted. Raises CorruptIndexError when their number is not the head's."""
    live = np.ones(head.rows, np.bool_)
    for key, value in scan(transaction, DELETED):
        start = number_of(key) * SEGMENT_ROWS
        dead = np.unpackbits(np.frombuffer(unseal(key, value), np.uint8)).astype(np.bool_)
        part = live[start : start + SEGMENT_ROWS]
        if len(dead) > SEGMENT_ROWS or dead[len(part) :].any():
            raise CorruptIndexError("the deletion map does not fit the rows")
        part[: len(dead)][dead[: len(part)]] = False
    if int(np.count_nonzero(live)) != head.live:
        raise CorruptIndexError(f"the deletion map leaves {np.count_nonzero(live)} rows, the head says {head.live}")
    return live


def check_digest(transaction: Transaction, head: StoreHeader, walked: list[Value] | None = None) -> None:
    """Raise CorruptIndexError when a value is lost, was added or is an older one: the marks do not add up.

    Reads the first bytes of every value, not their contents; none where they were `walked` already.
    """
    total = 0
    if walked is None:
        walked = [Value(key, len(value), bytes(value[:FIRST])) for key, value in scan(transaction, b"")]
    for value in walked:
        if value.key != HEAD:
            total = add_marks(total, plus=mark_of(*value))
    if total != head.digest:
        raise CorruptIndexError("the values do not add up to the digest in the head: one is lost, stale or foreign")


def check_mark(transaction: Transaction, head: StoreHeader, acknowledged: Mark | None) -> None:
    """Raise CorruptIndexError when an acknowledged commit is not part of this file's history."""
    if acknowledged is None:
        return
    generation, lsn, chain = acknowledged
    parent = head.parent
    if generation == head.generation:
        known = head.chain if lsn == head.lsn else None
        key = numbered(LOG, lsn)
        value = transaction.get(key) if lsn < head.lsn else None
        if value is not None:
            known = unpack_entry(lsn, unseal(key, value)).chain
        sound = known == chain or (value is None and lsn < head.log_from and lsn < head.lsn)
    elif parent is not None and generation == parent["generation"]:
        sound = lsn < parent["lsn"] or (lsn, chain) == (parent["lsn"], parent["chain"])
    else:
        sound = generation < head.generation
    if not sound:
        raise CorruptIndexError(
            f"commit {lsn} of generation {generation} was acknowledged, and data-{head.generation}.mdb does not know "
            "it: the file is older, or from another index"
        )


@dataclass
class Directory:
    """Where each chunk begins, for one commit. `sizes`: (chunks, 5) rows, steps, bytes of ids, descriptions, labels."""

    generation: int
    digest: int
    sequence_starts: IntArray
    sizes: IntArray
    vector_starts: IntArray
    vector_sizes: IntArray
    verified: dict[bytes, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, transaction: Transaction, head: StoreHeader, before: Directory | None) -> Directory:
        """Look at the first bytes of every chunk, of what may have changed since `before`, of the same file, only.

        Raises CorruptIndexError when chunks overlap or leave a gap.
        """
        known = before if before is not None and before.generation == head.generation else None
        starts, sizes = np.zeros(0, np.int64), np.zeros((0, 5), np.int64)
        vector_starts, vector_sizes = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if known is not None:
            lasting = _lasting(known.sequence_starts, known.sizes[:, 0])
            starts, sizes = known.sequence_starts[:lasting], known.sizes[:lasting]
            lasting = _lasting(known.vector_starts, known.vector_sizes)
            vector_starts, vector_sizes = known.vector_starts[:lasting], known.vector_sizes[:lasting]
        first = int(sizes[:, 0].sum())
        found = [
            (number_of(key), extent_of(value, head.step_bytes))
            for key, value in scan(transaction, SEQUENCES, numbered(SEQUENCES, first))
        ]
        first = int(vector_sizes.sum())
        points = [
            (number_of(key), vector_rows(value, head.vector_bytes))
            for key, value in scan(transaction, VECTORS, numbered(VECTORS, first))
        ]
        sizes = np.concatenate([sizes, np.array([size for _, size in found], np.int64).reshape(-1, 5)])
        vector_sizes = np.concatenate([vector_sizes, np.array([rows for _, rows in points], np.int64)])
        return cls(
            head.generation,
            head.digest,
            _starts([*starts.tolist(), *(start for start, _ in found)], sizes[:, 0], head.rows, "sequence"),
            sizes,
            _starts([*vector_starts.tolist(), *(at for at, _ in points)], vector_sizes, head.vector_rows, "vector"),
            vector_sizes,
            {} if known is None else known.verified,
        )

    def proved(self, key: bytes, value: memoryview) -> memoryview:
        """`value` once its checksum held; not computed again for a value that is still the same."""
        seal = bytes(value[:8])
        if self.verified.get(key) != seal:
            unseal(key, value)
            self.verified[key] = seal
        return value


def _lasting(starts: IntArray, sizes: IntArray) -> int:
    """How many chunks, from the first on, no later commit of the generation can change: what is added is joined with
    chunks at the end, up to the rows of one chunk."""
    rows = int(sizes.sum())
    return int(np.searchsorted(starts + sizes, rows - CHUNK_ROWS, side="right"))


def _starts(starts: list[int], sizes: AnyArray | list[int], total: int, what: str) -> IntArray:
    expected = offsets_of(np.asarray(sizes, np.int64))
    if starts != expected[:-1].tolist() or int(expected[-1]) != total:
        raise CorruptIndexError(f"the {what} chunks do not make up {total} rows: one is lost or misplaced")
    return expected[:-1]


@dataclass(frozen=True)
class Rows:
    """The rows of one commit, deleted ones too, inside one transaction."""

    transaction: Transaction
    head: StoreHeader
    directory: Directory

    def sequences(self, rows: IntArray) -> Sequences:
        """Records in the order of `rows`, from the chunks that hold them."""
        head = self.head
        parts = [
            unpack_sequences(self._columns(start), head.symbols, within)
            for start, within in _by_chunk(self.directory.sequence_starts, rows)
        ]
        if not parts:
            return unpack_sequences(_nothing(head), head.symbols)
        together = Sequences.concatenate(parts) if len(parts) > 1 else parts[0]
        order = np.argsort(rows, kind="stable")
        if np.array_equal(order, np.arange(len(rows))):
            return together
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return together[back]

    def sizes(self, first: int, stop: int) -> IntArray:
        """(5,) rows, steps, bytes of ids, descriptions and labels of the rows first .. stop."""
        total = np.zeros(5, np.int64)
        for start, size in self._overlapping(first, stop):
            if first <= start and start + size[0] <= stop:
                total += size
            else:
                lengths = self._columns(start).lengths[:, max(first - start, 0) : stop - start]
                total += [lengths.shape[1], *lengths.sum(axis=1, dtype=np.int64)]
        return total

    def cuts(self, first: int, stop: int, size: int) -> list[int]:
        """Rows from `first` to `stop`, both among them, that cut what is between into parts of about `size` bytes."""
        cuts, held = [first], 0
        for start, extent in self._overlapping(first, stop):
            if held > size:
                cuts.append(start)
                held = 0
            held += int(extent[1]) * self.head.step_bytes + int(extent[2:].sum())
        return [*cuts, stop]

    def _overlapping(self, first: int, stop: int) -> Iterator[tuple[int, IntArray]]:
        """Where each chunk begins that holds some of these rows, and its sizes."""
        starts = self.directory.sequence_starts
        low = int(np.searchsorted(starts, first, side="right")) - 1
        high = int(np.searchsorted(starts, stop, side="left"))
        return zip(starts[max(low, 0) : high].tolist(), self.directory.sizes[max(low, 0) : high], strict=True)

    def between(self, first: int, stop: int) -> Sequences:
        """The records of rows first .. stop: every chunk copied once into columns of the right size."""
        head, features = self.head, max(self.head.features, 1)
        rows, steps, *texts = self.sizes(first, stop).tolist()
        lengths = np.empty((4, rows), np.int64)
        data: AnyArray = np.empty(steps * features, head.step_dtype.newbyteorder("="))
        columns = [np.empty(size, np.uint8) for size in texts]
        at = np.zeros(5, np.int64)
        for start, _ in self._overlapping(first, stop):
            chunk = self._columns(start).rows(max(first - start, 0), stop - start)
            end = at + np.array([chunk.lengths.shape[1], len(chunk.data), *map(len, chunk.texts)])
            lengths[:, at[0] : end[0]] = chunk.lengths
            data[at[1] * features : end[1] * features] = chunk.data.reshape(-1)
            for column, text, begin, done in zip(columns, chunk.texts, at[2:], end[2:], strict=True):
                column[begin:done] = text
            at = end
        offsets = [offsets_of(column) for column in lengths]
        ids, descriptions, labels = (Strings(text, bounds) for text, bounds in zip(columns, offsets[1:], strict=True))
        shaped = data.reshape(-1, head.features) if head.features else data
        return Sequences(shaped, offsets[0], ids, head.symbols, descriptions, labels)

    def texts(self, rows: IntArray, column: int) -> Strings:
        """One text column (0 ids, 1 descriptions, 2 labels) of `rows`, which must be ascending."""
        parts: list[Strings] = []
        for start, within in _by_chunk(self.directory.sequence_starts, rows):
            chunk = self._columns(start)
            parts.append(Strings(chunk.texts[column], offsets_of(chunk.lengths[column + 1])).take(within))
        return Strings.concatenate(parts)

    def vectors(self, rows: IntArray) -> AnyArray:
        """(m, width) vectors in the order of `rows`."""
        head, at = self.head, 0
        out: AnyArray = np.empty((len(rows), head.vector_width), head.vector_type.newbyteorder("="))
        order = np.argsort(rows, kind="stable")
        for start, within in _by_chunk(self.directory.vector_starts, rows):
            value = self._value(VECTORS, start, "vector")
            part = unpack_vectors(value, head.vector_type, head.vector_width)[within]
            out[order[at : at + len(within)]] = part
            at += len(within)
        return out

    def _columns(self, start: int) -> Columns:
        return columns_of(self._value(SEQUENCES, start, "sequence"), self.head.step_dtype, self.head.features)

    def _value(self, prefix: bytes, start: int, what: str) -> memoryview:
        key = numbered(prefix, start)
        value = self.transaction.get(key)
        if value is None:
            raise CorruptIndexError(f"the {what} chunk at row {start} is missing")
        return self.directory.proved(key, value)


def _by_chunk(starts: IntArray, rows: IntArray) -> Iterator[tuple[int, IntArray]]:
    """(chunk start, rows within it) over the chunks that hold `rows`, rows ascending."""
    if not len(rows):
        return
    ascending = np.sort(rows, kind="stable")
    chunk = np.searchsorted(starts, ascending, side="right") - 1
    bounds = np.flatnonzero(np.diff(chunk, prepend=-1))
    for first, stop in zip(bounds.tolist(), [*bounds[1:].tolist(), len(ascending)], strict=True):
        start = int(starts[chunk[first]])
        yield start, ascending[first:stop] - start


def _nothing(head: StoreHeader) -> Columns:
    blank = np.zeros(0, np.uint8)
    shape = (0, head.features) if head.features else (0,)
    return Columns(np.zeros((4, 0), "<u4"), np.zeros(shape, head.step_dtype), (blank, blank, blank))


def checked_rows(rows: AnyArray | list[int], count: int) -> IntArray:
    """`rows` as (m,) int64. Raises ParameterError for a row that is not in 0..count-1."""
    given = np.asarray(rows)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ParameterError(f"rows must be a one-dimensional array of whole numbers, not {given.dtype} {given.shape}")
    asked = given.astype(np.int64)
    wrong = asked[(asked < 0) | (asked >= count)]
    if wrong.size:
        raise ParameterError(f"row {wrong[0]} is outside 0..{count - 1}")
    return asked
