"""Trees as Newick text: what is read back is the tree that was written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.sequences import Strings
from seqsearch.trees import LINKAGES, Dendrogram, dendrogram, point_distances
from tests.newick import Node, parse

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


def depths(node: Node, above: float = 0.0) -> dict[str, float]:
    """How far every leaf is from the root."""
    name, length, children = node
    here = above + (0.0 if np.isnan(length) else length)
    return {leaf: d for child in children for leaf, d in depths(child, here).items()} if children else {name: here}


def meetings(node: Node) -> dict[frozenset[str], float]:
    """Of every pair of leaves, the length of the path between them."""
    found: dict[frozenset[str], float] = {}
    under = [depths(child) for child in node[2]]
    for place, one in enumerate(under):
        for other in under[:place]:
            found |= {frozenset({a, b}): d + e for a, d in one.items() for b, e in other.items()}
    for child in node[2]:
        found |= meetings(child)
    return found


@given(st.lists(NAMES, min_size=2, max_size=9, unique=True), st.integers(0, 999))
@settings(max_examples=100, deadline=None)
def test_names_read_back(names: list[str], seed: int) -> None:
    points = np.random.default_rng(seed).standard_normal((len(names), 2))
    tree = dendrogram(point_distances(points, "euclidean"), Strings.of(names), np.arange(len(names)))
    assert sorted(depths(parse(tree.newick()))) == sorted(names)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_leaves_are_as_far_apart_as_the_height_at_which_they_meet(linkage: str) -> None:
    n = 20
    condensed = point_distances(np.random.default_rng(0).standard_normal((n, 3)), "euclidean")
    tree = dendrogram(condensed, Strings.of(map(str, range(n))), np.arange(n), linkage)
    written = parse(tree.newick())
    np.testing.assert_allclose(list(depths(written).values()), tree.merges[-1, 2] / 2)  # an ultrametric
    clusters = [{i} for i in range(n)]
    for one, other in tree.children.tolist():
        clusters.append(clusters[one] | clusters[other])
    for pair, apart in meetings(written).items():
        leaves = {int(name) for name in pair}
        met = min(height for cluster, height in zip(clusters, tree.heights, strict=True) if leaves <= cluster)
        assert apart == pytest.approx(met)


def test_names_are_quoted_where_others_would_misread_them() -> None:
    names = Strings.of(["plain|1.2/x", "under_score", "it's (a) leaf: [1]"])
    tree = Dendrogram(np.array([[1, 2, 0.5, 2], [0, 3, 2.0, 3]]), names, np.arange(3), "average")
    assert tree.newick() == "(plain|1.2/x:1.0,('under_score':0.25,'it''s (a) leaf: [1]':0.25):0.75);"


def test_a_tree_as_deep_as_it_has_leaves() -> None:
    n = 20_000
    merges = [[0, 1, 1.0, 2]] + [[leaf, n + leaf - 2, float(leaf), leaf + 1] for leaf in range(2, n)]
    text = Dendrogram(np.array(merges), Strings.of(map(str, range(n))), np.arange(n), "single").newick()
    assert text.count("(") == text.count(")") == n - 1
    assert text.startswith("(19999:9999.5,(19998:9999.0,(")
