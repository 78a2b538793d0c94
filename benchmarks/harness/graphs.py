"""The three graph libraries behind one small interface: vectors in, files, nearest rows out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seqsearch.arrays import FloatArray, IntArray

M, EF_CONSTRUCTION = 16, 200


class Graph(Protocol):
    """`metric`: "l2" or "cosine"."""

    module: str
    package: str

    def __init__(self, metric: str, dim: int, threads: int) -> None: ...
    def build(self, vectors: FloatArray, path: Path) -> None: ...
    def load(self, path: Path) -> None: ...
    def search(self, queries: FloatArray, count: int, ef: int) -> IntArray: ...


class Hnswlib:
    module = package = "hnswlib"

    def __init__(self, metric: str, dim: int, threads: int) -> None:
        import hnswlib

        self.threads = threads
        self.index = hnswlib.Index(metric, dim)

    def build(self, vectors: FloatArray, path: Path) -> None:
        self.index.init_index(len(vectors), M=M, ef_construction=EF_CONSTRUCTION, random_seed=0)
        self.index.add_items(vectors, num_threads=self.threads)
        self.index.save_index(str(path))

    def load(self, path: Path) -> None:
        self.index.load_index(str(path))

    def search(self, queries: FloatArray, count: int, ef: int) -> IntArray:
        self.index.set_ef(max(ef, count))
        return np.asarray(self.index.knn_query(queries, count, num_threads=self.threads)[0]).astype(np.int64)


class Faiss:
    module, package = "faiss", "faiss-cpu"

    def __init__(self, metric: str, dim: int, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.unit = metric == "cosine"
        self.index = faiss.IndexHNSWFlat(dim, M)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION

    def build(self, vectors: FloatArray, path: Path) -> None:
        import faiss

        self.index.add(self._placed(vectors))
        faiss.write_index(self.index, str(path))

    def load(self, path: Path) -> None:
        import faiss

        self.index = faiss.read_index(str(path))

    def search(self, queries: FloatArray, count: int, ef: int) -> IntArray:
        self.index.hnsw.efSearch = max(ef, count)
        return np.asarray(self.index.search(self._placed(queries), count)[1])

    def _placed(self, vectors: FloatArray) -> FloatArray:
        if not self.unit:
            return np.ascontiguousarray(vectors)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30), np.float32)


class USearch:
    module = package = "usearch"

    def __init__(self, metric: str, dim: int, threads: int) -> None:
        from usearch.index import Index

        self.threads = threads
        kind: Any = "l2sq" if metric == "l2" else "cos"
        self.index = Index(
            ndim=dim, metric=kind, dtype="f32", connectivity=M, expansion_add=EF_CONSTRUCTION, expansion_search=64
        )

    def build(self, vectors: FloatArray, path: Path) -> None:
        self.index.add(np.arange(len(vectors)), vectors, threads=self.threads)
        self.index.save(str(path))

    def load(self, path: Path) -> None:
        self.index.load(str(path))

    def search(self, queries: FloatArray, count: int, ef: int) -> IntArray:
        self.index.expansion_search = max(ef, count)
        found = self.index.search(queries, count, threads=self.threads)
        rows = np.full((len(queries), count), -1, np.int64)
        keys = np.asarray(found.keys).astype(np.int64).reshape(len(queries), -1)
        rows[:, : keys.shape[1]] = keys
        return rows
