"""How everything grows with the number of sequences, beside peers in the same run.

    pip install 'seqsearch[bench]' && apt-get install vsearch mmseqs2
    python benchmarks/scale.py 1000 10000 100000 1000000 --work FOLDER --output scale.jsonl
    python benchmarks/scale.py 10000000 --algorithms seqsearch-ivf4,kmers-ivfpq --work FOLDER --output scale.jsonl
    python benchmarks/scale.py --output scale.jsonl --table scale.md --plot scale.png

The sequences are V4 genes, beyond 70,000 simulated reads of them with 1 to 3% errors; asked are reads of genes of
which nothing is stored. Data lie on disk and are mapped, the truth is proved block by block: 10 million need 2 GB of
disk and less than a gigabyte of memory. Every phase of every algorithm - build, add 1%, search - is a process of its
own. Columns beyond those of `retrieval.py`: `steps`, seconds of a build of ours by step; `build_anon_mb`, the greatest
memory without mapped files (of which `base_anon_mb` were there before, with Python and libraries), beside
`build_peak_mb`, which counts the mapped ones too; `search_anon_mb` and `search_base_mb` likewise, of a process that
has opened and searched; `open_s`, opening once more; `add_s`, adding `added` others to what was opened, durably. What
--output holds is not measured again. Sizes and peers that make no sense together are left out unless named: `LARGEST`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from harness import growth
from harness.measuring import Ledger, Settings, measure
from harness.ours import EFFORT
from harness.registry import ALGORITHMS
from harness.tasks import SequenceTask

from seqsearch import threads

LARGEST = {
    "seqsearch-ivf4": 30_000_000,
    "seqsearch-ivf4-asked": 30_000_000,
    "seqsearch-ivf2": 30_000_000,
    "seqsearch-hnsw": 1_000_000,
    "kmers-ivfpq": 30_000_000,
    "kmers-rabitq": 30_000_000,
    "kmers-hnsw": 1_000_000,
    "vsearch": 1_000_000,
    "mmseqs2": 10_000_000,
}
"""The largest set each takes part in by default: beyond it there is not the memory for it in 24 GB, or the patience."""


def parser() -> argparse.ArgumentParser:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("sizes", nargs="*", type=int, help="numbers of sequences")
    text.add_argument("--algorithms", help=f"of {', '.join(ALGORITHMS)}  [default: those of scale that can]")
    text.add_argument("--queries", type=int, default=1000, help="asked of each")
    text.add_argument("--held-out", type=int, default=1000, help="genes of which nothing is stored, for queries")
    text.add_argument("--threads", type=int, default=threads.available())
    text.add_argument("--effort", default="normal", help="of training, for seqsearch: low, normal or high")
    text.add_argument("--seconds", type=float, default=60.0, help="of one cell")
    text.add_argument("--most", type=float, default=14_400.0, help="seconds of one process")
    text.add_argument("--work", type=Path, default=Path("benchmarks/cache"), help="keeps data and built indexes")
    text.add_argument("--again", action="store_true", help="measure anew what --output holds")
    text.add_argument("--rebuild", action="store_true", help="build anew what --work holds")
    text.add_argument("--output", type=Path, help="rows as JSON lines")
    text.add_argument("--table", type=Path, help="write tables of all rows in --output, in Markdown")
    text.add_argument("--plot", type=Path, help="draw them")
    return text


def main() -> None:
    options = parser().parse_args()
    threads.use(options.threads)
    os.environ[EFFORT] = options.effort
    asked = options.algorithms.split(",") if options.algorithms else list(LARGEST)
    unknown = [name for name in asked if name not in ALGORITHMS]
    if unknown:
        parser().error(f"no algorithm {unknown[0]!r}: choose {', '.join(ALGORITHMS)}")
    settings = Settings(
        options.work, options.threads, options.queries, options.seconds, options.most, options.rebuild, adds=True
    )
    ledger = Ledger(options.output)
    for size in options.sizes:
        able = [name for name in asked if options.algorithms or size <= LARGEST[name]]
        task = SequenceTask.grown(options.work / f"reads-{size}", size, options.held_out)
        measure(task, able, settings, ledger, again=options.again)
    if options.table is not None:
        options.table.write_text(growth.tables(ledger.rows), "utf-8")
    if options.plot is not None:
        growth.draw(ledger.rows, options.plot)


if __name__ == "__main__":
    main()
