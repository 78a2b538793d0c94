"""Search: encode, propose, verify; the budget for a recall; the index as its users see it."""

from .alignment import Alignments, Path
from .calibration import Budget, Calibration
from .classifying import NeighbourClassifier, Votes
from .engine import Engine, SweepRow
from .index import SequenceIndex
from .options import BuildOptions
from .results import Answers, Hit, Hits, RangeResults, Results
from .table import HitTable
from .verifying import Verified

__all__ = [
    "Alignments",
    "Answers",
    "Budget",
    "BuildOptions",
    "Calibration",
    "Engine",
    "Hit",
    "HitTable",
    "Hits",
    "NeighbourClassifier",
    "Path",
    "RangeResults",
    "Results",
    "SequenceIndex",
    "SweepRow",
    "Verified",
    "Votes",
]
