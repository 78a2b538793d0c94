"""Maps: principal components against their definition, t-SNE, and what becomes of a map when an index changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, as_sequences
from seqsearch.errors import CorruptIndexError, ParameterError, UnknownNameError
from seqsearch.search.maps import DESCRIPTION, LABEL, LENGTH, NOTHING, Map, MapOptions, MapPoints, coloured, colourings
from seqsearch.search.maps.layout import Axes, beside, laid_out
from seqsearch.sequences import DNA, Sequences


def families(count: int, each: int, seed: int = 0) -> Sequences:
    """`count` random genes of 60 letters, each with `each` relatives of up to four other letters."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for family in range(count):
        root = rng.choice(list("ACGT"), 60)
        for _ in range(each):
            own = root.copy()
            own[rng.integers(0, 60, 4)] = rng.choice(list("ACGT"), 4)
            texts.append("".join(own))
            labels.append(f"k__Life; p__{'AB'[family % 2]}; f__{family}")
    ids = [f"g{at}" for at in range(len(texts))]
    return as_sequences(texts, ids=ids, labels=labels, alphabet=DNA)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("maps") / "genes.ss"
    SequenceIndex.build(place, families(6, 20), learn="none").close()
    return place


def test_axes_are_those_of_the_largest_variance() -> None:
    rng = np.random.default_rng(0)
    points = (rng.standard_normal((200, 7)) * [5, 3, 1, 1, 1, 0.5, 0.1] @ rng.standard_normal((7, 7))).astype(
        np.float32
    )
    axes = Axes.of(points, 3)
    centred = points - points.mean(axis=0, dtype=np.float64)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(axes.shares, (singular**2 / (singular**2).sum())[:3], rtol=1e-6)
    np.testing.assert_allclose(np.abs(axes.project(points)), np.abs(centred @ directions[:3].T), atol=1e-4)
    np.testing.assert_allclose(axes.directions.T @ axes.directions, np.eye(3), atol=1e-9)


def test_many_dimensions_and_few_points() -> None:
    rng = np.random.default_rng(1)
    wide = rng.standard_normal((40, 600)).astype(np.float32)
    wide[:, 5] *= 30
    assert abs(Axes.of(wide, 2).directions[5, 0]) > 0.99
    for count in (0, 1, 2):
        axes = Axes.of(wide[:count], 2)
        assert np.isfinite(axes.project(wide[:count])).all()
        assert axes.project(wide[:count]).shape == (count, 2)
    line = Axes.of(wide[:, :1], 2)
    np.testing.assert_array_equal(line.project(wide[:, :1])[:, 1], 0)


def test_a_map_by_principal_components(path: Path) -> None:
    with SequenceIndex.open(path) as index:
        drawn = index.map(anew=True)
        with index.state() as state:
            points = MapPoints(state)
            own = points.of_rows(drawn.rows)
            np.testing.assert_array_equal(drawn.place(own), drawn.places)
            np.testing.assert_allclose(drawn.places, Axes.of(own, 2).project(own), rtol=1e-4, atol=1e-3)
            queried = drawn.place(points.of_queries(index.sequences))
        np.testing.assert_allclose(queried, drawn.places, atol=1e-3)  # a stored sequence asked for lies where it is
        again = index.map()
        np.testing.assert_array_equal(again.places, drawn.places)
        assert repr(drawn) == "Map('pca', n=120)"
        assert "of the variance" in drawn.told


def purity(drawn: Map) -> float:
    """The share of points whose nearest other point is of the same family of 20."""
    apart = np.linalg.norm(drawn.places[:, None] - drawn.places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float((drawn.rows[apart.argmin(axis=1)] // 20 == drawn.rows // 20).mean())


@pytest.mark.parametrize("sample", [5000, 60])
def test_relatives_are_beside_each_other_by_t_sne(path: Path, sample: int) -> None:
    with SequenceIndex.open(path) as index:
        drawn = index.map("tsne", anew=True, sample=sample, perplexity=8)
        again = index.map("tsne", anew=True, sample=sample, perplexity=8)
    assert purity(drawn) > 0.95
    np.testing.assert_array_equal(again.places, drawn.places)
    assert len(drawn.landmarks[0]) == min(sample, 120)
    at = np.searchsorted(drawn.rows, drawn.landmarks[0])
    np.testing.assert_allclose(drawn.places[at], drawn.landmarks[1], atol=1e-2)


def test_between_landmarks_by_hand() -> None:
    landmarks, places = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 0.0], [10.0, 20.0]], np.float32)
    found = beside(np.array([[1.0, 0.0], [2.0, 0.0], [0.5, 0.0]]), landmarks, places)
    weight = (1 / 2.25) / (1 / 0.25 + 1 / 2.25)
    np.testing.assert_allclose(found, [[5, 10], [10, 20], [10 * weight, 20 * weight]], atol=1e-4)


def test_a_kept_map_follows_the_index(tmp_path: Path) -> None:
    genes = families(4, 25, seed=3)
    with SequenceIndex.build(tmp_path / "g.ss", genes[:95], learn="none", encoder="kmer") as index:
        first = index.map()
        index.add(genes[95:])
        grown = index.map()
        assert len(grown) == 100
        np.testing.assert_array_equal(grown.places[:95], first.places)  # what was there stays where it was
        with index.state() as state:
            np.testing.assert_array_equal(grown.places[95:], first.place(MapPoints(state).of_rows(np.arange(95, 100))))
        index.remove(list(genes.ids)[:5])
        shrunk = index.map()
        np.testing.assert_array_equal(shrunk.rows, np.arange(5, 100))
        np.testing.assert_array_equal(shrunk.places, grown.places[5:])
        index.compact()
        anew = index.map()
        assert anew.generation != first.generation
        np.testing.assert_array_equal(anew.rows, np.arange(95))
        index.remove(list(genes.ids)[5:40])  # more than a fifth
        assert (index.map().axes.mean != anew.axes.mean).any()


def test_auto_takes_the_kept_one(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "g.ss", families(2, 10), learn="none", encoder="kmer") as index:
        assert index.map("auto").method == "pca"
        index.map("tsne")
        assert index.map("auto").method == "tsne"


@pytest.mark.parametrize("count", [0, 1, 3, 5])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_few_points(method: str, count: int) -> None:
    points = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    drawn = laid_out(
        np.arange(count), lambda rows: points[rows], method, sample=100, perplexity=30, seed=0, generation=1
    )
    assert drawn.places.shape == (count, 2)
    assert np.isfinite(drawn.places).all()


@pytest.mark.parametrize("how", [{"bits": 16, "codes": "pca"}, {"geometry": "cosine"}, {"geometry": "hyperbolic"}])
def test_codes_angles_and_balls(tmp_path: Path, how: dict[str, object]) -> None:
    with SequenceIndex.build(tmp_path / "g.ss", families(3, 12), learn="none", **how) as index:  # type: ignore[arg-type]
        drawn = index.map()
        with index.state() as state:
            points = MapPoints(state)
            stored, asked = points.of_rows(drawn.rows), points.of_queries(index.sequences)
        assert np.isfinite(stored).all()
        np.testing.assert_allclose(stored, asked, atol=1e-4)
        if how.get("geometry") == "cosine":
            np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-5)


def test_bytes(path: Path) -> None:
    with SequenceIndex.open(path) as index:
        drawn = index.map("tsne", sample=60)
    again = Map.from_bytes(drawn.to_bytes())
    assert again is not None
    np.testing.assert_array_equal(again.places, drawn.places)
    np.testing.assert_array_equal(again.axes.directions, drawn.axes.directions)
    assert (again.method, again.seed, again.generation) == (drawn.method, drawn.seed, drawn.generation)
    with pytest.raises(CorruptIndexError, match="a map cannot be read"):
        Map.from_bytes(drawn.to_bytes()[:40])


def test_a_sample_of_a_map(path: Path) -> None:
    with SequenceIndex.open(path) as index:
        drawn = index.map()
    some = drawn.sampled(50)
    assert len(some) == 50
    assert (np.diff(some.rows) > 0).all()
    np.testing.assert_array_equal(some.places, drawn.places[np.searchsorted(drawn.rows, some.rows)])
    np.testing.assert_array_equal(drawn.sampled(50).rows, some.rows)
    assert drawn.sampled(120) is drawn


def test_options_that_make_no_sense() -> None:
    with pytest.raises(ParameterError, match="a map is made by one of pca, tsne, not 'umap'"):
        MapOptions("umap")
    with pytest.raises(ParameterError, match="sample must be at least 10 sequences, not 3"):
        MapOptions(sample=3)
    with pytest.raises(ParameterError, match="perplexity must be from 2 to 1,000, not 1"):
        MapOptions(perplexity=1)


def test_colours_by_rank() -> None:
    genes = families(6, 20)
    rows = np.arange(len(genes))
    told = coloured(genes, rows)
    assert (told.by, told.rank, told.ranks) == (LABEL, 3, 3)  # the first rank that tells five groups apart
    assert dict(zip(told.names, told.counts, strict=True)) == {f"f__{at}": 20 for at in range(6)}
    np.testing.assert_array_equal(np.array(told.names)[told.groups], [f"f__{at // 20}" for at in range(120)])
    two = coloured(genes, rows[:60], rank=2)
    assert dict(zip(two.names, two.counts, strict=True)) == {"p__A": 40, "p__B": 20}


def test_rare_groups_share_a_colour() -> None:
    names = [f"{at % 40:02d}" for at in range(200)] + ["aa"] * 50 + ["g__"]
    texts = as_sequences(["x" * (1 + at % 3) for at in range(len(names))], labels=names)
    told = coloured(texts, np.arange(len(texts)))
    assert told.names[0] == "aa"
    assert told.names[-1] == "other"
    assert len(told.names) == 13
    assert sum(told.counts) == len(texts)
    assert told.names[told.groups[-1]] == "other"  # the prefix of a rank is no name


def test_what_there_is_to_colour_by() -> None:
    columns = {"year": [1990, None, 2020], "site": ["gut", "skin", None]}
    some = as_sequences(["a", "bb", "ccc"], columns=columns)
    rows = np.arange(3)
    assert colourings(some, rows) == ("year", "site", LENGTH, NOTHING)
    np.testing.assert_array_equal(coloured(some, rows, LENGTH).numbers, [1, 2, 3])
    np.testing.assert_array_equal(coloured(some, rows, "year").numbers, [1990, np.nan, 2020])
    told = coloured(some, rows[::-1], "site")
    assert [told.names[at] for at in told.groups] == ["other", "skin", "gut"]
    assert coloured(some, rows, NOTHING).groups is None
    with pytest.raises(UnknownNameError, match="points are coloured by one of year, site, length, nothing, not 'age'"):
        coloured(some, rows, "age")
    assert DESCRIPTION not in colourings(some, rows)
