"""Trees written as Newick text read back as they were."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import InputError, ParseError
from seqsearch.learning.newick import Tree, parse, read_tree, write_tree

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
LENGTHS = st.one_of(st.just(math.nan), st.floats(0, 1e9))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Up to 12 nodes, numbered from the root down; each inner node with children."""
    count = draw(st.integers(1, 12))
    parents = [-1] + [draw(st.integers(0, node - 1)) for node in range(1, count)]
    names = ["" if node in parents else draw(NAMES) for node in range(count)]
    return Tree(parents, names, [draw(LENGTHS) for _ in range(count)])


def shape(tree: Tree, node: int = 0) -> object:
    """A tree without its numbering, children in order."""
    children = [child for child, parent in enumerate(tree.parents) if parent == node]
    return tree.names[node], repr(tree.lengths[node]), [shape(tree, child) for child in children]


@given(trees())
@settings(max_examples=200, deadline=None)
def test_what_is_written_reads_back(tree: Tree) -> None:
    assert shape(parse(tree.newick())) == shape(tree)


def test_names_are_quoted_where_others_would_misread_them() -> None:
    tree = Tree([-1, 0, 0, 0], ["", "plain|1.2/x", "under_score", "it's (a) leaf: [1]"], [math.nan, 1.0, 0.25, 1e-9])
    assert tree.newick() == "(plain|1.2/x:1.0,'under_score':0.25,'it''s (a) leaf: [1]':1e-09);"


def test_a_tree_as_deep_as_it_has_leaves(tmp_path: Path) -> None:
    n = 20_000
    parents, names = [-1], [""]
    for leaf in range(n):
        inner = len(parents) - 1 if leaf == 0 else len(parents) - 2
        parents += [inner, inner]
        names += ["", str(leaf)]
    names[-2] = "last"
    write_tree(Tree(parents, names, [0.5] * len(parents)), tmp_path / "deep.nwk")
    read = read_tree(tmp_path / "deep.nwk")
    assert sorted(filter(None, read.names)) == sorted(filter(None, names))
    assert [file.name for file in tmp_path.iterdir()] == ["deep.nwk"]


def test_lengths_are_read() -> None:
    tree = parse("((a:1e-3,b: 2)[no name]:0.5,c)r:7;")
    found = dict(zip(tree.names, tree.lengths, strict=True))
    assert found["a"] == 1e-3
    assert found["b"] == 2
    assert math.isnan(found["c"])
    assert tree.lengths[:2] == [7, 0.5]
    assert np.isfinite(tree.lengths).sum() == 4


def test_errors_name_the_place(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="line 1: column 4: branch length 'far' is no number"):
        parse("(a :far,b);")
    with pytest.raises(InputError, match=r"none/t\.nwk: cannot be written: No such file"):
        write_tree(parse("(a,b);"), tmp_path / "none" / "t.nwk")
