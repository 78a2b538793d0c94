"""`Model`: an encoder with everything needed to embed one more sequence, as data - no pickle, no torch to read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import AnyArray, FloatArray
from ..errors import CorruptIndexError, FormatVersionError
from ..hashing import codes_of
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .codes import HASH_MEAN, HASH_ROTATION
from .families import family_named
from .inputs import InputSpec
from .placing import GAIN, placed
from .run import Runner, features_runner, projection_runner, torch_runner

MODEL_VERSION = 1
_LOOKED_AT = 1024  # sequences that choose the gain of an untrained model
_STEPS_PER_BATCH = 1 << 20  # bounds the memory of a batch whatever the lengths


@dataclass(frozen=True)
class Model:
    """A trained (or untrained) encoder.

    `family`, `spec`, `settings`, `weights` rebuild the network; `geometry` is the distance between its points and
    `scale` * that distance ** `power` predicts the exact distance; `dim`: D; `bits`: B of the binary code that stands
    for a point (its rotation is among the weights), None for points themselves; `training`: how it was trained;
    `decoder`: settings of the network that reads a point back as a sequence (its weights are among the others), None
    without one.
    """

    family: str
    spec: InputSpec
    settings: dict[str, Any]
    weights: dict[str, AnyArray]
    dim: int
    geometry: str = "euclidean"
    scale: float = 1.0
    power: float = 1.0
    bits: int | None = None
    training: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] | None = None

    @cached_property
    def _run(self) -> Runner:
        runners = {
            "kmer": features_runner,
            "curve": features_runner,
            "projection": projection_runner,
            "linear": projection_runner,
        }
        if family_named(self.family, "series" if self.spec.alphabet is None else "tokens").without_torch:
            return runners[self.family](self.spec, self.settings, self.weights)
        return torch_runner(self.family, self.spec, self.settings, self.weights)

    def embed(self, sequences: Sequences, progress: Progress = SILENT) -> FloatArray:
        """(n, D) float32. Raises MismatchError for sequences of another alphabet or another number of features."""
        self.spec.require(sequences)
        out = np.empty((len(sequences), self.dim), np.float32)
        with progress.task("embedding", len(sequences)) as task:
            for start, stop in _batches(sequences):
                out[start:stop] = placed(self._run(sequences[start:stop]), self.geometry, self.weights)
                task.advance(stop - start)
        return out

    def vectors(self, sequences: Sequences, progress: Progress = SILENT) -> AnyArray:
        """What an index stores: (n, D) float32 points, or (n, bits / 8) uint8 packed codes."""
        points = self.embed(sequences, progress)
        if self.bits is None:
            return points
        return codes_of((points - self.weights[HASH_MEAN]) @ self.weights[HASH_ROTATION])

    def document(self) -> dict[str, Any]:
        """Everything but the weights, as JSON."""
        return {
            "model_version": MODEL_VERSION, "family": self.family, "spec": self.spec.to_json(),
            "settings": self.settings, "dim": self.dim, "geometry": self.geometry, "scale": self.scale,
            "power": self.power, "bits": self.bits, "training": self.training, "decoder": self.decoder,
        }  # fmt: skip

    def weight_bytes(self) -> bytes:
        """The weights as safetensors."""
        from safetensors.numpy import save

        return save(self.weight_arrays())

    def weight_arrays(self) -> dict[str, AnyArray]:
        """The weights in the order of their names, each contiguous."""
        return {name: np.asarray(value, order="C") for name, value in sorted(self.weights.items())}

    @classmethod
    def restore(cls, document: dict[str, Any], weight_bytes: bytes) -> Model:
        """The inverse of `document` and `weight_bytes`. Raises FormatVersionError and CorruptIndexError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        if document.get("model_version", 0) > MODEL_VERSION:
            raise FormatVersionError(f"model version {document['model_version']} is newer than {MODEL_VERSION}")
        try:
            return cls(
                document["family"], InputSpec.from_json(document["spec"]), document["settings"], load(weight_bytes),
                int(document["dim"]), document["geometry"], float(document["scale"]),
                float(document["power"]), document["bits"], document["training"],
                document.get("decoder"),
            )  # fmt: skip
        except (SafetensorError, KeyError, TypeError) as error:
            raise CorruptIndexError(f"the model cannot be read: {error}") from None

    def digest(self) -> str:
        """Names the model: equal embeddings need equal digests."""
        import hashlib

        h = hashlib.blake2b(json.dumps(self.document(), sort_keys=True).encode(), digest_size=16)
        h.update(self.weight_bytes())
        return h.hexdigest()


def _batches(sequences: Sequences) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose total length stays near `_STEPS_PER_BATCH`."""
    start = 0
    while start < len(sequences):
        reach = sequences.offsets[start] + _STEPS_PER_BATCH
        stop = max(start + 1, int(np.searchsorted(sequences.offsets, reach, side="right")) - 1)
        yield start, stop
        start = stop


def kmer_model(sequences: Sequences, k: int | None = None) -> Model:
    """The untrained baseline: k-mer counts over the alphabet of `sequences` (k chosen by alphabet if None)."""
    from .features import SparseFeatures

    family_named("kmer", sequences.kind)
    spec = InputSpec.fit(sequences)
    features = SparseFeatures.counts(spec) if k is None else SparseFeatures(spec, (k,))
    return Model("kmer", spec, {"features": features.to_json()}, {}, features.size)


def curve_model(sequences: Sequences) -> Model:
    """The untrained baseline for series: their shape features as they are."""
    from .series_features import SeriesFeatures

    family_named("curve", sequences.kind)
    spec = InputSpec.fit(sequences)
    features = SeriesFeatures.standard(spec)
    return Model("curve", spec, {"features": features.to_json()}, {}, features.size)


def unlearned_model(sequences: Sequences, geometry: str = "euclidean") -> Model:
    """The untrained baseline for the kind of `sequences`, its points brought well inside the ball if hyperbolic."""
    model = kmer_model(sequences) if sequences.kind == "tokens" else curve_model(sequences)
    if geometry != "hyperbolic":
        return replace(model, geometry=geometry)
    norm = float(np.median(np.linalg.norm(model.embed(sequences[:_LOOKED_AT]), axis=1)))
    gain = np.array(0.2 / norm if norm > 0 else 1.0, np.float32)
    return replace(model, geometry=geometry, weights={GAIN: gain})
