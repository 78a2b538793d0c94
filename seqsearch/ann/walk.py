"""A walk through a graph by the true distance, where the graph itself was built by another.

The links of an L2 graph over reduced vectors lead to near points in the true geometry too, but walking by the reduced
distance costs a wide search (and float32 digits, near the rim of the ball). A walk by the true distance is as good with
a fraction of the width. It is the beam search of Malkov and Yashunin (2020, algorithms 2 and 5).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from .. import threads
from ..arrays import AnyArray, FloatArray, IntArray
from ..jit import kernel
from .graph_checks import GraphState, Layout
from .kernels import MANHATTAN
from .linked import LinkedGraph

SPARE = 16
"""Places for links that repair the graph: see `Links.repair`."""

MANY = 32
"""Queries from which more than one thread is woken."""


class Links(NamedTuple):
    """The links of the first `nodes` nodes of a graph, by node number."""

    nodes: int
    entry: int
    max_level: int
    near: AnyArray
    """(nodes, 2M + SPARE) int32: links of level 0, -1 behind the last."""
    upper_start: IntArray
    """(nodes,): where the lists of a node begin in `upper`; the list of level l is upper_start + l - 1."""
    upper: AnyArray
    """(lists, M) int32: links of the levels above, -1 behind the last."""

    @classmethod
    def of(cls, graph: LinkedGraph) -> Links:
        """A copy of the links as they are now."""
        return cls.of_state(graph.state(), graph.layout, SPARE)

    @classmethod
    def of_state(cls, state: GraphState, layout: Layout, spare: int) -> Links:
        """The links of a sound state, with `spare` places in each list of level 0."""
        count = state.count
        if not count:
            nothing = np.zeros((0, spare), dtype=np.int32)
            return cls(0, 0, 0, nothing, np.zeros(0, dtype=np.int64), nothing)
        labels = np.ascontiguousarray(state.level0[:, layout.label_offset :]).view("<u8")[:, 0].astype(np.int32)
        near = _links(state.level0[:, : layout.links0_bytes], labels, spare)
        starts = np.cumsum(state.levels, dtype=np.int64) - state.levels
        by_node = np.empty_like(near)
        by_node[labels] = near
        start_by_node = np.empty_like(starts)
        start_by_node[labels] = starts
        upper = _links(state.upper.reshape(-1, layout.upper_bytes), labels, 0)
        return cls(count, int(labels[state.entry_point]), state.max_level, by_node, start_by_node, upper)

    def repair(self, links: IntArray) -> None:
        """Add links (from, to), given as (m, 2), where there is a place for them."""
        _add_links(self.near, links)


def _links(lists: AnyArray, labels: AnyArray, spare: int) -> AnyArray:
    """Lists of hnswlib (n, bytes) -> (n, width + spare) int32 node numbers, -1 behind the last."""
    counts = np.ascontiguousarray(lists[:, :2]).view("<u2")
    links = np.ascontiguousarray(lists[:, 4:]).view("<u4").astype(np.int64)
    filled = np.arange(links.shape[1])[None, :] < counts
    links[~filled] = 0
    numbers = np.full((len(links), links.shape[1] + spare), -1, dtype=np.int32)
    numbers[:, : links.shape[1]] = np.where(filled, labels[links], np.int32(-1))
    return numbers


def walk(code: int, links: Links, queries: FloatArray, vectors: FloatArray, scales: FloatArray, width: int) -> IntArray:
    """The nearest nodes that a walk of a certain width meets: (Q, width) in order, -1 behind the last.

    scales: (n,) factors of the squared distances, 1 / (1 - |v|^2) in hyperbolic space.
    """
    nodes = np.empty((len(queries), width), dtype=np.int64)
    tasks = threads.numba_threads()
    if tasks == 1 or len(queries) < MANY:
        _walk_part(code, links, queries, vectors, scales, nodes)
    else:
        _walk_parts(tasks, code, links, queries, vectors, scales, nodes)
    return nodes


@kernel()
def _add_links(near: AnyArray, added: IntArray) -> None:
    for i in range(added.shape[0]):
        links = near[added[i, 0]]
        for j in range(links.shape[0]):
            if links[j] == added[i, 1]:
                break
            if links[j] < 0:
                links[j] = added[i, 1]
                break


@kernel(inline=True, fastmath=True)
def _squared(u: FloatArray, v: FloatArray) -> np.float32:
    total = np.float32(0.0)
    for d in range(u.shape[0]):
        difference = u[d] - v[d]
        total += difference * difference
    return total


@kernel(inline=True, fastmath=True)
def _city_block(u: FloatArray, v: FloatArray) -> np.float32:
    total = np.float32(0.0)
    for d in range(u.shape[0]):
        total += abs(u[d] - v[d])
    return total


@kernel(inline=True)
def _key(code: int, query: FloatArray, vectors: FloatArray, scales: FloatArray, node: int) -> np.float32:
    """Grows with the distance, for one query."""
    if code == MANHATTAN:
        return _city_block(query, vectors[node])
    key: np.float32 = _squared(query, vectors[node]) * scales[node]
    return key


@kernel()
def _descend(code: int, links: Links, query: FloatArray, vectors: FloatArray, scales: FloatArray) -> int:
    """The node at which level 0 is entered: on each level above, the best that steps to better ones lead to."""
    at = links.entry
    best = _key(code, query, vectors, scales, at)
    for level in range(links.max_level, 0, -1):
        moved = True
        while moved:
            moved = False
            row = links.upper_start[at] + level - 1
            for j in range(links.upper.shape[1]):
                node = links.upper[row, j]
                if node < 0:
                    break
                key = _key(code, query, vectors, scales, node)
                if key < best:
                    best, at, moved = key, node, True
    return at


@kernel()
def _walk_part(
    code: int, links: Links, queries: FloatArray, vectors: FloatArray, scales: FloatArray, nodes_out: IntArray
) -> None:
    near = links.near
    width = nodes_out.shape[1]
    seen = np.zeros(near.shape[0], dtype=np.uint32)
    keys = np.empty(width + 1, dtype=np.float32)
    pool = np.empty(width + 1, dtype=np.int64)
    done = np.empty(width + 1, dtype=np.bool_)
    for q in range(queries.shape[0]):
        query = queries[q]
        stamp = np.uint32(q + 1)
        start = _descend(code, links, query, vectors, scales)
        seen[start] = stamp
        keys[0], pool[0], done[0] = _key(code, query, vectors, scales, start), start, False
        size, at = 1, 0
        while at < size:
            if done[at]:
                at += 1
                continue
            done[at] = True
            node = pool[at]
            first_change = at + 1
            for j in range(near.shape[1]):
                link = near[node, j]
                if link < 0:
                    break
                if seen[link] == stamp:
                    continue
                seen[link] = stamp
                key = _key(code, query, vectors, scales, link)
                if size == width and key >= keys[size - 1]:
                    continue
                place = size if size < width else width - 1
                while place > 0 and keys[place - 1] > key:
                    keys[place], pool[place], done[place] = keys[place - 1], pool[place - 1], done[place - 1]
                    place -= 1
                keys[place], pool[place], done[place] = key, link, False
                size = min(size + 1, width)
                first_change = min(first_change, place)
            at = first_change
        nodes_out[q, :size] = pool[:size]
        nodes_out[q, size:] = -1


@kernel(parallel=True)
def _walk_parts(
    tasks: int,
    code: int,
    links: Links,
    queries: FloatArray,
    vectors: FloatArray,
    scales: FloatArray,
    nodes_out: IntArray,
) -> None:
    share = (queries.shape[0] + tasks - 1) // tasks
    for task in numba.prange(tasks):
        q = min(task * share, queries.shape[0])
        end = min(q + share, queries.shape[0])
        _walk_part(code, links, queries[q:end], vectors, scales, nodes_out[q:end])
