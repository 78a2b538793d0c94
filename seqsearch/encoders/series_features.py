"""Features of float series of any length: its outline on several scales, its envelope, its level and its values.

Every feature channel is read twice: with the training set's mean and deviation taken out, and with the series' own. Of
each reading:

- its mean over each of `points` equal stretches: the outline itself, stretched or squeezed to one length;
- mean, least and greatest value and mean step, over each of `windows` windows that overlap by half: warping moves
  values about inside a window and hardly changes these;
- `quantiles` of its values, which no warping that keeps durations changes.

Beside them level and spread of the series itself and the logarithm of its length. All are of the order of 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import threads
from ..arrays import JSON, FloatArray, IntArray
from ..jit import kernel, prange
from ..sequences import Sequences
from .inputs import InputSpec
from .layers import Layers, Lists, forward

_MOST = 8192  # columns that `standard` allows itself
_BLOCK = 32  # series at a time


@dataclass(frozen=True)
class SeriesFeatures:
    """Which features: `points` stretches of the outline, `windows` numbers of windows, `quantiles` of the values."""

    spec: InputSpec
    points: int = 64
    windows: tuple[int, ...] = (16, 4)
    quantiles: int = 8

    @classmethod
    def standard(cls, spec: InputSpec) -> SeriesFeatures:
        """All of them, fewer where there are many channels, and never more stretches than steps."""
        room = _MOST // (2 * max(1, spec.features))
        points = max(1, min(64, spec.length, room // 3))
        windows = tuple(sorted({max(1, min(w, room // 16, spec.length // 2)) for w in (16, 4)}, reverse=True))
        return cls(spec, points, windows, max(2, min(8, room // 16)))

    @property
    def size(self) -> int:
        """M: number of features."""
        return self.spec.features * (2 * (self.points + 4 * sum(self.windows) + self.quantiles) + 2) + 1

    def _arguments(self, sequences: Sequences) -> tuple[FloatArray, IntArray, int, IntArray, int, float]:
        self.spec.require(sequences)
        threads.numba_threads()
        return (
            self.spec.standardized(sequences),
            sequences.offsets,
            self.points,
            np.array(self.windows, np.int64),
            self.quantiles,
            float(self.spec.length),
        )

    def dense(self, sequences: Sequences) -> FloatArray:
        """(n, M) float32 features."""
        out = np.zeros((len(sequences), self.size), np.float32)
        _dense(out, *self._arguments(sequences))
        return out

    def project(self, sequences: Sequences, layers: Layers) -> FloatArray:
        """(n, D): the features through `layers`. A row depends on its own series alone, never on the others."""
        out = np.empty((len(sequences), layers.dim), np.float32)
        size = min(_BLOCK, -(-len(sequences) // threads.numba_threads()))
        _project(out, layers, max(1, size), *self._arguments(sequences))
        return out

    def to_json(self) -> JSON:
        return {"points": self.points, "windows": list(self.windows), "quantiles": self.quantiles}

    @classmethod
    def from_json(cls, spec: InputSpec, document: JSON) -> SeriesFeatures:
        return cls(spec, **{**document, "windows": tuple(document["windows"])})


@kernel()
def _outline(values: FloatArray, points: int, out: FloatArray, used: int) -> int:
    """Means over `points` equal stretches of the step function through `values`; the new end of `out`."""
    steps = len(values)
    sums = np.zeros(steps + 1, np.float64)
    for t in range(steps):
        sums[t + 1] = sums[t] + values[t]
    before = 0.0
    for p in range(points):
        end = (p + 1) * steps / points
        whole = min(int(end), steps)
        reached = sums[whole] + (end - whole) * (values[whole] if whole < steps else 0.0)
        out[used + p] = (reached - before) * points / steps
        before = reached
    return used + points


@kernel()
def _windows(values: FloatArray, windows: int, out: FloatArray, used: int) -> int:
    """Mean, least, greatest, and mean absolute step of each overlapping window; the new end."""
    steps = len(values)
    for w in range(windows):
        first = int(max(0.0, np.floor((w - 0.5) * steps / windows)))
        last = int(min(float(steps), np.ceil((w + 1.5) * steps / windows)))
        total, low, high, rough = 0.0, np.inf, -np.inf, 0.0
        for t in range(first, last):
            total += values[t]
            low = min(low, values[t])
            high = max(high, values[t])
            if t > first:
                rough += abs(values[t] - values[t - 1])
        out[used] = total / (last - first)
        out[used + 1] = low
        out[used + 2] = high
        out[used + 3] = rough / (last - first)
        used += 4
    return used


@kernel()
def _quantiles(values: FloatArray, quantiles: int, out: FloatArray, used: int) -> int:
    """Evenly spaced quantiles, least and greatest included; the new end."""
    ordered = np.sort(values)
    for q in range(quantiles):
        place = q * (len(ordered) - 1) / max(1, quantiles - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        out[used + q] = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    return used + quantiles


@kernel()
def _features_of(
    series: FloatArray, points: int, windows: IntArray, quantiles: int, length: float, out: FloatArray
) -> None:
    """All features of one (T, F) series into `out`, (M,)."""
    used = 0
    for f in range(series.shape[1]):
        values = series[:, f].copy()
        mean, spread = 0.0, 0.0
        for value in values:
            mean += value
        mean /= len(values)
        for value in values:
            spread += (value - mean) ** 2
        spread = np.sqrt(spread / len(values))
        out[used] = mean
        out[used + 1] = spread
        used += 2
        for reading in range(2):
            if reading == 1:
                for t in range(len(values)):
                    values[t] = (values[t] - mean) / max(spread, 1e-6)
            used = _outline(values, points, out, used)
            for count in windows:
                used = _windows(values, count, out, used)
            used = _quantiles(values, quantiles, out, used)
    out[used] = np.log(series.shape[0] / length)


@kernel(parallel=True)
def _dense(
    out: FloatArray, data: FloatArray, offsets: IntArray, points: int, windows: IntArray, quantiles: int, length: float
) -> None:
    for i in prange(len(offsets) - 1):
        _features_of(data[offsets[i] : offsets[i + 1]], points, windows, quantiles, length, out[i])


@kernel(parallel=True)
def _project(
    out: FloatArray,
    layers: Layers,
    size: int,
    data: FloatArray,
    offsets: IntArray,
    points: int,
    windows: IntArray,
    quantiles: int,
    length: float,
) -> None:
    """The points of `size` series at a time."""
    count, every = len(offsets) - 1, layers.first.shape[1]
    for block in prange((count + size - 1) // size):
        first, last = block * size, min(count, (block + 1) * size)
        ends = np.arange(last - first + 1) * every
        features = np.empty((last - first, every), np.int32)
        weights = np.zeros((last - first, every), np.float32)
        for i in range(first, last):
            features[i - first] = np.arange(every)
            _features_of(data[offsets[i] : offsets[i + 1]], points, windows, quantiles, length, weights[i - first])
        forward(Lists(features.ravel(), weights.ravel(), ends), layers, out[first:last])
