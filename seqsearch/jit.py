"""The one door to numba, so that every kernel is compiled with the same flags and keeps its type for mypy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numba
from llvmlite.ir import IRBuilder
from numba.extending import intrinsic

from .kernel_cache import KernelCache

Function = TypeVar("Function", bound=Callable[..., object])

prange = numba.prange
"""The parallel range of numba; the plain one when a kernel runs as Python."""


def kernel(*, parallel: bool = False, inline: bool = False, fastmath: bool = False) -> Callable[[Function], Function]:
    """Compile a function with numba: no Python objects, no GIL, the machine code kept (kernel_cache.py).

    `parallel` turns `numba.prange` loops into threads; `inline` lets LLVM merge the function into its callers;
    `fastmath` allows float operations to be reordered, which no kernel that has to reproduce a sum may ask for.
    """

    def compile_it(function: Function) -> Function:
        made: Any = numba.njit(nogil=True, parallel=parallel, fastmath=fastmath, forceinline=inline)(function)
        made._cache = KernelCache(made)
        return cast("Function", made)

    return compile_it


def _popcount(typing_context: object, word: object) -> object:
    """How many bits of a uint64 are 1: one instruction, which LLVM also uses on vectors."""

    def generate(context: object, builder: IRBuilder, signature: object, arguments: Sequence[object]) -> object:
        return builder.ctpop(arguments[0])

    return numba.types.uint64(numba.types.uint64), generate


popcount = cast("Callable[[object], int]", intrinsic(_popcount))
"""The bits of a uint64 that are 1."""
