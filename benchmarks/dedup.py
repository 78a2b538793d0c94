"""Clusters of an identity beside vsearch: how many there are, and the processor time of the whole process.

    pip install 'seqsearch[greengenes]' && apt-get install vsearch
    python benchmarks/dedup.py --data v4 reads --sizes 5000 20000 70000 --output results/dedup.jsonl

V4 regions of 150 nt of Greengenes, drawn at random (`v4`), or simulated reads of 300 of them with 1 to 3% errors
(`reads`), clustered at 97% by `seqsearch dedup --identity 0.97 --format uc` and by vsearch --cluster_size, as it is by
default (maxaccepts 1, maxrejects 32) and, of small sets, with every centroid looked at (both 0), by the same definition
of identity (--iddef 1), on one thread. Both write .uc. `alike_centroids` counts, by proof, centroids that are of the
identity to one before them by the fewest edits, and should have joined it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness.reads import simulated

from seqsearch import write_fasta
from seqsearch.datasets import greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.search.dedup import Alike
from seqsearch.sequences import Sequences

GENES = 300  # of which reads are simulated
Row = dict[str, object]


def timed(words: list[str]) -> tuple[float, float]:
    """Processor and wall seconds of a whole process."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, time.perf_counter() - start


def centroids(uc: Path) -> list[str]:
    """The ids of the centroids in a .uc file."""
    fields = (line.split("\t") for line in uc.read_text("utf-8").splitlines())
    return [each[8] for each in fields if each[0] == "S"]


def alike_centroids(sequences: Sequences, names: list[str], identity: float) -> int:
    """How many centroids are of the identity to one before them."""
    place = {name: row for row, name in enumerate(sequences.ids)}
    chosen = sequences[np.array([place[name] for name in names])]
    found = Alike(EditDistance(), 0.0, identity, "plus").near(chosen, chosen)
    owners = np.repeat(np.arange(len(chosen)), np.diff(found.offsets))
    return len(np.unique(owners[found.rows < owners]))


def measured(sequences: Sequences, identity: float, folder: Path, thorough: bool) -> list[Row]:
    """A row for each program; `thorough`: vsearch with every centroid as well."""
    path = folder / "reads.fasta"
    write_fasta(path, sequences)
    ours = [sys.executable, "-c", "from seqsearch.cli import main; main()", "dedup", str(path), "-q", "--threads", "1"]
    ours += ["--identity", str(identity), "--format", "uc", "--clusters"]
    theirs = ["vsearch", "--cluster_size", str(path), "--id", str(identity), "--iddef", "1", "--threads", "1", "--uc"]
    programs = {
        "seqsearch": lambda uc: [*ours, uc],
        "vsearch": lambda uc: [*theirs, uc],
        "vsearch, every centroid": lambda uc: [*theirs, uc, "--maxaccepts", "0", "--maxrejects", "0"],
    }
    rows: list[Row] = []
    for series, words in programs.items():
        if (series != "seqsearch" and shutil.which("vsearch") is None) or ("every" in series and not thorough):
            continue
        uc = folder / f"{len(rows)}.uc"
        if series == "seqsearch":
            timed(words(str(uc)))  # compiled, or loaded
        cpu, wall = timed(words(str(uc)))
        names = centroids(uc)
        rows.append(
            {
                "series": series,
                "sequences": len(sequences),
                "identity": identity,
                "clusters": len(names),
                "alike_centroids": alike_centroids(sequences, names, identity),
                "cpu_s": round(cpu, 2),
                "wall_s": round(wall, 2),
            }
        )
    return rows


def vsearch_version() -> str:
    if shutil.which("vsearch") is None:
        return "-"
    said = subprocess.run(["vsearch", "--version"], capture_output=True, text=True).stderr
    return said.split("_", 1)[0].removeprefix("vsearch v")


def drawn(data: str, size: int, seed: int) -> Sequences:
    """So many sequences of a data set."""
    genes, rng = greengenes_v4(), np.random.default_rng(seed)
    if data == "reads":
        return simulated(genes[np.sort(rng.permutation(len(genes))[:GENES])], size, rng)
    return genes[np.sort(rng.permutation(len(genes))[:size])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=["v4", "reads"], default=["v4", "reads"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--identity", type=float, default=0.97)
    parser.add_argument(
        "--thorough-up-to", type=int, default=5000, help="sequences of which vsearch sees every centroid"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="rows are added to this file")
    asked = parser.parse_args()
    about = {"vsearch": vsearch_version(), "machine": platform.machine()}
    for data, size in itertools.product(asked.data, asked.sizes):
        some = drawn(data, size, asked.seed)
        with tempfile.TemporaryDirectory() as folder:
            for row in measured(some, asked.identity, Path(folder), size <= asked.thorough_up_to):
                line = json.dumps({"data": data} | row | about)
                print(line, flush=True)
                if asked.output is not None:
                    with asked.output.open("a", encoding="utf-8") as file:
                        file.write(line + "\n")


if __name__ == "__main__":
    main()
