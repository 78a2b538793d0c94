"""The graph where hnswlib is not installed, which has to be compiled: the same algorithm in numba, the same files.

Inserted one after the other on one thread (Malkov and Yashunin, 2020, algorithms 1 to 5, with the choices of hnswlib:
M links of a new node on each level, 2 M at most on level 0), so that the same calls give the same bytes whatever the
number of threads; searches run on all of them.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from .. import threads
from ..arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..jit import kernel
from .graph_checks import HIGHEST_LEVEL, GraphState, check_state
from .linked import LinkedGraph
from .rows import grown
from .walk import Links

_QUERIES = 16  # at least, that another thread is woken for


class Net(NamedTuple):
    """Vectors (n, D); links of level 0, (n, 2M) int32, -1 behind the last; `start` (n,), where the lists of a node
    begin in `upper`, (lists, M) int32, that of level l at start + l - 1."""

    vectors: FloatArray
    near: AnyArray
    start: IntArray
    upper: AnyArray


class Walk(NamedTuple):
    """Room for one walk: `seen` (n,) stamps; `keys`, `nodes`, `done`, of those met, nearest first, (width + 1,)."""

    seen: AnyArray
    keys: FloatArray
    nodes: AnyArray
    done: BoolArray


class OwnGraph(LinkedGraph):
    """See `LinkedGraph`. A node that is marked as deleted takes a place in walks, which are as much wider."""

    def __init__(
        self, *, dim: int, m: int, ef_construction: int, seed: int, capacity: int = 1024, product: bool = False
    ) -> None:
        super().__init__(dim=dim, m=m, ef_construction=ef_construction, seed=seed, capacity=capacity, product=product)
        self._levels: AnyArray = np.zeros(0, dtype=np.int32)
        self._entry, self._top = 0, 0
        nothing = np.zeros((0, dim), dtype=np.float32)
        self._net = Net(nothing, _no_links(0, 2 * m), np.zeros(0, dtype=np.int64), _no_links(0, m))

    def add(self, vectors: FloatArray) -> None:
        if not len(vectors):
            return
        first, end = len(self), len(self) + len(vectors)
        levels = _levels_of(np.arange(first, end), self.m, self.seed)
        lists = int(self._levels.sum(dtype=np.int64))
        more = lists + int(levels.sum(dtype=np.int64))
        old = self._net
        net = Net(grown(old.vectors, end), grown(old.near, end), grown(old.start, end), grown(old.upper, more))
        net.vectors[first:end], net.near[first:end], net.upper[lists:more] = vectors, -1, -1
        net.start[first:end] = lists + np.cumsum(levels, dtype=np.int64) - levels
        self._net, self._levels = net, np.concatenate([self._levels, levels])
        self._marked = np.concatenate([self._marked, np.zeros(len(vectors), dtype=np.bool_)])
        width = max(self.ef_construction, self.m)
        self._entry, self._top = _insert(net, self._levels, first, self._entry, self._top, self.m, width)

    def mark(self, nodes: IntArray, deleted: bool) -> None:
        self._marked[nodes] = deleted

    def _fill(self, vectors: FloatArray, count: int, ef: int, nodes: IntArray, distances: FloatArray) -> None:
        width = min(-(-max(ef, count) * len(self) // self.live), len(self))
        asked = np.ascontiguousarray(vectors)
        size = max(_QUERIES, -(-len(asked) // threads.numba_threads()))

        def ask(first: int, last: int) -> None:
            to = nodes[first:last], distances[first:last]
            _ask(self._net, self._marked, asked[first:last], self._entry, self._top, width, count, *to)

        threads.in_blocks(len(asked), size, ask)

    def vectors(self, nodes: IntArray) -> FloatArray:
        return self._net.vectors[nodes]

    def state(self) -> GraphState:
        count, layout = len(self), self.layout
        level0 = np.zeros((count, layout.element_bytes), dtype=np.uint8)
        words = level0.view("<u4")
        _to_lists(self._net.near[:count], level0, words)
        level0[:, 2] = self._marked
        words[:, layout.links0_bytes // 4 : layout.label_offset // 4] = self._net.vectors[:count].view("<u4")
        words[:, layout.label_offset // 4] = np.arange(count)
        upper = np.zeros((int(self._levels.sum(dtype=np.int64)), layout.upper_bytes), dtype=np.uint8)
        _to_lists(self._net.upper[: len(upper)], upper, upper.view("<u4"))
        return GraphState(self._top, self._entry, self._levels.copy(), level0, upper.reshape(-1))

    def restored(self, state: GraphState) -> Self:
        labels, marked = check_state(self.layout, state)
        graph, layout = self._like(), self.layout
        if not state.count:
            return graph
        links = Links.of_state(state, layout, spare=0)
        words = np.ascontiguousarray(state.level0).view("<f4")
        vectors = np.empty((state.count, self.dim), dtype=np.float32)
        vectors[labels] = words[:, layout.links0_bytes // 4 : layout.label_offset // 4]
        graph._net = Net(vectors, links.near, links.upper_start, links.upper)
        graph._levels = np.empty(state.count, dtype=np.int32)
        graph._levels[labels] = state.levels
        graph._entry, graph._top = links.entry, links.max_level
        graph._marked = np.zeros(state.count, dtype=np.bool_)
        graph._marked[labels] = marked
        graph._in_order()
        return graph

    def _in_order(self) -> None:
        """Lists above level 0 in the order of their nodes, as `state` writes them: those of a file are in its own."""
        start = np.cumsum(self._levels, dtype=np.int64) - self._levels
        of = np.repeat(self._net.start, self._levels) + np.arange(len(self._net.upper)) - np.repeat(start, self._levels)
        self._net = self._net._replace(start=start, upper=np.ascontiguousarray(self._net.upper[of]))


def _no_links(count: int, width: int) -> AnyArray:
    return np.full((count, width), -1, dtype=np.int32)


def _levels_of(nodes: IntArray, m: int, seed: int) -> AnyArray:
    """(n,) int32: the level of each node, geometric with base `m`, by its number and `seed` alone (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = nodes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    share = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    levels: AnyArray = np.minimum(-np.log(1.0 - share) / np.log(m), HIGHEST_LEVEL).astype(np.int32)
    return levels


def _to_lists(links: AnyArray, lists: AnyArray, words: AnyArray) -> None:
    """Links (n, width), -1 behind the last, as hnswlib has them: to `lists` (n, bytes), which `words` shows by four."""
    there = links >= 0
    lists[:, :2] = there.sum(axis=1).astype("<u2").view(np.uint8).reshape(-1, 2)
    words[:, 1 : 1 + links.shape[1]] = np.where(there, links, 0)


@kernel(inline=True, fastmath=True)
def _gap(u: FloatArray, v: FloatArray) -> np.float32:
    total = np.float32(0.0)
    for d in range(u.shape[0]):
        difference = u[d] - v[d]
        total += difference * difference
    return total


@kernel(inline=True)
def _links_of(net: Net, node: int, level: int) -> AnyArray:
    """What a node is linked to on a level: a view."""
    links: AnyArray = net.near[node] if level == 0 else net.upper[net.start[node] + level - 1]
    return links


@kernel()
def _step_down(net: Net, query: FloatArray, at: int, level: int, last: int) -> int:
    """From node `at` to better ones, on each level from `level` down to above `last`."""
    best = _gap(query, net.vectors[at])
    for here in range(level, last, -1):
        moved = True
        while moved:
            moved = False
            for node in _links_of(net, at, here):
                if node < 0:
                    break
                key = _gap(query, net.vectors[node])
                if key < best:
                    best, at, moved = key, int(node), True
    return at


@kernel()
def _wander(net: Net, query: FloatArray, start: int, level: int, width: int, stamp: int, walk: Walk) -> int:
    """The nearest `width` nodes that are met on a level from `start` on, to `walk`; how many."""
    seen, keys, nodes, done = walk
    mark = np.uint32(stamp)
    seen[start] = mark
    keys[0], nodes[0], done[0] = _gap(query, net.vectors[start]), start, False
    size, at = 1, 0
    while at < size:
        if done[at]:
            at += 1
            continue
        done[at] = True
        first_change = at + 1
        for link in _links_of(net, nodes[at], level):
            if link < 0:
                break
            if seen[link] == mark:
                continue
            seen[link] = mark
            key = _gap(query, net.vectors[link])
            if size == width and key >= keys[size - 1]:
                continue
            place = size if size < width else width - 1
            while place > 0 and keys[place - 1] > key:
                keys[place], nodes[place], done[place] = keys[place - 1], nodes[place - 1], done[place - 1]
                place -= 1
            keys[place], nodes[place], done[place] = key, link, False
            size = min(size + 1, width)
            first_change = min(first_change, place)
        at = first_change
    return size


@kernel()
def _choose(net: Net, keys: FloatArray, nodes: AnyArray, size: int, most: int, chosen: AnyArray) -> int:
    """Of nodes in order of their distances `keys`, those that are nearer to the centre than to any chosen before:
    `most` at most, to `chosen`; how many."""
    count = 0
    for i in range(size):
        if count == most:
            break
        good = True
        for j in range(count):
            if _gap(net.vectors[nodes[i]], net.vectors[chosen[j]]) < keys[i]:
                good = False
                break
        if good:
            chosen[count] = nodes[i]
            count += 1
    return count


@kernel()
def _link_back(net: Net, to: int, node: int, level: int, keys: FloatArray, nodes: AnyArray, chosen: AnyArray) -> None:
    """Add a link from `to` to `node`, or choose among all of them where there is no room."""
    links = _links_of(net, to, level)
    used = links.shape[0]
    while used > 0 and links[used - 1] < 0:
        used -= 1
    if used < links.shape[0]:
        links[used] = node
        return
    for i in range(used + 1):
        other = links[i] if i < used else node
        key = _gap(net.vectors[to], net.vectors[other])
        place = i
        while place > 0 and keys[place - 1] > key:
            keys[place], nodes[place] = keys[place - 1], nodes[place - 1]
            place -= 1
        keys[place], nodes[place] = key, other
    count = _choose(net, keys, nodes, used + 1, used, chosen)
    for i in range(used):
        links[i] = chosen[i] if i < count else -1


@kernel()
def _insert(net: Net, levels: AnyArray, first: int, entry: int, top: int, m: int, width: int) -> tuple[int, int]:
    """Link nodes `first` and on, whose lists are empty; the entry point and its level from now on."""
    count = levels.shape[0]
    walk = Walk(
        np.zeros(count, dtype=np.uint32),
        np.empty(width + 1, dtype=np.float32),
        np.empty(width + 1, dtype=np.int32),
        np.empty(width + 1, dtype=np.bool_),
    )
    chosen, stamp = np.empty(m, dtype=np.int32), 0
    keys = np.empty(2 * m + 1, dtype=np.float32)
    nodes, again = np.empty(2 * m + 1, dtype=np.int32), np.empty(2 * m + 1, dtype=np.int32)
    for node in range(first, count):
        level = levels[node]
        if node == 0:
            entry, top = 0, level
            continue
        query = net.vectors[node]
        at = _step_down(net, query, entry, top, level)
        for here in range(min(level, top), -1, -1):
            stamp += 1
            size = _wander(net, query, at, here, width, stamp, walk)
            at = int(walk.nodes[0])
            linked = _choose(net, walk.keys, walk.nodes, size, m, chosen)
            own = _links_of(net, node, here)
            for i in range(linked):
                own[i] = chosen[i]
                _link_back(net, chosen[i], node, here, keys, nodes, again)
        if level > top:
            entry, top = node, level
    return entry, top


@kernel()
def _ask(
    net: Net,
    marked: BoolArray,
    queries: FloatArray,
    entry: int,
    top: int,
    width: int,
    count: int,
    nodes_out: IntArray,
    distances_out: FloatArray,
) -> None:
    """The nearest `count` unmarked nodes of each query, of `width` met, and squared distances."""
    walk = Walk(
        np.zeros(marked.shape[0], dtype=np.uint32),
        np.empty(width + 1, dtype=np.float32),
        np.empty(width + 1, dtype=np.int32),
        np.empty(width + 1, dtype=np.bool_),
    )
    for q in range(queries.shape[0]):
        at = _step_down(net, queries[q], entry, top, 0)
        size = _wander(net, queries[q], at, 0, width, q + 1, walk)
        found = 0
        for i in range(size):
            if found == count:
                break
            if not marked[walk.nodes[i]]:
                nodes_out[q, found], distances_out[q, found] = walk.nodes[i], walk.keys[i]
                found += 1
