"""What points of a map are coloured by: their labels, by rank of a lineage, their lengths, or a column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ...arrays import AnyArray, FloatArray, IntArray, spread
from ...errors import UnknownNameError
from ...sequences import Sequences

OTHER = "other"
LABEL, DESCRIPTION, LENGTH, NOTHING = "label", "description", "length", "nothing"
GROUPS = 12
"""Colours that can be told apart; what is rarer shares one."""

_LOOKED_AT = 1000
_COMMON = 0.005  # of all: a group that counts where a rank is chosen


@dataclass(frozen=True, eq=False)
class Colouring:
    """Of n points `by` something: `groups`, (n,) uint8 numbers of `names`, with their `counts`, or `numbers`, (n,)
    float32, nan where there is none. `ranks`: parts of the longest lineage (1: none has more), of which this is `rank`,
    from 1.
    """

    by: str
    names: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    groups: AnyArray | None = None
    numbers: FloatArray | None = None
    ranks: int = 1
    rank: int = 1


def colourings(targets: Sequences, rows: IntArray) -> tuple[str, ...]:
    """What the points of rows can be coloured by; first what says most."""
    some = rows[spread(len(rows), _LOOKED_AT)]
    labelled = any(targets.labels.take(some))
    told = any(";" in text for text in targets.descriptions.take(some))
    columns = [name for name, kind in targets.columns.fields if kind in ("int", "float", "bool", "text")]
    varied = [LENGTH] if len(np.unique(targets.lengths_of(some))) > 1 else []
    return (*[LABEL] * labelled, *[DESCRIPTION] * told, *columns, *varied, NOTHING)


def coloured(targets: Sequences, rows: IntArray, by: str | None = None, rank: int | None = None) -> Colouring:
    """The colouring of rows `by` one of `colourings` (None: the first), at a `rank` of lineages such as "a; b; c"
    (None: the first that tells a few large groups apart). Raises UnknownNameError.
    """
    able = colourings(targets, rows)
    chosen = able[0] if by is None else by
    if chosen not in (*able, LABEL, DESCRIPTION, LENGTH):
        raise UnknownNameError(f"points are coloured by one of {', '.join(able)}, not {chosen!r}")
    if chosen == NOTHING:
        return Colouring(NOTHING)
    if chosen in targets.columns and chosen not in (LABEL, DESCRIPTION, LENGTH):
        return _of_column(targets, rows, chosen)
    if chosen == LENGTH:
        return Colouring(LENGTH, numbers=targets.lengths_of(rows).astype(np.float32))
    texts = targets.labels if chosen == LABEL else targets.descriptions
    return _of_texts(chosen, list(texts.take(rows)), rank)


def _of_column(targets: Sequences, rows: IntArray, name: str) -> Colouring:
    column = targets.columns.select(name, rows)
    if column.kind in ("int", "float"):
        values = np.where(column.missing, np.nan, column.numbers)
        return Colouring(name, numbers=values.astype(np.float32))
    return _of_texts(name, ["" if value is None else str(value) for value in column.tolist()], 1)


def _of_texts(by: str, texts: list[str], rank: int | None) -> Colouring:
    tally = Counter(texts)
    lineages = {text: tuple(part.strip() for part in text.split(";")) for text in tally}
    ranks = max(map(len, lineages.values()), default=1)
    chosen = _telling_rank(tally, lineages, ranks) if rank is None else min(max(rank, 1), ranks)
    shown = {text: _named(parts, chosen) for text, parts in lineages.items()}
    sizes: Counter[str] = Counter()
    for text, count in tally.items():
        sizes[shown[text]] += count
    common = [name for name, _ in sorted(sizes.items(), key=lambda item: (-item[1], item[0])) if name][:GROUPS]
    left = sum(sizes.values()) - sum(sizes[name] for name in common)
    names = (*common, OTHER) if left else tuple(common)
    place = {name: number for number, name in enumerate(common)}
    code = {text: place.get(name, len(common)) for text, name in shown.items()}
    groups = np.fromiter((code[text] for text in texts), np.uint8, len(texts))
    counts = (*(sizes[name] for name in common), *[left] * bool(left))
    return Colouring(by, names, counts, groups, ranks=ranks, rank=chosen)


def _named(parts: tuple[str, ...], rank: int) -> str:
    """The part of that rank; "" where a lineage ends before, or has only the prefix of the rank there (`g__`)."""
    if len(parts) < rank:
        return ""
    return "" if parts[rank - 1].endswith("__") else parts[rank - 1]


def _telling_rank(tally: Counter[str], lineages: dict[str, tuple[str, ...]], ranks: int) -> int:
    total = sum(tally.values())
    for rank in range(1, ranks + 1):
        sizes: Counter[str] = Counter()
        for text, count in tally.items():
            sizes[_named(lineages[text], rank)] += count
        if sum(count >= _COMMON * total for name, count in sizes.items() if name) >= 5:
            return rank
    return ranks
