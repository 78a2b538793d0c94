"""Writing FASTA, lines, tables and arrays, to a temporary name that becomes the real one when all is written."""

from __future__ import annotations

import csv
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
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

    >>> import seqsearch as ss
    >>> ss.write_fasta("genes.fasta", ss.as_sequences(["GATTACA", "CAT"], ids=["a", "b"]))
    2
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


def write_aligned(path: StrPath, sequences: Sequences, rows: Sequence[str]) -> None:
    """Write rows of an alignment of sequences in place of their letters, as FASTA; as `write_fasta` otherwise."""
    with _replaced(path) as file:
        headers = _headers(sequences, path, 0)
        file.writelines(f">{header}\n{row}\n".encode() for header, row in zip(headers, rows, strict=True))


def write_whole(path: StrPath, sequences: Sequences) -> None:
    """Write one set so that `read` gives it back: FASTA; a CSV table of texts and integers; an .npz archive of series.

    Tables and archives hold ids, labels and descriptions. `path` is to end as the format says (.fasta, .csv, .npz).
    Raises InputError.
    """
    if sequences.alphabet is not None and not sequences.alphabet.is_open:
        write_fasta(path, sequences)
        return
    columns = {"id": sequences.ids, "label": sequences.labels, "description": sequences.descriptions}
    with _replaced(path) as file:
        if sequences.alphabet is None:
            id, label, description = (np.array(list(texts), np.str_) for texts in columns.values())
            values, offsets = sequences.data, sequences.offsets
            np.savez(file, values=values, offsets=offsets, id=id, label=label, description=description)
            return
        text = io.TextIOWrapper(file, "utf-8", newline="")
        table = csv.writer(text)
        table.writerow([*columns, "sequence"])
        table.writerows(zip(*columns.values(), (sequence.text for sequence in sequences), strict=True))
        text.detach()


def _fasta(part: Sequences, path: StrPath, before: int) -> bytes:
    if part.alphabet is None or part.alphabet.is_open:
        what = "series" if part.alphabet is None else part.alphabet.name
        raise MismatchError(f"FASTA holds dna, rna or protein, not {what}")
    letters = part.alphabet.decode(part.data)
    bounds = part.offsets.tolist()
    headers = _headers(part, path, before)
    records = (f">{header}\n{letters[bounds[row] : bounds[row + 1]]}\n" for row, header in enumerate(headers))
    return "".join(records).encode("utf-8")


def _headers(part: Sequences, path: StrPath, before: int) -> Iterator[str]:
    """Ids and descriptions; `before`: how many records have been written."""
    for row, (id, description) in enumerate(zip(part.ids, part.descriptions, strict=True), start=before + 1):
        if not id or re.search(r"\s", id):
            raise InputError(
                "an id in FASTA needs a character and no white space", path=path, record=row, record_id=repr(id)
            )
        yield f"{id} {' '.join(description.split())}" if description else id


@contextmanager
def _replaced(path: StrPath) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place when the block ends well, and vanishes when it does not."""
    if os.fspath(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with write_errors(path), replacing(path) as temporary, xopen(temporary, "wb", threads=0) as file:
        yield file
