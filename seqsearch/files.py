"""The one way to write a file, and the one container of arrays: safetensors with a JSON document in its metadata.

A file is written under a temporary name beside its place (`.partial-...`, hidden, with the same ending), forced to disk
and renamed: whatever interrupts that leaves the file that was there before.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, overload

from .errors import CorruptIndexError, InputError, StorageFullError, StrPath

if TYPE_CHECKING:
    from .arrays import JSON, AnyArray

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of the errors which say that a disk, a quota or the size of a file is full."""

_unfinished: set[Path] = set()
"""What stands under a temporary name just now."""

_LONGEST = 200  # of what a temporary name takes over from its file: names have at most 255 bytes


@contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """A free name beside `path` to write a file under; it takes the place of `path` when the block ends well.

    For libraries that want a name; the others use `atomic_write`. A symbolic link stays, the file it leads to is
    replaced. What is no regular file (a pipe, /dev/stdout) cannot be replaced: the name is then its own, and there is
    no way back. Raises OSError; what is under the temporary name is removed on any error.
    """
    target = Path(os.path.realpath(path))
    if _is_special(target):
        yield Path(path)
        return
    kept = target.name.encode("utf-8", "surrogateescape")[-_LONGEST:].decode("utf-8", "ignore")
    temporary = target.with_name(f".partial-{secrets.token_hex(4)}-{kept}")
    with unfinished(temporary):
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)


@contextmanager
def unfinished(place: StrPath) -> Iterator[None]:
    """Within the block a file or folder is half-written: it goes when the process has to end before the block."""
    _unfinished.add(Path(place))
    try:
        yield
    finally:
        _unfinished.discard(Path(place))


def remove_unfinished() -> None:
    """Remove what is half-written: for a process that ends at once, whose blocks are not left."""
    for place in list(_unfinished):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.unlink()


@overload
def atomic_write(path: StrPath) -> AbstractContextManager[BinaryIO]: ...
@overload
def atomic_write(path: StrPath, *, text: Literal[True]) -> AbstractContextManager[TextIO]: ...
@contextmanager
def atomic_write(path: StrPath, *, text: bool = False) -> Iterator[Any]:
    """A file open for writing that stands at `path`, durably, when the block ends well, and nowhere when it does not.

    `text`: UTF-8 with plain newlines, otherwise bytes. The mode is what the umask says. Raises OSError.
    """
    with replacing(path) as temporary:
        mode = ("w" if _is_special(temporary) else "x") + ("" if text else "b")
        encoding, newline = ("utf-8", "\n") if text else (None, None)
        with open(temporary, mode, encoding=encoding, newline=newline) as file:
            yield file


@contextmanager
def write_errors(path: StrPath) -> Iterator[None]:
    """StorageFullError when there is no space, InputError for other reasons, instead of OSError."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFullError(f"{os.fspath(path)}: {error.strerror}; nothing was written") from None
        raise InputError(f"cannot be written: {error.strerror}", path=path) from None


def sync_folder(folder: StrPath) -> None:
    """Make renames and removals in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_tensors(arrays: Mapping[str, AnyArray], document: JSON | None = None, key: str = "seqsearch") -> bytes:
    """The arrays as safetensors, with `document` as JSON under `key` in the metadata; None: without metadata.

    Equal arrays and documents give equal bytes, whatever the order of their names.
    """
    import numpy as np
    from safetensors.numpy import save

    metadata = None if document is None else {key: json.dumps(document, sort_keys=True)}
    content: bytes = save({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=metadata)
    return content


def read_tensors(
    content: bytes, key: str | None = "seqsearch", *, error: Callable[[str], Exception] = CorruptIndexError
) -> tuple[JSON, dict[str, AnyArray]]:
    """The document and the arrays of `write_tensors`; `key` None: the document is empty, whatever the metadata say.

    Raises what `error` makes of the reason when the bytes hold no such thing.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        document = {} if key is None else _document(content, key)
        arrays: dict[str, AnyArray] = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as reason:
        raise error(str(reason)) from None
    return document, arrays


def _document(content: bytes, key: str) -> JSON:
    length = int.from_bytes(content[:8], "little")  # 8 bytes of header length, then a JSON header
    document = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][key])
    if not isinstance(document, dict):
        raise TypeError("its document is no JSON object")
    return document


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
