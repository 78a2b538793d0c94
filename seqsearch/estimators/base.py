"""What all estimators over sequences share: what `X` may be, and the index that is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..distances import DISTANCES, Distance
from ..distances.distance import usual_distance
from ..encoders.families import UNLEARNED
from ..encoders.own import Embedding
from ..errors import DuplicateIdError, IndexExistsError, MismatchError, StrPath
from ..progress import Progress, watched
from ..search import SequenceIndex
from ..search.options import BuildFields
from ..search.wanted import BudgetOptions
from ..sequences import Sequences, SequencesLike, alphabet_named
from ..sequences.coercion import taken
from ..sequences.ids import hash_ids
from ..sequences.strings import Counted, Strings
from .inputs import checked, width
from .owned import OwnedIndex
from .scikit import BaseEstimator, UnfittedError

if TYPE_CHECKING:
    from .scikit import Tags

EXACT_UP_TO = 5000
"""Sequences up to which nothing is learned unless an encoder is named, and all are compared unless told otherwise."""
AUTO = "auto"


class SequenceEstimator(BaseEstimator):
    """The base of the estimators that learn from a set of sequences.

    `distance`: one, its name, or "auto", the usual one of the kind; `alphabet`: of strings, by name (None: guessed when
    fitted); `seed` of every random draw; `progress`: tell on stderr.
    """

    distance: str | Distance
    alphabet: str | None
    seed: int
    progress: bool
    n_features_in_: int
    _like: Sequences  # none, of the kind that was fitted

    def _known(self, X: SequencesLike) -> Sequences:
        """`X` to be fitted, with ids that differ: those it came with, or numbers. Sets `n_features_in_`, T, of an
        (n, T) array of series, which is refused with another T from then on, as scikit-learn does."""
        letters = None if self.alphabet is None else alphabet_named(self.alphabet)
        X = checked(X)
        try:
            made = taken(X, "X", letters=letters).sequences
        except DuplicateIdError:  # of a column drawn with replacement
            made = taken(X, "X", letters=letters, ids=False).sequences
        vars(self).pop("n_features_in_", None)
        if (columns := width(X)) is not None:
            self.n_features_in_ = columns
        if len(np.unique(hash_ids(made.ids))) == len(made):
            return made
        return relabelled(made, made.labels, Counted.up_to(len(made)))

    def _asked(self, X: SequencesLike) -> Sequences:
        """`X` of the kind that was fitted. Raises UnfittedError, and what `as_sequences` raises."""
        self._require_fitted()
        X = checked(X)
        columns, fitted = width(X), getattr(self, "n_features_in_", None)
        if None not in (columns, fitted) and columns != fitted:
            problem = f"X has {columns} features, but {type(self).__name__} is expecting {fitted} features as input"
            raise MismatchError(f"{problem}: series of other lengths go in a list, list(X)")
        return taken(X, "X", like=self._like, ids=False).sequences

    def _distance_for(self, sequences: Sequences) -> str | Distance:
        return usual_distance(sequences.kind) if self.distance == AUTO else self.distance

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise UnfittedError(f"this {type(self).__name__} has not been fitted: call fit first")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_like")

    @property
    def _watch(self) -> Progress:
        return watched(self.progress)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.three_d_array = True
        return tags


class IndexEstimator(SequenceEstimator):
    """The base of those that make an index.

    `encoder`: a family, "auto", or a callable that makes vectors; `path`: where it goes, to be kept; None: a folder
    that goes with the estimator. `build`: further fields of `BuildOptions`. Up to `EXACT_UP_TO` sequences nothing is
    learned, unless an encoder is named.
    """

    encoder: str | Embedding
    path: StrPath | None
    build: BuildFields | None
    index_: SequenceIndex

    def _index_of(self, sequences: Sequences, *, learns: bool = False) -> None:
        """Set `index_`, of `sequences`; `learns`: points have to be learned, few as they may be.

        Raises IndexExistsError for a `path` at which there is an index that this estimator did not make itself.
        """
        encoder, distance = self.encoder, self._distance_for(sequences)
        if encoder == AUTO and not space_of(distance) and len(sequences) <= EXACT_UP_TO and not learns:
            encoder = UNLEARNED[sequences.kind]
        options: BuildFields = {"distance": distance, "encoder": encoder, "seed": self.seed}
        options |= self.build or {}
        if self.path is None:
            self.index_ = OwnedIndex.made(sequences, progress=self.progress, **options)
        else:
            mine = hasattr(self, "index_") and Path(self.index_.path) == Path(self.path)
            try:
                made = SequenceIndex.build(self.path, sequences, overwrite=mine, progress=self.progress, **options)
            except IndexExistsError as error:
                problem = f"{error}; in a cross-validation path=None gives each fit a folder of its own"
                raise IndexExistsError(problem) from None
            self.index_ = made
        self._like = sequences[:0]

    def __setstate__(self, state: dict[str, object]) -> None:
        """An index at a path is pickled as that, without the callable that makes its vectors, which came along with the
        estimator. Raises what `SequenceIndex.open` raises, MismatchError for one that makes other vectors now."""
        super().__setstate__(state)
        index, encoder = getattr(self, "index_", None), (self.build or {}).get("encoder", self.encoder)
        if index is None or isinstance(encoder, str) or index._handle.given_encoder is not None:
            return
        index.close()
        self.index_ = SequenceIndex.open(index.path, distance=index._handle.given_distance, encoder=encoder)

    def _budget(self, exact: bool | None, recall: float | None) -> BudgetOptions:
        """How searches go: by proof where `exact`, or where that is None and they are few, else by `recall`."""
        if exact is None:
            exact = recall is None and len(self.index_) <= EXACT_UP_TO
        return {"exact": True} if exact else {"recall": recall}


def space_of(distance: str | Distance) -> str:
    """The space in which a distance compares series as vectors, which need no encoder; "" for other distances."""
    return distance.space if isinstance(distance, Distance) else DISTANCES[distance].space


def relabelled(sequences: Sequences, labels: Strings, ids: Strings | None = None) -> Sequences:
    """The same sequences with other labels, and ids."""
    names = sequences.ids if ids is None else ids
    return Sequences(sequences.data, sequences.offsets, names, sequences.alphabet, sequences.descriptions, labels)
