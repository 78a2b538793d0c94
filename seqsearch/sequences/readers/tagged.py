"""Files of sequences with a label for every element.

- tokens: one word a line, its label after a tab (or after white space); a blank line ends a sentence; lines that start
  with "# " and hold no tab are comments. White space inside a word becomes "_".
- csv and tsv: a column of sequences and one of labels, a letter for every element (or a word, where the elements are
  words or the labels hold blanks); a third column may hold 0 for elements whose label means nothing and 1 for others.
- npz: steps of vectors, (n, T, F) or (sum T, F) beside `offsets` or `lengths`, with their labels, `tags` (n, T) or
  (sum T,), and maybe a `mask` of the same shape.
- Anything else is read as sequences without labels.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...arrays import AnyArray, BoolArray
from ...errors import EmptyInputError, InputError, MismatchError, ParameterError, ParseError, SeqsearchError, StrPath
from ..alphabet import TEXT, Alphabet, alphabet_named
from ..sequence import Sequences
from ..strings import Strings, offsets_of
from ..tagged import Tagged
from ..words import words_of
from .lines import decoded_lines
from .opening import Source, display_name, opened
from .tables import ID_NAMES, SEQUENCE_NAMES

UNITS = ("auto", "symbols", "words")
TAG_NAMES = ("labels", "tags", "tag", "label")
MASK_NAMES = ("mask", "known", "resolved")
_TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


def read_tagged(
    path: StrPath,
    *,
    alphabet: Alphabet | str | None = None,
    format: str | None = None,
    unit: str = "auto",
    id_column: str | None = None,
    sequence_column: str | None = None,
    label_column: str | None = None,
    mask_column: str | None = None,
) -> Tagged:
    """All sequences of a file with the labels of their elements, where it has any.

    `format`: "tokens", "csv", "tsv", "npz" or a format of `read`; None: told from the extension, and otherwise
    "tokens" where the first lines look like it. `unit`: what an element of text is; "auto" means words for tokens and
    symbols for the rest. Raises what `read` raises, and ParseError where labels and elements differ in number.
    """
    if unit not in UNITS:
        raise ParameterError(f"no unit {unit!r}: choose one of {', '.join(UNITS)}")
    chosen = alphabet_named(alphabet) if isinstance(alphabet, str) else alphabet
    columns = {"id": id_column, "sequence": sequence_column, "label": label_column, "mask": mask_column}
    kind = format or _kind_of(path, columns)
    if kind == "tokens":
        if chosen not in (None, TEXT):
            raise ParameterError(f"a file of tokens is text, not {chosen.name}")
        with opened(path) as source:
            return _tokens(source)
    if kind in ("csv", "tsv"):
        with opened(path) as source:
            return _table(source, "," if kind == "csv" else "\t", chosen, unit, columns)
    if kind == "npz":
        return _arrays(path, columns)
    from . import read  # it is what names this module

    sequences = read(path, alphabet=chosen, format=kind if kind != "other" else None)
    return untagged(sequences, by_words=unit == "words")


def untagged(sequences: Sequences, *, by_words: bool = False) -> Tagged:
    """Sequences whose elements have no labels yet."""
    lengths = words_of(sequences).lengths if by_words else sequences.lengths
    return Tagged(sequences, offsets_of(lengths), None, np.ones(int(lengths.sum()), np.bool_), by_words)


def _kind_of(path: StrPath, columns: dict[str, str | None]) -> str:
    name = os.fspath(path).lower()
    for compression in (".gz", ".bz2", ".xz", ".zst"):
        name = name.removesuffix(compression)
    extension = Path(name).suffix
    if extension == ".npz":
        return "npz"
    if extension in (".conll", ".tokens"):
        return "tokens"
    if extension in (*_TABLES, ".txt", "") and os.fspath(path) != "-":
        with opened(path) as source:
            lines = source.head().decode("utf-8", "replace").split("\n")
        titles = [title.strip().lower() for title in lines[0].split(_TABLES.get(extension, "\t"))]
        wanted = columns["sequence"]
        if any(title in SEQUENCE_NAMES for title in titles) or (wanted and wanted.lower() in titles):
            return "csv" if extension == ".csv" else "tsv"
        if any(not line.strip() for line in lines[1:-1]) or (extension != ".csv" and len(titles) == 2):
            return "tokens"
    return "other"


# -- one token a line ------------------------------------------------------------------------------------------------


def _tokens(source: Source) -> Tagged:
    """Sentences of words; all lines have a label or none has."""
    sentences: list[list[str]] = [[]]
    tags: list[str] = []
    columns = 0
    for number, raw in enumerate(decoded_lines(source), start=1):
        line = raw.rstrip("\r\n")
        if not line.strip():
            if sentences[-1]:
                sentences.append([])
            continue
        if line.startswith("# ") and "\t" not in line:
            continue
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        columns = columns or len(fields)
        if len(fields) != columns or columns > 2 or not all(fields):
            wanted = "a word" if columns == 1 else "a word and its label"
            raise ParseError(f"{line[:40]!r} is not {wanted}", path=source.name, line=number)
        sentences[-1].append("_".join(fields[0].split()))
        tags += fields[1:]
    kept = [sentence for sentence in sentences if sentence]
    if not kept:
        raise EmptyInputError("the file holds no word", path=source.name)
    sequences = Sequences.from_texts([" ".join(sentence) for sentence in kept], TEXT)
    lengths = np.fromiter(map(len, kept), np.int64, len(kept))
    known = np.ones(int(lengths.sum()), np.bool_)
    return Tagged(sequences, offsets_of(lengths), Strings.of(tags) if tags else None, known, by_words=True)


# -- tables ----------------------------------------------------------------------------------------------------------


def _table(
    source: Source, separator: str, alphabet: Alphabet | None, unit: str, columns: dict[str, str | None]
) -> Tagged:
    rows = _rows(source, separator)
    header = next(rows, (1, []))[1]
    place = _places(header, columns, source.name)
    ids, texts, tags, masks = [], [], [], []
    for number, (line, fields) in enumerate(rows, start=1):
        if len(fields) != len(header):
            raise ParseError(
                f"{len(fields)} fields where the header has {len(header)}", path=source.name, line=line, record=number
            )
        ids.append(fields[place["id"]] if "id" in place else str(number))
        texts.append(fields[place["sequence"]])
        own = texts[-1].split() if unit == "words" else texts[-1]
        labels = _split(fields[place["label"]], unit) if "label" in place else None
        mask = fields[place["mask"]] if "mask" in place else "1" * len(own)
        for what, values in (("labels", labels), ("mask", mask)):
            if values is not None and len(values) != len(own):
                raise ParseError(
                    f"{len(values)} {what} for {len(own)} elements",
                    path=source.name,
                    line=line,
                    record=number,
                    record_id=ids[-1],
                )
        if set(mask) - {"0", "1"}:
            raise ParseError(
                f"a mask holds 0 and 1, not {sorted(set(mask) - {'0', '1'})[0]!r}",
                path=source.name,
                line=line,
                record=number,
                record_id=ids[-1],
            )
        tags += labels or []
        masks.append(mask)
    if not texts:
        raise EmptyInputError("the file holds no record", path=source.name)
    try:
        sequences = Sequences.from_texts(texts, alphabet or TEXT, ids)
    except InputError as error:
        error.path = source.name
        raise
    known = np.frombuffer("".join(masks).encode("ascii"), np.uint8) == ord("1")
    lengths = np.fromiter(map(len, masks), np.int64, len(masks))
    return Tagged(
        sequences, offsets_of(lengths), Strings.of(tags) if "label" in place else None, known, unit == "words"
    )


def _rows(source: Source, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line and fields of every row, the header first; fields may be of any length."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        if separator == ",":
            reader = csv.reader(decoded_lines(source), strict=True)
        else:
            reader = csv.reader(decoded_lines(source), delimiter=separator, quoting=csv.QUOTE_NONE, quotechar=None)
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise ParseError(f"not a well-formed table: {error}", path=source.name) from None
    finally:
        csv.field_size_limit(before)


def _split(labels: str, unit: str) -> list[str]:
    """A label for each element: the words of the string for words or where it holds blanks, otherwise its letters."""
    return labels.split() if unit == "words" or " " in labels else list(labels)


def _places(header: list[str], columns: dict[str, str | None], name: str) -> dict[str, int]:
    """Where the columns are that are there, by the names given or by the usual ones."""
    usual = {"id": ID_NAMES, "sequence": SEQUENCE_NAMES, "label": TAG_NAMES, "mask": MASK_NAMES}
    lowered = [title.strip().lower() for title in header]
    found: dict[str, int] = {}
    for what, wanted in columns.items():
        names = usual[what] if wanted is None else (wanted.strip().lower(),)
        at = next((lowered.index(title) for title in names if title in lowered), None)
        if at is not None:
            found[what] = at
        elif wanted is not None or what == "sequence":
            shown = ", ".join(repr(title[:40]) for title in header[:50])
            problem = "no column is known to hold the sequences" if wanted is None else f"there is no column {wanted!r}"
            raise ParseError(f"{problem}; the columns are {shown}", path=name, line=1)
    return found


# -- arrays ----------------------------------------------------------------------------------------------------------


def _arrays(path: StrPath, columns: dict[str, str | None]) -> Tagged:
    from . import read

    sequences = read(path, format="npz", id_column=columns["id"], sequence_column=columns["sequence"])
    whole = untagged(sequences)
    m = int(whole.offsets[-1])
    try:
        with np.load(os.fspath(path), allow_pickle=False) as archive:
            tags = _beside(archive, columns["label"], ("tags",), "labels", m, path)
            mask = _beside(archive, columns["mask"], MASK_NAMES, "mask", m, path)
    except SeqsearchError:
        raise
    except (ValueError, OSError) as error:
        raise ParseError(f"not a readable .npz archive: {str(error).splitlines()[0]}", path=path) from None
    known: BoolArray = np.ones(m, np.bool_) if mask is None else mask.astype(np.bool_)
    names = None if tags is None else Strings.of(str(value) for value in tags.tolist())
    return Tagged(sequences, whole.offsets, names, known)


def _beside(
    archive: Any, wanted: str | None, usual: tuple[str, ...], what: str, elements: int, path: StrPath
) -> AnyArray | None:
    """The flat array of that name, or None. Raises MismatchError when it has not a value for each element."""
    name = wanted if wanted is not None else next((name for name in usual if name in archive.files), None)
    if name is None:
        return None
    if name not in archive.files:
        raise ParseError(f"there is no array {name!r}; the arrays are {', '.join(archive.files)}", path=path)
    values: AnyArray = archive[name].reshape(-1)
    if len(values) != elements:
        raise MismatchError(f"{display_name(path)}: {len(values)} {what} for {elements} elements")
    return values
