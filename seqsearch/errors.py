"""Every exception seqsearch raises on purpose.

    SeqsearchError
    |-- InputError (also ValueError)      the data that came in: names file, record and value
    |   |-- ParseError                    a file does not follow its format
    |   |-- SymbolError                   a symbol is outside the alphabet
    |   |-- SeriesError                   NaN, infinity or mixed dimensions in a series
    |   |-- DuplicateIdError              an id that was seen before
    |   |-- EmptySequenceError            a record of length zero
    |   `-- EmptyInputError               a file without a record
    |-- ParameterError (also ValueError)  an argument outside its range, or two that exclude each other
    |   |-- MissingVectorsError           sequences came without the vectors that an index of own vectors needs
    |   |-- ConditionError                a condition on columns that cannot be read, or does not fit them
    |   `-- UnknownNameError (also KeyError)  a name that nothing in a table has
    |-- MismatchError (also ValueError)   data, model, truth file and index that do not belong together
    |-- UnknownIdError (also KeyError)    an id the index does not hold
    |-- ForkError (also RuntimeError)     a process forked after threads were started cannot go on
    |-- ServiceError                      a service over HTTP cannot be reached, or refuses what it is asked
    |-- MissingExtraError (also ImportError)  an optional dependency: says which install line brings it
    `-- StoreError                        the index on disk
        |-- IndexClosedError              used after `close`
        |-- NotAnIndexError               no index at that path
        |-- IndexExistsError              a path that must be free is taken
        |-- IndexLockedError              another process is writing
        |-- ReadOnlyIndexError            its folder may not be written to
        |-- FormatVersionError            written by a newer seqsearch
        |-- UnavailableShardError         a shard has no copy that answers
        |-- CorruptIndexError             a checksum or an invariant does not hold
        `-- StorageFullError              disk, quota or map full; nothing was half-written

The library raises, only the command line exits: 2 for usage (ParameterError), 1 for the rest, 130 for an interrupt.
"""

from __future__ import annotations

import os

StrPath = str | os.PathLike[str]
"""What names a file."""


class SeqsearchError(Exception):
    """The root of the tree of all exceptions that are raised on purpose, drawn at the top of `seqsearch.errors`.

    >>> import seqsearch as ss
    >>> try:
    ...     ss.as_sequences(["GATTACA", "GATTAXA"], alphabet="dna")
    ... except ss.SeqsearchError as error:
    ...     print(type(error).__name__, error)
    SymbolError given: record 2 (2): symbol 'X' at position 6 is not in the dna alphabet
    """


class InputError(SeqsearchError, ValueError):
    """Something is wrong with a record or file that came in.

    The message reads `FILE: line L: record N (ID): what is wrong`, with the parts that are known.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: StrPath | None = None,
        line: int | None = None,
        record: int | None = None,
        record_id: str | None = None,
    ) -> None:
        self.problem = problem
        self.path = None if path is None else os.fspath(path)
        self.line = line
        self.record = record
        self.record_id = record_id
        super().__init__(problem)

    def __str__(self) -> str:
        place: list[str] = []
        if self.path is not None:
            place.append(self.path)
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.record is not None and self.record_id is not None:
            place.append(f"record {self.record} ({self.record_id})")
        elif self.record is not None:
            place.append(f"record {self.record}")
        elif self.record_id is not None:
            place.append(f"record {self.record_id}")
        return ": ".join([*place, self.problem])


class ParseError(InputError):
    """A file does not follow its format."""


class SymbolError(InputError):
    """A symbol is outside the alphabet."""


class SeriesError(InputError):
    """NaN, infinity or mixed dimensions in a series."""


class DuplicateIdError(InputError):
    """An id that was seen before."""


class EmptySequenceError(InputError):
    """A record of length zero."""


class EmptyInputError(InputError):
    """A file without a record."""


class ParameterError(SeqsearchError, ValueError):
    """An argument is outside its range, or two arguments exclude each other."""


class MissingVectorsError(ParameterError):
    """An index of vectors made elsewhere was asked or given sequences without theirs, and has no callable for it."""


class UnknownNameError(ParameterError, KeyError):
    """A name that nothing in a table has."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class ConditionError(ParameterError):
    """A condition on columns that cannot be read, or does not fit the columns there are.

    `position`: of what is wrong in the text of the condition, from 1; None for keyword conditions.
    """

    def __init__(self, problem: str, condition: str = "", position: int | None = None) -> None:
        super().__init__(problem, condition, position)
        self.problem, self.condition, self.position = problem, condition, position

    def __str__(self) -> str:
        where = f"where {self.condition!r}: " if self.condition else ""
        return where + (self.problem if self.position is None else f"position {self.position}: {self.problem}")


class MismatchError(SeqsearchError, ValueError):
    """Data, model, truth file and index that do not belong together."""


class UnknownIdError(SeqsearchError, KeyError):
    """An id the index does not hold."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class MissingExtraError(SeqsearchError, ImportError):
    """An optional dependency is not installed. `what`: that needs it."""

    def __init__(self, package: str, extra: str, what: str = "this") -> None:
        super().__init__(package, extra, what)  # what pickle makes it from again, in another process

    def __str__(self) -> str:
        return "{2} needs {0}, which is not installed: pip install 'seqsearch[{1}]'".format(*self.args)


class ServiceError(SeqsearchError):
    """A service over HTTP cannot be reached, or refuses what it is asked. `status`: of HTTP, 0 where nothing came."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


class ForkError(SeqsearchError, RuntimeError):
    """This process was forked from one whose threads or files it cannot share: start it by spawn or forkserver."""


class StoreError(SeqsearchError):
    """Something is wrong with the index on disk."""


class IndexClosedError(StoreError):
    """The index was closed."""


class NotAnIndexError(StoreError):
    """There is no index at that path."""


class UnavailableShardError(StoreError):
    """A shard has no copy that answers, and answers without it were not asked for (`partial`)."""


class IndexExistsError(StoreError):
    """The path is taken."""


class IndexLockedError(StoreError):
    """Another process is writing to this index."""


class ReadOnlyIndexError(StoreError):
    """The folder of the index may not be written to; everything that changes nothing works there."""


class FormatVersionError(StoreError):
    """The index was written by a newer seqsearch."""


class CorruptIndexError(StoreError):
    """A checksum or an invariant of the index does not hold."""


class StorageFullError(StoreError):
    """The disk, the quota or the map is full; nothing was half-written."""
