"""What once went wrong in trials: fragments in whole genes, and known reads that are turned over.

    python benchmarks/fragments.py --part trials --genes 10000 --output trials.jsonl

200 fragments of 100 to 250 nt, cut anywhere from stored genes, on both strands by turns, with 1, 3 and 5% errors, are
asked of an index of `infix` (kept at trials.ss beside --index) and of vsearch (--strand both --id .8). `first`: how
often the hit at rank 1 is the very gene; `as_near`: how often it is no farther than that gene, for conserved stretches
are equal in many. Then three known reads, turned over, are asked whether they are novel.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqsearch import SequenceIndex, threads, write_fasta
from seqsearch.datasets import greengenes_full
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, Sequences

FRAGMENTS, KNOWN, TURNED = 200, 300, 3
LENGTHS = (100, 250)


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many genes."""
    parser.add_argument("--genes", type=int, default=10_000, help="of --part trials")


def fragments_of(genes: Sequences, seed: int) -> tuple[Sequences, np.ndarray]:
    """The fragments, and the row of the gene that each is from."""
    from fragments import ERRORS, reads_of

    rng = np.random.default_rng(seed)
    parts, rows = [], rng.choice(len(genes), FRAGMENTS)
    for number, (row, length) in enumerate(zip(rows, rng.integers(*LENGTHS, FRAGMENTS, endpoint=True), strict=True)):
        rate = ERRORS[number % len(ERRORS)]
        parts.append(reads_of(genes[[row]], 1, int(min(length, genes.lengths[row])), (rate,), seed + number))
    reads = Sequences.concatenate(parts)
    turned = reverse_complement(reads)
    mixed = [(turned if number % 2 else reads)[number].data for number in range(len(reads))]
    return Sequences.from_arrays(mixed, DNA, ids=[f"q{number}" for number in range(len(reads))]), rows


def first_of_vsearch(fragments: Sequences, genes: Sequences) -> tuple[float, np.ndarray]:
    """Queries a second, and the row at rank 1, -1 for none."""
    with tempfile.TemporaryDirectory() as folder:
        database, asked, out = (Path(folder) / name for name in ("genes.fa", "fragments.fa", "hits.tsv"))
        names = [f"r{row}" for row in range(len(genes))]
        write_fasta(database, Sequences.from_arrays([gene.data for gene in genes], DNA, ids=names))
        write_fasta(asked, fragments)
        command = ["vsearch", "--usearch_global", asked, "--db", database, "--strand", "both", "--id", "0.8"]
        command += ["--maxaccepts", "10", "--maxrejects", "100", "--threads", threads.count(), "--quiet"]
        command += ["--userout", out, "--userfields", "query+target"]
        start = time.perf_counter()
        subprocess.run([str(part) for part in command], check=True)
        seconds = time.perf_counter() - start
        rows = np.full(len(fragments), -1)
        for line in reversed(out.read_text().splitlines()):
            query, target = line.split("\t")
            rows[int(query[1:])] = int(target[1:])
    return len(fragments) / seconds, rows


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """Add a row for each measurement."""
    from fragments import told_vsearch

    genes = greengenes_full()
    drawn = np.random.default_rng(options.seed).choice(len(genes), min(options.genes, len(genes)), replace=False)
    genes = genes[np.sort(drawn)]
    fragments, true = fragments_of(genes, options.seed)

    def row(**facts: object) -> None:
        rows.append({"part": "trials", "genes": len(genes), "threads": threads.count(), **facts})
        print(rows[-1], flush=True)

    path = options.index.with_name("trials.ss")
    if not path.exists():
        SequenceIndex.build(path, genes, distance="infix", progress=True).close()
    with SequenceIndex.open(path) as index:

        def near(owners: np.ndarray, hits: np.ndarray) -> np.ndarray:
            ways = (fragments, reverse_complement(fragments))
            return np.minimum(*(index.distance.pairs(way, owners, genes, hits) for way in ways))

        every = np.arange(len(fragments))
        own = near(every, true)

        def judged(hits: np.ndarray) -> dict[str, int]:
            there = np.flatnonzero(hits >= 0)
            as_near = near(there, hits[there]) <= own[there]
            return {"fragments": len(hits), "first": int((hits == true).sum()), "as_near": int(as_near.sum())}

        index.search(fragments[:2], 1, strand="both")
        for how in ({}, {"exact": True}):
            start = time.perf_counter()
            found = index.search(fragments, 1, strand="both", **how)
            qps = round(len(fragments) / (time.perf_counter() - start), 1)
            row(trial="fragments", algorithm="seqsearch", budget=found.budget, qps=qps, **judged(found.rows[:, 0]))
        if shutil.which("vsearch"):
            qps, hits = first_of_vsearch(fragments, genes)
            row(trial="fragments", algorithm=told_vsearch(), qps=round(qps, 1), **judged(hits))
        turned_over(index, genes, options.seed, row)


def turned_over(index: SequenceIndex, genes: Sequences, seed: int, row: Callable[..., None]) -> None:
    """Are reads of the stored genes novel once they are turned over?"""
    from fragments import ERRORS, reads_of

    known = reads_of(genes, KNOWN, 150, ERRORS, seed + 7)
    asked = reverse_complement(reads_of(genes, TURNED, 150, ERRORS, seed + 8))
    for strand in ("plus", "both"):
        told = index.novelty(asked, known=known, strand=strand)
        p_values = np.round(told.p_values, 4).tolist()
        row(trial="turned over", algorithm="seqsearch", strand=strand, novel=int(told.novel.sum()), p_values=p_values)
