"""Vectors made elsewhere: candidates by them, the exact distance decides; given row by row, or by a callable."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Sequence as Listed
from pathlib import Path

import numpy as np
import pytest
import torch

from seqsearch import NoveltyScorer, SequenceIndex, Sequences
from seqsearch.encoders.model import kmer_model
from seqsearch.encoders.model_file import save_model
from seqsearch.encoders.own import OwnModel
from seqsearch.errors import InputError, MismatchError, MissingVectorsError, ParameterError, ParseError
from seqsearch.geometry import cosine
from seqsearch.search import build_rows, own_building
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.sequences import DNA
from seqsearch.store import Store
from tests.families import families
from tests.search.test_resume import Killed, Watcher

EVERYTHING = families(60, 7, 60, edits=6)
ASKED = np.arange(0, 420, 7)  # one of each family
STORED, QUERIES = EVERYTHING[np.setdiff1d(np.arange(420), ASKED)], EVERYTHING[ASKED]
MODEL = kmer_model(EVERYTHING, 3)
POINTS, QUERY_POINTS = MODEL.embed(STORED), MODEL.embed(QUERIES)
DIM = POINTS.shape[1]


def embed(texts: Listed[str]) -> np.ndarray:
    """The callable that made the points."""
    assert isinstance(texts, list)
    assert all(isinstance(text, str) for text in texts)
    return MODEL.embed(Sequences.from_texts(texts, DNA))


KINDS = {
    "exact": {"index": "exact"},
    "hnsw": {"index": "hnsw"},
    "ivf": {"index": "ivf", "compress": 8},
    "hamming": {"bits": 64, "codes": "itq"},
    "euclidean": {"index": "exact", "geometry": "euclidean"},
}


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "own.ss"
    SequenceIndex.build(path, STORED, vectors=POINTS, recall=0.9, **KINDS[request.param]).close()
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "own.ss"
    SequenceIndex.build(path, STORED, vectors=POINTS, recall=0.9).close()
    return path


@pytest.fixture
def copy(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "own.ss"))


def by_brute_force(candidates: int, k: int) -> list[list[float]]:
    """The k best exact distances among the nearest candidates by cosine."""
    out = []
    for query, point in zip(QUERIES, QUERY_POINTS, strict=True):
        near = np.argsort(cosine(point, POINTS), kind="stable")[:candidates]
        out.append(sorted(edits(query.text, STORED[int(row)].text) for row in near)[:k])
    return out


def edits(a: str, b: str) -> float:
    """Levenshtein's recursion, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return float(row[-1])


def test_candidates_are_the_nearest_by_the_vectors(plain: Path) -> None:
    with SequenceIndex.open(plain) as index:
        found = index.search(QUERIES, 3, vectors=QUERY_POINTS, candidates=8)
    assert found.distances.tolist() == by_brute_force(8, 3)


def test_every_kind_of_index_finds_what_it_promises(made: Path) -> None:
    """Saved, opened, asked; the promised recall is that of others of these families."""
    with SequenceIndex.open(made) as index:
        truth = index.search(QUERIES, 5, exact=True).distances  # which needs no vectors
        budget, _ = index.budget(5, recall=0.9)
        candidates = 30 if budget is None else budget.candidates
        found = index.search(QUERIES, 5, vectors=QUERY_POINTS, candidates=candidates)
        assert (found.distances <= truth[:, -1:]).mean() > 0.85
        assert index.calibration.queries == 20  # held out, asked by their own vectors
        points = [point.recall for point in index.calibration.points if point.k == 1]
        assert 0.5 < max(points) <= 1.0
        assert [row.recall for row in index.evaluate(QUERIES, 5, vectors=QUERY_POINTS)][-1] == 1.0
        assert index.verify().ok
        facts = index.info()
    assert (facts["encoder"], facts["dim"]) == ("own vectors", DIM)


def test_an_index_is_changed_with_vectors(made: Path, tmp_path: Path) -> None:
    path = shutil.copytree(made, tmp_path / "own.ss")
    with SequenceIndex.open(path) as index:
        index.add(QUERIES, vectors=QUERY_POINTS)
        assert index.search(QUERIES, 1, vectors=QUERY_POINTS, candidates=20).distances.max() == 0
        index.remove([QUERIES.ids[0], STORED.ids[0]])
        index.update(QUERIES[1:2], vectors=QUERY_POINTS[1:2].astype(np.float64))
        index.compact()
        assert index.verify().ok
    with SequenceIndex.open(path) as index:
        assert len(index) == len(STORED) + len(QUERIES) - 2
        found = index.search(QUERIES, 1, vectors=QUERY_POINTS, candidates=20)
        assert found.distances[1:].max() == 0
        assert QUERIES.ids[0] not in found.ids


def test_all_other_questions(copy: Path) -> None:
    with SequenceIndex.open(copy) as index:
        exact = index.search(QUERIES, 1, exact=True).distances[:, 0]
        assert index.within(QUERIES, 4).distances.tolist()  # by proof: needs none
        for options in ({}, {"method": "mean", "k": 3}, {"method": "lof", "k": 5}, {"by": "embedding"}):
            found = index.novelty(QUERIES, vectors=QUERY_POINTS, **options)
            assert found.distances[0] == exact[0]
            assert len(index.member_scores(**options)) == len(STORED)
        known = index.novelty(QUERIES[:9], vectors=QUERY_POINTS[:9], known=QUERIES, known_vectors=QUERY_POINTS)
        assert len(known) == 9
        assert len(index.known_scores(known=QUERIES, known_vectors=QUERY_POINTS)) == len(QUERIES)
        assert len(index.cluster(sample=30).rows) == 30
        measured = index.calibrate(sample=50)
        assert measured.queries == 50
        assert index.calibrate(QUERIES, vectors=QUERY_POINTS).queries == len(QUERIES)
        assert repr(index).endswith(f"dna, edit, own vectors, {DIM} dimensions, cosine)")
        again = pickle.loads(pickle.dumps(index))
        assert len(again.search(QUERIES[:1], vectors=QUERY_POINTS[:1])) == 1
        again.close()


def test_members_are_judged_by_their_stored_vectors(plain: Path) -> None:
    """As if they were asked with them."""
    with SequenceIndex.open(plain) as index:
        some = index.sequences[np.arange(9)]
        alone = [
            index.search(some[row : row + 1], 2, vectors=POINTS[row : row + 1], candidates=50).distances[0, 1]
            for row in range(9)
        ]
        by_novelty = index.member_scores(method="nearest")[:9]
        assert np.all(by_novelty <= np.array(alone))


def test_stored_sequences_need_no_vectors(copy: Path) -> None:
    with SequenceIndex.open(copy) as index:
        names = [STORED.ids[7], STORED.ids[3]]
        found = index.search(index.get(names), 4, candidates=12)
        given = index.search(index.get(names), 4, vectors=POINTS[[7, 3]], candidates=12)
        assert found.distances.tolist() == given.distances.tolist()
        assert index.search(index[names[0]], 1, candidates=3).distances[0, 0] == 0
        other = Sequences.from_texts([QUERIES[0].text], DNA, names[:1])  # the id of a stored one is not enough
        with pytest.raises(MissingVectorsError):
            index.search(other)
        index.remove(names[:1])
        with pytest.raises(MissingVectorsError):
            index.search(STORED[[7, 3]])


def test_verify_tries_the_callable(tmp_path: Path) -> None:
    sign = 1.0
    path = tmp_path / "own.ss"
    with SequenceIndex.build(path, STORED, encoder=lambda texts: sign * embed(texts).astype(np.float16)) as index:
        assert (index.verify().problems, index.verify().notes) == ([], [])
        sign = -1.0
        assert "makes other vectors than those stored: that of 's" in index.verify().problems[0]


def test_classes_by_neighbours(tmp_path: Path) -> None:
    labels = [str(number // 7) for number in range(420)]
    ids = list(EVERYTHING.ids)
    named = [labels[ids.index(name)] for name in STORED.ids]
    labelled = Sequences.from_arrays([record.data for record in STORED], DNA, list(STORED.ids), labels=named)
    with SequenceIndex.build(tmp_path / "own.ss", labelled, vectors=POINTS) as index:
        votes = NeighbourClassifier(index, k=3, abstain=0.01).classify(QUERIES, QUERY_POINTS)
        right = [name in ("", labels[ids.index(q)]) for name, q in zip(votes.names(), QUERIES.ids, strict=True)]
        assert np.mean(right) > 0.9
        with pytest.raises(MissingVectorsError, match="give vectors="):
            NeighbourClassifier(index, k=3).classify(QUERIES)


def test_what_needs_vectors_says_so(plain: Path) -> None:
    with SequenceIndex.open(plain) as index:
        lacks = rf"queries: this index holds own vectors, {DIM} dimensions, cosine, and cannot embed sequences: "
        for ask in (index.search, index.novelty, index.evaluate, index.calibrate):
            with pytest.raises(MissingVectorsError, match=lacks + r"give vectors= \(on the command line --query-"):
                ask(QUERIES)
        for change in (index.add, index.update):
            with pytest.raises(MissingVectorsError, match=r"sequences: .* give vectors= \(on the .* --vectors FILE"):
                change(QUERIES)
        with pytest.raises(MissingVectorsError, match="known: .* give known_vectors="):
            index.novelty(QUERIES, vectors=QUERY_POINTS, known=QUERIES)
        with pytest.raises(MissingVectorsError, match="open it with encoder=, the callable that made them"):
            index.model.embed(QUERIES)
        with pytest.raises(ParameterError, match="there is no model to save: own vectors, 64 dimensions, cosine"):
            save_model(index.model, plain.parent / "x.model")
        assert pickle.loads(pickle.dumps(index.model)).dim == DIM
        with pytest.raises(ParameterError, match="strand 'both': the vectors given are those of the plus strand"):
            index.search(QUERIES, vectors=QUERY_POINTS, strand="both")
        assert index.search(QUERIES[:1], 1, exact=True, strand="both").distances.shape == (1, 1)
        with pytest.raises(ParameterError, match="vectors say nothing without queries"):
            index.calibrate(vectors=QUERY_POINTS)
        with pytest.raises(ParameterError, match="known_vectors say nothing without known"):
            index.novelty(QUERIES, vectors=QUERY_POINTS, known_vectors=QUERY_POINTS)
        assert len(index) == len(STORED)


def test_vectors_that_do_not_fit(plain: Path, tmp_path: Path) -> None:
    broken = QUERY_POINTS.copy()
    broken[3, 5] = np.nan
    np.save(tmp_path / "broken.npy", broken)
    np.savez(tmp_path / "many.npz", a=broken)
    (tmp_path / "text.npy").write_text("no array")
    huge = QUERY_POINTS.astype(np.float64)
    huge[2, 0] = 1e300
    with SequenceIndex.open(plain) as index:
        for given, error, told in (
            (QUERY_POINTS[:-1], MismatchError, "vectors: 59 rows of vectors for 60 sequences"),
            (QUERY_POINTS[:, :5], MismatchError, f"vectors: vectors of 5 dimensions, the index holds {DIM}"),
            (QUERY_POINTS[0], ParameterError, rf"vectors has shape \({DIM},\): vectors are \(n, D\), a row a sequence"),
            (broken, InputError, r"vectors: row 3 \(counted from 0\): the value in column 5 is nan: .* finite"),
            (huge, InputError, r"row 2 .* column 0 is 1e\+300"),
            (1e20 * QUERY_POINTS, InputError, r"row 0 .* its norm is .*: at most 1e\+18 can be compared"),
            ([["a"]] * 60, ParameterError, "vectors has dtype <U1: vectors are real numbers"),
            ([[1.0], [1.0, 2.0]], ParameterError, "vectors: no array can be made of it"),
            (
                tmp_path / "broken.npy",
                InputError,
                r"broken.npy: row 3 \(counted from 0\): the value in column 5 is nan",
            ),
            (tmp_path / "none.npy", InputError, "none.npy: cannot be read: No such file"),
            (tmp_path / "text.npy", ParseError, "text.npy: is no .npy file of numbers"),
            (tmp_path / "many.npz", ParseError, "many.npz: is an archive of arrays: vectors are one array"),
        ):
            with pytest.raises(error, match=told):
                index.search(QUERIES, vectors=given)


def test_a_build_looks_at_all_vectors_first(tmp_path: Path) -> None:
    path = tmp_path / "own.ss"
    broken = POINTS.astype(np.float16)
    broken[200, 1] = np.inf
    for options, error, told in (
        ({"vectors": broken}, InputError, r"row 200 \(counted from 0\): the value in column 1 is inf"),
        ({"vectors": POINTS[1:]}, MismatchError, "vectors: 359 rows of vectors for 360 sequences"),
        ({"vectors": POINTS, "geometry": "hyperbolic"}, InputError, "row 0 .* lie inside the unit ball"),
        ({"vectors": POINTS, "encoder": "kmer"}, ParameterError, "so encoder 'kmer' would make none: leave it out"),
        ({"vectors": POINTS, "dim": 64}, ParameterError, "dim 64 means nothing with vectors"),
        ({"encoder": embed, "effort": "high"}, ParameterError, "learn 'high' means nothing with an encoder"),
        ({"vectors": POINTS, "bits": 16, "codes": "learned"}, ParameterError, "codes cannot be learned with vectors"),
        ({"vectors": POINTS, "model": MODEL}, ParameterError, "a model and vectors of your own exclude each other"),
        ({"vectors": POINTS, "queries": QUERIES}, MissingVectorsError, "give query_vectors="),
        ({"vectors": POINTS, "distance": "infix"}, ParameterError, "vectors would propose no candidates: infix"),
        ({"query_vectors": QUERY_POINTS}, ParameterError, "query_vectors say nothing without queries"),
        ({"query_vectors": QUERY_POINTS, "queries": QUERIES}, ParameterError, "say nothing without vectors"),
    ):
        with pytest.raises(error, match=told):
            SequenceIndex.build(path, STORED, **options)
    assert not path.exists()
    np.save(tmp_path / "points.npy", np.asfortranarray(POINTS))
    with SequenceIndex.build(
        path, STORED, vectors=tmp_path / "points.npy", queries=QUERIES, query_vectors=QUERY_POINTS
    ) as index:
        assert index.calibration.queries == len(QUERIES)


def test_an_index_that_embeds_takes_no_vectors(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "k.ss", STORED, encoder="kmer") as index:
        with pytest.raises(ParameterError, match=r"vectors: this index makes its own vectors \(encoder kmer\): l"):
            index.search(QUERIES, vectors=QUERY_POINTS)
        assert repr(index).endswith("dna, edit)")
    with pytest.raises(ParameterError, match=r"k.ss makes its own vectors \(encoder kmer\): encoder= is for vectors"):
        SequenceIndex.open(tmp_path / "k.ss", encoder=embed)


# -- a callable -------------------------------------------------------------------------------------------------------


def test_a_callable_makes_all_vectors(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "call.ss"
    with SequenceIndex.build(path, STORED, encoder=embed, recall=0.9) as index, SequenceIndex.open(plain) as given:
        found = index.search(QUERIES, 4, candidates=9)
        assert (
            found.distances.tolist() == given.search(QUERIES, 4, vectors=QUERY_POINTS, candidates=9).distances.tolist()
        )
        assert (
            found.distances.tolist() == index.search(QUERIES, 4, vectors=QUERY_POINTS, candidates=9).distances.tolist()
        )
        assert index.calibration.points == given.calibration.points
        index.add(QUERIES)
        assert index.search(QUERIES, 1, strand="both").distances.max() == 0
        assert index.verify().notes == []
    with SequenceIndex.open(path) as index:  # the callable is not stored
        with pytest.raises(MissingVectorsError, match="open the index with encoder="):
            index.search("ACGTTTGGCA")
        assert isinstance(index.model, OwnModel)
    with SequenceIndex.open(path, encoder=embed) as index:
        assert index.search(QUERIES, 1).distances.max() == 0
        with pytest.raises(MissingVectorsError):  # nor is it pickled
            pickle.loads(pickle.dumps(index)).search("ACGTTTGGCA")


def test_another_callable_is_found_out(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MismatchError, match=r"makes other vectors than those stored: that of 's\d+' is off by .* of its length"
    ):
        SequenceIndex.open(copy, encoder=lambda texts: np.roll(embed(texts), 1, axis=1))
    SequenceIndex.open(copy, encoder=lambda texts: 3 * embed(texts)).close()  # cosine: only directions count
    SequenceIndex.open(copy, encoder=lambda texts: embed(texts).astype(np.float16)).close()
    with pytest.raises(MismatchError, match=f"makes vectors of 3 dimensions, not {DIM}"):
        SequenceIndex.open(copy, encoder=lambda texts: embed(texts)[:, :3])
    with pytest.raises(MismatchError, match="makes other vectors than those stored"):
        SequenceIndex.build(tmp_path / "b.ss", STORED, vectors=POINTS, encoder=lambda texts: -embed(texts))
    with SequenceIndex.build(tmp_path / "both.ss", STORED, vectors=POINTS, encoder=embed) as index:
        assert index.search(QUERIES, 1, candidates=9).distances.shape == (60, 1)
    codes = SequenceIndex.build(tmp_path / "codes.ss", STORED, encoder=embed, bits=64, codes="pca")
    codes.close()
    with pytest.raises(MismatchError, match=r"is off by \d+ of 64 bits"):
        SequenceIndex.open(tmp_path / "codes.ss", encoder=lambda texts: -embed(texts))


def test_callables_that_cannot_be_used(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for encoder, error, told in (
        (lambda texts: embed(texts)[1:], MismatchError, r"encoder .*<lambda> made 3 vectors of 4 sequences"),
        (lambda texts: np.full((len(texts), 4), np.nan), InputError, r"encoder .*: row 0 .* is nan"),
        (lambda texts: ["x"] * len(texts), ParameterError, r"encoder .* has dtype <U1: vectors are real numbers"),
        (
            lambda texts: chance.normal(size=(len(texts), 4)),
            MismatchError,
            "makes another vector of 's.*' alone than among",
        ),
        (lambda texts: embed(texts) - embed(texts).mean(axis=0), MismatchError, "must depend on their sequence alone"),
        (3, ParameterError, "encoder has to be a family by name, a callable of a list of strings"),
        (dict, ParameterError, "encoder has to be a family by name"),
    ):
        with pytest.raises(error, match=told):
            SequenceIndex.build(tmp_path / "x.ss", STORED, encoder=encoder)
    with pytest.raises(ZeroDivisionError):  # what it raises itself is left as it is
        SequenceIndex.build(tmp_path / "x.ss", STORED, encoder=lambda texts: 1 / 0)


class Counting(torch.nn.Module):
    """A stand-in for a trained network: letters in three soft places, with dropout that must not be felt."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Linear(128 * 3, 24)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, texts: list[str]) -> torch.Tensor:
        counts = torch.zeros(len(texts), 3, 128)
        for row, text in enumerate(texts):
            for at, letter in enumerate(text):
                counts[row, 3 * at // len(text), ord(letter)] += 1
        points: torch.Tensor = self.table(self.dropout(counts.flatten(1)))
        return points.to(torch.bfloat16)


def test_a_torch_module(tmp_path: Path) -> None:
    module = Counting()
    assert module.training
    with SequenceIndex.build(tmp_path / "t.ss", STORED, encoder=module) as index:
        assert index.info()["dim"] == 24
        index.add(QUERIES)
        assert index.search(QUERIES, 1, candidates=5).distances.max() == 0
    with SequenceIndex.open(tmp_path / "t.ss", encoder=Counting()) as index:  # the same seed, the same weights
        assert index.search(QUERIES, 1, candidates=5).distances.max() == 0


class Encoder:
    """Has a method `encode`, as models of sentence-transformers have."""

    def encode(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.abs(np.fft.rfft(one[:, 0], 16))[:6] for one in inputs])


def test_series_come_as_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    waves = [np.sin(np.arange(30 + k % 4) * (0.2 + 0.1 * (k % 5)) + rng.normal() / 3) for k in range(80)]
    stored, asked = Sequences.from_arrays(waves[10:]), Sequences.from_arrays(waves[:10])
    with SequenceIndex.build(
        tmp_path / "s.ss", stored, encoder=Encoder(), distance="dtw", geometry="euclidean"
    ) as index:
        truth = index.search(asked, 1, exact=True).distances
        assert (index.search(asked, 1, candidates=20).distances <= truth).mean() > 0.7


def test_novelty_scorer_takes_a_callable() -> None:
    scorer = NoveltyScorer(encoder=embed, alphabet="dna", fpr=0.05).fit(STORED)
    assert scorer.predict(["ACGTTTGGCA" * 6]).tolist() == [-1]


# -- interrupted ------------------------------------------------------------------------------------------------------


def told_by(path: Path, dies_at: int | None = None, **options: object) -> Watcher:
    """Build, maybe killed at that step."""
    watcher = Watcher(dies_at)
    try:
        with SequenceIndex.build(path, STORED, progress=watcher, **options):
            pass
    except Killed:
        assert dies_at is not None
    return watcher


def stored_in(path: Path) -> tuple[object, ...]:
    with Store.open(path) as store:
        return store.vectors().tobytes(), store.document("model"), store.document("calibration"), list(store.ids)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_rows, "ROWS", 100)
    monkeypatch.setattr(own_building, "_ROWS", 100)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("own", [{"vectors": POINTS}, {"encoder": embed}], ids=["rows", "callable"])
def test_a_killed_build_goes_on(tmp_path: Path, own: dict[str, object]) -> None:
    steps = told_by(tmp_path / "whole.ss", **own).told
    for dies_at in range(steps // 3, steps, max(1, steps // 5)):
        path = tmp_path / f"{dies_at}.ss"
        told_by(path, dies_at, **own)
        assert not path.exists()
        again = told_by(path, **own)
        assert again.notes[0].startswith("going on with an interrupted build")
        assert stored_in(path) == stored_in(tmp_path / "whole.ss")


@pytest.mark.usefixtures("small_steps")
def test_other_vectors_begin_anew(tmp_path: Path) -> None:
    steps = told_by(tmp_path / "whole.ss", vectors=POINTS).told
    told_by(tmp_path / "rows.ss", steps - 2, vectors=POINTS)
    other = POINTS.copy()
    other[-1, -1] += 1
    assert "going on" not in " ".join(told_by(tmp_path / "rows.ss", vectors=other).notes)
    with Store.open(tmp_path / "rows.ss") as store:
        np.testing.assert_array_equal(store.vectors(), other)

    calls: list[int] = []

    def counted(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        return embed(texts)

    told_by(tmp_path / "call.ss", told_by(tmp_path / "all.ss", encoder=counted).told - 2, encoder=counted)
    calls.clear()
    assert "360 vectors" in told_by(tmp_path / "call.ss", encoder=counted).notes[0]
    assert sum(calls) == own_building.PROBED  # by which it is told from others of its name

    sign = 1.0

    def turned(texts: list[str]) -> np.ndarray:
        return sign * embed(texts)

    told_by(tmp_path / "turned.ss", steps, encoder=turned)
    sign = -1.0
    told_by(tmp_path / "turned.ss", encoder=turned)
    with Store.open(tmp_path / "turned.ss") as store:
        np.testing.assert_allclose(store.vectors(), -POINTS, rtol=1e-5)
