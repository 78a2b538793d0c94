"""Writing FASTA, to a temporary name that becomes the real one when all is written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from xopen import xopen

from ..errors import InputError, MismatchError, StrPath
from ..files import replacing, write_errors
from .sequence import Sequences

_CHUNK = 65_536


def write_fasta(path: StrPath, sequences: Sequences | Iterable[Sequences]) -> int:
    """Write one set, or batches one after the other, as FASTA with a sequence a line; returns how many were written.

    Compressed as the extension says (.gz, .bz2, .xz, .zst); `-` is standard output. `path` is replaced at the end, in
    one step, or not at all. Raises MismatchError for what FASTA cannot hold (series, text, integers), and InputError
    for an id that could not be read back or a path that cannot be written.
    """
    parts = [sequences] if isinstance(sequences, Sequences) else sequences
    written = 0
    with _replaced(path) as file:
        for part in parts:
            for start in range(0, len(part), _CHUNK):
                file.write(_fasta(part[start : start + _CHUNK], path, written + start))
            written += len(part)
    return written


def write_sequences(path: StrPath, sequences: Sequences) -> int:
    """Write one set as FASTA, or text and integers as a sequence a line; as `write_fasta` otherwise.

    Raises MismatchError for series, InputError for a text that holds a line break.
    """
    if sequences.alphabet is None or not sequences.alphabet.is_open:
        return write_fasta(path, sequences)
    with _replaced(path) as file:
        for row, sequence in enumerate(sequences, start=1):
            if "\n" in sequence.text or "\r" in sequence.text:
                raise InputError(
                    "a text with a line break does not fit on a line", path=path, record=row, record_id=sequence.id
                )
            file.write(f"{sequence.text}\n".encode())
    return len(sequences)


def _fasta(part: Sequences, path: StrPath, before: int) -> bytes:
    if part.alphabet is None or part.alphabet.is_open:
        what = "series" if part.alphabet is None else part.alphabet.name
        raise MismatchError(f"FASTA holds dna, rna or protein, not {what}")
    letters = part.alphabet.decode(part.data)
    bounds = part.offsets.tolist()
    records = []
    for row, (id, description) in enumerate(zip(part.ids, part.descriptions, strict=True)):
        if not id or re.search(r"\s", id):
            raise InputError(
                "an id in FASTA needs a character and no white space",
                path=path,
                record=before + row + 1,
                record_id=repr(id),
            )
        header = f"{id} {' '.join(description.split())}" if description else id
        records.append(f">{header}\n{letters[bounds[row] : bounds[row + 1]]}\n")
    return "".join(records).encode("utf-8")


@contextmanager
def _replaced(path: StrPath) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place when the block ends well, and vanishes when it does not."""
    if os.fspath(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with write_errors(path), replacing(path) as temporary, xopen(temporary, "wb", threads=0) as file:
        yield file
