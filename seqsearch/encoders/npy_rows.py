"""A .npy file that grows: rows are written as they come, the number of them when the file is closed."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from ..arrays import AnyArray
from ..errors import MismatchError, StrPath

_HEADER = 128  # a multiple of 64, as the format asks; any number of rows fits
_MAGIC = b"\x93NUMPY\x01\x00"


class NpyRows:
    """A context manager; the file stands under its name only after the block ended without an error.

    `count`: rows so far. Nothing is written when no row came but an array of shape (0, 0).
    """

    def __init__(self, path: StrPath) -> None:
        self._place = Path(path)
        self._unfinished = self._place.with_name(f"{self._place.name}.part")
        self._file: BinaryIO | None = None
        self._width = 0
        self._dtype = np.dtype(np.float32)
        self.count = 0

    def __enter__(self) -> Self:
        self._file = open(self._unfinished, "wb")  # closed in __exit__
        self._file.write(bytes(_HEADER))
        return self

    def append(self, rows: AnyArray) -> None:
        """Write (n, D) rows. Raises MismatchError when D or the type is not that of the rows before."""
        assert self._file is not None
        if self.count == 0:
            self._width, self._dtype = int(rows.shape[1]), rows.dtype
        elif rows.shape[1] != self._width or rows.dtype != self._dtype:
            raise MismatchError(
                f"rows of {rows.shape[1]} {rows.dtype} cannot follow rows of {self._width} {self._dtype}"
            )
        self._file.write(np.ascontiguousarray(rows).tobytes())
        self.count += len(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        with self._file as file:
            text = f"{{'descr': {self._dtype.str!r}, 'fortran_order': False, 'shape': ({self.count}, {self._width}), }}"
            length = _HEADER - len(_MAGIC) - 2
            file.seek(0)
            file.write(_MAGIC + struct.pack("<H", length) + text.ljust(length - 1).encode("ascii") + b"\n")
        if kind is None:
            os.replace(self._unfinished, self._place)
        else:
            self._unfinished.unlink()
