"""One number of threads for everything: numba, torch, hnswlib, rapidfuzz.

Consumers ask `count()` at each call; `use(n)` sets it for the process. Numba and torch keep a number of their own:
whoever is about to run a parallel numba kernel calls `numba_threads()` first, and the torch rooms `torch_threads()`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ParameterError

_chosen: int | None = None

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
    """Set the number of threads for this process; None means all available cores."""
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
    """Bring numba to the chosen number (it cannot exceed the number it was launched with) and return what it uses."""
    import numba

    launched = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]  # set when numba is imported
    allowed = max(1, min(count(), launched))
    numba.set_num_threads(allowed)
    return allowed


def torch_threads() -> int:
    """Bring torch to the chosen number and return it."""
    import torch

    if torch.get_num_threads() != count():
        torch.set_num_threads(count())
    return count()
