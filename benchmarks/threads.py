"""One handle, many threads, another process: is every answer right for one committed state?

    python benchmarks/threads.py --seconds 60 --output threads.jsonl

Four threads search without a pause (k nearest through the candidate index and by proof, within a radius, novelty), a
fifth adds, updates, removes and compacts on the same handle, and another process does the same on the same index; this
process refreshes now and then. Batches of ids come and go in one step each, so that a state in which a part of a batch
is missing was never committed. Every hit is compared with the exact distance to the sequence that its id names, every
answer by proof with a plain loop over the state that was searched. One row a kind of index: searches, changes, wrong,
errors.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from seqsearch import SequenceIndex
from seqsearch.distances import EditDistance
from seqsearch.errors import IndexLockedError
from seqsearch.sequences import DNA, Sequences

BATCH = 5
STORED, LENGTH = 2000, 60


def text_of(name: str) -> str:
    """The sequence that an id names, for ever: a relative of one of 40."""
    rng = random.Random(name)
    root = random.Random(f"root {rng.randrange(40)}")
    letters = [root.choice("ACGT") for _ in range(LENGTH)]
    for _ in range(rng.randrange(1, 9)):
        letters[rng.randrange(LENGTH)] = rng.choice("ACGT")
    return "".join(letters)


def named(names: list[str]) -> Sequences:
    return Sequences.from_texts([text_of(name) for name in names], DNA, names)


def batch(owner: str, number: int) -> list[str]:
    return [f"{owner}:{number}:{i}" for i in range(BATCH)]


def change(index: SequenceIndex, owner: str, end: float, counts: Counter[str]) -> None:
    """Add, update, remove and compact whole batches of one's own until the time is over."""
    rng, held, number = random.Random(owner), list[int](), 0
    while time.time() < end:
        kind = rng.choice(["add", "add", "add", "remove", "update", "compact" if rng.random() < 0.2 else "add"])
        try:
            if kind == "add" or not held:
                kind = "add"
                index.add(named(batch(owner, number)))
                held.append(number)
                number += 1
            elif kind == "remove":
                gone = held.pop(rng.randrange(len(held)))
                index.remove(batch(owner, gone))
            elif kind == "update":
                index.update(named(batch(owner, rng.choice(held))))
            else:
                index.compact()
        except IndexLockedError:  # the other process has been writing for long: nothing was changed
            kind = "locked"
        counts[kind] += 1


class Searcher(threading.Thread):
    """Asks until the time is over, and checks what it is told."""

    def __init__(self, index: SequenceIndex, number: int, end: float) -> None:
        super().__init__()
        self.index, self.rng, self.end = index, random.Random(number), end
        self.counts, self.wrong, self.errors = Counter[str](), 0, list[str]()
        self.distance = EditDistance()

    def run(self) -> None:
        kinds = [self.nearest, self.proved, self.range, self.novelty]
        while time.time() < self.end:
            ask = self.rng.choice(kinds)
            names = [f"q:{self.rng.randrange(10**6)}" for _ in range(4)]
            try:
                self.wrong += not ask(named(names))
            except Exception as error:
                self.errors.append(f"{ask.__name__}: {error!r}")
            self.counts[ask.__name__] += 1

    def nearest(self, queries: Sequences) -> bool:
        found = self.index.search(queries, 10, candidates=50)
        return all(len(hits) == 10 for hits in found) and self.true(queries, found)

    def true(self, queries: Sequences, answers: object) -> bool:
        """Whether every distance is that to the sequence that the id names."""
        for query, hits in zip(queries, answers, strict=True):  # type: ignore[call-overload]
            if len(hits):
                own = Sequences.from_texts([query.text], DNA)
                exact = self.distance.matrix(own, named([hit.id for hit in hits]))[0]
                if (exact != [hit.distance for hit in hits]).any():
                    return False
        return True

    def proved(self, queries: Sequences) -> bool:
        with self.index.state() as state:
            found = self.index.search(queries, 10, exact=True)
            live, targets = np.flatnonzero(state.live), state.targets
        matrix = self.distance.matrix(queries, targets[live])
        best = np.sort(matrix, axis=1)[:, :10]
        return (
            self.whole(targets.ids.take(live)) and bool((best == found.distances).all()) and self.true(queries, found)
        )

    def range(self, queries: Sequences) -> bool:
        with self.index.state() as state:
            found = self.index.within(queries, 12)
            live, targets = np.flatnonzero(state.live), state.targets
        near = (self.distance.matrix(queries, targets[live]) <= 12).sum(axis=1)
        return near.tolist() == [len(hits) for hits in found] and self.true(queries, found)

    def novelty(self, queries: Sequences) -> bool:
        found = self.index.novelty(queries, sample=100)
        own = zip(queries, found.nearest, found.distances.tolist(), strict=True)
        return all(
            self.distance.matrix(Sequences.from_texts([query.text], DNA), named([name]))[0, 0] == away
            for query, name, away in own
        )

    def whole(self, ids: object) -> bool:
        """Whether no batch is there in part."""
        there = Counter(name.rsplit(":", 1)[0] for name in ids if not name.startswith("s"))  # type: ignore[attr-defined]
        return set(there.values()) <= {BATCH}


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("--seconds", type=float, default=60.0)
    text.add_argument("--kinds", default="hnsw,exact,hamming")
    text.add_argument("--output", type=Path)
    text.add_argument("--other", nargs=2, help=argparse.SUPPRESS)  # what the other process is told
    options = text.parse_args()
    if options.other:
        counts = Counter[str]()
        with SequenceIndex.open(options.other[0]) as index:
            change(index, "other", float(options.other[1]), counts)
            print(json.dumps(counts))
        return
    for kind in options.kinds.split(","):
        row = measure(kind, options.seconds)
        print(json.dumps(row), flush=True)
        if options.output is not None:
            with options.output.open("a") as file:
                file.write(json.dumps(row) + "\n")


def measure(kind: str, seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        path, bits = Path(folder) / "i.ss", 64 if kind == "hamming" else None
        stored = named([f"s:{i}" for i in range(STORED)])
        with SequenceIndex.build(path, stored, encoder="kmer", index=kind, bits=bits) as index:
            index.search(stored[:4], 10, candidates=50)
            end, counts = time.time() + seconds, Counter[str]()
            searchers = [Searcher(index, number, end) for number in range(4)]
            changer = threading.Thread(target=change, args=(index, "own", end, counts))
            other = subprocess.Popen(
                [sys.executable, __file__, "--other", str(path), str(end)], stdout=subprocess.PIPE, text=True
            )
            for thread in [*searchers, changer]:
                thread.start()
            while time.time() < end:
                time.sleep(0.5)
                index.refresh()
            for thread in [*searchers, changer]:
                thread.join()
            told, _ = other.communicate(timeout=60)
            index.refresh()
            sound = index.verify().ok
        searches = sum((searcher.counts for searcher in searchers), Counter[str]())
        return {
            "kind": kind,
            "seconds": seconds,
            "searches": dict(searches),
            "changes": dict(counts),
            "changes_of_other": json.loads(told),
            "wrong": sum(searcher.wrong for searcher in searchers),
            "errors": [error for searcher in searchers for error in searcher.errors][:5],
            "verified": sound and other.returncode == 0,
        }


if __name__ == "__main__":
    main()
