"""seqsearch as an algorithm of ann-benchmarks: to lie in its tree as ann_benchmarks/algorithms/seqsearch/module.py."""

import os
import shutil
import tempfile

import numpy as np

from seqsearch import SequenceIndex, threads

from ..base.module import BaseANN

_DISTANCES = {"angular": "cosine", "euclidean": "euclidean", "ip": "inner-product"}


class SeqSearch(BaseANN):
    """A whole index on disk: LMDB store, candidate index, exact verification. Queries by a recall or by an effort."""

    def __init__(self, metric, index, parameters):
        self.distance = _DISTANCES[metric]
        self.index, self.parameters = index, dict(parameters)
        self.compress = self.parameters.pop("compress", "auto")
        self.folder = tempfile.mkdtemp(prefix="seqsearch-")
        self.name = f"SeqSearch({index}, {parameters})"

    def fit(self, X):
        threads.use(None)
        self.searched = SequenceIndex.build(
            os.path.join(self.folder, "index.ss"),
            np.asarray(X, np.float32),
            distance=self.distance,
            index=self.index,
            index_parameters=self.parameters,
            compress=self.compress,
        )
        threads.use(1)

    def set_query_arguments(self, budget):
        """{"recall": .95}, or {"candidates": 50, "ef" | "lists": 80}."""
        self.budget = dict(budget)
        self.name = f"SeqSearch({self.index}, {self.parameters}, {self.budget})"

    def query(self, v, n):
        return self.searched.search(v, n, **self._budget(n)).rows[0]

    def batch_query(self, X, n):
        threads.use(None)
        self.rows = self.searched.search(np.asarray(X, np.float32), n, **self._budget(n)).rows
        threads.use(1)

    def get_batch_results(self):
        return self.rows

    def _budget(self, n):
        asked = dict(self.budget)
        if "candidates" in asked:
            asked["candidates"] = max(n, asked["candidates"])
        return asked

    def done(self):
        self.searched.close()
        shutil.rmtree(self.folder, ignore_errors=True)
