"""Reads in whole genes through the windows of an index: recall asked and delivered, speed, and what a build takes.

    python benchmarks/fragments.py --part index --reads 500 --index genes.ss --output windows.jsonl

The index is built at --index unless it is there. Recall is of the ten nearest by the lossless search, ties counted.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from pathlib import Path

import numpy as np

from seqsearch import SequenceIndex, threads
from seqsearch.datasets import greengenes_full
from seqsearch.distances import recall_at
from seqsearch.search.strands import reverse_complement

ASKED = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the index is."""
    parser.add_argument("--index", type=Path, default=Path("genes.ss"), help="of --part index")


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """One row for the build, and one for each recall that is asked of each kind of reads."""
    from fragments import ERRORS, K, by_vsearch, reads_of, recall_of, told_vsearch

    genes = greengenes_full()

    def row(**facts: object) -> None:
        rows.append({"genes": len(genes), "reads": options.reads, "threads": threads.count(), **facts})
        print(rows[-1], flush=True)

    if not options.index.exists():
        start, spent = time.perf_counter(), time.process_time()
        SequenceIndex.build(options.index, genes, distance="infix", progress=True).close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        seconds = {"build_s": round(time.perf_counter() - start, 1), "cpu_s": round(time.process_time() - spent, 1)}
        row(algorithm="seqsearch build", **seconds, peak_mb=peak)
    with SequenceIndex.open(options.index) as index:
        index.search(genes[:3], K, recall=ASKED[0])  # loaded, and compiled
        kinds = [(length, ERRORS) for length in map(int, options.lengths.split(","))] + [(150, (0.1,))]
        for length, errors in kinds:
            reads = reads_of(genes, options.reads, length, errors, options.seed + 1)
            truth = index.search(reads, K, exact=True).distances
            told: dict[str, object] = {"length": length, "errors": errors}
            for strand in ("plus", "both") if (length, errors) == kinds[0] else ("plus",):
                asked = reads if strand == "plus" else reverse_complement(reads)
                for recall in ASKED:
                    start, spent = time.perf_counter(), time.process_time()
                    found = index.search(asked, K, recall=recall, strand=strand)
                    seconds, spent = time.perf_counter() - start, time.process_time() - spent
                    delivered = float(np.mean(recall_at(found.distances, truth, K)))
                    speed = {"qps": round(len(reads) / seconds), "cpu_us": round(1e6 * spent / len(reads))}
                    how = {"strand": strand, "asked": recall, "recall": round(delivered, 4), "budget": found.budget}
                    row(algorithm="seqsearch", **told, **speed, **how)
            if options.vsearch and shutil.which("vsearch") and (length, errors) == kinds[0]:
                lossless, _ = index.distance.searcher(genes).search(reads, K)
                qps, rows_found = by_vsearch(reads, genes)
                share = round(recall_of(rows_found, reads, genes, lossless), 4)
                row(algorithm=told_vsearch(), **told, qps=round(qps, 1), recall=share)
