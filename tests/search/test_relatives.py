"""Relatives of targets: who they are, how they are shifted, and what they lead to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import recall_at
from seqsearch.search import SequenceIndex
from seqsearch.search.pipeline import Keep, Queries
from seqsearch.search.relating import found_relatives, sketches
from seqsearch.search.relatives import FARTHEST, Relatives, Walk, relatives_of
from seqsearch.search.window_building import reads_of, window_model
from seqsearch.sequences import DNA, Sequences

FAMILIES, MEMBERS = 12, 8
WINDOW = {"window": 60, "stride": 20}


@pytest.fixture(scope="module")
def genes() -> Sequences:
    """Families of eight, each member of which begins some letters later, and has some errors."""
    rng, genes = np.random.default_rng(5), []
    for _ in range(FAMILIES):
        first = rng.integers(0, 4, 500).astype(np.uint8)
        for member in range(MEMBERS):
            gene = first[7 * member :].copy()
            changed = rng.random(len(gene)) < 0.03
            gene[changed] = rng.integers(0, 4, int(changed.sum()))
            genes.append(gene)
    return Sequences.from_arrays(genes, DNA)


@pytest.fixture(scope="module")
def relatives(genes: Sequences) -> Relatives:
    rows = np.flatnonzero(np.arange(len(genes)) != 3)
    return found_relatives(window_model(genes, 0), rows, len(genes), MEMBERS - 1, genes.__getitem__)


def test_relatives_are_of_the_family_and_shifted_as_they_begin(genes: Sequences, relatives: Relatives) -> None:
    rows, shifts = relatives
    family, member = np.divmod(np.arange(len(genes)), MEMBERS)
    assert (rows[3] == -1).all()
    assert not (rows == 3).any()
    for row in np.flatnonzero(np.arange(len(genes)) != 3):
        found = rows[row][rows[row] >= 0]
        assert row not in found
        own = np.setdiff1d(np.flatnonzero(family == family[row]), [row, 3])
        np.testing.assert_array_equal(np.sort(found), own)  # strangers share no q-grams, so none is taken
        np.testing.assert_array_equal(shifts[row][: len(found)], 7 * (member[row] - member[found]))
        assert (rows[row][len(found) :] == -1).all()


def test_sketches_keep_the_same_grams_wherever_they_lie() -> None:
    rng = np.random.default_rng(0)
    part = rng.integers(0, 4, 300).astype(np.uint8)
    one, other = part, np.concatenate([rng.integers(0, 4, 41).astype(np.uint8), part])
    hashes, places, offsets = sketches(Sequences.from_arrays([one, other, part[:5]], DNA), 0.2)
    assert offsets[3] == offsets[2]  # shorter than a q-gram
    first, second = (
        dict(zip(hashes[a:b].tolist(), places[a:b].tolist(), strict=True)) for a, b in ((0, offsets[1]), offsets[1:3])
    )
    assert 30 < len(first) < 90
    assert {value: place + 41 for value, place in first.items()}.items() <= second.items()
    assert (np.diff(hashes[: offsets[1]].astype(np.int64)) >= 0).all()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_walk_leads_to_all_relatives_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, most = 30, 4
    known_of = Relatives(
        rng.integers(-1, size + 3, (size, most)).astype(np.int32), rng.integers(-50, 50, (size, most)).astype(np.int16)
    )
    live, allowed = rng.random(size) < 0.8, rng.random(size) < 0.7
    hits, known = rng.integers(-1, size, (3, 5)), rng.integers(-1, size, (3, 6))
    begins, exclude = rng.integers(0, 100, (3, 5)), rng.integers(0, size, 3)
    rows, places = relatives_of(Walk(known_of, allowed, exclude), live, known, hits, begins)
    for q in range(3):
        expected: dict[int, int] = {}
        for hit, begin in zip(hits[q].tolist(), begins[q].tolist(), strict=True):
            if hit < 0:
                continue
            for row, shift in zip(known_of.rows[hit].tolist(), known_of.shifts[hit].tolist(), strict=True):
                good = 0 <= row < size and live[row] and allowed[row] and row not in known[q] and row != exclude[q]
                if good and row not in expected:
                    expected[row] = begin + shift
        there = rows[q] >= 0
        assert dict(zip(rows[q][there].tolist(), places[q][there].tolist(), strict=True)) == expected
        assert there.sum() == len(expected)


def test_rows_that_come_later_are_known_on_both_sides() -> None:
    relatives = Relatives.none(2, 4).resized(5)
    relatives.put(
        np.array([4, 3]),
        np.array([[4, 0, 1, -1, 2], [0, 4, 1, -1, -1]]),
        np.array([[9, 5, FARTHEST + 1, 0, -6], [2, 3, 4, 0, 0]]),
    )
    assert relatives.rows[4].tolist() == [0, 2, -1, 3]  # 3 said so
    assert relatives.shifts[4].tolist() == [5, -6, 0, -3]
    assert relatives.rows[3].tolist() == [0, 4, 1, -1]
    assert sorted(relatives.rows[0].tolist()) == [-1, -1, 3, 4]
    assert relatives.shifts[0][relatives.rows[0] == 4].tolist() == [-5]
    assert relatives.rows[2].tolist().count(4) == 1


@pytest.fixture(scope="module")
def index(genes: Sequences, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("relatives") / "genes.ss"
    options = {"distance": "infix", "distance_parameters": WINDOW, "recall": 0.9}
    with SequenceIndex.build(path, genes[: 10 * MEMBERS], **options) as built:
        yield built


def test_few_windows_and_their_relatives_find_the_family(index: SequenceIndex, genes: Sequences) -> None:
    reads = reads_of(genes[: 10 * MEMBERS : 3], 60, np.random.default_rng(1))
    truth = index.search(reads, k=6, exact=True)
    found = index.search(reads, k=6, candidates=6)
    assert recall_at(found.distances, truth.distances, 6).mean() >= 0.97
    with index.state() as state:
        first = state.pipeline.stages[0]
        alone = dataclasses.replace(state.pipeline, stages=(Alone(first), state.pipeline.stages[1]))
        narrow = alone.staged(reads, 6, index.budget(6, candidates=6)[0])
    assert (
        recall_at(narrow.distances, truth.distances, 6).mean() < recall_at(found.distances, truth.distances, 6).mean()
    )


def test_what_relatives_lead_to_is_among_the_candidates(index: SequenceIndex, genes: Sequences) -> None:
    reads = reads_of(genes[: 10 * MEMBERS : 3], 60, np.random.default_rng(1))
    budget = index.budget(6, candidates=6)[0]
    for strand in ("plus", "both"):
        (row,) = index.evaluate(reads, k=6, budgets=[budget], strand=strand)
        assert row.candidate_recall >= row.recall >= 0.97
    with index.state() as state:
        asked = Queries(reads)
        before = state.pipeline.kept(asked, budget)
        rows = state.exact.compared(reads, before, 6)
        best = state.exact.rank(asked, before, Keep(6, budget))
    assert (rows >= 0).sum() == best.compared > (before.rows >= 0).sum()
    for query, own in enumerate(rows):
        there = own[own >= 0]
        assert len(np.unique(there)) == len(there)
        assert np.isin(best.rows[query], there).all()


class Alone:
    """Windows without what they lead to."""

    decides, name = False, "windows"

    def __init__(self, first) -> None:
        self.first = first

    def rank(self, queries, before, keep):
        ranked = self.first.rank(queries, before, keep)
        return dataclasses.replace(ranked, parts=dataclasses.replace(ranked.parts, walk=None))


def test_filters_and_removals_hold_for_relatives(index: SequenceIndex, genes: Sequences) -> None:
    reads = reads_of(genes[: 10 * MEMBERS : 3], 60, np.random.default_rng(2))
    some = np.arange(0, 10 * MEMBERS, 3)
    found = index.search(reads, k=4, candidates=4, ids=genes.ids.take(some))
    assert np.isin(found.rows[found.rows >= 0], some).all()


def test_relatives_follow_what_is_added_and_removed(genes: Sequences, tmp_path) -> None:
    path = tmp_path / "grows.ss"
    options = {"distance": "infix", "distance_parameters": WINDOW, "recall": 0.9}
    with SequenceIndex.build(path, genes[: 10 * MEMBERS], **options) as index:
        index.add(genes[10 * MEMBERS :])
        index.remove(genes.ids.take(np.arange(0, len(genes), 9)))
        kept = np.setdiff1d(np.arange(len(genes)), np.arange(0, len(genes), 9))
        reads = reads_of(genes[10 * MEMBERS :], 60, np.random.default_rng(3))
        truth = index.search(reads, k=5, exact=True)
        with SequenceIndex.open(path) as other:
            for opened in (index, other):
                found = opened.search(reads, k=5, candidates=6)
                assert np.isin(found.rows, kept).all()
                assert recall_at(found.distances, truth.distances, 5).mean() >= 0.97
                with opened.state() as state:
                    own = state.pipeline.stages[0].windows.relatives
                    assert own.rows.shape[0] == len(genes)
                    assert (own.rows[10 * MEMBERS :] >= 10 * MEMBERS).any(axis=1).all()


def test_an_index_of_before_there_were_relatives_goes_on_without(
    genes: Sequences, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.ss"
    options = {"distance": "infix", "distance_parameters": WINDOW, "recall": 0.9}
    monkeypatch.setattr("seqsearch.search.window_building.RELATED", 0)
    SequenceIndex.build(path, genes[:40], **options).close()
    monkeypatch.undo()
    assert not list(path.rglob("relatives-*"))
    reads = reads_of(genes[:80], 60, np.random.default_rng(6))
    with SequenceIndex.open(path) as index:
        with index.state() as state:
            windows = state.pipeline.stages[0].windows
            assert "relatives" not in windows.settings.to_json()  # as it was written then
            assert windows.relatives is None
        index.add(genes[40:])
        index.remove(genes.ids.take(np.arange(0, 80, 7)))
        truth = index.search(reads, k=3, exact=True)
        found = index.search(reads, k=3, candidates=300)
        assert recall_at(found.distances, truth.distances, 3).mean() >= 0.97
        assert index.verify(sample=3).ok
    with SequenceIndex.open(path) as index:
        np.testing.assert_array_equal(index.search(reads, k=3, candidates=300).distances, found.distances)
    assert not list(path.rglob("relatives-*"))


def test_damaged_relatives_are_looked_for_anew(genes: Sequences, tmp_path) -> None:
    path = tmp_path / "damaged.ss"
    options = {"distance": "infix", "distance_parameters": WINDOW, "recall": 0.9}
    reads = reads_of(genes[:40], 60, np.random.default_rng(4))
    with SequenceIndex.build(path, genes, **options) as index:
        before = index.search(reads, k=5, candidates=6)
    (file,) = path.rglob("relatives-*.bin")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with SequenceIndex.open(path) as index:
        after = index.search(reads, k=5, candidates=6)
    assert recall_at(after.distances, before.distances, 5).mean() >= 0.97
