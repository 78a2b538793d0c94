"""Which strand is asked first, and what the other one then need not be compared with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.distances import Neighbours, Pruning
from seqsearch.search.lossless import Lossless
from seqsearch.search.pipeline import Queries
from seqsearch.search.strands import nearest_of, reverse_complement
from seqsearch.search.wanted import Wanted
from seqsearch.sequences import DNA, Sequences
from tests.families import families
from tests.search.test_both_strands import least

EVERYTHING = families(50, 24, 60, seed=4)
ORDER = np.random.default_rng(0).permutation(len(EVERYTHING))
QUERIES, STORED = EVERYTHING[ORDER[:40]], EVERYTHING[ORDER[40:]]
STRANGER = Sequences.from_texts(["ACCA" * 15], DNA)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SequenceIndex]:
    path = tmp_path_factory.mktemp("strand-order") / "i.ss"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("seqsearch.search.calibrator.QUERIES", (200, 500))
        made = SequenceIndex.build(path, STORED, encoder="kmer", index="exact", recall=0.9)
    with made as built:
        assert built.calibration.groups
        yield built


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, np.ndarray | None]]:
    """How many queries were compared with everything, call by call, and what was not looked for."""
    seen: list[tuple[int, np.ndarray | None]] = []
    plain = Lossless.neighbours

    def watched(self: Lossless, queries: Sequences, k: int, **rest: object) -> tuple[Neighbours, Pruning]:
        seen.append((len(queries), rest.get("within")))  # type: ignore[arg-type]
        return plain(self, queries, k, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Lossless, "neighbours", watched)
    return seen


@pytest.mark.parametrize("turned", [False, True])
def test_both_strands_prove_nothing_where_one_was_answered(
    index: SequenceIndex, proofs: list[tuple[int, np.ndarray | None]], turned: bool
) -> None:
    queries = reverse_complement(QUERIES) if turned else QUERIES
    found = index.search(queries, 3, strand="both", recall=0.9)
    asked = sum(count for count, _ in proofs)
    assert asked <= 2 * np.count_nonzero(found.guarantee == "proved") + 2
    truth = np.sort(least(queries, STORED), axis=1)[:, :3]
    assert (found.distances >= truth).all()
    assert (found.distances == truth).mean() >= 0.9
    assert found.minus.all() == turned


def test_most_queries_say_which_strand_comes_first(index: SequenceIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsearch.search.strands._MANY", 20)
    mixed = Sequences.concatenate([reverse_complement(QUERIES[:25]), QUERIES[25:], STRANGER])
    for queries in (QUERIES, mixed, reverse_complement(mixed)):
        each = [index.search(queries[[q]], 3, strand="both") for q in range(len(queries))]
        found = index.search(queries, 3, strand="both")
        assert found.distances.tolist() == [one.distances[0].tolist() for one in each]
        assert found.minus.tolist() == [one.minus[0].tolist() for one in each]
        assert found.guarantee.tolist() == [one.guarantee[0] for one in each]


def test_members_are_left_out_of_their_own_answers_whichever_strand_is_first(
    index: SequenceIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few are asked first, and some last: each without itself."""
    monkeypatch.setattr("seqsearch.search.strands._MANY", 20)
    matrix = least(STORED, STORED)
    np.fill_diagonal(matrix, np.inf)
    assert index.member_scores(strand="both").tolist() == matrix.min(axis=1).tolist()
    queries = Queries(reverse_complement(STORED[:60]))
    with index.state() as state:
        budget = state.choice(3, Wanted(recall=0.9)).budget
        found = nearest_of("both", queries, lambda q, own: state.neighbours(q, 3, budget, **own), np.arange(60))
    assert not (found.rows == np.arange(60)[:, None]).any()
    assert (found.distances[:, 0] >= matrix[:60].min(axis=1)).all()
    assert (found.distances[:, 0] == matrix[:60].min(axis=1)).mean() >= 0.85


def test_a_stranger_on_both_strands_is_still_proved(
    index: SequenceIndex, proofs: list[tuple[int, np.ndarray | None]]
) -> None:
    found = index.search(STRANGER, 3, strand="both")
    assert found.guarantee.tolist() == ["proved"]
    assert [count for count, _ in proofs] == [1, 1]
    assert proofs[1][1] is not None, "the second strand knows what the first one found"
    assert found.distances[0].tolist() == np.sort(least(STRANGER, STORED), axis=1)[0, :3].tolist()


def test_reads_the_wrong_way_round_are_not_compared_with_everything(
    index: SequenceIndex, proofs: list[tuple[int, np.ndarray | None]]
) -> None:
    turned = Sequences.concatenate([reverse_complement(QUERIES), STRANGER])
    forwards = index.search(QUERIES, 3).guarantee == "group"
    proofs.clear()
    found = index.search(turned, 3)
    assert sum(count for count, _ in proofs) <= 2 + np.count_nonzero(found.guarantee == "proved")
    assert forwards.mean() > 0.5
    assert (found.guarantee[:-1][forwards] == "marginal").all()
    assert found.guarantee[-1] == "proved"
    assert "search both with strand='both' (--strand both)" in found.warnings[0]
    assert np.isfinite(found.distances).all()


def test_proof_on_both_strands_is_the_least_of_the_matrix(index: SequenceIndex) -> None:
    for queries in (QUERIES, reverse_complement(QUERIES), STRANGER):
        found = index.search(queries, 3, strand="both", exact=True)
        assert found.distances.tolist() == np.sort(least(queries, STORED), axis=1)[:, :3].tolist()


def test_evaluate_measures_what_search_does(index: SequenceIndex) -> None:
    row = index.evaluate(reverse_complement(QUERIES), k=3, strand="both")[-1]
    assert row.recall == 1
