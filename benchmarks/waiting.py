"""How long until the first answer, and how long for one query alone.

    python benchmarks/waiting.py INDEX QUERIES.fasta [--build REFS.fasta] [--output waiting.jsonl]

Whole processes, each of its own: `kernels` "kept" are those that `seqsearch warm-up` made, "none" is a copy of the
package without any, with an empty cache. `seconds` of `case`: "search 1" and "search 1000" open the index and search,
"exact" by proof; "build" makes an index of --build. `compiled`: kernels that the process compiled. The row "one query
alone" is of an open index and texts asked one after the other, after 50 that do not count: `p50_ms` and `p99_ms`, with
the answer as Results.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import seqsearch
from seqsearch import SequenceIndex

_SEARCH = """
import sys, seqsearch, seqsearch.kernel_cache as kept
seqsearch.use_threads(int(sys.argv[1]))
with seqsearch.SequenceIndex.open(sys.argv[2]) as index:
    index.search(seqsearch.read(sys.argv[3])[:int(sys.argv[4])], 10, exact=sys.argv[5] == "exact")
print(kept.compiled())
"""
_BUILD = """
import sys, seqsearch, seqsearch.kernel_cache as kept
seqsearch.use_threads(int(sys.argv[1]))
seqsearch.SequenceIndex.build(sys.argv[2], seqsearch.read(sys.argv[3])).close()
print(kept.compiled())
"""
_IGNORED = 50  # queries alone before those that count


def timed(program: str, arguments: list[str], environment: dict[str, str]) -> dict[str, object]:
    """One process: its seconds and the kernels it compiled."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **environment},
        cwd=tempfile.gettempdir(),  # python -c looks for packages here first
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {"seconds": round(time.perf_counter() - start, 2), "compiled": int(done.stdout.split()[-1])}


def processes(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """The rows of whole processes."""
    package = Path(seqsearch.__file__).parent
    threads = str(options.threads)
    cases = [(f"search {n}{how}", _SEARCH, str(n), how) for how in ("", " exact") for n in (1, 1000)]
    for kernels in ("none", "kept"):
        for number, (case, program, count, how) in enumerate(cases):
            environment = {"PYTHONPATH": str(package.parent)}
            if kernels == "none":
                bare = folder / str(number)
                shutil.copytree(package, bare / package.name, ignore=shutil.ignore_patterns("_kernels", "__pycache__"))
                environment = {"PYTHONPATH": str(bare), "NUMBA_CACHE_DIR": str(bare / "cache")}
                environment["XDG_CACHE_HOME"] = str(bare / "home")
            arguments = [
                threads,
                str(options.index.resolve()),
                str(options.queries.resolve()),
                count,
                how.strip() or "-",
            ]
            yield {"case": case, "kernels": kernels, **timed(program, arguments, environment)}
        if options.build is not None:
            arguments = [threads, str(folder / f"{kernels}.ss"), str(options.build.resolve())]
            yield {"case": "build", "kernels": kernels, **timed(_BUILD, arguments, environment)}


def alone(options: argparse.Namespace) -> dict[str, object]:
    """The row of single queries to an open index."""
    seqsearch.use_threads(options.threads)
    texts = seqsearch.read(options.queries).texts()
    taken = []
    with SequenceIndex.open(options.index) as index:
        for text in texts:
            start = time.perf_counter()
            budget = index.search(text, 10).budget
            taken.append(1000 * (time.perf_counter() - start))
    p50, p99 = np.quantile(taken[_IGNORED:], [0.5, 0.99]).round(3).tolist()
    return {"case": "one query alone", "p50_ms": p50, "p99_ms": p99, "budget": budget}


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("index", type=Path)
    text.add_argument("queries", type=Path)
    text.add_argument("--build", type=Path, help="sequences to build an index of, too")
    text.add_argument("--threads", type=int, default=2)
    text.add_argument("--alone", action="store_true", help="only single queries")
    text.add_argument("--output", type=Path, help="rows as JSON lines, put behind what it holds")
    options = text.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = iter([]) if options.alone else processes(options, Path(folder))
        for row in (*rows, alone(options)):
            told = json.dumps({"index": options.index.parent.name, **row})
            print(told, flush=True)
            if options.output is not None:
                with options.output.open("a") as file:
                    file.write(told + "\n")


if __name__ == "__main__":
    main()
