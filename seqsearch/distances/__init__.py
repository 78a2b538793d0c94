"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from .distance import DISTANCES, Distance, distance_named
from .dtw import DTWDistance, SeriesPruning
from .edit import EditDistance, normalised
from .edit_exact import EditNeighbours, Pruning
from .hash_dtw import HashDTW, HashSequences
from .matching import Match, MatchingDTW, confidence
from .matrix import matrix_file
from .neighbours import Neighbours, recall
from .proof import ExactSearch
from .ranges import Ranges, within_radius
from .truth import Truth

__all__ = [
    "DISTANCES",
    "DTWDistance",
    "Distance",
    "EditDistance",
    "EditNeighbours",
    "ExactSearch",
    "HashDTW",
    "HashSequences",
    "Match",
    "MatchingDTW",
    "Neighbours",
    "Pruning",
    "Ranges",
    "SeriesPruning",
    "Truth",
    "confidence",
    "distance_named",
    "matrix_file",
    "normalised",
    "recall",
    "within_radius",
]
