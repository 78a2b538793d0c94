"""Infix and overlap distances of 100,000 random pairs beside edlib and parasail, places included.

    pip install edlib parasail
    python benchmarks/fragments.py --part equality --output equality.jsonl

25,000 pairs each of dna, protein, text and whole numbers; in a third of them the query is part of the target, with
errors. `differences` of distances, and of places: edlib's first location is the same part. parasail says where its
overlap ends; of several that are equally good it may take another, so of places `another` counts those that differ, and
`wrong` those whose path does not come to the score.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version

import numpy as np

from seqsearch.distances import InfixDistance, OverlapDistance
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, TEXT, Sequences

PAIRS = 25_000
SYMBOLS = {"dna": (DNA, 4), "protein": (PROTEIN, 20), "text": (TEXT, 26), "integers": (INTEGERS, 20)}
LETTERS = "ARNDCQEGHILKMFPSTVWYBZXUOJ"


def drawn(name: str, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Queries and targets as numbers below the number of symbols."""
    rng, (_, symbols) = np.random.default_rng(seed), SYMBOLS[name]
    queries, targets = [], []
    for number in range(PAIRS):
        target = rng.integers(0, symbols, int(rng.integers(1, 400)))
        query = rng.integers(0, symbols, int(rng.integers(1, 120)))
        if number % 3 == 0:
            begin = int(rng.integers(0, len(target)))
            query = target[begin : begin + len(query)].copy()
            changed = rng.random(len(query)) < 0.1
            query[changed] = rng.integers(0, symbols, int(changed.sum()))
        queries.append(query)
        targets.append(target)
    return queries, targets


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """A row for each distance and alphabet."""
    import edlib
    import parasail

    for name, (alphabet, symbols) in SYMBOLS.items():
        queries, targets = drawn(name, options.seed)
        first = ord("a") if name == "text" else 0
        a, b = (
            Sequences.from_arrays([(each + first).astype(alphabet.dtype) for each in some], alphabet)
            for some in (queries, targets)
        )
        x, y = (["".join(LETTERS[code] for code in each) for each in some] for some in (queries, targets))
        every = np.arange(PAIRS)

        def row(**facts: object) -> None:
            rows.append({"part": "equality", "data": name, "pairs": PAIRS, **facts})  # noqa: B023 (called at once)
            print(rows[-1], flush=True)

        infix = InfixDistance()
        told = [edlib.align(p, q, mode="HW", task="locations") for p, q in zip(x, y, strict=True)]
        distances = infix.pairs(a, every, b, every)
        wrong = int((distances != [each["editDistance"] for each in told]).sum())
        begins, ends = infix.spans(a, every, b, every)
        places = [each["locations"][0] for each in told]
        spans = zip(begins.tolist(), ends.tolist(), places, strict=True)
        moved = sum((begin, end) != ((place[0] or 0), place[1] + 1) for begin, end, place in spans)
        row(distance="infix", peer=f"edlib {version('edlib')}", differences=wrong, places_differ=moved)

        overlap, matrix = OverlapDistance(), parasail.matrix_create(LETTERS[:symbols], 1, -1)
        scored = [parasail.sg_trace_scan_32(p, q, 1, 1, matrix) for p, q in zip(x, y, strict=True)]
        shorter = np.minimum(a.lengths, b.lengths)
        scores = np.maximum([each.score for each in scored], 0)
        wrong = int((overlap.pairs(a, every, b, every) != shorter - scores).sum())
        begins, ends = overlap.spans(a, every, b, every)
        another, unsound = 0, 0
        for pair in np.flatnonzero(scores > 0).tolist():
            path = overlap.align(a[pair], b[pair])
            another += scored[pair].end_ref + 1 != ends[pair]
            sound = path.count("=") - path.count("XID") == scores[pair]
            unsound += not sound or (path.before[1], path.target_span[1]) != (begins[pair], ends[pair])
        peer = f"parasail {version('parasail')}"
        row(distance="overlap", peer=peer, differences=wrong, another=int(another), wrong=int(unsound))
