"""Raw faiss, as its documentation builds a large index: lists of compressed vectors, or a graph; by factory string."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqsearch.arrays import FloatArray, IntArray

from .graphs import EF_CONSTRUCTION, M

SAMPLE = 64  # vectors a list to train on
LEAST_SAMPLE = 20_000


def list_count(size: int) -> int:
    """The power of two next to three times the root of the size: 512 at 30,000, 4,096 at 1M, 8,192 at 10M."""
    return int(2 ** np.clip(np.round(np.log2(3 * np.sqrt(size))), 4, 16))


@dataclass(frozen=True)
class Layout:
    """A faiss index by the string of its factory, in which {lists} is `list_count` and {full} the dimension.

    `residual`: product quantizers code what the lists leave; fast scan does not of itself.
    """

    factory: str
    effort: ClassVar[str] = "nprobe"
    residual: bool = False

    def made(self, size: int, dim: int, inner: bool) -> Any:
        import faiss

        text = self.factory.format(lists=list_count(size), full=dim)
        index = faiss.index_factory(dim, text, faiss.METRIC_INNER_PRODUCT if inner else faiss.METRIC_L2)
        if "HNSW" in text:
            index.hnsw.efConstruction = EF_CONSTRUCTION
        elif self.residual:
            index.by_residual = True
        return index


IVF_PQ = Layout("IVF{lists},PQ128x4fs")
IVF_RABITQ = Layout("IVF{lists},RaBitQ")
IVF_FLAT = Layout("IVF{lists},Flat")
HNSW = Layout(f"HNSW{M},Flat")


class FaissIndex:
    """Train on a sample, add in batches, save, load, search."""

    def __init__(self, layout: Layout, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.layout = layout
        self.index: Any = None

    def build(self, sample: FloatArray, parts: Iterable[FloatArray], size: int, *, inner: bool = False) -> None:
        self.index = self.layout.made(size, sample.shape[1], inner)
        self.index.train(sample)
        for part in parts:
            self.index.add(part)

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self.index, str(path))

    def load(self, path: Path) -> None:
        import faiss

        self.index = faiss.read_index(str(path))

    def search(self, queries: FloatArray, count: int, effort: int) -> IntArray:
        if hasattr(self.index, "hnsw"):
            self.index.hnsw.efSearch = max(effort, count)
        else:
            self.index.nprobe = effort
        return np.asarray(self.index.search(queries, count)[1])
