"""Training two towers on aligned pairs: what belongs together comes close, everything else beyond a margin."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import threads
from ..arrays import IntArray
from ..encoders.inputs import InputSpec
from ..encoders.pair import SIDES, TowerPair
from ..encoders.towers import Tower, tower_named
from ..errors import MismatchError, ParameterError
from ..hashing import bhattacharyya, bit_correlation, bit_entropy, codes_of, hamming
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .checks import require_choice, require_counts
from .losses import in_batch_softmax, similarity_hash, step_softmax
from .plan import CLOCKS
from .rivals import mismatched, negatives_of, no_rivals

FEWEST_PAIRS = 8
LOSSES = ("margin", "softmax")
_ASKED = 400  # outputs of a batch whose partners are looked for among all of it


@dataclass(frozen=True)
class TowerPlan:
    """Settings of one training run.

    `steps`: batches at most, of `batch` pairs each; `crop`: steps of input taken of each pair; `rate`: peak learning
    rate (a short rise, then a cosine down to zero); `loss`: "softmax" asks for the partner of an output among all of
    the batch, at `temperature` (bits for hashes, squared distances over the number of outputs for points), "margin" is
    `losses.similarity_hash`; `within`: outputs of one sequence so many pooled steps apart are rivals in the softmax
    too, 0 for none; `margin` in units of sqrt(outputs), `negatives`, `norm`: of the margin loss, where every negative
    is the nearest of `hard` random ones; `validate`: share of groups held out; `check`: steps between looks at them,
    `patience`: looks without progress before it stops; `seconds`: at most, 0 for no limit, by `clock` as in
    `TrainingPlan`.
    """

    steps: int = 1500
    batch: int = 16
    crop: int = 320
    rate: float = 1e-3
    loss: str = "softmax"
    temperature: float = 0.25
    within: int = 2
    margin: float = 1.0
    negatives: float = 4.0
    norm: float = 0.0
    hard: int = 4
    validate: float = 0.1
    check: int = 100
    patience: int = 8
    seconds: float = 0.0
    clock: str = "wall"

    def __post_init__(self) -> None:
        require_counts(self, "steps", "crop", "hard", "check", "patience")
        if self.batch < 2:
            raise ParameterError(f"batch must be at least 2, not {self.batch}")
        if not self.temperature > 0:
            raise ParameterError(f"the temperature must be above 0, not {self.temperature}")
        if self.within < 0:
            raise ParameterError(f"within must be at least 0, not {self.within}")
        if not 0 <= self.validate < 1:
            raise ParameterError(f"validate must be a share below 1, not {self.validate}")
        require_choice("loss", self.loss, LOSSES)
        require_choice("clock", self.clock, CLOCKS)

    @classmethod
    def for_family(cls, family: str) -> TowerPlan:
        """Settings that suit the towers: of points, one a sequence, a batch must hold more sequences."""
        return cls(batch=64, temperature=0.03) if family == "attention" else cls()


@dataclass
class TowerLog:
    """Rows of step, epoch, loss and, of held-out pairs, bhattacharyya, bit_entropy and bit_correlation."""

    rows: list[dict[str, float]] = field(default_factory=list)


def train_towers(
    queries: Sequences,
    database: Sequences,
    *,
    family: str = "hash",
    groups: IntArray | None = None,
    settings: dict[str, Any] | None = None,
    plan: TowerPlan | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> tuple[TowerPair, TowerLog]:
    """Train towers on n pairs: queries[i] belongs to database[i].

    For "hash" towers the two of a pair are aligned, step by step, and so equally long; for "attention" towers they are
    not compared by step and may differ. `groups`, (n,): pairs of one group are versions of the same thing, never
    negatives of one another and never on both sides of the split. One seed gives one pair on one thread.
    Raises MismatchError for pairs that do not fit and ParameterError for too few of them.
    """
    plan = plan if plan is not None else TowerPlan.for_family(family)
    numbers = np.arange(len(queries)) if groups is None else np.asarray(groups, np.int64)
    _check_pairs(queries, database, numbers, family, plan)
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    threads.torch_threads()
    specs = {"query": InputSpec.fit(queries), "database": InputSpec.fit(database)}
    towers = {side: tower_named(family, specs[side], settings or {}) for side in SIDES}
    run = _Run(towers, _Pairs(queries, database, numbers, specs, family == "hash"), plan, rng, progress)
    log = run.go()
    weights = {
        f"{side}.{name}": value.detach().cpu().numpy().copy()
        for side in SIDES
        for name, value in towers[side].state_dict().items()
    }
    training = {"plan": asdict(plan), "seed": seed, "pairs": len(queries), "log": log.rows}
    return TowerPair(family, towers["query"].settings(), specs, weights, training), log


def _check_pairs(queries: Sequences, database: Sequences, groups: IntArray, family: str, plan: TowerPlan) -> None:
    if not len(queries) == len(database) == len(groups):
        raise MismatchError(
            f"{len(queries)} queries, {len(database)} database sequences, {len(groups)} groups: no pairs"
        )
    if queries.kind != "series" or database.kind != "series":
        raise MismatchError("towers compare series, not tokens")
    if family == "hash" and (differ := np.flatnonzero(queries.lengths != database.lengths)).size:
        row = int(differ[0])
        raise MismatchError(
            f"pair {row + 1} ({queries.ids[row]}): {queries.lengths[row]} and {database.lengths[row]} steps are not "
            "aligned"
        )
    if len(np.unique(groups)) < FEWEST_PAIRS:
        raise ParameterError(
            f"{len(np.unique(groups))} pairs are too few to train on: at least {FEWEST_PAIRS} are needed"
        )


@dataclass(frozen=True)
class _Batch:
    """Inputs of B pairs, (B, L, F) each, and their groups."""

    inputs: dict[str, Tensor]
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

    def crops(self, rows: IntArray, crop: int, rng: np.random.Generator) -> _Batch:
        """A random stretch of each of `rows`, as long as `crop` or the shortest of them; aligned pairs stay so."""
        lengths = {side: self.sides[side].lengths[rows] for side in SIDES}
        wide = {side: min(crop, int(lengths[side].min())) for side in SIDES}
        starts = {side: rng.integers(lengths[side] - wide[side] + 1) for side in SIDES}
        if self.aligned:
            starts["database"] = starts["query"]
        inputs = {}
        for side in SIDES:
            first = self.sides[side].offsets[rows] + starts[side]
            inputs[side] = torch.from_numpy(self.values[side][first[:, None] + np.arange(wide[side])])
        return _Batch(inputs, self.groups[rows])


class _Run:
    """One training run and its steps in order."""

    def __init__(
        self, towers: dict[str, Tower], pairs: _Pairs, plan: TowerPlan, rng: np.random.Generator, progress: Progress
    ) -> None:
        self.towers = nn.ModuleDict(towers)
        self.pairs, self.plan, self.rng, self.progress = pairs, plan, rng, progress
        order = rng.permutation(np.unique(pairs.groups))
        held = np.isin(pairs.groups, order[: int(plan.validate * len(order))])
        self.training, self.held = np.flatnonzero(~held), np.flatnonzero(held)
        self.batch = min(plan.batch, len(self.training))

    def go(self) -> TowerLog:
        """Train; the towers end with the weights that told held-out pairs from others best."""
        plan, log = self.plan, TowerLog()
        optimizer = torch.optim.AdamW(self.towers.parameters(), lr=plan.rate, weight_decay=1e-4)
        warm = min(50, max(1, plan.steps // 10))
        clock: Callable[[], float] = time.process_time if plan.clock == "cpu" else time.monotonic
        started, best, since, kept = clock(), math.inf, 0, copy.deepcopy(self.towers.state_dict())
        with self.progress.task("training towers", plan.steps) as task:
            for step in range(1, plan.steps + 1):
                spent = (clock() - started) / plan.seconds if plan.seconds else 0.0
                at = min(1.0, max(step / plan.steps, spent))
                for group in optimizer.param_groups:
                    group["lr"] = plan.rate * min(1.0, step / warm) * 0.5 * (1 + math.cos(math.pi * at))
                loss = self._step(optimizer)
                task.advance()
                if step % plan.check and step < plan.steps and spent < 1:
                    continue
                row = self._look(step, loss)
                log.rows.append(row)
                task.say(f"overlap {row['bhattacharyya']:.3f}")
                if row["bhattacharyya"] < best:
                    best, since, kept = row["bhattacharyya"], 0, copy.deepcopy(self.towers.state_dict())
                else:
                    since += 1
                if since >= plan.patience or spent >= 1:
                    break
        self.towers.load_state_dict(kept)
        self.towers.eval()
        return log

    def _outputs(self, batch: _Batch) -> tuple[Tensor, Tensor]:
        """(B, S, dim) of both sides; S = 1 for points."""
        made = []
        for side in SIDES:
            data = batch.inputs[side]
            lengths = torch.full((len(data),), data.shape[1])
            out = self.towers[side](data, lengths)
            made.append(out if out.dim() == 3 else out[:, None])
        return made[0], made[1]

    def _step(self, optimizer: torch.optim.Optimizer) -> float:
        self.towers.train()
        rows = self.rng.choice(self.training, self.batch, replace=False)
        batch = self.pairs.crops(rows, self.plan.crop, self.rng)
        f, g = self._outputs(batch)
        loss = self._loss(f, g, batch.groups)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.towers.parameters(), 1.0)
        optimizer.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ParameterError(f"training diverged: the loss is {value}; a rate below {self.plan.rate} may hold")
        return value

    def _loss(self, f: Tensor, g: Tensor, groups: IntArray) -> Tensor:
        dim = f.shape[2]
        if self.plan.loss == "softmax" and self.pairs.aligned:
            size = len(groups) * f.shape[1]
            asked = self.rng.choice(size, min(_ASKED, size), replace=False)
            excluded = torch.from_numpy(no_rivals(groups, f.shape[1], asked, self.plan.within))
            flat = f.reshape(-1, dim), g.reshape(-1, dim)
            return step_softmax(*flat, torch.from_numpy(asked), excluded, self.plan.temperature)
        if self.plan.loss == "softmax":
            same = torch.from_numpy(groups[:, None] == groups)
            return in_batch_softmax(f[:, 0] / dim**0.5, g[:, 0] / dim**0.5, same, self.plan.temperature)
        others = negatives_of(f.detach(), g.detach(), groups, self.plan.hard, self.rng)
        first, second, steps = others
        return (
            similarity_hash(
                (f.reshape(-1, dim), g.reshape(-1, dim)),
                (f[first, steps[:, 0]], g[second, steps[:, 1]]),
                self.plan.margin * math.sqrt(dim),
                self.plan.negatives,
                self.plan.norm,
            )
            / dim
        )

    def _look(self, step: int, loss: float) -> dict[str, float]:
        """Measure held-out pairs (the training ones where none are): always the same crops."""
        rows = self.held if len(self.held) > 1 else self.training[:256]
        self.towers.eval()
        with torch.no_grad():
            f, g = (
                out.numpy() for out in self._outputs(self.pairs.crops(rows, self.plan.crop, np.random.default_rng(0)))
            )
        dim = f.shape[2]
        other = mismatched(self.pairs.groups[rows], np.random.default_rng(1), 1)[:, 0]
        if f.shape[1] == 1:  # points: distances in 64 steps from 0 to the diagonal of the cube
            scale = 64 / (2 * math.sqrt(dim))
            same, apart = (scale * np.linalg.norm(f - g[to], axis=2) for to in (np.arange(len(g)), other))
            told = {"bhattacharyya": bhattacharyya(same.astype(np.int64), apart.astype(np.int64))}
        else:
            told = {"bhattacharyya": _overlap(f, g, other)}
        codes = codes_of(np.concatenate([f.reshape(-1, dim), g.reshape(-1, dim)]))
        told |= {"bit_entropy": bit_entropy(codes, dim), "bit_correlation": bit_correlation(codes, dim)}
        epoch = round(step * self.batch / max(1, len(self.training)), 4)
        return {"step": float(step), "epoch": epoch, "loss": loss, **told}


def _overlap(f: Any, g: Any, other: IntArray) -> float:
    """Bhattacharyya coefficient of the Hamming distances of aligned and of mismatched steps."""
    a, b = codes_of(f), codes_of(g)
    return bhattacharyya(hamming(a, b), hamming(a, b[other]))
