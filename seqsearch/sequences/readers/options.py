"""What a caller may say about a file, once for all formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from ...errors import StrPath
from ..alphabet import Alphabet
from ..columns import NO_FIELDS, Asked
from ..sequence import Layout
from .intake import DuplicateIds, OnError, ReadReport
from .labelling import Labelling

COLUMNS = ("id_column", "sequence_column", "label_column", "description_column")


class ReadOptions(TypedDict, total=False):
    """What `read` and `read_batches` take by name; each may be left out, or be None.

    `format`: a name of `READERS`; None: told from the extension, otherwise from the first bytes.
    `alphabet`: None guesses dna, rna or protein for FASTA and FASTQ and means text for tables and lines; arrays and
    time series have none, except that "integers" reads whole numbers as tokens.
    `on_error`: "skip" leaves wrong records out and counts them in `report`; a file whose format itself breaks off is
    an error all the same, for nobody knows what was lost.
    `..._column`: names of columns of a table or of arrays of an .npz; None takes the usual ones.
    `layout`: order of the axes of three in .npy and .npz, "ntf" (series, steps, features) or "nct" (series, channels,
    steps); None means "ntf", and is an error where there are fewer steps than features.
    `columns`: which further columns of a table are kept beside the sequences, NAME or NAME:KIND (int, float, bool,
    date, datetime, text, list: labels between semicolons); None: all, [] none. Kinds that are not named are told from
    the first batch, 65,536 records: see `column_values`.
    `duplicate_ids`: "rename" gives an id that was used before a number (ID_2), "skip" leaves its record out.
    `degap`: leave `-` and `.` out, of aligned files.
    `whole_header`: the id of FASTA and FASTQ is the whole header, not its first word.
    `label_file`: a table of ids and labels, a tab between; `label_from`: a regular expression, whose first group (or
    all of it) is the label, in the header; `label_ranks`: keep so many ranks of labels such as
    "Bacteria;Firmicutes;Bacilli".
    `sizes`: keep the abundances in headers of FASTA and FASTQ (ID;size=123;) as a column `size` of whole numbers, 1
    where a header has none, and ids without them.
    `queries`: of a file that holds both (HDF5 of ann-benchmarks), the queries and not what is to be stored.
    """

    alphabet: Alphabet | str | None
    format: str | None
    on_error: OnError
    id_column: str | None
    sequence_column: str | None
    label_column: str | None
    description_column: str | None
    layout: Layout | None
    queries: bool
    duplicate_ids: DuplicateIds
    degap: bool
    whole_header: bool
    label_file: StrPath | None
    label_from: str | None
    label_ranks: int | None
    sizes: bool
    report: ReadReport | None
    columns: Iterable[str] | Asked | None


@dataclass(frozen=True)
class Options:
    """What a reader gets of them, and `size`, the records of a batch."""

    size: int
    alphabet: Alphabet | None = None
    id_column: str | None = None
    sequence_column: str | None = None
    label_column: str | None = None
    description_column: str | None = None
    layout: Layout | None = None
    columns: Asked = NO_FIELDS
    queries: bool = False
    degap: bool = False
    whole_header: bool = False
    labelling: Labelling | None = None
    sizes: bool = False
