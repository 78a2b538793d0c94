"""How a query and a target align: the path behind a verified edit distance, as CIGAR, identity or a drawing.

A path is one of the shortest (rapidfuzz's, always the same one); its edits are the distance. Identity is BLAST's
`pident`: columns with equal symbols over all columns, gaps at the ends included, for edit distance aligns end to end.
A distance that scores alignments shows its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import AlignedPath, Aligner, path_between
from ..errors import ParameterError
from ..sequences import Alphabet, Sequences
from .strands import reverse_complement
from .table import HitTable

_LINE = 60


def require_tokens(sequences: Sequences) -> Alphabet:
    """The alphabet. Raises ParameterError for series: they are warped, not edited."""
    if sequences.alphabet is None:
        raise ParameterError("identity and alignments are of sequences of symbols, not of series")
    return sequences.alphabet


class Alignments(Sequence[AlignedPath]):
    """The paths of the hits of a table, found when they are asked for.

    `queries`: those of the table; `targets`: stored sequences, a row is a position; `aligner`: of a distance that is
    not one of edits. Raises ParameterError for series.
    """

    def __init__(self, queries: Sequences, targets: Sequences, table: HitTable, aligner: Aligner | None = None) -> None:
        self.alphabet = require_tokens(targets)
        self.table = table
        self.aligner = aligner
        self._queries = queries
        self._minus = reverse_complement(queries) if table.minus.any() else queries
        self._targets = targets
        self._known: dict[int, AlignedPath] = {}

    def __len__(self) -> int:
        return len(self.table)

    def pair(self, hit: int) -> tuple[AnyArray, AnyArray]:
        """The codes that were compared: of the query, on the strand of the hit, and of the target."""
        asked = self._minus if self.table.minus[hit] else self._queries
        return _codes(asked, int(self.table.owners[hit])), _codes(self._targets, int(self.table.rows[hit]))

    def __getitem__(self, hit: int) -> AlignedPath:  # type: ignore[override]  # `keep` of the table is for slices
        if not 0 <= hit < len(self):
            raise IndexError(hit)
        if hit not in self._known:
            self._known[hit] = self._found(hit)
        return self._known[hit]

    def _found(self, hit: int) -> AlignedPath:
        if self.aligner is None:
            return path_between(*self.pair(hit))
        asked = self._minus if self.table.minus[hit] else self._queries
        return self.aligner.align(asked[int(self.table.owners[hit])], self._targets[int(self.table.rows[hit])])

    @property
    def scores(self) -> IntArray:
        """(h,) scores of the paths. Raises ParameterError for edits, which have none."""
        if self.aligner is None:
            raise ParameterError("a score is of alignments under a substitution matrix: --distance alignment")
        found = [path.score for path in self]
        if None in found:
            raise ParameterError("edits have no score: --distance alignment and overlap have one")
        return np.array(found, np.int64)

    @property
    def statistics(self) -> tuple[DoubleArray, DoubleArray] | None:
        """(h,) E-values of the scores among all targets, and (h,) bit scores; None where none are known."""
        if self.aligner is None or self.aligner.bit_scores(np.zeros(0)) is None:
            return None
        scores, total = self.scores, int(self._targets.lengths.sum())
        values = self.aligner.e_values(scores, self.lengths[0], total)
        bits = self.aligner.bit_scores(scores)
        return None if values is None or bits is None else (values, bits)

    def at_least(self, identity: float) -> BoolArray:
        """(h,) which hits have that identity; a path of edits is looked for only where lengths and distance leave it
        open.
        """
        if self.aligner is not None:
            return np.array([path.identity >= identity for path in self], np.bool_)
        m, n = self.lengths
        d = self.table.distances
        longest = np.maximum(m, n)
        sure = (longest - d) / longest >= identity
        most_columns = longest + np.floor((d - np.abs(m - n)) / 2)
        kept: BoolArray = sure.copy()
        for hit in np.flatnonzero(~sure & ((most_columns - d) / most_columns >= identity)).tolist():
            kept[hit] = self[hit].identity >= identity
        return kept

    @property
    def coverages(self) -> DoubleArray:
        """(h,) the share of the letters of the shorter sequence that each path takes in."""
        m, n = self.lengths
        return np.array(
            [path.coverage(x, y) for path, x, y in zip(self, m.tolist(), n.tolist(), strict=True)], np.float64
        )

    @property
    def lengths(self) -> tuple[IntArray, IntArray]:
        """(h,) symbols of the query and of the target of each hit."""
        return self._queries.lengths[self.table.owners], self._targets.lengths_of(self.table.rows)

    def rows(self, hit: int) -> tuple[list[str], list[str], list[str]]:
        """Three rows of columns: symbols of the query, "|" where they are equal, symbols of the target; "" is a gap."""
        query, target = self.pair(hit)
        return _rows(self[hit], _symbols(query, self.alphabet), _symbols(target, self.alphabet))

    def drawn(self, hit: int) -> str:
        """Blocks of three lines: the query, a bar where symbols are equal, the target, with positions from 1."""
        return "\n".join(_blocks(*self.rows(hit), self[hit].before))


def radius_of_identity(lengths: IntArray, identity: float) -> DoubleArray:
    """(Q,) the largest distance at which a hit of queries of these lengths can have that identity.

    matches <= m, and identity = matches / (matches + d), so d <= m (1 - identity) / identity.
    """
    if not 0 < identity <= 1:
        raise ParameterError(f"identity must be above 0 and at most 1, not {identity}")
    return np.asarray(np.floor(lengths * (1 - identity) / identity + 1e-9))


def _codes(sequences: Sequences, row: int) -> AnyArray:
    return sequences[row].data


def _symbols(codes: AnyArray, alphabet: Alphabet) -> list[str]:
    """One string a symbol: a letter, or a number of an integer token."""
    return alphabet.decode(codes).split() if alphabet.name == "integers" else list(alphabet.decode(codes))


def _rows(path: AlignedPath, query: list[str], target: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Three rows of columns: query, marks, target, "" for a gap."""
    upper: list[str] = []
    marks: list[str] = []
    lower: list[str] = []
    i, j = path.before
    for letter, length in path.runs:
        in_query, in_target = letter != "D", letter != "I"
        upper += query[i : i + length] if in_query else [""] * length
        lower += target[j : j + length] if in_target else [""] * length
        marks += ["|" if letter == "=" else " "] * length
        i, j = i + in_query * length, j + in_target * length
    return upper, marks, lower


def _blocks(upper: list[str], marks: list[str], lower: list[str], before: tuple[int, int]) -> Iterator[str]:
    """Lines of at most `_LINE` columns, each symbol as wide as the widest of its column; `before`: symbols of the query
    and the target that come before the first.
    """
    spaced = any(len(symbol) > 1 for symbol in upper + lower)
    digits = len(str(max(len(upper) + max(before), 1)))
    at = dict(zip(("query", "target"), before, strict=True))
    for start in range(0, len(marks), _LINE):
        cut = slice(start, start + _LINE)
        widths = [max(1, len(a), len(b)) for a, b in zip(upper[cut], lower[cut], strict=True)]
        for name, symbols in (("query", upper[cut]), ("", marks[cut]), ("target", lower[cut])):
            gap = "-" if name else " "
            text = (" " * spaced).join((s or gap).rjust(w) for s, w in zip(symbols, widths, strict=True))
            if not name:
                yield f"{'':<6} {'':>{digits}} {text}".rstrip()
                continue
            used = sum(s != "" for s in symbols)
            first = at[name] + (used > 0)
            at[name] += used
            yield f"{name:<6} {first:>{digits}} {text} {at[name]}"
        if start + _LINE < len(marks):
            yield ""
