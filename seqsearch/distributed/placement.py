"""Which shard a record belongs to, and its place among all records: its global row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..arrays import IntArray
from ..errors import ParameterError
from ..sequences import Sequences, Strings
from ..sequences.columns import Column, Columns
from ..sequences.ids import hash_ids

GLOBAL_ROW = "global_row"
"""The column of every shard that says where a record stands among those of all shards. One index has its rows in the
order in which records came and breaks ties by them; merged by this number, shards answer the same."""


def shards_of(ids: Iterable[str], shards: int) -> IntArray:
    """(n,) the shard of each record, a function of its id alone: by their hashes, so that each shard is a random sample
    of all, and whoever looks for an id knows where."""
    names = ids if isinstance(ids, Strings) else Strings.of(ids)
    return (hash_ids(names) % np.uint64(shards)).astype(np.int64)


def numbered(part: Sequences, start: int) -> Sequences:
    """A set with global rows from `start`. Raises ParameterError where it has a column of that name."""
    if GLOBAL_ROW in part.columns:
        raise ParameterError(f"the sequences have a column {GLOBAL_ROW!r}, which shards keep their order in: rename it")
    rows = np.arange(start, start + len(part), dtype=np.int64)
    column = Column("int", np.zeros(len(part), np.bool_), rows)
    return part.beside(Columns({**part.columns, GLOBAL_ROW: column}))


def global_rows(columns: Columns, rows: IntArray) -> IntArray:
    """(m,) global rows of rows of a shard."""
    return np.asarray(columns.select(GLOBAL_ROW, rows).numbers, np.int64)


def unnumbered(part: Sequences) -> Sequences:
    """A set without its global rows."""
    names = [name for name in part.columns if name != GLOBAL_ROW]
    return part.beside(part.columns.chosen(names))


def belonging(parts: Iterable[Sequences], shard: int, shards: int) -> Iterator[Sequences]:
    """Of the sets that come, numbered from 0, what belongs to one shard."""
    start = 0
    for part in parts:
        mine = np.flatnonzero(shards_of(part.ids, shards) == shard)
        if len(mine):
            yield numbered(part, start)[mine]
        start += len(part)
