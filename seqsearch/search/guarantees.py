"""What an answer rests on: proof, a calibration on queries like this one, one over all queries, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..arrays import BoolArray
from ..errors import ParameterError

PROVED, GROUP, MARGINAL, NONE = "proved", "group", "marginal", "none"
ASKED = (PROVED, GROUP, MARGINAL)
"""What can be asked for, the surest first: an answer may always be surer."""

Guarantees = npt.NDArray[np.object_]
"""(Q,) "proved": compared with everything that is stored, or ruled out by bounds; "group": the recall asked for was
measured on queries that are predicted as far from everything as this one; "marginal": on all queries of the calibration
together; "none": so many candidates as were asked for, or a filter, with which nothing was measured."""


def require_guarantee(
    guarantee: str | None, *, recall: float | None = None, candidates: int | None = None, exact: bool = False
) -> None:
    """Raise ParameterError for a guarantee that there is not, or that excludes what else is asked for."""
    if guarantee is None:
        return
    if guarantee not in ASKED:
        raise ParameterError(f"guarantee must be {', '.join(ASKED[:-1])} or {ASKED[-1]}, not {guarantee!r}")
    if candidates is not None:
        raise ParameterError(f"guarantee {guarantee!r} and candidates exclude each other: ask for recall")
    if guarantee == PROVED and recall is not None:
        raise ParameterError("guarantee 'proved' finds everything: recall means nothing")
    if guarantee != PROVED and exact:
        raise ParameterError(f"guarantee {guarantee!r} and exact exclude each other: exact proves every answer")


def weakest(several: Sequence[Guarantees]) -> Guarantees:
    """(Q,) what answers rest on that several parts, (Q,) each, make together."""
    order = (*ASKED, NONE)
    places = np.array([[order.index(each) for each in part] for part in several])
    out: Guarantees = np.array(order, object)[places.max(axis=0)]
    return out


def guarantees(proved: BoolArray, otherwise: str) -> Guarantees:
    """(Q,) for answers of which some are `proved`, (Q,)."""
    out: Guarantees = np.full(len(proved), otherwise, object)
    out[proved] = PROVED
    return out
