import numpy as np
import pytest
from distance_oracles import COSTS, dtw_oracle, nearest_oracle, walks
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import DTWDistance, distance_named
from seqsearch.distances.dtw_bounds import envelope, improvement, outside, room
from seqsearch.distances.dtw_kernels import reach
from seqsearch.errors import EmptySequenceError, MismatchError, ParameterError, SeriesError
from seqsearch.sequences import DNA, Sequences

FORMS = [
    {},
    {"window": 0.0},
    {"window": 0.2},
    {"local": "absolute", "window": 0.3},
    {"local": "cosine"},
    {"slope": 1.0},
    {"slope": 2.0, "window": 0.4, "root": True},
    {"local": "absolute", "standardise": True, "root": True},
]


def in_band(m, n, window):
    """The corridor around both corner diagonals, in plain words."""
    if window is None:
        return lambda i, j: True
    radius = int(window * min(m, n))
    return lambda i, j: -max(0, m - n) - radius <= j - i <= max(0, n - m) + radius


def table(distance, a, b):
    found = np.empty((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            p, q = x.data.astype(float), y.data.astype(float)
            if distance.standardise:
                p, q = ((s - s.mean(0)) / np.where(s.std(0) > 1e-9, s.std(0), np.inf) for s in (p, q))
            value = dtw_oracle(p, q, COSTS[distance.local], in_band(len(p), len(q), distance.window))
            found[i, j] = np.sqrt(value) if distance.root else value
    return found


@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("form", [f for f in FORMS if "slope" not in f], ids=str)
def test_pairs_equal_the_whole_table(form, features):
    rng = np.random.default_rng(3)
    a, b = walks(9, 23, features, rng), walks(8, 23, features, rng)
    distance = DTWDistance(**form)
    truth = table(distance, a, b)
    found = distance.matrix(a, b)
    assert np.allclose(found, truth, rtol=1e-9, atol=1e-12)
    assert np.allclose([[distance.between(x.data, y.data) for y in b] for x in a], found, rtol=1e-12)
    i, j = np.divmod(np.arange(truth.size), truth.shape[1])
    for factor in (0.5, 0.999, 1.001, 2.0):
        limited = distance.pairs(a, i, b, j, truth.ravel() * factor + (1e-9 if factor > 1 else -1e-9))
        kept = limited if factor > 1 else truth.ravel()
        assert np.allclose(kept, truth.ravel(), rtol=1e-9, atol=1e-12)
        assert factor > 1 or np.isinf(limited).all()


def test_itakura_keeps_the_parallelogram_and_joins_the_corners():
    rng = np.random.default_rng(5)
    for m, n in ((12, 12), (5, 17), (17, 5), (2, 9), (1, 4)):
        x, y = rng.standard_normal((m, 1)), rng.standard_normal((n, 1))
        for slope in (1.0, 1.5, 3.0):
            narrow = DTWDistance(slope=slope)
            value, path = narrow.path(x, y)
            assert np.isfinite(value)
            assert value >= DTWDistance().between(x, y) - 1e-12
            if m > 1 and n > 1:
                u, v = path[:, 0] / (m - 1), path[:, 1] / (n - 1)
                room = 1.0 / (n - 1) + 1.0 / (m - 1) * slope
                assert (v <= np.minimum(slope * u, 1 - (1 - u) / slope) + room + 1e-9).all()
                assert (v >= np.maximum(u / slope, 1 - slope * (1 - u)) - room - 1e-9).all()
    assert DTWDistance(slope=1.0).between([1, 2, 4.0], [2, 2, 1.0]) == pytest.approx(1 + 0 + 9)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_path_is_one_and_costs_what_the_distance_says(form):
    rng = np.random.default_rng(7)
    distance = DTWDistance(**form)
    for features in (1, 2):
        for a, b in zip(walks(8, 20, features, rng), walks(8, 20, features, rng), strict=True):
            value, path = distance.path(a.data, b.data)
            assert value == pytest.approx(distance.between(a.data, b.data), rel=1e-9)
            assert path[0].tolist() == [0, 0]
            assert path[-1].tolist() == [len(a) - 1, len(b) - 1]
            assert set(map(tuple, np.diff(path, axis=0).tolist())) <= {(1, 0), (0, 1), (1, 1)}
            x, y = (distance.prepared(Sequences.from_arrays([s.data]))[0] for s in (a, b))
            cost = sum(float(COSTS[distance.local](x[i], y[j])) for i, j in path)
            assert value == pytest.approx(np.sqrt(cost) if distance.root else cost, rel=1e-9)


def test_a_path_prefers_the_diagonal_then_the_step_in_the_first():
    assert DTWDistance().path([0, 0, 0], [0, 0, 0])[1].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert DTWDistance().path([0, 0, 0], [0, 0])[1].tolist() == [[0, 0], [1, 0], [2, 1]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.sampled_from([None, 0.0, 0.1, 0.5]),
)
def test_laws(x, y, window):
    distance = DTWDistance(window=window)
    xy = distance.between(x, y)
    assert xy == pytest.approx(distance.between(y, x), rel=1e-9, abs=1e-9)
    assert distance.between(x, x) == 0
    assert xy >= DTWDistance().between(x, y) - 1e-9 * xy
    if len(x) == len(y):
        straight = float(((np.array(x) - np.array(y)) ** 2).sum())
        assert xy <= straight * (1 + 1e-9)
        if window == 0.0:
            assert xy == pytest.approx(straight)
    assert distance.between(np.repeat(x, 2), x) == 0 or window is not None


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_exact_and_rerank_equal_brute_force(form, features):
    rng = np.random.default_rng(11)
    distance = DTWDistance(**form)
    even = form.get("window") == 0.2
    targets = walks(150, 24, features, rng, shortest=24 if even else 1)
    queries = Sequences.concatenate([targets[5:8], walks(6, 24, features, rng)])
    distances = distance.matrix(queries, targets)
    candidates = np.array([rng.permutation(150)[:60] for _ in range(len(queries))])
    candidates[1, 4:] = -1
    kept = np.full_like(distances, np.inf)
    for q, row in enumerate(candidates):
        kept[q, row[row >= 0]] = distances[q, row[row >= 0]]
    allowed = rng.random(150) < 0.3
    for k in (1, 5):
        answers = [
            (distance.exact(queries, targets, k), distances),
            (distance.exact(queries, targets, k, allowed=allowed), np.where(allowed, distances, np.inf)),
            (distance.rerank(queries, targets, candidates, k), kept),
        ]
        for found, values in answers:
            rows, nearest = nearest_oracle(values, k)
            assert np.allclose(found.distances, nearest, rtol=1e-9, atol=1e-12)
            there = rows >= 0
            assert np.array_equal(found.rows >= 0, there)
            picked = np.take_along_axis(values, np.maximum(found.rows, 0), axis=1)
            assert np.allclose(picked[there], nearest[there], rtol=1e-9, atol=1e-12)


def test_ties_go_to_the_smallest_row():
    series = Sequences.from_arrays([np.zeros(5), np.ones(5), np.zeros(5), np.ones(5), np.zeros(4)])
    for distance in (DTWDistance(), DTWDistance(window=0.2)):
        found = distance.exact(series[:2], series, 3)
        assert found.rows.tolist() == [[0, 2, 4], [1, 3, 0]]
        candidates = np.array([[4, 3, 2, 1, 0]] * 2)
        assert distance.rerank(series[:2], series, candidates, 3).rows.tolist() == found.rows.tolist()


def test_pruning_accounts_for_every_pair():
    rng = np.random.default_rng(13)
    targets, queries = walks(400, 60, 1, rng, shortest=60), walks(5, 60, 1, rng, shortest=60)
    _, pruning = DTWDistance(window=0.1).exact_with_pruning(queries, targets, 1)
    assert pruning.pairs == 2000 == pruning.kim + pruning.keogh + pruning.improved + pruning.verified
    assert pruning.kim > 0
    assert pruning.keogh > 0
    assert str(pruning).startswith("2,000 pairs: ruled out by LB_Kim")


@pytest.mark.parametrize("window", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("features", [1, 2])
def test_bounds_are_below_the_distance(window, features):
    rng = np.random.default_rng(17)
    for _ in range(60):
        m, n = (int(v) for v in rng.integers(1, 30, 2))
        x, y = (rng.standard_normal((t, features)).cumsum(0) for t in (m, n))
        before, after = reach(m, n, window)
        size = max(m, n)
        low, high, low_of, high_of, projected = (np.empty((size, features)) for _ in range(5))
        envelope(x, n, after, before, low, high, np.empty(room(m, n, features)))
        for j in range(n):
            near = x[max(0, j - after) : j + before + 1]
            assert np.array_equal(low[j], near.min(0))
            assert np.array_equal(high[j], near.max(0))
        for local in ("squared", "absolute"):
            truth = DTWDistance(local=local, window=window).between(x, y)
            flat = (y.ravel(), low[:n].ravel(), high[:n].ravel())
            keogh = outside(*flat, local == "squared")
            more = improvement(
                x,
                y,
                low,
                high,
                before,
                after,
                local == "squared",
                projected,
                low_of,
                high_of,
                np.empty(room(m, n, features)),
            )
            assert keogh <= truth * (1 + 1e-9)
            assert keogh + more <= truth * (1 + 1e-9)
            assert more >= 0


def test_errors_name_what_is_wrong():
    distance = DTWDistance()
    with pytest.raises(SeriesError, match="the first series has nan at step 2"):
        distance.between([1, np.nan], [1])
    with pytest.raises(SeriesError, match="the second series has inf at step 1"):
        distance.path([1], [np.inf])
    with pytest.raises(EmptySequenceError, match="the second series is empty"):
        distance.between([1], [])
    with pytest.raises(SeriesError, match="2 and of 1 features"):
        distance.between(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(SeriesError, match=r"shape \(1, 1, 1\)"):
        distance.between(np.zeros((1, 1, 1)), [1])
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
        distance.matrix(one, two)
    dna = Sequences.from_texts(["ACGT"], DNA)
    with pytest.raises(MismatchError, match="compares series, not tokens: use the distance edit"):
        distance.exact(dna, dna, 1)


def test_distance_named_rebuilds_it():
    for form in FORMS:
        distance = DTWDistance(**form)
        again = distance_named("dtw", **distance.parameters())
        assert again == distance
        assert repr(again) == repr(distance)
        assert hash(again) == hash(distance)
    with pytest.raises(ParameterError, match=r"distance dtw: .*radius"):
        distance_named("dtw", radius=3)
