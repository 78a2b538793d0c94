"""Search: encode, propose, verify; the budget for a recall; the index as its users see it."""

from .calibration import Budget, Calibration
from .engine import Engine, SweepRow
from .index import SequenceIndex
from .options import BuildOptions
from .results import Hit, Hits, Results
from .verifying import Verified

__all__ = [
    "Budget",
    "BuildOptions",
    "Calibration",
    "Engine",
    "Hit",
    "Hits",
    "Results",
    "SequenceIndex",
    "SweepRow",
    "Verified",
]
