"""How long something may take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_LEAST = 0.1  # seconds that are always left for a step that has to be taken


@dataclass(frozen=True)
class Deadline:
    """`seconds` from now on, None for as long as it takes."""

    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left, a little even when it has passed; 0 where there is no end."""
        if self.seconds is None:
            return 0.0
        return max(_LEAST, self.started + self.seconds - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether it has passed."""
        return self.seconds is not None and time.monotonic() >= self.started + self.seconds


NEVER = Deadline(None, 0.0)
