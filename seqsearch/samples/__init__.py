"""Samples: communities of sequences by how often each was counted, as vectors whose distances are about the least cost
of turning one community into another."""

from .encoder import LEAVES, METHODS, SampleEncoder
from .ordination import Ordination, principal_coordinates
from .samples import SampleNeighbours, Samples
from .table import SampleTable
from .table_files import read_table
from .transport import Agreement, transport

__all__ = [
    "LEAVES",
    "METHODS",
    "Agreement",
    "Ordination",
    "SampleEncoder",
    "SampleNeighbours",
    "SampleTable",
    "Samples",
    "principal_coordinates",
    "read_table",
    "transport",
]
