"""All-pairs matrices in files that may be larger than memory, resumed where they were interrupted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import AnyArray
from ..errors import MismatchError, ParameterError
from ..files import atomic_write
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .distance import Distance

_BYTES_A_STEP = 64 << 20


def matrix_file(
    distance: Distance,
    a: Sequences,
    b: Sequences,
    path: str | os.PathLike[str],
    *,
    dtype: str = "float32",
    progress: Progress = SILENT,
) -> AnyArray:
    """Write all distances, (len(a), len(b)), to the .npy file `path` and return it memory-mapped, read-only.

    The work is done in blocks of rows in PATH.partial, with PATH.partial.json beside it, which tells what is computed
    and how many rows are done; both are renamed or removed at the end. An interrupted run is taken up again by the
    same call. `dtype`: "float32" or "float64", or for whole-number distances "uint16" or "int32". Raises MismatchError
    when the partial file is of other sequences or another distance, ParameterError when a distance does not fit
    `dtype`.
    """
    if dtype not in ("float32", "float64", "uint16", "int32"):
        raise ParameterError(f"dtype must be float32, float64, uint16 or int32, not {dtype}")
    final = Path(path)
    partial, notes = final.with_name(final.name + ".partial"), final.with_name(final.name + ".partial.json")
    wanted = {
        "distance": distance.name,
        "parameters": distance.parameters(),
        "a": a.digest(),
        "b": b.digest(),
        "shape": [len(a), len(b)],
        "dtype": dtype,
    }
    done = _rows_done(partial, notes, wanted)
    if done is None:
        done = 0
        _note(notes, wanted, 0)
        np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=(len(a), len(b)))
    step = max(1, _BYTES_A_STEP // (8 * max(len(b), 1)))
    with progress.task("distance matrix", len(a)) as task:
        task.advance(done)
        while done < len(a):
            part = distance.matrix(a[done : done + step], b)
            rows = np.lib.format.open_memmap(partial, mode="r+")
            rows[done : done + len(part)] = _fitting(part, dtype)
            rows.flush()
            done += len(part)
            _note(notes, wanted, done)
            task.advance(len(part))
    os.replace(partial, final)
    notes.unlink()
    written: AnyArray = np.load(final, mmap_mode="r") if len(a) and len(b) else np.load(final)
    return written


def _rows_done(partial: Path, notes: Path, wanted: dict[str, Any]) -> int | None:
    """Rows a former run finished, None without one. Raises MismatchError when it was about something else."""
    if not (partial.exists() and notes.exists()):
        return None
    found = json.loads(notes.read_text())
    done = int(found.pop("done"))
    wrong = [name for name in wanted if found.get(name) != wanted[name]]
    if wrong:
        raise MismatchError(f"{partial} was begun with another {' and '.join(wrong)}: remove it to start anew")
    return done


def _note(notes: Path, wanted: dict[str, Any], done: int) -> None:
    with atomic_write(notes, text=True) as file:
        json.dump({**wanted, "done": done}, file)


def _fitting(part: AnyArray, dtype: str) -> AnyArray:
    """`part` in `dtype`, which must hold whole numbers exactly where it is an integer type."""
    converted = part.astype(dtype)
    if np.dtype(dtype).kind in "iu" and not np.array_equal(converted, part):
        raise ParameterError(f"the distances do not fit {dtype}: the greatest is {part.max()}")
    return converted
