"""Queries that cannot be of the kind that is stored are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqsearch import SequenceIndex
from seqsearch.errors import MismatchError
from seqsearch.sequences import PROTEIN, Sequences

READS = ["ACGTACGGTACGTTGACCATGNACGTACGTA", "GGGTACGTTGACCATGNACGTACGTATTTAC"]


@pytest.fixture
def proteins(tmp_path: Path) -> SequenceIndex:
    stored = ["MKVLAAGIVGLLLAQPSWWERTK", "MKVLAAGIVGLHLAQPSWYERTK", "MSTNPKPQRKTKRNTNRRPQDVK"]
    return SequenceIndex.build(tmp_path / "p.ss", Sequences.from_texts(stored, PROTEIN), encoder="kmer")


@pytest.mark.parametrize("queries", [READS, Sequences.from_texts(READS, PROTEIN), READS[0]])
def test_reads_asked_of_proteins_are_refused(proteins: SequenceIndex, queries: object) -> None:
    told = "queries: 100% of their letters are bases .* the index holds proteins: translate them"
    with proteins as index:
        for ask in (index.search, index.novelty, lambda asked: index.within(asked, 5)):
            with pytest.raises(MismatchError, match=told):
                ask(queries)
        with pytest.raises(MismatchError, match="sequences: 100% of their letters"):
            index.add(queries)
        assert len(index) == 3


def test_proteins_and_what_is_too_short_to_tell_are_taken(proteins: SequenceIndex) -> None:
    with proteins as index:
        assert index.search("MKVLAAGIVGLLLAQPSWWERTA", 1)[0][0].distance == 1
        assert index.search("ACGT", 1)[0][0].distance > 10


def test_an_index_of_nucleotides_as_proteins_takes_nucleotides(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "n.ss", Sequences.from_texts(READS, PROTEIN), encoder="kmer") as index:
        assert index.search(READS[0], 1)[0][0].distance == 0
