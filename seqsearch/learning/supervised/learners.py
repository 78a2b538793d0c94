"""An encoder and a head in one module, and what a run does before its first step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...arrays import AnyArray, DoubleArray, IntArray
from ...encoders.encoder import Encoder
from ...encoders.families import Family, family_named
from ...encoders.heads import BIAS, WEIGHT, Head
from ...encoders.inputs import InputSpec
from ...encoders.model import Model
from ...encoders.steps import StepEncoder, WordInputs
from ...errors import ParameterError
from ...sequences import Sequences, ranges_to_indices, words_of
from ..trainer import WARM_UP, device_named
from .batches import by_length
from .plan import LabelPlan

UNKNOWN = -100  # the number of a label that is not known
_STEPS_AT_ONCE = 1 << 14


class Learner(nn.Module):
    """`network` and a linear head of K outputs over its points, or over its steps (`by_step`).

    An ensemble of M networks has a head for each, unless `together`: what it tells is the mean of them.
    """

    def __init__(
        self, network: Encoder, outputs: int, *, by_step: bool, plan: LabelPlan, together: bool = False
    ) -> None:
        super().__init__()
        dropout = float(network.settings().get("dropout", 0.0))
        self.precision = plan.precision
        self.network = network
        self.by_step = by_step
        self.dropout = nn.Dropout(dropout)
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
        lower = self.precision == "bfloat16" and self.training  # models are judged as they will be used
        with torch.autocast(next(self.parameters()).device.type, torch.bfloat16, enabled=lower):
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

    def outputs(self, sequences: Sequences) -> list[tuple[IntArray, AnyArray]]:
        """Rows and their outputs, batch by batch, in evaluation mode."""
        self.eval()
        batches = by_length(self.network.spec.steps(sequences), _STEPS_AT_ONCE)
        with torch.no_grad():
            return [(rows, self(sequences[rows]).mean(1).cpu().numpy()) for rows in batches]

    def head_weights(self) -> dict[str, AnyArray]:
        """The mean of the heads as one, under the names that a model keeps its weights by."""
        heads = [head for head in self.heads if isinstance(head, nn.Linear)]
        weight = torch.cat([head.weight for head in heads], dim=1) / len(heads)
        bias = torch.stack([head.bias for head in heads]).mean(0)
        return {WEIGHT: weight.detach().cpu().numpy(), BIAS: bias.detach().cpu().numpy()}


def family_for(encoder: str, task: str, sequences: Sequences) -> Family:
    """The family of that name; "auto" is what suits the task. Raises ParameterError for one with nothing to train."""
    family = family_named(encoder, sequences.kind, task)
    if not family.trained:
        raise ParameterError(f"encoder {family.name!r} has nothing to train")
    return family


def new_network(
    family: Family,
    training: Sequences,
    settings: dict[str, Any],
    plan: LabelPlan,
    *,
    by_words: bool,
    seed: int,
    by_step: bool = False,
) -> Encoder:
    """A fresh network that has looked at the training set once. `by_step`: its steps will be told apart."""
    if by_step or by_words:
        settings = family.stepwise(settings)
    spec = InputSpec.fit_words(training, plan.least) if by_words else InputSpec.fit(training)
    torch.manual_seed(seed)
    network = family.build(spec, settings).to(device_named(plan.device))
    network.warm_up(training[np.sort(np.random.default_rng(seed).permutation(len(training))[:WARM_UP])])
    for layer in network.input_layers() if isinstance(network, StepEncoder) else []:
        layer.dropout.p = plan.input_dropout
        if isinstance(layer, WordInputs) and spec.reading is not None:
            layer.count(spec.reading.numbers(words_of(training).words))
            layer.word_dropout = plan.forgetting
    return network


def finished_model(learner: Learner, head: Head, training: dict[str, Any], extra: dict[str, AnyArray]) -> Model:
    """The trained network and its head as data."""
    network = learner.network
    weights = {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    return Model(
        network.family,
        network.spec,
        network.settings(),
        {**weights, **learner.head_weights(), **extra},
        network.dim,
        training=training,
        head=head,
    )


def training_document(plan: LabelPlan, seed: int, sequences: int, log: Sequence[dict[str, float]]) -> dict[str, Any]:
    """How a model came to be, for its file."""
    return {"plan": plan.to_json(), "seed": seed, "sequences": sequences, "log": list(log)}


def joined(parts: list[tuple[IntArray, AnyArray]], lengths: IntArray) -> DoubleArray:
    """(m, K) outputs in the order of the sequences, `lengths` (n,) of which belong to each."""
    order = np.concatenate([rows for rows, _ in parts])
    flat = np.concatenate([outputs for _, outputs in parts]).astype(np.float64)
    starts = np.concatenate([[0], np.cumsum(lengths[order])])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    out: DoubleArray = flat[ranges_to_indices(starts[place], lengths)]
    return out
