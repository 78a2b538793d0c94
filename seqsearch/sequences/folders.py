"""A folder of files as one set of series: a file a series, named after the file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..arrays import AnyArray
from ..errors import EmptyInputError, InputError, ParseError, StrPath
from .readers import READERS, read
from .sequence import Sequences
from .strings import Strings


def read_series(path: StrPath) -> Sequences:
    """The series of a file, as `read` reads it, or of a folder: one a file, its id the file's name without ending.

    In a folder, .npy holds one series, (T,) or (T, F); .npz holds one, or several with ids of their own; .mid is read
    as a piano roll; other files are passed over. Raises EmptyInputError for a folder without such a file, and what
    `read` raises.
    """
    place = Path(path)
    if not place.is_dir():
        whole = read(path)
        if whole.kind != "series":
            raise InputError("holds tokens, not series", path=path)
        return whole
    endings = [ending for reader in READERS.values() if reader.one_series for ending in reader.extensions]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in endings)
    if not files:
        raise EmptyInputError(f"no file in it ends in {', '.join(endings)}", path=path)
    sets = [_series_of(file) for file in files]
    for file, made in zip(files, sets, strict=True):
        if made.features != sets[0].features:
            problem = f"has series of {made.features} features, {files[0].name} of {sets[0].features}"
            raise InputError(problem, path=file)
    whole = Sequences.concatenate(sets)
    names, counts = np.unique(list(whole.ids), return_counts=True)
    if (counts > 1).any():
        raise InputError(f"the id {names[counts > 1][0]!r} comes from two files", path=path)
    return whole


def _series_of(file: Path) -> Sequences:
    if file.suffix.lower() == ".npy":
        try:
            values: AnyArray = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ParseError(f"cannot be read: {error}", path=file) from None
        if values.ndim not in (1, 2) or values.dtype.kind not in "fiu":
            problem = f"holds {values.dtype}{values.shape}: a file of a folder is one series, (T,) or (T, F) numbers"
            raise ParseError(problem, path=file)
        try:
            return Sequences.from_arrays([values], ids=[file.stem])
        except InputError as error:
            error.path = os.fspath(file)
            raise
    made = read(file)
    if len(made) == 1:
        return Sequences(made.data, made.offsets, Strings.of([file.stem]), None, made.descriptions, made.labels)
    return made
