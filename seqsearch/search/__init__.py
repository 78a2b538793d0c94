"""Search: encode, propose, verify; the budget for a recall; the index as its users see it."""

from .alignment import Alignments, Path
from .calibration import Budget, Calibration
from .classifying import NeighbourClassifier, Votes
from .dedup import Duplicates, duplicates
from .engine import Engine, SweepRow
from .index import SequenceIndex
from .novelty import KnownScores, NoveltyResults, Verdict, benjamini_hochberg
from .novelty.scorer import NoveltyScorer
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
    "Duplicates",
    "Engine",
    "Hit",
    "HitTable",
    "Hits",
    "KnownScores",
    "NeighbourClassifier",
    "NoveltyResults",
    "NoveltyScorer",
    "Path",
    "RangeResults",
    "Results",
    "SequenceIndex",
    "SweepRow",
    "Verdict",
    "Verified",
    "Votes",
    "benjamini_hochberg",
    "duplicates",
]
