from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import duplicates
from seqsearch.distances import EditDistance, distance_named
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search.dedup import UnionFind
from seqsearch.sequences import DNA, Sequences
from tests.families import families


def naive(matrix: np.ndarray, radius: float) -> list[int]:
    """The smallest row that each row is joined with, by spreading over the matrix until nothing changes."""
    names = list(range(len(matrix)))
    while True:
        spread = [min(names[j] for j in range(len(matrix)) if matrix[i, j] <= radius) for i in range(len(matrix))]
        if spread == names:
            return names
        names = spread


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text("AC", min_size=1, max_size=6), max_size=14), radius=st.integers(0, 3))
def test_clusters_are_the_components_of_the_matrix(texts: list[str], radius: int) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    found = duplicates(sequences, EditDistance(), radius)
    matrix = EditDistance().matrix(sequences, sequences)
    assert found.representatives.tolist() == naive(matrix, radius)
    assert found.distances.tolist() == [matrix[i, r] for i, r in enumerate(found.representatives.tolist())]
    distinct = sorted({text: i for i, text in reversed(list(enumerate(texts)))}.values())
    assert found.equal == len(texts) - len(distinct)
    assert found.pairs == sum(0 < matrix[i, j] <= radius for i in distinct for j in distinct if i < j)
    assert found.kept.tolist() == sorted(set(found.representatives.tolist()))
    assert found.sizes.tolist() == [found.representatives.tolist().count(r) for r in found.representatives]


def test_relatives_of_one_ancestor_are_one_cluster() -> None:
    sequences = families(12, 15, 80, edits=3)
    found = duplicates(sequences, EditDistance(), 12)
    assert (found.representatives == np.arange(180) // 15 * 15).all()
    assert found.distances.max() <= 6


def test_series_within_a_warping_distance() -> None:
    rng = np.random.default_rng(0)
    bases = [rng.standard_normal(20) * 5 for _ in range(4)]
    rows = [base + 0.01 * rng.standard_normal(20) for base in bases for _ in range(3)] + [bases[0], bases[0]]
    found = duplicates(Sequences.from_arrays(rows), distance_named("dtw"), 1.0)
    assert found.representatives.tolist() == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9, 9, 0, 0]
    assert found.equal == 1
    stretched = Sequences.from_arrays([[1.0, 2.0, 3.0], [1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    assert duplicates(stretched, distance_named("dtw")).representatives.tolist() == [0, 0, 2]


def test_union_find_by_a_list_of_sets() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(60, size=(2, 40))
    forest = UnionFind(60)
    forest.join(a, b)
    sets = [{i} for i in range(60)]
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        joined = sets[x] | sets[y]
        for member in joined:
            sets[member] = joined
    assert forest.roots().tolist() == [min(one) for one in sets]


def test_nothing_one_and_what_cannot_be_asked() -> None:
    none = Sequences.from_texts([], DNA)
    assert duplicates(none, EditDistance(), 2).representatives.tolist() == []
    assert duplicates(Sequences.from_texts(["A"], DNA), EditDistance(), 2).sizes.tolist() == [1]
    with pytest.raises(ParameterError, match="a radius must be at least 0, not -1"):
        duplicates(none, EditDistance(), -1)
    with pytest.raises(MismatchError, match="the edit distance compares tokens, not series"):
        duplicates(Sequences.from_arrays([[1.0], [2.0]]), EditDistance(), 1)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.tuples(st.text("AC", min_size=1, max_size=6), st.integers(1, 9)), min_size=1, max_size=14),
    radius=st.integers(0, 2),
    name=st.sampled_from(["edit", "infix"]),
)
def test_the_most_abundant_stands_for_its_cluster(texts: list[tuple[str, int]], radius: int, name: str) -> None:
    sequences, sizes = Sequences.from_texts([text for text, _ in texts], DNA), [size for _, size in texts]
    plain = duplicates(sequences, name, radius)
    found = duplicates(sequences, name, radius, sizes=sizes)
    for row, chosen in enumerate(found.representatives.tolist()):
        cluster = np.flatnonzero(plain.representatives == plain.representatives[row]).tolist()
        assert found.abundances[row] == sum(sizes[member] for member in cluster)
        if name == "infix":  # the one that contains the others
            cluster = [each for each in cluster if texts[each][0] == texts[plain.representatives[row]][0]]
        assert chosen == max(cluster, key=lambda member: (sizes[member], -member))
        assert found.distances[row] == distance_named(name).pairs(sequences, [row], sequences, [chosen])[0]
    ranked = [found.abundances[row] for row in found.ranked.tolist()]
    assert ranked == sorted(ranked, reverse=True)
    assert sum(ranked) == sum(sizes)


def test_sizes_that_do_not_fit() -> None:
    sequences = Sequences.from_texts(["AC", "CA"], DNA)
    for sizes, told in (([1], "sizes are 2 whole numbers"), ([1, 0], "a size is at least 1, not 0: sequence 2")):
        with pytest.raises(ParameterError, match=told):
            duplicates(sequences, "edit", sizes=sizes)
