"""How long a run lasts, how fast it learns and how often it is judged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """`steps`: batches at most; `check`: steps from one validation step to the next; `patience`: validation steps
    without progress before the run stops; `seconds`: time at most, 0 for no limit, by `clock`, "wall", or "cpu" for the
    processor time of all threads, which other programs do not eat into.

    `rate`: peak learning rate; `decay`: weight decay of AdamW; `average`: decay of the moving average of weights that
    is judged and kept; `clip`: norm at which gradients are cut, 0 for none.
    """

    steps: int
    check: int
    patience: int
    rate: float
    average: float
    decay: float = 0.0
    clip: float = 0.0
    seconds: float = 0.0
    clock: str = "wall"

    def rate_at(self, step: int, spent: float) -> float:
        """The learning rate of a step, with a share `spent` of the time: a short rise, then a cosine down to zero."""
        at, warm = max(step, int(spent * self.steps)), max(1, 3 * self.steps // 100)
        if at < warm:
            return self.rate * (at + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, (at - warm) / max(1, self.steps - warm))))

    def timer(self) -> Callable[[], float]:
        """What tells the share of the time that is spent from now on; 0 without a limit."""
        clock = time.process_time if self.clock == "cpu" else time.monotonic
        started = clock()
        return lambda: (clock() - started) / self.seconds if self.seconds else 0.0

    def averaging(self, step: int) -> float:
        """The share of the averaged weights that stays at a step; the first steps are forgotten soon."""
        return min(self.average, (1 + step) / (10 + step))
