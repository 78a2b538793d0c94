"""Indexes of series of two kinds: an encoder a side, and three stages (embeddings, DTW of hashes, exact DTW)."""

from .building import PairOptions, build_pairs, reindexed
from .converting import convert_matcher

__all__ = ["PairOptions", "build_pairs", "convert_matcher", "reindexed"]
