"""Taking sequences as users have them: strings, arrays, columns and frames of data, records of other packages."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray
from ..errors import EmptyInputError, InputError, MismatchError, ParameterError, SeriesError
from .alphabet import DNA, INTEGERS, RNA, TEXT, Alphabet, alphabet_named
from .column_values import UnfitValue, column_of
from .columns import EVERY, NO_COLUMNS, Asked
from .columns import Columns as Beside
from .columns import joined as joined_columns
from .foreign import USUAL, Columns, Raw, SupportsArrow, is_missing, raw_of
from .readers.batches import TextBatch, assemble
from .readers.fastx import guess_alphabet
from .readers.intake import Intake, ReadReport
from .sequence import Sequence, Sequences
from .strings import Counted, Strings, offsets_of

SequencesLike = Sequences | Sequence | str | bytes | Iterable[object] | SupportsArrow
"""What `as_sequences` takes."""

_NUCLEOTIDES = b"ACGTUNacgtun"
_AMBIGUOUS = b"RYSWKMBDHVryswkmbdhv"


@dataclass(frozen=True)
class Taken:
    """Sequences made of an argument, and whether their ids came with them: otherwise they were counted from 1.
    `left_out`: columns of a data frame whose values cannot stand beside sequences."""

    sequences: Sequences
    named: bool
    left_out: tuple[str, ...] = ()


def as_sequences(
    given: SequencesLike,
    alphabet: Alphabet | str | None = None,
    *,
    ids: Iterable[str] | None = None,
    labels: Iterable[str] | None = None,
    id: str | None = None,
    sequence: str | None = None,
    label: str | None = None,
    columns: Mapping[str, Iterable[object]] | Iterable[str] | None = None,
) -> Sequences:
    """Sequences of whatever holds them, the way every function of this package takes its arguments.

    `given`: one string, which is one sequence; a list, an array or a column (pandas, polars, pyarrow) of strings or
    bytes; a data frame, whose columns are named by `id`, `sequence` and `label` or go by usual names (sequence, seq,
    text, ...; id, name, ...; label, class, ...); records of BioPython, scikit-bio or dnaio; a list of (T,) or (T, F)
    arrays, or one array (n, T) or (n, T, F), for series. `Sequences` stay as they are.
    `alphabet`: None takes what records say of themselves, otherwise DNA or RNA for strings that are made of
    nucleotides, and text for others; arrays are series, or whole numbers as tokens of the alphabet "integers".
    `ids`, `labels`: (n,) in place of those that came; without any ids count from 1. A pandas index of strings is ids.
    `columns`: what stands beside the sequences: (n,) values by name, or the names of those of a data frame to keep,
    NAME or NAME:KIND; None: all columns of a data frame that are nothing else. See `column_values` for their kinds.

    Raises ParameterError for an object that holds no sequences, InputError (SymbolError, SeriesError, DuplicateIdError,
    EmptySequenceError) naming the record, EmptyInputError for none at all.

    >>> import seqsearch as ss
    >>> ss.as_sequences(["GATTACA", "CAT"], ids=["a", "b"])
    Sequences(dna, n=2, steps=10)
    """
    chosen = None if alphabet is None else alphabet_named(alphabet)
    asked = EVERY if isinstance(columns, Mapping) else Asked.of(columns)
    made = taken(given, "given", alphabet=chosen, columns=Columns(id, sequence, label, asked)).sequences
    if isinstance(columns, Mapping):
        made = made.beside(Beside({**made.columns, **columns_from(columns, len(made))}))
    if ids is None and labels is None:
        return made
    names = made.ids if ids is None else Strings.of(ids)
    classes = made.labels if labels is None else Strings.of(labels)
    for column, noun in ((names, "ids"), (classes, "labels")):
        if len(column) != len(made):
            raise MismatchError(f"{len(column)} {noun} for {len(made)} sequences")
    return Sequences(made.data, made.offsets, names, made.alphabet, made.descriptions, classes, made.columns)


def columns_from(given: Mapping[str, Iterable[object]], count: int | None) -> Beside:
    """Columns of `count` values by name (NAME, or NAME:KIND), or of as many as the first has. Raises MismatchError for
    another number of values, InputError for a value that fits no kind, or not the one that is named."""
    made = {}
    for field, values in given.items():
        ((name, kind),) = Asked.of([field]).fields or ()
        try:
            made[name] = column_of(values, kind)
        except UnfitValue as unfit:
            error = unfit.error(name, inferred=False)
            error.path, error.record = "columns", unfit.row + 1
            raise error from None
        count = len(made[name]) if count is None else count
        if len(made[name]) != count:
            raise MismatchError(f"column {name!r} has {len(made[name])} values for {count} sequences")
    return Beside(made)


def taken(
    given: SequencesLike,
    what: str,
    *,
    like: Sequences | None = None,
    alphabet: Alphabet | None = None,
    letters: Alphabet | None = None,
    columns: Columns = USUAL,
    ids: bool = True,
) -> Taken:
    """What the argument `what` holds.

    `like`: those they will be compared with, maybe none: of their alphabet, or series; `letters`: the alphabet of
    strings where nothing else says one; `ids`: without them those of columns and frames are left, and count from 1.
    Raises what `as_sequences` raises, and MismatchError for arrays in place of strings or the reverse.
    """
    if isinstance(given, Sequences):
        if like is not None and like.alphabet is not None and like.alphabet.folds and given.alphabet == TEXT:
            return Taken(refolded(given, like.alphabet), True)
        if alphabet is not None and given.alphabet is not alphabet:
            own = "series" if given.alphabet is None else given.alphabet.name
            raise ParameterError(f"{what} are {own} already: alphabet {alphabet.name!r} means nothing for them")
        return Taken(given, True)
    if like is not None:
        alphabet = like.alphabet
    if isinstance(given, Sequence):
        given = [given]
    if isinstance(given, (list, tuple)) and given and isinstance(given[0], Sequence):
        return Taken(_of_records(list(given), what), True)
    raw = raw_of(given, what, columns)
    if not ids:
        raw.ids = None
    if len(raw.values) == 0:
        if like is None:
            raise EmptyInputError("there is no sequence", path=what)
        return Taken(like[:0], False)
    if isinstance(raw.values, list) and isinstance(raw.values[0], Sequence):  # a generator of them, an array of objects
        return Taken(_of_records(raw.values, what), True)
    if _is_number(raw.values[0]):
        raise ParameterError(f"{what} is numbers: one series, or one row of tokens, goes in a list, [numbers]")
    if isinstance(raw.values, np.ndarray) or _is_array(raw.values[0]):
        made = _of_arrays(raw, what, alphabet, like)
    else:
        made = _of_texts(raw, what, alphabet or letters, like)
    return Taken(made.beside(raw.columns) if raw.columns else made, raw.ids is not None, raw.left_out)


def refolded(given: Sequences, alphabet: Alphabet) -> Sequences:
    """A set of texts in an alphabet that folds them. Raises EmptySequenceError where nothing is left of one."""
    made = Sequences.from_texts(given.texts(), alphabet, given.ids, given.labels)
    written = given.descriptions if len(given.descriptions.data) else made.descriptions
    return Sequences(made.data, made.offsets, given.ids, alphabet, written, given.labels, given.columns)


def sets_of(
    given: SequencesLike,
    what: str,
    alphabet: Alphabet | str | None = None,
    note: Callable[[str], None] | None = None,
    asked: Asked = EVERY,
) -> tuple[Iterator[Sequences], Sequences]:
    """The sets that an argument holds, as they come: one, or `Sequences` one after the other; and the first of them.

    `note` is told an alphabet that was guessed; `asked`: columns of a data frame to keep. Raises what `taken` raises,
    and ParameterError for a string that names a file, which is no sequence.
    """
    chosen = None if alphabet is None else alphabet_named(alphabet)
    if isinstance(given, (str, bytes)) and os.path.isfile(given):
        name = os.fsdecode(given)
        raise ParameterError(
            f"{what} is one string, {name!r}, which is a file: read it first, seqsearch.read({name!r})"
        )
    if isinstance(given, (list, tuple, Iterator)):  # items come one by one: it is no column, and no frame
        sets = iter(given)
        first = next(sets, None)
        if first is None:
            raise EmptyInputError("there is no sequence to index")
        if isinstance(first, Sequences):
            start = taken(first, what, alphabet=chosen).sequences
            return _checked(itertools.chain([start], sets), what), start
        given = [first, *sets]
    found = taken(given, what, alphabet=chosen, columns=Columns(beside=asked))
    made = found.sequences
    if found.left_out and note is not None:
        note(f"columns of {what} that are not kept, for what they hold: {', '.join(found.left_out)}")
    if chosen is None and made is not given and made.alphabet is not None and note is not None:
        note(f"the alphabet of {what} was guessed from their letters: {made.alphabet.name}")
    return iter([made]), made


def _checked(sets: Iterable[object], what: str) -> Iterator[Sequences]:
    for number, part in enumerate(sets, start=1):
        if not isinstance(part, Sequences):
            raise ParameterError(f"{what}: set {number} is {type(part).__name__}, not Sequences like the first")
        yield part


def _of_records(records: list[object], what: str) -> Sequences:
    """One set of our own records. Raises InputError for what is none, MismatchError for mixed kinds."""
    own: list[Sequence] = []
    for number, record in enumerate(records, start=1):
        if not isinstance(record, Sequence):
            raise InputError(f"the value is {type(record).__name__}, not a Sequence", path=what, record=number)
        own.append(record)
        if (record.alphabet, record.data.shape[1:]) != (own[0].alphabet, own[0].data.shape[1:]):
            raise MismatchError(f"{what}: record {number} ({record.id}) is of another kind than the first")
    ids, descriptions, labels = (
        Strings.of(getattr(record, name) for record in own) for name in ("id", "description", "label")
    )
    data = np.concatenate([record.data for record in own])
    made = Sequences(data, offsets_of(np.array(list(map(len, own)))), ids, own[0].alphabet, descriptions, labels)
    return made if all(record.beside is None for record in own) else made.beside(_beside_records(own))


def _beside_records(records: list[Sequence]) -> Beside:
    """The columns beside records, whatever sets they are from."""
    sets, counts = [], []
    for beside, group in itertools.groupby(records, lambda record: record.beside and record.beside[0]):
        rows = [record.beside[1] if record.beside else 0 for record in group]
        sets.append(NO_COLUMNS if beside is None else beside.take(np.array(rows)))
        counts.append(len(rows))
    return joined_columns(sets, counts)


def _is_array(value: object) -> bool:
    """Whether a value is a series or tokens, not a string."""
    return isinstance(value, (list, tuple)) or (hasattr(value, "__array__") and getattr(value, "ndim", 1) > 0)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, complex, np.number)) and not is_missing(value)


def _of_arrays(raw: Raw, what: str, alphabet: Alphabet | None, like: Sequences | None) -> Sequences:
    """Series, or integer tokens. Raises MismatchError where letters are expected."""
    if alphabet is not None and alphabet.name != INTEGERS.name:
        where = "the alphabet is" if like is None else "the index holds"
        raise MismatchError(f"{what}: arrays of numbers came where {where} {alphabet.name}: give strings")
    values: list[AnyArray] | AnyArray = raw.values if isinstance(raw.values, np.ndarray) else _arrays(raw.values, what)
    try:
        made = Sequences.from_arrays(values, alphabet, raw.ids, raw.labels)
    except InputError as error:
        error.path = what
        raise
    if raw.descriptions is None:
        return made
    return Sequences(made.data, made.offsets, made.ids, made.alphabet, Strings.of(raw.descriptions), made.labels)


def _arrays(values: list[object], what: str) -> list[AnyArray]:
    """As arrays. Raises SeriesError for lists of lists of several lengths."""
    arrays: list[AnyArray] = []
    for number, value in enumerate(values, start=1):
        try:
            arrays.append(np.asarray(value))
        except ValueError as error:
            raise SeriesError(f"the value is no array: {error}", path=what, record=number) from None
    return arrays


def _of_texts(raw: Raw, what: str, alphabet: Alphabet | None, like: Sequences | None) -> Sequences:
    """Tokens. Raises MismatchError where series are expected."""
    texts = _strings(list(raw.values), what)
    if like is not None and like.alphabet is None:
        raise MismatchError(f"{what}: strings came where the index holds series: give arrays of numbers")
    joined = "".join(texts)
    hint = ""
    if alphabet is None:
        alphabet = raw.alphabet or (guess_alphabet(joined.encode()) if raw.molecules else guessed(joined))
        hint = f" (which was guessed from the strings of {what}; if it is another, name it: alphabet)"
    numbers = np.arange(1, len(texts) + 1)
    batch = TextBatch(
        Counted.up_to(len(texts)) if raw.ids is None else Strings.of(raw.ids),
        np.fromiter(map(len, texts), np.int64, len(texts)),
        numbers,
        None if raw.labels is None else Strings.of(raw.labels),
        None if raw.descriptions is None else Strings.of(raw.descriptions),
        text=joined,
    )
    return assemble(batch, alphabet, Intake(what, "raise", ReadReport(), distinct=raw.ids is None), hint)


def _strings(values: list[object], what: str) -> list[str]:
    """The values as strings; bytes are UTF-8. Raises InputError naming the first that is none."""
    if set(map(type, values)) <= {str, np.str_}:
        return values  # type: ignore[return-value]  # just seen
    texts: list[str] = []
    for number, value in enumerate(values, start=1):
        if isinstance(value, (bytes, bytearray)):
            try:
                texts.append(value.decode("utf-8"))
            except UnicodeDecodeError as error:
                problem = f"byte 0x{value[error.start]:02x} is not UTF-8 text"
                raise InputError(problem, path=what, record=number) from None
        elif isinstance(value, str):
            texts.append(value)
        else:
            told = f"is missing ({value!r})" if is_missing(value) else f"is {value!r}, {type(value).__name__}"
            raise InputError(f"the value {told[:80]}: a string was expected", path=what, record=number)
    return texts


def guessed(letters: str) -> Alphabet:
    """DNA or RNA for strings of nucleotides, nine in ten of them not ambiguous; text for anything else.

    A protein is not told from a text in capitals: name it.
    """
    raw = letters.encode("ascii", "replace")
    others = raw.translate(None, _NUCLEOTIDES)
    if not raw or len(others) > 0.1 * len(raw) or others.translate(None, _AMBIGUOUS):
        return TEXT
    upper = raw.upper()
    return RNA if upper.count(b"U") > upper.count(b"T") else DNA
