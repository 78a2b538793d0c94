"""`SequenceIndex.cluster` and `seqsearch cluster`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.cli.main import run
from seqsearch.errors import ParameterError
from seqsearch.trees import compare_trees, square
from tests.families import families
from tests.newick import leaves

REMOVED = ["s0", "s17", "s119"]


@pytest.fixture(scope="module", params=[None, 32], ids=["points", "codes"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 sequences of 12 families, three removed."""
    path = tmp_path_factory.mktemp("clustered") / "refs.ss"
    with SequenceIndex.build(path, families(12, 10, 60), encoder="kmer", bits=request.param, recall=0.5) as built:
        built.remove(REMOVED)
    return path


def test_a_tree_of_everything_that_is_not_removed(index: Path) -> None:
    with SequenceIndex.open(index) as opened:
        tree = opened.cluster()
        assert sorted(tree.names) == sorted(opened.sequences.ids)
        assert [opened.sequences.ids[int(row)] for row in tree.rows] == list(tree.names)
        assert compare_trees(tree, opened.sequences, opened.distance).share > 0.9
        families_met = opened.cluster("complete").restricted(np.arange(9))  # s1 to s9: one family
        assert families_met.heights[-1] < tree.heights[-1]


def test_exact_distances_give_the_exact_tree(index: Path) -> None:
    with SequenceIndex.open(index) as opened:
        tree = opened.cluster("single", exact=True)
        distances = opened.distance.matrix(opened.sequences, opened.sequences)
        assert compare_trees(tree, opened.sequences, opened.distance).ratio == 1
    assert tree.merges[0, 2] == distances[~np.eye(len(distances), dtype=bool)].min()
    assert square(np.array([1.0, 2.0, 3.0]), 3).tolist() == [[0, 1, 2], [1, 0, 3], [2, 3, 0]]


def test_a_sample_is_drawn_by_seed(index: Path) -> None:
    with SequenceIndex.open(index) as opened:
        first, again, other = (opened.cluster(sample=20, seed=seed) for seed in (1, 1, 2))
        assert list(first.names) == list(again.names) != list(other.names)
        assert len(first) == 20
        assert not set(first.names) & set(REMOVED)
        with pytest.raises(ParameterError, match="at least 2 sequences, not 1"):
            opened.cluster(sample=1)
        with pytest.raises(ParameterError, match="no linkage is called 'ward'"):
            opened.cluster("ward")
        with pytest.raises(ParameterError, match="clustering 117 sequences takes"):
            opened.cluster(memory=1000)


def test_the_command(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, picture = tmp_path / "tree.nwk", tmp_path / "tree.png"
    assert run(["cluster", str(index), "-o", str(place), "--plot", str(picture), "--check", "50"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "of the exact tree's on 50 leaves" in said.err
    assert f"{place}: 117 leaves, average linkage" in said.err
    assert len(leaves(place.read_text())) == 117
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(["cluster", str(index), "--sample", "9", "--linkage", "single", "-q"]) == 0
    said = capsys.readouterr()
    assert len(leaves(said.out)) == 9
    assert said.err == ""
    assert run(["cluster", str(index), "--memory", "0.00001"]) == 2
    assert "cluster a sample, or raise the limit" in capsys.readouterr().err
