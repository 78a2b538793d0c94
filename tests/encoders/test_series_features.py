from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.encoders.inputs import InputSpec
from seqsearch.encoders.layers import linear_layers
from seqsearch.encoders.model import shape_model
from seqsearch.encoders.series_features import SeriesFeatures
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, Sequences


def curve_slowly(values: np.ndarray, points: int) -> np.ndarray:
    """Means over equal stretches by repeating every step so often that the stretches end between repeats."""
    return np.repeat(values.astype(np.float64), points).reshape(points, -1).mean(axis=1)


def features_slowly(values: np.ndarray, features: SeriesFeatures) -> np.ndarray:
    """All features of one channel, by the definition in the module's docstring."""
    steps = len(values)
    parts = [np.array([values.mean(), values.std()])]
    for reading in (values, (values - values.mean()) / max(values.std(), 1e-6)):
        parts.append(curve_slowly(reading, features.points))
        for count in features.windows:
            for w in range(count):
                first = max(0, int(np.floor((w - 0.5) * steps / count)))
                part = reading[first : min(steps, int(np.ceil((w + 1.5) * steps / count)))]
                parts.append(np.array([part.mean(), part.min(), part.max(), np.abs(np.diff(part)).sum() / len(part)]))
        parts.append(np.quantile(reading, np.linspace(0, 1, features.quantiles)))
    return np.concatenate(parts)


@given(
    st.lists(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40), min_size=1, max_size=5),
    st.integers(1, 20),
    st.integers(1, 6),
    st.integers(2, 9),
)
@settings(max_examples=60, deadline=None)
def test_features_equal_their_definition(rows: list[list[float]], points: int, windows: int, quantiles: int) -> None:
    series = Sequences.from_arrays([np.array(row, np.float32) for row in rows])
    spec = InputSpec(None, features=1, length=10, mean=(0.5,), deviation=(2.0,))
    features = SeriesFeatures(spec, points, (windows, 1), quantiles)
    found = features.dense(series)
    assert found.shape == (len(rows), features.size)
    for row, values in zip(found, rows, strict=True):
        told = (np.array(values, np.float32) - np.float32(0.5)) / np.float32(2)
        expected = [*features_slowly(told.astype(np.float64), features), np.log(len(values) / 10)]
        if told.std() == 0 or told.std() > 1e-3:  # below, the deviation's rounding is all that is seen
            np.testing.assert_allclose(row, expected, rtol=2e-3, atol=2e-3)


def test_projecting_equals_multiplying() -> None:
    rng = np.random.default_rng(0)
    series = Sequences.from_arrays([rng.standard_normal((int(t), 3)) for t in rng.integers(1, 70, 20)])
    features = SeriesFeatures.standard(InputSpec.fit(series))
    table = rng.standard_normal((features.size, 9)).astype(np.float32)
    np.testing.assert_allclose(
        features.project(series, linear_layers(table)), features.dense(series) @ table, rtol=1e-3, atol=1e-2
    )


def test_a_stretched_curve_keeps_its_shape() -> None:
    values = np.sin(np.linspace(0, 6, 50)).astype(np.float32)
    series = Sequences.from_arrays([values, np.repeat(values, 2)])
    points = SeriesFeatures(InputSpec(None, features=1, length=50, mean=(0.0,), deviation=(1.0,))).dense(series)
    np.testing.assert_allclose(points[0, 2:66], points[1, 2:66], atol=1e-5)


def test_many_channels_do_not_grow_the_table_without_end() -> None:
    spec = InputSpec(None, features=300, length=1000, mean=(0.0,) * 300, deviation=(1.0,) * 300)
    assert SeriesFeatures.standard(spec).size < 30_000


def test_constant_series_are_finite() -> None:
    points = shape_model(Sequences.from_arrays([np.full(7, 3.0), np.zeros(1)])).embed(
        Sequences.from_arrays([np.full(5, 3.0), np.zeros(2), np.full(3, -1e30)])
    )
    assert np.isfinite(points[:2]).all()


def test_data_that_do_not_fit_are_refused() -> None:
    model = shape_model(Sequences.from_arrays([np.zeros((4, 2)), np.ones((3, 2))]))
    with pytest.raises(MismatchError, match="the model reads 2 features, the series have 1"):
        model.embed(Sequences.from_arrays([np.zeros(4)]))
    with pytest.raises(ParameterError, match="encoder 'curve' reads series, not tokens"):
        shape_model(Sequences.from_texts(["ACGT"], DNA))
