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

import os
from typing import TypedDict, Unpack

import numpy as np
from numpy.lib.npyio import NpzFile

from ...arrays import AnyArray, BoolArray
from ...errors import EmptyInputError, InputError, MismatchError, ParameterError, ParseError, SeqsearchError, StrPath
from ..alphabet import TEXT, Alphabet, alphabet_named
from ..sequence import Layout, Sequences
from ..strings import Strings, offsets_of
from ..tagged import Tagged, words_of
from . import read
from .lines import decoded_lines
from .opening import Source, display_name, opened
from .table import extension_of
from .tables import ID_NAMES, SEQUENCE_NAMES, Table

UNITS = ("auto", "symbols", "words")
TAG_NAMES = ("labels", "tags", "tag", "label")
MASK_NAMES = ("mask", "known", "resolved")
_TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


class TaggedOptions(TypedDict, total=False):
    """What `read_tagged` takes as `read` does, but for the formats: `read_tagged` names them."""

    alphabet: Alphabet | str | None
    format: str | None
    id_column: str | None
    sequence_column: str | None
    label_column: str | None
    layout: Layout | None


def read_tagged(
    path: StrPath, *, unit: str = "auto", mask_column: str | None = None, **options: Unpack[TaggedOptions]
) -> Tagged:
    """All sequences of a file with the labels of their elements, where it has any.

    `format`: "tokens", "csv", "tsv", "npz" or a format of `read`; None: told from the extension, and otherwise
    "tokens" where the first lines look like it. `unit`: what an element of text is; "auto" means words for tokens and
    symbols for the rest. Raises what `read` raises, and ParseError where labels and elements differ in number.
    """
    if unit not in UNITS:
        raise ParameterError(f"no unit {unit!r}: choose one of {', '.join(UNITS)}")
    alphabet = options.get("alphabet")
    chosen = None if alphabet is None else alphabet_named(alphabet)
    kind = options.get("format") or _kind_of(path, options.get("sequence_column"))
    if kind == "tokens":
        if chosen not in (None, TEXT):
            raise ParameterError(f"a file of tokens is text, not {chosen.name}")
        with opened(path) as source:
            return _tokens(source)
    if kind in ("csv", "tsv"):
        with opened(path) as source:
            return _table(source, "," if kind == "csv" else "\t", unit, options, mask_column)
    if kind == "npz":
        return _arrays(path, options, mask_column)
    sequences = read(path, alphabet=chosen, format=kind if kind != "other" else None, layout=options.get("layout"))
    return untagged(sequences, by_words=unit == "words")


def untagged(sequences: Sequences, *, by_words: bool = False) -> Tagged:
    """Sequences whose elements have no labels yet."""
    lengths = words_of(sequences).lengths if by_words else sequences.lengths
    return Tagged(sequences, offsets_of(lengths), None, np.ones(int(lengths.sum()), np.bool_), by_words)


def _kind_of(path: StrPath, sequence_column: str | None) -> str:
    extension = extension_of(path)
    if extension == ".npz":
        return "npz"
    if extension in (".conll", ".tokens"):
        return "tokens"
    if extension in (*_TABLES, ".txt", "") and os.fspath(path) != "-":
        with opened(path) as source:
            lines = source.head().decode("utf-8", "replace").split("\n")
        titles = [title.strip().lower() for title in lines[0].split(_TABLES.get(extension, "\t"))]
        wanted = () if sequence_column is None else (sequence_column.lower(),)
        if any(title in (*SEQUENCE_NAMES, *wanted) for title in titles):
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


def _table(source: Source, separator: str, unit: str, options: TaggedOptions, mask_column: str | None) -> Tagged:
    table = Table.open(source, separator)
    if table is None:
        raise EmptyInputError("the file holds no record", path=source.name)
    sequence = table.sequence_column(options.get("sequence_column"))
    id = table.column(options.get("id_column"), ID_NAMES)
    label = table.column(options.get("label_column"), TAG_NAMES)
    known = table.column(mask_column, MASK_NAMES)
    ids, texts, tags, masks = [], [], [], []
    for row in table.rows:
        if (error := table.wrong_width(row)) is not None:
            raise error
        ids.append(str(row.number) if id is None else row.fields[id])
        texts.append(row.fields[sequence])
        own = texts[-1].split() if unit == "words" else texts[-1]
        labels = None if label is None else _split(row.fields[label], unit)
        masks.append("1" * len(own) if known is None else row.fields[known])
        problem = ""
        for what, values in (("mask", masks[-1]), ("labels", labels)):
            if values is not None and len(values) != len(own):
                problem = f"{len(values)} {what} for {len(own)} elements"
        if not problem and (other := set(masks[-1]) - {"0", "1"}):
            problem = f"a mask holds 0 and 1, not {min(other)!r}"
        if problem:
            raise ParseError(problem, path=source.name, line=row.line, record=row.number, record_id=ids[-1])
        tags += labels or []
    if not texts:
        raise EmptyInputError("the file holds no record", path=source.name)
    try:
        sequences = Sequences.from_texts(texts, options.get("alphabet") or TEXT, ids)
    except InputError as error:
        error.path = source.name
        raise
    mask = np.frombuffer("".join(masks).encode("ascii"), np.uint8) == ord("1")
    lengths = np.fromiter(map(len, masks), np.int64, len(masks))
    return Tagged(sequences, offsets_of(lengths), None if label is None else Strings.of(tags), mask, unit == "words")


def _split(labels: str, unit: str) -> list[str]:
    """A label for each element: the words of the string for words or where it holds blanks, otherwise its letters."""
    return labels.split() if unit == "words" or " " in labels else list(labels)


# -- arrays ----------------------------------------------------------------------------------------------------------


def _arrays(path: StrPath, options: TaggedOptions, mask_column: str | None) -> Tagged:
    sequences = read(
        path,
        format="npz",
        id_column=options.get("id_column"),
        sequence_column=options.get("sequence_column"),
        layout=options.get("layout"),
    )
    whole = untagged(sequences)
    m = int(whole.offsets[-1])
    try:
        with np.load(os.fspath(path), allow_pickle=False) as archive:
            tags = _beside(archive, options.get("label_column"), ("tags",), "labels", m, path)
            mask = _beside(archive, mask_column, MASK_NAMES, "mask", m, path)
    except SeqsearchError:
        raise
    except (ValueError, OSError) as error:
        raise ParseError(f"not a readable .npz archive: {str(error).splitlines()[0]}", path=path) from None
    known: BoolArray = np.ones(m, np.bool_) if mask is None else mask.astype(np.bool_)
    names = None if tags is None else Strings.of(str(value) for value in tags.tolist())
    return Tagged(sequences, whole.offsets, names, known)


def _beside(
    archive: NpzFile, wanted: str | None, usual: tuple[str, ...], what: str, elements: int, path: StrPath
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
