"""Trees: agglomerative clustering, what a tree costs, and Newick text."""

from .cost import TreeCost, compare_trees
from .dendrogram import LINKAGES, Dendrogram, dendrogram, require_linkage
from .newick import Tree, parse_newick, read_newick
from .pairs import exact_distances, point_distances, require_memory, require_symmetric, square

__all__ = [
    "LINKAGES",
    "Dendrogram",
    "Tree",
    "TreeCost",
    "compare_trees",
    "dendrogram",
    "exact_distances",
    "parse_newick",
    "point_distances",
    "read_newick",
    "require_linkage",
    "require_memory",
    "require_symmetric",
    "square",
]
