import json

import numpy as np
import pytest
from distance_oracles import family
from rapidfuzz.distance import Levenshtein as Fuzzy

from seqsearch.distances import EditDistance, matrix_file, normalised
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import ALPHABETS, DNA, TEXT, Sequences

EDIT = EditDistance()


def table(a, b, scorer=Fuzzy.distance):
    return np.array([[scorer(x.data.tolist(), y.data.tolist()) for y in b] for x in a], float)


@pytest.mark.parametrize("name", sorted(ALPHABETS))
def test_the_vector_form_equals_levenshtein(name):
    rng = np.random.default_rng(47)
    a, b = family(ALPHABETS[name], 20, 150, rng), family(ALPHABETS[name], 600, 150, rng)
    truth = table(a, b)
    assert np.array_equal(EDIT.matrix(a, b), truth)
    assert np.array_equal(EDIT.matrix(b, a), truth.T)


def test_normalised_forms():
    rng = np.random.default_rng(53)
    a, b = family(DNA, 9, 30, rng), family(DNA, 11, 30, rng)
    distances = EDIT.matrix(a, b)
    lengths = a.lengths[:, None], b.lengths[None, :]
    assert np.allclose(normalised(distances, *lengths), table(a, b, Fuzzy.normalized_distance))
    for form in ("longest", "sum", "metric"):
        values = normalised(distances, *lengths, form)
        assert values.min() >= 0
        assert values.max() <= 1
    assert normalised(3, np.array(4), np.array(5), "sum") == pytest.approx(1 / 3)
    assert normalised(3, np.array(4), np.array(5), "metric") == pytest.approx(1 / 2)
    with pytest.raises(ParameterError, match="no normalised form 'cosine'"):
        normalised(distances, *lengths, "cosine")


def test_the_metric_form_keeps_the_triangle_inequality():
    sequences = family(DNA, 40, 12, np.random.default_rng(59))
    d = normalised(EDIT.matrix(sequences, sequences), sequences.lengths[:, None], sequences.lengths[None, :], "metric")
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + 1e-12).all()


class Interrupted(EditDistance):
    """Fails at the second block of rows."""

    calls = 0

    def matrix(self, a, b):
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt
        return super().matrix(a, b)


def test_a_matrix_file_is_taken_up_where_it_was_left(tmp_path, monkeypatch):
    monkeypatch.setattr("seqsearch.distances.matrix._BYTES_A_STEP", 8 * 7 * 4)
    rng = np.random.default_rng(61)
    a, b = family(TEXT, 10, 20, rng), family(TEXT, 7, 20, rng)
    path = tmp_path / "d.npy"
    with pytest.raises(KeyboardInterrupt):
        matrix_file(Interrupted(), a, b, path, dtype="uint16")
    assert not path.exists()
    assert json.loads((tmp_path / "d.npy.partial.json").read_text())["done"] == 4
    counted = Interrupted()
    counted.calls = 2
    found = matrix_file(counted, a, b, path, dtype="uint16")
    assert counted.calls == 4
    assert found.dtype == np.uint16
    assert np.array_equal(found, table(a, b))
    assert [p.name for p in tmp_path.iterdir()] == ["d.npy"]


def test_a_partial_file_of_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("seqsearch.distances.matrix._BYTES_A_STEP", 1)
    sequences = family(DNA, 6, 9, np.random.default_rng(67))
    with pytest.raises(KeyboardInterrupt):
        matrix_file(Interrupted(), sequences, sequences, tmp_path / "d.npy")
    with pytest.raises(MismatchError, match="was begun with another b and shape: remove it"):
        matrix_file(EDIT, sequences, sequences[:5], tmp_path / "d.npy")


def test_distances_that_do_not_fit_are_an_error(tmp_path):
    one = Sequences.from_texts(["A" * 70000], DNA)
    other = Sequences.from_texts(["C"], DNA)
    with pytest.raises(ParameterError, match="do not fit uint16: the greatest is 70000"):
        matrix_file(EDIT, one, other, tmp_path / "d.npy", dtype="uint16")
    with pytest.raises(ParameterError, match="dtype must be float32"):
        matrix_file(EDIT, one, other, tmp_path / "d.npy", dtype="int8")
