"""Networks run without torch: the forward pass of the fast families in numpy and numba, from their saved weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .. import threads
from ..arrays import JSON, AnyArray, FloatArray
from ..errors import ParameterError
from ..sequences import Sequences
from .feature_sets import features_from_json
from .inputs import InputSpec
from .layers import linear_layers, residual_layers

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .encoder import Encoder

Runner = Callable[[Sequences], FloatArray]
"""Sequences to their (n, D) points, before these are placed in a geometry."""
Weights = Mapping[str, AnyArray]
Module = TypeVar("Module", bound="nn.Module")

_NORM_EPSILON = 1e-5  # torch.nn.BatchNorm1d


def features_runner(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """The features as they are: k-mer counts, or those of a series."""
    features = features_from_json(spec, settings["features"])
    return features.dense


def projection_runner(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """`ProjectionEncoder` in evaluation mode: its two first layers side by side in one table, the norm folded in.

    A row depends on its own sequence alone, never on the batch, so one sequence always gives the same bits.
    """
    features = features_from_json(spec, settings["features"])
    linear = weights["linear.weight"].T  # (M, D)
    if settings.get("hidden"):
        gain = weights["norm.weight"] / np.sqrt(weights["norm.running_var"] + _NORM_EPSILON)  # (H,)
        shift = weights["norm.bias"] - weights["norm.running_mean"] * gain
        layers = residual_layers(linear, weights["widen.weight"].T * gain, shift, weights["narrow.weight"].T)
    else:
        layers = linear_layers(linear)
    return lambda sequences: features.project(sequences, layers)


def torch_runner(encoder: Encoder, weights: Weights) -> Runner:
    """Any network, through torch on the CPU."""
    return _in_torch(loaded(encoder, weights).encode)


def steps_runner(encoder: Encoder, weights: Weights) -> Runner:
    """The steps of a network that reads step by step, (sum T, C). Raises ParameterError for any other."""
    from .steps import StepEncoder

    if not isinstance(encoder, StepEncoder):
        raise ParameterError(f"encoder {encoder.family!r} does not read step by step")
    loaded(encoder, weights)
    return _in_torch(encoder.elements)


def _in_torch(encode: Callable[[Sequences], Tensor]) -> Runner:
    import torch

    def run(sequences: Sequences) -> FloatArray:
        threads.torch_threads()
        with torch.no_grad():
            found: FloatArray = encode(sequences).numpy()
        return found

    return run


def loaded(network: Module, weights: Weights, prefix: str = "") -> Module:
    """The network in evaluation mode with its own of the weights, or all those whose names begin with a `prefix`.

    Raises RuntimeError for weights that do not fit.
    """
    import torch

    own = network.state_dict().keys()
    given = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    chosen = {name: torch.from_numpy(np.array(value)) for name, value in given.items() if prefix or name in own}
    network.load_state_dict(chosen)
    return network.eval()
