"""Reading trees of any program, and cutting them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import InputError, ParameterError, ParseError
from seqsearch.sequences import Strings
from seqsearch.trees import Tree, dendrogram, parse_newick, point_distances, read_newick
from tests.newick import Node, parse

TEXT = "(('it''s':1,b:2)inner:.5,(c:1,[a comment] d:3e0,e:0)0.9:1):0;\n"


def test_a_tree_by_hand() -> None:
    tree = parse_newick(TEXT)
    assert list(tree.names.values()) == ["it's", "b", "c", "d", "e"]
    assert tree.diameters().tolist() == [0, 0, 3, 0, 0, 0, 4, 6.5]
    assert tree.cut(2) == [["it's"], ["b"], ["c"], ["d"], ["e"]]
    assert tree.cut(3) == [["it's", "b"], ["c"], ["d"], ["e"]]
    assert tree.cut(4) == tree.into(2) == [["it's", "b"], ["c", "d", "e"]]
    assert tree.cut(6.5) == tree.into(1) == [["it's", "b", "c", "d", "e"]]
    assert tree.into(3) == [["it's"], ["b"], ["c", "d", "e"]]  # three children would be one too many
    assert tree.into(4) == [["it's", "b"], ["c"], ["d"], ["e"]]
    assert len(tree.into(5)) == 5
    assert parse_newick("lone;").cut(0) == [["lone"]]


@given(st.integers(2, 25), st.integers(0, 5), st.sampled_from(["average", "complete"]))
@settings(max_examples=40, deadline=None)
def test_a_cut_is_that_of_the_dendrogram(n: int, seed: int, linkage: str) -> None:
    """Read back as an independent reader has it, and cut at every height as its merges say."""
    points = np.random.default_rng(seed).random((n, 2))
    made = dendrogram(point_distances(points, "euclidean"), Strings.of(map(str, range(n))), np.arange(n), linkage)
    tree = parse_newick(made.newick())

    def under(node: Node) -> list[str]:
        return [name for child in node[2] for name in under(child)] or [node[0]]

    assert list(tree.names.values()) == under(parse(made.newick()))
    for merges in range(n):
        height = made.merges[merges - 1, 2] if merges else 0.0
        sets = {row: {str(row)} for row in range(n)}
        for number, (one, other, top, _) in enumerate(made.merges.tolist(), start=n):
            if top <= height:
                sets[number] = sets.pop(int(one)) | sets.pop(int(other))
        expected = sorted(map(sorted, sets.values()))
        assert sorted(map(sorted, tree.cut(height))) == expected
        assert sorted(map(sorted, tree.into(len(expected)))) == expected


def test_a_deep_tree_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.nwk"
    path.write_text("(" * 5000 + "a:1" + "".join(f",b{i}:1):1" for i in range(5000)) + ";")
    tree = read_newick(path)
    assert isinstance(tree, Tree)
    assert len(tree.names) == 5001
    assert len(tree.cut(1.5)) == 5001
    assert len(tree.into(40)) == 40


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(a,b", "the end, before that of the tree, at character 5"),
        ("", "the end"),
        ("(a,b));", r"'\)' without an opening before it at character 6"),
        ("(a,,b);", "',' without a name before it at character 4"),
        ("(a:x,b);", "'x' in place of a length at character 4"),
        ("(a:1e999,b);", "a length of 1e999"),
        ("(a,a);", "the name 'a' for the second time"),
        ("(a b,c);", "'b' behind a name at character 4"),
        ("('a,b);", '"\'" without its end at character 2'),
        ("(a,b)(c);", r"'\(' at character 6"),
    ],
)
def test_what_is_no_tree_is_told(text: str, problem: str) -> None:
    with pytest.raises(ParseError, match=problem):
        parse_newick(text)


def test_errors_name_the_file_and_the_value(tmp_path: Path) -> None:
    (tmp_path / "a.nwk").write_text("(a,b")
    with pytest.raises(ParseError, match="a.nwk: no Newick tree"):
        read_newick(tmp_path / "a.nwk")
    with pytest.raises(InputError, match="b.nwk: cannot be read"):
        read_newick(tmp_path / "b.nwk")
    with pytest.raises(ParameterError, match="at a distance of at least 0, not -1"):
        parse_newick("(a,b);").cut(-1)
    with pytest.raises(ParameterError, match="a tree of 2 leaves is parted into 1 to so many, not 3"):
        parse_newick("(a,b);").into(3)
