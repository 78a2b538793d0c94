"""The table of readers: what each can, and which of them a file is for."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...errors import StrPath
from ...registry import Registry
from ..alphabet import DNA, Alphabet
from ..sequence import Sequences
from .arrays import is_npy, is_npz, read_npy, read_npz
from .batches import SeriesBatch, TextBatch
from .columnar import is_arrow, is_parquet, read_arrow, read_parquet
from .fastx import fasta_letters, fastq_letters, is_fasta, is_fastq, read_fasta, read_fastq
from .hdf5 import is_hdf5, read_hdf5
from .intake import Intake
from .lines import read_lines
from .midi import is_midi, read_midi
from .opening import Source
from .options import COLUMNS, Options
from .tables import is_csv, is_tsv, read_csv, read_tsv
from .timeseries import is_ts, is_ucr, read_ts, read_ucr

Read = Callable[[Source, Options, Intake], Iterable[TextBatch | SeriesBatch]]


@dataclass(frozen=True)
class Reader:
    """A format and what reading it can.

    `read(source, options, intake)`: the batches of an open file. `extensions`: endings of file names, in lower case,
    before one of compression. `looks_like(head)`: whether the first bytes of a file, up to 64 KiB, are of the format.
    `holds_series`: steps of numbers, otherwise letters, or what each batch says. `letters(head)`: the letters of the
    sequences among the first bytes, to guess dna, rna or protein from; without it letters are text. `takes`: what it
    makes of `Options` beside alphabet and size. `one_series`: a file may be one series of a folder.
    """

    name: str
    read: Read
    extensions: tuple[str, ...] = ()
    looks_like: Callable[[bytes], bool] | None = None
    holds_series: bool = False
    letters: Callable[[bytes], bytes] | None = None
    takes: frozenset[str] = frozenset()
    one_series: bool = False


@dataclass(frozen=True)
class DataSets:
    """Sets of sequences of one alphabet that are read by name, NAME:SET, and not from a file.

    `load(SET)` gives one. Raises ParameterError for a name it does not know.
    """

    name: str
    load: Callable[[str], Sequences]
    alphabet: Alphabet | None


READERS: Registry[Reader] = Registry("format", "seqsearch.readers")
"""Name -> reader, in the order in which they look at a file that its extension does not tell."""

DATA_SETS: Registry[DataSets] = Registry("data set", "seqsearch.datasets")
"""Name -> sets that are read by name."""


def register(reader: Reader) -> Reader:
    """Add a reader to `READERS`."""
    return READERS.register(reader.name, reader)


def data_sets_of(path: StrPath) -> DataSets | None:
    """Who reads a set by name, such as `greengenes:v4`; None for a file."""
    name, colon, _ = os.fspath(path).partition(":")
    return DATA_SETS[name] if colon and name in DATA_SETS else None


def reader_of(path: StrPath, source: Source) -> Reader:
    """The reader that the extension (before one of compression) tells, otherwise the first bytes; lines if none does.

    Of several with one extension it is the first that the bytes look like, or else the first.
    """
    extension, head = extension_of(path), source.head()
    named = None
    for reader in READERS.values():
        if extension in reader.extensions:
            named = named or reader
            if reader.looks_like is None or reader.looks_like(head):
                return reader
    likely = (reader for reader in READERS.values() if reader.looks_like is not None and reader.looks_like(head))
    return named or next(likely, READERS["lines"])


def extension_of(path: StrPath) -> str:
    """The ending of a file's name in lower case, before one of compression."""
    name = os.fspath(path).lower()
    for compression in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(compression)
    return os.path.splitext(name)[1]


def _greengenes(name: str) -> Sequences:
    """From a higher room, which reads by this one: imported by name when it is asked for."""
    load: Callable[[str], Sequences] = pkgutil.resolve_name("seqsearch.datasets:greengenes")
    return load(name)


_COLUMNS = frozenset(COLUMNS)
_TABLE = _COLUMNS | {"columns"}
_SIZES = frozenset({"sizes"})
_FASTA = (".fasta", ".fa", ".fna", ".faa", ".ffn", ".frn", ".fas")
# .txt says nothing: FASTA and UCR tables go by that name too
for _reader in (
    Reader("fasta", read_fasta, _FASTA, is_fasta, letters=fasta_letters, takes=_SIZES),
    Reader("fastq", read_fastq, (".fastq", ".fq"), is_fastq, letters=fastq_letters, takes=_SIZES),
    Reader("csv", read_csv, (".csv",), is_csv, takes=_TABLE),
    Reader("tsv", read_tsv, (".tsv", ".tab"), is_tsv, takes=_TABLE),
    Reader("lines", read_lines, (".lines",)),
    Reader("npy", read_npy, (".npy",), is_npy, holds_series=True, takes=frozenset({"layout"}), one_series=True),
    Reader("npz", read_npz, (".npz",), is_npz, holds_series=True, takes=_COLUMNS | {"layout"}, one_series=True),
    Reader("ts", read_ts, (".ts",), is_ts, holds_series=True),
    Reader("ucr", read_ucr, (".ucr", ".tsv"), is_ucr, holds_series=True),
    Reader("parquet", read_parquet, (".parquet", ".pq"), is_parquet, takes=_TABLE),
    Reader("arrow", read_arrow, (".arrow", ".feather", ".ipc"), is_arrow, takes=_TABLE),
    Reader("hdf5", read_hdf5, (".hdf5", ".h5"), is_hdf5, holds_series=True, takes=frozenset({"sequence_column"})),
    Reader("midi", read_midi, (".mid", ".midi"), is_midi, holds_series=True, one_series=True),
):
    register(_reader)
DATA_SETS.register("greengenes", DataSets("greengenes", _greengenes, DNA))
