from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.encoders.model import kmer_model
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.sequences import DNA, Sequences, Strings
from tests.families import families


def labelled(sequences: Sequences, labels: list[str]) -> Sequences:
    return Sequences(sequences.data, sequences.offsets, sequences.ids, sequences.alphabet, None, Strings.of(labels))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SequenceIndex]:
    """12 families of 8 named f0 to f11, the last two of each without a label."""
    stored = families(12, 8, 60, edits=6)
    names = [f"f{row // 8}" if row % 8 < 6 else "" for row in range(96)]
    path = tmp_path_factory.mktemp("classes") / "i.ss"
    with SequenceIndex.build(path, labelled(stored, names), model=kmer_model(stored)) as built:
        yield built


def naive_votes(index: SequenceIndex, query: Sequences, k: int) -> dict[str, float]:
    """Shares of the votes by a loop over exact neighbours."""
    hits = index.search(query, k + 1, exact=True)[0]
    reach, nearest = hits[len(hits) - 1].distance, hits[0].distance
    label_of = dict(zip(index.sequences.ids, index.sequences.labels, strict=True))
    votes: dict[str, float] = {}
    for hit in hits[:k]:
        weight = 1.0 if reach == nearest else max((reach - hit.distance) / (reach - nearest), 1e-9)
        if label_of[hit.id]:
            votes[label_of[hit.id]] = votes.get(label_of[hit.id], 0.0) + weight
    total = sum(votes.values())
    return {name: value / total for name, value in votes.items()}


@pytest.mark.parametrize("k", [1, 3, 10])
def test_votes_equal_a_loop(index: SequenceIndex, k: int) -> None:
    queries = families(12, 2, 60, edits=6)
    votes = NeighbourClassifier(index, k=k, exact=True).classify(queries)
    for row in range(len(queries)):
        wanted = naive_votes(index, queries[row : row + 1], k)
        told = {name: share for name, share in zip(votes.labels, votes.shares[row].tolist(), strict=True) if share}
        assert told == pytest.approx(wanted)
        assert bool(votes.abstained[row]) == (not wanted)  # none of its neighbours has a label
        assert not wanted or wanted[votes.names()[row]] == pytest.approx(max(wanted.values()))


def test_relatives_are_recognised_and_strangers_are_not(index: SequenceIndex) -> None:
    relatives, strangers = index.sequences[::7], families(5, 1, 60, seed=9)
    judge = NeighbourClassifier(index, k=5, abstain=0.02, exact=True)
    told = judge.classify(relatives)
    families_of = [f"f{int(id[1:]) // 8}" for id in relatives.ids]
    assert [name == own for name, own in zip(told.names(), families_of, strict=True)].count(False) <= 1
    away = judge.classify(strangers)
    assert away.names() == [""] * 5
    assert away.abstained.all()
    assert (away.p_values < 0.02).all()
    assert NeighbourClassifier(index, k=5, exact=True).classify(strangers).names() != [""] * 5  # 0 always answers


def test_uniform_votes(index: SequenceIndex) -> None:
    votes = NeighbourClassifier(index, k=4, weighting="uniform", exact=True).classify(index.sequences[:3])
    assert set(np.round(votes.shares * 12).ravel().tolist()) <= set(range(13))
    assert votes.confidence == pytest.approx(votes.shares.max(axis=1))


def test_p_values_are_those_of_novelty(index: SequenceIndex) -> None:
    queries = families(12, 1, 60, edits=12)
    votes = NeighbourClassifier(index, abstain=0.2, novelty={"method": "mean", "k": 3}, exact=True).classify(queries)
    asked = index.novelty(queries, fpr=0.2, method="mean", k=3)
    np.testing.assert_array_equal(votes.p_values, asked.p_values)
    assert (votes.abstained >= asked.novel).all()
    assert NeighbourClassifier(index, exact=True).classify(queries).p_values is None
    with pytest.raises(ParameterError, match="no novelty method 'odd'"):
        NeighbourClassifier(index, abstain=0.1, novelty={"method": "odd"})


def test_the_nearest_of_equals_wins(tmp_path: Path) -> None:
    texts = ["AAAAAAAA", "AAAAAATT", "CCCCCCCC", "CCCCCCGG"]
    stored = Sequences.from_texts(texts, DNA, labels=["x", "y", "z", "z"])
    with SequenceIndex.build(tmp_path / "i.ss", stored, model=kmer_model(stored)) as small:
        votes = NeighbourClassifier(small, k=2, weighting="uniform", exact=True).classify(
            Sequences.from_texts(["AAAAAAAT"], DNA)
        )
        assert votes.shares.tolist() == [[0.5, 0.5, 0.0]]
        assert votes.names() in (["x"], ["y"])
        nearer = NeighbourClassifier(small, k=2, weighting="uniform", exact=True).classify(
            Sequences.from_texts(["AAAAATTT"], DNA)
        )
        assert nearer.names() == ["y"]


def test_what_cannot_vote(index: SequenceIndex, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no weighting 'loud'"):
        NeighbourClassifier(index, weighting="loud")
    with pytest.raises(ParameterError, match="abstain must be from 0 to below 1, not 1"):
        NeighbourClassifier(index, abstain=1)
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        NeighbourClassifier(index, k=0)
    bare = families(2, 3, 30)
    with (
        SequenceIndex.build(tmp_path / "bare.ss", bare, model=kmer_model(bare)) as unlabelled,
        pytest.raises(MismatchError, match="have no labels to vote with"),
    ):
        NeighbourClassifier(unlabelled)
