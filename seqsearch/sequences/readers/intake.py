"""What happens to a record that is wrong: raised, or skipped and counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ...arrays import IntArray
from ...errors import DuplicateIdError, EmptySequenceError, InputError, ParameterError, SeriesError, SymbolError
from ..ids import IdIndex
from ..strings import Strings

OnError = Literal["raise", "skip"]
DuplicateIds = Literal["error", "rename", "skip"]

_REASONS: list[tuple[type[InputError], str]] = [
    (SymbolError, "symbol outside the alphabet"),
    (SeriesError, "not a clean series"),
    (DuplicateIdError, "duplicate id"),
    (EmptySequenceError, "empty sequence"),
    (InputError, "malformed record"),
]
_EXAMPLES = 10
_REPEATED = ": with duplicate_ids (--duplicate-ids) 'rename' it gets a number, with 'skip' it is left out"


@dataclass
class ReadReport:
    """What a reader kept and skipped.

    `records`: all that were seen; `skipped`: reason -> how many; `examples`: the first few errors, with their place;
    `renamed`: those whose ids were used before and got a number; `unlabelled`: those that nothing gave a label, where
    labels were asked for. `ids` and `before`, of several files read as one (`following`): the ids there were, and how
    many records came before this file.
    """

    source: str = ""
    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    examples: list[InputError] = field(default_factory=list)
    renamed: int = 0
    unlabelled: int = 0
    ids: IdIndex = field(default_factory=IdIndex, repr=False)
    before: int = 0

    def following(self) -> ReadReport:
        """That of the next of several files which are read as one: ids must differ over all of them."""
        return ReadReport(ids=self.ids, before=self.before + self.records)

    @property
    def kept(self) -> int:
        return self.records - sum(self.skipped.values())

    def __str__(self) -> str:
        said = [f"{self.records} records"]
        if self.skipped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.skipped.items()))
            said = [f"skipped {self.records - self.kept} of {self.records} records: {reasons}"]
        if self.renamed:
            said.append(f"{self.renamed} whose ids were used before have a number behind them now")
        if self.unlabelled:
            said.append(f"{self.unlabelled} without a label")
        return f"{self.source}: {'; '.join(said)}"

    @property
    def notable(self) -> bool:
        """Whether there is something to say about the reading."""
        return bool(self.skipped or self.renamed or self.unlabelled)


class Intake:
    """The judge of one reading: it knows the policy, keeps the report and remembers the ids, which may be known to be
    `distinct`."""

    def __init__(
        self,
        source: str,
        on_error: OnError,
        report: ReadReport,
        duplicate_ids: DuplicateIds = "error",
        *,
        distinct: bool = False,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise ParameterError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
        if duplicate_ids not in ("error", "rename", "skip"):
            raise ParameterError(f"duplicate_ids must be 'error', 'rename' or 'skip', not {duplicate_ids!r}")
        self.source = source
        self.on_error = on_error
        self.report = report
        self.duplicate_ids = duplicate_ids
        self.distinct = distinct
        self._copies: dict[str, int] = {}
        report.source = source

    @property
    def wants_place(self) -> bool:
        """True when the next error will be shown, so that finding its line is worth the work."""
        return self.on_error == "raise" or len(self.report.examples) < _EXAMPLES

    def reject(self, error: InputError) -> None:
        """Raise `error`, or count it under its reason."""
        error.path = self.source
        skips = self.on_error == "skip" or (isinstance(error, DuplicateIdError) and self.duplicate_ids == "skip")
        if not skips:
            raise error
        reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
        self.report.skipped[reason] = self.report.skipped.get(reason, 0) + 1
        if len(self.report.examples) < _EXAMPLES:
            self.report.examples.append(error)

    def earlier_uses(self, ids: Strings, numbers: IntArray) -> IntArray:
        """(n,) which record of all files used each id before, 0 where it is new, and used from now on."""
        return self.report.ids.first_uses(ids, numbers + self.report.before)

    def told_of(self, record_id: str, earlier: int) -> str:
        """What is wrong with an id that the record `earlier` of all files has."""
        before = self.report.before
        where = f"by record {earlier - before}" if earlier > before else "in an earlier file"
        problem = f"the id {record_id!r} was used before, {where}"
        return problem if self.on_error == "skip" else problem + _REPEATED

    def renamed(self, record_id: str, number: int) -> str:
        """A new id for a record whose id was used before: the first of ID_2, ID_3, ... that is free."""
        while True:
            copies = self._copies[record_id] = self._copies.get(record_id, 1) + 1
            name = f"{record_id}_{copies}"
            if not self.earlier_uses(Strings.of([name]), np.array([number]))[0]:
                self.report.renamed += 1
                return name

    def skip_unread(self, error: InputError) -> None:
        """`reject` a record that never reached a batch, which the report would not count otherwise."""
        self.reject(error)
        self.report.records += 1
