from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.distances import EditDistance
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search import HitTable
from seqsearch.search.filtering import equal_to
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, PROTEIN, Sequences, Strings
from tests.families import families


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    stored = families(30, 20, 50)
    labels = ["odd" if i % 2 else "even" for i in range(len(stored))]
    labelled = Sequences(stored.data, stored.offsets, stored.ids, DNA, labels=Strings.of(labels))
    index = SequenceIndex.build(tmp_path_factory.mktemp("w") / "i.ss", labelled, encoder="kmer", index="hnsw")
    index.remove(["s3", "s4"])
    return index


@pytest.fixture(scope="module")
def queries() -> Sequences:
    return families(30, 20, 50)[::45]


def test_within_is_everything_and_nothing_removed(index: SequenceIndex, queries: Sequences) -> None:
    matrix = EditDistance().matrix(queries, families(30, 20, 50))
    matrix[:, [3, 4]] = np.inf
    for radius in (0, 3, 8):
        found = index.within(queries, radius)
        assert len(found) == len(queries)
        for q, hits in enumerate(found):
            assert hits.query == queries.ids[q]
            wanted = sorted((d, r) for r, d in enumerate(matrix[q]) if d <= radius)
            assert [(hit.distance, hit.id, hit.rank) for hit in hits] == [
                (d, f"s{r}", rank) for rank, (d, r) in enumerate(wanted, start=1)
            ]
        table = found.table()
        assert table.ranks.tolist() == [hit.rank for hits in found for hit in hits]
        assert table.offsets.tolist() == found.offsets.tolist()


def test_filters_hold_within_a_radius(index: SequenceIndex, queries: Sequences) -> None:
    odd = index.within(queries, 6, where={"label": "odd"})
    everything = index.within(queries, 6)
    assert [[hit.id for hit in hits] for hits in odd] == [
        [hit.id for hit in hits if int(hit.id[1:]) % 2] for hits in everything
    ]
    some = index.within(queries, 50, ids=["s1", "s7"])
    assert {hit.id for hits in some for hit in hits} == {"s1", "s7"}


def test_both_strands_within_and_nearest(index: SequenceIndex, queries: Sequences) -> None:
    turned = reverse_complement(queries)
    for found, plain in (
        (index.within(turned, 4, strand="both"), index.within(queries, 4)),
        (index.search(turned, 5, exact=True, strand="both"), index.search(queries, 5, exact=True)),
    ):
        for hits, wanted in zip(found, plain, strict=True):
            near = {(hit.id, hit.distance) for hit in wanted if hit.distance <= 4}
            assert near <= {(hit.id, hit.distance) for hit in hits}
            assert {hit.strand for hit in hits if (hit.id, hit.distance) in near} <= {"-"}
    assert {hit.strand for hits in index.search(queries, 3) for hit in hits} == {"+"}


def test_a_path_for_every_hit(index: SequenceIndex, queries: Sequences) -> None:
    answers = index.search(queries, 4)
    table = answers.table()
    assert [path.edits for path in answers.align(queries)] == table.distances.tolist()
    some = table.keep(table.distances > 0)
    assert [path.edits for path in answers.align(queries, some)] == some.distances.tolist()


def test_what_cannot_be_asked(index: SequenceIndex, queries: Sequences) -> None:
    with pytest.raises(ParameterError, match="radius must be at least 0"):
        index.within(queries, -1)
    with pytest.raises(ParameterError, match="strand must be plus or both, not 'minus'"):
        index.within(queries, 1, strand="minus")
    with pytest.raises(MismatchError, match="dna"):
        index.within(Sequences.from_texts(["MKV"], PROTEIN), 1)


def test_a_table_is_ranked_anew_after_a_filter() -> None:
    table = HitTable.of_padded(np.array([[4, 2, -1], [7, 8, 9]]), np.array([[0, 1, np.inf], [0, 2, 3]]), None)
    kept = table.keep(table.distances > 0)
    assert (kept.owners.tolist(), kept.rows.tolist(), kept.ranks.tolist()) == ([0, 1, 1], [2, 8, 9], [1, 1, 2])
    assert kept.offsets.tolist() == [0, 1, 3]


def test_equal_to_is_that_of_strings() -> None:
    values = ["a", "", "ab", "ba", "a", "äb", "b"]
    column = Strings.of(values)
    for wanted in [*values, "c", "abc"]:
        assert equal_to(column, wanted).tolist() == [value == wanted for value in values]
        assert equal_to(Strings(column.data, column.offsets[2:]), wanted).tolist() == [v == wanted for v in values[2:]]


def test_the_other_commits_stay_visible(tmp_path: Path) -> None:
    """Names and rows belong to one state, whatever another index object on the same path commits."""
    stored = families(10, 5, 40)
    with (
        SequenceIndex.build(tmp_path / "i.ss", stored[:40], encoder="kmer") as reader,
        SequenceIndex.open(tmp_path / "i.ss") as writer,
    ):
        before = reader.search(stored[45:], 1)[0][0]
        writer.add(stored[40:])
        assert reader.search(stored[45:], 1)[0][0] == before
        reader.refresh()
        assert reader.search(stored[45:], 1)[0][0].id == "s45"
        assert reader.within(stored[45:46], 0)[0][0].id == "s45"
