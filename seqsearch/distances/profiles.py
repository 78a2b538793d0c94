"""k-mer counts: a lower bound of the edit distance, and an order of the targets that puts like with like.

One edit takes away at most q of the q-grams of a sequence and brings at most q new ones, so the counts of two sequences
at edit distance d differ by at most 2 q d in the L1 norm (the q-gram lemma: Ukkonen 1992, "Approximate string-matching
with q-grams and maximal matches"). That holds after any merging of q-grams into buckets and any capping of counts, both
of which only bring counts closer.

With wildcards only q-grams of letters proper are counted: what meets and is counted in both is equal. A q-gram that no
edit touches may be counted in one and not in the other, so that the bound is 2 q d plus the q-grams that were left out
in both (`ambiguous_kernel`).
"""

from __future__ import annotations

import numba
import numpy as np

from ..arrays import AnyArray, ByteArray, IntArray
from ..jit import kernel
from .vectors import outside

# Groups of neighbouring lengths that are sorted by likeness together.
_GROUPS_A_SLAB = 16
_HASH = np.uint64(0x9E3779B97F4A7C15)


@kernel(parallel=True)
def counts_kernel(
    codes: AnyArray, offsets: IntArray, rows: IntArray, q: int, base: int, letters: int, counts: ByteArray
) -> None:
    """counts[i] = how often each bucket of q-grams occurs in codes[offsets[rows[i]]:...], at most 255 told.

    `letters` > 0: only those whose codes are all below it count.
    `base` > 0: the q-gram is a number in that base (codes below it) and its own bucket; 0: it is hashed. The number of
    buckets, counts.shape[1], is a power of 2.
    """
    shift = np.uint64(64)
    size = counts.shape[1]
    while size > 1:
        size //= 2
        shift -= np.uint64(1)
    for i in numba.prange(rows.shape[0]):
        start, end = offsets[rows[i]], offsets[rows[i] + 1]
        proper = start  # no wildcard from here on
        for j in range(start, end - q + 1):
            if letters > 0:
                for t in range(j if j == start else j + q - 1, j + q):
                    if codes[t] >= letters:
                        proper = t + 1
                if proper > j:
                    continue
            key = np.uint64(0)
            if base > 0:
                for t in range(q):
                    key = key * np.uint64(base) + np.uint64(codes[j + t])
                bucket = np.int64(key & np.uint64(counts.shape[1] - 1))
            else:
                for t in range(q):
                    key = (key + np.uint64(codes[j + t]) + np.uint64(1)) * _HASH
                bucket = np.int64(key >> shift)
            if counts[i, bucket] < 255:
                counts[i, bucket] += np.uint8(1)


@kernel(parallel=True)
def ambiguous_kernel(codes: AnyArray, offsets: IntArray, rows: IntArray, q: int, letters: int, found: IntArray) -> None:
    """found[i] = how many q-grams of codes[offsets[rows[i]]:...] have a code that is not below `letters`."""
    for i in numba.prange(rows.shape[0]):
        start, end = offsets[rows[i]], offsets[rows[i] + 1]
        proper, count = start, 0
        for j in range(start, end):
            if codes[j] >= letters:
                proper = j + 1
            count += j - q + 1 >= start and proper > j - q + 1
        found[i] = count


@kernel()
def distances_to(counts: ByteArray, members: IntArray, pivot: int, found: IntArray) -> None:
    """found[i] = L1 distance of counts[members[i]] and counts[pivot]; on one core, as it is short and called often."""
    flat = counts.reshape(-1)
    width = counts.shape[1]
    for i in range(members.shape[0]):
        at = members[i] * width
        found[i] = outside(flat, at, flat, at, flat, pivot * width, width // 64)


def alike(counts: ByteArray, size: int) -> list[IntArray]:
    """Split 0..n-1 into groups of `size` (one may be smaller) whose members have similar counts.

    Each set is cut where the difference of the distances to two far members passes a multiple of `size` near its
    middle. No draw is involved: the same counts give the same groups.
    """
    groups: list[IntArray] = []
    waiting = [np.arange(len(counts))] if len(counts) else []
    while waiting:
        members = waiting.pop()
        if len(members) <= size:
            groups.append(members)
            continue
        one = np.empty(len(members), np.int64)
        other = np.empty(len(members), np.int64)
        distances_to(counts, members, members[0], one)
        distances_to(counts, members, members[one.argmax()], other)
        distances_to(counts, members, members[other.argmax()], one)
        cut = (len(members) // size + 1) // 2 * size
        order = np.argpartition(one - other, cut - 1) if cut < len(members) else np.argsort(one - other)
        waiting.append(members[order[cut:]])
        waiting.append(members[order[:cut]])
    return groups


def alike_in_length(counts: ByteArray, lengths: IntArray, size: int) -> list[IntArray]:
    """Split 0..n-1 into groups of `size` (some may be smaller): of about one length, which keeps bands narrow, and
    among those, like with like.
    """
    by_length = np.argsort(lengths, kind="stable")
    spread = int(lengths.max(initial=0) - lengths.min(initial=0))
    slab = len(lengths) if spread == 0 else _GROUPS_A_SLAB * size
    parts = (by_length[first : first + slab] for first in range(0, len(lengths), max(slab, 1)))
    return [part[group] for part in parts for group in alike(counts[part], size)]


@kernel(parallel=True)
def boxes_kernel(
    counts: ByteArray, lanes: IntArray, size: int, low: ByteArray, middle: ByteArray, high: ByteArray
) -> None:
    """The least, mean and greatest count of each bucket among the rows lanes[g * size:(g + 1) * size] of each group."""
    for g in numba.prange(low.shape[0]):
        low[g, :] = 255
        high[g, :] = 0
        sums = np.zeros(counts.shape[1], np.int64)
        filled = 0
        for i in range(g * size, (g + 1) * size):
            if lanes[i] >= 0:
                filled += 1
                for b in range(counts.shape[1]):
                    low[g, b] = min(low[g, b], counts[lanes[i], b])
                    high[g, b] = max(high[g, b], counts[lanes[i], b])
                    sums[b] += counts[lanes[i], b]
        for b in range(counts.shape[1]):
            middle[g, b] = np.uint8((sums[b] + filled // 2) // max(filled, 1))
