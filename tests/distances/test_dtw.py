import numpy as np
import pytest
from distance_oracles import dtw_oracle, squared, walks
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import DTWDistance
from seqsearch.distances.dtw_bounds import Projection, envelope, improvement, outside, room
from seqsearch.distances.dtw_kernels import ABSOLUTE, SQUARED, Form, pruned, reach
from seqsearch.distances.dtw_lanes import LANES, lanes_for, lay, side_by_side
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import Sequences


def between(distance, x, y):
    """The distance of two arrays."""
    return float(distance.matrix(Sequences.from_arrays([np.array(x)]), Sequences.from_arrays([np.array(y)]))[0, 0])


def test_itakura_keeps_the_parallelogram_and_joins_the_corners():
    rng = np.random.default_rng(5)
    for m, n in ((12, 12), (5, 17), (17, 5), (2, 9), (1, 4)):
        x, y = (rng.standard_normal((t, 1)).astype(np.float32) for t in (m, n))
        for slope in (1.0, 1.5, 3.0):

            def inside(i, j, m=m, n=n, slope=slope):
                if m == 1 or n == 1:
                    return True
                u, v, wide = i / (m - 1), j / (n - 1), 1.0 / (n - 1) + 1.0 / (m - 1) * slope + 1e-9
                least, most = max(u / slope, 1 - slope * (1 - u)), min(slope * u, 1 - (1 - u) / slope)
                return least - wide <= v <= most + wide

            found = between(DTWDistance(slope=slope), x, y)
            assert np.isfinite(found)
            assert found >= dtw_oracle(x.astype(float), y.astype(float), squared, inside) - 1e-12
    assert between(DTWDistance(slope=1.0), [1, 2, 4.0], [2, 2, 1.0]) == pytest.approx(1 + 0 + 9)


steps = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(steps, steps, st.sampled_from([None, 0.0, 0.1, 0.5]))
def test_laws(x, y, window):
    distance = DTWDistance(window=window)
    xy = between(distance, x, y)
    assert xy == pytest.approx(between(distance, y, x), rel=1e-9, abs=1e-9)
    assert between(distance, x, x) == 0
    assert xy >= between(DTWDistance(), x, y) - 1e-9 * xy
    if len(x) == len(y):
        straight = float(((np.array(x) - np.array(y)) ** 2).sum())
        assert xy <= straight * (1 + 1e-9)
        if window == 0.0:
            assert xy == pytest.approx(straight)
    assert between(distance, np.repeat(x, 2), x) == 0 or window is not None


def test_ties_go_to_the_smallest_row():
    series = Sequences.from_arrays([np.zeros(5), np.ones(5), np.zeros(5), np.ones(5), np.zeros(4)])
    for distance in (DTWDistance(), DTWDistance(window=0.2)):
        found = distance.exact(series[:2], series, 3)
        assert found.rows.tolist() == [[0, 2, 4], [1, 3, 0]]
        candidates = np.array([[4, 3, 2, 1, 0]] * 2)
        assert distance.rerank(series[:2], series, candidates, 3).rows.tolist() == found.rows.tolist()


def test_bounds_rule_out_most_pairs_and_a_radius_more_of_them():
    rng = np.random.default_rng(13)
    targets, queries = walks(400, 60, 1, rng, shortest=60), walks(5, 60, 1, rng, shortest=60)
    searcher = DTWDistance(window=0.1).searcher(targets)
    found, pruning = searcher.search(queries, 1)
    assert list(pruning.ruled_out) == ["LB_Kim", "LB_Keogh", "LB_Improved"]
    assert pruning.ruled_out["LB_Kim"] > 0
    assert pruning.ruled_out["LB_Keogh"] > 0
    (_, all_of_them), (_, near) = (
        searcher.search(queries, 50),
        searcher.search(queries, 50, within=found.distances[:, 0]),
    )
    assert near.verified < all_of_them.verified


def test_a_root_is_the_power_one():
    assert DTWDistance().power == 2
    assert DTWDistance(local="cosine").power == 2
    assert DTWDistance(root=True).power == DTWDistance(local="absolute").power == 1


@pytest.mark.parametrize("window", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("features", [1, 2])
def test_bounds_are_below_the_distance(window, features):
    rng = np.random.default_rng(17)
    for _ in range(60):
        m, n = (int(v) for v in rng.integers(1, 30, 2))
        x, y = (rng.standard_normal((t, features)).astype(np.float32).cumsum(0).astype(float) for t in (m, n))
        band = before, after = reach(m, n, window)
        low, high, *scratch = (np.empty((max(m, n), features)) for _ in range(5))
        work = Projection(*scratch, np.empty(room(m, n, features)))
        envelope(x, n, after, before, low, high, work.buffer)
        for j in range(n):
            near = x[max(0, j - after) : j + before + 1]
            assert np.array_equal(low[j], near.min(0))
            assert np.array_equal(high[j], near.max(0))
        for local in ("squared", "absolute"):
            truth = between(DTWDistance(local=local, window=window), x, y)
            keogh = outside(y.ravel(), low[:n].ravel(), high[:n].ravel(), local == "squared")
            more = improvement(x, y, low, high, band, local == "squared", work)
            assert keogh <= truth * (1 + 1e-6)
            assert keogh + more <= truth * (1 + 1e-6)
            assert more >= 0


def test_errors_name_what_is_wrong():
    for wrong, problem in (
        ({"local": "chebyshev"}, "no local cost 'chebyshev'"),
        ({"window": 1.5}, "window must be a share from 0 to 1"),
        ({"window": float("nan")}, "window must be a share"),
        ({"slope": 0.5}, "slope must be at least 1"),
    ):
        with pytest.raises(ParameterError, match=problem):
            DTWDistance(**wrong)
    one, two = walks(2, 5, 1, np.random.default_rng(0)), walks(2, 5, 2, np.random.default_rng(0))
    with pytest.raises(MismatchError, match="series of 2 features do not fit series of 1"):
        DTWDistance().matrix(one, two)


@pytest.mark.parametrize("how", [{}, {"window": 0.2}, {"local": "absolute"}, {"standardise": True}, {"slope": 2.0}])
def test_the_costs_along_a_path_are_the_distance(how):
    rng = np.random.default_rng(3)
    distance = DTWDistance(**how)
    for _ in range(10):
        x, y = rng.standard_normal((int(rng.integers(8, 20)), 2)), rng.standard_normal((int(rng.integers(8, 12)), 2))
        path = distance.path(x, y)
        a, b = (distance.prepared(Sequences.from_arrays([each])).data for each in (x, y))
        steps = np.abs(a[path[:, 0]] - b[path[:, 1]])
        costs = steps if distance.local == "absolute" else steps**2
        assert costs.sum() == pytest.approx(between(distance, x, y))
        assert path[0].tolist() == [0, 0]
        assert path[-1].tolist() == [len(x) - 1, len(y) - 1]
        assert set(map(tuple, np.diff(path, axis=0).tolist())) <= {(0, 1), (1, 0), (1, 1)}


def test_a_path_is_of_alike_series():
    with pytest.raises(MismatchError):
        DTWDistance().path(np.zeros(3), np.zeros((3, 2)))


@pytest.mark.parametrize("local", [SQUARED, ABSOLUTE])
@pytest.mark.parametrize(("window", "features"), [(-1.0, 1), (0.0, 1), (0.1, 1), (0.5, 1), (-1.0, 3), (0.2, 2)])
def test_pairs_side_by_side_have_the_sums_of_single_ones_to_the_last_bit(local, window, features):
    rng = np.random.default_rng(19)
    lanes, form = lanes_for(60, features), Form(local, window, 0.0)
    for m, n in ((1, 1), (1, 7), (7, 1), (2, 2), (9, 40), (40, 9), (33, 33), (60, 58)):
        pairs = [tuple(rng.standard_normal((t, features)).cumsum(0).round(1) for t in (m, n)) for _ in range(LANES)]
        scratch = np.empty((2, n + 2))
        sums = [pruned(x, y, form, np.inf, *scratch) for x, y in pairs]
        for lane, (x, y) in enumerate(pairs):
            lay(x, lane, lanes.x)
            lay(y, lane, lanes.y)
        for cutoffs in (
            [np.inf] * LANES,
            sums,
            np.roll(sums, 1),
            [np.median(sums)] * LANES,
            [min(sums)] * LANES,
            [-1.0] * LANES,
        ):
            lanes.cutoffs[:] = cutoffs
            side_by_side(lanes, m, n, features, form)
            expected = [pruned(x, y, form, cutoff, *scratch) for (x, y), cutoff in zip(pairs, cutoffs, strict=True)]
            assert lanes.found.tolist() == expected
            assert all(one in (total, np.inf) for one, total in zip(expected, sums, strict=True))


@pytest.mark.parametrize(
    ("distance", "features"),
    [
        (DTWDistance(window=0.1), 1),
        (DTWDistance(local="absolute", root=True), 1),
        (DTWDistance(window=0.9), 1),
        (DTWDistance(window=0.2, standardise=True), 3),
    ],
)
def test_series_of_equal_lengths_are_ranked_as_one_by_one(distance, features):
    rng = np.random.default_rng(23)
    arrays = [rng.standard_normal((t, features)).cumsum(0).round(1) for t in [30] * 43 + [31] * 2 + [8] * 12 + [5]]
    targets = Sequences.from_arrays([*arrays, *arrays[:4]])
    queries = targets[[0, 3, 44, 50]]
    one_by_one = np.array(
        [[distance.pairs(queries, [q], targets, [t])[0] for t in range(len(targets))] for q in range(4)]
    )
    assert distance.matrix(queries, targets).tolist() == one_by_one.tolist()
    order = np.array([rng.permutation(len(targets)) for _ in range(4)])
    order[:, 5], order[2, 11:40] = -1, -1
    stops = np.sort(rng.uniform(0, np.quantile(one_by_one, 0.6), order.shape), axis=1)
    for stop in (None, stops):
        found = distance.rerank(queries, targets, order, 7, stop=stop)
        for q in range(4):
            best = []
            for row, end in zip(order[q], stops[q], strict=True):
                if row >= 0:
                    if stop is not None and len(best) == 7 and end > best[-1][0]:
                        break
                    best = sorted([*best, (one_by_one[q, row], row)])[:7]
            assert found.distances[q].tolist() == [each for each, _ in best]
            assert found.rows[q].tolist() == [row for _, row in best]
    exact, pruning = distance.searcher(targets).search(queries, 7)
    expected = np.lexsort((np.tile(np.arange(len(targets)), (4, 1)), one_by_one))[:, :7]
    assert exact.rows.tolist() == expected.tolist()
    assert exact.distances.tolist() == np.take_along_axis(one_by_one, expected, axis=1).tolist()
    assert pruning.verified < pruning.pairs
    radii = exact.distances[:, 3]
    assert (
        distance.searcher(targets).search(queries, 7, within=radii)[0].rows[:, :4].tolist() == expected[:, :4].tolist()
    )


@pytest.mark.parametrize(
    ("form", "features"),
    [({"window": 0.1}, 1), ({"window": 0.3, "local": "absolute"}, 2), ({"window": 0.2, "local": "cosine"}, 3)],
)
def test_candidates_are_ordered_by_what_is_outside_of_both_envelopes(form, features):
    rng, length = np.random.default_rng(29), 20
    distance = DTWDistance(**form, standardise=True)
    series = Sequences.from_arrays([rng.standard_normal((length, features)).cumsum(0) for _ in range(12)])
    frames = distance.prepared(series).data.reshape(12, length, features)
    queries = series[:4]
    reach_of = int(form["window"] * length)

    def outside_of(x, y):
        total = 0.0
        for t in range(length):
            near = x[max(0, t - reach_of) : t + reach_of + 1]
            over = np.maximum(np.maximum(y[t] - near.max(0), near.min(0) - y[t]), 0)
            total += (over if distance.local == "absolute" else over**2).sum()
        return total

    rows = np.array([rng.permutation(12) for _ in range(4)])
    rows[1, 3] = rows[3, 0] = -1
    assert distance.ranks(series)
    ranker = distance.ranker(series)
    scores = ranker.scores(queries, rows)
    some = np.array([[2, -1, 5], [5, 2, 0]])
    known = distance.ranker(series)
    known.scores(queries[:1], some[:1])
    assert (known.scores(queries[:2], some) == ranker.scores(queries[:2], some)).all(), "made when first met"
    for q, c in np.ndindex(rows.shape):
        x, y = frames[q], frames[rows[q, c]]
        one = np.inf if rows[q, c] < 0 else outside_of(x, y) + outside_of(y, x)
        assert scores[q, c] == pytest.approx(one, rel=1e-4, abs=1e-5)


def test_only_a_narrow_band_of_series_of_one_length_is_ranked():
    rng = np.random.default_rng(31)
    alike = walks(5, 30, 1, rng, shortest=30)
    assert DTWDistance(window=0.1).ranks(alike)
    for distance in (DTWDistance(), DTWDistance(window=0.5), DTWDistance(window=0.1, slope=2.0)):
        assert not distance.ranks(alike)
        with pytest.raises(MismatchError, match="is ranked nearly as the distance dtw ranks it"):
            distance.ranker(alike)
    assert not DTWDistance(window=0.1).ranks(alike[:0])
    assert not DTWDistance(window=0.1).ranks(Sequences.from_arrays([np.zeros(30), np.zeros(31)]))
    shorter = Sequences.from_arrays([np.zeros(29), np.zeros(30)])
    assert DTWDistance(window=0.1).ranker(alike).able(shorter).tolist() == [False, True]
