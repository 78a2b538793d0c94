"""Writing an archive: every file of it once, part by part, and a manifest of all at the end."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO

import numpy as np

from ...arrays import JSON, AnyArray, IntArray
from ...files import replacing
from ...sequences import Sequences
from ...sequences.alphabet import INTEGERS
from ...store import Store
from ...store.header import StoreHeader
from . import layout
from .layout import ROWS


def write_archive(store: Store, rows: IntArray, path: Path, advance: Callable[[int], None]) -> None:
    """Write the records in `rows` of an index, and how it answers, to a zip file at `path`, in one step.

    `advance` is told how many records are written. Equal indexes give equal files. Raises OSError.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        Writing(store, rows, file).run(advance)


class Writing:
    """The files of one archive, one after the other."""

    def __init__(self, store: Store, rows: IntArray, file: zipfile.ZipFile) -> None:
        self._store, self._rows, self._file = store, rows, file
        self._written: dict[str, JSON] = {}
        first = store.sequences(rows[:1])
        self._alphabet, self._fields = first.alphabet, store.columns().fields
        self._head = StoreHeader().with_kind_of(first)

    def run(self, advance: Callable[[int], None]) -> None:
        """Write all of them."""
        self._text(layout.README, layout.__doc__ or "")
        with self._member(layout.RECORDS) as write:
            for part in self._parts():
                write(_records(part))
        self._sequences(advance)
        if self._store.has_vectors:
            self._array(layout.VECTORS, len(self._rows), map(self._store.vectors, self._row_parts()))
        for name in layout.DOCUMENTS:
            if (document := self._store.document(name)) is not None:
                self._text(layout.document_file(name), json.dumps(document, indent=1, sort_keys=True))
        for name in layout.BLOBS:
            if (content := self._store.blob(name)) is not None:
                with self._member(layout.weights_file(name), packed=False) as write:
                    write(content)
        self._manifest()

    def _row_parts(self) -> Iterator[IntArray]:
        for start in range(0, len(self._rows), ROWS):
            yield self._rows[start : start + ROWS]

    def _parts(self) -> Iterator[Sequences]:
        return map(self._store.sequences, self._row_parts())

    def _sequences(self, advance: Callable[[int], None]) -> None:
        def told() -> Iterator[Sequences]:
            for part in self._parts():
                yield part
                advance(len(part))

        if self._alphabet is None:
            lengths = self._store.targets().lengths_of(self._rows)
            offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
            self._array(layout.STEPS, int(offsets[-1]), (part.data for part in told()))
            self._array(layout.OFFSETS, len(offsets), [offsets])
            return
        spelled = _lines if self._alphabet.is_open else _fasta
        with self._member(layout.LINES if self._alphabet.is_open else layout.FASTA) as write:
            for part in told():
                write(spelled(part))

    def _manifest(self) -> None:
        manifest = {
            "format": layout.FORMAT,
            "version": layout.VERSION,
            "seqsearch": version("seqsearch"),
            "records": len(self._rows),
            "kind": self._head.kind,
            "alphabet": self._head.alphabet,
            "features": self._head.features,
            "columns": [list(field) for field in self._fields],
            "files": dict(self._written),
        }
        self._text(layout.MANIFEST, json.dumps(manifest, indent=1))

    # -- files ---------------------------------------------------------------------------------------------------

    def _text(self, name: str, text: str) -> None:
        with self._member(name) as write:
            write(text.strip().encode() + b"\n")

    def _array(self, name: str, count: int, parts: Iterable[AnyArray]) -> None:
        """An .npy file of `count` rows."""
        with self._member(name, packed=False) as write:
            for number, part in enumerate(parts):
                if not number:
                    write(_npy_header(count, part))
                write(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).tobytes())

    @contextmanager
    def _member(self, name: str, *, packed: bool = True) -> Iterator[Callable[[bytes], None]]:
        entry = zipfile.ZipInfo(name)  # of a fixed date, so that equal indexes give equal archives
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        digest, size = hashlib.sha256(), 0
        member: IO[bytes]
        with self._file.open(entry, "w", force_zip64=True) as member:

            def write(content: bytes) -> None:
                nonlocal size
                member.write(content)
                digest.update(content)
                size += len(content)

            yield write
        self._written[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _npy_header(count: int, part: AnyArray) -> bytes:
    shown = {"descr": part.dtype.newbyteorder("<").str, "fortran_order": False, "shape": (count, *part.shape[1:])}
    text = f"{shown!r}"
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"  # numpy.lib.format, version 1.0
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


def _records(part: Sequences) -> bytes:
    columns = {
        name: [layout.to_json(value) for value in column.tolist()] for name, column in part.columns.whole().items()
    }
    lines = []
    for row, (id, label, description) in enumerate(zip(part.ids, part.labels, part.descriptions, strict=True)):
        beside = {name: values[row] for name, values in columns.items() if values[row] is not None}
        record = {"id": id, "label": label, "description": description, "columns": beside}
        lines.append(json.dumps({name: value for name, value in record.items() if value or name == "id"}))
    return ("\n".join(lines) + "\n").encode()


def _fasta(part: Sequences) -> bytes:
    """Two lines a record; the header is for people, white space in an id is shown as _."""
    assert part.alphabet is not None
    letters, bounds = part.alphabet.decode(part.data), part.offsets.tolist()
    names = ("_".join(id.split()) or "_" for id in part.ids)
    return "".join(f">{name}\n{letters[bounds[row] : bounds[row + 1]]}\n" for row, name in enumerate(names)).encode()


def _lines(part: Sequences) -> bytes:
    assert part.alphabet is not None
    values = (record.data.tolist() for record in part) if part.alphabet == INTEGERS else iter(part.texts())
    return "".join(json.dumps(value) + "\n" for value in values).encode()
