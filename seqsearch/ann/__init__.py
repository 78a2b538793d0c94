"""Candidate indexes: exact, HNSW and Hamming behind one interface. `make_index` builds one, `load_index` reads one,
`register` adds a kind."""

from .candidates import CandidateIndex, Candidates, FlatIndex
from .factory import CANDIDATE_INDEXES, auto_kind, load_index, make_index, parameters_for, register

__all__ = [
    "CANDIDATE_INDEXES",
    "CandidateIndex",
    "Candidates",
    "FlatIndex",
    "auto_kind",
    "load_index",
    "make_index",
    "parameters_for",
    "register",
]
