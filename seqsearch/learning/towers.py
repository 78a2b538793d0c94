"""Training two towers on aligned pairs: what belongs together comes close, everything else apart."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import ClassVar, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from .. import threads
from ..arrays import BoolArray, DoubleArray, FloatArray, IntArray
from ..encoders.inputs import InputSpec
from ..encoders.pair import SIDES, TowerPair
from ..encoders.towers import Tower, tower_class, tower_named
from ..errors import MismatchError, ParameterError
from ..hashing import bhattacharyya, bit_correlation, bit_entropy, codes_of, hamming
from ..sequences import Sequences, ranges_to_indices
from .loop import Objective, Row, Run, RunOptions, Trainer, TrainingLog
from .losses import in_batch_softmax, step_softmax
from .networks import device_named, device_of, multiplying, weights_of
from .plan import Plan, require_counts

FEWEST_PAIRS = 8
CROP = 320  # steps of input taken of each pair of hash towers
LOOKED_AT = 256  # sequences of each side before the first step
WHOLE = 1280  # of a sequence whose point is learnt: all of nearly every one
APART = 2  # pooled steps from which another output of the same sequence is a negative too
DECAY = 1e-4
CLIP = 1.0
_ANCHORS = 400  # outputs of a batch whose partners are looked for among all of it


@dataclass(frozen=True, kw_only=True)
class TowerPlan(Plan):
    """Settings of one run.

    `steps`: batches at most, of `batch` pairs each. The loss asks for the partner of an output among all of the batch,
    at `temperature` (bits for hashes, squared distances over the number of outputs for points). `validate`: share of
    groups held out; `check`: steps between validation steps.
    """

    batch: int = 16
    rate: float = 1e-3
    average: float = 0.99
    patience: int = 8
    steps: int = 1500
    temperature: float = 0.25
    validate: float = 0.1
    check: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(self, "steps", "check")
        if self.batch < 2:
            raise ParameterError(f"batch must be at least 2, not {self.batch}")
        if not self.temperature > 0:
            raise ParameterError(f"the temperature must be above 0, not {self.temperature}")
        if not 0 <= self.validate < 1:
            raise ParameterError(f"validate must be a share below 1, not {self.validate}")

    @classmethod
    def for_family(cls, family: str) -> TowerPlan:
        """Settings that suit the towers: of points, one a sequence, a batch must hold more sequences."""
        return cls() if tower_class(family).keeps_time else cls(batch=64, temperature=0.03)


def train_towers(
    queries: Sequences,
    database: Sequences,
    *,
    family: str = "hash",
    groups: IntArray | None = None,
    plan: TowerPlan | None = None,
    **options: Unpack[RunOptions],
) -> tuple[TowerPair, TrainingLog]:
    """Train towers on n pairs: queries[i] belongs to database[i].

    For "hash" towers the two of a pair are aligned, step by step, and so equally long; for "attention" towers they are
    not compared by step and may differ. `groups`, (n,): pairs of one group are versions of the same thing, never
    negatives of one another and never on both sides of the split. `options`: see `loop.Run`. The log tells the overlap
    of held-out pairs with others, bhattacharyya, and bit_entropy and bit_correlation.
    Raises MismatchError for pairs that do not fit and ParameterError for too few of them.
    """
    plan, run = plan if plan is not None else TowerPlan.for_family(family), Run(**options)
    numbers = np.arange(len(queries)) if groups is None else np.asarray(groups, np.int64)
    _check_pairs(queries, database, numbers, family)
    rng = np.random.default_rng(run.seed)
    torch.manual_seed(run.seed)
    threads.torch_threads()
    specs = {"query": InputSpec.fit(queries), "database": InputSpec.fit(database)}
    device = device_named(plan.device)
    towers = {side: tower_named(family, specs[side], run.settings or {}).to(device) for side in SIDES}
    for side, sequences in (("query", queries), ("database", database)):
        some = np.sort(np.random.default_rng(run.seed).permutation(len(sequences))[:LOOKED_AT])
        towers[side].warm_up(sequences[some])
    objective = TowerObjective(
        towers, _Pairs(queries, database, numbers, specs, tower_class(family).keeps_time), plan, rng
    )
    grouping = hashlib.blake2b(numbers.tobytes(), digest_size=16).hexdigest()
    checkpoint = run.checkpoint_of(queries, database, groups=grouping, family=family, plan=plan.to_json())
    schedule = plan.schedule(plan.steps, plan.check, plan.rate, decay=DECAY, clip=CLIP)
    log = Trainer(objective, schedule, run, checkpoint).run()
    training = {"plan": asdict(plan), "seed": run.seed, "pairs": len(queries), "log": log.rows}
    return TowerPair(family, towers["query"].settings(), specs, weights_of(objective.learner), training), log


def _check_pairs(queries: Sequences, database: Sequences, groups: IntArray, family: str) -> None:
    if not len(queries) == len(database) == len(groups):
        raise MismatchError(
            f"{len(queries)} queries, {len(database)} database sequences, {len(groups)} groups: no pairs"
        )
    if queries.kind != "series" or database.kind != "series":
        raise MismatchError("towers compare series, not tokens")
    if tower_class(family).keeps_time and (differ := np.flatnonzero(queries.lengths != database.lengths)).size:
        row = int(differ[0])
        raise MismatchError(
            f"pair {row + 1} ({queries.ids[row]}): {queries.lengths[row]} and {database.lengths[row]} steps are not "
            "aligned"
        )
    if (different := len(np.unique(groups))) < FEWEST_PAIRS:
        raise ParameterError(f"{different} pairs are too few to train on: at least {FEWEST_PAIRS} are needed")


@dataclass(frozen=True)
class _Batch:
    """Inputs of B pairs, (B, L, F) and (B,) steps of each side, and their groups."""

    inputs: dict[str, Tensor]
    lengths: dict[str, Tensor]
    groups: IntArray


class _Pairs:
    """The pairs, standardised, and crops of them."""

    def __init__(
        self, queries: Sequences, database: Sequences, groups: IntArray, specs: dict[str, InputSpec], aligned: bool
    ) -> None:
        self.groups = groups
        self.aligned = aligned
        self.sides = {"query": queries, "database": database}
        self.values = {side: specs[side].standardized(self.sides[side]) for side in SIDES}

    def crops(self, rows: IntArray, rng: np.random.Generator) -> _Batch:
        """A random stretch of each of `rows`: of aligned pairs the same one of both, as long as `CROP` or the shortest
        of them; of others nearly all of either, padded, since a point is of a whole sequence."""
        wanted, starts = {}, {}
        for side in SIDES:
            lengths = self.sides[side].lengths[rows]
            wanted[side] = np.minimum(lengths, WHOLE)
            if self.aligned:
                wanted[side] = np.full(len(rows), min(CROP, int(lengths.min())))
            starts[side] = rng.integers(lengths - wanted[side] + 1)
        if self.aligned:
            starts["database"] = starts["query"]
        inputs = {side: self._padded(side, rows, starts[side], wanted[side]) for side in SIDES}
        return _Batch(inputs, {side: torch.from_numpy(wanted[side]) for side in SIDES}, self.groups[rows])

    def _padded(self, side: str, rows: IntArray, starts: IntArray, lengths: IntArray) -> Tensor:
        """(B, L, F): so many steps of each from there on, and zeros."""
        values = self.values[side]
        out = np.zeros((len(rows), int(lengths.max()), values.shape[1]), np.float32)
        out[np.arange(out.shape[1]) < lengths[:, None]] = values[
            ranges_to_indices(self.sides[side].offsets[rows] + starts, lengths)
        ]
        return torch.from_numpy(out)


class TowerObjective(Objective[_Batch]):
    """Crops of random pairs; held-out pairs have to be nearer than others (training pairs where none are held out)."""

    judged_by: ClassVar[str] = "bhattacharyya"
    learner: nn.ModuleDict

    def __init__(self, towers: dict[str, Tower], pairs: _Pairs, plan: TowerPlan, rng: np.random.Generator) -> None:
        self.learner = nn.ModuleDict(towers)
        self.pairs, self.plan, self.rng = pairs, plan, rng
        order = rng.permutation(np.unique(pairs.groups))
        held = np.isin(pairs.groups, order[: int(plan.validate * len(order))])
        self.training, self.held = np.flatnonzero(~held), np.flatnonzero(held)
        self.batch = min(plan.batch, len(self.training))
        self.per_epoch = len(self.training) / self.batch

    def draw(self) -> _Batch:
        return self.pairs.crops(self.rng.choice(self.training, self.batch, replace=False), self.rng)

    def loss(self, batch: _Batch) -> Tensor:
        with multiplying(self.learner, self.plan.precision):
            f, g = (out.float() for out in self._outputs(batch))
        groups, dim = batch.groups, f.shape[2]
        if not self.pairs.aligned:
            same = torch.from_numpy(groups[:, None] == groups).to(f.device)
            return in_batch_softmax(f[:, 0] / dim**0.5, g[:, 0] / dim**0.5, same, self.plan.temperature)
        anchors = torch.randperm(f.shape[0] * f.shape[1])[:_ANCHORS]  # torch's draws are kept by checkpoints
        excluded = torch.from_numpy(no_negatives(groups, f.shape[1], anchors.numpy())).to(f.device)
        flat = f.reshape(-1, dim), g.reshape(-1, dim)
        return step_softmax(*flat, anchors.to(f.device), excluded, self.plan.temperature)

    def validate(self) -> Row:
        """Always the same crops."""
        rows = self.held if len(self.held) > 1 else self.training[:256]
        f, g = (out.cpu().numpy() for out in self._outputs(self.pairs.crops(rows, np.random.default_rng(0))))
        other = mismatched(self.pairs.groups[rows], np.random.default_rng(1))
        dim = f.shape[2]
        same, apart = (_apart(f, g[to]) for to in (np.arange(len(g)), other))
        codes = codes_of(np.concatenate([f.reshape(-1, dim), g.reshape(-1, dim)]))
        return {
            "bhattacharyya": bhattacharyya(same, apart),
            "bit_entropy": bit_entropy(codes, dim),
            "bit_correlation": bit_correlation(codes, dim),
        }

    def _outputs(self, batch: _Batch) -> tuple[Tensor, Tensor]:
        """(B, S, dim) of both sides; S = 1 for points."""
        made = []
        for side in SIDES:
            data = batch.inputs[side].to(device_of(self.learner))
            out = self.learner[side](data, batch.lengths[side].to(data.device))
            made.append(out if out.dim() == 3 else out[:, None])
        return made[0], made[1]


def _apart(f: FloatArray, g: FloatArray) -> IntArray:
    """How far outputs (B, S, D) of pairs are apart: in bits, or of points (S = 1) in 64 steps from 0 to the diagonal of
    the cube."""
    if f.shape[1] > 1:
        return hamming(codes_of(f), codes_of(g))
    away: DoubleArray = np.linalg.norm(f - g, axis=2) * 64 / (2 * math.sqrt(f.shape[2]))
    return away.astype(np.int64)


def mismatched(groups: IntArray, rng: np.random.Generator) -> IntArray:
    """(B,) a random row of another group for each. ParameterError where there is only one group."""
    if len(np.unique(groups)) < 2:
        raise ParameterError("all pairs of a batch are versions of one thing: there is nothing to tell apart")
    drawn = rng.integers(len(groups), size=len(groups))
    while (same := groups[drawn] == groups).any():
        drawn[same] = rng.integers(len(groups), size=int(same.sum()))
    return drawn


def no_negatives(groups: IntArray, steps: int, anchors: IntArray) -> BoolArray:
    """(m, B * steps) outputs of a batch that are no negatives of the `anchors`, which are never excluded themselves.

    Outputs of the same group are none, but for those of the same sequence at least `APART` steps away.
    """
    sequence, step = np.divmod(np.arange(len(groups) * steps), steps)
    found: BoolArray = groups[sequence[anchors]][:, None] == groups[sequence]
    own = sequence[anchors][:, None] == sequence
    found &= ~(own & (np.abs(step[anchors][:, None] - step) >= APART))
    found[np.arange(len(anchors)), anchors] = False
    return found
