"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from .distance import DISTANCES, Distance, distance_named
from .edit import EditDistance
from .neighbours import Neighbours, recall

__all__ = [
    "DISTANCES",
    "Distance",
    "EditDistance",
    "Neighbours",
    "distance_named",
    "recall",
]
