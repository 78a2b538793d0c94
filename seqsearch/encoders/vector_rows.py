"""Vectors that were made elsewhere: (n, D) numbers in memory or in an .npy file, which is mapped, never read whole."""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..arrays import AnyArray, FloatArray, IntArray
from ..errors import InputError, MismatchError, ParameterError, ParseError, StrPath
from ..progress import SILENT, Progress

VectorsLike: TypeAlias = "npt.ArrayLike | StrPath | VectorRows"
"""What vectors may come as: an array (n, D) of real numbers or what numpy makes one of, or the path of an .npy file."""

LONGEST = 1e18
"""The norm of a vector up to which squared distances fit into float32."""
_PART = 1 << 24  # bytes looked at at a time


@dataclass(frozen=True)
class VectorRows:
    """(n, D) vectors; row i belongs to sequence i. `name`: of the argument or the file they came as; `first`: the row
    of the file that row 0 is. Rows are taken as float32, and checked as they are taken.
    """

    array: AnyArray
    name: str
    first: int = 0

    @classmethod
    def of(cls, given: VectorsLike, what: str) -> VectorRows:
        """Those of the argument `what`.

        Raises InputError for a file that cannot be read or is no .npy file, ParameterError for anything but real
        numbers of two axes.
        """
        if isinstance(given, VectorRows):
            return given
        if isinstance(given, str | os.PathLike):
            return cls._of_file(given)
        if hasattr(given, "detach"):  # a tensor of torch, wherever it is
            given = given.detach().cpu()
        try:
            array = np.asarray(given)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ParameterError(f"{what}: no array can be made of it: {error}") from None
        problem = _problem(array)
        if problem is not None:
            raise ParameterError(f"{what} {problem}")
        return cls(array, what)

    @classmethod
    def _of_file(cls, path: StrPath) -> VectorRows:
        try:
            array: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", path=path) from None
        except (ValueError, EOFError) as error:
            raise ParseError(f"is no .npy file of numbers: {str(error).splitlines()[0]}", path=path) from None
        if not isinstance(array, np.ndarray):
            array.close()
            raise ParseError("is an archive of arrays: vectors are one array, an .npy file", path=path)
        problem = _problem(array)
        if problem is not None:
            raise ParseError(problem, path=path)
        return cls(array, os.fspath(path))

    def __len__(self) -> int:
        return len(self.array)

    @property
    def dim(self) -> int:
        return int(self.array.shape[1])

    def part(self, start: int, stop: int) -> VectorRows:
        """The rows from `start` to `stop`."""
        return VectorRows(self.array[start:stop], self.name, self.first + start)

    def require(self, count: int, dim: int | None = None) -> None:
        """Raise MismatchError unless there are `count` rows, of `dim` dimensions where that is known."""
        if dim is not None and self.dim != dim:
            raise MismatchError(f"{self.name}: vectors of {self.dim} dimensions, the index holds {dim}")
        if len(self) != count:
            raise MismatchError(f"{self.name}: {len(self):,} rows of vectors for {count:,} sequences")

    def take(self, rows: IntArray, geometry: str) -> FloatArray:
        """(m, D) float32 of some rows, ascending. Raises InputError as `checked`."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            return checked(self.array[rows[0] : rows[-1] + 1], geometry, self.name, self.first + int(rows[0]))
        numbers = np.asarray(rows) + self.first
        return checked(self.array[rows], geometry, self.name, numbers)

    def all(self, geometry: str) -> FloatArray:
        """(n, D) float32. Raises InputError as `checked`."""
        return checked(self.array, geometry, self.name, self.first)

    def unmap(self) -> None:
        """Let go of the pages of a file that were read so far, which count as memory of this process."""
        base = self.array.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)

    def proved(self, geometry: str, progress: Progress = SILENT) -> str:
        """Look at every row, and return what names their content. Raises InputError as `checked`."""
        h = hashlib.blake2b(f"{self.array.dtype.str} {self.array.shape}".encode(), digest_size=16)
        step = max(1, _PART // max(1, self.array.dtype.itemsize * self.dim))
        with progress.task("checking vectors", len(self)) as task:
            for start in range(0, len(self), step):
                part = np.ascontiguousarray(self.array[start : start + step])
                h.update(part.view(np.uint8).data if part.size else b"")
                checked(part, geometry, self.name, self.first + start)
                self.unmap()
                task.advance(len(part))
        return h.hexdigest()


def checked(vectors: AnyArray, geometry: str, name: str, rows: int | IntArray = 0) -> FloatArray:
    """(m, D) float32 of vectors that can be compared in a geometry; a copy, or the same where nothing has to change.

    `rows`: what to call them in errors, their numbers or the first one. Raises InputError naming row and value: for
    what is not finite in float32, for a norm above `LONGEST`, and for a point outside the ball of hyperbolic geometry.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        points = np.ascontiguousarray(vectors, np.float32)
        norms = np.sqrt(np.einsum("nd,nd->n", points, points, dtype=np.float64))
    most = 1.0 if geometry == "hyperbolic" else LONGEST
    wrong = np.flatnonzero(~(norms < most))
    if not len(wrong):
        return points
    at = int(wrong[0])
    number = rows + at if isinstance(rows, int) else int(rows[at])
    odd = np.flatnonzero(~np.isfinite(points[at]))
    if len(odd):
        problem = f"the value in column {odd[0]} is {vectors[at, odd[0]]}: vectors are finite float32 numbers"
    elif geometry == "hyperbolic":
        problem = f"its norm is {norms[at]:.6g}: points of hyperbolic geometry lie inside the unit ball"
    else:
        problem = f"its norm is {norms[at]:.3g}: at most {LONGEST:g} can be compared"
    raise InputError(f"row {number} (counted from 0): {problem}", path=name)


def _problem(array: AnyArray) -> str | None:
    """Why an array cannot be vectors."""
    if array.dtype.kind not in "fiu":
        return f"has dtype {array.dtype}: vectors are real numbers"
    if array.ndim != 2 or not array.shape[1]:
        return f"has shape {array.shape}: vectors are (n, D), a row a sequence"
    return None
