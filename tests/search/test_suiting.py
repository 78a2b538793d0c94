"""Which geometry points that were not learned are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqsearch.distances import DTWDistance, EditDistance
from seqsearch.encoders.components import components_model, with_length
from seqsearch.encoders.model import Model
from seqsearch.search import SequenceIndex
from seqsearch.search.suiting import (
    _SHARES,
    asked_of,
    in_suited_geometry,
    length_weight,
    ranks_of,
    suited,
    suited_points,
)
from seqsearch.sequences import DNA, PROTEIN, Sequences
from tests.families import families

LETTERS = list("ACDEFGHIKLMNPQRSTVWY")


def strangers(count: int, seed: int) -> Sequences:
    """Unrelated sequences of 20 to 400 letters: the nearest are those of about one's own length."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.uniform(np.log(20), np.log(400), count)).astype(np.int64)
    return Sequences.from_texts(["".join(rng.choice(LETTERS, length)) for length in lengths], PROTEIN)


MODEL = components_model(families(4, 4, 30))


def test_ranks_by_hand() -> None:
    points = np.array([[1, 0], [3, 0.1], [1, 1], [0, 1]], np.float32)
    near = np.array([[0, 1, 3], [2, 1, -1]])
    assert ranks_of(points, near, "euclidean").tolist() == [0, 3, 2, 2, 0]
    assert ranks_of(points, near, "cosine").tolist() == [0, 1, 3, 2, 0]


@pytest.mark.parametrize("wanted", ["cosine", "euclidean"])
def test_the_geometry_that_ranks_first(wanted: str) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((300, 6)).astype(np.float32)
    seen = points / np.linalg.norm(points, axis=1, keepdims=True) if wanted == "cosine" else points
    near = ((seen[:40, None] - seen[None]) ** 2).sum(axis=2).argsort(axis=1)[:, :11]
    assert in_suited_geometry(MODEL, points, near).geometry == wanted


def test_where_both_rank_alike_distances_are_straight() -> None:
    points = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    near = ((points[:40, None] - points[None]) ** 2).sum(axis=2).argsort(axis=1)[:, :11]
    assert in_suited_geometry(MODEL, points, near).geometry == "euclidean"


def test_lengths_that_differ_much_need_straight_distances(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), rng.integers(20, 150))) for _ in range(200)]
    strangers = Sequences.from_texts(texts, PROTEIN)  # the nearest are those of about one's own length
    assert suited(components_model(strangers), strangers, EditDistance(), 0).geometry == "euclidean"
    with SequenceIndex.build(tmp_path / "a.ss", strangers, learn="none", index="exact") as index:
        assert index.info()["geometry"] == "euclidean"
    with SequenceIndex.build(tmp_path / "b.ss", strangers, learn="none", index="exact", geometry="cosine") as index:
        assert index.info()["geometry"] == "cosine"


def test_a_length_of_its_own_is_taken_where_it_ranks_first() -> None:
    sample = strangers(300, 2)
    model = components_model(sample)
    near = EditDistance().searcher(sample).search(sample[:60], 11)[0].rows
    chosen, points = suited_points(model, model.embed(sample), sample, near)
    assert (chosen.dim, chosen.geometry) == (model.dim, "euclidean")
    np.testing.assert_array_equal(points, chosen.embed(sample))
    others = model.embed(sample)[:, :-1]
    unit = np.sqrt(others.var(axis=0).sum()) / np.log1p(sample.lengths).std()
    slow = {share: _told(with_length(model, share * unit), sample, near) for share in _SHARES}
    best = min(slow, key=slow.__getitem__)
    assert (
        slow[best] < min(_told(replace(model, geometry=name), sample, near) for name in ("euclidean", "cosine")) - 0.3
    )
    assert length_weight(model, model.embed(sample), sample, near) == pytest.approx(best * unit)
    assert chosen.weights["linear.weight"][-1, -1] == pytest.approx(best * unit)


def _told(model: Model, sample: Sequences, near: np.ndarray) -> float:
    """The mean logarithm of ranks, one distance after the other."""
    points = model.embed(sample).astype(np.float64)
    if model.geometry == "cosine":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    ranks = []
    for row, wanted in enumerate(near):
        apart = ((points - points[row]) ** 2).sum(axis=1)
        ranks += [np.log2(1 + (apart < apart[other]).sum()) for other in wanted if other >= 0]
    return float(np.mean(ranks))


def test_equal_lengths_say_nothing() -> None:
    rng = np.random.default_rng(3)
    alike = Sequences.from_texts(["".join(rng.choice(LETTERS, 60)) for _ in range(200)], PROTEIN)
    series = Sequences.from_arrays([rng.standard_normal((n, 1)).astype(np.float32) for n in rng.integers(9, 99, 80)])
    for some, distance in ((alike, EditDistance()), (series, DTWDistance())):
        model = components_model(some)
        near = distance.searcher(some).search(some[:20], 11)[0].rows
        assert length_weight(model, model.embed(some), some, near) == 0
    narrow = components_model(strangers(200, 4), 1)
    assert suited(narrow, strangers(200, 4), EditDistance(), 0).settings == narrow.settings


def test_chance_among_few_is_no_gain() -> None:
    sample = strangers(60, 8)
    model, rng = components_model(sample), np.random.default_rng(0)
    points = model.embed(sample)
    for _ in range(20):  # nearest that no points know of: some share is better by chance
        near = np.array([rng.choice(60, 11, replace=False) for _ in range(10)])
        assert length_weight(model, points, sample, near) == 0
    assert length_weight(model, points, sample, np.full((10, 11), -1)) == 0
    assert length_weight(model, points, sample, near[:1]) == 0


def test_an_index_of_strangers_finds_more_by_lengths_and_keeps_them(tmp_path: Path) -> None:
    stored, asked = strangers(900, 5), strangers(40, 6)
    found = []
    for name, geometry in (("chosen", "auto"), ("straight", "euclidean")):
        with SequenceIndex.build(
            tmp_path / name, stored[:700], learn="none", index="exact", geometry=geometry
        ) as index:
            index.add(Sequences.concatenate([stored[700:]]))
        with SequenceIndex.open(tmp_path / name) as index:
            found.append(index.search(asked, k=10, candidates=60).distances)
    exact = EditDistance().searcher(stored).search(asked, 10)[0].distances
    chosen, straight = ((each <= exact[:, -1:]).mean() for each in found)
    assert chosen > straight + 0.1


def test_fewer_are_asked_where_distances_are_dear() -> None:
    assert asked_of(families(40, 5, 60), EditDistance()) == 100
    long = Sequences.from_texts(["ACGT" * 5000] * 200, DNA)
    assert asked_of(long, EditDistance()) == 10
