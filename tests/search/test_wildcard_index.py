"""An index whose distance takes N for any letter: it is kept with it, and on every way to search."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch import References
from seqsearch.distances import EditDistance
from seqsearch.search import SequenceIndex, duplicates
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, Sequences


@pytest.fixture(scope="module")
def genes():
    rng = np.random.default_rng(8)
    roots = rng.integers(0, 4, (12, 90))
    rows = [np.where(rng.random(90) < 0.05, rng.integers(0, 4, 90), roots[row % 12]) for row in range(96)]
    for row in rows[::4]:
        row[rng.integers(0, 90, 6)] = 14  # N
    return Sequences.from_arrays([row.astype(np.uint8) for row in rows], DNA)


@pytest.fixture(scope="module")
def index(genes, tmp_path_factory):
    where = tmp_path_factory.mktemp("wild") / "genes.ss"
    SequenceIndex.build(where, genes, distance=EditDistance(wildcards=True), encoder="kmer", index="exact").close()
    with SequenceIndex.open(where) as opened:
        yield opened


def test_every_way_to_search_takes_wildcards(index, genes):
    assert index.distance == EditDistance(wildcards=True)
    queries = Sequences.from_arrays([np.where(np.arange(90) % 30 == 7, 14, genes[row].data) for row in (0, 5, 50)], DNA)
    table = index.distance.matrix(queries, genes)
    assert table.min(axis=1).tolist() == [0, 0, 0]
    exact = index.search(queries, k=5, exact=True)
    np.testing.assert_array_equal(exact.distances, np.sort(table, axis=1)[:, :5])
    some = index.search(queries, k=5, candidates=60)
    assert (some.distances == table[np.arange(3)[:, None], some.rows]).all()
    assert (some.distances == exact.distances).mean() > 0.8
    near = index.within(queries, 3)
    assert len(near.rows) == (table <= 3).sum()
    turned = index.search(reverse_complement(queries), k=1, exact=True, strand="both")
    assert turned.distances.ravel().tolist() == [0, 0, 0]
    paths = exact.align(queries)
    assert [path.count("XID") for path in paths] == exact.distances.ravel().tolist()
    assert paths[0].identity == 1.0
    references = References(genes, distance=index.distance)
    np.testing.assert_array_equal(references.search(queries, k=5).distances, exact.distances)


def test_duplicates_meet_instead_of_being_equal():
    texts = Sequences.from_texts(["ACGTAC", "ACNTAC", "ACGTAA"], DNA)
    assert duplicates(texts, "edit").representatives.tolist() == [0, 1, 2]
    assert duplicates(texts, EditDistance(wildcards=True)).representatives.tolist() == [0, 0, 2]
