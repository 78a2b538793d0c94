"""Windows of targets: how they are cut, how hits are united, and an index that searches by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import Neighbours, recall_at
from seqsearch.errors import ParameterError
from seqsearch.search import SequenceIndex
from seqsearch.search.strands import better_strand, reverse_complement
from seqsearch.search.window_building import ERRORS, reads_of, window_model
from seqsearch.search.window_kernels import Layout, unite
from seqsearch.search.windows import Cut, WindowIndex, WindowSettings
from seqsearch.sequences import DNA, Sequences

WINDOW = {"window": 60, "stride": 20}


def genes_of(rng: np.random.Generator, families: int, members: int, low: int, high: int) -> Sequences:
    genes = []
    for length in rng.integers(low, high, families):
        first = rng.integers(0, 4, int(length)).astype(np.uint8)
        for _ in range(members):
            gene = first.copy()
            changed = rng.random(len(gene)) < 0.04
            gene[changed] = rng.integers(0, 4, int(changed.sum()))
            genes.append(gene[int(rng.integers(0, 15)) :])
    return Sequences.from_arrays(genes, DNA)


@pytest.fixture(scope="module")
def genes() -> Sequences:
    return genes_of(np.random.default_rng(3), 30, 10, 280, 420)


@pytest.fixture(scope="module")
def reads(genes: Sequences) -> Sequences:
    return reads_of(genes[::5], 60, np.random.default_rng(4))


@pytest.fixture(scope="module")
def index(genes: Sequences, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("windows") / "genes.ss"
    with SequenceIndex.build(path, genes, distance="infix", distance_parameters=WINDOW, recall=0.9) as built:
        yield built


# -- cutting ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 90), min_size=1, max_size=8), length=st.integers(1, 30), data=st.data())
def test_windows_cover_their_targets(lengths: list[int], length: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, length))
    rng = np.random.default_rng(0)
    targets = Sequences.from_arrays([rng.integers(0, 4, n).astype(np.uint8) for n in lengths], DNA)
    cut = Cut(length, stride)
    windows, counts = cut.windows_of(targets), cut.counts(targets.lengths)
    assert len(windows) == counts.sum()
    at = 0
    for target, count in zip(targets, counts.tolist(), strict=True):
        begins = [min(i * stride, max(0, len(target.data) - length)) for i in range(count)]
        assert begins[-1] == max(0, len(target.data) - length)  # the last ends with the target
        for number, begin in enumerate(begins):
            np.testing.assert_array_equal(windows[at + number].data, target.data[begin : begin + length])
        at += count


def test_long_queries_ask_with_pieces() -> None:
    texts = ["ACGT" * 10, "ACGT" * 16, "TTAC" * 40]
    pieces, offsets, begins = Cut(50, 10).pieces(Sequences.from_texts(texts, "dna"))
    assert offsets.tolist() == [0, 1, 2, 5]
    assert [piece.text for piece in pieces][:2] == texts[:2]  # up to one and a half windows: as they are
    assert begins.tolist() == [0, 0, 0, 55, 110]
    assert [piece.text for piece in pieces][2:] == [texts[2][at : at + 50] for at in (0, 55, 110)]


def test_reads_have_errors_in_turn(genes: Sequences) -> None:
    cut = reads_of(genes[:30], 60, np.random.default_rng(0))
    assert len(cut) == 30
    assert abs(cut.lengths - 60).max() <= 6
    assert ERRORS == (0.01, 0.03, 0.05)


# -- uniting ----------------------------------------------------------------------------------------------------------


def united_slowly(
    owners: np.ndarray, first: np.ndarray, cut: Cut, lengths: np.ndarray, windows: np.ndarray, near: np.ndarray,
    pieces: list[int], places: list[int],
) -> list[tuple[int, float, int, int]]:  # fmt: skip
    """The rows of one query: their scores, and the least and the greatest place."""
    worsts = [near[p][windows[p] >= 0].max(initial=0.0) for p in pieces]
    rows: dict[int, dict[int, tuple[float, int]]] = {}
    for p in pieces:
        for window, distance in zip(windows[p].tolist(), near[p].tolist(), strict=True):
            if window >= 0:
                row = int(owners[window])
                start = min((window - first[row]) * cut.stride, max(0, lengths[row] - cut.length)) - places[p]
                rows.setdefault(row, {}).setdefault(p, (distance, int(start)))
    out = []
    for row, hits in rows.items():
        score = sum(hits[p][0] if p in hits else worst for p, worst in zip(pieces, worsts, strict=True))
        starts = [start for _, start in hits.values()]
        out.append((row, score, min(starts), max(starts)))
    return sorted(out, key=lambda each: each[1])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_hits_are_united_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cut, lengths = Cut(20, 7), rng.integers(5, 120, 12)
    counts = cut.counts(lengths)
    first = np.concatenate([[0], np.cumsum(counts)])
    owners = np.repeat(np.arange(12), counts).astype(np.int32)
    pieces = np.array([0, 1, 4, 6])
    room = min(9, int(first[-1]))
    windows = np.array([rng.permutation(first[-1])[:room] for _ in range(6)])
    near = np.sort(rng.random((6, room)), axis=1).astype(np.float32)
    windows[5, room // 2 :], near[5, room // 2 :] = -1, np.inf
    places = rng.integers(0, 40, 6)
    shape = (3, 30)
    rows, scores = np.full(shape, -1), np.full(shape, np.inf)
    starts, ends = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    layout = Layout(owners, first, lengths, cut.length, cut.stride)
    unite(layout, windows, near, pieces, places, rows, scores, starts, ends)
    for q in range(3):
        own = list(range(pieces[q], pieces[q + 1]))
        true = united_slowly(owners, first, cut, lengths, windows, near, own, places.tolist())
        there = rows[q] >= 0
        np.testing.assert_allclose(scores[q][there], [each[1] for each in true], rtol=1e-5)
        got = {r: (s, e) for r, s, e in zip(rows[q][there], starts[q][there], ends[q][there], strict=True)}
        assert got == {row: (low, high) for row, _, low, high in true}


# -- an index ---------------------------------------------------------------------------------------------------------


def test_reads_are_found_by_windows(index: SequenceIndex, genes: Sequences, reads: Sequences) -> None:
    assert not index.calibration.lossless
    assert index.info()["windows"]["length"] == 60
    truth = index.search(reads, k=5, exact=True)
    found = index.search(reads, k=5, candidates=400)
    assert "400 candidates" in found.budget
    assert recall_at(found.distances, truth.distances, 5).mean() >= 0.97
    hit = found[7][0]
    assert (hit.target_start, hit.target_end) == (truth[7][0].target_start, truth[7][0].target_end)
    lower = [index.search(reads, k=5, candidates=count).distances.sum() for count in (10, 60, 400)]
    assert lower[0] >= lower[1] >= lower[2] >= truth.distances.sum()


def test_the_recall_that_is_asked_for_is_delivered(index: SequenceIndex, genes: Sequences) -> None:
    fresh = reads_of(genes, 60, np.random.default_rng(11))
    truth = index.search(fresh, k=10, exact=True)
    for recall in (0.8, 0.9, 0.95):
        found = index.search(fresh, k=10, recall=recall)
        assert recall_at(found.distances, truth.distances, 10).mean() >= recall - 0.01
    rows = index.evaluate(fresh[:20], k=10)
    assert rows[-1].recall >= 0.97


def test_other_lengths_and_strands(index: SequenceIndex, genes: Sequences, reads: Sequences) -> None:
    long = Sequences.from_arrays([gene.data[20:220] for gene in genes[:10]], DNA)
    found = index.search(long, k=1, candidates=100)
    assert found.distances.ravel().tolist() == [0.0] * 10
    short = Sequences.from_arrays([gene.data[100:120] for gene in genes[:10]], DNA)
    both = Sequences.concatenate([short, long])
    assert "10 of 20 queries are shorter than 45 letters" in index.search(both, candidates=9).warnings[-1]
    np.testing.assert_array_equal(
        index.search(both, k=3, candidates=50).distances[:10], index.search(short, k=3, exact=True).distances
    )
    turned = index.search(reverse_complement(reads), k=1, candidates=400, strand="both")
    np.testing.assert_array_equal(turned.distances, index.search(reads, k=1, candidates=400).distances)


def test_the_other_strand_leads_only_to_what_is_nearer(index: SequenceIndex, reads: Sequences) -> None:
    mixed = Sequences.concatenate([reads[::2], reverse_complement(reads[1::2])])
    one, other = (index.search(each, k=5, candidates=200) for each in (mixed, reverse_complement(mixed)))
    best, minus = better_strand(*(Neighbours(each.rows, each.distances) for each in (one, other)))
    both = index.search(mixed, k=5, candidates=200, strand="both")
    assert both.distances.tolist() == best.distances.tolist()
    assert (both.minus[:, 0] == minus[:, 0]).all()


def test_fragments_of_either_strand_lead_to_their_genes(index: SequenceIndex, genes: Sequences) -> None:
    """Trial B1: pieces of stored genes of several lengths, with errors, half of them turned over."""
    rng = np.random.default_rng(12)
    owners = rng.integers(0, len(genes), 60)
    lengths = rng.integers(50, 121, 60).tolist()
    pieces = [reads_of(genes[[row]], length, rng) for row, length in zip(owners, lengths, strict=True)]
    plain = Sequences.concatenate(pieces)
    turned = reverse_complement(plain)
    asked = Sequences.from_arrays([(turned if q % 2 else plain)[q].data for q in range(60)], DNA)
    every = np.arange(60)
    own = index.distance.pairs(plain, every, genes, owners)
    for how in ({"candidates": 60}, {"exact": True}):
        found = index.search(asked, k=1, strand="both", **how)
        assert (found.distances[:, 0] <= own).mean() >= 0.95
        assert (found.rows[:, 0] == owners).mean() >= 0.8  # others may be as near
        hits = [line[0] for line in found]
        assert np.mean([hit.strand == ("-" if q % 2 else "+") for q, hit in enumerate(hits)]) >= 0.95
    alone = index.search(asked, k=1, exact=True)
    assert (alone.distances[1::2, 0] > own[1::2]).all()


def test_reads_of_the_ends_of_targets_lose_nothing_to_insertions(index: SequenceIndex, genes: Sequences) -> None:
    ends = []
    for gene in genes[:40]:
        first, last = gene.data[:56].tolist(), gene.data[-56:].tolist()
        ends += [[*first[:8], 0, 1, 2, *first[8:]], [*last[:-8], 3, 2, 1, *last[-8:]]]
    reads = Sequences.from_arrays([np.array(end, np.uint8) for end in ends], DNA)
    truth = index.search(reads, k=3, exact=True)
    found = index.search(reads, k=3, candidates=400)
    assert recall_at(found.distances, truth.distances, 3).mean() >= 0.99


def test_it_follows_what_is_added_and_removed(genes: Sequences, reads: Sequences, tmp_path) -> None:
    path = tmp_path / "grows.ss"
    options = {"distance": "infix", "distance_parameters": WINDOW, "recall": 0.9}
    with SequenceIndex.build(path, genes[:200], **options) as index:
        index.add(genes[200:])
        index.remove(genes.ids.take(np.arange(0, 300, 7)))
        kept = np.setdiff1d(np.arange(300), np.arange(0, 300, 7))
        truth = index.search(reads, k=3, exact=True)
        for opened in (index, SequenceIndex.open(path)):
            found = opened.search(reads, k=3, candidates=800)
            assert np.isin(found.rows, kept).all()
            assert recall_at(found.distances, truth.distances, 3).mean() >= 0.97
        some = index.search(reads, k=3, candidates=100, ids=genes.ids.take(kept[:40]))
        assert np.isin(some.rows, kept[:40]).all()
        index.compact()
        again = index.search(reads, k=3, candidates=800)
        np.testing.assert_array_equal(again.distances, found.distances)
        assert index.verify(sample=5).ok


def test_a_damaged_snapshot_is_made_anew(genes: Sequences, reads: Sequences, tmp_path) -> None:
    path = tmp_path / "damaged.ss"
    with SequenceIndex.build(path, genes, distance="infix", distance_parameters=WINDOW, recall=0.9) as index:
        before = index.search(reads, k=3, candidates=200)
    (file,) = path.rglob("windows-*.bin")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with SequenceIndex.open(path) as index:
        after = index.search(reads, k=3, candidates=200)
    assert recall_at(after.distances, before.distances, 3).mean() >= 0.97


def test_windows_are_used_where_they_pay(genes: Sequences, reads: Sequences, tmp_path) -> None:
    for parameters in ({}, {"window": 0}):
        with SequenceIndex.build(
            tmp_path / f"few{len(parameters)}.ss", genes[:40], distance="infix", distance_parameters=parameters
        ) as few:
            assert few.calibration.lossless  # too few to be worth it, or told so
    with SequenceIndex.build(
        tmp_path / "asked.ss", genes, distance="infix", distance_parameters={"window": 50}, queries=reads, recall=0.9
    ) as index:
        assert index.info()["windows"]["stride"] == 16
        assert index.calibration.queries == len(reads)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"window": -1}, "window must be a whole number of letters, at least 0, not -1"),
        ({"stride": 0, "window": 9}, "stride must be a whole number of letters, at least 1, not 0"),
        ({"stride": 9}, "a stride of 9 letters needs a window that is as long: give window= as well"),
        ({"stride": 9, "window": 8}, "a stride of 9 letters needs a window that is as long, not 8"),
    ],
)
def test_bad_windows_are_refused(parameters: dict[str, int], problem: str, genes: Sequences, tmp_path) -> None:
    with pytest.raises(ParameterError, match=problem):
        SequenceIndex.build(tmp_path / "no.ss", genes, distance="infix", distance_parameters=parameters)


def test_the_windows_of_rows_are_known_by_number(genes: Sequences) -> None:
    settings_ = WindowSettings(60, 20, "exact", {}, 0)
    model = window_model(settings_.cut.windows_of(genes), 0)
    made = WindowIndex.empty(settings_, model, genes.lengths)
    made.add(np.arange(0, len(genes), 2), genes.__getitem__)
    assert made.holds(np.arange(0, len(genes), 2))
    made.remove(np.array([4]))
    assert not made.holds(np.arange(0, len(genes), 2))
    assert made.holds(np.setdiff1d(np.arange(0, len(genes), 2), [4]))


def test_a_few_targets_are_enough(tmp_path: Path) -> None:
    few = genes_of(np.random.default_rng(8), 4, 3, 280, 420)
    parameters = {"window": 60, "stride": 20}
    with SequenceIndex.build(tmp_path / "few.ss", few, distance="infix", distance_parameters=parameters) as built:
        assert built.search(reads_of(few, 60, np.random.default_rng(9)), k=1).rows[:, 0].tolist() == list(range(12))
