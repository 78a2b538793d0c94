"""`Model`: an encoder with everything needed to embed one more sequence, as data - no pickle, no torch to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Self

import numpy as np

from ..arrays import JSON, AnyArray, FloatArray, IntArray
from ..distances.distance import Space
from ..errors import CorruptIndexError, FormatVersionError, MismatchError, ParameterError
from ..files import read_tensors, write_tensors
from ..hashing import codes_of
from ..progress import SILENT, Progress, Watching, watched
from ..sequences import Sequences, SequencesLike, offsets_of, ranges_to_indices
from ..sequences.coercion import taken
from .codes import HASH_MEAN, HASH_ROTATION
from .context import in_context
from .families import UNLEARNED, Family, family_named
from .heads import ELEMENTWISE, Head
from .inputs import InputSpec
from .placing import GAIN, REACH, lifted, placed
from .run import Runner

MODEL_VERSION = 3  # 3: features that count the length; 2: text read by words, heads
_USUAL_VERSION = 2  # of models that an older version reads as well
_LOOKED_AT = 1024  # sequences that choose the gain of an untrained model
_STEPS_PER_BATCH = 1 << 20  # bounds the memory of a batch whatever the lengths
_ELEMENTS_PER_BATCH = 1 << 15  # fewer where every step has a vector


@dataclass(frozen=True)
class Model:
    """A trained (or untrained) encoder.

    `family`, `spec`, `settings`, `weights` rebuild the network; `geometry` is the distance between its points and
    `scale` * that distance ** `power` predicts the exact distance; `dim`: D; `bits`: B of the binary code that stands
    for a point (its rotation is among the weights), None for points themselves; `training`: how it was trained;
    `decoder`: settings of the network that reads a point back as a sequence (its weights are among the others), None
    without one; `head`: what a supervised model says of its points, or of single elements.

    Made by `train`, kept by `save_model` and `load_model`; pickled as data, without the network it was run with.

    >>> import seqsearch as ss
    >>> model = ss.train(["anna", "hanna", "otto"], encoder="kmer")
    >>> model.family, model.geometry, model.embed(["ana", "lotto"]).shape == (2, model.dim)
    ('kmer', 'euclidean', True)
    """

    family: str
    spec: InputSpec
    settings: JSON
    weights: dict[str, AnyArray]
    dim: int
    geometry: str = "euclidean"
    scale: float = 1.0
    power: float = 1.0
    bits: int | None = None
    training: JSON = field(default_factory=dict)
    decoder: JSON | None = None
    head: Head | None = None

    @property
    def _family(self) -> Family:
        return family_named(self.family, self.spec.kind)

    @cached_property
    def _run(self) -> Runner:
        return self._family.runner(self.spec, self.settings, self.weights)

    @property
    def is_lifted(self) -> bool:
        """Whether its points are those of inner products, which differ between queries and what is stored."""
        return REACH in self.weights

    def orders_as(self, space: Space) -> bool:
        """Whether its points are the sequences themselves, in the order of a distance in this `space`."""
        if not space or not self._family.as_is or self.bits is not None:
            return False
        alike = ("euclidean", "squared") if space != "cosine" else ("cosine",)
        return self.geometry in alike and self.is_lifted == (space == "inner-product")

    def taken(self, given: SequencesLike) -> Sequences:
        """Sequences of whatever holds them, of the kind that the model reads. Raises what `as_sequences` raises, and
        MismatchError for arrays in place of strings or the reverse."""
        return taken(given, "sequences", like=self.spec.nothing).sequences

    def embed(self, sequences: SequencesLike, progress: Watching = False, *, stored: bool = True) -> FloatArray:
        """(n, D) float32 points of what `as_sequences` takes; `stored`: as they are kept, or as they are searched with,
        which is another only for inner products.

        Raises MismatchError for sequences of another alphabet or number of features, and from a model of elements.
        """
        if self.head is not None and self.head.task in ELEMENTWISE:
            raise MismatchError(f"a model trained to {self.head.task} knows elements, not whole sequences")
        sequences = self.taken(sequences)
        self.spec.require(sequences)
        if self.spec.context:
            sequences = in_context(sequences)
        out = np.empty((len(sequences), self.dim), np.float32)
        with watched(progress).task("embedding", len(sequences)) as task:
            for start, stop in _batches(sequences.offsets, _STEPS_PER_BATCH):
                part = sequences if stop - start == len(sequences) else sequences[start:stop]
                points = self._run(part)
                if self.is_lifted:
                    points = lifted(part, points, self.weights, stored=stored)
                out[start:stop] = placed(points, self.geometry, self.weights)
                task.advance(stop - start)
        return out

    def elements(self, sequences: Sequences, progress: Progress = SILENT) -> FloatArray:
        """(sum T, C) float32: a vector of every step, one sequence after the other.

        Raises MismatchError as `embed`, ParameterError for a family that does not read step by step.
        """
        self.spec.require(sequences)
        lengths = self.spec.steps(sequences)
        order = np.argsort(lengths, kind="stable")  # like lengths together: little padding
        arranged, starts = sequences[order], offsets_of(lengths[order])
        parts = []
        with progress.task("reading steps", len(sequences)) as task:
            for start, stop in _batches(starts, _ELEMENTS_PER_BATCH):
                parts.append(self._steps(arranged[start:stop]))
                task.advance(stop - start)
        place = np.argsort(order)
        joined = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        in_order: FloatArray = joined[ranges_to_indices(starts[place], lengths)]
        return in_order

    @cached_property
    def _steps(self) -> Runner:
        return self._family.steps_runner(self.spec, self.settings, self.weights)

    def vectors(self, sequences: Sequences, progress: Progress = SILENT, *, stored: bool = True) -> AnyArray:
        """What an index stores, or searches with: (n, D) float32 points, or (n, bits / 8) uint8 packed codes.

        Raises as `embed`, and MismatchError for a model that needs whole records at once, which an index does not have.
        """
        if self.spec.context:
            raise MismatchError(
                "the model reads series in the context of their records: it can classify, not index them"
            )
        points = self.embed(sequences, progress, stored=stored)
        if self.bits is None:
            return points
        return codes_of((points - self.weights[HASH_MEAN]) @ self.weights[HASH_ROTATION])

    def document(self) -> JSON:
        """Everything but the weights, as JSON."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "weights"}
        head = None if self.head is None else self.head.to_json()
        lengths = (self.settings.get("features") or {}).get("lengths", False)
        version = MODEL_VERSION if lengths else _USUAL_VERSION
        return {"model_version": version, **own, "spec": self.spec.to_json(), "head": head}

    def weight_bytes(self) -> bytes:
        """The weights as safetensors."""
        return write_tensors(self.weights)

    @classmethod
    def restore(cls, document: JSON, weight_bytes: bytes) -> Self:
        """The inverse of `document` and `weight_bytes`. Raises FormatVersionError and CorruptIndexError."""

        def no_weights(reason: str) -> CorruptIndexError:
            return CorruptIndexError(f"the model cannot be read: {reason}")

        _refuse_newer(document)
        return cls.of(document, read_tensors(weight_bytes, key=None, error=no_weights)[1])

    @classmethod
    def of(cls, document: JSON, weights: dict[str, AnyArray]) -> Self:
        """The model of a document and its weights. Raises FormatVersionError and CorruptIndexError."""
        _refuse_newer(document)
        given = {name: value for name, value in document.items() if name != "model_version"}
        try:
            given["spec"] = InputSpec.from_json(given["spec"])
            if given.get("head") is not None:
                given["head"] = Head.from_json(given["head"])
            return cls(**given, weights=weights)
        except (KeyError, TypeError) as error:
            raise CorruptIndexError(f"the model cannot be read: {error}") from None

    def __reduce__(self) -> tuple[Callable[[JSON, dict[str, AnyArray]], Model], tuple[JSON, dict[str, AnyArray]]]:
        """Pickled as its document and weights, without the network that was made of them."""
        return type(self).of, (self.document(), self.weights)

    def facts(self) -> JSON:
        """What it is in a few words: what it reads, what its points are, what it tells, and how it was chosen."""
        spec = self.spec
        reads = "words" if spec.reading is not None else spec.alphabet or f"series, {spec.features} features"
        told: JSON = {"encoder": self.family, "reads": reads, "geometry": self.geometry, "dim": self.dim}
        if self.bits is not None:
            told["bits"] = self.bits
        if self.spec.context:
            told["context"] = "records"
        if self.head is not None:
            told |= {"task": self.head.task, "labels": len(self.head.labels), "temperature": self.head.temperature}
        told["sequences"] = self.training.get("sequences")
        choice = self.training.get("choice")
        if choice is not None:
            told |= {"chosen_by": choice["measure"], "held_out": choice["held_out"], "folds": choice["folds"]}
            told |= {f"held_out_{name}": value for name, value in choice["chosen"].items()}
        told["weight_bytes"] = sum(array.nbytes for array in self.weights.values())
        return told

    def digest(self) -> str:
        """Names the model: equal embeddings need equal digests."""
        import hashlib

        h = hashlib.blake2b(json.dumps(self.document(), sort_keys=True).encode(), digest_size=16)
        h.update(self.weight_bytes())
        return h.hexdigest()


def _refuse_newer(document: JSON) -> None:
    if document.get("model_version", 0) > MODEL_VERSION:
        raise FormatVersionError(f"model version {document['model_version']} is newer than {MODEL_VERSION}")


def _batches(offsets: IntArray, steps: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose total length stays near `steps`."""
    start = 0
    while start < len(offsets) - 1:
        reach = offsets[start] + steps
        stop = max(start + 1, int(np.searchsorted(offsets, reach, side="right")) - 1)
        yield start, stop
        start = stop


def kmer_model(sequences: Sequences, k: int | None = None) -> Model:
    """The untrained baseline of tokens: k-mer counts over their alphabet (k chosen by alphabet if None)."""
    from .features import SparseFeatures

    family_named("kmer", sequences.kind)
    spec = InputSpec.fit(sequences)
    features = SparseFeatures.counts(spec) if k is None else SparseFeatures(spec, (k,))
    return Model("kmer", spec, {"features": features.to_json()}, {}, features.size)


def shape_model(sequences: Sequences) -> Model:
    """The untrained baseline of series: their shape features as they are."""
    from .series_features import SeriesFeatures

    family_named("curve", sequences.kind)
    spec = InputSpec.fit(sequences)
    features = SeriesFeatures.standard(spec)
    return Model("curve", spec, {"features": features.to_json()}, {}, features.size)


def unlearned_model(
    sequences: Sequences, geometry: str = "auto", family: str | None = None, *, dim: int | None = None, seed: int = 0
) -> Model:
    """A model of a family that needs no training (None: the one for the kind of `sequences`), its points brought well
    inside the ball if hyperbolic; geometry "auto" is Euclidean. `dim`: of a family that reduces to so many."""
    model = family_named(family or UNLEARNED[sequences.kind], sequences.kind).unlearned(sequences, dim, seed)
    if not isinstance(model, Model):
        raise ParameterError(f"encoder {family!r} makes a {type(model).__name__} where a Model is needed")
    return in_geometry(model, sequences, geometry)


def in_geometry(model: Model, sequences: Sequences, geometry: str) -> Model:
    """The points of an untrained model in another geometry ("auto": as they are)."""
    if geometry == "auto":
        return model
    if geometry != "hyperbolic":
        return replace(model, geometry=geometry)
    norm = float(np.median(np.linalg.norm(model.embed(sequences[:_LOOKED_AT]), axis=1)))
    gain = np.array(0.2 / norm if norm > 0 else 1.0, np.float32)
    return replace(model, geometry=geometry, weights={**model.weights, GAIN: gain})
