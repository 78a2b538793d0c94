"""The loops of the Hamming indexes."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..arrays import AnyArray, FloatArray, IntArray
from ..jit import kernel, popcount
from .kernels import Nearest, insert, merge

CODES = 1 << 16


class CodeTable(NamedTuple):
    """Rows (n,) int32 and codes (n,) uint16 in the order of (code, row); those of code c begin at offsets[c], int32."""

    offsets: AnyArray
    rows: AnyArray
    codes: AnyArray


class Flips(NamedTuple):
    """All XOR masks (65,536,) by number of ones; those with r ones begin at shells[r]."""

    masks: AnyArray
    shells: AnyArray


@kernel()
def bucket_sort(codes: AnyArray, rows: IntArray, out: CodeTable) -> None:
    """Fill a table with rows (n,) and their codes (n,); rows with one code ascend."""
    out.offsets[:] = 0
    for i in range(codes.shape[0]):
        out.offsets[codes[i] + 1] += 1
    for c in range(CODES):
        out.offsets[c + 1] += out.offsets[c]
    at = out.offsets[:CODES].copy()
    for i in range(codes.shape[0]):
        out.rows[at[codes[i]]] = rows[i]
        out.codes[at[codes[i]]] = codes[i]
        at[codes[i]] += 1


@kernel()
def _nearest_rest(code: int, radius: int, table: CodeTable, found: int, best: Nearest) -> int:
    """Fill the line from `found` on with rows at `radius` or farther; how many there are then."""
    best.rows[found:] = -1
    best.distances[found:] = np.inf
    for i in range(table.rows.shape[0]):
        distance = popcount(np.uint64(code ^ table.codes[i]))
        if distance >= radius:
            insert(best.distances, best.rows, np.float32(distance), table.rows[i])
    while found < best.rows.shape[0] and best.rows[found] >= 0:
        found += 1
    return found


@kernel()
def nearest_code(code: int, table: CodeTable, flips: Flips, best: Nearest) -> int:
    """The nearest rows of one 16-bit code, by (distance, row), into a line (k,), and how many there are.

    Shell after shell, as long as a shell has fewer places than there are rows; then the rows one by one.
    """
    offsets, rows, rows_out = table.offsets, table.rows, best.rows
    wanted = rows_out.shape[0]
    found = 0
    for radius in range(17):
        first = found
        if flips.shells[radius + 1] - flips.shells[radius] > rows.shape[0]:
            return _nearest_rest(code, radius, table, first, best)
        for m in range(flips.shells[radius], flips.shells[radius + 1]):
            bucket = code ^ flips.masks[m]
            for i in range(offsets[bucket], offsets[bucket + 1]):
                row = rows[i]
                if found < wanted:
                    at = found
                    found += 1
                elif row < rows_out[wanted - 1]:
                    at = wanted - 1
                else:
                    break  # rows ascend within a bucket
                while at > first and rows_out[at - 1] > row:
                    rows_out[at] = rows_out[at - 1]
                    at -= 1
                rows_out[at] = row
        best.distances[first:found] = radius
        if found == wanted:
            return found
    return found


@kernel()
def _padded(code: int, table: CodeTable, flips: Flips, best: Nearest) -> None:
    found = nearest_code(code, table, flips, best)
    best.rows[found:] = -1
    best.distances[found:] = np.inf


@kernel(parallel=True)
def nearest_codes(codes: AnyArray, table: CodeTable, flips: Flips, best: Nearest) -> None:
    """`nearest_code` for (Q,) codes into lines (Q, k), in threads; padded with -1 and infinity."""
    for q in numba.prange(codes.shape[0]):
        _padded(codes[q], table, flips, Nearest(best.distances[q], best.rows[q]))


@kernel(parallel=True)
def copy_answers(codes: AnyArray, answers: Nearest, rows_out: IntArray, distances_out: FloatArray) -> None:
    """Look the lines (Q, k) of codes (Q,) up in answers to all codes, (65,536, >= k)."""
    for q in numba.prange(codes.shape[0]):
        for j in range(rows_out.shape[1]):
            rows_out[q, j] = answers.rows[codes[q], j]
            distances_out[q, j] = answers.distances[codes[q], j]


@kernel()
def shell_table(counts: IntArray) -> IntArray:
    """(65,536,) rows of each code -> (17, 65,536): [r, c] = rows at distance r from code c.

    One bit after the other: with bit b in play, a row at distance r either agrees in it, or was at r - 1 and differs.
    """
    table = np.zeros((17, CODES), dtype=np.int64)
    table[0] = counts
    for bit in range(16):
        flip = 1 << bit
        for radius in range(bit + 1, 0, -1):
            for code in range(CODES):
                table[radius, code] += table[radius - 1, code ^ flip]
    return table


BLOCK = 2048
"""Codes of which the distances to one query are worked out at a time: they stay in the first-level cache."""


CHUNK = 64
"""Distances whose smallest is looked at before any of them."""


@kernel(inline=True)
def _differ_1(a: int, words: AnyArray, out: AnyArray) -> None:
    for i in range(out.shape[0]):
        out[i] += np.uint16(popcount(a ^ words[i]))


@kernel(inline=True)
def _differ_2(a: int, b: int, first: AnyArray, second: AnyArray, out: AnyArray) -> None:
    for i in range(out.shape[0]):
        out[i] += np.uint16(popcount(a ^ first[i]) + popcount(b ^ second[i]))


@kernel(inline=True)
def _differ_4(query: AnyArray, w0: AnyArray, w1: AnyArray, w2: AnyArray, w3: AnyArray, out: AnyArray) -> None:
    a, b, c, d = query[0], query[1], query[2], query[3]
    for i in range(out.shape[0]):
        low = popcount(a ^ w0[i]) + popcount(b ^ w1[i])
        out[i] += np.uint16(low + popcount(c ^ w2[i]) + popcount(d ^ w3[i]))


@kernel()
def _differences(query: AnyArray, words: AnyArray, start: int, out: AnyArray) -> None:
    """Hamming distances (B,) uint16 between a query (W,) and codes start, start + 1, ... of words (W, n).

    Slices and several words in one pass are what lets LLVM count the ones of many codes at once.
    """
    end = start + out.shape[0]
    out[:] = 0
    w = 0
    while w + 4 <= words.shape[0]:
        _differ_4(
            query[w : w + 4],
            words[w, start:end],
            words[w + 1, start:end],
            words[w + 2, start:end],
            words[w + 3, start:end],
            out,
        )
        w += 4
    if w + 2 <= words.shape[0]:
        _differ_2(query[w], query[w + 1], words[w, start:end], words[w + 1, start:end], out)
        w += 2
    if w < words.shape[0]:
        _differ_1(query[w], words[w, start:end], out)


@kernel(inline=True)
def _smallest(values: AnyArray) -> int:
    least = np.uint16(65535)
    for i in range(values.shape[0]):
        least = min(least, values[i])
    return int(least)


@kernel()
def scan_codes_part(queries: AnyArray, words: AnyArray, start: int, end: int, rows: IntArray, best: Nearest) -> None:
    """Bring lines (Q, k) up to date with codes start..end - 1 of words (W, n); codes with row -1 are passed over."""
    buffer = np.empty(BLOCK, dtype=np.uint16)
    for at in range(start, end, BLOCK):
        size = min(BLOCK, end - at)
        for q in range(queries.shape[0]):
            _differences(queries[q], words, at, buffer[:size])
            worst = best.distances[q, -1]
            bound = 65535 if worst > 65535 else int(worst)
            for chunk in range(0, size, CHUNK):
                stop = min(chunk + CHUNK, size)
                if _smallest(buffer[chunk:stop]) > bound:
                    continue
                for i in range(chunk, stop):
                    if buffer[i] <= bound and rows[at + i] >= 0:  # noqa: SIM102 (the first test is the one that fails)
                        if insert(best.distances[q], best.rows[q], np.float32(buffer[i]), rows[at + i]):
                            worst = best.distances[q, -1]
                            bound = 65535 if worst > 65535 else int(worst)


@kernel(parallel=True)
def scan_codes(tasks: int, queries: AnyArray, words: AnyArray, rows: IntArray, best: Nearest) -> None:
    """`scan_codes_part` in threads, each with a share of the queries."""
    share = (queries.shape[0] + tasks - 1) // tasks
    for task in numba.prange(tasks):
        q = min(task * share, queries.shape[0])
        end = min(q + share, queries.shape[0])
        lines = Nearest(best.distances[q:end], best.rows[q:end])
        scan_codes_part(queries[q:end], words, 0, rows.shape[0], rows, lines)


@kernel(parallel=True)
def scan_shares(tasks: int, queries: AnyArray, words: AnyArray, rows: IntArray, best: Nearest) -> None:
    """`scan_codes_part` in threads, each with a share of the codes; for few queries."""
    share = (rows.shape[0] + tasks - 1) // tasks
    distances = np.full((tasks, best.distances.shape[0], best.distances.shape[1]), np.inf, dtype=np.float32)
    found = np.full((tasks, best.rows.shape[0], best.rows.shape[1]), -1, dtype=np.int64)
    for task in numba.prange(tasks):
        at = min(task * share, rows.shape[0])
        end = min(at + share, rows.shape[0])
        scan_codes_part(queries, words, at, end, rows, Nearest(distances[task], found[task]))
    merge(distances, found, best)
