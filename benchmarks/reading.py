"""Records a second of seqsearch's readers beside bare dnaio iteration (and numpy.load) over the same file.

    python benchmarks/reading.py [--reads 1000000] [--repeat 3] [--output rows.jsonl]

Bare iteration makes a Python object a record and forgets it; the readers check every symbol and id and keep columns.
The best of `--repeat` runs counts, the two sides taking turns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dnaio
import numpy as np

import seqsearch.sequences as ss
from seqsearch.datasets import greengenes_path
from seqsearch.errors import MissingExtraError

Measure = Callable[[], int]


def write_reads(path: Path, reads: int, length: int, seed: int) -> None:
    """A FASTQ file of random reads."""
    rng = np.random.default_rng(seed)
    qualities = b"I" * length
    with open(path, "wb") as file:
        for start in range(0, reads, 100_000):
            n = min(100_000, reads - start)
            text = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, (n, length))].tobytes()
            file.writelines(
                b"@read%d lane 1\n%b\n+\n%b\n" % (start + row, text[row * length : (row + 1) * length], qualities)
                for row in range(n)
            )


def bare(path: Path) -> int:
    with dnaio.open(path) as records:
        return sum(1 for _ in records)


def streamed(path: Path) -> int:
    return sum(len(part) for part in ss.read_batches(path, size=16_384))


def numpy_load(path: Path) -> int:
    with np.load(path) as arrays:
        return len(arrays["X"].astype(np.float32))


def best_seconds(measures: list[Measure], repeat: int) -> list[tuple[int, float]]:
    """(records, seconds) of each, the best of `repeat` turns."""
    best = [(0, float("inf"))] * len(measures)
    for _ in range(repeat):
        for at, measure in enumerate(measures):
            start = time.perf_counter()
            records = measure()
            best[at] = min(best[at], (records, time.perf_counter() - start), key=lambda pair: pair[1])
    return best


def files(folder: Path, reads: int, seed: int) -> dict[str, Path]:
    """What is measured: name -> file."""
    fastq = folder / "reads.fastq"
    write_reads(fastq, reads, 150, seed)
    packed = folder / "reads.fastq.gz"
    with gzip.open(packed, "wb", compresslevel=1) as file:
        file.write(fastq.read_bytes()[: fastq.stat().st_size // 4].rsplit(b"\n@", 1)[0] + b"\n")
    made = {f"FASTQ, {reads} x 150": fastq, "FASTQ.gz, a quarter of them": packed}
    try:
        v4 = folder / "v4.fasta"
        ss.write_fasta(v4, ss.read("greengenes:v4"))
        made["FASTA, Greengenes V4"] = v4
        made["FASTA, Greengenes full length"] = greengenes_path()
    except MissingExtraError as error:
        print(f"skipped: {error}")
    series = folder / "series.npz"
    np.savez(series, X=np.random.default_rng(seed).integers(-999, 999, (100_000, 200)).astype(np.int16))
    made["npz, 100,000 x 200 int16"] = series
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, path in files(Path(folder), arguments.reads, arguments.seed).items():
            peer = (lambda path=path: numpy_load(path)) if path.suffix == ".npz" else (lambda path=path: bare(path))
            measures: list[Measure] = [peer, lambda path=path: streamed(path), lambda path=path: len(ss.read(path))]
            (n, bare_s), (n_streamed, streamed_s), (n_read, read_s) = best_seconds(measures, arguments.repeat)
            assert n == n_streamed == n_read
            row = {
                "file": name,
                "records": n,
                "bytes": path.stat().st_size,
                "bare_per_s": round(n / bare_s),
                "read_batches_per_s": round(n / streamed_s),
                "read_per_s": round(n / read_s),
            }
            rows.append(row)
            print(json.dumps(row))
    if arguments.output:
        arguments.output.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
