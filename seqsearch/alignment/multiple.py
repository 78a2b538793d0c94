"""A multiple alignment of sequences: a guide tree, profiles aligned along it, and parts of it aligned anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..arrays import AnyArray, DoubleArray, IntArray
from ..distances import EditDistance
from ..errors import EmptyInputError, MismatchError, ParameterError, StrPath
from ..progress import Progress, Watching, watched
from ..sequences import Sequences, SequencesLike
from ..sequences.coercion import taken
from ..sequences.writers import write_aligned
from ..trees import Dendrogram, dendrogram, exact_distances, require_memory
from .agreement import agreement
from .consistency import library_of
from .profiles import GAP
from .progressive import progressive
from .refinement import refined
from .scheme import Scheme, scheme_for
from .sums import sum_of_pairs

MEMORY = 4e9
_PAIRS = 100  # distinct sequences at most of which all pairs are aligned
_LETTERS = 1 << 26  # and letters in a table of all pairs, of 4 bytes
_ROUNDS = ((200, 20), (1000, 2))  # of refinement for so many distinct sequences, the work being as their square


@dataclass(frozen=True, eq=False)
class MultipleAlignment:
    """`sequences`: the n that are aligned; `codes`: (n, C) int16 of their letters in C columns, -1 for a gap; `tree`:
    the guide, of one leaf for each distinct sequence, None where all are equal; `scheme`: what was aligned by;
    `rounds`: of refinement that were made.

    >>> import seqsearch as ss
    >>> found = ss.align_multiple(["GATTACAGATT", "GATACAGATT", "GATTACAGATT"])
    >>> print(*found.rows, sep="\\n")
    GATTACAGATT
    GA-TACAGATT
    GATTACAGATT
    """

    sequences: Sequences
    codes: AnyArray = field(repr=False)
    tree: Dendrogram | None = field(repr=False)
    scheme: Scheme = field(repr=False)
    rounds: int

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return int(self.codes.shape[1])

    @cached_property
    def rows(self) -> list[str]:
        """The sequences with `-` in their gaps, all of one length."""
        alphabet = self.sequences.alphabet
        assert alphabet is not None
        letters = np.frombuffer(f"{alphabet.letters}-".encode("ascii"), np.uint8)
        return [letters[row].tobytes().decode("ascii") for row in self.codes]  # -1 is the last of them

    @cached_property
    def score(self) -> float:
        """The sum over all pairs of rows of what their alignment scores by `scheme`, exactly."""
        return sum_of_pairs(self.codes, self.scheme)

    def agreement(self, reference: list[str]) -> tuple[float, float]:
        """(Q, TC) with the rows of another alignment of the same sequences: the share of the pairs of letters that it
        aligns which are aligned here too, and of its columns. Raises MismatchError for rows of others."""
        return agreement(self.rows, reference)

    def write(self, path: StrPath) -> None:
        """Write the rows as FASTA, as `write_fasta` does. Raises InputError."""
        write_aligned(path, self.sequences, self.rows)


def align_multiple(
    sequences: SequencesLike,
    *,
    tree: Dendrogram | None = None,
    matrix: str | None = None,
    gap_open: float | None = None,
    gap_extend: float | None = None,
    consistency: bool | None = None,
    refine: int | None = None,
    memory: float = MEMORY,
    progress: Watching = False,
) -> MultipleAlignment:
    """Align DNA, RNA or proteins so that the sum of pairs of rows is high: letters by a substitution `matrix` (dnafull,
    blosum62), gaps of n letters at `gap_open` + n `gap_extend` (20 + 2 n under dnafull, the usual ones of others), at
    the ends too.

    `tree`: the guide, over all the sequences (`SequenceIndex.cluster`: of embeddings); by default average linkage of
    exact edit distances, which may take `memory` bytes. `consistency`: all pairs are aligned first, and what they agree
    on stands together; None: of up to 100 distinct sequences. `refine`: rounds at most in which every part of the tree
    is aligned anew with the rest; None: 20 for up to 200 distinct sequences, 2 up to 1,000, none of more.
    Raises EmptyInputError, MismatchError for text and series and for a tree of others, ParameterError.

    >>> import seqsearch as ss
    >>> ss.align_multiple(["GATTACA", "GATACA", "GATTTACA"]).columns
    8
    """
    given = taken(sequences, "sequences").sequences
    if not len(given):
        raise EmptyInputError("there is no sequence", path="sequences")
    if refine is not None and refine < 0:
        raise ParameterError(f"refine must be at least 0, not {refine}")
    scheme = scheme_for(given.alphabet, matrix, gap_open, gap_extend)
    first, of = _distinct(given)
    weights = np.bincount(of).astype(np.float64)
    told = watched(progress)
    guide = _guide(given, first, tree, memory, told)
    codes, rounds = _aligned(given[first], weights, guide, scheme, consistency, refine, told)
    return MultipleAlignment(given, codes[of], guide, scheme, rounds)


def _consistent(some: Sequences, asked: bool | None) -> bool:
    """Whether all pairs are aligned first."""
    return len(some) <= _PAIRS and len(some) ** 2 * some.lengths.max() <= _LETTERS if asked is None else asked


def _distinct(sequences: Sequences) -> tuple[IntArray, IntArray]:
    """The rows of the first of all equal ones, and for every row which of those it equals."""
    numbers: dict[bytes, int] = {}
    first: list[int] = []
    of = np.empty(len(sequences), np.int64)
    for row in range(len(sequences)):
        data = sequences.data[sequences.offsets[row] : sequences.offsets[row + 1]].tobytes()
        if data not in numbers:
            numbers[data] = len(first)
            first.append(row)
        of[row] = numbers[data]
    return np.array(first, np.int64), of


def _guide(
    given: Sequences, first: IntArray, tree: Dendrogram | None, memory: float, progress: Progress
) -> Dendrogram | None:
    """A tree over the rows `first`, its leaves in their order."""
    if tree is not None and not np.array_equal(np.sort(tree.rows), np.arange(len(given))):
        raise MismatchError(f"a tree of {len(tree):,} leaves is not one over each of the {len(given):,} sequences")
    if len(first) == 1:
        return None
    if tree is not None:
        return tree.restricted(np.argsort(tree.rows)[first])
    require_memory(len(first), memory)
    some = given[first]
    return dendrogram(exact_distances(some, EditDistance(), progress), some.ids, first, overwrite=True)


def _aligned(
    some: Sequences,
    weights: DoubleArray,
    guide: Dendrogram | None,
    scheme: Scheme,
    consistency: bool | None,
    refine: int | None,
    progress: Progress,
) -> tuple[AnyArray, int]:
    texts = [sequence.data.astype(np.int16) for sequence in some]
    if guide is None:
        return texts[0][None], 0
    library = None
    if _consistent(some, consistency):
        library = library_of(texts, weights, EditDistance().matrix(some, some), scheme, progress)
    rows = progressive(texts, weights, guide, scheme, library, progress)
    del library
    rounds = next((rounds for most, rounds in _ROUNDS if len(some) <= most), 0) if refine is None else refine
    made, done = refined(rows, weights, guide.children, scheme, rounds, progress)
    return made[:, (made != GAP).any(axis=0)], done
