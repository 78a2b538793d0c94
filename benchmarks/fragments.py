"""Reads in whole genes under the infix distance: lossless search beside edlib, one pair after another, and vsearch.

    pip install 'seqsearch[greengenes]' edlib && apt-get install vsearch
    python benchmarks/fragments.py --reads 1000 --output fragments.jsonl

Reads are cut anywhere from the genes of `greengenes:full`, one strand, with 1, 3 and 5% errors in turn (70%
substitutions, insertions and deletions in equal parts). The truth is the lossless search, which is compared with edlib
on the first reads; recall counts ties. vsearch takes --id .8 --maxaccepts 50 --maxrejects 200; its first ten count.
`cpu_ms`: of processor time a query, whoever else wants the cores.

`--part dtw`: beats in records, the same question of series: see fragments_dtw.py. `--part rrna`: partial genes
against partial genes: see fragments_rrna.py. `--part trials`: fragments in whole genes, and known reads turned over,
by an index: see fragments_trials.py. `--part equality`: 100,000 random pairs beside edlib and parasail: see
fragments_equality.py. `--part rivals`: what else might propose the genes of reads: see fragments_rivals.py.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import fragments_dtw
import fragments_equality
import fragments_rivals
import fragments_rrna
import fragments_trials
import fragments_windows
import numpy as np

from seqsearch import threads, write_fasta
from seqsearch.datasets import greengenes_full
from seqsearch.distances import InfixDistance, Neighbours, recall_at
from seqsearch.sequences import DNA, Sequences

K = 10
ERRORS = (0.01, 0.03, 0.05)
CANONICAL = 4


def reads_of(genes: Sequences, count: int, length: int, errors: tuple[float, ...], seed: int) -> Sequences:
    """`count` reads of genes that are long enough, with errors by turns."""
    rng = np.random.default_rng(seed)
    long_enough = np.flatnonzero(genes.lengths >= length)
    reads = []
    for number, row in enumerate(rng.choice(long_enough, count).tolist()):
        gene = genes[row].data
        begin = int(rng.integers(0, len(gene) - length + 1))
        read: list[int] = []
        for code in gene[begin : begin + length].tolist():
            kind = rng.random() if rng.random() < errors[number % len(errors)] else 1.0
            other = int(rng.integers(0, CANONICAL))
            if kind < 0.7:
                read.append((code + 1 + other % 3) % CANONICAL)
            elif kind < 0.85:
                read += [code, other]
            elif kind == 1.0:
                read.append(code)
        reads.append(np.array(read, np.uint8))
    return Sequences.from_arrays(reads, DNA, ids=[f"read{number}" for number in range(count)])


def by_edlib(reads: Sequences, genes: Sequences) -> tuple[float, np.ndarray]:
    """Milliseconds of processor time a query, and all distances."""
    import edlib

    texts, asked = [gene.text for gene in genes], [read.text for read in reads]
    start = time.process_time()
    found = [[edlib.align(x, y, mode="HW", task="distance")["editDistance"] for y in texts] for x in asked]
    return 1000 * (time.process_time() - start) / len(reads), np.array(found, np.float64)


def by_vsearch(reads: Sequences, genes: Sequences) -> tuple[float, np.ndarray]:
    """Queries a second of the whole process, and rows (Q, K), -1 padded."""
    rows = np.full((len(reads), K), -1)
    with tempfile.TemporaryDirectory() as folder:
        database, asked, out = (Path(folder) / name for name in ("genes.fa", "reads.fa", "hits.tsv"))
        names = [f"gene{row}" for row in range(len(genes))]
        write_fasta(database, Sequences.from_arrays([gene.data for gene in genes], DNA, ids=names))
        write_fasta(asked, reads)
        command = ["vsearch", "--usearch_global", asked, "--db", database, "--strand", "plus", "--id", "0.8"]
        command += ["--maxaccepts", "50", "--maxrejects", "200", "--threads", threads.count(), "--userout", out]
        command += ["--userfields", "query+target", "--quiet"]
        start = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True)
        seconds = time.perf_counter() - start
        filled = np.zeros(len(reads), np.int64)
        for line in out.read_text().splitlines():
            query, target = line.split("\t")
            read = int(query.removeprefix("read"))
            if filled[read] < K:
                rows[read, filled[read]] = int(target.removeprefix("gene"))
                filled[read] += 1
    return len(reads) / seconds, rows


def told_vsearch() -> str:
    """Its name and version."""
    said = subprocess.run(["vsearch", "--version"], capture_output=True, text=True, check=True).stderr
    return said.split(",")[0]


def recall_of(rows: np.ndarray, reads: Sequences, genes: Sequences, truth: Neighbours) -> float:
    """Of rows (Q, K), by their true distances, ties counted."""
    there = rows >= 0
    distances = np.full(rows.shape, np.inf)
    distances[there] = InfixDistance().pairs(reads, np.nonzero(there)[0], genes, rows[there])
    return float(recall_at(np.sort(distances, axis=1), truth, K).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", type=int, default=1000)
    parser.add_argument("--lengths", default="150", help="of reads, such as 150,500")
    parser.add_argument("--edlib", type=int, default=2, metavar="READS", help="that edlib compares with everything")
    parser.add_argument("--vsearch", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="rows as JSON lines")
    parts = ["reads", "index", "rrna", "dtw", "trials", "equality", "rivals"]
    parser.add_argument("--part", choices=parts, default="reads")
    fragments_dtw.add_options(parser)
    fragments_windows.add_options(parser)
    fragments_trials.add_options(parser)
    fragments_rivals.add_options(parser)
    options = parser.parse_args()
    if options.part != "reads":
        found: list[dict[str, object]] = []
        if options.part == "index":
            fragments_windows.measure(options, found)
        elif options.part == "dtw":
            fragments_dtw.measure(options, found)
        elif options.part == "trials":
            fragments_trials.measure(options, found)
        elif options.part == "equality":
            fragments_equality.measure(options, found)
        elif options.part == "rivals":
            fragments_rivals.measure(options, found)
        else:
            fragments_rrna.measure(options, found)
        write(options.output, found)
        return
    genes, infix, rows = greengenes_full(), InfixDistance(), []

    def row(**facts: object) -> None:
        rows.append({"genes": len(genes), "reads": options.reads, "threads": threads.count(), **facts})
        print(json.dumps(rows[-1]), flush=True)

    infix.searcher(genes[:2000]).search(reads_of(genes, 2, 150, ERRORS, 1), K)  # compiled
    start = time.perf_counter()
    searcher = infix.searcher(genes)
    row(algorithm="seqsearch lossless", ready_s=round(time.perf_counter() - start, 2))
    for length in map(int, options.lengths.split(",")):
        reads = reads_of(genes, options.reads, length, ERRORS, options.seed)
        start, spent = time.perf_counter(), time.process_time()
        truth, pruning = searcher.search(reads, K)
        qps, spent = len(reads) / (time.perf_counter() - start), time.process_time() - spent
        facts = {"qps": round(qps, 1), "cpu_ms": round(1000 * spent / len(reads), 1), "recall": 1.0}
        row(algorithm="seqsearch lossless", length=length, **facts, pruning=str(pruning))
        if options.edlib:
            some = reads[: options.edlib]
            spent, all_of_them = by_edlib(some, genes)
            nearest = np.sort(all_of_them, axis=1)[:, :K]
            same = bool((nearest == truth.distances[: len(some)]).all())
            told = f"edlib {version('edlib')}, one thread"
            row(algorithm=told, length=length, cpu_ms=round(spent, 1), same_distances=same)
        if options.vsearch and shutil.which("vsearch"):
            qps, found = by_vsearch(reads, genes)
            told = told_vsearch()
            recall = recall_of(found, reads, genes, truth)
            row(algorithm=told, length=length, qps=round(qps, 1), recall=round(recall, 4))
    write(options.output, rows)


def write(path: Path | None, rows: list[dict[str, object]]) -> None:
    """Rows as JSON lines, if anywhere."""
    if path is not None:
        path.write_text("".join(json.dumps({**each, "cpu": platform.processor()}) + "\n" for each in rows))


if __name__ == "__main__":
    main()
