"""hnswlib, held so that nothing can crash it. No other file knows its name, but `exchange`, which writes its files.

It breaks where something is added during a search, or where it grows during one (hnswlib issues 562 and 590); its owner
sees to that. Its state travels as arrays whose every number is checked before the library sees it, because it trusts
what it loads (issue 673). Without it graphs are those of `own_graph.py`.
"""

from __future__ import annotations

from typing import Any, Self

import hnswlib
import numpy as np

from .. import threads
from ..arrays import FloatArray, IntArray
from .graph_checks import GraphState, check_state
from .linked import LinkedGraph


class Graph(LinkedGraph):
    """See `LinkedGraph`. By inner products (`product`) it is a tenth faster: the squared distance, 2 - 2 xy, is then
    rounded to the seventh digit of 1, not of itself.
    """

    def __init__(
        self, *, dim: int, m: int, ef_construction: int, seed: int, capacity: int = 1024, product: bool = False
    ) -> None:
        super().__init__(dim=dim, m=m, ef_construction=ef_construction, seed=seed, capacity=capacity, product=product)
        self._index: Any = hnswlib.Index("ip" if product else "l2", dim)
        self._index.init_index(max(capacity, 1), ef_construction=ef_construction, M=m, random_seed=seed)

    def add(self, vectors: FloatArray) -> None:
        if not len(vectors):
            return
        first = len(self._marked)
        if first + len(vectors) > self._index.get_max_elements():
            self._index.resize_index(max(first + len(vectors), first + first // 2))
        labels = np.arange(first, first + len(vectors), dtype=np.int64)
        self._index.add_items(vectors, labels, num_threads=threads.count())
        self._marked = np.concatenate([self._marked, np.zeros(len(vectors), dtype=np.bool_)])

    def mark(self, nodes: IntArray, deleted: bool) -> None:
        for node in nodes[self._marked[nodes] != deleted].tolist():
            (self._index.mark_deleted if deleted else self._index.unmark_deleted)(node)
        self._marked[nodes] = deleted

    def _fill(self, vectors: FloatArray, count: int, ef: int, nodes: IntArray, distances: FloatArray) -> None:
        """hnswlib raises when one query of a batch has fewer results than asked for: such a batch is halved."""
        self._index.set_ef(max(ef, count))
        waiting = [slice(0, len(vectors))]
        while waiting:
            part = waiting.pop()
            try:
                labels, squared = self._index.knn_query(vectors[part], k=count, num_threads=threads.count())
            except RuntimeError:
                if part.stop - part.start > 1:
                    middle = (part.start + part.stop) // 2
                    waiting += [slice(part.start, middle), slice(middle, part.stop)]
                continue
            nodes[part, :count] = labels.astype(np.int64)
            distances[part, :count] = np.maximum(2 * squared, 0) if self.product else squared

    def vectors(self, nodes: IntArray) -> FloatArray:
        if not len(nodes):
            return np.zeros((0, self.dim), dtype=np.float32)
        hidden = np.unique(nodes[self._marked[nodes]])
        for node in hidden.tolist():  # the library refuses to show what is marked
            self._index.unmark_deleted(node)
        try:
            found: FloatArray = np.asarray(self._index.get_items(nodes), dtype=np.float32)
        finally:
            for node in hidden.tolist():
                self._index.mark_deleted(node)
        return found

    def state(self) -> GraphState:
        raw = self._index.__getstate__()[0]
        count = int(raw["cur_element_count"])
        return GraphState(
            max_level=int(raw["max_level"]),
            entry_point=int(np.uint32(raw["enterpoint_node"] & 0xFFFFFFFF)) if count else 0,
            levels=raw["element_levels"][:count].copy(),
            level0=raw["data_level0"].view(np.uint8).reshape(count, self.layout.element_bytes),
            upper=raw["link_lists"].view(np.uint8).reshape(-1),
        )

    def restored(self, state: GraphState) -> Self:
        labels, marked = check_state(self.layout, state)
        graph = self._like()
        if not state.count:
            return graph
        raw = graph._index.__getstate__()[0]
        raw.update(
            max_elements=state.count,
            cur_element_count=state.count,
            ep_added=True,
            max_level=state.max_level,
            enterpoint_node=state.entry_point,
            has_deletions=bool(marked.any()),
            label_lookup_external=labels.astype(np.uint64),
            label_lookup_internal=np.arange(state.count, dtype=np.uint32),
            element_levels=np.ascontiguousarray(state.levels, dtype=np.int32),
            data_level0=np.ascontiguousarray(state.level0).reshape(-1).view(np.int8),
            link_lists=np.ascontiguousarray(state.upper).view(np.int8),
        )
        graph._index = hnswlib.Index.__new__(hnswlib.Index)  # a state can only be set where nothing is yet
        graph._index.__setstate__((raw,))
        graph._marked = np.zeros(state.count, dtype=np.bool_)
        graph._marked[labels] = marked
        return graph
