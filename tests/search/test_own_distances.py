"""An index under a distance of one's own, and a process that lacks its class."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from rapidfuzz.distance import JaroWinkler

from seqsearch import CustomDistance, NoveltyScorer, SequenceIndex, duplicates
from seqsearch.distances import DISTANCES, JaroWinklerDistance
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.search.options import BuildOptions
from seqsearch.sequences import TEXT, Sequences
from tests.families import families


class Names(CustomDistance):
    name = "own-names"

    def __init__(self, *, weights: tuple[float, ...] = (0.1,)) -> None:
        self.weights = tuple(weights)

    def parameters(self):
        return {"weights": self.weights}

    def between(self, a: str, b: str) -> float:
        return JaroWinkler.distance(a, b, prefix_weight=self.weights[0])


class Compiled(CustomDistance):
    name = "own-compiled"
    whole_numbers = True
    between = staticmethod(numba.njit(lambda a, b: abs(len(a) - len(b))))


def texts(families_: int, each: int, seed: int, prefix: str) -> Sequences:
    letters = families(families_, each, 12, seed=seed, prefix=prefix)
    labels = [f"family {row // each}" for row in range(len(letters))]
    return Sequences.from_texts(letters.texts(), TEXT, ids=list(letters.ids), labels=labels)


STORED, ASKED, MORE = texts(12, 6, 0, "r"), texts(6, 1, 0, "q"), texts(4, 1, 3, "new")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    where = tmp_path_factory.mktemp("own") / "names.ss"
    SequenceIndex.build(where, STORED, distance=Names(), encoder="kmer", recall=0.9).close()
    return where


def test_it_answers_as_the_built_in_one_of_the_same_meaning(path):
    index = SequenceIndex.open(path, distance=Names())
    same = JaroWinklerDistance()
    truth = same.exact(ASKED, STORED, 5)
    found = index.search(ASKED, 5, exact=True)
    np.testing.assert_array_equal(found.distances, truth.distances)
    near = index.within(ASKED, 0.2)
    assert [len(hits) for hits in near] == (same.matrix(ASKED, STORED) <= 0.2).sum(axis=1).tolist()
    assert index.evaluate(ASKED, 5)[-1].recall == 1
    assert index.novelty(ASKED).scores.shape == (len(ASKED),)
    assert index.distance == Names()
    assert index.info()["distance_parameters"] == {"weights": [0.1]}


def test_it_classifies_and_finds_duplicates_and_novelty(path):
    votes = NeighbourClassifier(SequenceIndex.open(path, distance=Names()), k=3).classify(STORED[:8])
    assert len(votes.names()) == 8
    assert duplicates(STORED, Names(), 0.1).sizes.max() >= 1
    scorer = NoveltyScorer(distance=Names(), encoder="kmer").fit(STORED)
    assert set(scorer.predict(ASKED)) <= {-1, 1}


def test_the_index_changes_and_learns(tmp_path):
    with SequenceIndex.build(tmp_path / "a.ss", STORED, distance=Compiled(), encoder="linear", effort="low") as index:
        index.add(MORE)
        assert len(index) == len(STORED) + len(MORE)
        expected = Compiled().exact(ASKED, Sequences.concatenate([STORED, MORE]), 3)
        np.testing.assert_array_equal(index.search(ASKED, 3, exact=True).distances, expected.distances)
        assert index.verify(sample=10).ok


def test_whoever_lacks_the_class_is_told_what_to_do(path):
    said = (
        rf"{path}: its distance 'own-names', the class {__name__}\.Names, is not known here: "
        r"import the module that registers it, or pass distance= to open\(\)"
    )
    with SequenceIndex.open(path) as index:
        assert index.info()["distance"] == "own-names"
        assert len(index) == len(STORED)
        with pytest.raises(ParameterError, match=said):
            index.search(ASKED)
        with pytest.raises(ParameterError, match=said):
            _ = index.distance


def test_a_registered_class_is_found_by_its_name(path):
    DISTANCES.register("own-names", Names)
    try:
        assert SequenceIndex.open(path).distance == Names()
    finally:
        DISTANCES._members.pop("own-names")


def test_another_distance_than_the_index_was_built_with(path):
    for other, shown in ((Names(weights=[0.2]), "0.2"), (JaroWinklerDistance(), "jaro-winkler")):
        said = rf"compares by the distance own-names with .*0\.1.* and not by .*{shown}"
        with pytest.raises(MismatchError, match=said):
            SequenceIndex.open(path, distance=other)


def test_what_cannot_be_told_apart_or_stored_is_refused_before_anything_is_built():
    class Edit(Names):
        name = "edit"

    with pytest.raises(ParameterError, match=r"the name 'edit' of Edit\(.*\) is that of seqsearch.distances.edit.Edit"):
        BuildOptions(distance=Edit())
    with pytest.raises(ParameterError, match=r"the distance Names\(.*\) has its parameters"):
        BuildOptions(distance=Names(), distance_parameters={"weights": [1]})
    with pytest.raises(ParameterError, match=r"the parameters of the distance Names\(.*\) cannot be stored: .*complex"):
        BuildOptions(distance=Names(weights=(1j,)))
