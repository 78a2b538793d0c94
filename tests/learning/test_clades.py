"""Newick trees that others wrote, and their clades."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import InputError, ParseError
from seqsearch.learning.newick import parse, read_tree


def test_newick_with_everything_in_it() -> None:
    tree = parse("[a comment]\n( 'it''s':1e-3 , b_c[note]:2 ,(d,e)inner:0.5)root ;")
    assert sorted(name for leaves in tree.clades(1) for name in leaves) == ["b_c", "d", "e", "it's"]
    assert sorted(map(sorted, tree.clades(2))) == [["b_c"], ["d", "e"], ["it's"]]
    assert [sorted(leaves) for leaves in tree.clades(4)] == [["b_c", "d", "e", "it's"]]


@given(st.recursive(st.integers(0, 99).map(str), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=30))
@settings(max_examples=60, deadline=None)
def test_every_leaf_is_in_one_clade(nested: object) -> None:
    def written(node: object) -> str:
        return node if isinstance(node, str) else f"({','.join(map(written, node))})"  # type: ignore[call-overload]

    def leaves(node: object) -> list[str]:
        return [node] if isinstance(node, str) else [leaf for child in node for leaf in leaves(child)]  # type: ignore[attr-defined]

    tree = parse(f"({written(nested)});")
    for most in (1, 3, 100):
        clades = list(tree.clades(most))
        assert all(len(clade) <= most for clade in clades)
        assert sorted(leaf for clade in clades for leaf in clade) == sorted(leaves(nested))


def test_trees_that_cannot_be_read(tmp_path: object) -> None:
    for text, problem in (
        ("((a,b);", "column 7: a bracket is not closed"),
        ("(a,b)", "the tree does not end with ';'"),
        ("a,b;", "column 2: ',' stands outside brackets"),
        ("(,);", "the tree has no leaf"),
        ("(a,\n'b);", 'line 2: column 1: "\'" cannot be read'),
    ):
        with pytest.raises(ParseError) as caught:
            parse(text)
        assert problem in str(caught.value)
    with pytest.raises(InputError, match=r"missing.nwk: cannot be read"):
        read_tree(f"{tmp_path}/missing.nwk")
