"""What happens to a record that is wrong: raised, or skipped and counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...arrays import AnyArray, BoolArray, ByteArray, IntArray
from ...errors import DuplicateIdError, EmptySequenceError, InputError, ParameterError, SeriesError, SymbolError
from ..strings import Strings

OnError = Literal["raise", "skip"]

_REASONS: list[tuple[type[InputError], str]] = [
    (SymbolError, "symbol outside the alphabet"),
    (SeriesError, "not a clean series"),
    (DuplicateIdError, "duplicate id"),
    (EmptySequenceError, "empty sequence"),
    (InputError, "malformed record"),
]
_EXAMPLES = 10


@dataclass
class ReadReport:
    """What a reader kept and skipped.

    `records`: all that were seen; `skipped`: reason -> how many; `examples`: the first few errors, with their place.
    """

    source: str = ""
    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    examples: list[InputError] = field(default_factory=list)

    @property
    def kept(self) -> int:
        return self.records - sum(self.skipped.values())

    def __str__(self) -> str:
        if not self.skipped:
            return f"{self.source}: {self.records} records"
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
        return f"{self.source}: skipped {self.records - self.kept} of {self.records} records: {reasons}"


class Intake:
    """The judge of one reading: it knows the policy, keeps the report and remembers the ids."""

    def __init__(self, source: str, on_error: OnError, report: ReadReport) -> None:
        if on_error not in ("raise", "skip"):
            raise ParameterError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
        self.source = source
        self.on_error = on_error
        self.report = report
        self.seen = SeenIds()
        report.source = source

    @property
    def wants_place(self) -> bool:
        """True when the next error will be shown, so that finding its line is worth the work."""
        return self.on_error == "raise" or len(self.report.examples) < _EXAMPLES

    def reject(self, error: InputError) -> None:
        """Raise `error`, or count it under its reason."""
        error.path = self.source
        if self.on_error == "raise":
            raise error
        reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
        self.report.skipped[reason] = self.report.skipped.get(reason, 0) + 1
        if len(self.report.examples) < _EXAMPLES:
            self.report.examples.append(error)

    def skip_unread(self, error: InputError) -> None:
        """`reject` a record that never reached a batch, which the report would not count otherwise."""
        self.reject(error)
        self.report.records += 1


class SeenIds:
    """Every id so far as a 64-bit hash, with the number of its record: 16 bytes an id.

    Simple tabulation hashing (Carter & Wegman 1979): two different ids collide with probability 2**-64, so among a
    million ids a false duplicate has odds of 3 in 10**8. Sorted blocks are merged in pairs of similar size, which
    makes a lookup O(log^2 n) and the whole O(n log n).
    """

    def __init__(self) -> None:
        self._random = np.random.default_rng(0x5EED1D5)
        self._table = self._random.integers(0, 2**64, (32, 256), np.uint64)
        self._blocks: list[tuple[AnyArray, IntArray]] = []

    def first_uses(self, ids: Strings, numbers: IntArray) -> IntArray:
        """(n,) the number of the record that used each id before, 0 where it is new; remembers the new ones.

        `numbers`: (n,) ascending, from 1.
        """
        hashes = self._hashes(ids)
        order = np.argsort(hashes, kind="stable")
        hashes, numbers_sorted = hashes[order], numbers[order]
        fresh = np.ones(len(hashes), np.bool_)
        fresh[1:] = hashes[1:] != hashes[:-1]
        run = np.cumsum(fresh) - 1
        earlier = numbers_sorted[fresh][run]
        earlier[fresh] = 0
        for block, block_numbers in self._blocks:
            at = np.minimum(np.searchsorted(block, hashes), len(block) - 1)
            found = block[at] == hashes
            earlier[found] = block_numbers[at[found]]
        new = earlier == 0
        self._remember(hashes[new], numbers_sorted[new])
        result = np.zeros(len(hashes), np.int64)
        result[order] = earlier
        return result

    def _remember(self, hashes: AnyArray, numbers: IntArray) -> None:
        if not len(hashes):
            return
        self._blocks.append((hashes, numbers))
        while len(self._blocks) > 1 and len(self._blocks[-2][0]) < 2 * len(self._blocks[-1][0]):
            (a, a_numbers), (b, b_numbers) = self._blocks.pop(), self._blocks.pop()
            joined = np.concatenate([a, b])
            order = np.argsort(joined, kind="stable")
            self._blocks.append((joined[order], np.concatenate([a_numbers, b_numbers])[order]))

    def _hashes(self, ids: Strings) -> AnyArray:
        """(n,) uint64; a byte is looked up by its position, so the table grows with the longest id."""
        lengths = np.diff(ids.offsets)
        longest = int(lengths.max(initial=0))
        while longest >= len(self._table):
            self._table = np.concatenate([self._table, self._random.integers(0, 2**64, self._table.shape, np.uint64)])
        starts = ids.offsets[:-1] - ids.offsets[0]
        data: ByteArray = ids.data[ids.offsets[0] : ids.offsets[-1]]
        position = np.arange(len(data)) - np.repeat(starts, lengths) + 1
        hashes: AnyArray = self._table[0][np.minimum(lengths, 255)]
        filled: BoolArray = lengths > 0
        if filled.any():
            hashes[filled] ^= np.bitwise_xor.reduceat(self._table[position, data], starts[filled])
        return hashes
