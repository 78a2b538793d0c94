"""The other strand of a nucleotide query: its reverse complement, and the better of two answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays import BoolArray, ByteArray, DoubleArray, IntArray
from ..distances import Neighbours, Ranges
from ..errors import ParameterError
from ..sequences import Alphabet, Sequences
from ..sequences.strings import offsets_of
from .pipeline import Found, Limits, Queries, of_queries

PLUS, BOTH = "plus", "both"
REMEDY = "search both with strand='both' (--strand both)"
_FAR = 0.3  # edits a symbol: genes of one kind are nearer, and what is read backwards is not
_TRIED = 8
_MANY = 256  # queries, from which on a few are worth asking on both strands first
_PAIRS = {"A": "T", "C": "G", "G": "C", "T": "A", "U": "A"}


def complement_codes(alphabet: Alphabet) -> ByteArray:
    """(codes,) the code of each symbol's complement; that of an ambiguity code (IUPAC) is the set of complements."""
    thymine = "U" if "U" in alphabet.canonical else "T"
    pairs = {**_PAIRS, "A": thymine}
    sets = {frozenset(symbol): symbol for symbol in alphabet.canonical}
    sets |= {frozenset(members): code for code, members in alphabet.mixtures.items()}
    members = {symbol: symbol for symbol in alphabet.canonical} | alphabet.mixtures
    turned = [sets[frozenset(pairs[base] for base in members[letter])] for letter in alphabet.letters]
    return np.array([alphabet.letters.index(letter) for letter in turned], np.uint8)


def reverse_complement(sequences: Sequences) -> Sequences:
    """Every sequence read on the other strand. Raises ParameterError for anything but DNA and RNA."""
    alphabet = sequences.alphabet
    if alphabet is None or alphabet.name not in ("dna", "rna"):
        what = "series have" if alphabet is None else f"the alphabet {alphabet.name} has"
        raise ParameterError(f"strand: only dna and rna have two strands, {what} one")
    # Everything backwards, and the sequences of that in backward order.
    starts, ends = sequences.offsets[:-1], sequences.offsets[1:]
    lengths = ends - starts
    offsets = offsets_of(lengths)
    places = np.repeat(ends - 1, lengths) - (np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], lengths))
    data = complement_codes(alphabet)[sequences.data[places]]
    return Sequences(data, offsets, sequences.ids, alphabet, sequences.descriptions, sequences.labels)


def require_strand(strand: str) -> None:
    """Raise ParameterError for a strand that cannot be searched."""
    if strand not in (PLUS, BOTH):
        raise ParameterError(f"strand must be {PLUS} or {BOTH}, not {strand!r}")


def other_strand(queries: Queries) -> Queries:
    """The reverse complements, whose points are not those of the queries. Raises as `reverse_complement`."""
    return Queries(reverse_complement(queries.sequences))


Finder = Callable[[Queries, Limits], Neighbours]
"""The nearest of queries, given what was found of their other strands (`near`), and what may be `deferred`."""


def nearest_of(strand: str, queries: Queries, found: Finder, exclude: IntArray | None = None) -> Neighbours:
    """What `found` finds of the queries, or the nearer of it and of what it finds of their reverse complements; but for
    one row each, `exclude` (Q,)."""
    return nearest_of_strands(strand, queries, found, exclude)[0]


def nearest_of_strands(
    strand: str, queries: Queries, found: Finder, exclude: IntArray | None = None
) -> tuple[Neighbours, BoolArray | None]:
    """As `nearest_of`, and (Q, k) where the reverse complement was the nearer, None where it was not searched for.

    What is farther than the k found of a query on one strand is not looked for on the other: so the strand on which a
    few of many queries are nearer comes first.
    """
    if strand != BOTH:
        return found(queries, {"exclude": exclude}), None
    minus = other_strand(queries)
    if _lie_backwards(queries, minus, found, exclude):
        turned, near = _one_then_other(minus, queries, found, exclude)
    else:
        near, turned = _one_then_other(queries, minus, found, exclude)
    better, backwards = better_strand(near, turned)
    if isinstance(near, Found) and isinstance(turned, Found):
        return Found(better.rows, better.distances, near.proved & turned.proved), backwards
    return better, backwards


def _lie_backwards(queries: Queries, minus: Queries, found: Finder, exclude: IntArray | None) -> bool:
    """Whether more than half of a few of them are nearer on the minus strand; False of fewer than are worth a look."""
    if len(queries) < _MANY:
        return False
    some = np.linspace(0, len(queries) - 1, _TRIED).astype(np.int64)
    limits = of_queries({"exclude": exclude}, some)
    near, far = (found(strand[some], {**limits, "deferred": []}).distances[:, 0] for strand in (queries, minus))
    return bool(2 * np.count_nonzero(far < near) > len(some))


def _one_then_other(
    one: Queries, other: Queries, found: Finder, exclude: IntArray | None
) -> tuple[Neighbours, Neighbours]:
    """What is found on one strand, and on the other what is not farther.

    Queries that would be compared with everything on the first are so last, when the second says what is near.
    """
    later: list[int] = []
    near = found(one, {"exclude": exclude, "deferred": later})
    left = np.array(later, np.int64)
    if isinstance(near, Found):
        near.proved[left] = True
    turned = found(other, {"exclude": exclude, "near": near})
    if len(left):
        last = found(one[left], of_queries({"exclude": exclude, "near": turned}, left))
        _of_budget(near).put(left, _of_budget(last))
    return near, turned


def nearest_unless_turned(queries: Queries, found: Finder) -> tuple[Found, IntArray]:
    """What `found` finds of the queries, and which of them, (t,), it would have compared with everything although their
    other strand is near to what is stored: these have the nearest of the candidates instead.

    A read the wrong way round is as far from everything as can be, so that no bound rules anything out.
    """
    later: list[int] = []
    near = _of_budget(found(queries, {"deferred": later}))
    left, none = np.array(later, np.int64), np.zeros(0, np.int64)
    if not len(left):
        return near, none
    far: list[int] = []
    if queries.known is None and _has_two_strands(queries.sequences):
        found(other_strand(queries[left]), {"deferred": far})
        turned = np.setdiff1d(np.arange(len(left)), far)
        asked = queries[left[turned]]
        nothing = Found.of(Neighbours.none(len(asked), near.k), False, np.zeros(len(asked), np.int64))
        near.put(left[turned], _of_budget(found(asked, {"near": nothing})))
        left, none = left[far], left[turned]
    if len(left):
        near.put(left, _of_budget(found(queries[left], {})))
    return near, none


def _of_budget(found: Neighbours) -> Found:
    assert isinstance(found, Found)
    return found


def _has_two_strands(sequences: Sequences) -> bool:
    return sequences.alphabet is not None and sequences.alphabet.name in ("dna", "rna")


def turned_round(queries: Queries, nearest: DoubleArray, found: Callable[[Queries], DoubleArray]) -> str | None:
    """A warning where queries that are far from everything have something near on the other strand.

    `nearest`: (Q,) distances of the queries to it; `found` gives those of others. Only a few are asked, the farthest
    for their length.
    """
    if queries.known is not None or not _has_two_strands(queries.sequences):
        return None
    if len(nearest) == 1 and nearest[0] <= _FAR * max(queries.sequences.steps, 1):
        return None  # one alone, sooner
    share = nearest / np.maximum(queries.sequences.lengths, 1)
    far = np.flatnonzero((share > _FAR) & np.isfinite(share))
    if not len(far):
        return None
    asked = far[np.argsort(-share[far], kind="stable")[:_TRIED]]
    near = found(other_strand(queries[asked])) < nearest[asked] / 2
    if not near.any():
        return None
    of = f"{near.sum()} of {len(asked)} queries that are far from everything stored are"
    return f"{of if len(asked) > 1 else 'a query far from everything stored is'} near on the other strand: {REMEDY}"


def better_strand(plus: Neighbours, minus: Neighbours) -> tuple[Neighbours, BoolArray]:
    """The k nearest of both strands, each row once, and (Q, k) where the minus strand was the nearer.

    A row equally near on both strands counts as found on the plus strand.
    """
    widths = plus.k, minus.k
    rows = np.concatenate([plus.rows, minus.rows], axis=1)
    distances = np.concatenate([plus.distances, minus.distances], axis=1)
    strands = np.broadcast_to(np.repeat([False, True], widths), rows.shape)
    order = np.lexsort((strands, distances, rows))
    rows, distances, strands = (np.take_along_axis(column, order, axis=1) for column in (rows, distances, strands))
    again = np.zeros(rows.shape, np.bool_)
    again[:, 1:] = rows[:, 1:] == rows[:, :-1]
    rows, distances = np.where(again, -1, rows), np.where(again | (rows < 0), np.inf, distances)
    last = np.where(rows < 0, np.iinfo(np.int64).max, rows)
    order = np.lexsort((last, distances))[:, : max(widths)]
    rows, distances, strands = (np.take_along_axis(column, order, axis=1) for column in (rows, distances, strands))
    return Neighbours(rows, distances), strands & (rows >= 0)


def united(plus: Ranges, minus: Ranges) -> tuple[Ranges, BoolArray]:
    """All rows within the radius on either strand, each once, with the nearer strand."""
    rows = np.concatenate([plus.rows, minus.rows])
    distances = np.concatenate([plus.distances, minus.distances])
    queries = np.arange(len(plus))
    owners = np.concatenate([np.repeat(queries, np.diff(ranges.offsets)) for ranges in (plus, minus)])
    strands = np.repeat([False, True], [len(plus.rows), len(minus.rows)])
    order = np.lexsort((strands, distances, rows, owners))
    first = np.ones(len(rows), np.bool_)
    first[1:] = (owners[order][1:] != owners[order][:-1]) | (rows[order][1:] != rows[order][:-1])
    kept = order[first]
    kept = kept[np.lexsort((rows[kept], distances[kept], owners[kept]))]
    offsets = offsets_of(np.bincount(owners[kept], minlength=len(plus)))
    return Ranges(offsets, rows[kept], distances[kept]), strands[kept]
