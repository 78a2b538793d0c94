"""Letters that stand for several: N and the other codes of IUPAC as wildcards.

Two letters meet where there is something that both may be: W (A or T) meets A, T, N and R (A or G), but not C. Meeting
is symmetric and not transitive, so no numbering of the letters makes equality of it. Kernels are told by the type of a
query's letters: where these are uint64, each is the set of the targets' codes that it meets, bit c for code c; targets
stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, IntArray
from ..errors import MismatchError, ParameterError
from ..jit import kernel
from ..sequences import Alphabet, Sequence, Sequences
from . import scoring_kernels as scoring
from .arguments import Columns, columns_of
from .distance import Distance
from .paths import AlignedPath, path_of_steps

_ANY = "NX"  # of nucleotides and of amino acids, where they are no letter proper
_APART = "*"  # a stop, which is no amino acid


@dataclass(frozen=True)
class Wildcards:
    """Of an alphabet of n codes, of which the first `letters` are letters proper.

    `sets`, (n,) int64: what a code may be, a bit a letter; `meets`, (n, n): whether two codes have one in common;
    `masks`, (n,) uint64: the codes that each one meets, a bit each.
    """

    letters: int
    sets: IntArray
    meets: BoolArray
    masks: AnyArray

    def query(self, sequences: Sequences) -> Columns:
        """The columns of some queries as kernels take them: letters as the sets of what they meet."""
        start, end = int(sequences.offsets[0]), int(sequences.offsets[-1])
        return Columns(self.masks[sequences.data[start:end]], sequences.offsets - start)


def wildcards_of(alphabet: Alphabet | None) -> Wildcards:
    """Those of an alphabet. Raises MismatchError for one without: text, whole numbers, and series."""
    if alphabet is None or alphabet.is_open:
        what = "series" if alphabet is None else f"the alphabet {alphabet.name}"
        raise MismatchError(f"{what} has no wildcards, as dna, rna and protein have: leave out wildcards=true")
    return _wildcards(alphabet)


@cache
def _wildcards(alphabet: Alphabet) -> Wildcards:
    letters = alphabet.canonical
    whole = (1 << len(letters)) - 1
    sets = [1 << at for at in range(len(letters))]
    for code, members in alphabet.mixtures.items():
        among = sum(1 << letters.index(member) for member in members)
        sets.append(1 << len(letters) if code in _APART else whole if code in _ANY else among)
    each = np.array(sets, np.int64)
    meets: BoolArray = (each[:, None] & each) != 0
    masks = (meets.astype(np.uint64) << np.arange(len(sets), dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    return Wildcards(len(letters), each, meets, masks)


@kernel(inline=True)
def is_sets(codes: AnyArray) -> bool:
    """Whether the letters of a query are sets of codes: told by their type, so at no cost."""
    return codes.itemsize == 8


class WildcardDistance(Distance):
    """A distance that may take the codes of IUPAC for wildcards, instead of letters of their own.

    `wildcards`: True makes two letters the same where there is something that both may be (of dna, rna and protein: N
    or X, R, B, ...), as vsearch counts identity. Raises ParameterError unless it is a truth; comparing sequences of an
    alphabet without wildcards then raises MismatchError.
    """

    def __init__(self, *, wildcards: bool = False) -> None:
        if not isinstance(wildcards, bool):
            raise ParameterError(f"wildcards must be true or false, not {wildcards!r}")
        self.wildcards = wildcards

    def parameters(self) -> JSON:
        return {"wildcards": True} if self.wildcards else {}

    def require(self, *sets: Sequences) -> None:
        super().require(*sets)
        if self.wildcards:
            wildcards_of(sets[0].alphabet)

    def check(self, sequences: Sequences, like: Sequences | None = None) -> None:
        if self.wildcards:
            wildcards_of(sequences.alphabet)

    def known(self, sequences: Sequences | Sequence) -> Wildcards | None:
        """The wildcards of some sequences; None where letters are only equal to themselves."""
        return wildcards_of(sequences.alphabet) if self.wildcards else None

    def asked(self, queries: Sequences) -> Columns:
        """The columns of queries as kernels take them."""
        known = self.known(queries)
        return columns_of(queries) if known is None else known.query(queries)

    def asked_rows(self, queries: Sequences, rows: IntArray) -> tuple[Columns, IntArray]:
        """Some rows of queries as kernels take them, and which rows they are there."""
        if not self.wildcards:
            return columns_of(queries), rows
        distinct, places = np.unique(rows, return_inverse=True)
        return self.asked(queries[distinct]), places.astype(np.int64)


def scheme_of(known: Wildcards, match: int, edit: int, mode: int) -> scoring.Scheme:
    """Scores of letters that meet, and of all that do not, gaps included."""
    scores = np.where(known.meets, match, edit).astype(np.int32)
    return scoring.Scheme(scores, -edit, -edit, mode)


def shortest_path(known: Wildcards, query: AnyArray, target: AnyArray) -> AlignedPath:
    """A path of the fewest edits between two code arrays, always the same one, = where letters meet; a byte a cell."""
    if not len(query) or not len(target):
        return AlignedPath(
            ((("I" if len(query) else "D"), len(query) + len(target)),) if len(query) + len(target) else ()
        )
    score, _, _, steps = scoring.path_of(scheme_of(known, 0, -1, scoring.GLOBAL), query, target)
    return AlignedPath(path_of_steps(steps, query, target, (0, 0), int(score), known.meets).runs)
