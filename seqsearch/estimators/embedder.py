"""`SequenceEmbedder`: sequences to points whose distances predict exact ones, as a transformer of scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from .. import extras
from ..arrays import FloatArray
from ..distances import Distance, distance_named
from ..encoders.families import AS_IS, family_named
from ..encoders.model import Model, unlearned_model
from ..learning.plan import TrainingPlan
from ..sequences import SequencesLike
from .base import AUTO, SequenceEstimator, space_of
from .scikit import ClassNamePrefixFeaturesOutMixin, TransformerMixin

if TYPE_CHECKING:
    from .scikit import Tags


class SequenceEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, SequenceEstimator):
    """An encoder that is learned from the sequences that are fitted: (n, D) points for any estimator of vectors.

    `distance`: the one to predict, its name, or "auto" (edit distance of strings, DTW of series); `encoder`: a family,
    or "auto"; "kmer" (of strings) and "curve" (of series) learn nothing, and what is fitted takes no time. `dim`: D,
    None for the family's own; `geometry` of the points and `effort` of training as in `BuildOptions` ("low" takes a
    quarter of the time of "normal"); `alphabet`: of strings, by name, None guesses.

    >>> import seqsearch as ss
    >>> embedder = ss.SequenceEmbedder(encoder="kmer").fit(["ACGTACGT", "ACGTTCGT", "GGGGCCCC"])
    >>> embedder.transform(["ACGT"]).shape == (1, embedder.model_.dim)
    True
    """

    encoder: str
    model_: Model

    def __init__(
        self,
        *,
        distance: str | Distance = "auto",
        encoder: str = "auto",
        dim: int | None = None,
        geometry: str = "auto",
        effort: str = "normal",
        alphabet: str | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        self.distance = distance
        self.encoder = encoder
        self.dim = dim
        self.geometry = geometry
        self.effort = effort
        self.alphabet = alphabet
        self.seed = seed
        self.progress = progress

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Learn from `X`: what `as_sequences` takes; `y` is ignored. Sets `model_`, which an index takes as well.

        Raises ParameterError, MismatchError for a distance of another kind, and what reading the sequences raises.
        """
        sequences = self._known(X)
        plan = replace(TrainingPlan.of_effort(self.effort), geometry=self.geometry)
        chosen = self._distance_for(sequences)
        as_they_are = self.encoder == AUTO and space_of(chosen)
        family = family_named(AS_IS if as_they_are else self.encoder, sequences.kind)
        if family.trained:
            extras.require("torch", f"training encoder {family.name!r}")
            from ..learning.trainer import train

            distance = distance_named(chosen) if isinstance(chosen, str) else chosen
            distance.require(sequences)
            self.model_, _ = train(
                sequences,
                distance,
                encoder=self.encoder,
                plan=plan,
                settings=None if self.dim is None else {"dim": self.dim},
                seed=self.seed,
                progress=self._watch,
            )
        else:
            self.model_ = unlearned_model(sequences, plan.geometry, family.name)
        self._like = sequences[:0]
        return self

    def transform(self, X: SequencesLike) -> FloatArray:
        """(n, D) float32 points. Raises UnfittedError, MismatchError for another kind of sequences."""
        asked = self._asked(X)
        return self.model_.embed(asked, self._watch)

    def fit_transform(self, X: SequencesLike, y: object = None) -> FloatArray:
        """(n, D) `fit(X).transform(X)`. Raises as these."""
        return self.fit(X).transform(X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.model_.dim
