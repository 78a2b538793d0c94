"""`Sequence`, one record, and `Sequences`, a columnar set of them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, overload

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import EmptySequenceError, InputError, MismatchError, ParameterError, SeriesError, SymbolError
from .alphabet import Alphabet, alphabet_named
from .columns import NO_COLUMNS, Columns, Value, joined
from .strings import Counted, Strings, offsets_of, ranges_to_indices

Kind = Literal["tokens", "series"]
Layout = Literal["ntf", "nct"]
LAYOUTS: tuple[Layout, ...] = ("ntf", "nct")
"""Order of the axes of several series: series, steps, features; or series, channels (features), steps."""

_REAL = "biuf"  # kinds of NumPy types
_COPIED = 1 << 20  # bytes from which on rows are copied by a kernel


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One record: an id and either tokens or a series.

    `data`: (T,) codes of `alphabet` (uint8 or uint32), or a (T, F) float32 series, for which `alphabet` is None.

    >>> import seqsearch as ss
    >>> one = ss.as_sequences(["GATTACA"], ids=["a"], labels=["short"])[0]
    >>> one, one.text, one.label, one.data
    (Sequence(id='a', length=7), 'GATTACA', 'short', array([2, 0, 3, 3, 0, 1, 0], dtype=uint8))
    """

    id: str
    data: AnyArray
    alphabet: Alphabet | None = None
    description: str = ""
    label: str = ""
    beside: tuple[Columns, int] | None = None
    """Columns, and the row of them that belongs to it."""

    @property
    def columns(self) -> dict[str, Value]:
        """The values of the columns beside it by name, None where one is missing."""
        return {} if self.beside is None else self.beside[0].at(self.beside[1])

    def __len__(self) -> int:
        return len(self.data)

    @property
    def text(self) -> str:
        """The letters of a token sequence. Raises MismatchError for a series."""
        if self.alphabet is None:
            raise MismatchError(f"record {self.id} is a series and has no text")
        return self.alphabet.decode(self.data)

    def __repr__(self) -> str:
        return f"Sequence(id={self.id!r}, length={len(self)})"


class Sequences:
    """An immutable set of n sequences held in columns.

    `data`: all tokens, (sum T,) uint8 or uint32, or all steps, (sum T, F) float32, one sequence after the other;
    `offsets`: (n + 1,) int64, sequence i is data[offsets[i]:offsets[i + 1]]; `ids`, `descriptions`, `labels`: columns
    of n strings; `columns`: further ones of n values, by name. Indexing with an int gives a `Sequence` that views the
    column; with a slice or an array of rows, a new set (a contiguous slice shares the buffer). Made by `read` and
    `as_sequences`.

    >>> import seqsearch as ss
    >>> some = ss.as_sequences(["GATTACA", "CAT", "TAG"])
    >>> len(some), some[1].text, some[[2, 0]].texts(), some.lengths
    (3, 'CAT', ['TAG', 'GATTACA'], array([7, 3, 3]))
    """

    __slots__ = ("alphabet", "columns", "data", "descriptions", "ids", "labels", "offsets")

    resident: ClassVar[bool] = True
    """Whether `data` can be read at once; otherwise it has to be unpacked, and rows are better taken as needed."""

    def __init__(
        self,
        data: AnyArray,
        offsets: IntArray,
        ids: Strings,
        alphabet: Alphabet | None,
        descriptions: Strings | None = None,
        labels: Strings | None = None,
        columns: Columns = NO_COLUMNS,
    ) -> None:
        if len(ids) != len(offsets) - 1:
            raise MismatchError(f"{len(ids)} ids for {len(offsets) - 1} sequences")
        self.data = data
        self.offsets = offsets
        self.ids = ids
        self.alphabet = alphabet
        self.descriptions = descriptions if descriptions is not None else _blank(len(ids))
        self.labels = labels if labels is not None else _blank(len(ids))
        self.columns = columns

    # -- making --------------------------------------------------------------------------------------------------

    @classmethod
    def from_texts(
        cls,
        texts: Iterable[str | bytes],
        alphabet: Alphabet | str,
        ids: Iterable[str] | None = None,
        labels: Iterable[str] | None = None,
    ) -> Sequences:
        """A token set from strings; ids default to 1, 2, ..., an alphabet may be named.

        An alphabet that folds ("text+casefold") keeps the strings as they were written as descriptions.

        Raises SymbolError and EmptySequenceError naming the record, InputError for what is no string, and
        ParameterError for one string in place of several.
        """
        if isinstance(texts, (str, bytes)):
            raise ParameterError(f"{texts[:20]!r} is one text, not several: put it in a list, [text]")
        chosen = alphabet_named(alphabet)
        names = None if ids is None else list(ids)
        coded, given = [], list(texts)
        for row, text in enumerate(given):
            try:
                if not isinstance(text, (str, bytes)):
                    raise InputError(f"a text is a string, not {type(text).__name__}")
                coded.append(chosen.encode(text))
            except InputError as error:
                error.record, error.record_id = row + 1, str(row + 1) if names is None else names[row]
                raise
        made = cls.from_arrays(coded, chosen, names, labels)
        if chosen.folds:
            made.descriptions = Strings.of(text if isinstance(text, str) else text.decode() for text in given)
        return made

    @classmethod
    def from_arrays(
        cls,
        arrays: Iterable[AnyArray],
        alphabet: Alphabet | str | None = None,
        ids: Iterable[str] | None = None,
        labels: Iterable[str] | None = None,
        *,
        layout: Layout | None = None,
    ) -> Sequences:
        """A set from (T,) code arrays when `alphabet` is given, else from (T,) or (T, F) float series.

        `arrays` may be one array, (n, T) or (n, T, F), too. `layout`: "ntf" says that steps come before features, as
        here, "nct" that features (channels) come first, (n, F, T), as in aeon and sktime; None means "ntf", and is an
        error where all series have one shape with fewer steps than features, which is more likely the other.

        Raises EmptySequenceError for length zero; SymbolError for a code that the alphabet does not have (no whole
        number, or outside 0..`alphabet.size` - 1); SeriesError for NaN, infinity, mixed numbers of features, and axes
        that need a `layout`.
        """
        if alphabet is None and (whole := _rectangle(arrays)) is not None:
            given = Counted.up_to(len(whole)) if ids is None else Strings.of(ids)
            offsets = np.arange(len(whole) + 1, dtype=np.int64) * whole.shape[1]
            return cls(whole.reshape(-1, 1), offsets, given, None, None, None if labels is None else Strings.of(labels))
        rows = [np.asarray(a) for a in arrays]
        names = Counted.up_to(len(rows)) if ids is None else Strings.of(ids)
        if alphabet is None:
            several = len(rows) > 1 or isinstance(arrays, np.ndarray)  # one by itself is (T, F)
            shapes = {row.shape for row in rows}
            require_layout(shapes.pop() if several and len(shapes) == 1 else (), layout)
            rows = [row.T if row.ndim == 2 and layout == "nct" else row for row in rows]
        for number, row in enumerate(rows):
            if row.ndim and len(row) == 0:
                raise EmptySequenceError("the sequence is empty", record=number + 1, record_id=names[number])
        chosen = None if alphabet is None else alphabet_named(alphabet)
        data = _joined_series(rows, names) if chosen is None else _joined_codes(rows, names, chosen)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return cls(data, offsets_of(lengths), names, chosen, None, None if labels is None else Strings.of(labels))

    @classmethod
    def concatenate(cls, sets: list[Sequences]) -> Sequences:
        """One set after the other. Raises MismatchError when kinds, alphabets or features differ."""
        first = sets[0]
        for other in sets[1:]:
            first.require_same_kind(other)
        return cls(
            np.concatenate([s.data[s.offsets[0] : s.offsets[-1]] for s in sets]),
            offsets_of(np.concatenate([s.lengths for s in sets])),
            Strings.concatenate([s.ids for s in sets]),
            first.alphabet,
            Strings.concatenate([s.descriptions for s in sets]),
            Strings.concatenate([s.labels for s in sets]),
            joined([s.columns for s in sets], [len(s) for s in sets]),
        )

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def kind(self) -> Kind:
        return "series" if self.alphabet is None else "tokens"

    @property
    def features(self) -> int:
        """F of a series set, 0 for tokens."""
        return 0 if self.alphabet is not None else int(self.data.shape[1])

    @property
    def lengths(self) -> IntArray:
        """(n,) steps of each sequence."""
        lengths: IntArray = self.offsets[1:] - self.offsets[:-1]  # as np.diff, in a fraction of its time for a few
        return lengths

    @property
    def steps(self) -> int:
        """Steps of all sequences."""
        return int(self.offsets[-1] - self.offsets[0])

    def lengths_of(self, rows: AnyArray) -> IntArray:
        """(m,) steps of some sequences: where only these are asked for."""
        lengths: IntArray = self.offsets[rows + 1] - self.offsets[rows]
        return lengths

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, rows: int | np.integer) -> Sequence: ...
    @overload
    def __getitem__(self, rows: slice | AnyArray | list[int]) -> Sequences: ...
    def __getitem__(self, rows: int | np.integer | slice | AnyArray | list[int]) -> Sequence | Sequences:
        if isinstance(rows, (int, np.integer)):
            row = int(rows) + (len(self) if rows < 0 else 0)
            if not 0 <= row < len(self):
                raise IndexError(rows)
            return Sequence(
                self.ids[row],
                self.data[self.offsets[row] : self.offsets[row + 1]],
                self.alphabet,
                self.descriptions[row],
                self.labels[row],
                (self.columns, row) if self.columns else None,
            )
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            return self._slice(start, max(start, stop))
        chosen = np.arange(len(self))[rows]
        return self._take(chosen)

    def _slice(self, start: int, stop: int) -> Sequences:
        bounds = slice(start, stop + 1)
        ids, descriptions, labels = (c.window(bounds) for c in self._columns)
        offsets = self.offsets[bounds]
        data = self.data[offsets[0] : offsets[-1]]
        columns = self.columns.window(start, stop)
        return Sequences(data, offsets - offsets[0], ids, self.alphabet, descriptions, labels, columns)

    def _take(self, rows: IntArray) -> Sequences:
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        ids, descriptions, labels = (column.take(rows) for column in self._columns)
        columns = self.columns.take(rows)
        data = _ranges_of(self.data, starts, lengths)
        return Sequences(data, offsets_of(lengths), ids, self.alphabet, descriptions, labels, columns)

    def beside(self, columns: Columns) -> Sequences:
        """The same set with other columns beside it; letters and texts are shared."""
        texts = self.descriptions, self.labels
        return Sequences(self.data, self.offsets, self.ids, self.alphabet, *texts, columns)

    def renamed(self, ids: Strings) -> Sequences:
        """The same set with other ids. Raises MismatchError for another number of them."""
        texts = self.descriptions, self.labels
        return Sequences(self.data, self.offsets, ids, self.alphabet, *texts, self.columns)

    @property
    def _columns(self) -> tuple[Strings, Strings, Strings]:
        return self.ids, self.descriptions, self.labels

    def __iter__(self) -> Iterator[Sequence]:
        for row in range(len(self)):
            yield self[row]

    def texts(self) -> list[str]:
        """Every sequence as a string: for small sets and libraries that need Python strings."""
        return [sequence.text for sequence in self]

    def require_same_kind(self, other: Sequences) -> None:
        """Raise MismatchError unless `other` could be compared with this set."""
        if self.kind != other.kind:
            raise MismatchError(f"{self.kind} cannot be compared with {other.kind}")
        if self.alphabet is not None and other.alphabet is not None and self.alphabet.name != other.alphabet.name:
            raise MismatchError(f"alphabet {other.alphabet.name} does not fit alphabet {self.alphabet.name}")
        if self.features != other.features:
            raise MismatchError(f"series of {other.features} features do not fit series of {self.features}")

    def digest(self) -> str:
        """A BLAKE2b digest of kind, alphabet, data, boundaries and ids: equal sets, equal digests."""
        h = hashlib.blake2b(digest_size=16)
        h.update(f"{self.kind} {self.alphabet.name if self.alphabet else self.features} {len(self)}\n".encode())
        h.update(np.ascontiguousarray(self.data[self.offsets[0] : self.offsets[-1]]).tobytes())
        h.update((self.offsets - self.offsets[0]).tobytes())
        h.update(self.ids.data[self.ids.offsets[0] : self.ids.offsets[-1]].tobytes())
        h.update((self.ids.offsets - self.ids.offsets[0]).tobytes())
        return h.hexdigest()

    def __repr__(self) -> str:
        what = self.alphabet.name if self.alphabet is not None else f"series of {self.features} features"
        return f"Sequences({what}, n={len(self)}, steps={self.steps})"


def _blank(n: int) -> Strings:
    return Strings(np.zeros(0, np.uint8), np.zeros(n + 1, np.int64))


def require_layout(shape: tuple[int, ...], layout: Layout | None) -> None:
    """Raise SeriesError unless `layout` is named or `shape`, (T, F) of every series, has as many steps as features."""
    if layout not in (None, *LAYOUTS):
        raise ParameterError(f"no layout {layout!r}: choose one of {', '.join(LAYOUTS)}")
    if layout is None and len(shape) == 2 and shape[0] < shape[1]:
        few, many = shape
        raise SeriesError(
            f"series of shape {shape} are {few} steps of {many} features, or {few} channels of {many} steps: "
            'say layout "ntf" for the first, "nct" for the second'
        )


def _rectangle(arrays: object) -> AnyArray | None:
    """(n, T) float32 of an array of that shape that is clean: at once, and without a copy where it is float32; None for
    anything else."""
    if not isinstance(arrays, np.ndarray) or arrays.ndim != 2 or not arrays.size or arrays.dtype.kind not in _REAL:
        return None
    with np.errstate(over="ignore"):
        whole: AnyArray = np.ascontiguousarray(arrays, np.float32)
    return whole if np.isfinite(whole).all() else None


def _joined_codes(rows: list[AnyArray], names: Strings, alphabet: Alphabet) -> AnyArray:
    """All tokens of all sequences, (sum T,) in the alphabet's type, which changes none of them."""
    if all(row.ndim == 1 and row.dtype == alphabet.dtype for row in rows):
        data = np.concatenate([*rows, np.zeros(0, alphabet.dtype)])
        if int(data.max(initial=0)) < alphabet.size:
            return data
    for number, row in enumerate(rows):
        problem = ""
        if row.ndim != 1 or row.dtype.kind not in _REAL:
            problem = f"tokens are (T,) whole numbers, not {row.dtype}{row.shape}"
        elif len(wrong := np.flatnonzero(~((row >= 0) & (row < alphabet.size) & (np.floor(row) == row)))):
            problem = (
                f"token {row[wrong[0]]} at position {wrong[0] + 1} is not a whole number in 0..{alphabet.size - 1}"
            )
        if problem:
            raise SymbolError(problem, record=number + 1, record_id=names[number])
    return np.concatenate([row.astype(alphabet.dtype) for row in rows])


def _joined_series(rows: list[AnyArray], names: Strings) -> AnyArray:
    """All steps of all series, (sum T, F) float32, checked record by record only when the whole is not clean."""
    rows = [_real(row, number + 1, names[number]) for number, row in enumerate(rows)]
    shaped = [row[:, None] if row.ndim == 1 else row for row in rows]
    features = {row.shape[1:] for row in shaped}
    if len(features) > 1 or any(row.ndim != 2 for row in shaped):
        expected = shaped[0].shape[1:]
        at = next(i for i, row in enumerate(shaped) if row.ndim != 2 or row.shape[1:] != expected)
        problem = f"the series has shape {rows[at].shape}, the first one {rows[0].shape}"
        if rows[at].ndim == 2 and rows[at].shape[:1] == rows[0].shape[:1]:
            problem += ': if channels come first, say layout "nct"'
        raise SeriesError(problem, record=at + 1, record_id=names[at])
    if not shaped:
        return np.zeros((0, 1), np.float32)
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite, and is named below
        data = np.concatenate(shaped).astype(np.float32)
    wrong = np.argwhere(~np.isfinite(data))
    if len(wrong):
        at, feature = wrong[0]
        offsets = offsets_of(np.array([len(row) for row in shaped]))
        number = int(np.searchsorted(offsets, at, "right")) - 1
        step = at - offsets[number]
        raise SeriesError(
            f"value {shaped[number][step, feature]} at step {step + 1} is not a finite float32 number",
            record=number + 1,
            record_id=names[number],
        )
    return data


def _real(row: AnyArray, record: int, record_id: str) -> AnyArray:
    """The array, if it holds real numbers; objects are tried. Raises SeriesError."""
    if row.dtype.kind in _REAL:
        return row
    if row.dtype.kind == "O":
        with contextlib.suppress(TypeError, ValueError):
            return row.astype(np.float64)
    problem = f"a series is (T,) or (T, F) real numbers, not {row.dtype}{row.shape}"
    raise SeriesError(problem, record=record, record_id=record_id)


def _ranges_of(data: AnyArray, starts: IntArray, lengths: IntArray) -> AnyArray:
    """Ranges of `data` one after the other: copied by a kernel where they are long, since an index a letter takes many
    times as long. What is not writable would have kernels of its own, which nobody has compiled."""
    total = int(lengths.sum())
    width = data.dtype.itemsize * int(np.prod(data.shape[1:], dtype=np.int64))
    if total * width < _COPIED or not (data.flags.writeable and data.flags.c_contiguous):
        return data[ranges_to_indices(starts, lengths)]
    from .packing import copy_rows

    out = np.empty((total, *data.shape[1:]), data.dtype)
    copy_rows(data, starts, lengths, out, offsets_of(lengths)[:-1])
    return out
