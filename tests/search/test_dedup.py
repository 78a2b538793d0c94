from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import duplicates
from seqsearch.distances import EditDistance, distance_named, path_between
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search import dedup
from seqsearch.search.dedup import UnionFind
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, Sequences, Strings
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


def identity_between(a: Sequences, i: int, b: Sequences, j: int) -> float:
    return path_between(a[i].data, b[j].data).identity


def greedy(near: np.ndarray, away: np.ndarray, order: list[int]) -> list[int]:
    """One after the other: the nearest centroid before it that is near, or one of its own."""
    centroids: list[int] = []
    out = list(range(len(near)))
    for row in order:
        known = [each for each in centroids if near[row, each]]
        if known:
            out[row] = min(known, key=lambda each: (away[row, each], centroids.index(each)))
        else:
            centroids.append(row)
    return out


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.tuples(st.text("AC", min_size=1, max_size=9), st.integers(1, 4)), min_size=1, max_size=14),
    limit=st.one_of(st.integers(0, 3), st.sampled_from([0.5, 0.7, 0.8, 0.9, 1.0])),
    order=st.sampled_from(["input", "abundance", "length"]),
)
def test_centroids_by_a_plain_loop(texts: list[tuple[str, int]], limit: float, order: str) -> None:
    sequences = Sequences.from_texts([text for text, _ in texts], DNA)
    sizes = [size for _, size in texts]
    by_identity = isinstance(limit, float)
    how = {"identity": limit} if by_identity else {"radius": limit}
    found = duplicates(sequences, "edit", linkage="centroid", order=order, sizes=sizes, **how)  # type: ignore[arg-type]
    away, count = EditDistance().matrix(sequences, sequences), len(texts)
    alike = np.array([[identity_between(sequences, i, sequences, j) for j in range(count)] for i in range(count)])
    near = alike >= limit if by_identity else away <= limit
    groups: dict[str, list[int]] = {}
    for row, (text, _) in enumerate(texts):
        groups.setdefault(text, []).append(row)
    key = {
        "input": lambda text: groups[text][0],
        "abundance": lambda text: (-sum(sizes[row] for row in groups[text]), groups[text][0]),
        "length": lambda text: (-len(text), groups[text][0]),
    }[order]
    firsts = [groups[text][0] for text in sorted(groups, key=key)]
    parents = greedy(near, away, firsts)
    for row, (text, _) in enumerate(texts):
        centroid = texts[parents[groups[text][0]]][0]
        chosen = int(found.representatives[row])
        assert texts[chosen][0] == centroid
        if order == "abundance":  # of equal ones the most abundant
            assert chosen == max(groups[centroid], key=lambda each: (sizes[each], -each))
        assert found.distances[row] == away[row, chosen]
        assert near[groups[text][0], groups[centroid][0]], "every member is a duplicate of its centroid"
    assert sum(found.abundances[row] for row in found.kept) == sum(sizes)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = families(30, 8, 60, edits=8)
    whole = duplicates(sequences, "edit", identity=0.9)
    monkeypatch.setattr(dedup, "_FEWEST", 7)
    parts = duplicates(sequences, "edit", identity=0.9)
    assert parts.representatives.tolist() == whole.representatives.tolist()
    assert 30 <= len(whole.kept) < 240
    single = duplicates(sequences, "edit", identity=0.9, linkage="single")
    assert len(single.kept) <= len(whole.kept)


def test_who_stands_for_a_chain() -> None:
    texts = ["ACGT", "ACGTA", "ACGTAA", "ACGTAA"]
    for order, chosen in (("input", 0), ("length", 2), ("abundance", 2)):
        assert duplicates(texts, "edit", 1, order=order).representatives.tolist() == [chosen] * 4, order


def test_both_strands_of_an_identity() -> None:
    forward = families(3, 3, 50, edits=1)
    mixed = Sequences.concatenate([forward, reverse_complement(forward[:5]).renamed(Strings.of("vwxyz"))])
    found = duplicates(mixed, "edit", identity=0.9, strand="both")
    assert (found.representatives == [0, 0, 0, 3, 3, 3, 6, 6, 6, 0, 0, 0, 3, 3]).all()
    assert found.minus is not None
    assert found.minus.tolist() == [False] * 9 + [True] * 5
    assert min(path.identity for path in found.alignments(mixed, EditDistance())) >= 0.9


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"identity": 0}, "identity must be above 0 and at most 1, not 0"),
        ({"identity": 97.0}, "identity must be above 0 and at most 1, not 97"),
        ({"identity": 0.9, "radius": 2}, "a radius and an identity exclude each other"),
        ({"linkage": "complete"}, "no linkage 'complete': choose one of single, centroid"),
        ({"order": "name"}, "no order 'name': choose one of input, abundance, length"),
        ({"distance": "infix", "linkage": "centroid"}, "centroid. is for distances that are symmetric: by infix"),
        ({"distance": "infix", "identity": 0.9}, "identity is of alignments by edit distance: infix takes a radius"),
        ({"distance": "jaro-winkler", "identity": 0.9}, "jaro-winkler takes a radius"),
    ],
)
def test_what_does_not_go_together(how: dict[str, object], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        duplicates(["ACGT", "ACG"], **{"distance": "edit", **how})  # type: ignore[arg-type]
    if "identity" not in how:
        return
    series = Sequences.from_arrays([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ParameterError, match="there are no alignments by dtw"):
        duplicates(series, "dtw").alignments(series, distance_named("dtw"))
