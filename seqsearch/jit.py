"""The one door to numba, so that every kernel is compiled with the same flags and keeps its type for mypy."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numba
from llvmlite.ir import IRBuilder
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., object])

prange = numba.prange
"""The parallel range of numba; the plain one when a kernel runs as Python."""


def _keep_somewhere() -> None:
    """Numba compiles nothing where it can keep machine code neither beside the source nor in the user's cache: then it
    is kept in a folder of this process alone. (A shared one could hold what somebody else put there.)"""
    settings = vars(numba.config)
    here, home = Path(__file__).parent, Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~"))
    if settings["CACHE_DIR"] or any(os.access(folder, os.W_OK) for folder in (here, home)):
        return
    settings["CACHE_DIR"] = tempfile.mkdtemp(prefix="seqsearch-kernels-")
    atexit.register(shutil.rmtree, settings["CACHE_DIR"], ignore_errors=True)


_keep_somewhere()


def kernel(*, parallel: bool = False, inline: bool = False, fastmath: bool = False) -> Callable[[Function], Function]:
    """Compile a function with numba: no Python objects, no GIL, the machine code cached on disk.

    `parallel` turns `numba.prange` loops into threads; `inline` lets LLVM merge the function into its callers;
    `fastmath` allows float operations to be reordered, which no kernel that has to reproduce a sum may ask for.
    """

    def compile_it(function: Function) -> Function:
        compiler = numba.njit(cache=True, nogil=True, parallel=parallel, fastmath=fastmath, forceinline=inline)
        return cast("Function", compiler(function))

    return compile_it


def _popcount(typing_context: object, word: object) -> object:
    """How many bits of a uint64 are 1: one instruction, which LLVM also uses on vectors."""

    def generate(context: object, builder: IRBuilder, signature: object, arguments: Sequence[object]) -> object:
        return builder.ctpop(arguments[0])

    return numba.types.uint64(numba.types.uint64), generate


popcount = cast("Callable[[object], int]", intrinsic(_popcount))
"""The bits of a uint64 that are 1."""
