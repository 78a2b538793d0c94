"""Relatives made on purpose: copies of sequences with random edits, the positives of contrastive learning."""

from __future__ import annotations

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequences, offsets_of

_KNOTS = 4  # of a time warp: the speed changes so often
_TRIES = 4  # at a symbol that is another one


def edited(sequences: Sequences, rate: float, rng: np.random.Generator) -> Sequences:
    """A copy of each sequence, changed at the share `rate` of its elements.

    Tokens: substitutions, insertions and deletions, a third each, of symbols drawn from the set. Series: the time runs
    up to `rate` faster or slower from stretch to stretch, the amplitude is scaled and noise added by about that share
    of the spread. No sequence becomes empty. Raises ParameterError for a rate outside 0 to 0.5.
    """
    if not 0 <= rate <= 0.5:
        raise ParameterError(f"edits must be from 0 to 0.5, not {rate}")
    if not len(sequences):
        return sequences
    if sequences.alphabet is None:
        return _warped(sequences, rate, rng)
    return _mutated(sequences, rate, rng)


def _mutated(sequences: Sequences, rate: float, rng: np.random.Generator) -> Sequences:
    data = np.array(sequences.data[sequences.offsets[0] : sequences.offsets[-1]])
    offsets = sequences.offsets - sequences.offsets[0]
    kind = np.where(rng.random(len(data)) < rate, rng.integers(3, size=len(data)), 3)
    data = _substituted(data, kind == 0, rng)
    copies = np.where(kind == 1, 2, np.where(kind == 2, 0, 1))
    _keep_one(copies, offsets)
    ends = np.concatenate([[0], np.cumsum(copies)])
    out = np.repeat(data, copies)
    inserted = ends[:-1][kind == 1] + 1  # behind the element
    out[inserted] = data[rng.integers(len(data), size=len(inserted))]
    return Sequences(out, ends[offsets], sequences.ids, sequences.alphabet)


def _substituted(data: AnyArray, where: BoolArray, rng: np.random.Generator) -> AnyArray:
    """Other symbols of the set in those places, as far as a few draws find one."""
    places = np.flatnonzero(where)
    out = data.copy()
    for _ in range(_TRIES):
        out[places] = data[rng.integers(len(data), size=len(places))]
        places = places[out[places] == data[places]]
    return out


def _keep_one(copies: IntArray, offsets: IntArray) -> None:
    """Undo the deletion of a first element where nothing would be left."""
    kept = np.add.reduceat(copies, offsets[:-1])
    copies[offsets[:-1][kept == 0]] = 1


def _warped(sequences: Sequences, rate: float, rng: np.random.Generator) -> Sequences:
    spread = sequences.data.std(axis=0) + 1e-12
    rows, lengths = [], []
    for start, stop in zip(sequences.offsets[:-1].tolist(), sequences.offsets[1:].tolist(), strict=True):
        series = sequences.data[start:stop]
        speed = np.interp(
            np.linspace(0, _KNOTS - 1, len(series)), np.arange(_KNOTS), 1 + rate * rng.uniform(-1, 1, _KNOTS)
        )
        times = np.concatenate([[0.0], np.cumsum(speed)[:-1]])
        length = max(1, round(float(times[-1])) + 1)
        at = np.linspace(0, float(times[-1]), length)
        warped = np.stack([np.interp(at, times, column) for column in series.T], axis=1)
        scale = np.exp(rate * rng.standard_normal(series.shape[1]))
        rows.append(warped * scale + rate * spread * rng.standard_normal(warped.shape))
        lengths.append(length)
    data = np.concatenate(rows).astype(np.float32)
    return Sequences(data, offsets_of(np.array(lengths)), sequences.ids, None)
