"""A fast start for commands that are over in a second."""

from __future__ import annotations

import importlib
import sys

owns_process = False  # `main` says so: nobody else's code runs in this process


def numba_without_scipy() -> None:
    """Load numba without scipy.linalg, which it wants for matrix products inside kernels only; there are none here.

    That is a fifth of the time that a search of 1,000 queries takes as a whole process. In a process of somebody else
    nothing is done, whose own kernels may need it.
    """
    if not owns_process or "scipy.linalg" in sys.modules or "numba" in sys.modules:
        return
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment]  # an import of it fails from here on
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy.linalg"]
