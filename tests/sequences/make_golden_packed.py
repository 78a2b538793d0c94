"""Write the golden files of mapped sequences: run once for each version of the format, and commit what it writes.

python tests/sequences/make_golden_packed.py tests/sequences/golden
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from seqsearch.sequences import DNA, PROTEIN, TEXT, Alphabet, Sequences, Strings
from seqsearch.sequences.packed_files import Contents, Sizes, write

KINDS: dict[str, Alphabet | None] = {"dna": DNA, "protein": PROTEIN, "text": TEXT, "series": None}
FIRST = 7


def records(kind: str) -> Sequences:
    """22 records that depend on nothing but arithmetic."""
    alphabet, ids = KINDS[kind], [f"id{i}" for i in range(20)] + ["größe", ""]
    labels = [f"label {i % 3}" if kind != "text" else "" for i in range(22)]
    arrays = [(np.arange(5 + i) * (i + 3)) for i in range(22)]
    if alphabet is None:
        return Sequences.from_arrays(
            [np.stack([a / 4, a / 8], 1).astype(np.float32) for a in arrays], None, ids, labels
        )
    size = 500 if alphabet.is_open else len(alphabet.letters)
    plain = Sequences.from_arrays([(a % size).astype(alphabet.dtype) for a in arrays], alphabet, ids, labels)
    described = Strings.of(f"description {i}" for i in range(22))
    return Sequences(plain.data, plain.offsets, plain.ids, alphabet, described, plain.labels)


def contents(sequences: Sequences) -> Contents:
    """What they are of."""
    alphabet = sequences.alphabet
    return Contents(None if alphabet is None else {"name": alphabet.name}, alphabet, sequences.features)


def make(path: Path, kind: str) -> None:
    """One file, in two pieces."""
    sequences = records(kind)
    texts = (sequences.ids, sequences.descriptions, sequences.labels)
    sizes = Sizes(len(sequences), sequences.steps, *(len(column.data) for column in texts))
    write(path, lambda: (sequences[:9], sequences[9:]), sizes, FIRST, contents(sequences))


if __name__ == "__main__":
    for name in KINDS:
        make(Path(sys.argv[1]) / f"v1-{name}.bin", name)
