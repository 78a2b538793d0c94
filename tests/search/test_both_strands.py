"""Both strands, wherever sequences are compared: search, novelty, classes, evaluation, truth, duplicates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import SequenceIndex, duplicates
from seqsearch.cli.main import run
from seqsearch.distances import EditDistance, Truth
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, PROTEIN, Sequences, Strings, write_fasta
from tests.families import families
from tests.search.test_dedup import naive

EVERYTHING = families(12, 12, 60, seed=3)
ORDER = np.random.default_rng(0).permutation(len(EVERYTHING))
HELD = EVERYTHING[ORDER[:20]]
_KEPT = EVERYTHING[ORDER[20:]]
_TURNED = np.random.default_rng(1).random(len(_KEPT)) < 0.4  # a database has both strands
STORED = Sequences.concatenate([_KEPT[np.flatnonzero(~_TURNED)], reverse_complement(_KEPT[np.flatnonzero(_TURNED)])])
LABELS = Strings.of(record_id.split("-")[0][:3] for record_id in STORED.ids)


def least(queries: Sequences, targets: Sequences) -> np.ndarray:
    """(Q, n) the smaller of the distances on both strands."""
    one = EditDistance().matrix(queries, targets)
    return np.minimum(one, EditDistance().matrix(reverse_complement(queries), targets))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    labelled = replace_labels(STORED, LABELS)
    return SequenceIndex.build(tmp_path_factory.mktemp("strands") / "i.ss", labelled, encoder="kmer", index="exact")


def replace_labels(sequences: Sequences, labels: Strings) -> Sequences:
    return Sequences(
        sequences.data, sequences.offsets, sequences.ids, sequences.alphabet, sequences.descriptions, labels
    )


def test_novelty_of_both_strands_is_the_least_of_the_matrix(index: SequenceIndex) -> None:
    matrix = least(HELD, STORED)
    for queries in (HELD, reverse_complement(HELD)):
        found = index.novelty(queries, strand="both")
        assert found.scores.tolist() == matrix.min(axis=1).tolist()
        assert [matrix[q, row] for q, row in enumerate(found.rows.tolist())] == found.distances.tolist()
        assert found.warnings == ()
    mean = index.novelty(HELD, method="mean", k=4, strand="both").scores
    assert mean == pytest.approx(np.sort(matrix, axis=1)[:, :4].mean(axis=1))


def test_members_are_judged_on_both_strands_without_themselves(index: SequenceIndex) -> None:
    matrix = least(STORED, STORED)
    np.fill_diagonal(matrix, np.inf)
    assert index.member_scores(strand="both").tolist() == matrix.min(axis=1).tolist()
    plain = index.known_scores()
    with pytest.raises(MismatchError, match=r"'nearest exact 1', the queries are by 'nearest exact 1 both strands'"):
        index.novelty(HELD, known=plain, strand="both")


def test_known_reads_turned_round_are_told_from_novel_ones(tmp_path: Path) -> None:
    plus = EVERYTHING[ORDER[20:]]
    with SequenceIndex.build(tmp_path / "plus.ss", plus, encoder="kmer", index="exact") as stored:
        turned = reverse_complement(HELD)
        alone = stored.novelty(turned, fpr=0.05)
        assert alone.novel.mean() > 0.9
        assert "on the other strand: search both with strand='both' (--strand both)" in alone.warnings[0]
        assert stored.novelty(turned, fpr=0.05, strand="both").novel.mean() < 0.2
        assert "near on the other strand" in stored.search(turned, 3).warnings[0]
        assert stored.search(turned, 3, strand="both").warnings == ()
        assert stored.search(HELD, 3).warnings == ()
        only = stored.search(turned[:1], 3, exact=True).warnings
        assert only == ("a query far from everything stored is near on the other strand: " + REMEDY,)
        strangers = families(4, 2, 60, seed=99)
        assert not any("strand" in warning for warning in stored.search(strangers, 3).warnings)


REMEDY = "search both with strand='both' (--strand both)"


def test_classes_by_neighbours_of_both_strands(index: SequenceIndex) -> None:
    votes = NeighbourClassifier(index, k=3, strand="both").classify(HELD)
    turned = NeighbourClassifier(index, k=3, strand="both", abstain=0.01).classify(reverse_complement(HELD))
    assert votes.nearest.tolist() == turned.nearest.tolist() == least(HELD, STORED).min(axis=1).tolist()
    with pytest.raises(ParameterError, match="strand must be plus or both, not 'minus'"):
        NeighbourClassifier(index, strand="minus")


def test_evaluation_of_both_strands_ends_at_everything(index: SequenceIndex) -> None:
    rows = index.evaluate(HELD, 5, strand="both")
    assert rows[-1].recall == rows[-1].candidate_recall == 1
    assert rows == [replace(row, recall=min(row.recall, 1.0)) for row in rows]
    with pytest.raises(ParameterError, match="strand must be"):
        index.evaluate(HELD, 5, strand="minus")


def test_a_truth_of_both_strands_is_not_one_of_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refs, asked = tmp_path / "refs.fasta", tmp_path / "asked.fasta"
    write_fasta(refs, STORED)
    write_fasta(asked, HELD)
    assert run(["truth", str(refs), str(asked), "-k", "2", "--strand", "both", "-q"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["query", "rank", "target", "distance", "strand"]
    assert {line[4] for line in lines[1:]} == {"+", "-"}
    assert [float(line[3]) for line in lines[1::2]] == least(HELD, STORED).min(axis=1).tolist()
    assert run(["truth", str(refs), str(asked), "--strand", "both", "-o", str(tmp_path / "t.npz")]) == 0
    truth = Truth.load(tmp_path / "t.npz")
    truth.require(HELD, STORED, EditDistance(), strand="both")
    with pytest.raises(MismatchError, match=r"strand=both"):
        truth.require(HELD, STORED, EditDistance())


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text("ACG", min_size=1, max_size=6), max_size=12), radius=st.integers(0, 2))
def test_duplicates_on_both_strands_are_the_components_of_the_matrix(texts: list[str], radius: int) -> None:
    sequences = Sequences.from_texts(texts, DNA)
    found = duplicates(sequences, EditDistance(), radius, strand="both")
    plus = EditDistance().matrix(sequences, sequences)
    both = least(sequences, sequences)
    assert found.representatives.tolist() == naive(both, radius)
    owners = list(enumerate(found.representatives.tolist()))
    assert found.distances.tolist() == [both[i, r] for i, r in owners]
    assert found.minus is not None
    assert found.minus.tolist() == [both[i, r] < plus[i, r] for i, r in owners]


def test_strands_of_what_has_none(tmp_path: Path) -> None:
    proteins = Sequences.from_texts(["MKV", "MKL"], PROTEIN)
    with pytest.raises(ParameterError, match="only dna and rna have two strands"):
        duplicates(proteins, EditDistance(), strand="both")
    with SequenceIndex.build(tmp_path / "p.ss", proteins, encoder="kmer") as stored:
        with pytest.raises(ParameterError, match="only dna and rna have two strands"):
            stored.novelty(proteins, strand="both")
        with pytest.raises(ParameterError, match="the method shells knows no strands"):
            stored.novelty(proteins, method="shells", strand="both")
        with pytest.raises(ParameterError, match="strand must be plus or both"):
            stored.novelty(proteins, strand="minus")
        assert stored.search(["WWWWWWWW"], 1).warnings == ()
