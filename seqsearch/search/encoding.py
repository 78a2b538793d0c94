"""What makes vectors of sequences: one model for queries and stored sequences, or a pair of networks, one a side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..arrays import JSON, AnyArray
from ..distances import Distance, HashSequences
from ..encoders.model import Model
from ..encoders.own import OWN, Embedder, OwnModel
from ..encoders.pair import TowerPair
from ..errors import CorruptIndexError, MismatchError, ParameterError
from ..files import read_tensors, write_tensors
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..store import StoreReader

MODEL, WEIGHTS = "model", "weights"
_PAIRS = "pairs"


class Keeping(Protocol):
    """A store that documents and blobs can be put into."""

    def put_document(self, name: str, content: JSON) -> None: ...

    def put_blob(self, name: str, content: bytes) -> None: ...


@dataclass(frozen=True)
class OneModel:
    """One model for both sides.

    Of queries it makes what a search needs, of stored sequences what is kept: (n, D) float32 points or (n, bits / 8)
    uint8 codes. `require` raises MismatchError for queries that it cannot read.
    """

    model: Model

    @property
    def geometry(self) -> str:
        return self.model.geometry

    @property
    def dim(self) -> int:
        return self.model.dim

    @property
    def bits(self) -> int | None:
        return self.model.bits

    @property
    def name(self) -> str:
        return f"encoder {self.model.family}"

    @property
    def own(self) -> OwnModel | None:
        """The model where its vectors were made elsewhere."""
        return self.model if isinstance(self.model, OwnModel) else None

    def require(self, queries: Sequences) -> None:
        self.model.spec.require(queries)

    def of_queries(self, sequences: Sequences) -> AnyArray:
        return self.model.vectors(sequences, stored=False)

    def orders_as(self, distance: Distance | None) -> bool:
        """Whether the order of its points is that of the distance, so that it says which candidates are the nearest."""
        return distance is not None and self.model.orders_as(distance.space)

    def of_stored(self, sequences: Sequences, progress: Progress = SILENT) -> AnyArray:
        return self.model.vectors(sequences, progress)

    def save(self, store: Keeping) -> None:
        store.put_document(MODEL, self.model.document())
        store.put_blob(WEIGHTS, self.model.weight_bytes())

    def facts(self) -> JSON:
        model = self.model
        return {"encoder": model.family, "geometry": model.geometry, "dim": model.dim, "bits": model.bits}


@dataclass(frozen=True)
class TwoTowers:
    """Towers of two kinds of series: `hashes` of every few steps, and `points` of the whole, or None (then `of_stored`
    makes nothing). Otherwise as `OneModel`.
    """

    hashes: TowerPair
    points: TowerPair | None
    geometry: str = "euclidean"
    bits: int | None = None

    @property
    def dim(self) -> int:
        return 0 if self.points is None else self.points.dim

    def orders_as(self, distance: Distance | None) -> bool:
        return False

    def require(self, queries: Sequences) -> None:
        self.hashes.specs["query"].require(queries)

    def of_queries(self, sequences: Sequences) -> AnyArray:
        if self.points is None:
            raise MismatchError("these towers make hash sequences only, no points")
        return self.points.points(sequences, "query")

    def of_stored(self, sequences: Sequences, progress: Progress = SILENT) -> AnyArray | None:
        self.hashes.specs["database"].require(sequences)
        return None if self.points is None else self.points.points(sequences, "database", progress)

    @property
    def name(self) -> str:
        return "towers"

    @property
    def own(self) -> OwnModel | None:
        return None

    def hashed_queries(self, sequences: Sequences) -> HashSequences:
        """The hash sequences to search with."""
        return self.hashes.hashes(sequences, "query")

    def hashed_stored(self, sequences: Sequences, progress: Progress = SILENT) -> HashSequences:
        """The hash sequences of what is stored."""
        return self.hashes.hashes(sequences, "database", progress)

    def save(self, store: Keeping) -> None:
        documents = {name: pair.document() for name, pair in self._pairs().items()}
        arrays = {f"{name}.{key}": value for name, pair in self._pairs().items() for key, value in pair.weights.items()}
        store.put_document(MODEL, {_PAIRS: documents})
        store.put_blob(WEIGHTS, write_tensors(arrays, {}))

    def _pairs(self) -> dict[str, TowerPair]:
        pairs = {"hashes": self.hashes}
        return pairs if self.points is None else pairs | {"points": self.points}

    def facts(self) -> JSON:
        return {
            "encoder": "towers",
            "geometry": self.geometry,
            "dim": self.dim,
            "bits": self.hashes.dim,
            "steps_per_hash": self.hashes.tower("query").pooling,
        }


def load_encoder(store: StoreReader) -> OneModel | TwoTowers:
    """The encoder that an index keeps. Raises CorruptIndexError and FormatVersionError."""
    document, weights = store.document(MODEL), store.blob(WEIGHTS)
    if not isinstance(document, dict) or weights is None:
        raise CorruptIndexError(f"{store.path}: the model or its weights are missing")
    if _PAIRS not in document:
        kind = OwnModel if document.get("family") == OWN else Model
        return OneModel(kind.restore(document, weights))
    _, arrays = read_tensors(weights)
    pairs = document[_PAIRS]
    made = {name: restored_pair(pairs[name], name, arrays) for name in ("hashes", "points") if name in pairs}
    return TwoTowers(made["hashes"], made.get("points"))


def with_embedder(encoder: OneModel | TwoTowers, embedder: Embedder | None, store: StoreReader) -> OneModel | TwoTowers:
    """With the callable of a user. Raises ParameterError for an encoder that needs none."""
    if embedder is None:
        return encoder
    if encoder.own is None:
        raise ParameterError(
            f"{store.path} makes its own vectors ({encoder.name}): encoder= is for vectors of your own"
        )
    return OneModel(encoder.own.with_embedder(embedder))


def restored_pair(document: JSON, kind: str, arrays: dict[str, AnyArray]) -> TowerPair:
    """A pair of towers from its document and the weights called KIND.SIDE.NAME."""
    own = {name.removeprefix(f"{kind}."): value for name, value in arrays.items() if name.startswith(f"{kind}.")}
    return TowerPair.restore(document, own)
