"""What users ask or add, with the vectors that they bring along where an index holds vectors of their own."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray
from ..encoders.own import OwnModel
from ..encoders.vector_rows import VectorRows, VectorsLike
from ..errors import MissingVectorsError, ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .encoding import OneModel, TwoTowers
from .holding import Rows
from .pipeline import Points, Queries

Encoder = OneModel | TwoTowers


def queries_of(
    encoder: Encoder, sequences: Sequences, vectors: VectorsLike | None, what: str = "queries", needed: bool = True
) -> Queries:
    """The sequences of the argument `what` with their `vectors`.

    `needed`: whether points will be. Raises MissingVectorsError where there are none and nothing makes them,
    ParameterError for an index that makes its own, MismatchError for another number of rows or dimensions, InputError
    for what is not finite.
    """
    points = _given_points(encoder, sequences, vectors, "vectors" if what == "queries" else f"{what}_vectors")
    if points is not None:
        return Queries(sequences, Points.of(points))
    if needed and len(sequences):
        _require_embedder(encoder, what, "vectors=" if what == "queries" else f"{what}_vectors=", "--query-vectors")
    return Queries(sequences)


def stored_queries(store: Rows, encoder: Encoder, sequences: Sequences) -> Queries | None:
    """Sequences with the vectors that are stored of them, where all of them are stored ones: of their ids, and equal.

    None for others, and for an index that makes its own vectors.
    """
    if encoder.own is None or not len(sequences):
        return None
    rows = store.find(sequences.ids)
    if (rows < 0).any():
        return None
    stored = store.sequences(rows)
    same = stored.alphabet == sequences.alphabet and stored.features == sequences.features
    if not same or not np.array_equal(stored.lengths, sequences.lengths):
        return None
    one, other = (some.data[some.offsets[0] : some.offsets[-1]] for some in (stored, sequences))
    return Queries(sequences, Points.of(store.vectors(rows))) if np.array_equal(one, other) else None


def vectors_to_store(
    encoder: Encoder, sequences: Sequences, vectors: VectorsLike | None, progress: Progress = SILENT
) -> AnyArray | None:
    """What is stored of sequences that are added. Raises as `queries_of`."""
    points = _given_points(encoder, sequences, vectors, "vectors")
    if points is not None:
        return points
    if len(sequences):
        _require_embedder(encoder, "sequences", "vectors=", "--vectors")
    return encoder.of_stored(sequences, progress)


def require_two_strands(encoder: Encoder, given: bool) -> None:
    """Raise ParameterError where reverse complements would have no vectors: those that came are of the plus strand."""
    own = encoder.own
    if own is not None and (given or own.embedder is None):
        raise ParameterError(
            "strand 'both': the vectors given are those of the plus strand. Open the index with encoder=, compare with "
            "everything (exact=True), or search for reverse complements with vectors of their own"
        )


def _given_points(encoder: Encoder, sequences: Sequences, vectors: VectorsLike | None, what: str) -> AnyArray | None:
    if vectors is None:
        return None
    if not (isinstance(encoder, OneModel) and isinstance(encoder.model, OwnModel)):
        raise ParameterError(f"{what}: this index makes its own vectors ({encoder.name}): leave them out")
    encoder.require(sequences)
    rows = VectorRows.of(vectors, what)
    rows.require(len(sequences), encoder.dim)
    return encoder.model.placed(rows.all(encoder.geometry))


def _require_embedder(encoder: Encoder, what: str, argument: str, flag: str) -> None:
    own = encoder.own
    if own is not None and own.embedder is None:
        raise MissingVectorsError(
            f"{what}: {own.lacking}: give {argument} (on the command line {flag} FILE.npy), a row of each, or open the "
            "index with encoder=, the callable that made its vectors"
        )
