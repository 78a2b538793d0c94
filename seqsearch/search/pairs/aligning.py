"""Which queries and entries belong together, and pairs brought onto one time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...arrays import AnyArray, IntArray
from ...distances import MatchingDTW
from ...errors import MismatchError
from ...extras import TRAIN, imported
from ...progress import SILENT, Progress
from ...sequences import Sequences

Pairs = list[tuple[str, str]]
"""Ids of a query and of the entry that belongs to it."""

ALIGNMENTS = ("auto", "steps", "dtw")
_LEAST_ALIGNED = 8  # steps that an alignment must cover to be learned from


def paired(queries: Iterable[str], entries: Iterable[str], pairs: Pairs | None = None) -> tuple[IntArray, IntArray]:
    """(m,) rows of queries and of entries that belong together: by `pairs` of ids, else by equal ids.

    Raises MismatchError for an unknown id, or where nothing fits.
    """
    sides = {"queries": {name: row for row, name in enumerate(queries)}}
    sides["the database"] = {name: row for row, name in enumerate(entries)}
    asked, stored = sides.values()
    wanted = [(name, name) for name in asked if name in stored] if pairs is None else list(pairs)
    for pair in wanted:
        for name, (side, rows) in zip(pair, sides.items(), strict=True):
            if name not in rows:
                raise MismatchError(f"the pair {pair[0]}, {pair[1]}: there is no {name!r} in {side}")
    if not wanted:
        raise MismatchError("no id is in both sets: name the pairs")
    return np.array([asked[a] for a, _ in wanted]), np.array([stored[b] for _, b in wanted])


def connected(first: IntArray, second: IntArray) -> IntArray:
    """(m,) number of the group of each pair: pairs that share a query or an entry are of one group."""
    sparse, graphs = imported("scipy.sparse", TRAIN), imported("scipy.sparse.csgraph", TRAIN)
    shift = int(first.max()) + 1
    size = shift + int(second.max()) + 1
    links = sparse.coo_array((np.ones(len(first)), (first, second + shift)), shape=(size, size))
    _, numbers = graphs.connected_components(links, directed=False)
    groups: IntArray = numbers[first].astype(np.int64)
    return groups


def aligned(
    queries: Sequences, entries: Sequences, how: str, exact: MatchingDTW | None, progress: Progress = SILENT
) -> tuple[Sequences, Sequences]:
    """Pairs on the time of the entries, equally long: queries[i] at each step is what entries[i] has there.

    Aligned by DTW, the steps of the entries that the path leaves out are cut off. Raises MismatchError where pairs
    cannot be aligned.
    """
    if how == "steps" or (how == "auto" and np.array_equal(queries.lengths, entries.lengths)):
        if (differ := np.flatnonzero(queries.lengths != entries.lengths)).size:
            row = int(differ[0])
            problem = f"{queries.lengths[row]} and {entries.lengths[row]} steps are not aligned"
            raise MismatchError(f"pair {queries.ids[row]}, {entries.ids[row]}: {problem}")
        return queries, entries
    if exact is None:
        problem = f"{queries.features} and {entries.features} features cannot be aligned by DTW"
        raise MismatchError(f"{problem}: give pairs of equal length, aligned step by step")
    first: list[AnyArray] = []
    second: list[AnyArray] = []
    with progress.task("aligning pairs", len(queries)) as task:
        for a, b in zip(queries, entries, strict=True):
            path = exact.path(a.data, b.data)
            steps = np.unique(path[:, 1])
            at = path[np.searchsorted(path[:, 1], steps), 0]
            if len(steps) < _LEAST_ALIGNED:
                raise MismatchError(f"pair {a.id}, {b.id}: only {len(steps)} steps could be aligned")
            first.append(a.data[at])
            second.append(b.data[steps])
            task.advance()
    return Sequences.from_arrays(first, ids=queries.ids), Sequences.from_arrays(second, ids=entries.ids)
