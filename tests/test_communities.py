"""What the benchmarks of samples and closest strings measure with, beside plain loops."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SampleTable
from seqsearch.distances import EditDistance
from seqsearch.sequences import DNA, Sequences

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from harness.closest import Closest
from harness.communities import Phylogeny, simulated

TREE = "((a:1,(b:2,c:0.5):1.5):3,('d':1,e:2)0.9:0.25);"


def test_closest_strings_count_ties_against() -> None:
    references = Sequences.from_texts(["AAAAAA", "AAAATT", "CCCCCC", "GGGGGG"], DNA)
    queries = Sequences.from_texts(["AAAAAC", "AAAAAT", "CCCCCG", "GGGGGG"], DNA)
    found = Closest.of(references, queries, EditDistance())
    assert found.queries.texts() == ["AAAAAC", "CCCCCG", "GGGGGG"]  # the second is as near to two
    assert found.nearest.tolist() == [0, 2, 3]
    told = np.array([[1, 1, 5, 6], [4, 3, 2, 1], [4, 3, 2, 1]], np.float64)
    accuracy = found.accuracy(told)
    assert accuracy["top_1"] == pytest.approx(1 / 3)
    assert accuracy["top_5"] == 1
    assert found.accuracy(EditDistance().matrix(found.queries, references))["top_1"] == 1


def test_unifrac_sums_what_branches_have_below(tmp_path: Path) -> None:
    path = tmp_path / "tree.nwk"
    path.write_text(TREE)
    tree = Phylogeny.read(path)
    assert sorted(tree.tips) == list("abcde")
    counts = np.random.default_rng(0).integers(0, 9, (6, 5))
    table = SampleTable.of(counts, [f"s{row}" for row in range(6)], "abcde")
    shares = counts / counts.sum(axis=1, keepdims=True)
    branches = {"a": 1, "b": 2, "c": 0.5, "bc": 1.5, "abc": 3, "d": 1, "e": 2, "de": 0.25}
    below = {names: shares[:, ["abcde".index(name) for name in names]].sum(axis=1) for names in branches}
    for one in range(6):
        for other in range(6):
            expected = sum(length * abs(below[names][one] - below[names][other]) for names, length in branches.items())
            assert tree.weighted_unifrac(table)[one, other] == pytest.approx(expected)


def test_samples_are_of_their_environments_clades() -> None:
    rng = np.random.default_rng(1)
    lineages = [f"k; p; c; o; f__{family}; g; s" for family in range(30) for _ in range(40)]
    genes = Sequences.from_arrays([rng.integers(4, size=20).astype(np.uint8) for _ in lineages], DNA)
    genes = Sequences(genes.data, genes.offsets, genes.ids, DNA, type(genes.ids).of(lineages))
    table, of = simulated(genes, 20, np.random.default_rng(2))
    again, _ = simulated(genes, 20, np.random.default_rng(2))
    assert again.shares(again.samples[3]) == table.shares(table.samples[3])
    family = {name: lineages[row] for row, name in enumerate(genes.ids)}
    seen = [{family[name] for name in table.shares(sample)} for sample in table.samples]
    assert all(len(clades) <= 12 for clades in seen)
    same = [len(seen[a] & seen[b]) for a in range(20) for b in range(a) if of[a] == of[b]]
    others = [len(seen[a] & seen[b]) for a in range(20) for b in range(a) if of[a] != of[b]]
    assert np.mean(same) > np.mean(others) + 3
