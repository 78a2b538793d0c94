"""An index of a distance to parts of what is stored: places, strands, deduplication, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from seqsearch.distances import InfixDistance
from seqsearch.errors import ParameterError
from seqsearch.search import SequenceIndex, duplicates
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import DNA, Sequences


@pytest.fixture(scope="module")
def genes():
    rng = np.random.default_rng(5)
    return Sequences.from_arrays([rng.integers(0, 4, int(n)).astype(np.uint8) for n in rng.integers(150, 260, 60)], DNA)


@pytest.fixture(scope="module")
def reads(genes):
    """Of gene i from letter i on, one letter changed."""
    parts = []
    for row in range(20):
        part = genes[row].data[row : row + 60].copy()
        part[30] = (part[30] + 1) % 4
        parts.append(part)
    return Sequences.from_arrays(parts, DNA)


@pytest.fixture(scope="module")
def index(genes, tmp_path_factory):
    with SequenceIndex.build(tmp_path_factory.mktemp("parts") / "genes.ss", genes, distance="infix") as built:
        yield built


def test_reads_find_their_genes_and_their_places(index, genes, reads):
    found = index.search(reads, k=3)
    assert found.rows[:, 0].tolist() == list(range(20))
    assert found.distances[:, 0].tolist() == [1.0] * 20
    assert "part of what is stored" in found.budget
    hit = found[7][0]
    assert (hit.target_start, hit.target_end) == (8, 67)
    assert found.columns(["target_start"])["target_start"][::3].tolist() == list(range(1, 21))
    assert list(found.to_dicts()[0]) == ["query", "rank", "target", "distance", "target_start", "target_end"]
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dicts() == found.to_dicts()
    assert (again[7][0].target_start, again[7][0].target_end) == (8, 67)
    assert pickle.loads(pickle.dumps(hit)).target_start == 8


def test_reads_of_the_other_strand(index, reads):
    found = index.search(reverse_complement(reads), k=1, strand="both")
    assert found.distances.ravel().tolist() == [1.0] * 20
    assert found.minus.all()
    assert found[7][0].target_start == 8
    path = found.align(reverse_complement(reads))[7]
    assert path.cigar == "30=1X29="
    assert path.target_span == (8, 67)


def test_everything_within_a_radius(index, genes, reads):
    found = index.within(reads, 1)
    table = InfixDistance().matrix(reads, genes)
    assert len(found.rows) == (table <= 1).sum()
    assert found.columns(["target_start"])["target_start"].tolist()[:3] == [1, 2, 3]


def test_it_is_kept_and_grows(index, genes, reads, tmp_path):
    with SequenceIndex.build(tmp_path / "few.ss", genes[:30], distance="infix") as few:
        few.add(genes[30:])
        few.calibrate(recall=0.9)
        np.testing.assert_array_equal(few.search(reads, k=4).distances, index.search(reads, k=4).distances)
    with SequenceIndex.open(tmp_path / "few.ss") as few:
        assert "part of what is stored" in few.search(reads[:1]).budget
        assert few.verify(sample=5).ok


def test_what_would_be_nonsense_is_refused(index, genes, reads, tmp_path):
    with pytest.raises(ParameterError, match="candidates cannot be asked for: infix is the distance to a part"):
        index.search(reads, candidates=10)
    with pytest.raises(ParameterError, match="there is nothing to evaluate: infix is the distance to a part"):
        index.evaluate(reads)
    with pytest.raises(ParameterError, match="give known sequences like the queries"):
        index.novelty(reads)
    with pytest.raises(ParameterError, match="novelty by embeddings is not known"):
        index.novelty(reads, by="embedding", known=reads)
    with pytest.raises(ParameterError, match="infix has two: choose a symmetric one"):
        index.cluster(exact=True)
    assert index.model.dim == 4  # stored vectors propose nothing, so they are small
    with pytest.raises(ParameterError, match="encoder 'cnn' proposes no candidates"):
        SequenceIndex.build(tmp_path / "no.ss", genes, distance="infix", encoder="cnn")


def test_vectors_of_the_whole_lead_to_no_part(index, genes, tmp_path):
    with pytest.raises(ParameterError, match="a model would propose no candidates: infix is the distance to a part"):
        SequenceIndex.build(tmp_path / "no.ss", genes, distance="infix", model=index.model)
    with pytest.raises(ParameterError, match="vectors would propose no candidates: infix is the distance to a part"):
        SequenceIndex.build(tmp_path / "no.ss", genes, distance="infix", vectors=np.zeros((len(genes), 3), np.float32))


@pytest.mark.parametrize("distance", ["edit", "infix"])
def test_reads_asked_of_genes_under_edit_distance_are_warned_of(genes, reads, tmp_path, distance):
    with SequenceIndex.build(tmp_path / "genes.ss", genes, distance=distance, encoder="kmer") as built:
        told = [built.search(reads).warnings, built.within(reads, 1).warnings, built.search(genes[:30]).warnings]
        longer = Sequences.from_arrays([np.tile(genes[row].data, 9) for row in range(3)], DNA)
        told.append(built.search(longer).warnings)
    said = [" ".join(each) for each in told]
    if distance == "infix":
        assert "much" not in "".join(said)
        return
    assert all("much shorter than what is stored (medians: 60 and " in each for each in said[:2])
    assert "--distance infix" in said[0]
    assert "much" not in said[2]
    assert "much longer" in said[3]
    assert "--distance overlap" in said[3]


def test_trees_of_overlaps_are_of_exact_distances(genes, tmp_path):
    with SequenceIndex.build(tmp_path / "genes.ss", genes[:8], distance="overlap") as built:
        assert len(built.cluster(exact=True).merges) == 7
        with pytest.raises(ParameterError, match="the vectors of an index of overlap predict no distance"):
            built.cluster()


def test_novelty_beside_known_parts(index, genes, reads):
    rng = np.random.default_rng(6)
    strange = Sequences.from_arrays([rng.integers(0, 4, 60).astype(np.uint8) for _ in range(5)], DNA)
    told = index.novelty(Sequences.concatenate([reads[:5], strange]), known=reads[5:], fpr=0.1)
    assert told.scores[:5].tolist() == [1.0] * 5
    assert (told.p_values[5:] < 0.1).all()


def test_contained_sequences_are_duplicates_of_what_contains_them(genes, reads):
    both = Sequences.concatenate([reads, genes])
    for radius, kept in ((0, 80), (1, 60)):
        found = duplicates(both, "infix", radius)
        assert len(found.kept) == kept
    assert found.representatives[:20].tolist() == list(range(20, 40))
    assert found.distances[:20].tolist() == [1.0] * 20
    # a read that two genes share joins none of them
    shared = Sequences.from_texts(["ACGTACGGT", "TTTTACGTACGGT", "ACGTACGGTCCCC", "TTTTACGTACGGT"], DNA)
    found = duplicates(shared, "infix")
    assert found.representatives.tolist() == [1, 1, 2, 1]
    assert (found.pairs, found.equal) == (2, 1)


@pytest.fixture(scope="module")
def partial_genes(genes):
    """(stored, asked): parts of the same genes that hang over each other, with some letters changed."""
    rng = np.random.default_rng(8)
    stored, asked = [], []
    for row in range(len(genes)):
        for _ in range(4):
            whole = genes[row].data
            part = whole[int(rng.integers(0, 60)) : len(whole) - int(rng.integers(0, 60))].copy()
            changed = rng.random(len(part)) < 0.04
            part[changed] = rng.integers(0, 4, int(changed.sum()))
            stored.append(part)
        asked.append(genes[row].data[int(rng.integers(0, 70)) :])
    return Sequences.from_arrays(stored, DNA), Sequences.from_arrays(asked[:30], DNA)


@pytest.fixture(scope="module")
def overlaps(partial_genes, tmp_path_factory):
    stored, asked = partial_genes
    place = tmp_path_factory.mktemp("overlaps") / "partial.ss"
    with SequenceIndex.build(place, stored, distance="overlap", queries=asked, recall=0.9) as built:
        yield built


def test_overlaps_have_candidates_by_what_sequences_share(overlaps, partial_genes):
    stored, asked = partial_genes
    truth = overlaps.search(asked, k=4, exact=True)
    found = overlaps.search(asked, k=4, candidates=20)
    assert found.budget == "20 candidates verified a query, as asked; recall not measured"
    assert (found.distances == truth.distances).mean() > 0.95
    # every distance is the true one
    expected = overlaps.distance.matrix(asked, stored)
    assert (np.take_along_axis(expected, found.rows, axis=1) == found.distances).all()
    assert overlaps.calibration.points
    assert max(point.recall for point in overlaps.calibration.points) > 0.95
    assert overlaps.calibration.lossless == ""
    with pytest.raises(ParameterError, match="none takes no effort, not lists"):
        overlaps.search(asked, candidates=20, lists=3)


def test_overlaps_of_what_is_allowed_and_of_both_strands(overlaps, partial_genes):
    stored, asked = partial_genes
    turned = overlaps.search(reverse_complement(asked), k=1, candidates=20, strand="both")
    assert turned.minus.all()
    np.testing.assert_array_equal(turned.distances, overlaps.search(asked, k=1, candidates=20).distances)
    few = overlaps.search(asked[:3], k=2, candidates=20, ids=[stored.ids[row] for row in range(120, 150)])
    assert ((few.rows >= 120) & (few.rows < 150)).all()


def test_overlaps_are_evaluated_budget_by_budget(overlaps, partial_genes):
    _, asked = partial_genes
    rows = overlaps.evaluate(asked[:10], k=8)
    assert [row.candidates for row in rows] == [10, 15, 20, 30, 50, 75, 100, 150, 200][: len(rows)]
    assert rows[-1].recall >= rows[0].recall > 0.5
    assert all(row.ef is None and row.lists is None for row in rows)


def test_an_older_index_without_a_curve_gets_one(partial_genes, tmp_path):
    stored, _ = partial_genes
    with SequenceIndex.build(tmp_path / "old.ss", stored[:80], distance="overlap") as built:
        kept = built.calibration.to_json() | {"points": [], "lossless": "overlap is the distance to a part"}
        with built._handle.writing() as writer:
            writer.put_document("calibration", kept)
    with SequenceIndex.open(tmp_path / "old.ss") as old:
        assert ": overlap is the distance to a part" in old.search(stored[:1]).budget
        old.calibrate(sample=40)
        assert old.calibration.points
        assert old.calibration.lossless == ""


def test_hits_in_the_order_of_identity(overlaps, partial_genes):
    stored, asked = partial_genes
    asked = asked[:3]
    paths = [[overlaps.distance.align(query, target) for target in stored] for query in asked]
    covered = np.array(
        [[path.coverage(len(q), len(t)) >= 0.6 for path, t in zip(line, stored, strict=True)]
         for line, q in zip(paths, asked, strict=True)]
    )  # fmt: skip
    identities = np.where(covered, [[path.identity for path in line] for line in paths], -1.0)
    expected = -np.sort(-identities, axis=1)[:, :3]
    for how in ({"candidates": 60}, {"exact": True}):
        found = overlaps.search(asked, k=3, sort_by="identity", min_coverage=0.6, **how)
        np.testing.assert_allclose(np.take_along_axis(identities, found.rows, axis=1), expected)
        np.testing.assert_allclose(np.reshape(found.columns(["identity"])["identity"], (3, 3)), expected)
        true = overlaps.distance.matrix(asked, stored)
        np.testing.assert_array_equal(np.take_along_axis(true, found.rows, axis=1), found.distances)
    # whatever covers less counts as well where nothing is asked
    free = overlaps.search(asked, k=3, sort_by="identity", candidates=60)
    assert (free.columns(["identity"])["identity"] >= expected.ravel() - 1e-9).all()
    turned = overlaps.search(
        reverse_complement(asked), k=3, sort_by="identity", min_coverage=0.6, candidates=60, strand="both"
    )
    assert turned.minus[:, 0].all()
    assert turned.rows[:, 0].tolist() == found.rows[:, 0].tolist()


def test_identity_by_the_paths_of_other_distances(index, reads, genes):
    found = index.search(reads[:3], k=2, sort_by="identity", min_coverage=0.9)
    assert found.rows[:, 0].tolist() == [0, 1, 2]
    assert found.distances[:, 0].tolist() == [1.0] * 3
    with pytest.raises(ParameterError, match="sort_by must be distance or identity, not 'length'"):
        index.search(reads, sort_by="length")
    with pytest.raises(ParameterError, match="min_coverage is of sort_by='identity'"):
        index.search(reads, min_coverage=0.5)
    with pytest.raises(ParameterError, match="min_coverage must be above 0 and at most 1, not 7"):
        index.search(reads, sort_by="identity", min_coverage=7)


def test_known_reads_turned_over_are_not_novel(index, genes):
    rng = np.random.default_rng(9)
    begins = rng.integers(0, 80, 50)
    reads = [genes[row].data[begin : begin + 60] for row, begin in enumerate(begins.tolist())]
    known = Sequences.from_arrays(reads[:40], DNA)
    turned = reverse_complement(Sequences.from_arrays(reads[40:43], DNA))
    alone, both = (index.novelty(turned, known=known, strand=strand, fpr=0.1) for strand in ("plus", "both"))
    assert alone.novel.all()
    assert not both.novel.any()
    assert both.scores.tolist() == [0.0] * 3


def test_members_of_overlaps_say_what_is_known(overlaps, partial_genes):
    rng = np.random.default_rng(3)
    _, asked = partial_genes
    strange = Sequences.from_arrays([rng.integers(0, 4, 180).astype(np.uint8) for _ in range(4)], DNA)
    told = overlaps.novelty(Sequences.concatenate([reverse_complement(asked[:4]), strange]), strand="both", fpr=0.05)
    assert told.novel.tolist() == [False] * 4 + [True] * 4
