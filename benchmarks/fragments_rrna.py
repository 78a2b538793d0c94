"""Partial genes against partial genes under the overlap distance, lossless and through an index, beside vsearch.

    apt-get install vsearch ncbi-blast+ ncbi-rrna-data
    python benchmarks/fragments.py --part rrna --output fragments-rrna.jsonl

300 of the 10,127 partial LSU rRNA genes of Debian's ncbi-rrna-data (LSURef_93; copies and IUPAC codes left in) are
asked of the others: lossless; through an index (kept at rrna.ss beside --index), by each recall that is asked; and with
the hits of the highest identity first (`sort_by`). Of those queries, by our alignment of both first hits:
`not_farther`, the share whose own is at most as far as vsearch's; `not_worse`, where vsearch's has no higher identity
or covers less; `not_below`, whose first hit that covers at least as much as vsearch's has at least its identity,
however much more it covers.
`cpu_ms`: of processor time a query, whoever else wants the cores, of vsearch with reading its files.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqsearch import SequenceIndex, read, threads, write_fasta
from seqsearch.distances import Neighbours, OverlapDistance, recall_at
from seqsearch.sequences import DNA, Sequences

K = 10
RRNA = Path("/usr/share/ncbi/data/LSURef_93.fasta")
HELD_OUT = 300
VSEARCH = {"usual": (1, 32), "thorough": (10, 100)}
"""--maxaccepts and --maxrejects."""


def rrna_records() -> Sequences:
    """All of LSURef_93. Raises FileNotFoundError where blastdbcmd or the data are missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lsu.fa"
        command = ["blastdbcmd", "-db", str(RRNA), "-entry", "all", "-outfmt", "%f", "-out", str(path)]
        subprocess.run(command, check=True)
        return read(path, alphabet="dna", duplicate_ids="rename")


def rrna() -> tuple[Sequences, Sequences]:
    """(queries, references) of LSURef_93, queries drawn with seed 0."""
    whole = rrna_records()
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


def no_worse(queries: Sequences, references: Sequences, found: Neighbours, rows: np.ndarray) -> tuple[float, float]:
    """`not_worse` and `not_below`, of those queries that vsearch has a hit for."""
    better, good = [], []
    for query in np.flatnonzero(rows >= 0).tolist():
        coverage, identity = aligned(queries[query : query + 1], references, rows[query])
        for rank, row in enumerate(found.rows[query].tolist()):
            if row < 0:
                continue
            own = aligned(queries[query : query + 1], references, row)
            if rank == 0:
                better.append(own[1] >= identity or own[0] > coverage)
            if own[0] >= coverage:
                good.append(own[1] >= identity)
                break
        else:
            good.append(False)
    return float(np.mean(better)), float(np.mean(good))


def through_an_index(
    options: argparse.Namespace, queries: Sequences, references: Sequences, truth: Neighbours, row: Callable[..., None]
) -> dict[str, Neighbours]:
    """Rows of an index; returns what it found by distance and by identity."""
    path, found = options.index.with_name("rrna.ss"), {}
    if not path.exists():
        start, spent = time.perf_counter(), time.process_time()
        SequenceIndex.build(path, references, distance="overlap", progress=True).close()
        seconds = round(time.perf_counter() - start, 1), round(time.process_time() - spent, 1)
        row(algorithm="seqsearch build", build_s=seconds[0], cpu_s=seconds[1])
    with SequenceIndex.open(path) as index:
        index.search(queries[:2], K, sort_by="identity")  # loaded and compiled
        index.search(queries[:2], K)
        for k in (1, K):
            for how in ({"recall": 0.9}, {"recall": 0.95}, {"recall": 0.99}, {"sort_by": "identity"}):
                start, spent = time.perf_counter(), time.process_time()
                answer = index.search(queries, k, **how)
                qps, spent = len(queries) / (time.perf_counter() - start), time.process_time() - spent
                own = {"qps": round(qps, 1), "cpu_ms": round(1000 * spent / len(queries), 2), "budget": answer.budget}
                by = "identity" if "sort_by" in how else "distance"
                found[f"index, by {by}, k = {k}"] = Neighbours(answer.rows, answer.distances)
                if by == "distance":
                    own["recall"] = round(float(recall_at(answer.distances, truth.distances, k).mean()), 4)
                asked = {"asked": how["recall"]} if by == "distance" else {"by": by}
                row(algorithm="seqsearch index", k=k, **asked, **own)
    return found


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """Add a row for each measurement; one that says why where something is not installed."""

    def row(**facts: object) -> None:
        rows.append({"threads": threads.count(), **facts})
        print(json.dumps(rows[-1]), flush=True)

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
    answers = {"lossless, by distance": found}

    def told_row(**own: object) -> None:
        row(**facts, **own)

    answers |= through_an_index(options, queries, references, found, told_row)
    for name, (accepts, rejects) in VSEARCH.items():
        qps, spent, firsts = first_of_vsearch(queries, references, accepts, rejects)
        there = np.flatnonzero(firsts >= 0)
        farther = overlap.pairs(queries, there, references, firsts[there]) < found.distances[there, 0]
        own = {"qps": round(qps, 1), "cpu_ms": round(spent, 1), "matched": len(there)}
        own |= {"not_farther": round(1 - float(farther.mean()), 4)}
        for which, answer in answers.items():
            shares = no_worse(queries, references, answer, firsts)
            own[which] = dict(zip(("not_worse", "not_below"), (round(share, 4) for share in shares), strict=True))
        told = subprocess.run(["vsearch", "--version"], capture_output=True, text=True, check=True).stderr.split(",")[0]
        row(**facts, algorithm=told, settings=f"{name}: --maxaccepts {accepts} --maxrejects {rejects}", **own)
