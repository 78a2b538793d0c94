"""Novelty: scores of how far a sequence is from everything stored, and p-values that say what a score means."""

from .conformal import KnownScores, benjamini_hochberg
from .options import METHODS, NoveltyOptions
from .results import NoveltyResults, Verdict

__all__ = ["METHODS", "KnownScores", "NoveltyOptions", "NoveltyResults", "Verdict", "benjamini_hochberg"]
