"""A .npy file that grows: rows are written as they come, the number of them when the file is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from ..arrays import AnyArray
from ..errors import MismatchError, StrPath
from ..files import atomic_write

_HEADER = 128  # bytes: what numpy writes for any number of rows


class NpyRows:
    """Rows on their way into a file; `count`: so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._width = 0
        self._dtype = np.dtype(np.float32)
        self.count = 0

    def append(self, rows: AnyArray) -> None:
        """Write (n, D) rows. Raises MismatchError when D or the type is not that of the rows before."""
        if self.count == 0:
            self._width, self._dtype = int(rows.shape[1]), rows.dtype
        elif rows.shape[1] != self._width or rows.dtype != self._dtype:
            raise MismatchError(
                f"rows of {rows.shape[1]} {rows.dtype} cannot follow rows of {self._width} {self._dtype}"
            )
        self._file.write(np.ascontiguousarray(rows).tobytes())
        self.count += len(rows)

    def write_header(self) -> None:
        """Say at the beginning of the file what it holds."""
        self._file.seek(0)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.count, self._width)}
        np.lib.format.write_array_header_1_0(self._file, header)
        assert self._file.tell() == _HEADER


@contextmanager
def npy_rows(path: StrPath) -> Iterator[NpyRows]:
    """A file to append rows to, which stands under its name only after the block ended without an error.

    An array of shape (0, 0) when no row came.
    """
    with atomic_write(path) as file:
        file.write(bytes(_HEADER))
        rows = NpyRows(file)
        yield rows
        rows.write_header()
