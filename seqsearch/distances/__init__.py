"""Exact distances: edit distance and dynamic time warping, nearest neighbours by proof, lower bounds. No torch."""

from typing import TYPE_CHECKING

from ..lazy import names_of
from .distance import DISTANCES, Aligner, Distance, Searcher, distance_named, register, usual_distance
from .neighbours import Neighbours, Pruning, recall_at
from .paths import AlignedPath
from .ranges import Ranges, range_search

if TYPE_CHECKING:
    from .dtw import DTWDistance
    from .dtw_infix import InfixDTW
    from .dtw_matching import MatchingDTW
    from .edit import EditDistance
    from .edit_paths import EditPath, path_between
    from .fuzzy import DamerauLevenshteinDistance, IndelDistance, JaroWinklerDistance, OSADistance, WeightedEditDistance
    from .hash_dtw import HashDTW, HashSequences
    from .infix import InfixDistance
    from .overlap import OverlapDistance
    from .own import CustomDistance
    from .points import CosineDistance, EuclideanDistance, InnerProductDistance, points_of
    from .substitution import AlignmentDistance
    from .truth import Truth

__getattr__ = names_of(
    __name__,
    {
        "dtw": ["DTWDistance"],
        "dtw_infix": ["InfixDTW"],
        "dtw_matching": ["MatchingDTW"],
        "edit": ["EditDistance"],
        "edit_paths": ["EditPath", "path_between"],
        "fuzzy": [
            "DamerauLevenshteinDistance",
            "IndelDistance",
            "JaroWinklerDistance",
            "OSADistance",
            "WeightedEditDistance",
        ],
        "hash_dtw": ["HashDTW", "HashSequences"],
        "infix": ["InfixDistance"],
        "overlap": ["OverlapDistance"],
        "own": ["CustomDistance"],
        "points": ["CosineDistance", "EuclideanDistance", "InnerProductDistance", "points_of"],
        "substitution": ["AlignmentDistance"],
        "truth": ["Truth"],
    },
)

DISTANCES.at_home(
    {
        "edit": f"{__name__}.edit:EditDistance",
        "dtw": f"{__name__}.dtw:DTWDistance",
        "dtw-matching": f"{__name__}.dtw_matching:MatchingDTW",
        "dtw-infix": f"{__name__}.dtw_infix:InfixDTW",
        "weighted-edit": f"{__name__}.fuzzy:WeightedEditDistance",
        "indel": f"{__name__}.fuzzy:IndelDistance",
        "osa": f"{__name__}.fuzzy:OSADistance",
        "damerau-levenshtein": f"{__name__}.fuzzy:DamerauLevenshteinDistance",
        "jaro-winkler": f"{__name__}.fuzzy:JaroWinklerDistance",
        "alignment": f"{__name__}.substitution:AlignmentDistance",
        "infix": f"{__name__}.infix:InfixDistance",
        "overlap": f"{__name__}.overlap:OverlapDistance",
        "euclidean": f"{__name__}.points:EuclideanDistance",
        "cosine": f"{__name__}.points:CosineDistance",
        "inner-product": f"{__name__}.points:InnerProductDistance",
    }
)

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
