"""Samples as vectors: beside optimal transport, a linear programme, and plain loops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import spearmanr

from seqsearch import Samples, SampleTable, SequenceIndex
from seqsearch.distances import EditDistance, distance_named
from seqsearch.errors import InputError, MismatchError, MissingExtraError, ParameterError, UnknownIdError
from seqsearch.samples import comparing, principal_coordinates, transport
from seqsearch.samples.encoder import chosen_leaves
from seqsearch.samples.tree import LeafTree, fitted_lengths
from seqsearch.sequences import DNA, Sequences
from tests.families import families

GENES = families(12, 10, 60, edits=6, seed=3)


def communities(samples: int, seed: int) -> SampleTable:
    """Samples of three kinds, each of some families, of which each sample has its own members."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((samples, len(GENES)))
    for row in range(samples):
        kind = row % 3
        for family in (kind, kind + 3, kind + 6, 9, 10, 11):
            members = family * 10 + rng.permutation(10)[:4]
            counts[row, members] += rng.lognormal(0, 1) * rng.lognormal(0, 1, 4)
    return SampleTable.of(counts, [f"s{row}-k{row % 3}" for row in range(samples)], GENES.ids)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SequenceIndex]:
    path = tmp_path_factory.mktemp("samples") / "genes.ss"
    with SequenceIndex.build(path, GENES, learn="none", alphabet="dna") as opened:
        yield opened


@pytest.fixture(scope="module")
def samples(index: SequenceIndex) -> Samples:
    return Samples.of(communities(24, 0), index)


def by_programme(costs: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """Optimal transport, literally."""
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([left, right]))
    return float(found.fun)


def test_distances_go_with_optimal_transport(samples: Samples) -> None:
    pytest.importorskip("ot")
    exact = samples.distances(exact=True)
    upper = np.triu_indices(len(samples), 1)
    told = samples.distances()[upper]
    assert spearmanr(told, exact[upper]).statistic > 0.95
    assert abs(np.median(told / exact[upper]) - 1) < 0.25
    agreement = samples.check(60)
    assert agreement.pairs == 60
    assert agreement.features is None
    assert agreement.spearman > 0.9
    assert str(agreement).startswith("checked on 60 pairs: Spearman 0.9")
    assert "of their 10 most abundant features" in str(samples.check(20, features=10))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7))
def test_transport_is_that_of_a_linear_programme(seed: int, n: int, m: int) -> None:
    pytest.importorskip("ot")
    rng = np.random.default_rng(seed)
    one, other = (np.sort(rng.choice(30, size, replace=False)) for size in (n, m))
    left, right = (rng.dirichlet(np.ones(size)) for size in (n, m))
    for distance in (EditDistance(), distance_named("osa")):  # of which the second is no metric
        costs = distance.matrix(GENES[one], GENES[other])
        found = transport(distance, GENES, (one, left), (other, right))
        assert found == pytest.approx(by_programme(costs, left, right), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_a_tree_moves_masses_at_the_least_cost_under_its_own_distances(seed: int, leaves: int) -> None:
    rng = np.random.default_rng(seed)
    above, free = np.full(2 * leaves - 1, -1), list(range(leaves))
    for node in range(leaves, 2 * leaves - 1):
        for _ in range(2):
            above[free.pop(rng.integers(len(free)))] = node
        free.append(node)
    lengths = np.append(rng.uniform(0, 3, 2 * leaves - 2), 0)
    tree = LeafTree(above, lengths)
    one, other = np.divmod(np.arange(leaves**2), leaves)
    between = tree.distances(one, other).reshape(leaves, leaves)
    for a in range(leaves):  # by walking
        for b in range(leaves):
            on = [set(), set()]
            for side, node in enumerate((a, b)):
                while node != -1:
                    on[side].add(node)
                    node = above[node]
            assert between[a, b] == pytest.approx(sum(lengths[node] for node in on[0] ^ on[1]))
    held = rng.dirichlet(np.ones(leaves), 2)
    vectors = tree.masses(held.T.astype(np.float32)) * lengths[:, None]
    told = np.abs(vectors[:, 0] - vectors[:, 1]).sum()
    assert told == pytest.approx(by_programme(between, held[0], held[1]), abs=1e-4)


def test_lengths_are_found_again() -> None:
    rng = np.random.default_rng(1)
    above = np.array([4, 4, 5, 5, 6, 6, -1])
    lengths = np.array([1.0, 2.0, 0.5, 3.0, 4.0, 0.0, 0.0])
    one, other = np.triu_indices(4, 1)
    exact = LeafTree(above, lengths).distances(one, other)
    start = LeafTree(above, np.append(rng.uniform(0.5, 2, 6), 0))
    other_way = LeafTree(np.array([5, 4, 4, 5, 6, 6, -1]), start.lengths)
    for trees in ((start,), (start, other_way)):
        found = fitted_lengths(trees, one, other, exact)
        assert np.allclose(sum(tree.distances(one, other) for tree in found), exact, atol=0.05)
        assert all((tree.lengths >= 0).all() for tree in found)


def test_blocks_of_distances_are_sums_of_differences() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.random((301, 37)).astype(np.float32)
    whole = np.abs(vectors[:, None] - vectors).sum(axis=2)
    straight = np.sqrt(((vectors[:, None] - vectors) ** 2).sum(axis=2))
    for method, expected in (("tree", whole), ("mean", straight)):
        made = np.concatenate([between for _, between in comparing.blocks(vectors, method)])
        assert np.allclose(made, expected, atol=1e-4)
    rows, distances = comparing.nearest(vectors, 3, "tree")
    np.fill_diagonal(whole, np.inf)
    assert np.allclose(distances, np.sort(whole, axis=1)[:, :3], atol=1e-4)
    assert not (rows == np.arange(301)[:, None]).any()


def test_the_nearest_are_of_the_same_kind(samples: Samples) -> None:
    found = samples.nearest(2)
    kinds = [[name[-2:] for name in names] for names in found.names()]
    assert np.mean([kind == name[-2:] for name, near in zip(samples.ids, kinds, strict=True) for kind in near]) > 0.9
    pytest.importorskip("ot")
    exact = samples.nearest(2, exact=True)
    assert (np.diff(exact.distances, axis=1) >= 0).all()
    assert exact.distances[0, 0] == pytest.approx(samples.transport(0, int(exact.rows[0, 0])))
    assert samples.nearest(100).rows.shape == (24, 23)


def test_one_seed_one_result_and_batches_do_not_matter(index: SequenceIndex, samples: Samples) -> None:
    table = communities(24, 0)
    again = Samples.of(table, index.path)
    assert np.array_equal(again.vectors, samples.vectors)
    part = samples.encoder.vectors(samples.table.with_samples(np.arange(5, 9)))
    assert np.array_equal(part, samples.vectors[5:9])


def test_fewer_leaves_and_means(index: SequenceIndex, samples: Samples) -> None:
    pytest.importorskip("ot")
    table, exact = communities(24, 0), samples.distances(exact=True)
    upper = np.triu_indices(24, 1)
    told = {
        name: spearmanr(Samples.of(table, index, **how).distances()[upper], exact[upper]).statistic
        for name, how in {"few": {"leaves": 40}, "mean": {"method": "mean"}}.items()
    }
    assert told["few"] > 0.85
    assert told["mean"] > 0.5
    mean = Samples.of(table, index, method="mean")
    assert mean.vectors.shape == (24, index.model.dim)
    columns, shares = mean.table.sample(3)
    assert np.allclose(mean.vectors[3], shares @ mean.features.points[columns], atol=1e-5)


def test_leaves_are_near_what_counts() -> None:
    rng = np.random.default_rng(4)
    points, masses = rng.standard_normal((400, 8)).astype(np.float32), rng.random(400)
    masses[7] = 50
    chosen, leaf = chosen_leaves(points, masses, 64)
    assert len(chosen) == 64
    assert len(set(chosen.tolist())) == 64
    assert 7 in chosen
    between = ((points[:, None] - points[chosen]) ** 2).sum(axis=2)
    assert np.allclose(between[np.arange(400), leaf], between.min(axis=1), atol=1e-4)
    assert (leaf[chosen] == np.arange(64)).all()


def test_features_by_name_in_a_file_and_in_the_index(index: SequenceIndex) -> None:
    counts = communities(6, 1)
    expected = Samples.of(counts, index).distances()
    texts = dict(zip(GENES.ids, GENES.texts(), strict=True))
    spelled = SampleTable(counts.samples, tuple(texts[name] for name in counts.features), *_counts(counts))
    assert np.allclose(Samples.of(spelled, index).distances(), expected, atol=0.05)
    half = len(counts.features) // 2
    names = tuple(f"asv{row}" if row < half else name for row, name in enumerate(counts.features))
    beside = Sequences.from_texts([texts[name] for name in counts.features[:half]], DNA, names[:half])
    mixed = Samples.of(SampleTable(counts.samples, names, *_counts(counts)), index, sequences=beside)
    assert np.allclose(mixed.distances(), expected, atol=0.05)
    assert [each.text for each in mixed.features.sequences] == [texts[GENES.ids[row]] for row in _used(counts)]


def _counts(table: SampleTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return table.offsets, table.columns, table.values


def _used(table: SampleTable) -> list[int]:
    return np.unique(table.columns).tolist()


def test_unknown_features_are_named_and_counted(index: SequenceIndex) -> None:
    names = (GENES.ids[0], GENES.ids[1], "x1", "x2")
    table = SampleTable.of([[8, 0, 1, 1], [0, 5, 0, 0], [0, 0, 0, 3]], ["a", "b", "c"], names)
    with pytest.raises(UnknownIdError, match=r"table: 2 of 4 features, with 27\.8% of the counts, .*'x1', 'x2'; give"):
        Samples.of(table, index)
    made = Samples.of(table, index, missing="skip")
    assert made.ids == ("a", "b")
    assert made.notes[0].endswith("'x1', 'x2'; left out")
    assert made.notes[1] == "table: 1 of 3 samples have no counts: 'c'; left out"
    with pytest.raises(InputError, match="1 of 1 samples have no counts: 'c'"):
        Samples.of(SampleTable.of([[0, 1]], ["c"], [GENES.ids[0], "x1"]), index, missing="skip")


def test_wrong_settings(index: SequenceIndex, samples: Samples) -> None:
    table = communities(4, 0)
    for how, message in (
        ({"method": "median"}, "no method 'median' of making vectors of samples: choose tree or mean"),
        ({"leaves": 1}, "leaves must be at least 2, not 1"),
    ):
        with pytest.raises(ParameterError, match=message):
            Samples.of(table, index, **how)
    with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
        samples.nearest(0)
    with pytest.raises(ParameterError, match="2 samples are too few to see an order"):
        Samples.of(communities(2, 0), index).check()
    with pytest.raises(UnknownIdError, match="there is no sample 'nobody'"):
        samples.row("nobody")
    protein = Sequences.from_texts(["MKV"], "protein", ["p"])
    with pytest.raises(MismatchError, match="the sequences of features are not dna, as those of"):
        Samples.of(table, index, sequences=protein)


def test_what_is_missing_is_named(samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = __import__("sys").modules
    monkeypatch.delitem(modules, "ot.lp", raising=False)
    for name in ("ot", "skbio"):
        monkeypatch.setitem(modules, name, None)
    with pytest.raises(MissingExtraError, match=r"needs ot, .* pip install 'seqsearch\[samples\]'"):
        samples.transport(0, 1)
    with pytest.raises(MissingExtraError, match="needs skbio"):
        samples.to_skbio()


def test_principal_coordinates_of_points_are_the_points_turned() -> None:
    rng = np.random.default_rng(5)
    for count in (12, 260):  # all axes, and the leading ones alone
        points = rng.standard_normal((count, 3)) * [5, 2, 0.1]
        between = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2)).astype(np.float32)
        found = principal_coordinates(between, 2)
        told = np.sqrt(((found.places[:, None] - found.places) ** 2).sum(axis=2))
        assert np.allclose(told, between, atol=0.6)
        assert found.shares[0] > found.shares[1] > 0.05
        assert found.shares.sum() == pytest.approx(1, abs=0.01)
    assert not principal_coordinates(np.zeros((3, 3), np.float32)).places.any()
    with pytest.raises(ParameterError, match="dimensions must be at least 1"):
        principal_coordinates(between, 0)


def test_for_scikit_bio(samples: Samples) -> None:
    pytest.importorskip("skbio")
    made = samples.to_skbio()
    assert tuple(made.ids) == samples.ids
    assert np.allclose(made.data, samples.distances())
    assert np.allclose(made.data, made.data.T)


def test_few_samples_and_few_features(index: SequenceIndex) -> None:
    alone = Samples.of(SampleTable.of([[3, 1]], ["x"], [GENES.ids[0], GENES.ids[5]]), index)
    assert alone.nearest(3).names() == [[]]
    one = Samples.of(SampleTable.of([[3], [1]], ["x", "y"], [GENES.ids[0]]), index)
    assert not one.distances().any()
    apart = Samples.of(SampleTable.of([[1, 0], [0, 2]], ["x", "y"], [GENES.ids[0], GENES.ids[60]]), index)
    expected = EditDistance().matrix(GENES[:1], GENES[60:61])[0, 0]
    assert apart.distances()[0, 1] == pytest.approx(expected, rel=0.02)


def test_samples_of_series(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    walks = [np.sin(np.arange(30) / (3 + row // 10)) + 0.1 * rng.standard_normal(30) for row in range(30)]
    series = Sequences.from_arrays(walks, ids=[f"w{row}" for row in range(30)])
    counts = np.zeros((9, 30))
    for row in range(9):
        counts[row, (row % 3) * 10 + rng.permutation(10)[:4]] = rng.integers(1, 9, 4)
    with SequenceIndex.build(tmp_path / "walks.ss", series, distance="dtw", learn="none") as opened:
        made = Samples.of(SampleTable.of(counts, [f"s{row}" for row in range(9)], series.ids), opened)
    assert all(int(near[0][1:]) % 3 == row % 3 for row, near in enumerate(made.nearest(1).names()))


def test_distances_of_parts_are_refused(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "parts.ss", GENES[:40], distance="infix", alphabet="dna") as opened:
        table = SampleTable.of([[1, 2, 1], [2, 1, 1]], ["x", "y"], GENES.ids.take(np.arange(3)))
        with pytest.raises(ParameterError, match="needs one distance of two sequences, and infix has two"):
            Samples.of(table, opened)
