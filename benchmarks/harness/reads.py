"""Simulated reads: a million V4 sequences from seventy thousand genes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqsearch.arrays import AnyArray
from seqsearch.sequences import Sequences, Strings, offsets_of

GENES_UP_TO = 70_814  # genes that are left of the V4 set when a thousand are held out
LEAST, MOST = 0.01, 0.03  # share of a read's letters that is wrong, uniform between
INDELS = 0.2  # of the errors; half insertions, half deletions
_ROWS = 50_000


def simulated(genes: Sequences, count: int, rng: np.random.Generator) -> Sequences:
    """`count` reads of random genes with substitutions, insertions and deletions; ACGT only."""
    return Sequences.concatenate(list(simulated_parts(genes, count, rng)))


def simulated_parts(genes: Sequences, count: int, rng: np.random.Generator, prefix: str = "r") -> Iterator[Sequences]:
    """The same reads in sets of 50,000, so that any number of them takes little memory; ids count from `prefix`1."""
    for start in range(0, count, _ROWS):
        chosen = genes[rng.integers(len(genes), size=min(_ROWS, count - start))]
        letters, lengths = _erroneous(chosen.data, chosen.lengths, rng)
        names = Strings.of(f"{prefix}{row}" for row in range(start + 1, start + len(chosen) + 1))
        yield Sequences(letters, offsets_of(lengths), names, genes.alphabet)


def _erroneous(letters: AnyArray, lengths: AnyArray, rng: np.random.Generator) -> tuple[AnyArray, AnyArray]:
    """Letters of all reads one after the other with errors, and their new lengths."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    rate = rng.uniform(LEAST, MOST, len(lengths))[owner]
    wrong = rng.random(len(letters)) < rate
    kind = rng.random(len(letters))
    inserted = wrong & (kind < INDELS / 2)
    deleted = wrong & (kind >= INDELS / 2) & (kind < INDELS)
    substituted = wrong & (kind >= INDELS)
    out = letters.copy()
    out[substituted] = (out[substituted] + rng.integers(1, 4, substituted.sum())) % 4
    copies = np.ones(len(letters), np.int64) + inserted - deleted
    result = np.repeat(out, copies)
    # the first of the two copies of a letter becomes the inserted one
    firsts = np.cumsum(copies)[inserted] - 2
    result[firsts] = rng.integers(0, 4, len(firsts))
    return result, np.bincount(owner, copies, minlength=len(lengths)).astype(np.int64)
