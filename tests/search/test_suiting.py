"""Which geometry points that were not learned are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch.distances import EditDistance
from seqsearch.encoders.components import components_model
from seqsearch.search import SequenceIndex
from seqsearch.search.suiting import asked_of, in_suited_geometry, ranks_of, suited
from seqsearch.sequences import DNA, PROTEIN, Sequences
from tests.families import families

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


def test_fewer_are_asked_where_distances_are_dear() -> None:
    assert asked_of(families(40, 5, 60), EditDistance()) == 100
    long = Sequences.from_texts(["ACGT" * 5000] * 200, DNA)
    assert asked_of(long, EditDistance()) == 10
