"""The infix form of DTW against all parts of a target one by one: distances, places, paths, bounds, long targets."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import COSTS, walks
from hypothesis import given, settings
from hypothesis import strategies as st
from partial_oracles import parts, warped_part_oracle

from seqsearch.distances import Distance, DTWDistance, InfixDTW, distance_named
from seqsearch.distances import dtw_infix_kernels as kernels
from seqsearch.distances import dtw_infix_lanes as lanes
from seqsearch.distances import dtw_window_kernels as windows
from seqsearch.distances.dtw_infix import block_for, turned_of
from seqsearch.errors import MismatchError, ParameterError, SeriesError
from seqsearch.sequences import Sequences

FORMS = [
    {},
    {"local": "absolute", "root": True},
    {"local": "cosine"},
    {"window": 0.0, "standardise": True},
    {"window": 0.1, "standardise": True, "root": True},
    {"window": 0.3},
    {"window": 1.0, "local": "absolute"},
    {"window": 0.2, "local": "cosine"},
    {"window": 0.2, "local": "cosine", "standardise": True},
]
every_form = pytest.mark.parametrize("form", FORMS, ids=str)
ZERO = np.zeros(1, np.int64)


def of(*series) -> Sequences:
    return Sequences.from_arrays([np.array(each, float) for each in series])


def one_by_one(form, x, y):
    """(distances, parts) of all parts, each by the classic distance."""
    places = parts(len(x), len(y), form.get("window"))
    whole = DTWDistance(**form)
    cut = Sequences.from_arrays([y[begin:end] for begin, end in places], layout="ntf")
    return whole.matrix(Sequences.from_arrays([x], layout="ntf"), cut)[0], places


def recordings(n, steps, queries, length, rng, features=1):
    """(queries, targets, rows, begins): parts of walks, shifted, stretched and noisy."""
    targets = walks(n, steps, features, rng, shortest=steps)
    rows, begins = rng.integers(0, n, queries), rng.integers(0, steps - length, queries)
    cut = []
    for row, begin in zip(rows.tolist(), begins.tolist(), strict=True):
        part = targets[row].data[begin : begin + length]
        cut.append(part + 0.05 * rng.standard_normal(part.shape))
    return Sequences.from_arrays(cut, layout="ntf"), targets, rows, begins


def slowly(distance, form, x, y):
    """The distance by the whole table, or to each part of a length."""
    if distance.window is not None:
        return one_by_one(form, x, y)[0].min()
    x, y = x.astype(float), y.astype(float)
    if distance.local == "cosine":
        x, y = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (x, y))
        costs = 1 - x @ y.T
    else:
        apart = np.abs(x[:, None] - y[None])
        costs = (apart**2 if distance.local == "squared" else apart).sum(axis=2)
    found = warped_part_oracle(costs)
    return np.sqrt(found) if distance.root else found


@every_form
@pytest.mark.parametrize("features", [1, 3])
def test_it_is_the_nearest_of_all_parts_and_says_which(form, features):
    rng = np.random.default_rng(len(str(form)))
    distance = InfixDTW(**form)
    queries, targets = walks(5, 40, features, rng), walks(6, 50, features, rng)
    table = distance.matrix(queries, targets)
    rows, others = np.divmod(np.arange(table.size), len(targets))
    for i, begin, end in zip(range(table.size), *distance.spans(queries, rows, targets, others), strict=True):
        found, places = one_by_one(form, queries[int(rows[i])].data, targets[int(others[i])].data)
        assert table.flat[i] == pytest.approx(found.min(), rel=1e-9, abs=1e-9)
        assert found[places.index((begin, end))] == pytest.approx(found.min(), rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=8),
    st.lists(st.integers(-3, 3), min_size=1, max_size=20),
    st.sampled_from([{}, {"window": 0.0}, {"window": 0.3, "local": "absolute"}, {"local": "absolute"}]),
)
def test_of_equal_parts_the_first_to_end_is_told_and_of_those_the_shortest(x, y, form):
    distance, queries, targets = InfixDTW(**form), of(x), of(y)
    found, places = one_by_one(form, queries[0].data, targets[0].data)
    (begin,), (end,) = distance.spans(queries, ZERO, targets, ZERO)
    assert (begin, end) == places[int(np.argmin(found))]
    assert distance.matrix(queries, targets)[0, 0] == found.min()
    path = distance.path(x, y)
    assert path[0].tolist() == [0, begin]
    assert path[-1].tolist() == [len(x) - 1, end - 1]
    steps = np.diff(path, axis=0)
    assert ((steps >= 0) & (steps <= 1)).all()
    assert steps.any(axis=1).all()
    cost = COSTS[distance.local]
    frames = queries[0].data, targets[0].data
    assert sum(float(cost(frames[0][i], frames[1][j])) for i, j in path.tolist()) == pytest.approx(found.min())


@every_form
def test_long_targets_are_searched_as_if_every_part_was_compared(form):
    rng = np.random.default_rng(7)
    distance = InfixDTW(**form)
    features = 1 + 2 * (form.get("local") == "cosine")
    queries, targets, rows, _ = recordings(6, 700, 4, 64, rng, features)
    assert block_for(64) == 2
    table = np.array([[slowly(distance, form, x.data, y.data) for y in targets] for x in queries])
    np.testing.assert_allclose(distance.matrix(queries, targets), table, rtol=1e-9, atol=1e-12)
    found, pruning = distance.searcher(targets).search(queries, 3)
    slow, _ = Distance.searcher(distance, targets).search(queries, 3)
    np.testing.assert_array_equal(found.rows, slow.rows)
    np.testing.assert_array_equal(found.distances, slow.distances)
    assert found.rows[:, 0].tolist() == rows.tolist()
    near, fewer = distance.searcher(targets).search(queries, 3, within=found.distances[:, 0])
    assert (near.rows[:, 1:] == -1).all()
    np.testing.assert_array_equal(near.distances[:, 0], found.distances[:, 0])
    if form.get("local") != "cosine":
        assert fewer.ruled_out["bounds of parts"] > pruning.ruled_out["bounds of parts"]


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e6])
@pytest.mark.parametrize("offset", [0.0, 1e3, -1e6])
def test_bounds_are_never_above_the_distance_whatever_the_scale(scale, offset):
    rng = np.random.default_rng(11)
    form = InfixDTW(window=0.1, standardise=True).form
    y = rng.standard_normal(900).cumsum()
    y[300:420] = y[300]  # flat
    y[600:640] *= 100  # beside what is small there
    y = (y * scale + offset)[:, None]
    for m in (1, 2, 17, 90):
        x = rng.standard_normal((m, 1)).cumsum(axis=0)
        prepared = InfixDTW(window=0.1, standardise=True).prepared(Sequences.from_arrays([x])).data
        asked, count = windows.asked_of(prepared, form), len(y) - m + 1
        sums, bounds = windows.sums_for(1, count, m), np.empty((3, count))
        windows.fill_sums(y, 0, count, m, True, sums)
        windows.fill_bounds(asked, sums, count, form, True, bounds)
        whole = DTWDistance(window=0.1, standardise=True)
        cut = Sequences.from_arrays([y[start : start + m] for start in range(count)], layout="ntf")
        true = whole.matrix(Sequences.from_arrays([x]), cut)[0]
        assert (bounds[0] <= true * (1 + 1e-9) + 1e-9).all()
        if m > 2 and scale == 1.0 and offset == 0.0:
            assert np.median(bounds[0] / np.maximum(true, 1e-9)) > 0.3  # and they say something


@pytest.mark.parametrize("local", ["squared", "absolute", "cosine"])
@pytest.mark.parametrize(
    ("scale", "offset", "loud"), [(1, 0, 1), (1e-5, 3, 1), (1e4, -1e6, 1), (1, 1e3, 1e9), (1, 0, 0)]
)
def test_bounds_of_blocks_are_never_above_the_distance_whatever_the_scale(local, scale, offset, loud):
    rng = np.random.default_rng(12)
    distance = InfixDTW(local=local)
    targets = [scale * rng.standard_normal((500, 2)).cumsum(axis=0) + offset for _ in range(2)]
    query = loud * targets[1][100:170] + scale * loud * 0.1 * rng.standard_normal((70, 2))
    stored = distance.stored.prepared(Sequences.from_arrays(targets))
    x = kernels.backwards(distance.prepared(Sequences.from_arrays([query])).data)
    frames = np.ascontiguousarray(stored.data.T)
    for block in (1, 4, 7):
        turned = turned_of(stored, block)
        for row in range(2):
            count = turned.starts[row + 1] - turned.starts[row]
            ends, least = np.empty(500), np.empty(count)
            kernels.sweep(x, frames, 500 * row, distance.form.local, np.empty((3, 71)), ends)
            kernels.bounds_of(x, turned, row, distance.form.local, least)
            true = np.array([ends[b * block : (b + 1) * block].min() for b in range(count)])
            assert (least <= true).all()
            if block == 1 and scale == loud == 1 and local != "cosine":
                assert (least >= 0.999 * true).all()


@pytest.mark.parametrize("local", ["squared", "absolute"])
@pytest.mark.parametrize(("scale", "offset", "loud"), [(1, 0, 1), (1e-5, 3, 1), (1e4, -1e6, 1), (1, 0, 1e9), (1, 0, 0)])
def test_bounds_of_stretches_side_by_side_are_those_of_one_and_never_above(local, scale, offset, loud):
    rng = np.random.default_rng(13)
    distance, steps = InfixDTW(local=local), 1501
    walk = rng.standard_normal(steps).cumsum()
    walk[700:1000] = walk[700]  # where a path may stand still for long
    query = loud * scale * (walk[300:320] + 0.1 * rng.standard_normal(20))
    stored = distance.stored.prepared(of(scale * walk[:40] + offset, scale * walk + offset))
    x = kernels.backwards(distance.prepared(of(query + loud * offset)).data)
    turned = turned_of(stored, 1)
    count = turned.starts[2] - turned.starts[1]
    assert lanes.are_worthwhile(count, 20, 1)
    ends, least, plain = np.empty(steps), np.empty(count), np.empty(count)
    kernels.sweep(x, turned.frames, 40, distance.form.local, np.empty((3, 21)), ends)
    kernels.bounds_of(x, turned, 1, distance.form.local, least)
    assert (least <= ends).all()
    kernels._fill_bounds(*kernels.widened(x, turned.scale), turned, 40, kernels.coarse(distance.form.local), plain)
    plain /= turned.scale if local == "absolute" else turned.scale**2
    assert np.isclose(least, plain, rtol=1e-3).mean() > 0.7  # others are of paths that stand still
    # and frame by frame, of stretches that begin anywhere
    turned = turned_of(stored, 7)
    coarse = np.empty(turned.starts[2] - turned.starts[1])
    kernels.bounds_of(x, turned, 1, distance.form.local, coarse)
    finer = kernels._finer(x, turned, 1, distance.form.local, coarse, float(np.quantile(coarse, 0.6)))
    true = np.array([ends[b * 7 : (b + 1) * 7].min() for b in range(len(coarse))])
    assert (coarse <= finer).all()
    assert (finer <= true).all()
    if loud == 1:
        assert (finer > coarse).any()


def test_where_the_first_place_is_not_what_it_promised_others_are_tried():
    rng = np.random.default_rng(14)
    targets = of(*(rng.standard_normal(3000) for _ in range(2)))
    queries = of(*(targets[1].data[900:960, 0] + level * rng.standard_normal(60) for level in (0.0, 0.2, 0.5, 3.0)))
    distance = InfixDTW()
    found, _ = distance.searcher(targets).search(queries, 2)
    for q, query in enumerate(queries):
        table = np.array([slowly(distance, {}, query.data, target.data) for target in targets])
        np.testing.assert_allclose(found.distances[q], np.sort(table), rtol=1e-9, atol=1e-12)


def test_a_band_of_none_is_the_euclidean_distance_of_standardised_parts():
    rng = np.random.default_rng(3)
    queries, targets, rows, begins = recordings(3, 500, 5, 60, rng)
    distance = InfixDTW(window=0.0, standardise=True, root=True)
    found, _ = distance.searcher(targets).search(queries, 1)
    assert found.rows[:, 0].tolist() == rows.tolist()
    starts, ends = distance.spans(queries, np.arange(5), targets, rows)
    assert starts.tolist() == begins.tolist()
    assert (ends - starts).tolist() == [60] * 5
    x, y = queries[0].data.astype(float), targets[int(rows[0])].data[begins[0] : ends[0]].astype(float)
    scaled = [(each - each.mean()) / each.std() for each in (x, y)]
    assert found.distances[0, 0] == pytest.approx(float(np.linalg.norm(scaled[0] - scaled[1])))


def test_a_stretched_beat_is_found_where_it_is():
    rng = np.random.default_rng(4)
    target = rng.standard_normal(4000).cumsum()
    part = target[1500:1600]
    slow = np.interp(np.linspace(0, 99, 130), np.arange(100), part)
    distance = InfixDTW()
    (begin,), (end,) = distance.spans(of(slow), ZERO, of(target), ZERO)
    assert abs(begin - 1500) <= 3
    assert abs(end - 1600) <= 3
    near = InfixDTW(window=0.2, standardise=True)
    (begin,), (end,) = near.spans(of(5 + 3 * part), ZERO, of(target), ZERO)
    assert (begin, end) == (1500, 1600)


def test_equal_frames_cost_nothing_under_the_cosine():
    x = np.full((30, 3), 0.1)  # whose length is rounded
    for form in ({}, {"window": 0.1}, {"window": 0.1, "standardise": True}):
        distance = InfixDTW(local="cosine", **form)
        found, _ = distance.searcher(of(x, x, x)).search(of(x), 2)
        assert found.rows.tolist() == [[0, 1]]
        assert (found.distances >= 0).all()


def test_what_it_is_told_wrongly():
    with pytest.raises(ParameterError, match="standardise needs a window, such as 0.1"):
        InfixDTW(standardise=True)
    with pytest.raises(ParameterError, match="window must be a share from 0 to 1 of the query, not 1.5"):
        distance_named("dtw-infix", window=1.5)
    with pytest.raises(ParameterError, match="no local cost 'cubic'"):
        InfixDTW(local="cubic")
    with pytest.raises(ParameterError, match="the distance dtw-infix has no parameter 'slope'"):
        distance_named("dtw-infix", slope=2)
    with pytest.raises(SeriesError):
        InfixDTW().path([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(MismatchError, match="features"):
        InfixDTW().matrix(of(np.zeros((5, 2))), of(np.zeros(3)))
