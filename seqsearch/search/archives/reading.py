"""Reading an archive: proved against its manifest first, then made an index again."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Self

import numpy as np

from ...arrays import JSON, AnyArray, IntArray
from ...errors import CorruptIndexError, FormatVersionError, InputError, NotAnIndexError, StrPath
from ...progress import SILENT, Progress
from ...sequences import Alphabet, Sequences, Strings, offsets_of
from ...sequences.alphabet import INTEGERS
from ...sequences.columns import KINDS, Columns
from ...store import Store, StoreBuilder
from ...store.header import StoreHeader
from ..cache import IndexCache
from ..encoding import load_encoder
from ..handle import SETTINGS
from . import layout
from .layout import ROWS

_BLOCK = 1 << 20
_WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError)
"""What reading raises where a file is not what the manifest says."""


class Archive:
    """An archive whose files are those of its manifest, digest for digest."""

    def __init__(self, path: StrPath, file: zipfile.ZipFile, manifest: JSON) -> None:
        self.path, self._file = os.fspath(path), file
        self.manifest = manifest
        self._alphabet: Alphabet | None = StoreHeader(alphabet=manifest["alphabet"]).symbols
        self._fields = [(str(name), str(kind)) for name, kind in manifest["columns"]]
        if any(kind not in KINDS for _, kind in self._fields):
            raise ValueError("a column is of a kind that there is not")

    def __len__(self) -> int:
        return int(self.manifest["records"])

    @classmethod
    @contextmanager
    def open(cls, path: StrPath, progress: Progress = SILENT) -> Iterator[Self]:
        """Open one, and prove it. Raises InputError for a path that cannot be read, NotAnIndexError for what is no
        archive, FormatVersionError for one of a newer version, CorruptIndexError for one that is damaged."""
        shown = os.fspath(path)
        try:
            opened = zipfile.ZipFile(path)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=path) from None
        except zipfile.BadZipFile:
            told = "not an archive of an index, which `seqsearch export INDEX -o FILE.zip` writes"
            raise NotAnIndexError(f"{shown}: {told}") from None
        with opened:
            manifest = _manifest(shown, opened)
            with _damage(shown):
                made = cls(path, opened, manifest)
                _prove(opened, manifest["files"], progress)
            yield made

    def names(self) -> set[str]:
        """The files there are."""
        return set(self.manifest["files"])

    def document(self, name: str) -> JSON | None:
        """A JSON document, None where there is none."""
        where = layout.document_file(name)
        if where not in self.names():
            return None
        found: JSON = json.loads(self._file.read(where))
        return found

    def weights(self, name: str) -> bytes | None:
        """The weights of an encoder, None where there are none."""
        where = layout.weights_file(name)
        return self._file.read(where) if where in self.names() else None

    def parts(self) -> Iterator[tuple[Sequences, AnyArray | None]]:
        """The records with their vectors, part by part. Raises CorruptIndexError."""
        with _damage(self.path), ExitStack() as stack:

            def opened(name: str) -> IO[bytes]:
                return stack.enter_context(self._file.open(name))

            records, read = opened(layout.RECORDS), _reader(self._alphabet, opened)
            vectors = Npy(opened(layout.VECTORS), ("<f4", "|u1")) if layout.VECTORS in self.names() else None
            for start in range(0, len(self), ROWS):
                count = min(ROWS, len(self) - start)
                lines = [json.loads(line) for line in itertools.islice(records, count)]
                part = self._part(lines, *read(count))
                yield part, None if vectors is None else vectors.take(count)

    def _part(self, lines: list[JSON], data: AnyArray, offsets: IntArray) -> Sequences:
        texts = [
            Strings.of(line["id"] if name == "id" else line.get(name, "") for line in lines)
            for name in ("id", "description", "label")
        ]
        beside = [line.get("columns", {}) for line in lines]
        columns = {
            name: layout.column_from_json([values.get(name) for values in beside], kind) for name, kind in self._fields
        }
        return Sequences(data, offsets, texts[0], self._alphabet, texts[1], texts[2], Columns(columns))


# -- files ----------------------------------------------------------------------------------------------------------


def _manifest(path: str, file: zipfile.ZipFile) -> JSON:
    manifest: JSON = {}
    try:
        manifest = json.loads(file.read(layout.MANIFEST))
        known = manifest["format"] == layout.FORMAT
    except (*_WRONG, zipfile.BadZipFile):
        known = False
    if not known:
        raise NotAnIndexError(f"{path}: a zip file, but not an archive of an index: it has no {layout.MANIFEST} of one")
    if manifest.get("version") != layout.VERSION:
        raise FormatVersionError(
            f"{path}: an archive of version {manifest.get('version')}, written by seqsearch "
            f"{manifest.get('seqsearch')}; this one reads version {layout.VERSION}: pip install -U seqsearch"
        )
    return manifest


def _prove(file: zipfile.ZipFile, files: JSON, progress: Progress) -> None:
    """Raise CorruptIndexError for a file that is missing or another than the manifest says."""
    there = {entry.filename: entry.file_size for entry in file.infolist()}
    with progress.task("checking the archive", sum(known["bytes"] for known in files.values())) as task:
        for name, known in files.items():
            if there.get(name) != known["bytes"]:
                raise CorruptIndexError(f"{name} is missing" if name not in there else f"{name} has another size")
            digest = hashlib.sha256()
            with file.open(name) as member:
                while block := member.read(_BLOCK):
                    digest.update(block)
                    task.advance(len(block))
            if digest.hexdigest() != known["sha256"]:
                raise CorruptIndexError(f"{name} has another digest than the manifest says")


@contextmanager
def _damage(path: str) -> Iterator[None]:
    """CorruptIndexError naming the archive, whatever is wrong with it."""
    try:
        yield
    except CorruptIndexError as error:
        raise CorruptIndexError(f"{path}: the archive is damaged: {error}") from None
    except (*_WRONG, zipfile.BadZipFile, zlib.error) as error:
        raise CorruptIndexError(f"{path}: the archive is damaged: {error}") from error


class Npy:
    """Rows of an .npy file in a stream. Raises ValueError for types that are not among `dtypes`."""

    def __init__(self, file: IO[bytes], dtypes: tuple[str, ...]) -> None:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, self._dtype = read(file)
        if self._dtype.str not in dtypes or fortran:
            raise ValueError(f"an array of {self._dtype.str}, not of {' or '.join(dtypes)}")
        self._file, self._width = file, tuple(shape[1:])
        self.count = int(shape[0])

    def take(self, count: int) -> AnyArray:
        """The next rows, (count, ...). Raises EOFError where there are fewer."""
        size = count * self._dtype.itemsize * int(np.prod(self._width, dtype=np.int64))
        raw = self._file.read(size)
        if len(raw) != size:
            raise EOFError("an array ends too early")
        whole: AnyArray = np.frombuffer(bytearray(raw), self._dtype).reshape(count, *self._width)
        return whole.astype(self._dtype.newbyteorder("="), copy=False)


_Read = Callable[[int], tuple[AnyArray, IntArray]]
"""The next so many sequences: all codes or steps, and (n + 1,) offsets."""


def _reader(alphabet: Alphabet | None, opened: Callable[[str], IO[bytes]]) -> _Read:
    if alphabet is None:
        return _series(Npy(opened(layout.STEPS), ("<f4",)), Npy(opened(layout.OFFSETS), ("<i8",)))
    if alphabet.is_open:
        return _of_lines(opened(layout.LINES), alphabet)
    return _of_fasta(opened(layout.FASTA), alphabet)


def _series(steps: Npy, bounds: Npy) -> _Read:
    last = bounds.take(1)

    def read(count: int) -> tuple[AnyArray, IntArray]:
        nonlocal last
        offsets = np.concatenate([last, bounds.take(count)])
        last = offsets[-1:]
        if (np.diff(offsets) < 1).any():
            raise ValueError("offsets do not ascend")
        return steps.take(int(offsets[-1] - offsets[0])), offsets - offsets[0]

    return read


def _of_fasta(file: IO[bytes], alphabet: Alphabet) -> _Read:
    def read(count: int) -> tuple[AnyArray, IntArray]:
        lines = list(itertools.islice(file, 2 * count))
        if len(lines) != 2 * count or any(not line.startswith(b">") for line in lines[::2]):
            raise EOFError(f"{layout.FASTA} does not have two lines for each record")
        letters = [line.rstrip(b"\n") for line in lines[1::2]]
        return alphabet.encode(b"".join(letters)), offsets_of(np.fromiter(map(len, letters), np.int64, count))

    return read


def _of_lines(file: IO[bytes], alphabet: Alphabet) -> _Read:
    """Texts are code points as they are: they were folded when they were stored."""

    def codes(line: bytes) -> AnyArray:
        value = json.loads(line)
        if alphabet == INTEGERS:
            return np.array(value, np.uint32)
        return np.frombuffer(value.encode("utf-32-le"), "<u4").astype(np.uint32)

    def read(count: int) -> tuple[AnyArray, IntArray]:
        values = [codes(line) for line in itertools.islice(file, count)]
        if len(values) != count:
            raise EOFError(f"{layout.LINES} has too few lines")
        return np.concatenate(values), offsets_of(np.fromiter(map(len, values), np.int64, count))

    return read


# -- an index again -------------------------------------------------------------------------------------------------


def restored(path: StrPath, archive: StrPath, *, overwrite: bool = False, progress: Progress = SILENT) -> IndexCache:
    """Make the index of an archive at `path`, in one step: its records, encoder and calibration are those it had,
    graphs, lists and windows are built again.

    Raises what `Archive.open` and `StoreBuilder` raise.
    """
    made: list[IndexCache] = []
    with Archive.open(archive, progress) as source, StoreBuilder(path, overwrite=overwrite) as builder:
        with progress.task("importing", len(source)) as task:
            for part, vectors in source.parts():
                builder.append(part, vectors)
                task.advance(len(part))
        settings = _documents(source, builder)
        encoder = load_encoder(builder)

        def complete(store: Store) -> None:
            store.save_sequences(progress)
            made.append(IndexCache.load(store, encoder, settings, progress))
            made[0].save(store, settings, progress)

        builder.finish(complete).close()
    return made[0]


def _documents(source: Archive, builder: StoreBuilder) -> JSON:
    """Put them into the index; the settings. Raises CorruptIndexError where there are none."""
    for name in layout.DOCUMENTS:
        if (document := source.document(name)) is not None:
            builder.put_document(name, document)
    for name in layout.BLOBS:
        if (weights := source.weights(name)) is not None:
            builder.put_blob(name, weights)
    settings = builder.document(SETTINGS)
    if not isinstance(settings, dict):
        raise CorruptIndexError(f"{source.path}: the archive is damaged: it has no settings")
    return settings
