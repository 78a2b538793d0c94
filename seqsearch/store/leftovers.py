"""What builders that were killed left beside a path: taken over by the next build of the same, or removed.

A builder works in a folder beside its target, locked while its process lives (flock). Within it a folder of its own
holds what only a build needs: the identity of what is built, and side files such as a training checkpoint.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from ..errors import NotAnIndexError, StoreError
from ..files import atomic_write
from .envelope import HEAD, JSON, dump_json, unseal
from .environment import Transaction
from .files import BUILDING, MARK, WRITER_LOCK, WriterLock, data_file, generations, no_space_is_an_error
from .writing import scan

_IDENTITY = "identity.json"


class Claim(NamedTuple):
    """A folder to go on with, and the right to write to it."""

    folder: Path
    lock: WriterLock


def prefix(target: Path) -> str:
    """How the names of the folders begin in which builders of `target` work."""
    return f".{target.name}.building-"


def claim(target: Path, identity: JSON, notes: list[str]) -> Claim | None:
    """The remains of a build of that identity (None: of none), newest first; all others whose builder is dead are
    removed, with a note where there was one to go on with. Those of a living builder are left alone.
    """
    found: Claim | None = None
    wanted = None if identity is None else json.loads(dump_json(identity))
    for folder in sorted(target.parent.glob(glob.escape(prefix(target)) + "*"), key=_age):
        lock = lock_of(folder)
        if lock is None:
            continue
        other = _identity_of(folder)
        if found is None and wanted is not None and other == wanted:
            found = Claim(folder, lock)
            continue
        if found is None and wanted is not None and other is not None:
            names = _difference(other, wanted)
            notes.append(f"the remains of an interrupted build are removed: it had another {names}")
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
    return found


def _age(folder: Path) -> float:
    """Seconds since its data changed, as a sort key."""
    try:
        return -max(path.stat().st_mtime for path in folder.iterdir())
    except (OSError, ValueError):
        return 0.0


def lock_of(folder: Path) -> WriterLock | None:
    """The right to a folder whose owner is dead; None where it lives, or somebody else removed it just now."""
    place = folder / WRITER_LOCK
    if not place.exists():
        return None
    try:
        lock = WriterLock(folder)
    except StoreError:
        return None
    if lock.is_of(place):
        return lock
    lock.release()
    return None


def _difference(other: JSON, wanted: JSON) -> str:
    """The names of what differs, from the innermost tables."""
    names: list[str] = []
    for name in sorted(other.keys() | wanted.keys()):
        mine, yours = wanted.get(name), other.get(name)
        if mine != yours:
            both = isinstance(mine, dict) and isinstance(yours, dict)
            names.append(_difference(yours, mine) if both else name)
    return ", ".join(names)


# -- the folder of a build ------------------------------------------------------------------------------------------


def write_identity(folder: Path, identity: JSON) -> None:
    """Note what is built in `folder`. Raises StorageFullError, StoreError."""
    with no_space_is_an_error(folder):
        (folder / BUILDING).mkdir()
        with atomic_write(folder / BUILDING / _IDENTITY) as file:
            file.write(dump_json(identity))


def _identity_of(folder: Path) -> JSON:
    try:
        found = json.loads((folder / BUILDING / _IDENTITY).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def side_file(folder: Path, name: str) -> Path:
    """The path of a file that only the build needs."""
    (folder / BUILDING).mkdir(exist_ok=True)
    return folder / BUILDING / name


def remove_side_files(folder: Path) -> None:
    """All but the identity."""
    if (folder / BUILDING).is_dir():
        for path in (folder / BUILDING).iterdir():
            if path.name != _IDENTITY:
                path.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """What only the build needed."""
    shutil.rmtree(folder / BUILDING, ignore_errors=True)


# -- taking over ------------------------------------------------------------------------------------------------------


def only_data(folder: Path) -> Path:
    """The data file of a build, under the name it has while it is built. Raises NotAnIndexError."""
    newest, first = generations(folder)[-1], data_file(folder, 1)
    (folder / MARK).unlink(missing_ok=True)  # of the very end
    for name in os.listdir(folder):
        if name.endswith("-lock"):  # of the process that is dead
            (folder / name).unlink(missing_ok=True)
    if newest != 1:
        os.replace(data_file(folder, newest), first)
    if not first.stat().st_size:
        raise NotAnIndexError(f"{first}: nothing was written yet")
    return first


def check_values(transaction: Transaction) -> None:
    """Raise CorruptIndexError for the first value whose checksum does not hold."""
    for key, value in scan(transaction, b""):
        if key != HEAD:
            unseal(key, value)
