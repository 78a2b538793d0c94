"""Recall against speed beside every peer, on data sets by name: one harness, one row format.

    pip install 'seqsearch[bench]' && apt-get install vsearch mmseqs2
    python benchmarks/retrieval.py v4 names typos --output rows.jsonl --plots FOLDER
    python benchmarks/retrieval.py proteins ecg --data FOLDER ...                  # what no package brings
    python benchmarks/retrieval.py glove-50-angular.hdf5 ...                       # any file of ann-benchmarks
    python benchmarks/retrieval.py reads-1000 reads-10000 reads-70000 ...          # growth with n
    python benchmarks/retrieval.py --vectors VECTORS.npy glove-50-angular.hdf5     # write such a file, then use it

Every algorithm builds and searches in processes of its own, with --threads threads; peers that are not installed are
rows that say so. Recall is tie-aware, of exact neighbours that a lossless search has proved: `recall` of the first k as
the algorithm ranks them, `candidate_recall` of all its hits; where there are more than k, a series "re-ranked" verifies
them all. Speed is the best of several batches of --queries, by time of the wall: `mode` warm is in a process that has
loaded its index, mode process is a whole process. A cell that would take longer than --seconds is measured on fewer
queries. `cpu_us` is the processor time of a query, of all threads, which holds on a busy machine as well; pictures show
it with --by-processor. `build_s`, `build_cpu_s`, `build_peak_mb` (of which `base_mb` were there before, with Python and
the data), `index_mb` on disk, `load_s` to open and `search_peak_mb` are its costs. The series "seqsearch --recall" asks
for a recall and tells what came. What --output holds already is not measured again, so that a run may be stopped and
go on.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from harness import datasets, pictures
from harness.measuring import Ledger, Settings, measure
from harness.ours import EFFORT
from harness.registry import ALGORITHMS, RETRIEVAL
from harness.tasks import SequenceTask, Task, VectorTask, write_vectors

from seqsearch import SequenceIndex, threads
from seqsearch.arrays import FloatArray

VECTOR_FILES = (".hdf5", ".h5")


def task_named(name: str, options: argparse.Namespace) -> Task:
    """Raises ImportError, FileNotFoundError or ValueError when there is no such data."""
    if name.endswith(VECTOR_FILES):
        path = Path(name)
        if options.vectors is not None and not path.exists():
            write_vectors(path, vectors_of(options.vectors), options.queries, options.metric, options.slack)
        return VectorTask(path)
    data = datasets.load(name, options.queries, options.data)
    return SequenceTask.prepare(options.work / name, data)


def vectors_of(path: Path) -> FloatArray:
    """(n, D) vectors of an .npy file, or the points of an index."""
    if path.suffix == ".npy":
        return np.asarray(np.load(path), np.float32)
    with SequenceIndex.open(path) as index:
        return index.model.embed(index.sequences)


def parser() -> argparse.ArgumentParser:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("names", nargs="*", help=f"{', '.join(datasets.LOADERS)}, reads-SIZE, FILE.hdf5")
    text.add_argument("--algorithms", default=",".join(RETRIEVAL), help="which of them  [default: all]")
    text.add_argument("--data", type=Path, help="folder with tagging/, ecg/")
    text.add_argument("--vectors", type=Path, help="(n, D) .npy, or an index, of which FILE.hdf5 is made")
    text.add_argument("--metric", default="angular", choices=["angular", "euclidean"], help="of --vectors")
    text.add_argument("--slack", type=float, default=1e-3, help="of --vectors: how far a tie reaches")
    text.add_argument("--queries", type=int, default=1000)
    text.add_argument("--threads", type=int, default=threads.available())
    text.add_argument("--effort", default="normal", help="of training, for seqsearch: low, normal or high")
    text.add_argument("--seconds", type=float, default=60.0, help="of one cell")
    text.add_argument("--work", type=Path, default=Path("benchmarks/cache"), help="keeps tasks and built indexes")
    text.add_argument("--again", action="store_true", help="measure anew what --output holds")
    text.add_argument("--rebuild", action="store_true", help="build anew what --work holds")
    text.add_argument("--output", type=Path, help="rows as JSON lines")
    text.add_argument("--by-processor", action="store_true", help="plots: threads over processor time, not the wall")
    text.add_argument("--plots", type=Path, help="folder for pictures of all rows in --output")
    return text


def main() -> None:
    options = parser().parse_args()
    threads.use(options.threads)
    os.environ[EFFORT] = options.effort
    names = options.algorithms.split(",")
    unknown = [name for name in names if name not in ALGORITHMS]
    if unknown:
        parser().error(f"no algorithm {unknown[0]!r}: choose {', '.join(ALGORITHMS)}")
    settings = Settings(options.work, options.threads, options.queries, options.seconds, rebuild=options.rebuild)
    ledger = Ledger(options.output)
    for name in options.names:
        try:
            task = task_named(name, options)
        except (ImportError, FileNotFoundError) as error:
            print(f"{name} skipped: {error}")
            continue
        measure(task, names, settings, ledger, again=options.again)
    if options.plots is not None:
        pictures.draw(ledger.rows, options.plots, by_processor=options.by_processor)


if __name__ == "__main__":
    main()
