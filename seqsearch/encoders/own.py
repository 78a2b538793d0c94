"""An encoder of the user's own: vectors that were made elsewhere, and the callable that makes more of them, if any.

The index stores the vectors, never the callable: nothing it holds is run. Whoever opens it again brings the callable
along, and it is compared with what is stored.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np

from ..arrays import JSON, AnyArray, FloatArray
from ..distances.distance import Space
from ..errors import MismatchError, MissingVectorsError, ParameterError
from ..geometry import normalised
from ..hashing import codes_of, hamming
from ..progress import SILENT, Progress, Watching, watched
from ..sequences import Sequences, SequencesLike
from .codes import HASH_MEAN, HASH_ROTATION
from .inputs import InputSpec
from .model import Model
from .vector_rows import VectorRows, checked

OWN = "own vectors"
GEOMETRY = "cosine"
"""Of own vectors where none is asked for: what most models that make vectors are trained for."""
AT_ONCE = 1024
"""Sequences at most that the callable is given at a time."""
LEAST_ALIKE = 0.02
"""Of a vector's length, that a callable's vectors may differ from stored ones: half precision and the sizes of batches
account for less, another model for much more."""
_BITS_ALIKE = 0.05  # of the bits of a code


class Encodes(Protocol):
    """A model with a method `encode` of a list, as those of sentence-transformers and model2vec are."""

    @property
    def encode(self) -> Callable[..., object]: ...


Embedding: TypeAlias = Callable[..., object] | Encodes
"""What makes vectors of sequences: strings (arrays, of series and of integers) in a list -> (n, D) numbers."""


@dataclass(frozen=True)
class Embedder:
    """A user's callable with its checks. `name`: for messages and for telling builds apart."""

    function: Callable[..., object]
    name: str
    owner: object = None

    @classmethod
    def of(cls, given: object) -> Embedder:
        """Of a callable, a torch module or an object with a method `encode`. Raises ParameterError for others."""
        if isinstance(given, Embedder):
            return given
        encode = None if isinstance(given, str | type) else getattr(given, "encode", None)
        function = encode if callable(encode) else given
        if not callable(function) or isinstance(given, type):
            wanted = "a family by name, a callable of a list of strings, or an object with a method encode"
            raise ParameterError(f"encoder has to be {wanted}, not {given!r}")
        kind = given if hasattr(given, "__qualname__") else type(given)
        return cls(function, f"{kind.__module__}.{kind.__qualname__}", given)

    def points(
        self, sequences: Sequences, geometry: str, dim: int | None = None, progress: Progress = SILENT
    ) -> FloatArray:
        """(n, D) float32. Raises MismatchError for another number of rows or dimensions than `dim`, ParameterError for
        what is no array of numbers, InputError for values that are not finite; what the callable raises passes."""
        parts: list[FloatArray] = []
        with progress.task("embedding", len(sequences)) as task:
            for start in range(0, len(sequences), AT_ONCE):
                some = sequences[start : start + AT_ONCE]
                with _evaluating(self.owner):
                    rows = VectorRows.of(_widened(self.function(_inputs(some))), f"encoder {self.name}")  # type: ignore[arg-type]
                if len(rows) != len(some):
                    raise MismatchError(f"encoder {self.name} made {len(rows):,} vectors of {len(some):,} sequences")
                if dim is not None and rows.dim != dim:
                    raise MismatchError(f"encoder {self.name} makes vectors of {rows.dim} dimensions, not {dim}")
                dim = rows.dim
                parts.append(checked(rows.array, geometry, rows.name, start))
                task.advance(len(some))
        return np.concatenate(parts) if parts else np.zeros((0, dim or 0), np.float32)

    def dim_of(self, some: Sequences, geometry: str) -> int:
        """D, of vectors of `some` sequences, which have to be the same alone and together: what depends on the others
        of a batch, or on chance, places nothing. Raises MismatchError, and as `points`."""
        together = self.points(some, geometry)
        dim = int(together.shape[1])
        alone = np.concatenate([self.points(some[row : row + 1], geometry, dim) for row in range(len(some))])
        worst, row = _farthest(alone, together, geometry)
        if worst > LEAST_ALIKE:
            raise MismatchError(
                f"encoder {self.name} makes another vector of {some.ids[row]!r} alone than among others, "
                f"off by {worst:.3g} of its length: vectors must depend on their sequence alone"
            )
        return dim


def _inputs(sequences: Sequences) -> list[str] | list[AnyArray]:
    """What a callable is given."""
    if sequences.alphabet is None or sequences.alphabet.name == "integers":
        return [record.data for record in sequences]
    return sequences.texts()


def _widened(made: object) -> object:
    """Tensors in a type that numpy has too: bfloat16 it has not."""
    return made.detach().float() if hasattr(made, "detach") and hasattr(made, "float") else made


def _evaluating(owner: object) -> AbstractContextManager[object]:
    """Of a torch module: no gradients, and no dropout. Anything else is left alone."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(owner, torch.nn.Module):
        return nullcontext()
    owner.eval()
    no_gradients: AbstractContextManager[object] = torch.no_grad()
    return no_gradients


def _farthest(made: FloatArray, known: AnyArray, geometry: str) -> tuple[float, int]:
    """The largest difference of two vectors of one row in lengths of the second, and its row. Where only directions
    count, those are compared."""
    if geometry == "cosine":
        made, known = normalised(made), normalised(known)
    gaps = np.linalg.norm(made.astype(np.float64) - known, axis=1)
    lengths = np.linalg.norm(known.astype(np.float64), axis=1)
    apart = gaps / np.where(lengths > 0, lengths, 1.0)
    row = int(np.argmax(apart)) if len(apart) else 0
    return (float(apart[row]) if len(apart) else 0.0), row


@dataclass(frozen=True)
class OwnModel(Model):
    """A model whose points come from elsewhere. `embedder`: what makes more of them, where it was brought along."""

    embedder: Embedder | None = None

    @classmethod
    def new(cls, sequences: Sequences, dim: int, geometry: str, embedder: Embedder | None) -> OwnModel:
        """For sequences of that kind, and vectors of `dim` dimensions."""
        alphabet = sequences.alphabet
        spec = InputSpec(None if alphabet is None else alphabet.name, features=sequences.features)
        return cls(OWN, spec, {}, {}, dim, geometry, embedder=embedder)

    def orders_as(self, space: Space) -> bool:
        """Never: what the points mean is not known."""
        return False

    def embed(self, sequences: SequencesLike, progress: Watching = False, *, stored: bool = True) -> FloatArray:
        """(n, D) float32 by the callable. Raises MissingVectorsError where there is none, and as `Embedder.points`."""
        sequences = self.taken(sequences)
        self.spec.require(sequences)
        if self.embedder is None:
            raise MissingVectorsError(f"{self.lacking}: open it with encoder=, the callable that made them")
        return self.embedder.points(sequences, self.geometry, self.dim, watched(progress))

    def vectors(self, sequences: Sequences, progress: Progress = SILENT, *, stored: bool = True) -> AnyArray:
        """As of any model."""
        return self.placed(self.embed(sequences, progress))

    def placed(self, points: FloatArray) -> AnyArray:
        """Points as an index stores them: as they are, or (n, bits / 8) packed codes."""
        if self.bits is None:
            return points
        return codes_of((self.directed(points) - self.weights[HASH_MEAN]) @ self.weights[HASH_ROTATION])

    def directed(self, points: FloatArray) -> FloatArray:
        """What codes are cut from: directions alone where lengths do not count."""
        return normalised(points) if self.geometry == "cosine" else points

    @property
    def told(self) -> str:
        """What its points are, in words."""
        return f"own vectors, {self.dim} dimensions, {self.geometry}"

    @property
    def lacking(self) -> str:
        """What such a model cannot do, in words."""
        return f"this index holds {self.told}, and cannot embed sequences"

    def document(self) -> JSON:
        """Everything but the weights and the callable, as JSON."""
        return {name: value for name, value in super().document().items() if name != "embedder"}

    def with_embedder(self, embedder: Embedder | None) -> OwnModel:
        """The same with another callable."""
        return replace(self, embedder=embedder)

    def require_same(self, sequences: Sequences, stored: AnyArray) -> None:
        """Raise MismatchError unless the callable makes the vectors (or codes) of `sequences` that are `stored`, (m,
        ...), of which one may be off by `LEAST_ALIKE` of its length."""
        assert self.embedder is not None
        if not len(sequences):
            return
        points = self.embedder.points(sequences, self.geometry, self.dim)
        if self.bits is None:
            worst, row = _farthest(points, stored, self.geometry)
            told, differs = f"{worst:.3g} of its length", worst > LEAST_ALIKE
        else:
            apart = hamming(self.placed(points), stored)
            row = int(np.argmax(apart))
            told, differs = f"{apart[row]} of {self.bits} bits", apart[row] > max(1, _BITS_ALIKE * self.bits)
        if differs:
            raise MismatchError(
                f"encoder {self.embedder.name} makes other vectors than those stored: that of {sequences.ids[row]!r} "
                f"is off by {told}; bring the one that they were made by"
            )
