"""Readers: every format becomes the same columns, whole (`read`) or in batches (`read_batches`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Unpack

from ...errors import EmptyInputError, ParameterError, StrPath
from ..alphabet import INTEGERS, TEXT, alphabet_named
from ..columns import Asked
from ..sequence import Sequences
from .batches import ALIGNED, TextBatch, assemble, degapped
from .fastx import guess_alphabet
from .intake import Intake, OnError, ReadReport
from .labelling import Labelling
from .opening import Source, display_name, opened
from .options import COLUMNS, Options, ReadOptions
from .sizes import sized
from .table import READERS, DataSets, Reader, data_sets_of, reader_of, register

__all__ = [
    "READERS",
    "OnError",
    "ReadOptions",
    "ReadReport",
    "Reader",
    "data_sets_of",
    "read",
    "read_batches",
    "register",
]

BATCH = 65_536  # records


def read(path: StrPath, **options: Unpack[ReadOptions]) -> Sequences:
    """All sequences of a file; `-` is standard input, `greengenes:v4` and `greengenes:full` are data sets by name.

    FASTA, FASTQ, CSV, TSV, Parquet, Arrow and Feather, lines of text, .npy, .npz, HDF5, .ts, UCR tables, MIDI and what
    other packages add to `READERS`; any of them may be compressed with gzip, bzip2, xz or Zstandard. See `ReadOptions`
    for what else may be said: alphabet, format, on_error, id_column, sequence_column, label_column, description_column,
    layout, columns, queries, duplicate_ids, degap, whole_header, label_file, label_from, label_ranks,
    sizes, report.

    Raises InputError (a file that cannot be read), ParseError, SymbolError, SeriesError, DuplicateIdError,
    EmptySequenceError, EmptyInputError, and ParameterError for arguments that fit no file.

    >>> import seqsearch as ss
    >>> _ = ss.write_fasta("genes.fasta.gz", ss.as_sequences(["GATTACA", "CAT"], ids=["a", "b"]))
    >>> [(one.id, one.text) for one in ss.read("genes.fasta.gz")]
    [('a', 'GATTACA'), ('b', 'CAT')]
    """
    parts = list(read_batches(path, **options))
    return parts[0] if len(parts) == 1 else Sequences.concatenate(parts)


def read_batches(path: StrPath, *, size: int = BATCH, **options: Unpack[ReadOptions]) -> Iterator[Sequences]:
    """The same as `read` in sets of at most `size` sequences: memory grows by 16 bytes a record, to know ids again.

    Raises what `read` raises, when the batch with the wrong record is reached; wrong arguments at once.

    >>> import seqsearch as ss
    >>> _ = ss.write_fasta("genes.fasta", ss.as_sequences(["GATTACA", "CAT", "TAG"]))
    >>> [len(part) for part in ss.read_batches("genes.fasta", size=2)]
    [2, 1]
    """
    if size < 1:
        raise ParameterError(f"size must be at least 1, not {size}")
    if unknown := sorted(options.keys() - ReadOptions.__annotations__.keys()):
        raise ParameterError(
            f"read has no option {unknown[0]!r}: choose one of {', '.join(ReadOptions.__annotations__)}"
        )
    alphabet, format, report = options.get("alphabet"), options.get("format"), options.get("report")
    chosen = Options(
        size,
        None if alphabet is None else alphabet_named(alphabet),
        options.get("id_column"),
        options.get("sequence_column"),
        options.get("label_column"),
        options.get("description_column"),
        options.get("layout"),
        Asked.of(options.get("columns")),
        options.get("queries", False),
        options.get("degap", False),
        options.get("whole_header", False),
        Labelling.of(options.get("label_file"), options.get("label_from"), options.get("label_ranks")),
        options.get("sizes", False),
    )
    reader = None if format is None else READERS[format]
    intake = Intake(
        display_name(path),
        options.get("on_error", "raise"),
        ReadReport() if report is None else report,
        options.get("duplicate_ids", "error"),
    )
    by_name = data_sets_of(path)
    return _read(path, reader, chosen, intake) if by_name is None else _data_set(path, by_name, chosen, intake)


def _data_set(path: StrPath, sets: DataSets, options: Options, intake: Intake) -> Iterator[Sequences]:
    name = os.fspath(path)
    if options.alphabet not in (None, sets.alphabet):
        own = "series" if sets.alphabet is None else sets.alphabet.name
        raise ParameterError(f"alphabet {options.alphabet.name!r} does not fit {name}, which is {own}")
    _require(options, frozenset(), name)
    whole = sets.load(name.partition(":")[2])
    intake.report.records = len(whole)
    for start in range(0, len(whole), options.size):
        yield whole[start : start + options.size]


def _read(path: StrPath, named: Reader | None, options: Options, intake: Intake) -> Iterator[Sequences]:
    kept = 0
    with opened(path) as source:
        if not source.head():
            raise EmptyInputError("the file is empty", path=source.name)
        for part in _assembled(named or reader_of(path, source), source, options, intake):
            if len(part):
                kept += len(part)
                yield part
    if not kept:
        skipped = sum(intake.report.skipped.values())
        problem = f"no record is left: all {skipped} were skipped" if skipped else "the file holds no record"
        raise EmptyInputError(problem, path=intake.source)


def _assembled(reader: Reader, source: Source, options: Options, intake: Intake) -> Iterator[Sequences]:
    alphabet, hint = options.alphabet, ""
    if reader.holds_series and alphabet not in (None, INTEGERS):
        raise ParameterError(f"alphabet {alphabet.name!r} does not fit a {reader.name} file, which holds series")
    _require(options, reader.takes, f"a {reader.name} file")
    if alphabet is None and reader.letters is not None:
        alphabet = guess_alphabet(reader.letters(source.head()))
        hint = " (which was guessed from the first records; if it is another, name it: alphabet)"
    elif alphabet is None and not reader.holds_series:
        alphabet = TEXT
    labelling = options.labelling
    for batch in reader.read(source, options, intake):
        if options.degap and isinstance(batch, TextBatch):
            batch = degapped(batch)
        if options.sizes and isinstance(batch, TextBatch):
            batch = sized(batch)
        if labelling is not None:
            batch.labels, missing = labelling.labels_of(batch.ids, batch.descriptions, batch.labels)
            intake.report.unlabelled += missing
        yield assemble(batch, alphabet if isinstance(batch, TextBatch) else options.alphabet, intake, hint, ALIGNED)
    if labelling is not None:
        labelling.require_some(intake.report.records, intake.report.unlabelled)


def _require(options: Options, takes: frozenset[str], what: str) -> None:
    """Raise ParameterError for options that mean nothing for the format."""
    for option, lacks in [(column, "columns") for column in COLUMNS] + [("layout", "array of three axes")]:
        value = getattr(options, option)
        if value is not None and option not in takes:
            raise ParameterError(f"{option}={value!r} means nothing for {what}: it has no {lacks}")
    if options.sizes and "sizes" not in takes:
        raise ParameterError(f"sizes=True means nothing for {what}: abundances stand in headers of FASTA and FASTQ")
    if options.columns.by_name and "columns" not in takes:
        assert options.columns.fields is not None
        named = ", ".join(name for name, _ in options.columns.fields)
        raise ParameterError(f"columns {named} mean nothing for {what}: it has no columns; give them in a table beside")
