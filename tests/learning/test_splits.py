from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.errors import InputError, ParameterError, ParseError
from seqsearch.learning.newick import parse, read_tree
from seqsearch.learning.splits import Split, distance_split, label_split, random_split, tree_split
from seqsearch.sequences import DNA, Sequences
from tests.families import families


def is_a_partition(split: Split, n: int) -> bool:
    return sorted([*split.train, *split.validation, *split.test]) == list(range(n))


def labelled(labels: list[str]) -> Sequences:
    return Sequences.from_texts(["ACGT"] * len(labels), DNA, [f"s{i}" for i in range(len(labels))], labels)


@given(st.integers(3, 60), st.data())
@settings(max_examples=40, deadline=None)
def test_random_splits_are_partitions(n: int, data: st.DataObject) -> None:
    test = data.draw(st.integers(0, n - 1))
    validation = data.draw(st.integers(0, n - 1 - test))
    split = random_split(n, validation=validation, test=test, rng=np.random.default_rng(0))
    assert is_a_partition(split, n)
    assert (len(split.test), len(split.validation)) == (test, validation)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_distance_splits_take_whole_neighbourhoods(depth: int) -> None:
    sequences = families(12, 8, 40)
    split = distance_split(sequences, EditDistance(), validation=8, test=24, depth=depth, rng=np.random.default_rng(1))
    assert is_a_partition(split, 96)
    assert (len(split.validation), len(split.test)) == (8, 24)
    families_hit = len(set(split.test // 8))
    assert families_hit == 3 if depth == 3 else families_hit > 3


def test_label_splits_never_part_a_label() -> None:
    labels = [f"g{i % 7}" for i in range(60)] + [""] * 5
    split = label_split(labelled(labels), validation=8, test=10, rng=np.random.default_rng(0))
    assert is_a_partition(split, 65)
    assert len(split.test) >= 10
    named = [{labels[row] for row in part if labels[row]} for part in (split.train, split.validation, split.test)]
    assert sum(map(len, named)) == len(set.union(*named))


def test_tree_splits_never_part_a_clade() -> None:
    tree = parse("(((s0:1,s1:2)90:.1,(s2,s3)),((s4,'s5')x,(s6,s7)));")
    sequences = labelled([""] * 8)
    split = tree_split(sequences, tree, validation=2, test=2, clade=2, rng=np.random.default_rng(0))
    assert is_a_partition(split, 8)
    for part in (split.test, split.validation):
        assert part[0] % 2 == 0
        assert part[1] == part[0] + 1
    with pytest.raises(ParameterError, match="sequence 's8' is no leaf of the tree"):
        tree_split(labelled([""] * 9), tree, validation=1, test=1, clade=2, rng=np.random.default_rng(0))


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


def test_splits_that_leave_nothing() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="5 validation and 5 test rows leave none of 10 to train on"):
        random_split(10, validation=5, test=5, rng=rng)
    with pytest.raises(ParameterError, match="depth must be from 0 to 20, not 21"):
        distance_split(families(3, 4, 20), EditDistance(), validation=1, test=1, depth=21, rng=rng)
    with pytest.raises(ParameterError, match="no label is left to train on"):
        label_split(labelled(["a"] * 6 + ["b"] * 2), validation=1, test=1, rng=rng)
