"""`References` answer as an index that compares with everything does, and leave nothing behind."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seqsearch import References, SequenceIndex, classify
from seqsearch.distances import DTWDistance, EditDistance
from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    MismatchError,
    ParameterError,
    UnknownIdError,
    UnknownNameError,
)
from seqsearch.sequences import DNA, PROTEIN, Sequences, as_sequences
from tests.families import families

LABELS = [f"family {row // 10}" for row in range(120)]


def labelled(made: Sequences) -> Sequences:
    texts = {"year": [1990 + row % 30 for row in range(len(made))]}
    return as_sequences(made.texts(), made.alphabet, ids=made.ids, labels=LABELS[: len(made)], columns=texts)


EVERYTHING, PROTEINS = families(12, 11, 60, edits=6), families(8, 7, 40, alphabet=PROTEIN)
GENES = labelled(EVERYTHING[[row for row in range(132) if row % 11 < 10]])
ASKED = Sequences.concatenate([EVERYTHING[10::11], families(3, 1, 60, seed=9, prefix="n")])


def series() -> Sequences:
    rng = np.random.default_rng(2)
    return Sequences.from_arrays([rng.normal(size=(int(n), 2)).cumsum(axis=0) for n in rng.integers(12, 20, 40)])


CASES = {
    "edit": (GENES, ASKED, {"encoder": "kmer"}, {}),
    "dtw": (series(), series()[::7], {"encoder": "curve"}, {"distance": "dtw", "distance_parameters": {"window": 0.2}}),
    "infix": (GENES, as_sequences([t[5:35] for t in ASKED.texts()], DNA), {}, {"distance": "infix"}),
    "proteins": (
        PROTEINS[[row for row in range(56) if row % 7 < 6]],
        PROTEINS[6::7],
        {"encoder": "kmer"},
        {"distance": "alignment"},
    ),
}


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory):
    folder, made = tmp_path_factory.mktemp("indexes"), {}
    for name, (stored, _, how, distance) in CASES.items():
        made[name] = SequenceIndex.build(folder / f"{name}.ss", stored, **how, **distance)
    yield made
    for index in made.values():
        index.close()


@pytest.mark.parametrize("case", CASES)
def test_answers_are_those_of_an_index_that_compares_with_everything(case: str, indexes) -> None:
    stored, asked, _, distance = CASES[case]
    index, references = indexes[case], References(stored, **distance)
    told, found = index.search(asked, k=4, exact=True), references.search(asked, k=4)
    assert found.to_dicts() == told.to_dicts()
    np.testing.assert_array_equal(found.distances, told.distances)
    radius = float(np.median(told.distances))
    assert references.within(asked, radius).to_dicts() == index.within(asked, radius).to_dicts()
    if references.finds_parts:
        assert "target_start" in found.to_dicts()[0]


def test_the_oracle_is_a_table_of_distances() -> None:
    table = EditDistance().matrix(ASKED, GENES)
    np.testing.assert_array_equal(References(GENES).search(ASKED, k=5).distances, np.sort(table, axis=1)[:, :5])


@pytest.mark.parametrize(
    "limits", [{"strand": "both"}, {"where": "year > 2010 and length > 55"}, {"ids": ["s3", "s77", "s5"]}]
)
def test_limits_are_those_of_an_index(limits: dict, indexes) -> None:
    references = References(GENES)
    told = indexes["edit"].search(ASKED, k=4, exact=True, **limits)
    found = references.search(ASKED, k=4, **limits)
    assert found.to_dicts() == told.to_dicts()
    assert references.within(ASKED, 9, **limits).to_dicts() == indexes["edit"].within(ASKED, 9, **limits).to_dicts()
    assert references.count("year > 2010") == indexes["edit"].count("year > 2010")


@pytest.mark.parametrize("method", ["nearest", "mean", "kth", "lof"])
def test_novelty_judges_members_as_if_they_were_not_there(method: str, indexes, tmp_path: Path) -> None:
    index = indexes["edit"]
    assert index.budget(21)[0] is None, "this index compares with everything"
    references = References(GENES)
    told, found = index.novelty(ASKED, method=method, sample=60), references.novelty(ASKED, method=method, sample=60)
    np.testing.assert_array_equal(found.scores, told.scores)
    np.testing.assert_array_equal(found.p_values, told.p_values)
    assert (list(found.nearest), found.distances.tolist()) == (list(told.nearest), told.distances.tolist())
    if method == "nearest":
        given = references.novelty(ASKED, known=GENES[:20])
        assert given.scores.tolist() == found.scores.tolist()
        assert references.known_scores(sample=60) is references.known_scores(sample=60)


def test_labels_vote_as_in_an_index(indexes) -> None:
    told = classify(indexes["edit"], ASKED, k=5, exact=True, abstain=0.02)
    found = classify(References(GENES), ASKED, k=5, abstain=0.02)
    assert found.names() == told.names()
    np.testing.assert_array_equal(found.shares, told.shares)
    assert classify(References(GENES), ASKED, k=5).names()[:12] == [f"family {family}" for family in range(12)]
    with pytest.raises(MismatchError, match="the sequences of V4 have no labels to vote with"):
        classify(References(ASKED, name="V4"), ASKED)


def test_they_are_records_as_well() -> None:
    references = References(GENES)
    assert (len(references), "s7" in references, "n7" in references, 7 in references) == (120, True, False, False)
    assert references["s7"].label == "family 0"
    assert references.get(["s7", "s3"]).ids[1] == "s3"
    assert references.holds(["s7", "x"]).tolist() == [True, False]
    assert (references.columns, references.alphabet_name, references.name) == ({"year": "int"}, "dna", "references")
    assert [record.id for record in references][:2] == ["s0", "s1"]
    assert repr(references) == "References(n=120, dna, edit)"
    assert repr(References(series(), distance=DTWDistance())) == "References(n=40, series, dtw)"


def test_sets_that_come_one_after_the_other_and_columns_beside_them() -> None:
    plain = as_sequences(GENES.texts(), DNA, ids=GENES.ids)
    parts = References(iter([plain[:50], plain[50:]]), columns={"year": list(range(120))})
    assert parts.search(ASKED, k=3).to_dicts() == References(plain).search(ASKED, k=3).to_dicts()
    assert parts.count("year < 70") == 70
    tail = References(plain[50:])
    table = EditDistance().matrix(ASKED, plain[50:])
    np.testing.assert_array_equal(tail.search(ASKED, k=3).distances, np.sort(table, axis=1)[:, :3])


def test_copies_and_threads_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    references = References(GENES, name="genes")
    told = references.search(ASKED, k=3).to_dicts()
    again = pickle.loads(pickle.dumps(references))
    assert (again.search(ASKED, k=3).to_dicts(), again.name) == (told, "genes")
    with ThreadPoolExecutor(4) as pool:
        assert all(found.to_dicts() == told for found in pool.map(lambda _: references.search(ASKED, k=3), range(8)))
    references.novelty(ASKED)
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda r: r.search(ASKED, candidates=5), ParameterError, "candidates cannot be asked for: there is no index"),
        (lambda r: r.search(ASKED, vectors=np.zeros((15, 2))), ParameterError, "vectors of queries mean nothing"),
        (lambda r: r.novelty(ASKED, by="embedding"), ParameterError, "novelty by embeddings is not known: there is"),
        (lambda r: r.novelty(ASKED, method="shells"), ParameterError, "of nearest, mean, kth, lof, not for shells"),
        (lambda r: r.search(as_sequences(["hallo"])), MismatchError, "queries are text, genes dna"),
        (lambda r: r.search(series()), MismatchError, "queries are series of 2 features, genes dna"),
        (lambda r: r.search(ASKED, ids=["s1", "zz"]), UnknownIdError, "genes: no record with the id 'zz'"),
        (lambda r: r.search(ASKED, 0), ParameterError, "k must be at least 1"),
    ],
)
def test_what_needs_an_index_is_refused(ask, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        ask(References(GENES, name="genes"))


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: References(GENES[:0]), EmptyInputError, "there is no sequence to compare with"),
        (lambda: References([]), EmptyInputError, "there is no sequence"),
        (
            lambda: References(iter([GENES, GENES])),
            DuplicateIdError,
            r"references: record 121 \(s0\): this id comes twice",
        ),
        (lambda: References(series()), MismatchError, "compares tokens, not series: use the distance dtw"),
        (lambda: References(GENES, distance="edti"), UnknownNameError, "edti"),
        (lambda: References(GENES, distance="edit", distance_parameters={"window": 1}), ParameterError, "window"),
        (
            lambda: References(GENES, distance=EditDistance(), distance_parameters={"window": 1}),
            ParameterError,
            "distance_parameters are for a name",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(make, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        make()
