"""The encoder of a build whose vectors are a user's own: given row by row, or made by a callable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ..arrays import JSON, AnyArray, FloatArray, IntArray, spread
from ..encoders.codes import LEARNED, quantizer
from ..encoders.own import GEOMETRY, Embedder, OwnModel
from ..encoders.vector_rows import VectorRows, VectorsLike
from ..errors import MismatchError, ParameterError
from ..progress import SILENT, Progress
from ..store import StoreBuilder
from .build_encoder import CODED
from .options import AUTO, BuildOptions

PROBED = 4  # sequences by which a callable is tried out, and compared with vectors that are there
_ROWS = 1 << 13  # embedded before they are stored: what an interrupted build does not lose


@dataclass(frozen=True)
class OwnVectors:
    """`rows`: vectors that are there, `embedder`: what makes more of them; at least one of the two. `digest` names the
    content of the rows, all of which were looked at."""

    rows: VectorRows | None
    embedder: Embedder | None
    geometry: str
    digest: str | None

    @classmethod
    def of(cls, options: BuildOptions, vectors: VectorsLike | None, progress: Progress = SILENT) -> Self | None:
        """Of a build; None where an encoder makes its vectors. Raises ParameterError for options that mean nothing with
        own vectors, and what looking at all of them raises."""
        embedder = options.own_encoder
        if vectors is None and embedder is None:
            return None
        _require(options, vectors is not None)
        geometry = GEOMETRY if options.geometry == AUTO else options.geometry
        rows = None if vectors is None else VectorRows.of(vectors, "vectors")
        digest = None if rows is None else rows.proved(geometry, progress)
        return cls(rows, embedder, geometry, digest)

    def identity(self) -> JSON:
        """What two builds of the same have in common."""
        return {"digest": self.digest, "encoder": None if self.embedder is None else self.embedder.name}

    def require_rows(self, builder: StoreBuilder) -> None:
        """Raise MismatchError unless there is a row of every sequence."""
        if self.rows is not None:
            self.rows.require(builder.rows)

    def model(self, builder: StoreBuilder, options: BuildOptions, held: IntArray, rng: np.random.Generator) -> OwnModel:
        """For the recorded sequences. Raises MismatchError where callable and vectors do not belong together."""
        some = builder.sequences(spread(builder.rows, PROBED))
        if self.rows is not None:
            dim = self.rows.dim
        else:
            assert self.embedder is not None
            dim = self.embedder.dim_of(some, self.geometry)
        made = OwnModel.new(some, dim, self.geometry, self.embedder)
        if self.rows is not None and self.embedder is not None:
            made.require_same(some, self.rows.take(spread(builder.rows, PROBED), self.geometry))
        return made if options.bits is None else self._coded(made, builder, options, held, rng)

    def _coded(
        self, model: OwnModel, builder: StoreBuilder, options: BuildOptions, held: IntArray, rng: np.random.Generator
    ) -> OwnModel:
        """With a code cut from the vectors of some sequences."""
        assert options.bits is not None
        others = np.setdiff1d(np.arange(builder.rows), held, assume_unique=True)
        some = np.sort(others[rng.permutation(len(others))[:CODED]])
        head = quantizer(model.directed(self._points(model, builder, some)), options.bits, rng, options.codes or "itq")
        return replace(model, bits=options.bits, weights=head)

    def _points(self, model: OwnModel, builder: StoreBuilder, rows: IntArray) -> FloatArray:
        return model.embed(builder.sequences(rows)) if self.rows is None else self.rows.take(rows, self.geometry)

    def attached(self, kept: OwnModel, builder: StoreBuilder) -> OwnModel | None:
        """The model of an interrupted build with the callable of this one; None where that makes other vectors than
        those which were stored."""
        model = kept.with_embedder(self.embedder)
        rows = spread(builder.vector_rows, PROBED)
        if self.embedder is not None and len(rows):
            try:
                model.require_same(builder.sequences(rows), builder.vectors(rows))
            except MismatchError:
                return None
        return model

    def to_store(self, model: OwnModel, builder: StoreBuilder, rows: IntArray) -> AnyArray:
        """What is stored of rows, ascending."""
        made = model.placed(self._points(model, builder, rows))
        if self.rows is not None:
            self.rows.unmap()
        return made

    def store_all(self, model: OwnModel, builder: StoreBuilder, progress: Progress) -> None:
        """Make and store the vectors of all rows that have none, once each: a callable may be slow."""
        if self.rows is not None or builder.vector_rows == builder.rows:
            return
        with progress.task("embedding", builder.rows) as task:
            start = builder.vector_rows
            task.advance(start)
            while start < builder.rows:
                stop = min(start + _ROWS, builder.rows)
                builder.set_vectors(start, model.vectors(builder.sequences(np.arange(start, stop))))
                builder.unmap()
                task.advance(stop - start)
                start = stop


def _require(options: BuildOptions, given: bool) -> None:
    what = "vectors" if given else "an encoder of your own"
    if options.exact_distance().partial:
        raise ParameterError(f"{what} would propose no candidates: {options.by_proof}: leave them out")
    if given and options.own_encoder is None and options.encoder != AUTO:
        raise ParameterError(
            f"vectors are given, so encoder {options.encoder!r} would make none: leave it out, or give the callable "
            "that made them"
        )
    for name, usual in (("dim", None), ("learn", AUTO)):
        value = getattr(options, name)
        if value != usual:
            raise ParameterError(f"{name} {value!r} means nothing with {what}, which nothing is learned for")
    if options.codes == LEARNED:
        raise ParameterError(f"codes cannot be learned with {what}: choose itq, pca or projection")
