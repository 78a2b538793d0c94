"""The encoder that leaves series of one shape as they are: of plain vectors the points are the vectors themselves.

For the inner product they lie one dimension higher: see `placing.lifted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..arrays import JSON, AnyArray
from ..distances import points_of
from ..errors import ParameterError
from ..sequences import Sequences
from .inputs import InputSpec
from .model import Model
from .placing import REACH, ROOM
from .run import Runner

FAMILY = "identity"


def identity_model(sequences: Sequences) -> Model:
    """The model whose points are the series. Raises MismatchError for series of several lengths."""
    width = points_of(sequences).shape[1]
    if not width:
        raise ParameterError("an encoder cannot be made of no sequence")
    return Model(FAMILY, InputSpec.fit(sequences), {"width": width}, {}, width)


def identity_runner(spec: InputSpec, settings: JSON, weights: Mapping[str, AnyArray]) -> Runner:
    """What embeds stored series."""
    width = int(settings["width"])
    return lambda sequences: points_of(sequences, width)


def lifted_model(model: Model, longest: float) -> Model:
    """The same for the inner product of vectors of which the longest has this norm."""
    reach = np.array(ROOM * longest if longest > 0 else 1.0, np.float64)
    return replace(model, dim=model.dim + 1, geometry="euclidean", weights={**model.weights, REACH: reach})
