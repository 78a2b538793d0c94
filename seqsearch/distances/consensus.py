"""The string nearest to several: of least sum of edit distances (the median, or Steiner, string of a set).

Finding the very best is NP-hard (de la Higuera & Casacuberta, Theor. Comput. Sci. 230, 2000). Here the best members are
improved by edits, all of which are weighed at once and exactly (consensus_kernels.py), until none makes the sum less;
then by edits that leave it as it is, some of which open the way to better ones. What noisy reads were read of is
another question, and has another answer (consensus_reads.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import IntArray
from ..errors import EmptyInputError, MismatchError, ParameterError
from ..sequences import Sequences, SequencesLike, Strings
from ..sequences.coercion import taken
from .consensus_reads import likeliest
from .consensus_search import Members, Search
from .edit import EditDistance

_LOOKED_AT = 100  # members at most among which the best are looked for, the first: more are not worth their cost


@dataclass(frozen=True, eq=False)
class Consensus:
    """`sequence`: a set of the one that was found; `distances`: (n,) of the members to it; `total`: their weighted sum;
    `median`: that sum of the best member, from which the search began.

    >>> import seqsearch as ss
    >>> found = ss.consensus(ss.as_sequences(["anna", "hanna", "anne"], "text"))
    >>> found.text, found.total, found.median
    ('anna', 2, 2)
    """

    sequence: Sequences
    distances: IntArray
    total: int
    median: int

    @property
    def text(self) -> str:
        """The letters that were found."""
        return self.sequence[0].text


def consensus(
    members: SequencesLike,
    *,
    weights: ArrayLike | None = None,
    starts: int = 5,
    tries: int = 30,
    edits: int = 1,
    reads: bool = False,
    seed: int = 0,
) -> Consensus:
    """The string of least sum of edit distances to `members` that is found: at most that of the best member, and of
    whatever one edit makes of it, or two.

    `weights`: (n,) how often each counts, whole numbers; `starts`: the search begins at so many of the best members, or
    until two come to the same sum; `tries`: edits that change nothing are made so often, by the
    draws of `seed`, to get away from where no single edit is better; `edits`: with 2, every pair of edits is weighed in
    the end, which takes as many times as long as there are single ones (8 a letter of DNA); `reads`: the members are
    noisy reads of one string, and the one most likely to have been read so is looked for: where letters are lost more
    often than made up it is longer than that of least sum. `consensus_bound` tells whether a lesser sum is possible at
    all.
    Raises EmptyInputError, MismatchError for series, ParameterError.

    >>> import seqsearch as ss
    >>> found = ss.consensus(["GATTACA", "GATACA", "GATTTACA", "GCTTACA"])
    >>> found.text, found.total, found.distances.tolist()
    ('GATTACA', 3, [0, 1, 1, 1])
    """
    given = taken(members, "members").sequences
    if given.alphabet is None:
        raise MismatchError("a consensus is of strings; series have averages (dtw_barycenter_averaging of tslearn)")
    if not len(given):
        raise EmptyInputError("there is no sequence", path="members")
    if starts < 1:
        raise ParameterError(f"starts must be at least 1, not {starts}")
    if tries < 0:
        raise ParameterError(f"tries must be at least 0, not {tries}")
    if edits not in (1, 2):
        raise ParameterError(f"edits must be 1 or 2, not {edits!r}")
    counts = weights_of(weights, len(given))
    letters, coded = np.unique(given.data[given.offsets[0] : given.offsets[-1]], return_inverse=True)
    whole = Members(coded.astype(np.int32), given.offsets - given.offsets[0], counts, len(letters))
    search, median = _descended(whole, given, counts, starts)
    rng = np.random.default_rng(seed)
    search.wander(tries, rng)
    while edits == 2 and search.leap():
        search.wander(tries, rng)
    if reads:
        search = likeliest(whole, search)
    made = letters[search.centre].astype(given.data.dtype)
    name = Strings.of(["consensus"])
    found = Sequences(made, np.array([0, len(made)], np.int64), name, given.alphabet)
    return Consensus(found, search.distances, search.total, median)


def weights_of(weights: ArrayLike | None, count: int) -> IntArray:
    """(count,) whole numbers from 1 on; None: 1 each. Raises ParameterError."""
    if weights is None:
        return np.ones(count, np.int64)
    given = np.asarray(weights)
    if given.shape != (count,) or given.dtype.kind not in "iu" or (count and given.min() < 1):
        raise ParameterError(f"weights are {count} whole numbers from 1, not {given.dtype} of shape {given.shape}")
    return given.astype(np.int64)


def _descended(whole: Members, members: Sequences, counts: IntArray, starts: int) -> tuple[Search, int]:
    """The best of searches that began at different members, the best first, and the sum of the first member. They end
    when two came to the same sum: so far down there is hardly anything better."""
    away = EditDistance().matrix(members[: min(len(members), _LOOKED_AT)], members).astype(np.int64)
    left = np.argsort(away @ counts, kind="stable")
    found, median = None, 0
    for _ in range(starts):
        row = int(left[0])
        search = Search(whole, whole.of(row), away[row])
        if found is None:
            median = search.total
        search.descend()
        if found is not None and search.total == found.total:
            break
        found = search if found is None or search.total < found.total else found
        left = left[away[row][left] > 0]
        if not len(left):
            break
    assert found is not None
    return found, median
