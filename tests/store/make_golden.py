"""Write the golden index of the present format version: run once for each version, and commit what it writes.

python tests/store/make_golden.py tests/store/golden/v1
"""

import sys
from pathlib import Path

import numpy as np

from seqsearch.sequences import DNA, Sequences, Strings
from seqsearch.store import StoreBuilder

IDS = [f"id{i}" for i in range(20)] + ["größe", ""]


def records() -> tuple[Sequences, np.ndarray]:
    """22 records that depend on nothing but arithmetic."""
    arrays = [(np.arange(5 + i) * (i + 3) % len(DNA.letters)).astype(np.uint8) for i in range(len(IDS))]
    plain = Sequences.from_arrays(arrays, DNA, IDS, [f"label {i % 3}" for i in range(len(IDS))])
    described = Strings.of(f"description {i}" for i in range(len(IDS)))
    sequences = Sequences(plain.data, plain.offsets, plain.ids, DNA, described, plain.labels)
    return sequences, (np.arange(len(IDS) * 3).reshape(-1, 3) / 4).astype(np.float32)


def make(path: Path) -> None:
    """Build it, and change it in every way there is."""
    sequences, vectors = records()
    with StoreBuilder(path, config={"golden": True}) as builder:
        builder.append(sequences[:10], vectors[:10])
        builder.put_document("model", {"name": "golden", "numbers": [1, 2.5]})
        builder.put_blob("weights", bytes(range(256)))
        with builder.finish() as store:
            store.append(sequences[10:], vectors[10:])
            store.delete(["id3"])
            store.compact()
            store.delete(["id5", "größe"])
            store.update(sequences[7:8], vectors[7:8] + 1)
            store.write_snapshot("graph", lambda file: file.write_bytes(b"golden graph"), parameters={"M": 16})
            store.append(sequences[3:4], vectors[3:4])
    for leftover in ("data-2.mdb-lock", "writer.lock"):
        (path / leftover).unlink()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
