"""How well a model's decoder reads an embedding back: the error of each sequence, per element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import extras, threads
from ..arrays import DoubleArray, FloatArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .model import Model
from .run import loaded

if TYPE_CHECKING:
    from .decoder import Decoder

PREFIX = "decoder."
_STEPS = 1 << 15  # elements read at once


def reconstruction_errors(model: Model, sequences: Sequences, progress: Progress = SILENT) -> DoubleArray:
    """(n,) mean error of an element: cross-entropy in nats of a token, squared error of a standardised series.

    A sequence longer than the decoder's window is read window after window. Raises ParameterError for a model without a
    decoder, MismatchError for sequences it cannot read.
    """
    if model.decoder is None:
        raise ParameterError("the model has no decoder: train one with target autoencode")
    extras.require("torch", "a decoder")
    import torch

    from .decoder import Decoder

    decoder = loaded(Decoder(model.spec, model.dim, **model.decoder), model.weights, PREFIX)
    threads.torch_threads()
    points = model.embed(sequences)
    out = np.zeros(len(sequences))
    order = np.argsort(sequences.lengths, kind="stable")
    step = max(1, _STEPS // decoder.window)
    with progress.task("reading back", len(sequences)) as task, torch.no_grad():
        for start in range(0, len(order), step):
            rows = order[start : start + step]
            out[rows] = _totals(decoder, points[rows], sequences[rows]) / sequences.lengths[rows]
            task.advance(len(rows))
    return out


def _totals(decoder: Decoder, points: FloatArray, sequences: Sequences) -> DoubleArray:
    """(B,) summed errors of all elements."""
    import torch

    total = np.zeros(len(sequences))
    for start in range(0, int(sequences.lengths.max()), decoder.window):
        rows = np.flatnonzero(sequences.lengths > start)
        errors, _ = decoder.errors(torch.from_numpy(points[rows]), sequences[rows], np.full(len(rows), start))
        total[rows] += errors.sum(1).double().numpy()
    return total
