"""One number of threads for everything: numba, torch, faiss, hnswlib, rapidfuzz.

Consumers ask `count()` at each call; `use(n)` sets it for the process. Numba and torch keep a number of their own:
whoever is about to run a parallel numba kernel calls `numba_threads()` first, the torch rooms `torch_threads()`, and
the room of candidate indexes `faiss_threads()`.

Processes. All three run on GNU OpenMP, whose threads do not survive a fork: in a child forked after they were started
numba would end the process, torch and faiss would wait for ever. There these functions raise ForkError instead, so
that everything which needs threads (search, exact distances, embedding, training) does. What works:

- spawn and forkserver (`multiprocessing.get_context("spawn")`), always;
- fork before the first search, build or exact distance of the parent, each child opening its own index: importing
  seqsearch, reading files and encoding alphabets start no threads;
- fork at any time where numba runs on TBB or its workqueue (NUMBA_THREADING_LAYER), no network was run by torch and no
  lists were searched by faiss, which brings an OpenMP of its own.

Threads that other code makes torch start before the fork are not noticed.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import ForkError, ParameterError

_chosen: int | None = None
_torch_runs = False
_faiss_runs = False
_faiss_lost = False  # forked from a process in which faiss had started threads
_lost = False  # forked from a process with threads of GNU OpenMP

# OpenMP threads that wait by spinning starve each other as soon as anything else wants a core: on a machine with as
# many busy programs as cores a training step took 343 ms with spinning and 20 ms without. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def available() -> int:
    """Cores this process may run on (respects CPU affinity)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count() -> int:
    """Threads to use now."""
    return _chosen if _chosen is not None else available()


def use(threads: int | None) -> None:
    """Set the number of threads for this process, whatever runs in it; None means all available cores.

    A worker of a pool is best given its share: `initializer=ss.use_threads, initargs=(1,)`. Raises ParameterError for a
    number below 1.

    >>> import seqsearch as ss
    >>> ss.use_threads(2)
    >>> ss.use_threads(None)
    """
    global _chosen
    if threads is not None and threads < 1:
        raise ParameterError(f"threads must be at least 1, not {threads}")
    _chosen = threads


@contextmanager
def using(threads: int | None) -> Iterator[None]:
    """`use(threads)` inside a `with` block only."""
    before = _chosen
    use(threads)
    try:
        yield
    finally:
        use(before)


def numba_threads() -> int:
    """Bring numba to the chosen number (it cannot exceed the number it was launched with) and return what it uses.

    Raises ForkError in a child that was forked after threads were started.
    """
    import numba

    if _lost and _numba_layer() in ("", "omp"):
        raise _forked()
    launched = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]  # set when numba is imported
    allowed = max(1, min(count(), launched))
    numba.set_num_threads(allowed)
    return allowed


def in_blocks(items: int, size: int, work: Callable[[int, int], object]) -> None:
    """`work(first, last)` of items first..last - 1, `size` at a time, on as many threads as `numba_threads` says.

    For kernels that leave the interpreter to others: they compile in a fraction of the time of one that starts threads
    itself. Whoever is done takes the next block; a single block is done in this thread. Raises what `work` raises.
    """
    blocks, left, failed = -(-items // size), itertools.count(), list[BaseException]()
    if blocks == 1:  # of one query alone, mostly
        work(0, items)
        return

    def take() -> None:
        try:
            while not failed and (block := next(left)) < blocks:
                work(block * size, min(items, (block + 1) * size))
        except BaseException as error:
            failed.append(error)

    others = [threading.Thread(target=take) for _ in range(min(numba_threads(), blocks) - 1)]
    for other in others:
        other.start()
    take()
    for other in others:
        other.join()
    if failed:
        raise failed[0]


def torch_threads() -> int:
    """Bring torch to the chosen number and return it. Raises ForkError as `numba_threads` does."""
    global _torch_runs
    if _lost:
        raise _forked()
    import torch

    if torch.get_num_threads() != count():
        torch.set_num_threads(count())
    _torch_runs = True
    return count()


def faiss_threads(rows: int | None = None) -> int:
    """Bring faiss to the chosen number, or that of the `rows` it is asked for where these are fewer, and return it.

    Raises ForkError as `numba_threads` does.
    """
    global _faiss_runs
    if _faiss_lost:
        raise _forked()
    faiss = sys.modules.get("faiss")  # a search of one query asks, and has no time for more
    if faiss is None:
        from .extras import LARGE, imported

        faiss = imported("faiss", LARGE)
    wanted = count() if rows is None else max(1, min(count(), rows))
    faiss.omp_set_num_threads(wanted)
    _faiss_runs = _faiss_runs or wanted > 1  # alone it starts no threads, and a child may go on with it
    return wanted


class ForkSafeLock:
    """A re-entrant lock for `with`, which is free in a forked child, whichever thread of the parent held it."""

    def __init__(self) -> None:
        self._lock, self._process = threading.RLock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._lock, self._process = threading.RLock(), os.getpid()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _numba_layer() -> str:
    """What numba's threads run on, "" before they were started."""
    numba = sys.modules.get("numba")
    try:
        return "" if numba is None else str(numba.threading_layer())
    except (AttributeError, ValueError):  # being imported, not started
        return ""


def _forked() -> ForkError:
    return ForkError(
        "this process was forked after its parent had started threads (by a search, an exact distance or a network), "
        'which it cannot use: start processes by "spawn" or "forkserver", or fork before the first search'
    )


def _after_fork() -> None:
    global _lost, _faiss_lost
    _faiss_lost = _faiss_lost or _faiss_runs
    _lost = _lost or _torch_runs or _numba_layer() == "omp"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
