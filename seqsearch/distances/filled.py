"""Numbers of every target that are made when the target is first met."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..jit import kernel

_AT_ONCE = 1 << 25  # steps: bounds the memory, whatever is stored


class Filled:
    """An array of (rows, ...), of which `made(rows)` gives the lines of some rows. Any number of threads may ask."""

    def __init__(
        self, shape: tuple[int, ...], dtype: type[np.generic], made: Callable[[IntArray], AnyArray], steps: float
    ) -> None:
        """`steps`: of a usual target; so many targets are unpacked at once as have `_AT_ONCE`."""
        self._held: AnyArray = np.empty(shape, dtype)
        self._made, self._filling = made, threading.Lock()
        self._some = max(1, int(_AT_ONCE / max(1.0, steps)))
        self._ready, self._left = np.zeros(shape[0], np.bool_), shape[0]

    def holding(self, rows: IntArray) -> AnyArray:
        """The whole array, in which the lines of (Q, C) rows, -1 padded, are filled in."""
        if self._left:
            with self._filling:
                lacking = _lacking(rows, self._ready)
                for first in range(0, len(lacking), self._some):
                    some = lacking[first : first + self._some]
                    self._held[some] = self._made(some)
                    self._ready[some] = True
                    self._left -= len(some)
        return self._held


@kernel()
def _lacking(rows: IntArray, ready: BoolArray) -> IntArray:
    """Those of (Q, C) rows, -1 padded, that are not ready: ascending, each once."""
    seen = np.zeros(len(ready), np.bool_)
    for row in rows.ravel():
        if row >= 0 and not ready[row]:
            seen[row] = True
    found: IntArray = np.flatnonzero(seen)
    return found
