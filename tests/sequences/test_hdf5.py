"""HDF5 files of ann-benchmarks as they are, and others."""

from __future__ import annotations

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from seqsearch import SequenceIndex, read
from seqsearch.cli.main import run
from seqsearch.errors import MismatchError, ParseError, SeriesError
from seqsearch.evaluation.told_truth import told_truth
from seqsearch.sequences import read_batches
from seqsearch.sequences.readers.hdf5 import told_distance, told_neighbours

TRAIN = np.random.default_rng(0).normal(size=(70, 6)).astype(np.float32)
TEST = np.random.default_rng(1).normal(size=(9, 6))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "small-6-angular.hdf5"
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (TEST, TRAIN)]
    order = np.argsort(1 - unit[0] @ unit[1].T, axis=1)[:, :20]
    with h5py.File(place, "w") as file:
        file.attrs["distance"] = "angular"
        file["train"], file["test"], file["neighbors"] = TRAIN, TEST, order.astype(np.int32)
    return place


def test_what_is_stored_and_what_is_asked(path: Path, tmp_path: Path) -> None:
    stored = read(path)
    np.testing.assert_array_equal(stored.data.reshape(70, 6), TRAIN)
    assert list(stored.ids)[:2] == ["1", "2"]
    np.testing.assert_array_equal(read(path, queries=True).data.reshape(9, 6), TEST.astype(np.float32))
    np.testing.assert_array_equal(read(path, sequence_column="test").data, read(path, queries=True).data)
    assert [len(part) for part in read_batches(path, size=30)] == [30, 30, 10]
    packed = tmp_path / "small.hdf5.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed).digest() == stored.digest()
    renamed = path.rename(tmp_path / "nothing.known")
    assert read(renamed).digest() == stored.digest()


def test_an_index_of_such_a_file_from_the_command_line(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "v.ss")
    assert run(["build", str(path), "-o", place, "-q"]) == 0
    assert run(["evaluate", place, str(path), "--truth", str(path), "--format", "json", "-k", "4", "-q"]) == 0
    assert '"recall": 1.0' in capsys.readouterr().out
    assert run(["search", place, str(path), "-k", "4", "--exact", "-q"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()[1:]]
    assert [int(row[2]) - 1 for row in rows] == told_neighbours(path, 4).ravel().tolist()
    with SequenceIndex.open(place) as index:
        assert index.distance.name == told_distance(path) == "cosine"


def test_neighbours_that_the_file_tells_are_a_truth_if_they_are_of_this_index(path: Path, tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "v.ss", read(path), distance="cosine") as index:
        asked = read(path, queries=True)
        told = told_truth(path, index, asked, 5)
        exact = index.search(asked, 5, exact=True)
        np.testing.assert_array_equal(told.distances, exact.distances)
        np.testing.assert_array_equal(told.rows, exact.rows)
        with pytest.raises(MismatchError, match="neighbours of 9 queries, these are 3"):
            told_truth(path, index, asked[:3], 5)
        index.add([TEST[4]])
        with pytest.raises(MismatchError, match="neighbours of query . are not the nearest of what"):
            told_truth(path, index, asked, 5)
        index.remove([exact[0][0].id])
        with pytest.raises(MismatchError, match=f"names the vector {exact[0][0].id}, which .* does not hold"):
            told_truth(path, index, asked, 5)


def test_errors_name_what_is_wrong(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParseError, match=r"there is no array 'more'; the arrays are neighbors int32\(9, 20\), test"):
        read(path, sequence_column="more")
    with pytest.raises(ParseError, match="'neighbors' holds 20 rows a query, not 21"):
        told_neighbours(path, 21)
    with h5py.File(path, "a") as file:
        file["train"][4, 2] = np.inf
        file["flat"] = np.zeros(4)
        file.attrs["distance"] = "jaccard"
    with pytest.raises(SeriesError, match=r"record 5 \(5\): value inf at step 3"):
        read(path)
    with pytest.raises(ParseError, match="array 'flat' holds no vectors"):
        read(path, sequence_column="flat")
    assert run(["build", str(path), "-o", str(tmp_path / "v.ss"), "-q"]) == 2
    assert "does not say a distance that is known here: --distance euclidean" in capsys.readouterr().err
    cut = tmp_path / "cut.hdf5"
    cut.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ParseError, match="not a readable HDF5 file"):
        read(cut)
