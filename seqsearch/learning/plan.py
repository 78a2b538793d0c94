"""What may be set of a training run, checked before any work starts."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from ..arrays import JSON
from ..distances import Distance
from ..encoders.codes import checked_bits
from ..errors import ParameterError
from ..sequences import Sequences
from .schedule import Schedule

CLOCKS = ("wall", "cpu")
PRECISIONS = ("float32", "bfloat16")
AUTO = "auto"
SERIES_CELL = 320.0  # cells of edit distance for one of time warping, which takes 40 (in a band) to 200 times as long
LONG = 100  # tokens of a mean sequence from which the geometry "auto" is cosine
FEWEST_STEPS, ENOUGH_STEPS = 100, 500  # of a small set, whatever `epochs` says, and where that says 100
TARGETS = ("near", "rank", "mse", "relative", "triplet", "contrastive", "autoencode", "hash")
TEACHERS = ("exact", "banded", "sketch")
WIDEST_SET, NARROWEST_SET = 512, 32  # sequences of which all pairs are compared at once; a vector holds 512
FEWEST_SETS, REUSED = 4, 8  # sets at least, and batches that come from one, about
FRESH = 0.2  # of the cells of a plan, within which every batch is compared by itself: that teaches a little more
USUAL, MOST_MORE = 40_000, 2.5  # sequences from which on more may be compared, and how much more
BINARISED = ("tanh", "straight-through")


def require_choice(what: str, value: str, choices: Collection[str]) -> None:
    """Raise ParameterError for a `value` that is none of the `choices`."""
    if value not in choices:
        raise ParameterError(f"no {what} {value!r}: choose one of {', '.join(choices)}")


def require_counts(settings: object, *names: str) -> None:
    """Raise ParameterError for the first of the named attributes that is below 1."""
    for name in names:
        if getattr(settings, name) < 1:
            raise ParameterError(f"{name} must be at least 1, not {getattr(settings, name)}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What may be set of any run.

    `batch`: sequences in one; `rate`: peak learning rate (a short rise, then a cosine down to zero), None for the
    family's own; `average`: decay of the moving average of weights that is kept in the end; `patience`: validation
    steps without progress before it stops; `seconds`: time at most, 0 for no limit - with a limit one seed no longer
    gives one model; `clock`: "wall", or "cpu" for the processor time of all threads, which other programs do not eat
    into; `device`: where torch works; `precision`: "float32", or "bfloat16" for the matrix products of the network
    while it learns, which is faster where the processor multiplies bfloat16 natively - weights, distances and losses
    stay in float32, and so does every embedding.
    """

    batch: int = 32
    rate: float | None = None
    average: float = 0.998
    patience: int = 10
    seconds: float = 0.0
    clock: str = "wall"
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        require_choice("clock", self.clock, CLOCKS)
        require_choice("precision", self.precision, PRECISIONS)
        require_counts(self, "batch", "patience")

    def to_json(self) -> JSON:
        return asdict(self)

    def schedule(self, steps: int, check: int, rate: float, *, decay: float = 0.0, clip: float = 0.0) -> Schedule:
        """The schedule of a run that is to have so many steps, validated every `check`, of a peak learning rate."""
        kept = self.patience, rate, self.average, decay, clip
        return Schedule(steps, check, *kept, self.seconds, self.clock)


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(Plan):
    """Settings of one run of training for distances.

    `steps`: batches seen at most, of `batch` sequences each (fewer where these are very long), or so many `epochs` of
    the training set (a small one is learnt by then, and only remembered better after), but not below 500; `sequences`:
    rows to learn from at most; `cells`: exact-distance work at most, in cells of the dynamic programme, of up to 40,000
    sequences (see `cells_for`) - where batches would take more than a fifth of that they come from sets that are
    compared once, fewer sets where these are dear (pairs.py); `rounds`: times that near pairs are mined, at first with
    what is known before the first step, then with the embedding so far; `validate`: sequences held out; `check`: steps
    between validation steps.

    `geometry` of the points ("auto": see `suited_to`) and its hyperbolic `mode`; `power`: p of the predicted distance
    scale * d^p, None for what suits the geometry; `target`: what is learned, one of `TARGETS`; `margin` of triplets and
    contrasted pairs, in units of a 4.5th of the typical distance; `edits`: share of elements changed in the copies that
    are the positives of target contrastive.

    `teacher`: what tells the distances to learn, one of `TEACHERS` (see teachers.py): exact ones, or where these are
    dear those within a band, or estimates; what is held out is judged by exact ones.

    `bits`: learn a binary code of so many in place of points; `binarise`: its bits while learning, "tanh" or
    "straight-through"; target "hash" is Raffel's loss of such codes, `margin` then in units of sqrt(bits), 4 for 16.
    """

    batch: int = 256
    average: float = 0.999
    steps: int = 1500
    epochs: int = 100
    sequences: int = 100_000
    cells: float = 1e13
    rounds: int = 1
    validate: int = 384
    check: int = 150
    geometry: str = AUTO
    mode: str = "ball"
    power: float | None = None
    target: str = "near"
    margin: float = 1.0
    edits: float = 0.05
    teacher: str = "exact"
    bits: int | None = None
    binarise: str = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("training target", self.target, TARGETS)
        require_choice("teacher", self.teacher, TEACHERS)
        require_choice("way to binarise", self.binarise, BINARISED)
        if self.bits is not None:
            checked_bits(self.bits)
            if self.geometry not in (AUTO, "euclidean"):
                raise ParameterError(f"codes of bits have no {self.geometry} geometry")
        if (self.target == "hash" and self.bits is None) or (self.target == "autoencode" and self.bits is not None):
            raise ParameterError(f"the target {self.target} does not fit bits {self.bits}")
        if self.power is not None and not self.power > 0:
            raise ParameterError(f"the power must be above 0, not {self.power}")
        require_counts(self, "steps", "epochs", "sequences", "rounds", "check")
        if not 0 <= self.edits <= 0.5:
            raise ParameterError(f"edits must be from 0 to 0.5, not {self.edits}")

    @classmethod
    def of_effort(cls, effort: str) -> TrainingPlan:
        """ "low", "normal" or "high": a third of the work of normal, and about ten times of it."""
        plan = cls()
        if effort == "low":
            return replace(plan, steps=500, sequences=30_000, cells=plan.cells / 4, average=0.998, epochs=16)
        if effort == "high":
            return replace(plan, steps=12_000, sequences=300_000, cells=plan.cells * 5, patience=20)
        if effort == "normal":
            return replace(plan, epochs=16)
        raise ParameterError(f"effort must be low, normal or high, not {effort!r}")

    def cells_for(self, count: int) -> float:
        """Exact-distance work of learning from `count` sequences, at most: of many of them more than of few."""
        return self.cells * min(max(count / USUAL, 1.0), MOST_MORE)

    def steps_for(self, count: int, batch: int) -> int:
        """Steps of learning from `count` sequences in batches of so many."""
        usual = min(ENOUGH_STEPS, 100 * count // self.batch)
        return min(self.steps, max(FEWEST_STEPS, usual, self.epochs * count // min(batch, self.batch)))

    def suited_to(self, sequences: Sequences) -> TrainingPlan:
        """This plan with the geometry that "auto" means for these sequences: cosine for long tokens, else Euclidean.

        On genes the angle predicts the edit distance a fifth to a third better, and finds as much or more (V4, 128
        dimensions: 1.12 against 1.59 %RMSE); on words of nine letters Euclidean points find more. Learned codes need
        them, and targets other than near were measured with them.
        """
        if self.geometry != AUTO:
            return self
        long = sequences.kind == "tokens" and len(sequences) > 0 and float(sequences.lengths.mean()) >= LONG
        suits = long and self.target == "near" and self.bits is None
        return replace(self, geometry="cosine" if suits else "euclidean")

    def phases(self) -> list[TrainingPlan]:
        """The runs of this plan: one, or for a code the points first and then, a quarter as long, their bits.

        Points learn distances first where a code has a target of its own. Bits learn the order of neighbours where
        points learn distances too: the distance of outputs that are not yet bits is none that a code will have.
        """
        if self.bits is None:
            return [self]
        points = replace(self, bits=None, target="near" if self.target in ("hash", "rank") else self.target)
        points = replace(points, seconds=0.8 * self.seconds)
        target = "rank" if self.target == "near" else self.target
        steps = max(1, self.steps // 4)
        check = min(self.check, max(1, steps // 5))
        return [points, replace(self, target=target, steps=steps, rounds=1, check=check, seconds=0.2 * self.seconds)]


def set_size(batch: int, length: float, cells: float) -> int:
    """Sequences in a set all of whose pairs are compared once, for batches of so many: as many as a vector holds, or
    twice as many as a batch, but no more than that `FEWEST_SETS` of them take at most `cells`."""
    widest = max(WIDEST_SET, 2 * batch)
    return min(widest, max(NARROWEST_SET, int(math.sqrt(2 * cells / FEWEST_SETS) / max(length, 1.0))))


def sets_for(batch: int, length: float, cells: float, steps: int) -> tuple[int, int]:
    """Sequences in a set that is compared once, and how many sets there are for so many steps: as many as these, of one
    batch each, where that takes little of the `cells`."""
    if steps * (batch * length) ** 2 / 2 <= FRESH * cells:
        return batch, steps
    width = set_size(batch, length, cells)
    return width, max(1, min(int(2 * cells / (width * length) ** 2), steps // REUSED))


def batch_size(wanted: int, length: float, cells: float) -> int:
    """Sequences in a batch: those `wanted`, or half of a set where no larger one is affordable."""
    return min(wanted, max(NARROWEST_SET, set_size(wanted, length, cells) // 2))


def affordable(cells: float, distance: Distance) -> float:
    """Cells of that distance that may be filled for as many of the edit distance."""
    return cells / (SERIES_CELL if distance.kind == "series" else 1.0)
