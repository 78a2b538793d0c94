"""The layout of an hnswlib graph in memory, and the proof that a given one is sound.

Element of level 0:   u16 number of links, u8 deleted (bit 0), u8 zero, 2M x u32 links | dim x f32 vector | u64 label
Levels above:         per element and level 1..its level: u16 number of links, u16 zero, M x u32 links
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, ByteArray, IntArray
from ..jit import kernel

_BLOCK = 1 << 14  # vectors looked at at once: no copy of them all


HIGHEST_LEVEL = 40
"""No level above this can occur: levels are geometric with base M >= 2, and 2^-40 of 2^31 nodes is none."""


@dataclass(frozen=True)
class GraphState:
    """Everything hnswlib holds, as arrays."""

    max_level: int
    entry_point: int
    levels: AnyArray
    """(count,) int32: the level of each element."""
    level0: AnyArray
    """(count, element bytes) uint8: links of level 0, vector, label."""
    upper: AnyArray
    """(bytes,) uint8: links of the levels above, element by element."""

    @property
    def count(self) -> int:
        return len(self.levels)


@dataclass(frozen=True)
class Layout:
    """Sizes of an element in bytes."""

    dim: int
    m: int

    @property
    def links0_bytes(self) -> int:
        return 4 + 8 * self.m

    @property
    def label_offset(self) -> int:
        return self.links0_bytes + 4 * self.dim

    @property
    def element_bytes(self) -> int:
        return self.label_offset + 8

    @property
    def upper_bytes(self) -> int:
        """Links of one element on one level above 0."""
        return 4 + 4 * self.m


def check_state(layout: Layout, state: GraphState) -> tuple[IntArray, BoolArray]:
    """The labels (n,) and deletion marks (n,) of a sound graph; ValueError with the first thing that is not sound."""
    levels, level0, upper, count = state.levels, state.level0, state.upper, state.count
    if levels.dtype != np.int32 or levels.ndim != 1:
        raise ValueError("the levels of the graph have another type")
    if level0.dtype != np.uint8 or level0.shape != (count, layout.element_bytes):
        raise ValueError("the elements of the graph have another size")
    if upper.dtype != np.uint8 or upper.ndim != 1:
        raise ValueError("the upper levels of the graph have another type")
    if not count:
        if len(upper):
            raise ValueError("an empty graph has upper levels")
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    if levels.min() < 0 or levels.max() > HIGHEST_LEVEL or levels.max() != state.max_level:
        raise ValueError("the levels of the graph are out of range")
    if not 0 <= state.entry_point < count or levels[state.entry_point] != state.max_level:
        raise ValueError("the entry point of the graph is not on its top level")
    if len(upper) != int(levels.sum(dtype=np.int64)) * layout.upper_bytes:
        raise ValueError("the upper levels of the graph have another size")
    words = np.ascontiguousarray(level0).view("<u4")  # an element is a whole number of them
    labels = _column(level0, layout.label_offset, "<u8")
    named = np.zeros(count, np.bool_)
    named[labels[labels < count].astype(np.int64)] = True
    if not named.all():
        raise ValueError("the labels of the graph are not 0, 1, 2, ... in some order")
    if not all_finite(words.view("<f4")[:, layout.links0_bytes // 4 : layout.label_offset // 4]):
        raise ValueError("a vector of the graph is not finite")
    heads = level0[:, :4]
    if heads[:, 2].max() > 1 or heads[:, 3].any():
        raise ValueError("an element of the graph has unknown marks")
    links0 = words[:, 1 : 1 + 2 * layout.m]
    if not links_sound(_column(level0, 0, "<u2"), links0, np.zeros(count, dtype=np.int64), levels):
        raise ValueError("a link of level 0 leads out of the graph")
    lists = upper.reshape(-1, layout.upper_bytes)
    if lists[:, 2:4].any():
        raise ValueError("an upper level of the graph has unknown marks")
    starts = np.cumsum(levels, dtype=np.int64) - levels
    of_level = np.arange(len(lists), dtype=np.int64) - np.repeat(starts, levels) + 1
    if not links_sound(_column(lists, 0, "<u2"), _columns(lists, 4, layout.m, "<u4"), of_level, levels):
        raise ValueError("a link of an upper level leads out of the graph or to an element below that level")
    return labels.astype(np.int64), heads[:, 2].astype(np.bool_)


def _columns(table: ByteArray, offset: int, width: int, dtype: str) -> AnyArray:
    """A copy of `width` numbers that begin `offset` bytes into each row."""
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(table[:, offset : offset + size * width]).view(dtype)


def _column(table: ByteArray, offset: int, dtype: str) -> AnyArray:
    return _columns(table, offset, 1, dtype)[:, 0]


def all_finite(vectors: AnyArray) -> bool:
    """Whether (n, D) float32, which need not be contiguous, hold neither infinity nor NaN."""
    return all(np.isfinite(vectors[at : at + _BLOCK]).all() for at in range(0, len(vectors), _BLOCK))


@kernel()
def links_sound(counts: AnyArray, links: AnyArray, of_level: IntArray, levels: AnyArray) -> bool:
    """Whether each list links[i, :counts[i]], which belongs to level of_level[i], holds elements of that level."""
    for i in range(links.shape[0]):
        if counts[i] > links.shape[1]:
            return False
        for j in range(counts[i]):
            target = links[i, j]
            if target >= levels.shape[0] or levels[target] < of_level[i]:
                return False
    return True
