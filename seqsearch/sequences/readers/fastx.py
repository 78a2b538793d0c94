"""FASTA and FASTQ, parsed by dnaio."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import TypeVar

import dnaio
import numpy as np
from dnaio.readers import FastaReader, FastqReader
from xopen import xopen

from ...arrays import BoolArray, ByteArray, IntArray
from ...errors import ParseError
from ..alphabet import DNA, PROTEIN, RNA, Alphabet
from ..strings import Strings, offsets_of, ranges_to_indices
from .batches import TextBatch
from .intake import Intake
from .lines import first_lines
from .opening import Source
from .options import Options
from .timeseries import is_ts

Record = TypeVar("Record")

_CHUNK = 1024  # records alive as Python objects at a time: more are slower, the processor's cache forgets them
_CHUNK_SYMBOLS = 4_000_000  # and fewer where they are long
_BATCH_SYMBOLS = 64_000_000  # a batch ends here even when it is not full, so that genomes do not fill the memory


def read_fasta(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a FASTA file: the id is the header up to white space, the description the rest."""
    try:
        with FastaReader(source.stream, sequence_class=_header_and_text) as reader:
            for batch in _batches(iter(reader), itemgetter(0), itemgetter(1), options):
                if source.path is not None:
                    batch.line_of = _FastaLines(source.path, int(batch.numbers[0]))
                yield batch
    except dnaio.FileFormatError as error:
        raise ParseError(error.message, path=source.name, line=_line(error)) from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        line, record = (None, None) if source.path is None else _place_of_bad_byte(source.path)
        problem = f"byte 0x{byte:02x} is not UTF-8 text: this is no FASTA file, or it is damaged"
        raise ParseError(problem, path=source.name, line=line, record=record) from None


def read_fastq(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch]:
    """Batches of a FASTQ file of four lines a record; qualities are not kept."""
    try:
        with FastqReader(source.stream) as reader:
            for batch in _batches(iter(reader), attrgetter("name"), attrgetter("sequence"), options):
                first = int(batch.numbers[0])
                batch.line_of = lambda row, first=first: 4 * (first + row - 1) + 1  # type: ignore[misc]
                yield batch
    except dnaio.FileFormatError as error:
        line = _line(error)
        record = None if line is None else (line - 1) // 4 + 1
        raise ParseError(error.message, path=source.name, line=line, record=record) from None


def _header_and_text(name: str, text: str, qualities: None) -> tuple[str, str]:
    """Stands in for dnaio's record, whose headers must be ASCII; `> id` is as good as `>id`."""
    return name.lstrip(), text


def _line(error: dnaio.FileFormatError) -> int | None:
    """The line of a format error, from 1; dnaio counts from 0."""
    return None if error.line is None else int(error.line) + 1


def is_fasta(head: bytes) -> bool:
    """Whether the first line begins a record."""
    return first_lines(head)[0].startswith(b">")


def is_fastq(head: bytes) -> bool:
    """Whether the first line begins a record, and the third its qualities."""
    lines = first_lines(head)
    return lines[0].startswith(b"@") and (len(lines) < 3 or lines[2].startswith(b"+")) and not is_ts(head)


def fasta_letters(head: bytes) -> bytes:
    """The sequence letters among the first bytes of a FASTA file."""
    return b"".join(line.strip() for line in head.split(b"\n") if not line.lstrip().startswith((b">", b"#")))


def fastq_letters(head: bytes) -> bytes:
    """The sequence letters among the first bytes of a FASTQ file."""
    return b"".join(line.strip() for line in head.split(b"\n")[1::4])


def guess_alphabet(letters: bytes) -> Alphabet:
    """DNA, RNA or protein, from what the first records are made of.

    Nucleotides when six letters in ten are one of ACGTUN, which make up a quarter of a usual protein: IUPAC codes and
    stray symbols, which have to be reported as such, do not sway it.
    """
    upper = letters.upper()
    counted = {letter: upper.count(letter) for letter in (b"A", b"C", b"G", b"T", b"U", b"N")}
    if sum(counted.values()) < 0.6 * len(upper):
        return PROTEIN
    return RNA if counted[b"U"] > counted[b"T"] else DNA


def _batches(
    records: Iterator[Record], header_of: Callable[[Record], str], text_of: Callable[[Record], str], options: Options
) -> Iterator[TextBatch]:
    """Batches of at most `size` records, joined chunk by chunk so that few Python objects live at once."""
    done, chunk_size = 0, 16
    while True:
        ids: list[Strings] = []
        descriptions: list[Strings] = []
        texts: list[str] = []
        lengths: list[IntArray] = []
        left, symbols = options.size, 0
        while left and symbols < _BATCH_SYMBOLS:
            chunk = list(itertools.islice(records, min(chunk_size, left)))
            if not chunk:
                break
            parts = list(map(text_of, chunk))
            headers = list(map(header_of, chunk))
            own, others = _whole_headers(headers) if options.whole_header else _split_headers(headers)
            ids.append(own)
            descriptions.append(others)
            texts.append("".join(parts))
            lengths.append(np.fromiter(map(len, parts), np.int64, len(parts)))
            left -= len(chunk)
            symbols += len(texts[-1])
            chunk_size = max(1, min(_CHUNK, _CHUNK_SYMBOLS * len(chunk) // max(1, len(texts[-1]))))
        if not lengths:
            return
        n = options.size - left
        yield TextBatch(
            Strings.concatenate(ids),
            np.concatenate(lengths),
            np.arange(done + 1, done + n + 1),
            descriptions=Strings.concatenate(descriptions),
            text="".join(texts),
        )
        done += n


def _whole_headers(lines: list[str]) -> tuple[Strings, Strings]:
    """Every header as an id, without a description."""
    ids = Strings.of([line.strip() for line in lines])
    return ids, Strings(ids.data[:0], np.zeros(len(ids) + 1, np.int64))


def _split_headers(lines: list[str]) -> tuple[Strings, Strings]:
    """Id and description of every header, cut at its first blank or tab and what white space follows."""
    headers = Strings.of(lines)
    data, starts, ends = headers.data, headers.offsets[:-1], headers.offsets[1:]
    blank: BoolArray = (data == ord(" ")) | (data == ord("\t"))
    if not blank.any():
        return headers, Strings(data[:0], np.zeros(len(headers) + 1, np.int64))
    cut = _next_where(blank, starts, ends)
    resume = _next_where(~blank, cut, ends)
    return _cut(data, starts, cut), _cut(data, resume, ends)


def _next_where(mask: BoolArray, starts: IntArray, ends: IntArray) -> IntArray:
    """For every range the first position where `mask` holds, or its end."""
    positions = np.append(np.flatnonzero(mask), len(mask))
    found: IntArray = np.minimum(positions[np.searchsorted(positions, starts)], ends)
    return found


def _cut(data: ByteArray, starts: IntArray, ends: IntArray) -> Strings:
    """data[start:end] of every range as a column."""
    return Strings(data[ranges_to_indices(starts, ends - starts)], offsets_of(ends - starts))


class _FastaLines:
    """The line of a row's header, found by reading the file again: only an error asks for it."""

    def __init__(self, path: Path, first: int) -> None:
        self._path = path
        self._first = first

    def __call__(self, row: int) -> int | None:
        wanted = self._first + row
        with xopen(self._path, "rb", threads=0) as file:
            for line, text in enumerate(file, start=1):
                wanted -= text.lstrip().startswith(b">")
                if wanted == 0:
                    return line
        return None


def _place_of_bad_byte(path: Path) -> tuple[int | None, int | None]:
    """Line and record of the first line that is not UTF-8."""
    record = 0
    with xopen(path, "rb", threads=0) as file:
        for line, text in enumerate(file, start=1):
            record += text.lstrip().startswith(b">")
            try:
                text.decode("utf-8")
            except UnicodeDecodeError:
                return line, record or None
    return None, None
