"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from .distance import DISTANCES, Aligner, Distance, Searcher, distance_named, register, usual_distance
from .dtw import DTWDistance
from .dtw_infix import InfixDTW
from .dtw_matching import MatchingDTW
from .edit import EditDistance
from .edit_paths import EditPath, path_between
from .fuzzy import DamerauLevenshteinDistance, IndelDistance, JaroWinklerDistance, OSADistance, WeightedEditDistance
from .hash_dtw import HashDTW, HashSequences
from .infix import InfixDistance
from .neighbours import Neighbours, Pruning, recall_at
from .overlap import OverlapDistance
from .own import CustomDistance
from .paths import AlignedPath
from .points import CosineDistance, EuclideanDistance, InnerProductDistance, points_of
from .ranges import Ranges, range_search
from .substitution import AlignmentDistance
from .truth import Truth

for _distance in (
    EditDistance,
    DTWDistance,
    MatchingDTW,
    InfixDTW,
    WeightedEditDistance,
    IndelDistance,
    OSADistance,
    DamerauLevenshteinDistance,
    JaroWinklerDistance,
    AlignmentDistance,
    InfixDistance,
    OverlapDistance,
    EuclideanDistance,
    CosineDistance,
    InnerProductDistance,
):
    register(_distance)

__all__ = [
    "DISTANCES",
    "AlignedPath",
    "Aligner",
    "AlignmentDistance",
    "CosineDistance",
    "CustomDistance",
    "DTWDistance",
    "DamerauLevenshteinDistance",
    "Distance",
    "EditDistance",
    "EditPath",
    "EuclideanDistance",
    "HashDTW",
    "HashSequences",
    "IndelDistance",
    "InfixDTW",
    "InfixDistance",
    "InnerProductDistance",
    "JaroWinklerDistance",
    "MatchingDTW",
    "Neighbours",
    "OSADistance",
    "OverlapDistance",
    "Pruning",
    "Ranges",
    "Searcher",
    "Truth",
    "WeightedEditDistance",
    "distance_named",
    "path_between",
    "points_of",
    "range_search",
    "recall_at",
    "register",
    "usual_distance",
]
