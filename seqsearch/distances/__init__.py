"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from .distance import DISTANCES, Distance, distance_named
from .dtw import DTWDistance, SeriesPruning
from .edit import EditDistance, normalised
from .edit_exact import EditNeighbours, Pruning
from .hash_dtw import HashDTW, HashSequences
from .matrix import matrix_file
from .neighbours import Neighbours, recall

__all__ = [
    "DISTANCES",
    "DTWDistance",
    "Distance",
    "EditDistance",
    "EditNeighbours",
    "HashDTW",
    "HashSequences",
    "Neighbours",
    "Pruning",
    "SeriesPruning",
    "distance_named",
    "matrix_file",
    "normalised",
    "recall",
]
