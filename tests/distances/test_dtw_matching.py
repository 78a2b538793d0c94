import numpy as np
import pytest
from distance_oracles import matching_oracle, matching_score, walks

from seqsearch.distances import MatchingDTW
from seqsearch.distances.dtw_kernels import SQUARED
from seqsearch.distances.dtw_matching_kernels import PER_STEP, Form, bound_per_step, match
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import Sequences


@pytest.mark.parametrize("form", [{}, {"penalty": 0.3, "gully": 0.5}, {"penalty": 2.0, "local": "squared"}], ids=str)
def test_the_path_is_that_of_the_stored_matrix(form):
    rng = np.random.default_rng(83)
    distance = MatchingDTW(**form)
    for x, y in zip(walks(20, 22, 4, rng), walks(20, 22, 4, rng), strict=True):
        _, path = matching_score(distance, x.data.astype(float), y.data.astype(float))
        assert distance.path(x.data, y.data).tolist() == [list(cell) for cell in path]


def test_the_bound_is_sound_and_prunes():
    rng = np.random.default_rng(97)
    for _ in range(400):
        m, n = (int(v) for v in rng.integers(1, 25, 2))
        costs = rng.random((m, n)) ** rng.integers(1, 4)
        penalty, gully = float(rng.random()), float(rng.choice([0, 0.5, 0.9, 1]))
        cost, path = matching_oracle(costs, penalty, gully)
        assert bound_per_step(costs, penalty, gully) <= cost / len(path) + 1e-12
    near, far = rng.standard_normal((30, 4)), rng.standard_normal((30, 4)) + 9
    form = Form(SQUARED, 1e3, 0.96, PER_STEP)
    score, cost, *_ = match(near, far, form, np.inf)
    assert np.isfinite([score, cost]).all()
    assert np.isinf(match(near, far, form, 9.0)[:2]).all()


def test_a_part_of_a_series_matches_it():
    rng = np.random.default_rng(101)
    whole, stranger = rng.standard_normal((60, 8)), rng.standard_normal((40, 8))
    assert MatchingDTW().path(whole[10:50], whole).tolist() == [[i, i + 10] for i in range(40)]
    sets = Sequences.from_arrays([whole[10:50], stranger]), Sequences.from_arrays([whole])
    scores = MatchingDTW().matrix(*sets).ravel()
    part, other = MatchingDTW().confidence(scores)
    assert scores[0] == pytest.approx(0, abs=1e-9)
    assert part == pytest.approx(1)
    assert other < part
    assert MatchingDTW().confidence(np.array([-1.0, 0.5, 0.75, np.inf])).tolist() == [1.0, 1.0, 0.5, 0.0]
    assert MatchingDTW(normalise="path").confidence(scores) is None


def test_errors_name_what_is_wrong():
    for wrong, problem in (
        ({"local": "x"}, "no local cost 'x'"),
        ({"penalty": "mean"}, "penalty must be a number from 0 on or 'median', not 'mean'"),
        ({"penalty": -1}, "penalty must be a number"),
        ({"gully": 1.1}, "gully must be a share"),
        ({"normalise": "max"}, "no normalisation 'max'"),
    ):
        with pytest.raises(ParameterError, match=problem):
            MatchingDTW(**wrong)
    with pytest.raises(MismatchError, match="series of 2 features do not fit series of 1"):
        MatchingDTW().path(np.zeros(3), np.zeros((3, 2)))
