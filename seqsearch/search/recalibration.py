"""The recall of budgets measured anew, on the data of an index as they are now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arrays import spread
from ..errors import ParameterError
from ..progress import Progress
from .calibration import Calibration
from .calibrator import calibrate, counted, enough_queries, is_dear, members
from .encoding import TwoTowers
from .pair_calibrator import calibrate_pairs
from .pairs.aligning import Pairs, paired
from .pipeline import Queries
from .stages import ProposeParts, ProposeShared
from .state import State
from .window_building import reads_of

_LENGTHS = 1000  # stored sequences whose lengths are looked at


def measured(
    state: State,
    queries: Queries | None,
    target: float,
    known: tuple[Pairs | None, float],
    sample: tuple[int, int],
    progress: Progress,
) -> Calibration:
    """`known`: pairs, and the share of the database that may reach the last stage; `sample`: members, and a seed."""
    pairs, most = known
    if queries is not None:
        state.encoder.require(queries.sequences)
    if state.calibration.lossless and not isinstance(state.pipeline.stages[0], ProposeShared):
        return replace(state.calibration, target=target, size=len(state))
    if isinstance(state.encoder, TwoTowers):
        if queries is None:
            raise ParameterError("an index of two kinds of series is calibrated on queries whose answers are known")
        sequences = queries.sequences
        asked, correct = paired(sequences.ids, state.targets.ids, pairs)
        most = max(1, round(most * len(state)))
        return calibrate_pairs(state.pipeline, sequences[asked], correct, target, most, progress)
    exclude = None
    if queries is None and isinstance(first := state.pipeline.stages[0], ProposeParts):
        rows, rng = members(state.live, *sample), np.random.default_rng(sample[1])
        queries = Queries(reads_of(state.targets[rows], first.windows.settings.length, rng))
    elif queries is None:
        exclude = members(state.live, *sample)
        queries = state.members(exclude)
    return calibrate(state.pipeline, queries, target, exclude=exclude, progress=progress)


def enough(state: State, target: float) -> int:
    """Members that have to be asked to measure a recall."""
    rows = spread(len(state.live), _LENGTHS)
    distance = state.distance
    dear = distance is not None and is_dear(state.targets.lengths_of(rows), len(state), distance)
    return enough_queries(target, len(state), dear=dear, lost=counted(distance))
