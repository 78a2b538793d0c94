"""The answers of shards as one: by (distance, global row), as one index orders what it finds."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..arrays import BoolArray, IntArray
from ..distances import Distance, Neighbours, Ranges
from ..search import RangeResults, Results
from ..search.guarantees import NONE, guarantees, weakest
from ..search.results import Explanation
from ..sequences import Sequences
from ..sequences.strings import offsets_of
from .shard import Found, InRange, Nearest, Told

_LAST = np.iinfo(np.int64).max
_NUMBER = re.compile(r"\d[\d,.]*")
_UNMET = " fulfils "  # what a condition is said to be that nothing fulfils


def merged_neighbours(answers: Sequence[Nearest], k: int) -> tuple[Neighbours, BoolArray | None]:
    """The k nearest of Q queries over all shards, by global rows, and (Q, k) where on the minus strand."""
    near, order = nearest_of_all([Neighbours(answer.rows, answer.distances) for answer in answers], k)
    minus = None
    if answers[0].minus is not None:
        strands = np.concatenate([answer.minus for answer in answers if answer.minus is not None], axis=1)
        minus = np.take_along_axis(strands, order, axis=1)
    return near, minus


def nearest_of_all(found: Sequence[Neighbours], k: int) -> tuple[Neighbours, IntArray]:
    """The k nearest of Q queries among neighbours by global rows, and (Q, k) which of all columns they were."""
    rows = np.concatenate([each.rows for each in found], axis=1)
    distances = np.concatenate([each.distances for each in found], axis=1)
    order: IntArray = np.lexsort((np.where(rows < 0, _LAST, rows), distances))[:, :k]
    return Neighbours(*(np.take_along_axis(column, order, axis=1) for column in (rows, distances))), order


def merged_search(
    queries: Sequences,
    answers: Sequence[Nearest],
    k: int,
    distance: Distance,
    why: str = "",
    warning: tuple[str, ...] = (),
) -> Results:
    """The answers of shards as `Results`, whose rows are places among `targets`, which are what was found; `why`: what
    shards were asked for; `warning`: where some of them are missing."""
    best, minus = merged_neighbours(answers, k)
    found = merged_found([answer.found for answer in answers], best.rows)
    near = Neighbours(_places(found, best.rows), best.distances)
    how = _explained([answer.told for answer in answers], distance, warning, why)
    sure, rests = distance.confidence(best.distances), weakest([answer.guarantee for answer in answers])
    if warning:
        rests = guarantees(np.zeros(len(queries), np.bool_), NONE)
    return Results(queries.ids, found.sequences, near, minus, sure, how, queries, rests)


def merged_within(
    queries: Sequences, answers: Sequence[InRange], distance: Distance, both: bool, warning: tuple[str, ...] = ()
) -> RangeResults:
    """Everything that shards found, as `RangeResults`, as `merged_search` does."""
    owners, rows, distances, minus = (
        np.concatenate([getattr(answer, name) for answer in answers])
        for name in ("owners", "rows", "distances", "minus")
    )
    order = np.lexsort((rows, distances, owners))
    found = merged_found([answer.found for answer in answers], rows)
    offsets = offsets_of(np.bincount(owners, minlength=len(queries)))
    ranges = Ranges(offsets, _places(found, rows[order]), distances[order])
    how = _explained([answer.told for answer in answers], distance, warning)
    return RangeResults(queries.ids, found.sequences, ranges, minus[order] if both else None, how, queries)


def merged_found(found: Sequence[Found], rows: IntArray | None = None) -> Found:
    """What shards found as one, in the order of global rows; those of `rows` alone where these are given."""
    numbers = np.concatenate([one.rows for one in found])
    whole = Sequences.concatenate([one.sequences for one in found])
    order = np.argsort(numbers)
    if rows is not None:
        order = order[np.isin(numbers[order], rows)]
    return Found(numbers[order], whole[order])


def _places(found: Found, rows: IntArray) -> IntArray:
    return np.where(rows < 0, -1, np.searchsorted(found.rows, np.maximum(rows, 0)))


def _explained(told: Sequence[Told], distance: Distance, warning: tuple[str, ...] = (), why: str = "") -> Explanation:
    """How shards answered, as one: what several say in other numbers is said once."""
    cautions = {_NUMBER.sub("#", text): text for one in reversed(told) for text in one.cautions}
    unmet = [text for text in cautions if _UNMET in text]
    if len(unmet) and not all(any(_UNMET in text for text in one.cautions) for one in told):
        cautions = {key: text for key, text in cautions.items() if key not in unmet}  # other shards have some
    reasons = list(dict.fromkeys(one.reason for one in told))
    each = reasons[0] + (" or alike" if len(reasons) > 1 else "")
    reason = f"{len(told)} shards, {why}: {each}" if why else f"{len(told)} shards, each {each}"
    unlike = next((one.unlike for one in told if one.unlike is not None), None)
    return Explanation(
        reason,
        (*cautions.values(), *warning),
        unlike,
        all(one.calibrated for one in told),
        distance.alignable,
        distance.aligner,
        distance if distance.partial else None,
    )
