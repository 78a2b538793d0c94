import numpy as np
import pytest
from distance_oracles import COSTS, matching_oracle, nearest_oracle, walks

from seqsearch.distances import MatchingDTW, confidence, distance_named
from seqsearch.distances.matching_kernels import bound_per_step
from seqsearch.errors import ParameterError, SeriesError
from seqsearch.sequences import Sequences

FORMS = [
    {},
    {"penalty": 0.3, "normalise": "path", "gully": 0.5},
    {"penalty": 2.0, "local": "squared", "normalise": "none", "gully": 1.0},
    {"penalty": 0.0, "local": "absolute", "gully": 0.0},
    {"local": "squared", "standardise": True},
]


def oracle(distance, a, b):
    """(score, cost, path, penalty) from a stored matrix of local costs."""
    if distance.standardise:
        a, b = ((s - s.mean(0)) / np.where(s.std(0) > 1e-9, s.std(0), np.inf) for s in (a, b))
    costs = np.array([[COSTS[distance.local](x, y) for y in b] for x in a], float)
    penalty = np.median(costs) if distance.penalty == "median" else distance.penalty
    cost, path = matching_oracle(costs, penalty, distance.gully)
    if distance.normalise == "none":
        return cost, cost, path, penalty
    box = costs[path[0][0] : path[-1][0] + 1, path[0][1] : path[-1][1] + 1]
    scale = box.mean() if distance.normalise == "path_mean" and box.mean() != 0 else 1.0
    return cost / (len(path) * scale), cost, path, penalty


@pytest.mark.parametrize("features", [1, 4])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_match_equals_the_stored_matrix(form, features):
    rng = np.random.default_rng(83)
    distance = MatchingDTW(**form)
    a, b = walks(8, 22, features, rng), walks(7, 22, features, rng)
    scores = distance.matrix(a, b)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            found = distance.match(x.data, y.data)
            score, cost, path, penalty = oracle(distance, x.data.astype(float), y.data.astype(float))
            assert found.cost == pytest.approx(cost, rel=1e-9, abs=1e-12)
            assert found.penalty == pytest.approx(penalty, rel=1e-9, abs=1e-12)
            assert scores[i, j] == found.distance
            if features > 1:  # signs of single cosines tie, and rounding may choose another of equal paths
                assert found.path.tolist() == [list(cell) for cell in path]
                assert found.distance == pytest.approx(score, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_exact_and_rerank_equal_brute_force(form):
    rng = np.random.default_rng(89)
    distance = MatchingDTW(**form)
    targets, queries = walks(60, 20, 3, rng), walks(6, 20, 3, rng)
    scores = distance.matrix(queries, targets)
    for k in (1, 7):
        rows, values = nearest_oracle(scores, k)
        found, pruned = distance.exact_with_pruning(queries, targets, k)
        assert np.array_equal(found.rows, rows)
        assert np.array_equal(found.distances, values)
        assert 0 <= pruned < scores.size
    candidates = np.array([rng.permutation(60)[:20] for _ in range(6)])
    kept = np.full_like(scores, np.inf)
    np.put_along_axis(kept, candidates, np.take_along_axis(scores, candidates, 1), 1)
    rows, values = nearest_oracle(kept, 4)
    found = distance.rerank(queries, targets, candidates, 4)
    assert np.array_equal(found.rows, rows)
    assert np.array_equal(found.distances, values)
    i, j = np.divmod(np.arange(scores.size), 60)
    limited = distance.pairs(queries, i, targets, j, np.full(scores.size, np.median(scores)))
    assert np.array_equal(limited, np.where(scores <= np.median(scores), scores, np.inf).ravel())


def test_the_bound_is_sound_and_prunes():
    rng = np.random.default_rng(97)
    for _ in range(400):
        m, n = (int(v) for v in rng.integers(1, 25, 2))
        costs = rng.random((m, n)) ** rng.integers(1, 4)
        penalty, gully = float(rng.random()), float(rng.choice([0, 0.5, 0.9, 1]))
        cost, path = matching_oracle(costs, penalty, gully)
        assert bound_per_step(costs, penalty, gully) <= cost / len(path) + 1e-12
    far = [rng.standard_normal((30, 4)) + 9 for _ in range(40)]
    near = [rng.standard_normal((30, 4)) for _ in range(3)]
    targets = Sequences.from_arrays(near + far)
    _, pruned = MatchingDTW(local="squared", penalty=1e3, normalise="path").exact_with_pruning(targets[:2], targets, 2)
    assert pruned == 2 * 40


def test_a_part_of_a_series_matches_it():
    rng = np.random.default_rng(101)
    whole = rng.standard_normal((60, 8))
    part = MatchingDTW().match(whole[10:50], whole)
    assert part.distance == pytest.approx(0, abs=1e-9)
    assert part.confidence == pytest.approx(1)
    assert part.path.tolist() == [[i, i + 10] for i in range(40)]
    stranger = MatchingDTW().match(rng.standard_normal((40, 8)), whole)
    assert stranger.confidence < part.confidence
    assert confidence(np.array([-1.0, 0.5, 0.75, 3.0])).tolist() == [1.0, 1.0, 0.5, 0.0]


def test_errors_and_names():
    for wrong, problem in (
        ({"local": "x"}, "no local cost 'x'"),
        ({"penalty": "mean"}, "penalty must be a number from 0 on or 'median', not 'mean'"),
        ({"penalty": -1}, "penalty must be a number"),
        ({"gully": 1.1}, "gully must be a share"),
        ({"normalise": "max"}, "no normalisation 'max'"),
    ):
        with pytest.raises(ParameterError, match=problem):
            MatchingDTW(**wrong)
    with pytest.raises(SeriesError, match="1 and of 2 features"):
        MatchingDTW().match(np.zeros(3), np.zeros((3, 2)))
    for form in FORMS:
        distance = MatchingDTW(**form)
        assert distance_named("dtw-matching", **distance.parameters()) == distance
        assert "gully" in repr(distance)
