"""Binary codes while a network learns: tanh outputs that stand for bits, all distances of a batch, what codes say."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..arrays import AnyArray, BoolArray, ByteArray
from ..encoders.codes import HASH_MEAN, HASH_ROTATION, quantizer
from ..hashing import bhattacharyya, bit_correlation, bit_entropy, codes_of, hamming_matrix
from .metric import Metric
from .plan import BINARISED, require_choice

POWER = 1.0
"""p of the predicted distance scale * bits^p while a code learns the order of neighbours."""


def relaxed(logits: Tensor, binarise: str) -> Tensor:
    """Logits to outputs in [-1, 1]: their tanh, or with "straight-through" their signs with the gradient of the tanh.

    Straight-through estimation: Bengio, Leonard and Courville 2013.
    """
    require_choice("way to binarise", binarise, BINARISED)
    soft = torch.tanh(logits)
    if binarise == "tanh":
        return soft
    return soft + (signs(logits) - soft).detach()


def signs(logits: Tensor) -> Tensor:
    """-1 or 1, as `hashing.sign_bits` cuts them: 0 is no 1."""
    return torch.where(logits > 0, 1.0, -1.0)


class HashMetric(Metric):
    """A `Metric` over codes of `bits` bits: a linear head with tanh outputs on the points of a network.

    While training, outputs are relaxed as `binarise` says; in evaluation mode they are bits, so that what is measured
    on held-out sequences is what an index will see. The head starts at iterative quantization of the fresh points.
    """

    def __init__(
        self, dim: int, bits: int, *, binarise: str = "tanh", power: float | None = None, seed: int = 0
    ) -> None:
        super().__init__("euclidean", power=2 * (POWER if power is None else power))
        self.bits, self.binarise, self.seed = bits, binarise, seed
        self.log_factor.requires_grad_(True)
        self.mean = nn.Parameter(torch.zeros(dim))
        self.rotation = nn.Parameter(torch.zeros(dim, bits))

    def start(self, outputs: Tensor) -> None:
        """Quantize the outputs of a fresh network, (n, D), and scale so that the tanh bends at their spread."""
        points = outputs.detach().cpu().numpy()
        head = quantizer(points, self.bits, np.random.default_rng(self.seed))
        with torch.no_grad():
            self.mean.copy_(torch.from_numpy(head[HASH_MEAN]))
            self.rotation.copy_(torch.from_numpy(head[HASH_ROTATION]))
            spread = self.logits(outputs).square().mean().sqrt().clamp_min(1e-6)
            self.rotation.div_(spread)

    def logits(self, outputs: Tensor) -> Tensor:
        """(B, D) outputs of the network to (B, bits) numbers whose signs are the bits."""
        return (outputs - self.mean) @ self.rotation

    def place(self, outputs: Tensor) -> Tensor:
        """(B, bits) in [-1, 1]."""
        logits = self.logits(outputs)
        return relaxed(logits, self.binarise) if self.training else signs(logits)

    def roots(self, points: Tensor) -> Tensor:
        """(B, B) square roots of the share of bits that differ, |u - v|^2 / 4 of them."""
        return super().roots(points) / (2 * math.sqrt(self.bits))

    def codes(self, outputs: Tensor) -> AnyArray:
        """(B, bits / 8) packed codes."""
        return codes_of(self.logits(outputs).detach().cpu().numpy())

    def saved(self) -> dict[str, AnyArray]:
        kept = {HASH_MEAN: self.mean, HASH_ROTATION: self.rotation}
        return {name: value.detach().cpu().numpy().copy() for name, value in kept.items()}


def code_monitors(codes: ByteArray, bits: int, alike: BoolArray) -> dict[str, float]:
    """`bhattacharyya`, `bit_entropy` and `bit_correlation` of (n, bits / 8) codes; `alike`: (n, n) pairs.

    The Bhattacharyya coefficient is left out where all pairs are of one sort.
    """
    upper = np.triu_indices(len(codes), 1)
    apart, same = hamming_matrix(codes, codes)[upper], alike[upper]
    measured = {"bit_entropy": bit_entropy(codes, bits), "bit_correlation": bit_correlation(codes, bits)}
    if same.any() and not same.all():
        measured["bhattacharyya"] = bhattacharyya(apart[same], apart[~same])
    return measured
