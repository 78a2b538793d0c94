"""The formats there are, and how one is told from a file's name or from its first bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import ParameterError, StrPath
from .arrays import read_npy, read_npz
from .batches import SeriesBatch, TextBatch
from .fastx import fasta_letters, fastq_letters, read_fasta, read_fastq
from .intake import Intake
from .lines import read_lines
from .midi import read_midi
from .opening import Source
from .options import Options
from .tables import SEQUENCE_NAMES, read_csv, read_tsv
from .timeseries import read_ts, read_ucr

Reader = Callable[[Source, Options, Intake], Iterator[TextBatch] | Iterator[SeriesBatch]]


@dataclass(frozen=True)
class Format:
    """`letters`: takes the sequence letters from the first bytes; `columns`: columns or arrays have names."""

    name: str
    read: Reader
    extensions: tuple[str, ...]
    holds_series: bool = False
    letters: Callable[[bytes], bytes] | None = None
    columns: bool = False


FORMATS = {
    f.name: f
    for f in (
        Format("fasta", read_fasta, (".fasta", ".fa", ".fna", ".faa", ".ffn", ".frn", ".fas"), letters=fasta_letters),
        Format("fastq", read_fastq, (".fastq", ".fq"), letters=fastq_letters),
        Format("csv", read_csv, (".csv",), columns=True),
        Format("tsv", read_tsv, (".tab",), columns=True),  # .tsv may be a UCR table as well: see format_of
        Format("lines", read_lines, (".lines",)),
        Format("npy", read_npy, (".npy",), holds_series=True),
        Format("npz", read_npz, (".npz",), holds_series=True, columns=True),
        Format("ts", read_ts, (".ts",), holds_series=True),
        Format("ucr", read_ucr, (".ucr",), holds_series=True),
        Format("midi", read_midi, (".mid", ".midi"), holds_series=True),
    )
}
_BY_EXTENSION = {extension: f for f in FORMATS.values() for extension in f.extensions}
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


def format_named(name: str) -> Format:
    """The format of that name. Raises ParameterError listing the names there are."""
    if name not in FORMATS:
        raise ParameterError(f"no format {name!r}: choose one of {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: StrPath, source: Source) -> Format:
    """The format that the extension (before one of compression) tells, otherwise the first bytes."""
    name = os.fspath(path).lower()
    for compression in _COMPRESSIONS:
        name = name.removesuffix(compression)
    extension = os.path.splitext(name)[1]
    if extension == ".tsv":
        return FORMATS["ucr"] if _looks_like_ucr(source.head()) else FORMATS["tsv"]
    # .txt says nothing: FASTA and UCR tables go by that name too
    return _BY_EXTENSION.get(extension) or FORMATS[sniffed(source.head())]


def sniffed(head: bytes) -> str:
    """The name of the format that `head`, the first bytes of a file, looks like; plain lines when like none."""
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"MThd"):
        return "midi"
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    lines = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n")
    first = lines[0].strip()
    if first.startswith(b">"):
        return "fasta"
    if first.startswith((b"@", b"#", b"%")) and any(line.strip().lower() == b"@data" for line in lines):
        return "ts"
    if first.startswith(b"@") and (len(lines) < 3 or lines[2].startswith(b"+")):
        return "fastq"
    if _looks_like_ucr(head):
        return "ucr"
    for separator, name in ((b"\t", "tsv"), (b",", "csv")):
        titles = [title.strip(b' "').lower().decode("utf-8", "replace") for title in first.split(separator)]
        if len(titles) > 1 and any(title in SEQUENCE_NAMES for title in titles):
            return name
    return "lines"


def _looks_like_ucr(head: bytes) -> bool:
    """True when the first line is numbers between tabs or commas, three at least."""
    first = head.split(b"\n", 1)[0]
    fields = first.split(b"\t" if b"\t" in first else b",")
    try:
        # the last field of a long line may be cut where the head ends
        return len([float(field) for field in (fields[:-1] if len(first) == len(head) else fields)]) >= 3
    except ValueError:
        return False
