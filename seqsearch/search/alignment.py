"""How a query and a target align: the path behind a verified edit distance, as CIGAR, identity or a drawing.

A path is one of the shortest (rapidfuzz's, always the same one); its edits are the distance. Identity is BLAST's
`pident`: columns with equal symbols over all columns, gaps at the ends included, for edit distance aligns end to end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Alphabet, Sequences
from .strands import reverse_complement
from .table import HitTable

_LETTERS = {"equal": "=", "replace": "X", "delete": "I", "insert": "D"}
_LINE = 60


@dataclass(frozen=True)
class EditPath:
    """Runs of columns, ("=", 12), ("X", 1), ("I", 2), ...: equal, different, and a gap in the target or the query."""

    runs: tuple[tuple[str, int], ...]

    @property
    def cigar(self) -> str:
        """As in SAM, with = and X: I is in the query only, D in the target only."""
        return "".join(f"{length}{letter}" for letter, length in self.runs)

    def count(self, letters: str) -> int:
        """Columns of these kinds."""
        return sum(length for letter, length in self.runs if letter in letters)

    @property
    def columns(self) -> int:
        return self.count("=XID")

    @property
    def edits(self) -> int:
        return self.count("XID")

    @property
    def gap_openings(self) -> int:
        return sum(letter in "ID" for letter, _ in self.runs)

    @property
    def identity(self) -> float:
        """Equal columns over all columns, from 0 to 1."""
        return self.count("=") / max(self.columns, 1)


def path_between(query: AnyArray, target: AnyArray) -> EditPath:
    """A shortest path between two code arrays."""
    from rapidfuzz.distance import Levenshtein

    operations = Levenshtein.opcodes(_comparable(query), _comparable(target))
    return EditPath(
        tuple(
            (_LETTERS[step.tag], max(step.src_end - step.src_start, step.dest_end - step.dest_start))
            for step in operations
        )
    )


def _comparable(codes: AnyArray) -> bytes | list[int]:
    return codes.tobytes() if codes.dtype == np.uint8 else codes.tolist()


def require_tokens(sequences: Sequences) -> Alphabet:
    """The alphabet. Raises ParameterError for series: they are warped, not edited."""
    if sequences.alphabet is None:
        raise ParameterError("identity and alignments are of sequences of symbols, not of series")
    return sequences.alphabet


class Alignments(Sequence[EditPath]):
    """The paths of the hits of a table, found when they are asked for.

    `queries`: those of the table; `targets`: stored sequences, a row is a position. Raises ParameterError for series.
    """

    def __init__(self, queries: Sequences, targets: Sequences, table: HitTable) -> None:
        self.alphabet = require_tokens(targets)
        self.table = table
        self._queries = queries
        self._minus = reverse_complement(queries) if table.minus.any() else queries
        self._targets = targets
        self._known: dict[int, EditPath] = {}

    def __len__(self) -> int:
        return len(self.table)

    def pair(self, hit: int) -> tuple[AnyArray, AnyArray]:
        """The codes that were compared: of the query, on the strand of the hit, and of the target."""
        asked = self._minus if self.table.minus[hit] else self._queries
        return _codes(asked, int(self.table.owners[hit])), _codes(self._targets, int(self.table.rows[hit]))

    def __getitem__(self, hit: int) -> EditPath:  # type: ignore[override]  # no slices: `keep` of the table is for that
        if not 0 <= hit < len(self):
            raise IndexError(hit)
        if hit not in self._known:
            self._known[hit] = path_between(*self.pair(hit))
        return self._known[hit]

    def at_least(self, identity: float) -> BoolArray:
        """(h,) which hits have that identity; a path is looked for only where lengths and distance leave it open."""
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
    def lengths(self) -> tuple[IntArray, IntArray]:
        """(h,) symbols of the query and of the target of each hit."""
        return self._queries.lengths[self.table.owners], self._targets.lengths_of(self.table.rows)

    def drawn(self, hit: int) -> str:
        """Blocks of three lines: the query, a bar where symbols are equal, the target, with positions from 1."""
        query, target = self.pair(hit)
        return "\n".join(_blocks(*_rows(self[hit], _symbols(query, self.alphabet), _symbols(target, self.alphabet))))


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


def _rows(path: EditPath, query: list[str], target: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Three rows of columns: query, marks, target, "" for a gap."""
    upper: list[str] = []
    marks: list[str] = []
    lower: list[str] = []
    i = j = 0
    for letter, length in path.runs:
        in_query, in_target = letter != "D", letter != "I"
        upper += query[i : i + length] if in_query else [""] * length
        lower += target[j : j + length] if in_target else [""] * length
        marks += ["|" if letter == "=" else " "] * length
        i, j = i + in_query * length, j + in_target * length
    return upper, marks, lower


def _blocks(upper: list[str], marks: list[str], lower: list[str]) -> Iterator[str]:
    """Lines of at most `_LINE` columns, each symbol as wide as the widest of its column."""
    spaced = any(len(symbol) > 1 for symbol in upper + lower)
    digits = len(str(max(len(upper), 1)))
    at = {"query": 0, "target": 0}
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
