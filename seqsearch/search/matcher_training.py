"""From pairs to a matcher: align, train both kinds of towers, index, choose what the stages keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import AnyArray, IntArray
from ..distances import MatchingDTW
from ..errors import MismatchError, ParameterError
from ..learning.plan import CLOCKS
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .cascade import KEEPS_BY
from .matching import Matcher, paired

ALIGNMENTS = ("auto", "steps", "dtw")
_LEAST_ALIGNED = 8  # steps that an alignment must cover to be learned from


@dataclass(frozen=True)
class MatcherOptions:
    """How a matcher is made.

    `bits` of a hash (a multiple of 8 to 64) and `dim` of a point, 0 for none; `align`: "steps" takes pairs as aligned
    step by step, "dtw" aligns them, "auto" aligns where lengths differ; `develop`: share of pairs held out of training
    to choose what the stages keep, `by` "count" or by "threshold" of the score; `recall`: share of these that has to
    reach the last stage; `most`: share of the database that may; `seconds`: training time at most for each pair of
    towers, 0 for no limit, by `clock`; `steps`: batches at most, None for the default.
    """

    bits: int = 32
    dim: int = 128
    align: str = "auto"
    develop: float = 0.2
    by: str = "count"
    recall: float = 0.95
    most: float = 0.05
    steps: int | None = None
    seconds: float = 0.0
    clock: str = "wall"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.bits % 8 or not 8 <= self.bits <= 64:
            raise ParameterError(f"hashes of a sequence have a multiple of 8 bits from 8 to 64, not {self.bits}")
        if self.dim < 0:
            raise ParameterError(f"dim must be at least 1, or 0 for no embedding, not {self.dim}")
        if self.align not in ALIGNMENTS:
            raise ParameterError(f"no alignment {self.align!r}: choose one of {', '.join(ALIGNMENTS)}")
        if not 0 < self.develop < 1:
            raise ParameterError(f"develop must be a share between 0 and 1, not {self.develop}")
        if not 0 < self.recall <= 1:
            raise ParameterError(f"recall must be above 0 and at most 1, not {self.recall}")
        if not 0 < self.most <= 1:
            raise ParameterError(f"most must be a share above 0 and at most 1, not {self.most}")
        if self.by not in KEEPS_BY:
            raise ParameterError(f"keeps go by {' or '.join(KEEPS_BY)}, not {self.by!r}")
        if self.clock not in CLOCKS:
            raise ParameterError(f"no clock {self.clock!r}: choose one of {', '.join(CLOCKS)}")


def train_matcher(
    queries: Sequences,
    database: Sequences,
    options: MatcherOptions | None = None,
    *,
    pairs: list[tuple[str, str]] | None = None,
    progress: Progress = SILENT,
) -> Matcher:
    """Learn from known pairs, index the whole `database`, and choose the keeps on pairs held out of training.

    `pairs`: ids of what belongs together, by equal ids when None. Several pairs may share a query or an entry; they
    stay on one side of the split. Raises MismatchError and ParameterError.
    """
    options = options if options is not None else MatcherOptions()
    first, second = paired(queries, database, pairs)
    groups = _connected(first, second)
    rng = np.random.default_rng(options.seed)
    order = rng.permutation(np.unique(groups))
    held = np.isin(groups, order[: max(1, int(options.develop * len(order)))])
    exact = MatchingDTW() if queries.features == database.features else None
    a, b = aligned(queries[first[~held]], database[second[~held]], options.align, exact, progress)
    hashes, points = _towers(a, b, (queries[first[~held]], database[second[~held]]), groups[~held], options, progress)
    matcher = Matcher(hashes, points, exact, penalty=max(1, options.bits // 4)).indexed(database, progress)
    most = max(1, round(options.most * len(database)))
    return matcher.calibrated(
        queries[first[held]], second[held], recall=options.recall, by=options.by, most=most, progress=progress
    )


def _towers(
    queries: Sequences,
    database: Sequences,
    whole: tuple[Sequences, Sequences],
    groups: IntArray,
    options: MatcherOptions,
    progress: Progress,
) -> Any:
    """Hash towers of aligned pairs, and attention towers of whole ones (None for dim 0)."""
    from ..learning.towers import TowerPlan, train_towers

    def plan(family: str) -> TowerPlan:
        made = replace(TowerPlan.for_family(family), seconds=options.seconds, clock=options.clock)
        return made if options.steps is None else replace(made, steps=options.steps)

    hashes, _ = train_towers(
        queries,
        database,
        family="hash",
        groups=groups,
        settings={"dim": options.bits},
        plan=plan("hash"),
        seed=options.seed,
        progress=progress,
    )
    if not options.dim:
        return hashes, None
    points, _ = train_towers(
        *whole,
        family="attention",
        groups=groups,
        settings={"dim": options.dim},
        plan=plan("attention"),
        seed=options.seed,
        progress=progress,
    )
    return hashes, points


def aligned(
    queries: Sequences, database: Sequences, how: str, exact: MatchingDTW | None, progress: Progress = SILENT
) -> tuple[Sequences, Sequences]:
    """Pairs on the time of the database side, equally long: queries[i] at each step is what database[i] has there.

    Aligned by DTW, the steps of the database that the path leaves out are cut off. Raises MismatchError where pairs
    cannot be aligned.
    """
    if how == "steps" or (how == "auto" and np.array_equal(queries.lengths, database.lengths)):
        if (differ := np.flatnonzero(queries.lengths != database.lengths)).size:
            row = int(differ[0])
            problem = f"{queries.lengths[row]} and {database.lengths[row]} steps are not aligned"
            raise MismatchError(f"pair {queries.ids[row]}, {database.ids[row]}: {problem}")
        return queries, database
    if exact is None:
        problem = f"{queries.features} and {database.features} features cannot be aligned by DTW"
        raise MismatchError(f"{problem}: give pairs of equal length, aligned step by step")
    first: list[AnyArray] = []
    second: list[AnyArray] = []
    with progress.task("aligning pairs", len(queries)) as task:
        for row in range(len(queries)):
            a, b = queries[row], database[row]
            path = exact.path(a.data, b.data)
            steps = np.unique(path[:, 1])
            at = path[np.searchsorted(path[:, 1], steps), 0]
            if len(steps) < _LEAST_ALIGNED:
                raise MismatchError(f"pair {a.id}, {b.id}: only {len(steps)} steps could be aligned")
            first.append(a.data[at])
            second.append(b.data[steps])
            task.advance()
    ours = Sequences.from_arrays(first, ids=queries.ids, layout="ntf")
    return ours, Sequences.from_arrays(second, ids=database.ids, layout="ntf")


def _connected(first: IntArray, second: IntArray) -> IntArray:
    """(m,) number of the group of each pair: pairs that share a query or an entry are of one group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    shift = int(first.max()) + 1
    size = shift + int(second.max()) + 1
    links = coo_array((np.ones(len(first)), (first, second + shift)), shape=(size, size))
    _, numbers = connected_components(links, directed=False)
    groups: IntArray = numbers[first].astype(np.int64)
    return groups
