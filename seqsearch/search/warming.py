"""Compiling every kernel ahead: small indexes of each kind are built and searched, in processes beside one another.

What is run is what users run, so that kernels are compiled for the very types that they will meet (columns in memory or
mapped from a file, bytes or code points). What is kept already is loaded and not compiled again.
"""

from __future__ import annotations

import compileall
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from .. import extras, threads
from ..alignment import align_multiple
from ..distances import DISTANCES, Distance, distance_named, range_search
from ..distances.consensus import consensus
from ..distances.consensus_bound import consensus_bound
from ..errors import MismatchError, ParameterError, SeqsearchError
from ..kernel_cache import PACKAGE, compiled, lasting_folder, levels_here
from ..progress import SILENT, Progress
from ..sequences import DNA, PROTEIN, Sequences, as_sequences
from .dedup import duplicates
from .index import SequenceIndex
from .options import BuildFields
from .references import References

_LETTERS = {"dna": "ACGT", "protein": "ACDEFGHIKLMNPQRSTVWY", "text": "abcdefghijklmnopqrstuvwxyz ", "wide": "αβγδεζηθ"}
_ALPHABETS = {"dna": DNA, "protein": PROTEIN}
_PARTIAL = ("infix", "overlap")


@dataclass(frozen=True)
class Warmed:
    """What `warm_up` did: kernels `compiled`, each for one list of argument types, the `folder` that keeps them and the
    `seconds` it took."""

    compiled: int
    folder: Path
    seconds: float


def warm_up(*, level: str | None = None, progress: Progress = SILENT) -> Warmed:
    """Compile what is not kept yet, on all cores of `threads.count()`; Python's bytecode of the package, too.

    `level`: for processors of a level of x86-64 ("x86-64-v3": AVX2, "x86-64-v4": AVX-512) in place of this one.
    Raises ParameterError for a level that this processor has not, as the kernels are run, and SeqsearchError where
    nothing can be kept, or a process was killed.
    """
    if level is not None and level not in levels_here():
        raise ParameterError(f"this processor runs no code for {level!r}: {', '.join(levels_here()) or 'no level'}")
    if (folder := lasting_folder()) is None:
        raise SeqsearchError("neither the package nor the user's cache can be written: set NUMBA_CACHE_DIR to a folder")
    began, count = time.perf_counter(), 0
    setting = {} if level is None else {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    before = {name: os.environ.get(name) for name in setting}
    os.environ.update(setting)  # numba reads them when it is imported
    try:
        workers = min(threads.count(), len(_TASKS))
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), threads.use, (2,)) as pool:
            work = [pool.submit(_run, name) for name in _TASKS]
            with progress.task("compiling", len(work)) as task:
                for done in as_completed(work):
                    count += done.result()
                    task.advance()
                    task.say(f"{count} kernels")
    except BrokenProcessPool:
        raise SeqsearchError("a process that compiled was killed, for its memory maybe: try --threads 1") from None
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    keep_bytecode(PACKAGE)
    return Warmed(count, folder, time.perf_counter() - began)


def keep_bytecode(folder: Path) -> None:
    """Compile all modules in a folder that can be written. Where PYTHONDONTWRITEBYTECODE is set, as in many images, or
    a checkout is installed, each process would compile them anew: a third of a search of 1,000 queries."""
    compileall.compile_dir(folder, quiet=2, workers=threads.count())


def _run(name: str) -> int:
    """Do one of the tasks; how many kernels were compiled for it."""
    before = compiled()
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _TASKS[name](Path(folder))
    return compiled() - before


def _family(kind: str, count: int, length: int, rate: float = 0.06) -> Sequences:
    """Sequences in families of ten that differ by substitutions and gaps."""
    random, texts = np.random.default_rng(0), []
    letters = np.array(list(_LETTERS[kind]))
    for _ in range(count // 10):
        base = random.choice(letters, length)
        for _ in range(10):
            other = np.where(random.random(length) < rate, random.choice(letters, length), base)
            texts.append("".join(other[random.random(length) > rate / 4]))
    alphabet = _ALPHABETS.get(kind)
    return as_sequences(texts) if alphabet is None else Sequences.from_texts(texts, alphabet)


def _waves(count: int, length: int) -> Sequences:
    random = np.random.default_rng(0)
    base = random.normal(size=(count // 10, length, 1)).cumsum(axis=1).repeat(10, axis=0)
    return as_sequences(list((base + 0.1 * random.normal(size=base.shape)).astype(np.float32)))


def _use(folder: Path, refs: Sequences, queries: Sequences | None = None, **options: Unpack[BuildFields]) -> None:
    """Build an index, and ask it in every way."""
    path, queries = folder / "warm.ss", refs[:20] if queries is None else queries
    SequenceIndex.build(path, refs, overwrite=True, **options).close()
    with SequenceIndex.open(path) as index:
        for asked in (queries[:1], queries):
            index.search(asked, 5)
            index.search(list(asked), 5)
            if not index.calibration.lossless:
                index.search(asked, 5, candidates=20)
            index.search(asked, 5, exact=True)
        if not index.finds_parts:
            index.novelty(queries)


def _compare(distance: Distance, refs: Sequences, queries: Sequences) -> None:
    """Compare sequences in every way."""
    some = np.arange(len(queries))
    distance.searcher(refs).search(queries, 5)
    distance.pairs(queries, some, refs, some)
    distance.matrix(queries, refs)
    range_search(distance, queries, refs, 5.0)


def _learn() -> str:
    """What runs the kernels of learning where it can be done."""
    return "low" if extras.installed("torch") else "none"


def _genes(folder: Path) -> None:
    _use(folder, _family("dna", 1200, 120), learn=_learn(), index="ivf")


def _own_kinds(folder: Path) -> None:
    """Lists and graphs where faiss and hnswlib are not installed."""
    with extras.without("faiss", "hnswlib"):
        for index in ("ivf", "hnsw"):
            _use(folder, _family("dna", 1200, 120), learn="none", index=index)


def _names(folder: Path) -> None:
    _use(folder, _family("text", 1200, 18), learn=_learn(), index="ivf", compress=2)


def _other_texts(folder: Path) -> None:
    _use(folder, _family("wide", 300, 18), encoder="kmer")
    _use(folder, _family("protein", 400, 150), encoder="kmer", index="hnsw")


def _codes(folder: Path) -> None:
    for bits in (16, 64):
        _use(folder, _family("dna", 400, 120), encoder="kmer", bits=bits, codes="itq", index="hamming")


def _parts(name: str) -> Callable[[Path], None]:
    def task(folder: Path) -> None:
        genes = _family("dna", 300, 400)
        reads = Sequences.from_texts([gene.text[100:220] for gene in genes[:20]], DNA)
        References(genes, distance=name).search(reads, 5)
        _compare(distance_named(name), genes, reads)
        _use(folder, genes, reads, distance=name, learn=_learn())
        if name == "overlap":
            with SequenceIndex.open(folder / "warm.ss") as index:
                for exact in (False, True):
                    index.search(reads, 5, exact=exact, sort_by="identity", min_coverage=0.1)

    return task


def _windows(folder: Path) -> None:
    genes = _family("dna", 400, 400)
    reads = Sequences.from_texts([gene.text[100:200] for gene in genes[:20]], DNA)
    _use(folder, genes, reads, distance="infix", distance_parameters={"window": 80}, recall=0.9)


def _series(folder: Path) -> None:
    waves = _waves(300, 48)
    _compare(distance_named("dtw"), waves, waves[:10])
    _use(folder, waves, distance="dtw", learn=_learn())


def _parts_of_series(folder: Path) -> None:
    waves = _waves(60, 300)
    beats = as_sequences([wave.data[100:160] for wave in waves[:10]])
    for form in ({}, {"window": 0.1, "standardise": True}):
        distance = distance_named("dtw-infix", **form)
        References(waves, distance=distance).search(beats, 5)
        References(_waves(10, 2500), distance=distance).search(beats, 1)  # long enough for sections of a query
        _compare(distance, waves, beats)
        _use(folder, waves, beats, distance=distance)


def _exact(kind: str) -> Callable[[Path], None]:
    """All distances that compare a kind of sequences of tokens, by comparison with everything."""

    def task(folder: Path) -> None:
        refs = _family(kind, 300, 18 if kind == "text" else 120)
        References(refs).search(refs[:20], 5)
        duplicates(refs, "edit", 2)
        consensus(refs[:10])
        consensus_bound(refs[:10])
        for name, made in DISTANCES.items():
            if made.kind == "tokens" and name not in _PARTIAL:
                with suppress(MismatchError):  # scores of amino acids, of DNA
                    _compare(distance_named(name), refs, refs[:10])
        with suppress(MismatchError):  # of texts
            align_multiple(refs[:10])

    return task


def _points(folder: Path) -> None:
    points = as_sequences(np.random.default_rng(0).normal(size=(1500, 24)).astype(np.float32))
    for name in ("euclidean", "cosine", "inner-product"):
        _use(folder, points, distance=name, index="ivf")


# the longest first
_TASKS: dict[str, Callable[[Path], None]] = {
    "genes": _genes,
    "infix": _parts("infix"),
    "windows": _windows,
    "exact, of DNA": _exact("dna"),
    "overlap": _parts("overlap"),
    "names": _names,
    "series": _series,
    "parts of series": _parts_of_series,
    "exact, of text": _exact("text"),
    "exact, of proteins": _exact("protein"),
    "codes": _codes,
    "other text": _other_texts,
    "points": _points,
    "lists and graphs of its own": _own_kinds,
}
