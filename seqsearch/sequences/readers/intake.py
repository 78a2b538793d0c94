"""What happens to a record that is wrong: raised, or skipped and counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...errors import DuplicateIdError, EmptySequenceError, InputError, ParameterError, SeriesError, SymbolError
from ..ids import IdIndex

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
        self.seen = IdIndex()
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
