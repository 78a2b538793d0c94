"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from .distance import DISTANCES, Distance, Searcher, distance_named, register, usual_distance
from .dtw import DTWDistance
from .dtw_matching import MatchingDTW
from .edit import EditDistance
from .hash_dtw import HashDTW, HashSequences
from .neighbours import Neighbours, Pruning, recall_at
from .ranges import Ranges, range_search
from .truth import Truth

for _distance in (EditDistance, DTWDistance, MatchingDTW):
    register(_distance)

__all__ = [
    "DISTANCES",
    "DTWDistance",
    "Distance",
    "EditDistance",
    "HashDTW",
    "HashSequences",
    "MatchingDTW",
    "Neighbours",
    "Pruning",
    "Ranges",
    "Searcher",
    "Truth",
    "distance_named",
    "range_search",
    "recall_at",
    "register",
    "usual_distance",
]
