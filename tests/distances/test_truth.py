import json

import numpy as np
import pytest
from distance_oracles import family, walks

from seqsearch.distances import DTWDistance, EditDistance, Truth
from seqsearch.errors import FormatVersionError, MismatchError, ParseError
from seqsearch.sequences import DNA


@pytest.fixture
def sets():
    rng = np.random.default_rng(103)
    return family(DNA, 5, 20, rng), family(DNA, 30, 20, rng)


def made(queries, targets, distance, k=3):
    return Truth.of(distance.exact(queries, targets, k), queries, targets, distance)


def test_a_truth_comes_back_as_it_was(sets, tmp_path):
    queries, targets = sets
    truth = made(queries, targets, EditDistance())
    truth.save(tmp_path / "t.npz")
    again = Truth.load(tmp_path / "t.npz")
    assert np.array_equal(again.neighbours.rows, truth.neighbours.rows)
    assert np.array_equal(again.neighbours.distances, truth.neighbours.distances)
    assert (again.queries, again.targets, again.distance, again.parameters) == (
        queries.digest(),
        targets.digest(),
        "edit",
        {},
    )
    again.require(queries, targets, EditDistance(), 3)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_parameters_of_a_distance_come_back(tmp_path):
    rng = np.random.default_rng(107)
    queries, targets = walks(3, 9, 2, rng), walks(8, 9, 2, rng)
    distance = DTWDistance(window=0.1, local="cosine")
    made(queries, targets, distance).save(tmp_path / "t.npz")
    truth = Truth.load(tmp_path / "t.npz")
    truth.require(queries, targets, distance)
    with pytest.raises(MismatchError, match=r"the distance dtw\(local=cosine, .*window=0.1\), not dtw\(local=squared"):
        truth.require(queries, targets, DTWDistance())


def test_what_does_not_fit_is_refused(sets):
    queries, targets = sets
    truth = made(queries, targets, EditDistance())
    with pytest.raises(MismatchError, match=r"of other queries \(5 then, 4 now, digest [0-9a-f]{32}\)"):
        truth.require(queries[:4], targets, EditDistance())
    with pytest.raises(MismatchError, match="of other targets"):
        truth.require(queries, targets[np.arange(30)[::-1]], EditDistance())
    with pytest.raises(MismatchError, match="of 3 neighbours a query, fewer than 4"):
        truth.require(queries, targets, EditDistance(), 4)
    with pytest.raises(MismatchError, match="neighbours of 5 queries do not fit 2 queries"):
        Truth.of(truth.neighbours, queries[:2], targets, EditDistance())


def rewritten(path, **changes):
    with np.load(path) as archive:
        parts = dict(archive)
    about = json.loads(parts["about"].tobytes())
    for name, value in changes.items():
        if name in parts:
            parts[name] = value
        else:
            about[name] = value
    parts["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **parts)


@pytest.mark.parametrize(
    ("changes", "error", "problem"),
    [
        ({"format_version": 2}, FormatVersionError, "truth format 2 is newer than 1"),
        ({"format_version": "x"}, ParseError, "does not say its format version"),
        ({"surprise": 1}, ParseError, "not a truth file: it holds"),
        ({"k": 9}, ParseError, r"are not of shape \(5, 9\)"),
        ({"rows": np.full((5, 3), 30)}, ParseError, r"a row is outside 0\.\.29"),
        ({"rows": np.zeros((5, 3))}, ParseError, "are not of shape"),
        ({"rows": np.array([[object()]])}, ParseError, "not a truth file"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_that_is_none_is_told(sets, tmp_path, changes, error, problem):
    path = tmp_path / "t.npz"
    made(*sets, EditDistance()).save(path)
    rewritten(
        path,
        **{
            k: v if not isinstance(v, np.ndarray) or v.dtype != object else np.array([[{}]]) for k, v in changes.items()
        },
    )
    with pytest.raises(error, match=problem):
        Truth.load(path)


def test_garbage_is_told_and_a_failed_write_leaves_nothing(sets, tmp_path):
    path = tmp_path / "t.npz"
    for garbage in (b"", b"PK\x03\x04 nothing", b"text", bytes(300)):
        path.write_bytes(garbage)
        with pytest.raises(ParseError, match="not a truth file"):
            Truth.load(path)
    np.savez(path, rows=np.zeros(1))
    with pytest.raises(ParseError, match="not a truth file"):
        Truth.load(path)
    with pytest.raises(FileNotFoundError):
        Truth.load(tmp_path / "none.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        made(*sets, EditDistance()).save(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "t.npz"]
