"""Search: encode, propose, verify; the budget for a recall; the index as its users see it."""

from typing import TYPE_CHECKING

from ..lazy import names_of

if TYPE_CHECKING:
    from ..distances.edit_paths import EditPath
    from .alignment import Alignments
    from .budget import Budget
    from .calibration import Calibration
    from .classifying import NeighbourClassifier, Votes
    from .dedup import Duplicates, duplicates
    from .index import SequenceIndex
    from .novelty import KnownScores, NoveltyResults, Verdict, benjamini_hochberg
    from .options import BuildOptions
    from .references import References
    from .results import Answers, Hit, Hits, RangeResults, Results
    from .state import State
    from .sweep import SweepRow
    from .table import HitTable
    from .verification import VerificationReport

__getattr__ = names_of(
    __name__,
    {
        ".distances.edit_paths": ["EditPath"],
        "alignment": ["Alignments"],
        "budget": ["Budget"],
        "calibration": ["Calibration"],
        "classifying": ["NeighbourClassifier", "Votes"],
        "dedup": ["Duplicates", "duplicates"],
        "index": ["SequenceIndex"],
        "novelty": ["KnownScores", "NoveltyResults", "Verdict", "benjamini_hochberg"],
        "options": ["BuildOptions"],
        "references": ["References"],
        "results": ["Answers", "Hit", "Hits", "RangeResults", "Results"],
        "state": ["State"],
        "sweep": ["SweepRow"],
        "table": ["HitTable"],
        "verification": ["VerificationReport"],
    },
)

__all__ = [
    "Alignments",
    "Answers",
    "Budget",
    "BuildOptions",
    "Calibration",
    "Duplicates",
    "EditPath",
    "Hit",
    "HitTable",
    "Hits",
    "KnownScores",
    "NeighbourClassifier",
    "NoveltyResults",
    "RangeResults",
    "References",
    "Results",
    "SequenceIndex",
    "State",
    "SweepRow",
    "Verdict",
    "VerificationReport",
    "Votes",
    "benjamini_hochberg",
    "duplicates",
]
