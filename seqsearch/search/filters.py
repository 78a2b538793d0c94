"""Which stored rows may be answered: a set of ids, a condition on the labels, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..arrays import BoolArray
from ..errors import ParameterError
from ..sequences import Strings
from ..store import Store

Where = Mapping[str, str]


def allowed_rows(store: Store, ids: Iterable[str] | None, where: Where | None) -> BoolArray | None:
    """(rows,) mask of the live rows that a filter lets through, None without one.

    Raises UnknownIdError for an id that is not there, ParameterError for a condition on anything but the label.
    """
    if ids is None and not where:
        return None
    mask = np.array(store.live())
    if ids is not None:
        chosen = np.zeros_like(mask)
        chosen[store.rows_of(ids)] = True
        mask &= chosen
    for column, wanted in (where or {}).items():
        if column != "label":
            raise ParameterError(f"where {column!r}: only label can be asked for")
        mask &= equal_to(store.labels, wanted)
    return mask


def equal_to(column: Strings, wanted: str) -> BoolArray:
    """(n,) mask of the strings that are `wanted`, without an object a string."""
    raw = np.frombuffer(wanted.encode("utf-8"), np.uint8)
    same: BoolArray = np.diff(column.offsets) == len(raw)
    at = column.offsets[:-1][same]
    for position, byte in enumerate(raw):
        hit = column.data[at + position] == byte
        same[same] = hit
        at = at[hit]
    return same
