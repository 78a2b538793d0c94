"""The table of encoder families: what each can do and where it lives. Torch is imported only when a network is built.

Another package adds a family by an entry point of the group "seqsearch.encoders" that is a `Family`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .. import extras
from ..arrays import JSON, AnyArray
from ..errors import ParameterError, UnknownNameError
from ..lazy import found_at
from ..registry import Registry, call
from ..sequences import Sequences
from .inputs import InputSpec
from .run import Runner, steps_runner, torch_runner

if TYPE_CHECKING:
    from .encoder import Encoder

T = TypeVar("T")

Load = Callable[[InputSpec, JSON, Mapping[str, AnyArray]], Runner]
"""A saved model - inputs, settings, weights - to what runs it."""
BOTH = ("tokens", "series")


@dataclass(frozen=True)
class Family:
    """One kind of encoder: its `name`, what it reads, what it is made by, and its learning `rate`.

    `network`: the `Encoder` that learns; a family without one has nothing to train and is made by `fit`, sequences to a
    `Model`, with `reduces` of as many dimensions as are asked for (`dim`, `seed`). `load`: what runs a saved model
    without torch, `load_steps`: what gives a vector of every step, (sum T, C); without them the network does. All are
    given as they are or as "module:name".
    `steps`: it reads step by step, so it gives a vector of every step too, and text may be read word by word;
    `dropout`: it has a setting of that name; `as_is`: its points are the sequences themselves, unchanged; `judges`: its
    points are scores, which `train --task classify` or `tag` makes of labels, so it can be neither trained nor fitted
    by its name.
    """

    name: str
    inputs: tuple[str, ...] = BOTH
    network: type[Encoder] | str = ""
    fit: Callable[..., object] | str = ""
    load: Load | str = ""
    load_steps: Load | str = ""
    reduces: bool = False
    steps: bool = False
    dropout: bool = False
    as_is: bool = False
    judges: bool = False
    rate: float = 2e-3

    @property
    def trained(self) -> bool:
        """Whether there is something to train."""
        return bool(self.network)

    def build(self, spec: InputSpec, settings: JSON) -> Encoder:
        """A network with fresh weights. Raises ParameterError for an untrained family or odd settings,
        MissingExtraError without torch."""
        if self.judges:
            raise ParameterError(f"encoder {self.name!r} is what `train` makes of labels alone")
        if not self.trained:
            raise ParameterError(f"encoder {self.name!r} has nothing to train")
        if spec.reading is not None and not self.steps:
            raise ParameterError(f"encoder {self.name!r} does not read words: choose one that reads step by step")
        self._require_torch()
        encoder = call(_found(self.network), f"encoder {self.name!r}", spec, **settings)
        encoder.family = self.name
        return encoder

    def stepwise(self, settings: JSON) -> JSON:
        """The settings under which every step is read by itself, where they do not say otherwise."""
        if not self.network:
            return settings
        self._require_torch()
        return _found(self.network).stepwise(settings)

    def _require_torch(self) -> None:
        extras.require("torch", f"encoder {self.name!r}")

    def runner(self, spec: InputSpec, settings: JSON, weights: Mapping[str, AnyArray]) -> Runner:
        """What embeds with a saved model. Raises MissingExtraError where only torch can run it, and is missing."""
        if self.load:
            return _found(self.load)(spec, settings, weights)
        return torch_runner(self.build(spec, settings), weights)

    def steps_runner(self, spec: InputSpec, settings: JSON, weights: Mapping[str, AnyArray]) -> Runner:
        """What gives a vector of every step with a saved model. Raises ParameterError for a family that does not read
        step by step, MissingExtraError where only torch can run it, and is missing."""
        if self.load_steps:
            return _found(self.load_steps)(spec, settings, weights)
        return steps_runner(self.build(spec, settings), weights)

    def unlearned(self, sequences: Sequences, dim: int | None = None, seed: int = 0) -> object:
        """A `Model` that needs no training. Raises ParameterError when the family has none."""
        if self.judges:
            raise ParameterError(f"encoder {self.name!r} is what `train` makes of labels alone")
        if not self.fit:
            raise ParameterError(f"encoder {self.name!r} has to be trained")
        fit: Callable[..., object] = _found(self.fit)
        return fit(sequences, dim, seed=seed) if self.reduces else fit(sequences)


def _found(member: T | str) -> T:
    """What "module:name" names; anything else is itself."""
    if not isinstance(member, str):
        return member
    found: T = found_at(member, __package__)
    return found


FAMILIES: Registry[Family] = Registry("encoder", "seqsearch.encoders")


def register(family: Family) -> Family:
    """Add a family. Raises ParameterError when its name is another one's."""
    return FAMILIES.register(family.name, family)


_features = partial(Family, load=".run:features_runner")  # nothing learned: the features as they are
_stepwise = partial(Family, steps=True, dropout=True)
for _family in (
    _features("kmer", ("tokens",), fit=".model:kmer_model"),
    _features("curve", ("series",), fit=".model:shape_model"),
    Family("components", fit=".components:components_model", load=".run:projection_runner", reduces=True),
    Family("identity", ("series",), fit=".identity:identity_model", load=".identity:identity_runner", as_is=True),
    Family("projection", network=".projection:ProjectionEncoder", load=".run:projection_runner"),
    Family("linear", network=".linear:LinearEncoder", load=".run:projection_runner"),
    Family("mlp", network=".mlp:MLPEncoder", dropout=True),
    _stepwise("cnn", network=".cnn:CNNEncoder"),
    _stepwise("gru", network=".gru:GRUEncoder"),
    _stepwise("lstm", network=".lstm:LSTMEncoder"),
    _stepwise("transformer", network=".transformer:TransformerEncoder", rate=1e-3),
    _stepwise("local-transformer", network=".transformer:LocalTransformerEncoder", rate=1e-3),
    _stepwise("attention", network=".attention:AttentionEncoder"),
    Family("ensemble", network=".ensemble:EnsembleEncoder", steps=True),
    Family("grams", ("tokens",), load=".grams:grams_runner", judges=True),
    Family("voters", ("series",), load=".voters:voters_runner", judges=True),
    Family("window", ("tokens",), load_steps=".windows:window_steps", judges=True),
    Family("blend", load=".blend:blend_runner", load_steps=".blend:blend_steps", judges=True),
):
    register(_family)

AUTO = {"tokens": "projection", "series": "projection", "classify": "cnn", "tag": "lstm", "cluster": "lstm"}
"""What the name "auto" means: for distances by the kind of input, for labels by the task."""
AS_IS = "identity"
"""What it means for distances of vectors."""
UNLEARNED = {"tokens": "kmer", "series": "curve"}
"""What needs no training and no sequences to look at, by the kind of input."""
COMPONENTS = "components"
"""What stands in for an encoder where nothing is to be learned."""


def family_named(name: str, kind: str = "tokens", task: str | None = None) -> Family:
    """The family of that name; "auto" gives the default for the task, or for the kind of input. ParameterError."""
    chosen = AUTO[task or kind] if name == "auto" else name
    try:
        family = FAMILIES[chosen]
    except UnknownNameError:
        raise UnknownNameError(f"no encoder {name!r}: choose one of auto, {', '.join(FAMILIES)}") from None
    if kind not in family.inputs:
        raise ParameterError(f"encoder {name!r} reads {' or '.join(family.inputs)}, not {kind}")
    return family
