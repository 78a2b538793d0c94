"""What noisy reads were read of: the string under which they are likeliest, by rates of errors that they tell.

Sequencing loses letters more often than it makes them up (nanopores above all, within runs of one letter). The string
of least sum of edit distances knows nothing of that, and is short of a letter wherever half of the reads are. Here an
edit costs the logarithm of its odds, as in a pair hidden Markov model (Durbin, Eddy, Krogh and Mitchison 1998,
chapter 4) of which the best path counts: rates are those of the reads beside the string so far, and both follow from
each other.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays import IntArray
from .consensus_kernels import Costs
from .consensus_search import Members, Search
from .edit_paths import path_between

_ROUNDS = 3  # of rates and string, at most
_UNIT = 20.0  # of a cost: so many are one natural logarithm of odds
_SEEN = 1.0  # of each kind of error, beside those that were seen


def likeliest(members: Members, found: Search) -> Search:
    """The string under which the members are likeliest, from the one of least sum on; its sum and distances again count
    edits."""
    centre, known = found.centre, found.distances
    for _ in range(_ROUNDS):
        costs = costs_of(members, centre)
        search = Search(members, centre, known * costs.greatest, costs)
        search.descend()
        if np.array_equal(search.centre, centre):
            break
        known = known + _apart(centre, search.centre)
        centre = search.centre
    return Search(members, centre, known)


def costs_of(members: Members, centre: IntArray) -> Costs:
    """The costs of errors as frequent as those of the members beside the centre, in whole numbers, at least 1."""
    same, other, missing, more = 1.0, _SEEN, _SEEN, _SEEN
    for row, count in enumerate(members.counts.tolist()):
        path = path_between(centre, members.of(row))
        same += count * path.count("=")
        other += count * path.count("X")
        missing += count * path.count("I")
        more += count * path.count("D")
    letters, drawn = same + other + missing, max(members.letters, 2)
    right = math.log(same / letters)  # of every letter that is neither another nor one more
    costs = (
        right - math.log(other / letters / (drawn - 1)),
        -math.log(missing / letters),
        right - math.log(more / letters / drawn),
    )
    return Costs(*(max(1, round(_UNIT * cost)) for cost in costs))


def _apart(one: IntArray, other: IntArray) -> int:
    return path_between(one, other).edits
