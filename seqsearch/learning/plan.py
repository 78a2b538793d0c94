"""How long and how hard to train."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ..encoders.codes import checked_bits
from ..errors import ParameterError
from ..sequences import Sequences
from .checks import require_choice, require_counts

AUTO = "auto"
LONG = 100  # tokens of a mean sequence from which the geometry "auto" is cosine
TARGETS = ("near", "rank", "mse", "relative", "triplet", "contrastive", "autoencode", "hash")
BINARISED = ("tanh", "straight-through")
CLOCKS = ("wall", "cpu")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of one training run.

    `steps`: batches seen at most; `batch`: sequences in one, twice as many where they are long; `rate`: peak learning
    rate (a short rise, then a cosine down to zero), None for the family's own; `decay`: weight decay of AdamW;
    `average`: decay of the moving average of weights that is kept in the end.

    `sequences`: rows to learn from at most; `cells`: exact-distance work at most, in cells of the dynamic programme -
    when it is spent, batches already compared are used again; `rounds`: times that near pairs are mined, at first with
    what is known before the first step, then with the embedding so far; `validate`: sequences held out; `check`: steps
    between looks at them; `patience`: looks without progress before it stops; `seconds`: time at most, 0 for no limit -
    with a limit one seed no longer gives one model; `clock`: "wall", or "cpu" for the processor time of all threads,
    which other programs do not eat into; `device`: where torch works; `precision`: "float32", or "bfloat16" for the
    matrix products of the network while it learns, which is faster where the processor multiplies bfloat16 natively -
    weights, distances and losses stay in float32, and so does every embedding.

    `geometry` of the points ("auto": see `suited_to`) and its hyperbolic `mode`; `power`: p of the predicted distance
    scale * d^p, None for what suits the geometry; `target`: what is learned, one of `TARGETS`; `rank`: weight of the
    loss of neighbourhoods and `far` of far pairs beside near ones (target near); `margin` of triplets and contrasted
    pairs, in units of a 4.5th of the typical distance; `edits`: share of elements changed in the copies that are the
    positives of target contrastive; `unseen`: sequences at most, and a tenth of all, that target autoencode keeps out
    of training altogether, so that the reconstruction of unseen sequences is known.

    `bits`: learn a binary code of so many in place of points; `binarise`: its bits while learning, "tanh" or
    "straight-through"; target "hash" is Raffel's loss of such codes, `negatives` the weight of pairs that are not
    alike, `norm` that of the squared norms, `margin` then in units of sqrt(bits), 4 for 16 bits.
    """

    steps: int = 4000
    batch: int = 256
    rate: float | None = None
    decay: float = 0.0
    average: float = 0.999
    sequences: int = 100_000
    cells: float = 5e13
    rounds: int = 1
    validate: int = 384
    check: int = 200
    patience: int = 10
    geometry: str = AUTO
    mode: str = "ball"
    power: float | None = None
    target: str = "near"
    rank: float = 10.0
    far: float = 0.1
    margin: float = 1.0
    bits: int | None = None
    binarise: str = "tanh"
    negatives: float = 8.0
    norm: float = 0.0
    edits: float = 0.05
    unseen: int = 2000
    seconds: float = 0.0
    clock: str = "wall"
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        require_choice("training target", self.target, TARGETS)
        require_choice("clock", self.clock, CLOCKS)
        require_choice("way to binarise", self.binarise, BINARISED)
        if self.bits is not None:
            checked_bits(self.bits)
            if self.geometry not in (AUTO, "euclidean"):
                raise ParameterError(f"codes of bits have no {self.geometry} geometry")
        if (self.target == "hash" and self.bits is None) or (self.target == "autoencode" and self.bits is not None):
            raise ParameterError(f"the target {self.target} does not fit bits {self.bits}")
        require_choice("precision", self.precision, PRECISIONS)
        if self.power is not None and not self.power > 0:
            raise ParameterError(f"the power must be above 0, not {self.power}")
        require_counts(self, "steps", "batch", "sequences", "rounds", "check", "patience")
        if not 0 <= self.edits <= 0.5:
            raise ParameterError(f"edits must be from 0 to 0.5, not {self.edits}")

    @classmethod
    def of_effort(cls, effort: str) -> TrainingPlan:
        """ "low", "normal" or "high": each about four times the work of the one before."""
        plan = cls()
        if effort == "low":
            return replace(plan, steps=1000, sequences=30_000, cells=plan.cells / 4, average=0.998)
        if effort == "high":
            return replace(plan, steps=16_000, sequences=300_000, cells=plan.cells * 4, patience=20)
        if effort == "normal":
            return plan
        raise ParameterError(f"effort must be low, normal or high, not {effort!r}")

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
        steps = max(1, self.steps // 4)
        target = "rank" if self.target == "near" else self.target
        code = replace(
            self,
            target=target,
            steps=steps,
            rounds=1,
            check=min(self.check, max(1, steps // 5)),
            seconds=0.2 * self.seconds,
        )
        return [points, code]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
