"""Readers: every format becomes the same columns, whole (`read`) or in batches (`read_batches`)."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ...errors import EmptyInputError, ParameterError, StrPath
from ..alphabet import DNA, INTEGERS, TEXT, Alphabet, alphabet_named
from ..sequence import Sequences
from .batches import assemble
from .fastx import guess_alphabet
from .formats import FORMATS, Format, format_named, format_of
from .intake import Intake, OnError, ReadReport
from .opening import Source, display_name, opened
from .options import Options

__all__ = ["FORMATS", "OnError", "ReadReport", "read", "read_batches"]

BATCH = 65_536  # records


def read(
    path: StrPath,
    *,
    alphabet: Alphabet | str | None = None,
    format: str | None = None,
    on_error: OnError = "raise",
    id_column: str | None = None,
    sequence_column: str | None = None,
    label_column: str | None = None,
    description_column: str | None = None,
    report: ReadReport | None = None,
) -> Sequences:
    """All sequences of a file; `-` is standard input, `greengenes:v4` and `greengenes:full` are data sets by name.

    `format`: fasta, fastq, csv, tsv, lines, npy, npz, ts, ucr or midi; None: told from the extension, otherwise from
    the first bytes. Any of them may be compressed with gzip, bzip2, xz or Zstandard.
    `alphabet`: None guesses dna, rna or protein for FASTA and FASTQ and means text for tables and lines; arrays and
    time series have none, except that "integers" reads whole numbers as tokens.
    `on_error`: "skip" leaves wrong records out and counts them in `report`; a file whose format itself breaks off is
    an error all the same, for nobody knows what was lost.
    `..._column`: names of columns of a table or of arrays of an .npz; None takes the usual ones.

    Raises InputError (a file that cannot be read), ParseError, SymbolError, SeriesError, DuplicateIdError,
    EmptySequenceError, EmptyInputError, and ParameterError for arguments that fit no file.
    """
    parts = list(
        read_batches(
            path,
            size=BATCH,
            alphabet=alphabet,
            format=format,
            on_error=on_error,
            id_column=id_column,
            sequence_column=sequence_column,
            label_column=label_column,
            description_column=description_column,
            report=report,
        )
    )
    return parts[0] if len(parts) == 1 else Sequences.concatenate(parts)


def read_batches(
    path: StrPath,
    *,
    size: int = BATCH,
    alphabet: Alphabet | str | None = None,
    format: str | None = None,
    on_error: OnError = "raise",
    id_column: str | None = None,
    sequence_column: str | None = None,
    label_column: str | None = None,
    description_column: str | None = None,
    report: ReadReport | None = None,
) -> Iterator[Sequences]:
    """The same as `read` in sets of at most `size` sequences: memory grows by 16 bytes a record, to know ids again.

    Raises what `read` raises, when the batch with the wrong record is reached; wrong arguments at once.
    """
    if size < 1:
        raise ParameterError(f"size must be at least 1, not {size}")
    chosen = alphabet_named(alphabet) if isinstance(alphabet, str) else alphabet
    options = Options(size, chosen, id_column, sequence_column, label_column, description_column)
    named = None if format is None else format_named(format)
    intake = Intake(display_name(path), on_error, report if report is not None else ReadReport())
    return _read(path, named, options, intake)


def _read(path: StrPath, named: Format | None, options: Options, intake: Intake) -> Iterator[Sequences]:
    if os.fspath(path).startswith("greengenes:"):
        yield from _data_set(os.fspath(path), options, intake)
        return
    kept = 0
    with opened(path) as source:
        if not source.head():
            raise EmptyInputError("the file is empty", path=source.name)
        format = named or format_of(path, source)
        _check(format, options)
        for part in _assembled(format, source, options, intake):
            if len(part):
                kept += len(part)
                yield part
    if not kept:
        skipped = sum(intake.report.skipped.values())
        problem = f"no record is left: all {skipped} were skipped" if skipped else "the file holds no record"
        raise EmptyInputError(problem, path=intake.source)


def _data_set(name: str, options: Options, intake: Intake) -> Iterator[Sequences]:
    """Batches of a data set that comes from a package."""
    from ..greengenes import named  # it reads through this module

    if options.alphabet not in (None, DNA):
        raise ParameterError(f"alphabet {options.alphabet.name!r} does not fit {name}, which is dna")
    _check(FORMATS["fasta"], options)  # which it is in the package
    whole = named(name)
    intake.report.records = len(whole)
    for start in range(0, len(whole), options.size):
        yield whole[start : start + options.size]


def _assembled(format: Format, source: Source, options: Options, intake: Intake) -> Iterator[Sequences]:
    alphabet, hint = options.alphabet, ""
    if alphabet is None and format.letters is not None:
        alphabet = guess_alphabet(format.letters(source.head()))
        hint = " (which was guessed from the first records; if it is another, name it: alphabet)"
    elif alphabet is None and not format.holds_series:
        alphabet = TEXT
    for batch in format.read(source, options, intake):
        yield assemble(batch, alphabet, intake, hint)


def _check(format: Format, options: Options) -> None:
    """Raise ParameterError for arguments that mean nothing for the format."""
    if format.holds_series and options.alphabet not in (None, INTEGERS):
        raise ParameterError(
            f"alphabet {options.alphabet.name!r} does not fit a {format.name} file, which holds series"
        )
    if not format.columns:
        for name in ("id_column", "sequence_column", "label_column", "description_column"):
            if (value := getattr(options, name)) is not None:
                raise ParameterError(f"{name}={value!r} means nothing for a {format.name} file: it has no columns")
