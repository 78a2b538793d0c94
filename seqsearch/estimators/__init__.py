"""Estimators of scikit-learn over sequences: neighbours, points, classes, novelty. Needs the extra `sklearn`.

What they take as `X` is what `as_sequences` takes: strings, a column or frame of data, arrays of series. They are
cloned, cross-validated, searched over and put into pipelines like any other; pickled, and dumped by joblib, they carry
what they learned, or, built at a `path` of yours, that path.
"""

from .classifier import SequenceClassifier
from .embedder import SequenceEmbedder
from .neighbors import SequenceNeighbors
from .novelty import NoveltyScorer

__all__ = ["NoveltyScorer", "SequenceClassifier", "SequenceEmbedder", "SequenceNeighbors"]
