"""Labelled series kept in a model, whose nearest under time warping vote for the class of another."""

from __future__ import annotations

import numpy as np

from ..arrays import JSON, DoubleArray, FloatArray, IntArray
from ..distances import distance_named
from ..sequences import Sequences, Strings
from .inputs import InputSpec
from .run import Runner, Weights

FAMILY = "voters"
SERIES, ENDS, CLASSES = "voters.series", "voters.offsets", "voters.classes"
DOUBT = 0.5  # of a vote that every class has from the start


def voters_runner(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """(n, K) logarithms of the shares of the votes of the `k` nearest, by the first `channels` of series and stored
    ones; classes vote by `votes`, (K,), so that rare ones can count more."""
    channels, k = int(settings["channels"]), int(settings["k"])
    votes = np.asarray(settings["votes"], np.float64)
    kept, offsets, classes = weights[SERIES].astype(np.float32), weights[ENDS], weights[CLASSES]
    targets = Sequences(kept, offsets, Strings.of([str(row) for row in range(len(classes))]), None)
    distance = distance_named("dtw", window=float(settings["window"]))

    def run(sequences: Sequences) -> FloatArray:
        spec.require(sequences)
        return log_shares(distance.exact(compared(sequences, channels), targets, k).rows, classes, votes)

    return run


def compared(sequences: Sequences, channels: int) -> Sequences:
    """What is compared of series: their first channels."""
    return Sequences(np.ascontiguousarray(sequences.data[:, :channels]), sequences.offsets, sequences.ids, None)


def log_shares(rows: IntArray, classes: IntArray, votes: DoubleArray) -> FloatArray:
    """(n, K) logarithms of shares from (n, k) rows of the nearest, -1 for none, (m,) their classes and (K,) votes."""
    counts = np.zeros((len(rows), len(votes)))
    for column in range(rows.shape[1]):
        there = np.flatnonzero(rows[:, column] >= 0)
        cast = classes[rows[there, column]]
        np.add.at(counts, (there, cast), votes[cast])
    counts += DOUBT * votes.mean()
    shares: FloatArray = np.log(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
