"""Short series in long ones, through an index, a file and memory: places, radii, novelty, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seqsearch.cli.main import run
from seqsearch.distances import InfixDTW
from seqsearch.errors import ParameterError
from seqsearch.search import References, SequenceIndex, duplicates
from seqsearch.sequences import Sequences, write_whole

FORM = {"window": 0.1, "standardise": True}


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(5)
    walks = [rng.standard_normal(int(n)).cumsum() for n in rng.integers(300, 500, 12)]
    return Sequences.from_arrays(walks, ids=[f"record{n}" for n in range(12)])


@pytest.fixture(scope="module")
def beats(records):
    """Of record i from step 10 i on, louder and shifted."""
    return Sequences.from_arrays([3 * records[row].data[10 * row : 10 * row + 60] - 7 for row in range(12)])


@pytest.fixture(scope="module")
def index(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "records.ss"
    with SequenceIndex.build(path, records, distance="dtw-infix", distance_parameters=FORM) as built:
        yield built


def test_beats_find_their_records_and_their_places(index, records, beats):
    found = index.search(beats, k=2)
    assert found.rows[:, 0].tolist() == list(range(12))
    assert np.abs(found.distances[:, 0]).max() < 1e-6
    assert "part of what is stored" in found.budget
    assert not found.warnings
    assert (found[3][0].target_start, found[3][0].target_end) == (31, 90)
    assert found.to_dicts()[0].keys() == {"query", "rank", "target", "distance", "target_start", "target_end"}
    in_memory = References(records, distance="dtw-infix", distance_parameters=FORM)
    assert in_memory.search(beats, k=2).to_dicts() == found.to_dicts()


def test_it_is_kept_and_grows(index, records, beats, tmp_path):
    options = {"distance": "dtw-infix", "distance_parameters": FORM}
    with SequenceIndex.build(tmp_path / "few.ss", records[:7], **options) as few:
        few.add(records[7:])
    with SequenceIndex.open(tmp_path / "few.ss") as few:
        assert few.distance == InfixDTW(**FORM)
        np.testing.assert_array_equal(few.search(beats, k=3).distances, index.search(beats, k=3).distances)
        assert few.verify(sample=3).ok


def test_everything_within_a_radius_and_what_is_new(index, records, beats):
    table = InfixDTW(**FORM).matrix(beats, records)
    radius = float(np.median(table))
    found = index.within(beats, radius)
    assert len(found.rows) == (table <= radius).sum()
    rng = np.random.default_rng(6)
    strange = Sequences.from_arrays([rng.standard_normal(60) for _ in range(3)])
    told = index.novelty(Sequences.concatenate([beats[:3], strange]), known=beats[3:], fpr=0.2)
    assert told.novel.tolist() == [False] * 3 + [True] * 3


def test_contained_series_are_duplicates_of_what_contains_them(records):
    cut = [records[row].data[50:90, 0] for row in range(3)]
    found = duplicates(Sequences.from_arrays([*cut, *(record.data[:, 0] for record in records[:4])]), "dtw-infix")
    assert found.representatives.tolist() == [3, 4, 5, 3, 4, 5, 6]
    assert found.distances.tolist() == [0.0] * 7


def test_what_would_be_nonsense_is_refused(index, records, beats, tmp_path):
    with pytest.raises(ParameterError, match="candidates cannot be asked for: dtw-infix is the distance to a part"):
        index.search(beats, candidates=10)
    with pytest.raises(ParameterError, match="there is nothing to evaluate: dtw-infix is the distance to a part"):
        index.evaluate(beats)
    with pytest.raises(ParameterError, match="encoder 'cnn' proposes no candidates"):
        SequenceIndex.build(tmp_path / "no.ss", records, distance="dtw-infix", encoder="cnn")
    with pytest.raises(ParameterError, match="alignments are of sequences of symbols, not of series"):
        index.search(beats, k=1).align(beats)


def test_places_on_the_command_line(records, beats, tmp_path, capsys):
    write_whole(tmp_path / "records.npz", records)
    write_whole(tmp_path / "beats.npz", beats[:3])
    files = [str(tmp_path / "records.npz"), str(tmp_path / "beats.npz")]
    form = ["--distance", "dtw-infix", "-D", "window=0.1", "-D", "standardise=true"]
    assert run(["search", *files, *form, "-k", "1", "--format", "json", "--quiet"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["target"], row["target_start"], row["target_end"]) for row in rows] == [
        ("record0", 1, 60),
        ("record1", 11, 70),
        ("record2", 21, 80),
    ]
    assert run(["truth", *files, *form, "-k", "1", "--quiet"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["query", "rank", "target", "distance", "target_start", "target_end"]
    assert lines[2].split("\t")[4:] == ["21", "80"]
