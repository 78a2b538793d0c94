"""Reads in whole genes, partial genes against partial genes: lossless search beside edlib and vsearch.

    pip install 'seqsearch[greengenes]' edlib && apt-get install vsearch ncbi-blast+ ncbi-rrna-data
    python benchmarks/fragments.py --reads 1000 --output fragments.jsonl
    python benchmarks/fragments.py --part rrna --output fragments-rrna.jsonl

Reads are cut anywhere from the genes of `greengenes:full`, one strand, with 1, 3 and 5% errors in turn (70%
substitutions, insertions and deletions in equal parts). The truth is the lossless search, which is compared with edlib
on the first reads; recall counts ties. vsearch takes --id .8 --maxaccepts 50 --maxrejects 200; its first ten count.
`cpu_ms`: of processor time a query, whoever else wants the cores, of vsearch with reading its files.

`rrna`: 300 of the 10,127 partial LSU rRNA genes of Debian's ncbi-rrna-data (LSURef_93; copies and IUPAC codes left in)
are asked of the others under the overlap distance. `not_below`: the share of queries whose first hit that covers at
least as much as vsearch's first one has at least its identity, both by our alignment; `not_farther`: whose first hit is
at most as far as vsearch's.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from seqsearch import read, threads, write_fasta
from seqsearch.datasets import greengenes_full
from seqsearch.distances import InfixDistance, Neighbours, OverlapDistance, recall_at
from seqsearch.sequences import DNA, Sequences

K = 10
ERRORS = (0.01, 0.03, 0.05)
CANONICAL = 4
RRNA = Path("/usr/share/ncbi/data/LSURef_93.fasta")
HELD_OUT = 300
VSEARCH = {"usual": (1, 32), "thorough": (10, 100)}
"""--maxaccepts and --maxrejects."""


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


def recall_of(rows: np.ndarray, reads: Sequences, genes: Sequences, truth: Neighbours) -> float:
    """Of rows (Q, K), by their true distances, ties counted."""
    there = rows >= 0
    distances = np.full(rows.shape, np.inf)
    distances[there] = InfixDistance().pairs(reads, np.nonzero(there)[0], genes, rows[there])
    return float(recall_at(np.sort(distances, axis=1), truth, K).mean())


def rrna() -> tuple[Sequences, Sequences]:
    """(queries, references) of LSURef_93, queries drawn with seed 0."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lsu.fa"
        command = ["blastdbcmd", "-db", str(RRNA), "-entry", "all", "-outfmt", "%f", "-out", str(path)]
        subprocess.run(command, check=True)
        whole = read(path, alphabet="dna", duplicate_ids="rename")
    order = np.random.default_rng(0).permutation(len(whole))
    return whole[np.sort(order[:HELD_OUT])], whole[np.sort(order[HELD_OUT:])]


def first_of_vsearch(
    queries: Sequences, references: Sequences, accepts: int, rejects: int
) -> tuple[float, float, np.ndarray]:
    """Queries a second, milliseconds of processor time a query, and the row of each one's first hit, -1 for none."""
    with tempfile.TemporaryDirectory() as folder:
        database, asked, out = (Path(folder) / name for name in ("references.fa", "queries.fa", "hits.tsv"))
        for path, some, name in ((database, references, "r"), (asked, queries, "q")):
            renamed = [one.data for one in some]
            write_fasta(path, Sequences.from_arrays(renamed, DNA, ids=[f"{name}{row}" for row in range(len(some))]))
        command = ["vsearch", "--usearch_global", asked, "--db", database, "--strand", "plus", "--id", "0.5"]
        command += ["--maxaccepts", accepts, "--maxrejects", rejects, "--threads", threads.count(), "--quiet"]
        command += ["--userout", out, "--userfields", "query+target"]
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(part) for part in command], check=True)
        seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        rows = np.full(len(queries), -1)
        for line in reversed(out.read_text().splitlines()):
            query, target = line.split("\t")
            rows[int(query.removeprefix("q"))] = int(target.removeprefix("r"))
    return len(queries) / seconds, 1000 * spent / len(queries), rows


def aligned(query: Sequences, references: Sequences, row: int) -> tuple[float, float]:
    """Coverage and identity of a hit."""
    one, other = query[0], references[row]
    path = OverlapDistance().align(one, other)
    return path.coverage(len(one), len(other)), path.identity


def no_worse(queries: Sequences, references: Sequences, found: Neighbours, rows: np.ndarray) -> float:
    """`not_below`, of those queries that vsearch has a hit for."""
    good = []
    for query in np.flatnonzero(rows >= 0).tolist():
        coverage, identity = aligned(queries[query : query + 1], references, rows[query])
        for row in found.rows[query].tolist():
            own = aligned(queries[query : query + 1], references, row)
            if own[0] >= coverage:
                good.append(own[1] >= identity)
                break
        else:
            good.append(False)
    return float(np.mean(good))


def partial_genes(row: Callable[..., None]) -> None:
    """The part `rrna`."""
    missing = [name for name in ("blastdbcmd", "vsearch") if shutil.which(name) is None]
    if missing or not RRNA.with_name(f"{RRNA.name}.nsq").exists():
        row(part="rrna", skipped=f"not installed: {', '.join(missing) or 'ncbi-rrna-data'}")
        return
    queries, references = rrna()
    overlap, facts = OverlapDistance(), {"part": "rrna", "references": len(references), "queries": len(queries)}
    overlap.searcher(references[:600]).search(queries[:2], K)  # compiled
    start = time.perf_counter()
    searcher = overlap.searcher(references)
    row(**facts, algorithm="seqsearch lossless", ready_s=round(time.perf_counter() - start, 2))
    for k in (1, K):
        start, spent = time.perf_counter(), time.process_time()
        found, pruning = searcher.search(queries, k)
        qps, spent = len(queries) / (time.perf_counter() - start), time.process_time() - spent
        own = {"qps": round(qps, 1), "cpu_ms": round(1000 * spent / len(queries), 1), "pruning": str(pruning)}
        row(**facts, algorithm="seqsearch lossless", k=k, **own)
    for name, (accepts, rejects) in VSEARCH.items():
        qps, spent, rows = first_of_vsearch(queries, references, accepts, rejects)
        there = np.flatnonzero(rows >= 0)
        farther = overlap.pairs(queries, there, references, rows[there]) < found.distances[there, 0]
        own = {"qps": round(qps, 1), "cpu_ms": round(spent, 1), "matched": len(there)}
        own |= {"not_farther": round(1 - float(farther.mean()), 4)}
        own |= {"not_below": round(no_worse(queries, references, found, rows), 4)}
        told = subprocess.run(["vsearch", "--version"], capture_output=True, text=True, check=True).stderr.split(",")[0]
        row(**facts, algorithm=told, settings=f"{name}: --maxaccepts {accepts} --maxrejects {rejects}", **own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("reads", "rrna"), default="reads")
    parser.add_argument("--reads", type=int, default=1000)
    parser.add_argument("--lengths", default="150", help="of reads, such as 150,500")
    parser.add_argument("--edlib", type=int, default=2, metavar="READS", help="that edlib compares with everything")
    parser.add_argument("--vsearch", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="rows as JSON lines")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []

    def row(**facts: object) -> None:
        rows.append({"threads": threads.count(), **facts})
        print(json.dumps(rows[-1]), flush=True)

    (partial_genes if options.part == "rrna" else functools.partial(reads_in_genes, options))(row)
    if options.output is not None:
        options.output.write_text("".join(json.dumps({**each, "cpu": platform.processor()}) + "\n" for each in rows))


def reads_in_genes(options: argparse.Namespace, row: Callable[..., None]) -> None:
    """The part `reads`."""
    genes, infix = greengenes_full(), InfixDistance()
    row = functools.partial(row, genes=len(genes), reads=options.reads)
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
            told = subprocess.run(["vsearch", "--version"], capture_output=True, text=True, check=True).stderr.split(
                ","
            )[0]
            recall = recall_of(found, reads, genes, truth)
            row(algorithm=told, length=length, qps=round(qps, 1), recall=round(recall, 4))


if __name__ == "__main__":
    main()
