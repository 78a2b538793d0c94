"""`NoveltyScorer`: novelty detection with the habits of scikit-learn's estimators, without needing scikit-learn."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...arrays import JSON, DoubleArray, IntArray
from ...distances import Distance
from ...errors import ParameterError
from ...sequences import Sequences, SequencesLike, alphabet_named
from ...sequences.coercion import taken
from .options import NoveltyOptions

if TYPE_CHECKING:
    from ..index import SequenceIndex


class NoveltyScorer:
    """An outlier detector over sequences: `fit` on known ones, then `predict` 1 for known and -1 for novel.

    `method`, `by`, `k`, `fpr`, `sample`, `seed`: as in `NoveltyOptions`; `fpr` is the share of known sequences that
    are called novel. `distance`, `encoder`, `build`: the index that is made, as in `BuildOptions`; `alphabet`: by name,
    of sequences that come as strings. As in scikit-learn scores are the higher the more normal, `decision_function` is
    `score_samples` minus `offset_`, and negative values are novel. Ties count against novelty.

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
        distance: str | Distance = "edit",
        encoder: str = "auto",
        alphabet: str = "text",
        build: JSON | None = None,
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
        self.build = build

    def get_params(self, deep: bool = True) -> JSON:
        """The arguments it was made with, by name."""
        return {name: getattr(self, name) for name in _parameters()}

    def set_params(self, **parameters: Any) -> Self:
        """Change arguments by name. Raises ParameterError for one there is not."""
        for name, value in parameters.items():
            if name not in _parameters():
                raise ParameterError(f"no parameter {name!r}: there are {', '.join(_parameters())}")
            setattr(self, name, value)
        return self

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Index the known sequences `X` and score each as if it were not among them.

        `X`: what `as_sequences` takes: strings, a column of a data frame, arrays of series; `y` is ignored. Sets
        `index_`, `known_scores_` and `offset_`.
        Raises ParameterError, and what reading the sequences raises.
        """
        from ..index import SequenceIndex

        options = self._options()
        folder = tempfile.mkdtemp(prefix="seqsearch-novelty-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        built = {"distance": self.distance, "encoder": self.encoder, "seed": self.seed, **(self.build or {})}
        self.index_: SequenceIndex = SequenceIndex.build(Path(folder) / "index.ss", self._known(X), **built)
        self.known_scores_ = self.index_.known_scores(**options)
        self.offset_ = -self.known_scores_.threshold(self.fpr)
        return self

    def score_samples(self, X: SequencesLike) -> DoubleArray:
        """(n,) minus the novelty scores: the higher, the more like what is known."""
        return -self._fitted().novelty(self._asked(X), **self._options()).scores

    def decision_function(self, X: SequencesLike) -> DoubleArray:
        """(n,) `score_samples` minus `offset_`: negative for what is novel."""
        scores = self.score_samples(X)
        with np.errstate(invalid="ignore"):
            return np.where(
                np.isinf(self.offset_), np.sign(-self.offset_) * np.ones(len(scores)), scores - self.offset_
            )

    def predict(self, X: SequencesLike) -> IntArray:
        """(n,) -1 for novel sequences, 1 for known ones."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def fit_predict(self, X: SequencesLike, y: object = None) -> IntArray:
        """`fit`, and for each of the same sequences whether it is novel (-1) among the others."""
        self.fit(X)
        return np.where(self.index_.member_scores(**self._options()) > -self.offset_, -1, 1)

    def p_values(self, X: SequencesLike) -> DoubleArray:
        """(n,) conformal p-values: the share of known sequences that score as high."""
        return self._fitted().novelty(self._asked(X), **self._options()).p_values

    def _options(self) -> JSON:
        names = ("method", "by", "k", "fpr", "sample", "seed")
        options = {name: getattr(self, name) for name in names} | {"ties": "conservative"}
        NoveltyOptions.of(options)
        return options

    def _fitted(self) -> SequenceIndex:
        if not hasattr(self, "index_"):
            raise ParameterError("this NoveltyScorer has not been fitted: call fit first")
        return self.index_

    def _known(self, X: SequencesLike) -> Sequences:
        """`X` to be fitted: strings of `alphabet`, or series."""
        return taken(X, "X", letters=alphabet_named(self.alphabet)).sequences

    def _asked(self, X: SequencesLike) -> Sequences:
        """`X` of the kind that was fitted."""
        return taken(X, "X", like=self._fitted().get([])).sequences

    def __repr__(self) -> str:
        defaults = {name: p.default for name, p in _parameters().items()}
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name]]
        return f"NoveltyScorer({', '.join(changed)})"


def _parameters() -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(NoveltyScorer.__init__).parameters)
    parameters.pop("self")
    return parameters
