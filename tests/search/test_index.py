from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, threads
from seqsearch.distances import EditDistance
from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    IndexExistsError,
    MismatchError,
    NotAnIndexError,
    ParameterError,
    UnknownIdError,
)
from seqsearch.search import Budget
from seqsearch.search.options import BuildOptions
from seqsearch.sequences import DNA, PROTEIN, TEXT, Sequences
from tests.families import families

KINDS = [("exact", None), ("hnsw", None), ("hamming", 64)]


@pytest.fixture(scope="module")
def references() -> Sequences:
    everything = families(60, 12, 60)
    return everything[np.arange(720) % 12 < 10]


@pytest.fixture(scope="module")
def queries() -> Sequences:
    everything = families(60, 12, 60, prefix="q")
    return everything[np.arange(720) % 12 == 10]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind[0])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, references: Sequences) -> Path:
    kind, bits = request.param
    path = tmp_path_factory.mktemp(kind) / "refs.ss"
    with SequenceIndex.build(path, references, encoder="kmer", index=kind, bits=bits, recall=0.9):
        return path


def test_hits_carry_their_exact_distance(built: Path, references: Sequences, queries: Sequences) -> None:
    with SequenceIndex.open(built) as index:
        results = index.search(queries, k=5)
    texts = dict(zip(references.ids, references, strict=True))
    distance = EditDistance()
    for query, hits in zip(queries, results, strict=True):
        assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
        for hit in hits:
            pair = Sequences.from_arrays([query.data, texts[hit.id].data], DNA)
            assert distance.matrix(pair, pair)[0, 1] == hit.distance


def test_exact_search_equals_brute_force(built: Path, references: Sequences, queries: Sequences) -> None:
    matrix = EditDistance().matrix(queries, references)
    with SequenceIndex.open(built) as index:
        results = index.search(queries, k=7, exact=True)
    order = np.lexsort((np.broadcast_to(np.arange(len(references)), matrix.shape), matrix), axis=1)[:, :7]
    np.testing.assert_array_equal(results.rows, order)
    np.testing.assert_array_equal(results.distances, np.take_along_axis(matrix, order, axis=1))


def test_the_recall_asked_for_is_delivered(built: Path, queries: Sequences) -> None:
    with SequenceIndex.open(built) as index:
        budget, _ = index.budget(10)
        rows = index.evaluate(queries, 10, budgets=[budget or Budget(600)])
    assert rows[0].recall >= 0.88
    assert rows[0].recall == pytest.approx(rows[0].candidate_recall)


def test_add_and_remove_are_seen_at_once_and_after_reopening(
    tmp_path: Path, references: Sequences, queries: Sequences
) -> None:
    path = tmp_path / "refs.ss"
    with SequenceIndex.build(path, references, encoder="kmer", index="hnsw") as index:
        index.search(queries[:1], exact=True)
        index.add(queries[:10])
        assert len(index) == len(references) + 10
        assert [hits[0].distance for hits in index.search(queries[:10], k=1)] == [0] * 10
        assert [hits[0].distance for hits in index.search(queries[:10], k=1, exact=True)] == [0] * 10
        index.remove(["q10", "q22"])
        assert "q10" not in index
        assert "q10" not in {hit.id for hit in index.search(queries[:1], k=3, exact=True)[0]}
    with SequenceIndex.open(path) as index:
        assert len(index) == len(references) + 8
        hits = index.search(queries[:3], k=3, exact=True)
        assert "q34" in {hit.id for hit in hits[2]}
        assert "q10" not in {hit.id for hit in hits[0]}


def test_nothing_changes_when_an_add_or_remove_is_refused(tmp_path: Path, references: Sequences) -> None:
    with SequenceIndex.build(tmp_path / "refs.ss", references[:100], encoder="kmer") as index:
        with pytest.raises(DuplicateIdError, match="s7"):
            index.add(references[7:9])
        with pytest.raises(UnknownIdError, match="nobody"):
            index.remove(["s1", "nobody"])
        with pytest.raises(MismatchError, match="the model reads dna, the data are protein"):
            index.add(Sequences.from_texts(["MKV"], PROTEIN, ["p"]))
        assert len(index) == 100
        assert "s1" in index


def test_filters_give_exactly_what_matches(tmp_path: Path) -> None:
    texts = ["ACGTACGTAC", "ACGTACGTAA", "TTTTTTTTTT", "ACGTACGTCC", "GGGGGGGGGG"] * 30
    labels = (["a"] * 5 + ["b"] * 5) * 15
    refs = Sequences.from_texts(texts, DNA, [f"r{i}" for i in range(150)], labels)
    query = Sequences.from_texts(["ACGTACGTAC"], DNA)
    with SequenceIndex.build(tmp_path / "i.ss", refs, encoder="kmer", index="hnsw") as index:
        results = index.search(query, k=20, where={"label": "b"}, candidates=20)
        assert len(results[0]) == 20
        assert all(labels[row] == "b" for row in results.rows[0])
        only = index.search(query, k=10, ids=["r2", "r4", "r9"])[0]
        assert {hit.id for hit in only} == {"r2", "r4", "r9"}
        with pytest.raises(ParameterError, match="there is no column 'colour'"):
            index.search(query, where={"colour": "red"})


def test_tiny_and_odd_indexes(tmp_path: Path) -> None:
    one = Sequences.from_texts(["ACGT"], DNA, ["only"])
    with SequenceIndex.build(tmp_path / "one.ss", one) as index:
        hits = index.search(Sequences.from_texts(["ACGA", "AC" * 300], DNA), k=5)
        assert [[hit.id for hit in query] for query in hits] == [["only"], ["only"]]
        assert hits[0][0].distance == 1
        index.remove(["only"])
        assert len(index.search(one, k=3)[0]) == 0
        index.add(one)
        assert index.search(one, k=3)[0][0].id == "only"
    names = Sequences.from_texts(["Zürich", "Zurich", "München", "Muenchen", "東京"], TEXT)
    with SequenceIndex.build(tmp_path / "names.ss", names) as index:
        assert [hit.distance for hit in index.search(names[:1], k=2)[0]] == [0, 1]


def test_bad_requests(tmp_path: Path, references: Sequences, queries: Sequences) -> None:
    path = tmp_path / "refs.ss"
    with pytest.raises(EmptyInputError, match="no sequence"):
        SequenceIndex.build(path, references[:0])
    assert not list(tmp_path.iterdir())
    with SequenceIndex.build(path, references[:100], encoder="kmer") as index:
        for arguments, problem in [
            ({"k": 0}, "k must be at least 1, not 0"),
            ({"recall": 1.5}, "recall must be above 0 and at most 1, not 1.5"),
            ({"recall": 0.9, "exact": True}, "exclude each other"),
            ({"candidates": 0}, "at least 1"),
        ]:
            with pytest.raises(ParameterError, match=problem):
                index.search(queries[:1], **arguments)  # type: ignore[arg-type]
    with pytest.raises(IndexExistsError, match="refs.ss"):
        SequenceIndex.build(path, references[:100], encoder="kmer")
    with pytest.raises(ParameterError, match="build has no parameter 'recal': choose one of distance, "):
        SequenceIndex.build(tmp_path / "x.ss", references, recal=0.9)
    with pytest.raises(NotAnIndexError, match=r"nowhere\.ss"):
        SequenceIndex.open(tmp_path / "nowhere.ss")


def test_one_seed_gives_one_index(tmp_path: Path, references: Sequences) -> None:
    with threads.using(1):
        for name in ("a", "b"):
            SequenceIndex.build(tmp_path / name, references, encoder="auto", effort="low", index="hnsw").close()
    a, b = (sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) for name in ("a", "b"))
    assert [p.relative_to(tmp_path / "a") for p in a] == [p.relative_to(tmp_path / "b") for p in b]
    differing = [p.name for p, q in zip(a, b, strict=True) if p.read_bytes() != q.read_bytes()]
    assert not differing


def test_a_large_calibration_change_is_stale(tmp_path: Path, references: Sequences) -> None:
    with SequenceIndex.build(tmp_path / "refs.ss", references[:400], encoder="kmer") as index:
        assert not index.info()["calibration"]["stale"]
        index.add(references[400:])
        assert index.info()["calibration"]["stale"]
        assert "changed by more than a fifth" in index.budget(10)[1]


def test_bits_a_dimension_are_those_that_a_kind_can_keep() -> None:
    assert BuildOptions(index="ivf").parameters_for(10_000).get("bits", 4) == 4
    assert BuildOptions(index="ivf", compress=2).parameters_for(10_000)["bits"] == 2
    assert BuildOptions(index="ivf", compress="none").parameters_for(10_000)["bits"] is None
    assert BuildOptions(compress=2).kind_for(100) == "ivf", "who asks for compression gets what compresses"
    assert "bits" not in BuildOptions(index="hnsw", compress="none").parameters_for(10_000)
    with pytest.raises(ParameterError, match=r"compress must be auto, none or bits a dimension \(1, 2, 4, 8\), not 3"):
        BuildOptions(compress=3)
    with pytest.raises(ParameterError, match="of kind 'hnsw' keeps points as they are: 'ivf' compresses them"):
        BuildOptions(index="hnsw", compress=4)
    with pytest.raises(ParameterError, match="a binary code of bits has nothing to compress"):
        BuildOptions(bits=16, compress=4)


def test_compressed_lists_suit_what_is_not_small() -> None:
    assert [BuildOptions().kind_for(size) for size in (4_999, 5_000, 10**7)] == ["exact", "ivf", "ivf"]
    assert BuildOptions(bits=64).kind_for(10**7) == "hamming"
    lists = [BuildOptions().parameters_for(size)["lists"] for size in (5_000, 10**5, 10**7)]
    assert lists == sorted(lists)
    assert BuildOptions(index_parameters={"lists": 7}).parameters_for(10**5)["lists"] == 7


def test_a_large_graph_is_built_with_care_unless_told_otherwise() -> None:
    assert BuildOptions(index="hnsw").parameters_for(199_999) == {}
    assert BuildOptions(index="hnsw").parameters_for(200_000) == {"ef_construction": 400}
    assert BuildOptions(index="exact").parameters_for(10**6) == {}
    asked = BuildOptions(index="hnsw", index_parameters={"m": 8, "ef_construction": 100})
    assert asked.parameters_for(10**6) == {"m": 8, "ef_construction": 100}
