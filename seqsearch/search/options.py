"""Everything a build can be told, checked before any work starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, TypedDict

from ..ann import CANDIDATE_INDEXES, auto_kind, parameters_for
from ..arrays import JSON
from ..distances import DISTANCES, Distance, distance_named
from ..distances.distance import full_name
from ..encoders.codes import CODES, LEARNED, checked_bits
from ..encoders.families import AS_IS, FAMILIES, UNLEARNED
from ..encoders.own import Embedder, Embedding
from ..errors import ParameterError
from ..geometry import geometry_named
from ..learning.plan import TrainingPlan, require_choice
from ..registry import call

AUTO, NONE = "auto", "none"
NORMAL = "normal"
LEARN = (NONE, "low", NORMAL, "high")
COUNTS = "kmer"  # the encoder that counts, and is reduced where all counts would be slow
_FLAT = (AUTO, "euclidean")


class BuildFields(TypedDict, total=False):
    """The fields of `BuildOptions` by name."""

    distance: str | Distance
    distance_parameters: JSON
    encoder: str | Embedding
    dim: int | None
    geometry: str
    learn: str
    effort: str | None
    expect_queries: int
    max_time: float | None
    bits: int | None
    codes: str | None
    index: str
    index_parameters: JSON
    compress: int | str
    recall: float
    seed: int


@dataclass(frozen=True)
class BuildOptions:
    """`distance`, by its name and `distance_parameters` or itself; `encoder`: a family, "auto", or what makes
    vectors of your own (`Embedding`), its `dim` (None: its own default), the `geometry` of its points ("auto": see
    `TrainingPlan.suited_to`; of own vectors cosine); how much to `learn`: "none", points are principal components of
    features, "low", "normal" or "high" ("auto": none or normal, whichever takes less time in all where
    `expect_queries` will be asked; `effort` is an older name of it); `max_time`, seconds that all of the build is to
    take: training ends early; `bits` for a binary code in place of a point, learned or cut as `codes` says; `index`
    kind and its `index_parameters`; `compress`: bits a dimension that a search keeps of points in
    memory, "none" for points as they are, "auto" for what suits the kind; `recall` aimed at by default; `seed` of every
    random draw.

    `SequenceIndex.build` takes these fields by name. Raises ParameterError for values that are out of range or exclude
    each other.

    >>> import seqsearch as ss
    >>> options = ss.BuildOptions(distance="edit", encoder="kmer", recall=0.95)
    >>> options.kind_for(1000)
    'exact'
    >>> ss.SequenceIndex.build("names.ss", ["anna", "hanna", "otto"], **vars(options)).calibration.target
    0.95
    """

    distance: str | Distance = "edit"
    distance_parameters: JSON = field(default_factory=dict)
    encoder: str | Embedding = AUTO
    dim: int | None = None
    geometry: str = "auto"
    learn: str = AUTO
    effort: str | None = None
    expect_queries: int = 100_000
    max_time: float | None = None
    bits: int | None = None
    codes: str | None = None
    index: str = "auto"
    index_parameters: JSON = field(default_factory=dict)
    compress: int | str = AUTO
    recall: float = 0.99
    seed: int = 0

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Self:
        """From fields by name. Raises ParameterError for a name there is not."""
        return call(cls, "build", **options)

    def __post_init__(self) -> None:
        self._require_distance()
        if self.own_encoder is None and self.encoder != AUTO and self.encoder not in FAMILIES:
            raise ParameterError(f"no encoder {self.encoder!r}: choose one of auto, {', '.join(FAMILIES)}")
        if self.index != "auto" and self.index not in CANDIDATE_INDEXES:
            raise ParameterError(f"no index kind {self.index!r}: choose one of auto, {', '.join(CANDIDATE_INDEXES)}")
        if not 0 < self.recall <= 1:
            raise ParameterError(f"recall must be above 0 and at most 1, not {self.recall}")
        if self.dim is not None and not 1 <= self.dim <= 4096:
            raise ParameterError(f"dim must be from 1 to 4096, not {self.dim}")
        if self.geometry != "auto":
            geometry_named(self.geometry)
        if self.bits is not None:
            checked_bits(self.bits)
        if self.codes is not None and self.codes not in CODES:
            raise ParameterError(f"no codes {self.codes!r}: choose one of {', '.join(CODES)}")
        if self.codes is not None and self.bits is None:
            raise ParameterError(f"codes {self.codes!r} need bits")
        if self.bits is not None and self.learns_codes and self.geometry not in _FLAT:
            raise ParameterError(f"learned codes have no {self.geometry} geometry; codes 'itq' cut points of any")
        if self.index != "auto" and CANDIDATE_INDEXES[self.index].needs_bits != (self.bits is not None):
            raise ParameterError("a hamming index needs bits, and bits need a hamming index")
        self._check_compression()
        self._check_learning()

    def _check_learning(self) -> None:
        """And take the `effort` for what is to `learn`."""
        if self.effort is not None:
            TrainingPlan.of_effort(self.effort)
            if self.learn not in (AUTO, self.effort):
                raise ParameterError(f"learn {self.learn!r} and effort {self.effort!r} are one thing: give one of them")
            object.__setattr__(self, "learn", self.effort)
            object.__setattr__(self, "effort", None)
        require_choice("learn", self.learn, (AUTO, *LEARN))
        trained = self.own_encoder is None and self.encoder != AUTO and FAMILIES[self.family].trained
        if self.learn == NONE and trained:
            raise ParameterError(f"encoder {self.encoder!r} has to be trained: learn 'none' leaves it out")
        if self.learn == NONE and self.codes == LEARNED:
            raise ParameterError("codes cannot be learned with learn 'none': choose itq, pca or projection")
        if self.expect_queries < 0:
            raise ParameterError(f"expect_queries must be at least 0, not {self.expect_queries}")
        if self.max_time is not None and not self.max_time > 0:
            raise ParameterError(f"max_time must be above 0 seconds, not {self.max_time}")

    def _check_compression(self) -> None:
        if self.compress in (AUTO, NONE):
            return
        possible = {bits for kind in CANDIDATE_INDEXES.values() for bits in kind.compresses}
        if self.compress not in possible:
            known = ", ".join(str(bits) for bits in sorted(possible))
            raise ParameterError(
                f"compress must be {AUTO}, {NONE} or bits a dimension ({known}), not {self.compress!r}"
            )
        if self.bits is not None:
            raise ParameterError("compress is for points: a binary code of bits has nothing to compress")
        if self.index != AUTO and self.compress not in CANDIDATE_INDEXES[self.index].compresses:
            able = [name for name, kind in CANDIDATE_INDEXES.items() if self.compress in kind.compresses]
            raise ParameterError(
                f"an index of kind {self.index!r} keeps points as they are: {able[0]!r} compresses them"
            )

    def _require_distance(self) -> None:
        chosen = self.given_distance
        if chosen is None:
            if self.distance not in DISTANCES:
                raise ParameterError(f"no distance {self.distance!r}: choose one of {', '.join(DISTANCES)}")
            return
        if self.distance_parameters:
            raise ParameterError(f"the distance {chosen!r} has its parameters: distance_parameters are for a name")
        if chosen.name in DISTANCES and DISTANCES[chosen.name] is not type(chosen):
            other = full_name(DISTANCES[chosen.name])
            raise ParameterError(f"the name {chosen.name!r} of {chosen!r} is that of {other}: give it another")
        try:
            json.dumps(chosen.parameters())
        except TypeError as error:
            raise ParameterError(f"the parameters of the distance {chosen!r} cannot be stored: {error}") from None

    @property
    def given_distance(self) -> Distance | None:
        """The distance where it was not asked for by name."""
        return self.distance if isinstance(self.distance, Distance) else None

    @property
    def own_encoder(self) -> Embedder | None:
        """What makes vectors where it is the user's own. Raises ParameterError for what cannot."""
        return None if isinstance(self.encoder, str) else Embedder.of(self.encoder)

    @property
    def family(self) -> str:
        """The encoder by name."""
        return self.encoder if isinstance(self.encoder, str) else Embedder.of(self.encoder).name

    @property
    def learns_codes(self) -> bool:
        """Whether the network learns its code; otherwise a code is cut from its points."""
        return self.codes == LEARNED or (self.codes is None and self.geometry in _FLAT)

    def exact_distance(self) -> Distance:
        """The exact distance. Raises ParameterError for parameters it does not have."""
        if isinstance(self.distance, Distance):
            return self.distance
        return distance_named(self.distance, **self.distance_parameters)

    def encoder_for(self, distance: Distance) -> str:
        """The encoder family. Raises ParameterError for one that has to be trained where its points lead nowhere."""
        if not distance.partial:
            return self.family
        unlearned = UNLEARNED[distance.kind]  # no vector proposes candidates, and none has to be learned
        if self.encoder not in (AUTO, unlearned):
            raise ParameterError(f"encoder {self.family!r} proposes no candidates: {self.by_proof}: leave it out")
        return unlearned

    @property
    def by_proof(self) -> str:
        """Why nothing proposes candidates for a distance to a part of what is stored."""
        name = self.exact_distance().name
        return f"{name} is the distance to a part of what is stored, which no vector of the whole leads to"

    def parameters_for(self, size: int, *, brought: bool = False) -> JSON:
        """The parameters of the index for `size` sequences: what was asked for, and what suits; `brought`: a model was
        brought along."""
        kind = self.kind_for(size)
        asked = {} if self.compress == AUTO else {"bits": None if self.compress == NONE else self.compress}
        compress = asked if CANDIDATE_INDEXES[kind].compresses else {}
        suited = CANDIDATE_INDEXES[kind].vector_parameters("" if brought else self._space)
        given = {**compress, **suited, **self.index_parameters}
        return parameters_for(kind, size, given)

    @property
    def _space(self) -> str:
        """The space of vectors that are their own points, "" where an encoder makes points."""
        as_they_are = self.encoder in (AUTO, AS_IS) and self.geometry == AUTO and self.bits is None
        return self.exact_distance().space if as_they_are else ""

    def kind_for(self, size: int) -> str:
        """The index kind for `size` sequences: what was asked for, or for "auto" what suits."""
        if self.index != AUTO:
            return self.index
        if self.bits is None and self.exact_distance().partial:
            return "exact"  # nothing is looked for in it
        suited = auto_kind(size, self.bits)
        if self.compress in (AUTO, NONE) or self.compress in CANDIDATE_INDEXES[suited].compresses:
            return suited
        return next(name for name, kind in CANDIDATE_INDEXES.items() if self.compress in kind.compresses)
