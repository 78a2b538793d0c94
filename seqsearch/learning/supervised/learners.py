"""An encoder and a head in one module."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import AnyArray, DoubleArray, IntArray
from ...encoders.encoder import Encoder
from ...encoders.families import Family
from ...encoders.heads import BIAS, PAIR_BIAS, PAIR_SCALE, WEIGHT
from ...encoders.inputs import InputSpec
from ...encoders.steps import StepEncoder, WordInputs
from ...errors import ParameterError
from ...sequences import Sequences, ranges_to_indices, words_of
from ..loop import Run
from ..networks import device_named, multiplying
from ..pair_objective import WARM_UP
from .batches import by_length
from .labels import UNKNOWN
from .plan import LabelPlan

COORDINATES = 16  # of an element, where elements are grouped
MOST_PAIRED = 128  # elements of one sequence that a batch compares with each other
_STEPS_AT_ONCE = 1 << 14


class Learner(nn.Module):
    """`network` and a linear head of K outputs over its points, or over its steps (`by_step`).

    An ensemble of M networks has a head for each, unless `together`: what it predicts is the mean of them.
    """

    def __init__(
        self, network: Encoder, outputs: int, *, by_step: bool, plan: LabelPlan, together: bool = False
    ) -> None:
        super().__init__()
        self.precision = plan.precision
        self.network = network
        self.by_step = by_step
        self.dropout = nn.Dropout(float(network.settings().get("dropout", 0.0)))
        if by_step and not isinstance(network, StepEncoder):
            raise ParameterError(f"encoder {network.family!r} does not read step by step, so it cannot label elements")
        self.widths = network.widths if isinstance(network, StepEncoder) and by_step else network.dims
        if together:
            self.widths = [sum(self.widths)]
        self.heads = nn.ModuleList(nn.Linear(width, outputs) for width in self.widths)
        self.classes = outputs

    def forward(self, sequences: Sequences) -> Tensor:
        """(B, M, K) of sequences, or (sum T, M, K) of their steps, one sequence after the other; M is 1 but for an
        ensemble.
        """
        with multiplying(self, self.precision):
            if self.by_step:
                assert isinstance(self.network, StepEncoder)
                inner = self.network.elements(sequences)
            else:
                inner = self.network.encode(sequences)
        parts = self.dropout(inner.float()).split(self.widths, dim=1)
        return torch.stack([head(part) for head, part in zip(self.heads, parts, strict=True)], dim=1)

    def loss(self, scores: Tensor, wanted: Tensor, weights: Tensor, smoothing: float) -> Tensor:
        """Mean cross-entropy of every head's scores (m, M, K) against (m,) labels, below 0 where not known."""
        every = wanted[:, None].expand(scores.shape[:2]).reshape(-1)
        return functional.cross_entropy(
            scores.flatten(0, 1), every, weights, ignore_index=UNKNOWN, label_smoothing=smoothing
        )

    def scores(self, sequences: Sequences) -> DoubleArray:
        """(n, K) of sequences, or (sum T, K) of their steps, in evaluation mode."""
        steps = self.network.spec.steps(sequences)
        lengths = steps if self.by_step else np.ones(len(sequences), np.int64)
        out = np.zeros((int(lengths.sum()), self.classes))
        starts = np.concatenate([[0], np.cumsum(lengths)])
        self.eval()
        with torch.no_grad():
            for rows in by_length(steps, _STEPS_AT_ONCE):
                found = self(sequences[rows]).mean(1).cpu().numpy()
                out[ranges_to_indices(starts[rows], lengths[rows])] = found
        return out

    def head_weights(self) -> dict[str, AnyArray]:
        """The mean of the heads as one, under the names that a model keeps its weights by."""
        heads = [head for head in self.heads if isinstance(head, nn.Linear)]
        weight = torch.cat([head.weight for head in heads], dim=1) / len(heads)
        bias = torch.stack([head.bias for head in heads]).mean(0)
        return {WEIGHT: weight.detach().cpu().numpy(), BIAS: bias.detach().cpu().numpy()}


class Grouper(Learner):
    """A learner whose outputs are coordinates, with the scale and bias of the probability of belonging together."""

    def __init__(self, network: Encoder, coordinates: int, plan: LabelPlan) -> None:
        super().__init__(network, coordinates, by_step=True, plan=plan, together=True)
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.ones(()))

    def pair_loss(self, sequences: Sequences, groups: IntArray) -> tuple[Tensor, int]:
        """Sum of -log probability over the pairs of elements within each sequence, and how many pairs.

        `groups`: (sum T,) numbers, below 0 where not known.
        """
        coordinates = self(sequences)[:, 0]
        lengths = self.network.spec.steps(sequences).tolist()
        total, pairs = coordinates.sum() * 0.0, 0
        numbers = torch.from_numpy(groups)
        for own, wanted in zip(torch.split(coordinates, lengths), torch.split(numbers, lengths), strict=True):
            chosen = torch.nonzero(wanted >= 0)[:, 0]
            if len(chosen) > MOST_PAIRED:
                chosen = chosen[torch.randperm(len(chosen))[:MOST_PAIRED]]
            if len(chosen) < 2:
                continue
            points, names = own[chosen.to(own.device)], wanted[chosen]
            first, second = torch.triu_indices(len(chosen), len(chosen), 1)
            away = (points[first] - points[second]).square().sum(1)
            same = (names[first] == names[second]).to(points)
            score = self.bias - self.log_scale.exp() * away
            total = total + functional.binary_cross_entropy_with_logits(score, same, reduction="sum")
            pairs += len(first)
        return total, pairs

    def head_weights(self) -> dict[str, AnyArray]:
        pair = {PAIR_SCALE: self.log_scale.detach().exp().cpu().numpy(), PAIR_BIAS: self.bias.detach().cpu().numpy()}
        return {**super().head_weights(), **pair}


def new_network(
    family: Family, training: Sequences, plan: LabelPlan, run: Run, *, by_words: bool, by_step: bool = False
) -> Encoder:
    """A fresh network that has looked at the training set once. `by_step`: its steps will be told apart."""
    settings = run.settings or {}
    if by_step or by_words:
        settings = family.stepwise(settings)
    spec = InputSpec.fit_words(training, folded=by_step) if by_words else InputSpec.fit(training)
    torch.manual_seed(run.seed)
    network = family.build(spec, settings).to(device_named(plan.device))
    network.warm_up(training[np.sort(np.random.default_rng(run.seed).permutation(len(training))[:WARM_UP])])
    for layer in network.input_layers() if isinstance(network, StepEncoder) else []:
        layer.dropout.p = plan.input_dropout
        if isinstance(layer, WordInputs) and spec.reading is not None:
            layer.count(spec.reading.numbers(words_of(training).words))
            layer.word_dropout = plan.word_dropout
    return network
