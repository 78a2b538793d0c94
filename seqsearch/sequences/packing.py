"""DNA and RNA at two bits a letter: kernels that pack rows, and that unpack some of them.

Row i of a set whose letters before it number p begins at byte (p + 3 i) // 4, so that no two rows share a byte and no
column of places is needed: ceil(length / 4) <= (length + 3) / 4, which is how far the next row begins. Four letters are
in a byte, the first in its lowest bits. A symbol that is not one of the four (IUPAC codes, N) is packed as 0 and listed
as an exception: its place among all letters, and its code.
"""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, ByteArray, IntArray
from ..jit import kernel, prange
from ..threads import numba_threads

CANONICAL = 4
BLOCK = 64
"""Rows that share an entry of the table which says where their exceptions begin."""

_MANY = 1 << 20  # bytes from which on threads are worth their start
_SOME = 256  # rows that a thread takes at a time


def packed_bytes(letters: int, rows: int) -> int:
    """Bytes that `letters` letters in `rows` rows take: where a row after the last would begin."""
    return (letters + CANONICAL - 1 + 3 * rows) // 4


def pack(data: ByteArray, offsets: IntArray, letters: int = 0, rows: int = 0) -> tuple[ByteArray, IntArray, ByteArray]:
    """Pack rows that come after `letters` letters in `rows` rows: the bytes from the first of them to the end, and the
    places (counted from the first letter of all) and codes of the exceptions."""
    start = (letters + 3 * rows) // 4
    count = len(offsets) - 1
    out = np.zeros(packed_bytes(letters + int(offsets[-1] - offsets[0]), rows + count) - start, np.uint8)
    within = data[offsets[0] : offsets[-1]]
    _pack(within, offsets - offsets[0], letters, rows, start, out)
    exceptions = np.flatnonzero(within >= CANONICAL)
    return out, exceptions + letters, within[exceptions]


def unpack(
    packed: ByteArray,
    rows: IntArray,
    starts: IntArray,
    lengths: IntArray,
    exceptions: tuple[IntArray, ByteArray, IntArray],
    out: ByteArray,
    places: IntArray,
) -> None:
    """Unpack `rows` of a set, (m,), whose letters begin at `starts`, each to `out` from its place in `places` on.

    `exceptions`: their places, their codes, and for each block of rows where its own begin.
    """
    if len(rows) > _SOME and out.nbytes > _MANY and numba_threads() > 1:
        _unpack_beside(packed, rows, starts, lengths, *exceptions, out, places)
    else:
        _unpack_some(packed, rows, starts, lengths, *exceptions, out, places, 0, len(rows))


def copy_rows(data: AnyArray, starts: IntArray, lengths: IntArray, out: AnyArray, places: IntArray) -> None:
    """Copy rows of elements, `lengths` of them from `starts` on, to `out` from `places` on; both C-ordered."""
    width = data.dtype.itemsize * int(np.prod(data.shape[1:], dtype=np.int64))
    raw, into = (array.reshape(-1).view(np.uint8) for array in (data, out))
    if len(starts) > _SOME and into.nbytes > _MANY and numba_threads() > 1:
        _copy_beside(raw, starts * width, lengths * width, into, places * width)
    else:
        _copy_some(raw, starts * width, lengths * width, into, places * width, 0, len(starts))


@kernel()
def _pack(data: ByteArray, offsets: IntArray, letters: int, rows: int, start: int, out: ByteArray) -> None:
    for row in range(len(offsets) - 1):
        first = offsets[row]
        at = (letters + first + 3 * (rows + row)) // 4 - start
        for place in range(offsets[row + 1] - first):
            code = data[first + place]
            if code < CANONICAL:
                out[at + place // 4] |= code << (2 * (place % 4))


@kernel()
def _unpack_some(
    packed: ByteArray,
    rows: IntArray,
    starts: IntArray,
    lengths: IntArray,
    exceptions: IntArray,
    symbols: ByteArray,
    blocks: IntArray,
    out: ByteArray,
    places: IntArray,
    first: int,
    stop: int,
) -> None:
    for i in range(first, stop):
        row, start, length, place = rows[i], starts[i], lengths[i], places[i]
        at = (start + 3 * row) // 4
        source = packed[at : at + (length + 3) // 4]
        target = out[place : place + length]
        whole = length // 4
        for byte in range(whole):  # of slices and without a condition: LLVM works on many bytes at once
            code = source[byte]
            target[4 * byte] = code & 3
            target[4 * byte + 1] = (code >> 2) & 3
            target[4 * byte + 2] = (code >> 4) & 3
            target[4 * byte + 3] = code >> 6
        for letter in range(4 * whole, length):
            target[letter] = (source[whole] >> (2 * (letter % 4))) & 3
        low, high = blocks[row // BLOCK], blocks[row // BLOCK + 1]
        if low < high:
            last = high
            while low < high:
                middle = (low + high) // 2
                if exceptions[middle] < start:
                    low = middle + 1
                else:
                    high = middle
            while low < last and exceptions[low] < start + length:
                out[place + exceptions[low] - start] = symbols[low]
                low += 1


@kernel(parallel=True)
def _unpack_beside(
    packed: ByteArray,
    rows: IntArray,
    starts: IntArray,
    lengths: IntArray,
    exceptions: IntArray,
    symbols: ByteArray,
    blocks: IntArray,
    out: ByteArray,
    places: IntArray,
) -> None:
    for part in prange((len(rows) + _SOME - 1) // _SOME):
        first = part * _SOME
        stop = min(first + _SOME, len(rows))
        _unpack_some(packed, rows, starts, lengths, exceptions, symbols, blocks, out, places, first, stop)


@kernel()
def _copy_some(
    data: ByteArray, starts: IntArray, lengths: IntArray, out: ByteArray, places: IntArray, first: int, stop: int
) -> None:
    for i in range(first, stop):
        source = data[starts[i] : starts[i] + lengths[i]]
        target = out[places[i] : places[i] + lengths[i]]
        for byte in range(lengths[i]):
            target[byte] = source[byte]


@kernel(parallel=True)
def _copy_beside(data: ByteArray, starts: IntArray, lengths: IntArray, out: ByteArray, places: IntArray) -> None:
    for part in prange((len(starts) + _SOME - 1) // _SOME):
        first = part * _SOME
        _copy_some(data, starts, lengths, out, places, first, min(first + _SOME, len(starts)))
