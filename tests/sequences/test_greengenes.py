import sys

import numpy as np
import pytest

from seqsearch.datasets import PRIMER_515F, greengenes_v4
from seqsearch.errors import MissingExtraError, ParameterError
from seqsearch.sequences import DNA, read, read_batches


@pytest.fixture(scope="module")
def v4():
    pytest.importorskip("qiime_default_reference", reason="the extra greengenes is not installed")
    return read("greengenes:v4")


def test_v4_is_the_set_the_figures_are_measured_on(v4):
    assert len(v4) == 71_814
    assert set(v4.lengths.tolist()) == {150}
    assert v4.data.max() < 4
    regions = v4.data.reshape(-1, 150)
    assert len(np.unique(regions, axis=0)) == len(v4)
    assert len(set(v4.ids)) == len(v4)
    assert v4.ids[0] == "1111883"
    assert v4[0].description == "k__Bacteria; p__Gemmatimonadetes; c__Gemm-1; o__; f__; g__; s__"


def test_a_region_follows_the_primer_in_its_gene(v4):
    """The slow way: compare each place of the first genes with the primer, letter by letter."""
    members = {**{letter: letter for letter in DNA.canonical}, **DNA.mixtures}
    primer = [members[letter] for letter in PRIMER_515F]
    expected = {}
    genes = next(read_batches("greengenes:full", size=40))
    for gene in genes:
        text = gene.text
        for start in range(len(text) - len(primer) - 150 + 1):
            if all(letter in wanted for letter, wanted in zip(text[start:], primer, strict=False)):
                region = text[start + len(primer) :][:150]
                if set(region) <= set("ACGT") and region not in expected.values():
                    expected[gene.id] = region
                break
    assert len(expected) > 20
    found = v4[: len(expected)]
    assert dict(zip(found.ids, found.texts(), strict=True)) == expected


def test_longer_regions_begin_like_the_shorter(v4):
    longer = greengenes_v4(300)
    assert set(longer.lengths.tolist()) == {300}
    starts = dict(zip(longer.ids, longer.data.reshape(-1, 300)[:, :150], strict=True))
    shared = [row for row in range(len(v4)) if v4.ids[row] in starts]
    assert len(shared) > 0.95 * len(v4)
    for row in shared[::500]:
        np.testing.assert_array_equal(v4[row].data, starts[v4.ids[row]])


def test_batches_are_the_whole(v4):
    parts = list(read_batches("greengenes:v4", size=50_000))
    assert [len(part) for part in parts] == [50_000, 21_814]
    assert parts[1].ids[-1] == v4.ids[-1]


def test_an_unknown_set_lists_those_there_are():
    with pytest.raises(ParameterError, match="no set 'greengenes:v3': choose greengenes:full or greengenes:v4"):
        read("greengenes:v3")
    with pytest.raises(ParameterError, match="alphabet 'protein' does not fit greengenes:v4, which is dna"):
        read("greengenes:v4", alphabet="protein")


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiime_default_reference", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'seqsearch\[greengenes\]'"):
        read("greengenes:v4")
