"""Candidate indexes: exact, HNSW and Hamming behind one protocol. `make_index` builds one, `load_index` reads one."""

from .candidates import CandidateIndex, Candidates, WithinRadius
from .factory import load_index, make_index

__all__ = ["CandidateIndex", "Candidates", "WithinRadius", "load_index", "make_index"]
