"""`NoveltyScorer`: is it new, as an outlier detector of scikit-learn."""

from __future__ import annotations

from typing import Self

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..distances import Distance
from ..encoders.own import Embedding
from ..errors import StrPath
from ..search.novelty import KnownScores
from ..search.novelty.options import EXACT, NoveltyFields, NoveltyOptions
from ..search.options import BuildFields
from ..sequences import SequencesLike
from .base import IndexEstimator
from .scikit import OutlierMixin


class NoveltyScorer(OutlierMixin, IndexEstimator):
    """An outlier detector over sequences: `fit` on known ones, then `predict` 1 for known and -1 for novel.

    `method`, `by`, `k`, `fpr`, `sample`, `seed`: as in `NoveltyOptions`; `fpr` is the share of known sequences that
    are called novel. `distance`, `encoder`, `path`, `build`: the index that is made, as of `SequenceNeighbors`;
    `alphabet`: of strings, by name, None guesses. As in scikit-learn scores are the higher the more normal,
    `decision_function` is `score_samples` minus `offset_`, and negative values are novel. Ties count against novelty.

    >>> import seqsearch as ss
    >>> known = [f"{first} {last}" for first in ("anna", "otto", "emil") for last in ("meyer", "mayer", "schulz")]
    >>> ss.NoveltyScorer(fpr=0.2, encoder="kmer").fit(known).predict(["anna meier", "1234567890-1234567890"])
    array([ 1, -1])
    """

    def __init__(
        self,
        method: str = "nearest",
        *,
        by: str | None = None,
        k: int | None = None,
        fpr: float = 0.01,
        sample: int = 20_000,
        seed: int = 0,
        distance: str | Distance = "auto",
        encoder: str | Embedding = "auto",
        alphabet: str | None = None,
        path: StrPath | None = None,
        build: BuildFields | None = None,
        progress: bool = False,
    ) -> None:
        self.method = method
        self.by = by
        self.k = k
        self.fpr = fpr
        self.sample = sample
        self.seed = seed
        self.distance = distance
        self.encoder = encoder
        self.alphabet = alphabet
        self.path = path
        self.build = build
        self.progress = progress

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Index the known sequences `X` and score each as if it were not among them.

        `X`: what `as_sequences` takes: strings, a column of a data frame, arrays of series; `y` is ignored. Sets
        `index_`, `known_scores_` and `offset_`.
        Raises ParameterError, IndexExistsError for a `path` that is taken, and what reading the sequences raises.
        """
        options = NoveltyOptions.of(self._options())
        self._index_of(self._known(X), learns=options.source != EXACT)
        self.known_scores_: KnownScores = self.index_.known_scores(**self._options(), progress=self.progress)
        self.offset_ = -self.known_scores_.threshold(self.fpr)
        return self

    def score_samples(self, X: SequencesLike) -> DoubleArray:
        """(n,) minus the novelty scores, in the units of the distance: the higher, the more like what is known.

        Raises UnfittedError, MismatchError for another kind of sequences.
        """
        asked = self._asked(X)
        return -self.index_.novelty(asked, **self._options(), progress=self.progress).scores

    def decision_function(self, X: SequencesLike) -> DoubleArray:
        """(n,) `score_samples` minus `offset_`: negative for what is novel. Raises as `score_samples`."""
        scores = self.score_samples(X)
        if np.isinf(self.offset_):
            return np.full(len(scores), np.sign(-self.offset_))
        return scores - self.offset_

    def predict(self, X: SequencesLike) -> IntArray:
        """(n,) -1 for novel sequences, 1 for known ones. Raises as `score_samples`."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: SequencesLike, y: object = None) -> IntArray:
        """(n,) `fit`, and for each of the same sequences whether it is novel (-1) among the others, or not (1).

        Raises as `fit`.
        """
        self.fit(X)
        return np.where(self.index_.member_scores(**self._options()) > -self.offset_, -1, 1)

    def p_values(self, X: SequencesLike) -> DoubleArray:
        """(n,) conformal p-values: the share of known sequences that score as high. Raises as `score_samples`."""
        asked = self._asked(X)
        return self.index_.novelty(asked, **self._options(), progress=self.progress).p_values

    def _options(self) -> NoveltyFields:
        return {
            "method": self.method,
            "by": self.by,
            "k": self.k,
            "fpr": self.fpr,
            "sample": self.sample,
            "seed": self.seed,
            "ties": "conservative",
        }
