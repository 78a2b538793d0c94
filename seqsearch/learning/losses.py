"""Losses: pure functions of predicted and true distances, scalar means, and the targets they make, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SIMILAR = 1.0  # units within which a pair counts as alike: 10 edits for V4 genes
FAR = 0.1  # weight of a far pair beside near ones, where these found most
RANK = 10.0  # weight of the order of neighbours beside their distances, where both together found most
NEGATIVES = 8.0  # weight of pairs that are not alike: Raffel's for 16 bits


def near_weighted(predicted: Tensor, true: Tensor, offset: float, far: float) -> Tensor:
    """Squared error weighted by 1 / (true + offset)^2 + far: an error of one edit matters most between neighbours.

    `predicted`, `true`: (m,) distances in the same unit; `offset` in that unit keeps the weight finite at zero.
    """
    return ((1 / (true + offset) ** 2 + far) * (predicted - true) ** 2).mean()


def neighbour_ranks(predicted: Tensor, true: Tensor, temperature: float) -> Tensor:
    """How far the neighbourhoods of a batch are from the true ones, from (B, B) distances.

    Each row's other rows form a distribution, softmax(-distance / temperature); the loss is the mean over rows of the
    Kullback-Leibler divergence of the predicted from the true one (stochastic neighbour embedding, Hinton and Roweis
    2002). It asks for the right order among the nearest and does not care about the far ones.
    """
    size = len(true)
    own = torch.eye(size, dtype=torch.bool, device=true.device)
    wanted = functional.log_softmax((-true / temperature).masked_fill(own, -1e9), dim=1)
    given = functional.log_softmax((-predicted / temperature).masked_fill(own, -1e9), dim=1)
    return (wanted.exp() * (wanted - given)).sum() / size


def squared_error(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean squared error: the loss of NeuroSEED (Corso et al. 2021)."""
    return ((predicted - true) ** 2).mean()


def relative_error(predicted: Tensor, true: Tensor, floor: float) -> Tensor:
    """Mean absolute error relative to max(true, floor)."""
    return ((predicted - true).abs() / true.clamp_min(floor)).mean()


def triplet(predicted: Tensor, true: Tensor, margin: float) -> Tensor:
    """Mean of relu(predicted(a, p) - predicted(a, n) + margin), from (B, B) distances.

    Every row is an anchor a, its truly nearest other row is p, and every row truly farther than p is an n (Schroff et
    al. 2015, all negatives of the batch).
    """
    own = torch.eye(len(true), dtype=torch.bool, device=true.device)
    nearest = true.masked_fill(own, torch.inf)
    least, positive = nearest.min(1, keepdim=True)
    is_negative = ~own & (true > least)
    excess = functional.relu(predicted.gather(1, positive) - predicted + margin)
    return (excess * is_negative).sum() / is_negative.sum().clamp_min(1)


def contrastive(predicted: Tensor, true: Tensor, similar: float, margin: float) -> Tensor:
    """Similar pairs, true <= `similar`, are pulled together, others pushed to `margin`; each half counts as one.

    Pairs as (m,) distances. Hadsell, Chopra and LeCun 2006, with d^2 and relu(margin - d)^2.
    """
    alike = true <= similar
    pull = (predicted.square() * alike).sum() / alike.sum().clamp_min(1)
    push = (functional.relu(margin - predicted).square() * ~alike).sum() / (~alike).sum().clamp_min(1)
    return pull + push


def similarity_hash(
    positives: tuple[Tensor, Tensor], negatives: tuple[Tensor, Tensor], margin: float, weight: float
) -> Tensor:
    """mean_P |f - g|^2 + weight * mean_N max(0, margin - |f - g|)^2.

    `positives`, `negatives`: outputs of pairs that belong together and of others, each two aligned (m, bits) arrays.
    Raffel 2016, section 5.2: weight 8 and margin 4 for 16 bits; 5.33 and 4 for 32 bits.
    """
    (f, g), (a, b) = positives, negatives
    pull = (f - g).square().sum(1).mean() if len(f) else f.sum()
    # sqrt has no gradient at 0: two equal outputs are a margin apart in no direction
    apart = (a - b).square().sum(1).clamp_min(1e-12).sqrt()
    push = functional.relu(margin - apart).square().mean() if len(a) else a.sum()
    return pull + weight * push


def in_batch_softmax(f: Tensor, g: Tensor, same: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding the partner of each row among all of the batch, by squared distances, both ways.

    `f`, `g`: (B, D), f[i] belongs to g[i]; `same`: (B, B), other pairs that belong together too and count as neither.
    The N-pair loss (Sohn 2016) on distances.
    """
    scores = -torch.cdist(f, g).square() / temperature
    own = torch.eye(len(f), dtype=torch.bool, device=f.device)
    scores = scores.masked_fill(same & ~own, -torch.inf)
    wanted = torch.arange(len(f), device=f.device)
    return (functional.cross_entropy(scores, wanted) + functional.cross_entropy(scores.T, wanted)) / 2


def step_softmax(f: Tensor, g: Tensor, anchors: Tensor, excluded: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding the partners of some outputs among all outputs of the other side, both ways.

    `f`, `g`: (N, D) in [-1, 1], f[i] belongs to g[i]; `anchors`: (m,) rows to find partners for; `excluded`: (m,
    N), rows that count neither as partner nor as negative. Outputs agree in (D + f.g) / 2, the number of equal bits
    once they are bits; `temperature` is in bits. InfoNCE (van den Oord et al. 2018) over the steps of sequences.
    """

    def missed(a: Tensor, b: Tensor) -> Tensor:
        scores = (a[anchors] @ b.T / (2 * temperature)).masked_fill(excluded, -torch.inf)
        return functional.cross_entropy(scores, anchors)

    return (missed(f, g) + missed(g, f)) / 2


def off_diagonal(matrix: Tensor) -> Tensor:
    """(B * (B - 1),) entries of a (B, B) matrix that compare two different rows."""
    size = len(matrix)
    return matrix.flatten()[1:].view(size - 1, size + 1)[:, :-1].flatten()


def hash_target(outputs: Tensor, true: Tensor, margin: float) -> Tensor:
    """Raffel's loss over all pairs of a batch, from (B, bits) outputs and (B, B) true distances in units.

    Pairs within `SIMILAR` belong together. The others hold the mined near ones: the hard negatives. `margin` in units
    of sqrt(bits).
    """
    first, second = torch.triu_indices(len(true), len(true), 1)
    alike = true[first, second] <= SIMILAR
    f, g = outputs[first], outputs[second]
    distance = margin * math.sqrt(outputs.shape[1])
    return similarity_hash((f[alike], g[alike]), (f[~alike], g[~alike]), distance, NEGATIVES)


def _near(predicted: Tensor, true: Tensor, near: float, margin: float) -> Tensor:
    """Distances, near pairs first, and the order of each row's neighbours."""
    errors = near_weighted(off_diagonal(predicted), off_diagonal(true), near, FAR)
    return errors * (len(true) - 1) / 2 + RANK * neighbour_ranks(predicted, true, near)


def _contrastive(predicted: Tensor, true: Tensor, near: float, margin: float) -> Tensor:
    """Over rows and, in the trainer, an edited copy of each: at distance 0 from its original, so always alike."""
    return contrastive(off_diagonal(predicted), off_diagonal(true), SIMILAR, SIMILAR + margin)


Target = Callable[[Tensor, Tensor, float, float], Tensor]

TARGET_LOSSES: dict[str, Target] = {
    "near": _near,
    "rank": lambda predicted, true, near, margin: neighbour_ranks(predicted, true, near),
    "mse": lambda predicted, true, near, margin: squared_error(off_diagonal(predicted), off_diagonal(true)),
    "relative": lambda predicted, true, near, margin: relative_error(off_diagonal(predicted), off_diagonal(true), near),
    "triplet": lambda predicted, true, near, margin: triplet(predicted, true, margin),
    "contrastive": _contrastive,
}
"""(B, B) predicted and true distances in units, the distance of near neighbours, below which differences stop to
matter, and the margin to a loss. "autoencode" and "hash" are not here: they look at outputs too."""
