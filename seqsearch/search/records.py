"""The records of an index, looked up by id, and those that users bring along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from ..errors import ParameterError
from ..sequences import TEXT, Alphabet, Sequence, Sequences, SequencesLike
from ..sequences.coercion import Taken, taken
from ..sequences.columns import NO_FIELDS, Asked
from ..sequences.foreign import Columns
from ..sequences.strings import Counted
from ..store import Store
from .build_rows import check
from .fitting import require_no_bases
from .holding import Holding, Rows


class Records:
    """What an index is as a collection of records: a mapping of ids."""

    _handle: Holding

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

    def _taken(self, given: SequencesLike, what: str) -> Sequences:
        """Sequences of the argument `what`, of the kind that is stored."""
        return self._taken_with(given, what).sequences

    def _taken_with(self, given: SequencesLike, what: str, beside: Asked = NO_FIELDS) -> Taken:
        distance = self._handle.distance
        if distance is not None and distance.space and _is_vector(given):
            given = [given]
        with self._handle.store() as store:
            made = self._made(given, what, store, beside)
            require_no_bases(made.sequences, what, store)
        return made

    def _made(self, given: SequencesLike, what: str, store: Rows, beside: Asked) -> Taken:
        if isinstance(given, Sequences) and given.alphabet != TEXT:  # which an index may fold
            return Taken(given, True)
        if beside is NO_FIELDS and store.alphabet is not None:
            like = _nothing(store.alphabet)  # sooner than from the file
        else:
            like = store.sequences(np.zeros(0, np.int64))
        return taken(given, what, like=like, columns=Columns(beside=beside))

    def _taken_to_store(self, given: SequencesLike, what: str, beside: Asked = NO_FIELDS) -> Taken:
        """As `_taken_with`, of what can be compared with what is stored. Raises what `Distance.check` raises."""
        made = self._taken_with(given, what, beside)
        with self._handle.store() as store:
            like = store.sequences(np.arange(min(1, store.rows)))
        check(self._handle.distance, made.sequences, like)
        return made


@lru_cache
def _nothing(alphabet: Alphabet) -> Sequences:
    return Sequences.from_texts([], alphabet)


def _is_vector(given: object) -> bool:
    """Whether it is numbers in a row."""
    if isinstance(given, np.ndarray):
        return given.ndim == 1 and given.dtype.kind in "biuf"
    return isinstance(given, (list, tuple)) and len(given) > 0 and isinstance(given[0], (int, float, np.number))


def counted_on(given: Taken, store: Store) -> Sequences:
    """What is added to a store: ids that nobody gave go on counting where the store ends.

    That is from its number of rows, or, where some of these are taken, from the largest number among its ids. Numbers
    that came with a set, such as those of the lines of a file, are left as they are when none of them is taken.
    """
    sequences = given.sequences
    if given.named and not (isinstance(sequences.ids, Counted) and (store.find(sequences.ids) >= 0).any()):
        return sequences
    ids = Counted.up_to(len(sequences), store.rows + 1)
    if (store.find(ids) >= 0).any():
        largest = max(int(name) for name in store.ids if name.isascii() and name.isdecimal())
        ids = Counted.up_to(len(sequences), largest + 1)
    return sequences.renamed(ids)
