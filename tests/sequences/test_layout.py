"""Axes of arrays in files: steps before features, or channels first, never one taken for the other in silence."""

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.cli.main import run
from seqsearch.errors import ParameterError, ParseError, SeriesError

X = np.random.default_rng(0).standard_normal((6, 3, 40)).astype(np.float32)  # (n, C, T)


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X=X, y=np.arange(6))
    np.savez(tmp_path / "padded.npz", X=X, lengths=np.array([40, 30, 20, 10, 5, 40]))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(X))
    np.save(tmp_path / "one.npy", X[:, :1])
    np.savez(tmp_path / "ragged.npz", X=X[0].T, lengths=np.array([30, 10]))
    return tmp_path


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "padded.npz", "fortran.npy", "one.npy"])
def test_channels_first_is_asked_for_or_told(files, name):
    with pytest.raises(SeriesError, match=rf"{name}: series of shape \(., 40\) are . steps .* say layout"):
        ss.read(files / name)
    found = ss.read(files / name, layout="nct")
    assert found.features == (1 if name == "one.npy" else 3)
    assert found.lengths[0] == 40
    np.testing.assert_array_equal(found[0].data, X[0, : found.features].T)
    batches = list(ss.read_batches(files / name, size=4, layout="nct"))
    assert ss.Sequences.concatenate(batches).digest() == found.digest()


def test_padded_series_keep_their_lengths(files):
    found = ss.read(files / "padded.npz", layout="nct")
    assert found.lengths.tolist() == [40, 30, 20, 10, 5, 40]
    np.testing.assert_array_equal(found[4].data, X[4, :, :5].T)


def test_where_there_is_nothing_to_ask(files):
    np.save(files / "ntf.npy", np.swapaxes(X, 1, 2))
    assert ss.read(files / "ntf.npy").digest() == ss.read(files / "x.npy", layout="nct").digest()
    assert ss.read(files / "ragged.npz").lengths.tolist() == [30, 10]
    with pytest.raises(ParseError, match='they have no layout "nct"'):
        ss.read(files / "ragged.npz", layout="nct")
    with pytest.raises(ParameterError, match="no layout 'tnc': choose one of ntf, nct"):
        ss.read(files / "x.npy", layout="tnc")


def test_the_command_line_asks_and_is_told(files, capsys):
    arguments = ["truth", f"{files}/x.npy", f"{files}/x.npy", "-k", "2", "--distance", "dtw", "-o", f"{files}/t.npz"]
    assert run(arguments) == 1
    assert 'say layout "ntf" for the first, "nct" for the second' in capsys.readouterr().err
    assert run([*arguments, "--layout", "nct"]) == 0
