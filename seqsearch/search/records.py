"""The records of an index, looked up by id, and those that users bring along."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ParameterError
from ..sequences import TEXT, Sequence, Sequences, SequencesLike, Strings
from ..sequences.coercion import Taken, taken
from ..store import Store

if TYPE_CHECKING:
    from .handle import Handle
    from .index import SequenceIndex


class Records:
    """What an index is as a collection of records: a mapping of ids that is pickled as its path."""

    _handle: Handle

    def __getitem__(self, record_id: str) -> Sequence:
        """The stored sequence of that id. Raises UnknownIdError, which is a KeyError too."""
        if not isinstance(record_id, str):
            raise ParameterError(f"an id is a string, not {record_id!r}: rows are those of index.sequences")
        return self.get([record_id])[0]

    def get(self, ids: Iterable[str]) -> Sequences:
        """The stored sequences of `ids`, in that order. Raises UnknownIdError naming the first that is not there.

        >>> import seqsearch as ss
        >>> words = ss.as_sequences(["anna", "hanna", "otto"], ids=["a", "h", "o"])
        >>> with ss.SequenceIndex.build("words.ss", words, encoder="kmer") as index:
        ...     index["h"].text, index.get(["o", "a"]).texts(), "x" in index, [record.id for record in index]
        ('hanna', ['otto', 'anna'], False, ['a', 'h', 'o'])
        """
        if isinstance(ids, str):
            raise ParameterError(f"ids is one string, {ids!r}: give a list of ids, or ask for index[{ids!r}]")
        with self._handle.store() as store:
            return store.sequences(store.rows_of(ids))

    def __iter__(self) -> Iterator[Sequence]:
        """The stored sequences in the order they came, as they are now: later changes are not seen."""
        with self._handle.store() as store:
            now = store.sequences(np.flatnonzero(store.live()))
        return iter(now)

    def __reduce__(self) -> tuple[Callable[[str], SequenceIndex], tuple[str]]:
        """Pickled, or copied, as its path: the copy is opened anew, and each has its own files."""
        return _opened, (os.path.abspath(self._handle.path),)

    def _taken(self, given: SequencesLike, what: str) -> Sequences:
        """Sequences of the argument `what`, of the kind that is stored."""
        return self._taken_with(given, what).sequences

    def _taken_with(self, given: SequencesLike, what: str) -> Taken:
        if isinstance(given, Sequences) and given.alphabet != TEXT:  # which an index may fold
            return Taken(given, True)
        with self._handle.store() as store:
            like = store.sequences(np.zeros(0, np.int64))
        return taken(given, what, like=like)


def _opened(path: str) -> SequenceIndex:
    from .index import SequenceIndex

    return SequenceIndex.open(path)


def counted_on(sequences: Sequences, store: Store) -> Sequences:
    """With ids that go on counting where those of the store end: from its number of rows, or, where some of these are
    taken, from the largest number among its ids.
    """
    ids = _counted(store.rows + 1, len(sequences))
    if (store.find(ids) >= 0).any():
        ids = _counted(1 + max(int(name) for name in store.ids if name.isascii() and name.isdecimal()), len(sequences))
    return Sequences(
        sequences.data, sequences.offsets, ids, sequences.alphabet, sequences.descriptions, sequences.labels
    )


def _counted(start: int, count: int) -> Strings:
    return Strings.of(map(str, range(start, start + count)))
