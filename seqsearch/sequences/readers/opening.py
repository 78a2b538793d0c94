"""Opening a path or stdin, compressed or not, and turning what libraries raise into errors of this package."""

from __future__ import annotations

import importlib
import io
import lzma
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from xopen import xopen

from ...errors import InputError, ParseError, StrPath

_HEAD = 64 * 1024
_DECOMPRESSORS = [
    ("isal.igzip_lib", "IsalError"),
    ("zlib_ng.zlib_ng", "error"),
    ("zstandard", "ZstdError"),
    ("backports.zstd", "ZstdError"),
    ("compression.zstd", "ZstdError"),
]


class Source:
    """An open file: its name for messages, its bytes, and a look at the first of them.

    `path` is None for stdin, which cannot be read a second time to find the place of an error.
    """

    def __init__(self, name: str, path: Path | None, stream: BinaryIO) -> None:
        self.name = name
        self.path = path
        self._stream = stream
        self._head: bytes | None = None

    def head(self) -> bytes:
        """The first 64 KiB (less in a shorter file); they are still to be read."""
        if self._head is None:
            self._head = _read_fully(self._stream, _HEAD)
        return self._head

    @property
    def stream(self) -> BinaryIO:
        """The bytes from the start, whether or not somebody looked at the head. To be taken once."""
        if self._head is None:
            return self._stream
        return cast(BinaryIO, io.BufferedReader(_Rejoined(self._head, self._stream), _HEAD))


class _Rejoined(io.RawIOBase):
    """A stream with the bytes that were read from it put back in front."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part: bytes | memoryview = self._head[: len(buffer)]
        if len(part):
            self._head = self._head[len(part) :]
        else:
            part = self._rest.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _read_fully(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end only: a pipe may give less at a time."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def display_name(path: StrPath) -> str:
    """How messages call `path`."""
    return "<stdin>" if os.fspath(path) == "-" else os.fspath(path)


@contextmanager
def opened(path: StrPath) -> Iterator[Source]:
    """Open for reading; gzip, bzip2, xz and Zstandard are told by extension or content. InputError when it fails."""
    name = display_name(path)
    with translated(name):
        if name == "<stdin>":
            if sys.stdin is None:
                raise InputError("there is no standard input", path=name)
            yield Source(name, None, xopen(_Unclosed(sys.stdin.buffer), "rb", threads=0))
            return
        file = Path(path)
        if file.is_dir():
            raise InputError("this is a directory, not a file", path=name)
        with xopen(file, "rb", threads=0) as stream:
            yield Source(name, file if file.is_file() else None, stream)


class _Unclosed(io.BufferedReader):
    """Standard input under a second reader, for xopen closes what it reads."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(_Rejoined(b"", stream), _HEAD)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn what the operating system and the decompressors raise into errors that name the file."""
    try:
        yield
    except InputError:
        raise
    except EOFError:
        raise ParseError("the compressed file ends early: it is truncated", path=name) from None
    except FileNotFoundError:
        raise InputError("there is no such file", path=name) from None
    except damaged_data_errors() as error:
        raise ParseError(f"the compressed data is damaged: {error}", path=name) from None
    except OSError as error:
        if error.errno is None:  # BadGzipFile, and what bz2 raises
            raise ParseError(f"the compressed data is damaged: {error}", path=name) from None
        raise InputError(f"cannot be read: {error.strerror}", path=name) from None


@cache
def damaged_data_errors() -> tuple[type[Exception], ...]:
    """What the decompressors that are installed raise over damaged data."""
    found: list[type[Exception]] = [zlib.error, lzma.LZMAError]
    for module, name in _DECOMPRESSORS:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(found)
