"""What a format hands over, and how a batch becomes `Sequences`: whole columns at once, records only when wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ...arrays import AnyArray, IntArray
from ...errors import DuplicateIdError, EmptySequenceError, InputError, ParseError, SeriesError, SymbolError
from ..alphabet import INTEGERS, NOT_A_SYMBOL, TEXT, Alphabet
from ..columns import Columns
from ..folding import folded
from ..sequence import Sequences
from ..strings import Counted, Strings, offsets_of
from .intake import Intake

GAPS = "-."
"""What fills the lines of an alignment."""

ALIGNED = ": of an aligned file degap (--degap) leaves the gaps out"


@dataclass
class Batch:
    """Columns of n records: (n,) `lengths`; (n,) `numbers`, ascending from 1; `line_of(row)`, None where not known;
    `wrong`: what is known already to be wrong with some rows."""

    ids: Strings
    lengths: IntArray
    numbers: IntArray
    labels: Strings | None = None
    descriptions: Strings | None = None
    columns: Columns = field(default_factory=Columns)
    wrong: dict[int, InputError] = field(default_factory=dict)
    line_of: Callable[[int], int | None] = lambda row: None


@dataclass(kw_only=True)
class TextBatch(Batch):
    """Token sequences as they are spelled: `text` joins them, `lengths` counts characters."""

    text: str


@dataclass(kw_only=True)
class SeriesBatch(Batch):
    """Series: `data` (sum T, F) of any numeric type, `lengths` in steps."""

    data: AnyArray


def numbered(numbers: IntArray) -> Strings:
    """Ids that are the numbers themselves."""
    return Counted.of(map(str, numbers.tolist()))


def assemble(
    batch: TextBatch | SeriesBatch, alphabet: Alphabet | None, intake: Intake, hint: str = "", gaps: str = ""
) -> Sequences:
    """The clean records of `batch`; every other one goes to `intake.reject`. `hint` is added to a SymbolError, of what
    fills the lines of an alignment `gaps`."""
    wrong = dict(batch.wrong)
    if isinstance(batch, TextBatch):
        assert alphabet is not None
        batch = _folded(batch, alphabet)
        data, lengths = _encoded(batch, alphabet, wrong, (hint, gaps or hint))
    else:
        data, lengths = _checked(batch, alphabet, wrong, intake.source)
    if not lengths.all():
        for row in np.flatnonzero(lengths == 0).tolist():
            wrong[row] = EmptySequenceError("the sequence is empty")
    if not intake.distinct:
        for row in np.flatnonzero(np.diff(batch.ids.offsets) == 0).tolist():
            wrong[row] = ParseError("the record has no id")
    _find_duplicates(batch, wrong, intake)

    intake.report.records += len(lengths)
    for row in sorted(wrong):
        error = wrong[row]
        error.record = int(batch.numbers[row])
        error.record_id = batch.ids[row] or None
        error.line = batch.line_of(row) if intake.wants_place else None
        intake.reject(error)
    made = Sequences(data, offsets_of(lengths), batch.ids, alphabet, batch.descriptions, batch.labels, batch.columns)
    if not wrong:
        return made
    keep = np.ones(len(lengths), np.bool_)
    keep[list(wrong)] = False
    return made[np.flatnonzero(keep)]


def _find_duplicates(batch: Batch, wrong: dict[int, InputError], intake: Intake) -> None:
    """Ids used before. A record that is already wrong does not take its id away from a later one."""
    if intake.distinct:
        return
    good = np.ones(len(batch.lengths), np.bool_)
    good[list(wrong)] = False
    rows = np.flatnonzero(good)
    earlier = intake.earlier_uses(batch.ids if good.all() else batch.ids.take(rows), batch.numbers[rows])
    used = np.flatnonzero(earlier).tolist()
    if used and intake.duplicate_ids == "rename":
        names = list(batch.ids)
        for at in used:
            row = int(rows[at])
            names[row] = intake.renamed(names[row], int(batch.numbers[row]))
        batch.ids = Strings.of(names)
        return
    for at in used:
        row = int(rows[at])
        wrong[row] = DuplicateIdError(intake.told_of(batch.ids[row], int(earlier[at])))


def degapped(batch: TextBatch) -> TextBatch:
    """The batch without the gaps of an alignment."""
    letters = np.frombuffer(batch.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kept = ~np.isin(letters, [ord(gap) for gap in GAPS])
    if kept.all():
        return batch
    counts = np.concatenate([[0], np.cumsum(kept)])[offsets_of(batch.lengths)]
    return replace(batch, text=batch.text.translate(dict.fromkeys(map(ord, GAPS))), lengths=np.diff(counts))


def _folded(batch: TextBatch, alphabet: Alphabet) -> TextBatch:
    """The batch with its texts folded, where the alphabet folds; free descriptions keep what was written."""
    if not alphabet.folds:
        return batch
    offsets = offsets_of(batch.lengths).tolist()
    written = [batch.text[start:end] for start, end in itertools.pairwise(offsets)]
    texts = [folded(text, alphabet.folds) for text in written]
    free = batch.descriptions is None or not len(batch.descriptions.data)
    return replace(
        batch,
        text="".join(texts),
        lengths=np.fromiter(map(len, texts), np.int64, len(texts)),
        descriptions=Strings.of(written) if free else batch.descriptions,
    )


def _encoded(
    batch: TextBatch, alphabet: Alphabet, wrong: dict[int, InputError], hints: tuple[str, str]
) -> tuple[AnyArray, IntArray]:
    """Codes (sum T,) and lengths; rows with a symbol outside the alphabet are noted in `wrong`."""
    if alphabet.name == INTEGERS.name:
        return _encoded_integers(batch, wrong)
    if alphabet.is_open:
        return TEXT.encode(batch.text), batch.lengths  # folded already
    # A letter beyond ASCII becomes one "?", which is no symbol either, so positions hold.
    codes = alphabet.lookup(batch.text.encode("ascii", "replace"))
    if codes.max(initial=0) == NOT_A_SYMBOL:
        for row, where, position in _first_of_each(np.flatnonzero(codes == NOT_A_SYMBOL), batch.lengths):
            symbol = batch.text[where]
            advice = hints[symbol in GAPS]
            problem = f"symbol {symbol!r} at position {position} is not in the {alphabet.name} alphabet{advice}"
            wrong[row] = SymbolError(problem)
    return codes, batch.lengths


def _encoded_integers(batch: TextBatch, wrong: dict[int, InputError]) -> tuple[AnyArray, IntArray]:
    """Tokens are numbers between white space; a wrong row counts one token here so that it is not empty as well."""
    offsets = offsets_of(batch.lengths).tolist()
    rows: list[AnyArray] = []
    for row in range(len(batch.lengths)):
        try:
            rows.append(INTEGERS.encode(batch.text[offsets[row] : offsets[row + 1]]))
        except SymbolError as error:
            wrong[row] = error
            rows.append(np.zeros(1, INTEGERS.dtype))
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return np.concatenate([*rows, np.zeros(0, INTEGERS.dtype)]), lengths


def _checked(
    batch: SeriesBatch, alphabet: Alphabet | None, wrong: dict[int, InputError], source: str
) -> tuple[AnyArray, IntArray]:
    """Float32 steps (sum T, F), or integer tokens (sum T,); rows with a value that fits neither go to `wrong`."""
    if alphabet is not None:
        if batch.data.shape[1] != 1:
            raise ParseError(f"integer tokens need one feature, not {batch.data.shape[1]}", path=source)
        return _tokens(batch, wrong), batch.lengths
    with np.errstate(over="ignore"):
        data = batch.data.astype(np.float32, copy=False)
    finite = np.isfinite(data)
    if not finite.all():
        for row, where, step in _first_of_each(np.flatnonzero(~finite.all(axis=1)), batch.lengths):
            feature = int(np.argmin(finite[where]))
            place = f"step {step}" + (f", feature {feature + 1}" if data.shape[1] > 1 else "")
            problem = f"value {batch.data[where, feature]} at {place} is not a finite float32 number"
            wrong[row] = SeriesError(problem)
    return data, batch.lengths


def _first_of_each(positions: IntArray, lengths: IntArray) -> Iterator[tuple[int, int, int]]:
    """For every row that holds one of the ascending `positions` of a column: row, first position, place from 1."""
    offsets = offsets_of(lengths)
    rows, first = np.unique(np.searchsorted(offsets, positions, "right") - 1, return_index=True)
    places = positions[first] - offsets[rows] + 1
    yield from zip(rows.tolist(), positions[first].tolist(), places.tolist(), strict=True)


def _tokens(batch: SeriesBatch, wrong: dict[int, InputError]) -> AnyArray:
    """(sum T,) uint32 from integers of one feature."""
    data = batch.data[:, 0]
    outside = np.flatnonzero(~((data >= 0) & (data <= 2**32 - 1) & (data == np.floor(data))))  # NaN is outside as well
    if len(outside):
        for row, where, position in _first_of_each(outside, batch.lengths):
            problem = f"token {data[where]} at position {position} is not a whole number in 0..4294967295"
            wrong[row] = SymbolError(problem)
    with np.errstate(invalid="ignore"):  # what does not fit was noted
        return data.astype(np.uint32)
