"""`SequenceClassifier`: classes by the nearest sequences, or by a network that learned them."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from .. import extras
from ..arrays import DoubleArray, IntArray
from ..distances import Distance
from ..encoders.labelling import classify
from ..encoders.model import Model
from ..encoders.own import Embedding
from ..errors import MismatchError, ParameterError, StrPath
from ..search.classifying import NeighbourClassifier
from ..search.options import BuildFields
from ..sequences import Sequences, SequencesLike
from ..sequences.strings import Strings
from .base import IndexEstimator, relabelled
from .scikit import ClassifierMixin, class_column

NEIGHBOURS, NETWORK = "neighbours", "network"


class SequenceClassifier(ClassifierMixin, IndexEstimator):
    """A classifier of sequences.

    `method`: "neighbours", votes of the `n_neighbors` nearest by exact distance, which count the more the nearer they
    are (`weights`: "distance", or "uniform"; of equal votes the nearest neighbour's class wins); or "network", an
    encoder (`encoder`: a family that learns; "auto": a CNN) that learns the classes in up to `epochs` passes, read word
    by word with `unit` "words", its probabilities calibrated on a tenth of `X`.
    `exact`, `recall`, `distance`, `encoder`, `path`, `build`: of "neighbours", as of `SequenceNeighbors`; `alphabet`:
    of strings, by name, None guesses.

    >>> import seqsearch as ss
    >>> names = ["anna", "anne", "hanna", "otto", "otti", "lotto"]
    >>> classifier = ss.SequenceClassifier(n_neighbors=3).fit(names, ["a", "a", "a", "o", "o", "o"])
    >>> classifier.predict(["johanna", "ott"])
    array(['a', 'o'], dtype='<U1')
    >>> classifier.predict_proba(["ott"])
    array([[0., 1.]])
    """

    classes_: npt.NDArray[Any]

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        method: Literal["neighbours", "network"] = "neighbours",
        weights: Literal["distance", "uniform"] = "distance",
        exact: bool | None = None,
        recall: float | None = None,
        distance: str | Distance = "auto",
        encoder: str | Embedding = "auto",
        epochs: float = 20.0,
        unit: Literal["symbols", "words"] = "symbols",
        alphabet: str | None = None,
        path: StrPath | None = None,
        build: BuildFields | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.method = method
        self.weights = weights
        self.exact = exact
        self.recall = recall
        self.distance = distance
        self.encoder = encoder
        self.epochs = epochs
        self.unit = unit
        self.alphabet = alphabet
        self.path = path
        self.build = build
        self.seed = seed
        self.progress = progress

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Learn the classes `y`, (n,) of any type, of `X`: what `as_sequences` takes. Without `y` labels that came with
        the sequences. Sets `classes_`, (K,) sorted, and `index_` or `model_`.

        Raises ParameterError, MismatchError for as many classes as there are not sequences, and what reading raises.
        """
        if self.method not in (NEIGHBOURS, NETWORK):
            raise ParameterError(f"method is {NEIGHBOURS!r} or {NETWORK!r}, not {self.method!r}")
        sequences = self._known(X)
        names = self._class_names(y, sequences)
        if len(names) != len(sequences):
            raise MismatchError(f"y has {len(names)} classes for {len(sequences)} sequences of X")
        self.classes_, numbers = np.unique(names, return_inverse=True)
        labelled = relabelled(sequences, Strings.of(map(str, numbers.tolist())))
        if self.method == NETWORK:
            self.model_ = self._learned(labelled)
            self._like = sequences[:0]
        else:
            self._index_of(labelled)
        return self

    def _class_names(self, y: object, sequences: Sequences) -> npt.NDArray[Any]:
        if y is not None:
            return class_column(y)
        labels = np.array(list(sequences.labels), dtype=np.str_)
        if not len(labels) or (labels == "").any():
            why = "requires y to be passed, but the target y is None, and the sequences have no labels"
            raise ParameterError(f"{type(self).__name__} {why}")
        return labels

    def _learned(self, labelled: Sequences) -> Model:
        extras.require("torch", "learning from labels")
        from ..learning.supervised import LabelPlan, train_classifier

        if not isinstance(self.encoder, str):
            raise ParameterError("a network that learns classes is a family by name: vectors of your own learn nothing")
        plan, words = LabelPlan(epochs=self.epochs), self.unit == "words"
        return train_classifier(
            labelled, encoder=self.encoder, plan=plan, by_words=words, seed=self.seed, progress=self._watch
        )[0]

    def predict(self, X: SequencesLike) -> npt.NDArray[Any]:
        """(n,) classes. Raises UnfittedError, MismatchError for another kind of sequences."""
        best = self._answers(X)[1]
        return self.classes_[best]

    def predict_proba(self, X: SequencesLike) -> DoubleArray:
        """(n, K) probabilities of `classes_`: calibrated ones of a network, of neighbours shares of the votes.

        Raises as `predict`.
        """
        return self._answers(X)[0]

    def _answers(self, X: SequencesLike) -> tuple[DoubleArray, IntArray]:
        """(n, K) probabilities of `classes_`, and (n,) the number of the class that is told."""
        asked = self._asked(X)
        if self.method == NETWORK:
            said = classify(self.model_, asked, self._watch)
            labels, found, best = said.labels, said.probabilities, said.best
        else:
            budget = self._budget(self.exact, self.recall)
            judge = NeighbourClassifier(
                self.index_, k=self.n_neighbors, weighting=self.weights, progress=self.progress, **budget
            )
            votes = judge.classify(asked)
            labels, found, best = votes.labels, votes.shares, votes.winners
        order: IntArray = np.array([int(label) for label in labels])  # they are sorted as strings
        shares = np.zeros((len(asked), len(self.classes_)))
        shares[:, order] = found
        return shares, order[best]
