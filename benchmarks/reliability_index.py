"""The checks of reliability.py on whole indexes: store, snapshot, graph and search together; builds are gone on with.

    python benchmarks/reliability_index.py --kills 100 --corruptions 200 --seconds 20 --output reliability.jsonl
    python benchmarks/reliability_index.py --index ivf --kills 100 --corruptions 200 --seconds 20

Snapshots are written after every few changes, and sequences stay on disk.

Reading an index out means: every record the store shows is found by searching for it through the candidate index, at
distance 0, and the candidate index holds nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

# the checks fork, which GNU OpenMP does not survive
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"

import numpy as np
from reliability import Items, main

from seqsearch import SequenceIndex, threads
from seqsearch.search import cache
from seqsearch.sequences import DNA, Sequences
from seqsearch.store import targets

PROBES = 25


class IndexTarget:
    """A `SequenceIndex` of a kind over k-mer counts."""

    def __init__(self, kind: str = "hnsw") -> None:
        self.kind = kind
        self.name = f"index ({kind})"
        cache.TAIL_LEAST = 100
        targets.SMALL = 0

    def build(self, path: Path, items: Items) -> None:
        self._index(path, items).close()

    def _index(self, path: Path, items: Items) -> SequenceIndex:
        threads.use(1)
        return SequenceIndex.build(path, _sequences(items), encoder="kmer", index=self.kind)

    def open(self, path: Path, *, write: bool) -> SequenceIndex:
        threads.use(1)
        return SequenceIndex.open(path)

    def add(self, handle: SequenceIndex, items: Items) -> None:
        handle.add(_sequences(items))

    def remove(self, handle: SequenceIndex, ids: list[str]) -> None:
        handle.remove(ids)

    def compact(self, handle: SequenceIndex) -> None:
        handle.compact()

    def snapshot(self, handle: SequenceIndex) -> None:
        handle.save_snapshot()

    def refresh(self, handle: SequenceIndex) -> None:
        handle.refresh()

    def contents(self, handle: SequenceIndex) -> Items:
        stored = handle.sequences
        with handle.state() as state:
            held = state.proposals.rows()
            mapped = state.targets[np.flatnonzero(state.live)]
            assert mapped.digest() == stored.digest(), "the mapped sequences are not those of the database"
        assert len(held) == len(stored) == len(handle), "the candidate index does not hold the stored rows"
        probes = stored[np.linspace(0, len(stored) - 1, min(PROBES, len(stored))).astype(int)]
        wide = max(1, len(stored) - 1)  # a record too short for a 5-mer has many equals, all at the same point
        for query, hits in zip(probes, handle.search(probes, k=1, candidates=wide), strict=True):
            assert hits[0].distance == 0, f"{query.id} is stored and not found"
        return dict(zip(stored.ids, stored.texts(), strict=True))

    def facts(self, handle: SequenceIndex) -> Any:
        return handle.calibration.to_json(), handle.info()["health"], handle.model.digest()


def _sequences(items: Items) -> Sequences:
    return Sequences.from_texts(items.values(), DNA, items)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--index", default="hnsw")
    asked, others = parser.parse_known_args()
    sys.exit(main(IndexTarget(asked.index), others))
