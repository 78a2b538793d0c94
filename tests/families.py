"""Sequences with known relatives: ancestors and their mutated copies, as in any real collection."""

from __future__ import annotations

import numpy as np

from seqsearch.sequences import DNA, Alphabet, Sequences


def mutate(codes: np.ndarray, edits: int, symbols: int, rng: np.random.Generator) -> np.ndarray:
    """A copy with that many random substitutions, insertions or deletions."""
    out = codes.tolist()
    for _ in range(edits):
        at = int(rng.integers(len(out)))
        what = rng.integers(4)
        if what == 0 and len(out) > 2:
            del out[at]
        elif what == 1:
            out.insert(at, int(rng.integers(symbols)))
        else:
            out[at] = int(rng.integers(symbols))
    return np.array(out, codes.dtype)


def families(
    count: int, size: int, length: int, *, edits: int = 8, seed: int = 0, alphabet: Alphabet = DNA, prefix: str = "s"
) -> Sequences:
    """`count` random ancestors of about `length` symbols, each with `size` relatives of up to `edits` edits."""
    rng = np.random.default_rng(seed)
    symbols = len(alphabet.canonical)
    rows = []
    for _ in range(count):
        ancestor = rng.integers(symbols, size=int(rng.integers(length - length // 10, length + 1))).astype(np.uint8)
        rows += [mutate(ancestor, int(rng.integers(edits + 1)), symbols, rng) for _ in range(size)]
    return Sequences.from_arrays(rows, alphabet, [f"{prefix}{i}" for i in range(len(rows))])
