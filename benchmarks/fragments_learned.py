"""Learned points of windows, for `fragments.py --part rivals`: reads cut at random offsets, with errors, and windows.

A read and the windows that it is asked of are brought together by the exact distance: the read is cut from a stored
gene with 1, 3 or 5% errors; of the genes that the unlearned points and relatives lead to, and of others of the batch,
the windows whose place is nearest to the read's are ranked. Their likelihoods by the angle of points are to be those by
the infix distance (a listwise softmax; Cao et al., ICML 2007). The network is that of `projection`: a linear map of
k-mer counts, which begins as the unlearned one, and a small residual one.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from seqsearch.distances import InfixDistance
from seqsearch.encoders.model import Model
from seqsearch.encoders.projection import ProjectionEncoder
from seqsearch.search.relatives import Walk
from seqsearch.search.window_building import reads_of
from seqsearch.search.windows import stretches
from seqsearch.sequences import Sequences

READS, LISTED, BATCH, STEPS = 4_000, 24, 48, 400
HIDDEN, RATE, EDITS, FAR = 256, 1e-3, 2.0, 60.0
STRIDE, LENGTH = 50, 150


def lists_of(genes: Sequences, walk: Walk, rng: np.random.Generator) -> tuple[Sequences, Sequences, np.ndarray]:
    """(READS,) reads, (READS * LISTED,) windows, and the distances of the read to the genes of these, (READS, LISTED).

    The windows: one of the gene that the read is from, the others of its relatives, each shifted against the read by
    up to half a stride.
    """
    drawn = rng.choice(len(genes), READS)
    targets = genes[drawn]
    lengths = np.minimum(targets.lengths, LENGTH)
    begins = rng.integers(0, targets.lengths - lengths + 1)
    cuts = stretches(targets, targets.offsets[:-1] + begins, lengths)
    reads = reads_of(cuts, LENGTH, rng)
    related = walk.relatives.rows[drawn]
    # few at random of all the relatives, the most alike more often
    order = np.argsort(np.arange(related.shape[1]) * rng.random(related.shape), axis=1)[:, : LISTED - 1]
    rows = np.concatenate([drawn[:, None], np.take_along_axis(related, order, axis=1)], axis=1)
    shifts = np.take_along_axis(walk.relatives.shifts[drawn], order, axis=1)
    shifts = np.concatenate([np.zeros((READS, 1), shifts.dtype), shifts], axis=1)
    rows = np.where(rows < 0, drawn[:, None], rows)
    known = genes.lengths[rows]
    moved = rng.integers(-(STRIDE // 2), STRIDE // 2 + 1, rows.shape)
    starts = np.clip(begins[:, None] + shifts + moved, 0, np.maximum(0, known - LENGTH))
    windows = stretches(genes, (genes.offsets[rows] + starts).ravel(), np.minimum(known, LENGTH).ravel())
    owners = np.repeat(np.arange(READS), LISTED)
    cutoffs = np.full(len(owners), FAR)
    distances = InfixDistance().pairs(reads, owners, genes, rows.ravel(), cutoffs).reshape(rows.shape)
    return reads, windows, np.minimum(distances, FAR)


def learned_model(genes: Sequences, start: Model, walk: Walk, seed: int) -> Model:
    """A model whose points of windows and reads are near where reads are, whatever the offset."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    began = time.process_time()
    reads, windows, distances = lists_of(genes, walk, rng)
    settings = {**start.settings, "hidden": HIDDEN}
    network = ProjectionEncoder(start.spec, dim=start.dim, hidden=HIDDEN, features=start.settings["features"])
    with torch.no_grad():
        network.linear.weight.copy_(torch.from_numpy(start.weights["linear.weight"]))
    sharpness = nn.Parameter(torch.tensor(3.0))
    optimizer = torch.optim.AdamW([*network.parameters(), sharpness], lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    order = np.concatenate([rng.permutation(READS) for _ in range(1 + STEPS * BATCH // READS)])
    network.train()
    for step in range(STEPS):
        some = order[step * BATCH : (step + 1) * BATCH]
        rows = (some[:, None] * LISTED + np.arange(LISTED)).ravel()
        read = torch.from_numpy(network.features.dense(reads[some]))
        listed = torch.from_numpy(network.features.dense(windows[rows]))
        points = functional.normalize(network(torch.cat([read, listed])), dim=1)
        f, g = points[: len(some)], points[len(some) :]
        scores = f @ g.T * sharpness.exp()  # (B, B * LISTED)
        far = torch.full((len(some), len(some), LISTED), FAR)
        own = torch.from_numpy(distances[some].astype(np.float32))
        far[torch.arange(len(some)), torch.arange(len(some))] = own
        wanted = functional.softmax(-far.reshape(len(some), -1) / EDITS, dim=1)
        loss = -(wanted * functional.log_softmax(scores, dim=1)).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"learning: step {step + 1}, loss {loss.item():.3f}, {time.process_time() - began:.0f} s", flush=True)
    network.eval()
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return replace(start, family="projection", settings=settings, weights=weights)
