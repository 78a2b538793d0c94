"""One suite over every kind of candidate index and every geometry or number of bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from seqsearch import extras, geometry, hashing, threads
from seqsearch.ann import (
    CANDIDATE_INDEXES,
    CandidateIndex,
    Candidates,
    FlatIndex,
    auto_kind,
    load_index,
    make_index,
    parameters_for,
    register,
)
from seqsearch.ann.rows import ROW_LIMIT
from seqsearch.errors import MismatchError, NotAnIndexError, ParameterError, UnknownIdError


@dataclass(frozen=True)
class Case:
    kind: str
    geometry: str | None = None
    bits: int | None = None
    parameters: tuple[tuple[str, object], ...] = ()
    recall: float = 1.0
    taught: bool = False  # learns from vectors like those to come before there are any
    without: str = ""  # a library that is not there, though the kind would use it

    def __str__(self) -> str:
        return "-".join(
            str(part)
            for part in (
                self.kind,
                self.geometry,
                self.bits,
                *dict(self.parameters).values(),
                "taught" * self.taught,
                self.without and f"without {self.without}",
            )
            if part
        )

    @property
    def dim(self) -> int | None:
        return 8 if self.bits is None else None

    def make(self, **more: object) -> CandidateIndex:
        parameters = dict(self.parameters) | more
        index = make_index(
            self.kind, geometry=self.geometry, dim=self.dim, bits=self.bits, parameters=parameters, seed=3
        )
        if self.taught:
            index.train(self.data(1000, seed=50))
        return index

    @property
    def estimates(self) -> bool:
        """Whether distances of answers are not the true ones."""
        return CANDIDATE_INDEXES[self.kind].estimates

    def data(self, count: int, seed: int = 0) -> np.ndarray:
        """Clustered vectors or codes, one in eight a copy of another."""
        rng = np.random.default_rng(seed)
        if self.bits is not None:
            centres = np.random.default_rng(99).random((20, self.bits)) < 0.5
            items = hashing.pack(centres[rng.integers(20, size=count)] ^ (rng.random((count, self.bits)) < 0.2))
        else:
            centres = np.random.default_rng(99).normal(size=(20, 8)) * 0.15
            items = (centres[rng.integers(20, size=count)] + 0.05 * rng.normal(size=(count, 8))).astype(np.float32)
        copies = rng.random(count) < 0.125
        items[copies] = items[rng.integers(count, size=int(copies.sum()))]
        return items

    def truth(self, queries: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(Q, n) distances by the slow functions."""
        if self.bits is not None:
            return hashing.hamming_matrix(queries, items).astype(np.float64)
        assert self.geometry is not None
        return geometry.matrix(self.geometry, queries, items)


CASES = [
    *(Case("exact", name) for name in geometry.GEOMETRIES),
    *(Case("hnsw", name, recall=0.97) for name in geometry.GEOMETRIES),
    Case("hnsw", "cosine", parameters=(("product", True),), recall=0.97),
    *(Case("ivf", name, recall=0.3) for name in geometry.GEOMETRIES),
    *(
        Case("ivf", name, parameters=(("bits", bits),), recall=recall, taught=True)
        for name in geometry.GEOMETRIES
        for bits, recall in ((4, 0.3), (8, 0.85), (None, 0.85))
    ),
    Case("hnsw", "euclidean", recall=0.97, without="hnswlib"),
    Case("hnsw", "cosine", parameters=(("product", True),), recall=0.97, without="hnswlib"),
    Case("hnsw", "hyperbolic", recall=0.97, without="hnswlib"),
    *(
        Case("ivf", "euclidean", parameters=(("bits", bits),), recall=recall, taught=True, without="faiss")
        for bits, recall in ((2, 0.0), (4, 0.3), (8, 0.85), (None, 0.85))
    ),
    Case("ivf", "hyperbolic", recall=0.3, without="faiss"),
    Case("ivf", "euclidean", parameters=(("bits", 2),), recall=0.0, taught=True),
    Case("ivf", "hyperbolic", parameters=(("bits", 1),), recall=0.0, taught=True),
    *(Case("hamming", bits=bits) for bits in (8, 16, 32, 64, 72, 128, 256, 1024)),
]
every = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(autouse=True)
def hidden(request: pytest.FixtureRequest) -> Iterator[None]:
    """The library that a case does without."""
    called = getattr(request.node, "callspec", None)
    case = None if called is None else called.params.get("case")
    with extras.without(*([case.without] if case is not None and case.without else [])):
        yield


class Oracle:
    """A dict, and all distances each time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.items: dict[int, np.ndarray] = {}

    def add(self, rows: np.ndarray, items: np.ndarray) -> None:
        self.items.update(zip(rows.tolist(), items, strict=True))

    def remove(self, rows: np.ndarray) -> None:
        for row in rows.tolist():
            del self.items[row]

    def check(self, found: Candidates, queries: np.ndarray, count: int, allowed: np.ndarray | None = None) -> float:
        """Assert all that must hold of any answer; the recall."""
        rows = np.array(
            [r for r in sorted(self.items) if allowed is None or (r < len(allowed) and allowed[r])], dtype=np.int64
        )
        assert found.rows.shape == found.distances.shape == (len(queries), count)
        assert found.rows.dtype == np.int64
        assert found.distances.dtype == np.float32
        matching = min(count, len(rows))
        assert ((found.rows >= 0).sum(axis=1) == matching).all()
        assert (found.rows[:, matching:] == -1).all()
        assert np.isinf(found.distances[:, matching:]).all()
        if not matching:
            return 1.0
        truth = self.case.truth(queries, np.stack([self.items[r] for r in rows.tolist()]))
        hits, good = found.rows[:, :matching], 0
        for q in range(len(queries)):
            assert len(set(hits[q].tolist())) == matching
            assert np.isin(hits[q], rows).all()
            own = found.distances[q, :matching]
            true = truth[q, np.searchsorted(rows, hits[q])]
            if not self.case.estimates:
                np.testing.assert_allclose(own, true, rtol=2e-3, atol=2e-6)
            assert (np.diff(own) >= 0).all()
            assert (np.diff(hits[q])[np.diff(own) == 0] > 0).all()
            last = np.sort(truth[q])[matching - 1]
            good += int((true <= last * (1 + 1e-5) + 1e-6).sum())
        return good / (matching * len(queries))


@every
def test_build_save_load_add_remove_search(case: Case, tmp_path: Path) -> None:
    items, queries = case.data(3000), np.concatenate([case.data(30, seed=1), case.data(3000)[:10]])
    index, oracle = case.make(), Oracle(case)
    rows = np.arange(3000)
    for part in (slice(0, 2000), slice(2000, 2500)):
        index.add(rows[part], items[part])
        oracle.add(rows[part], items[part])
    index.health(sample=100)
    index.save(tmp_path / "index")
    index = load_index(tmp_path / "index")
    assert (index.kind, len(index)) == (case.kind, 2500)
    index.add(rows[2500:], items[2500:])
    oracle.add(rows[2500:], items[2500:])
    gone = np.random.default_rng(2).choice(3000, 700, replace=False)
    index.remove(gone)
    oracle.remove(gone)
    index.add(gone[:100], items[gone[:100]])
    oracle.add(gone[:100], items[gone[:100]])
    np.testing.assert_array_equal(index.rows(), sorted(oracle.items))
    for count in (1, 10, 100):
        assert oracle.check(index.search(queries, count), queries, count) >= case.recall
    index.save(tmp_path / "index")
    again = load_index(tmp_path / "index").search(queries, 10)
    before = index.search(queries, 10)
    np.testing.assert_array_equal(again.rows, before.rows)
    np.testing.assert_array_equal(again.distances, before.distances)


@every
def test_filters_give_exactly_the_matching_ones(case: Case) -> None:
    items, queries = case.data(5000), case.data(20, seed=1)
    index, oracle = case.make(), Oracle(case)
    index.add(np.arange(5000), items)
    oracle.add(np.arange(5000), items)
    rng = np.random.default_rng(5)
    masks = [rng.random(5000) < part for part in (0.001, 0.3, 0.7, 0.999)]
    far = np.zeros(5000, dtype=np.bool_)
    far[np.argsort(case.truth(queries, items).mean(axis=0))[-2400:]] = True
    for allowed in [*masks, far, np.zeros(0, np.bool_), np.ones(70, np.bool_), np.ones(9999, np.bool_)]:
        for count in (1, 10, 300):
            recall = oracle.check(index.search(queries, count, allowed=allowed), queries, count, allowed)
            assert recall >= case.recall


@every
def test_ten_thousand_copies_of_one_vector(case: Case) -> None:
    one, others = case.data(1), case.data(200, seed=7)
    index, oracle = case.make(), Oracle(case)
    for start in range(0, 10_000, 2500):
        index.add(np.arange(start, start + 2500), np.repeat(one, 2500, axis=0))
    oracle.add(np.arange(10_000), np.repeat(one, 10_000, axis=0))
    for count in (10, 10_000, 10_001):
        found = index.search(one, count)
        wanted = min(count, 10_000)
        assert found.rows[0, :wanted].tolist() == list(range(wanted))
        assert (found.rows[0, wanted:] == -1).all()
    index.remove(np.arange(0, 10_000, 2))
    index.add(np.arange(20_000, 20_200), others)
    assert index.search(one, 100).rows[0].tolist() == list(range(1, 200, 2))
    oracle.remove(np.arange(0, 10_000, 2))
    oracle.add(np.arange(20_000, 20_200), others)
    assert oracle.check(index.search(others[:20], 150), others[:20], 150) >= case.recall


@every
def test_empty_all_removed_and_more_than_there_are(case: Case, tmp_path: Path) -> None:
    items = case.data(50)
    index, oracle = case.make(), Oracle(case)
    assert index.health()["rows"] == 0
    oracle.check(index.search(items[:3], 4), items[:3], 4)
    assert index.search(items[:0], 4).rows.shape == (0, 4)
    index.add(np.zeros(0, np.int64), items[:0])
    index.save(tmp_path / "empty")
    index = load_index(tmp_path / "empty")
    assert len(index) == 0
    index.add(np.arange(50), items)
    oracle.add(np.arange(50), items)
    assert oracle.check(index.search(items[:3], 80), items[:3], 80) == 1
    index.remove(np.arange(50))
    oracle.remove(np.arange(50))
    assert len(index) == 0
    oracle.check(index.search(items[:3], 4), items[:3], 4)
    index.save(tmp_path / "removed")
    index = load_index(tmp_path / "removed")
    index.add(np.arange(20), items[:20])
    oracle.add(np.arange(20), items[:20])
    assert oracle.check(index.search(items[:3], 30), items[:3], 30) == 1


@every
def test_wrong_calls_say_why_and_change_nothing(case: Case) -> None:
    items = case.data(20)
    index = case.make()
    index.add(np.arange(10), items[:10])
    for rows, match in (
        ([3, 12], "row 3 is already in the index"),
        ([12, 12], "row 12 is given twice"),
        ([-1, 12], "row -1 is outside 0"),
        ([12, ROW_LIMIT], f"row {ROW_LIMIT} is outside 0"),
    ):
        with pytest.raises(ParameterError, match=match):
            index.add(np.array(rows), items[10:12])
    with pytest.raises(MismatchError, match="rows are whole numbers"):
        index.add(np.array([0.5]), items[:1])
    with pytest.raises((MismatchError, ParameterError), match="2 rows come with 3"):
        index.add(np.array([11, 12]), items[:3])
    with pytest.raises(MismatchError, match="shape"):
        index.add(np.array([11]), items[:1, :-1])
    with pytest.raises(MismatchError, match="shape"):
        index.search(items[:1, :-1], 3)
    with pytest.raises(ParameterError, match="at least 1 candidate"):
        index.search(items, 0)
    with pytest.raises(UnknownIdError, match="row 77 is not in the index"):
        index.remove(np.array([1, 77]))
    if case.bits is None:
        bad = items[:2].copy()
        bad[1, 3] = np.nan
        with pytest.raises(ParameterError, match="vector 1 has a NaN or an infinite value"):
            index.add(np.array([11, 12]), bad)
        with pytest.raises(ParameterError, match="vector 1 has a NaN"):
            index.search(bad, 1)
    if case.geometry == "hyperbolic":
        with pytest.raises(ParameterError, match=r"vector 0 has norm 1.41421356.*norms below 1"):
            index.add(np.array([11]), np.eye(8, dtype=np.float32)[:1] + np.eye(8, dtype=np.float32)[1:2])
    assert index.rows().tolist() == list(range(10))
    if not case.estimates:
        assert (index.search(items[:10], 1).distances[:, 0] < 1e-3).all()


@every
def test_one_thread_and_one_seed_give_the_same_bytes(case: Case, tmp_path: Path) -> None:
    items = case.data(1500)
    with threads.using(1):
        for name in ("a", "b"):
            index = case.make()
            index.add(np.arange(1000), items[:1000])
            index.add(np.arange(1000, 1500), items[1000:])
            index.remove(np.arange(0, 1500, 3))
            index.health(sample=50)
            index.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


@every
def test_threads_do_not_change_an_answer(case: Case) -> None:
    items, queries = case.data(3000), case.data(40, seed=1)
    with threads.using(1):
        index = case.make()
        index.add(np.arange(3000), items)
        alone = index.search(queries, 20)
    together = index.search(queries, 20)
    one_by_one = [index.search(queries[q : q + 1], 20) for q in range(40)]
    np.testing.assert_array_equal(alone.rows, together.rows)
    np.testing.assert_array_equal(alone.rows, np.concatenate([found.rows for found in one_by_one]))


@every
def test_health_is_plain_data(case: Case) -> None:
    import json

    index = case.make()
    index.add(np.arange(500), case.data(500))
    report = json.loads(json.dumps(index.health(sample=50)))
    assert report["kind"] == case.kind
    assert report["rows"] == 500
    assert report["recall"] >= case.recall
    assert case.kind in repr(index).lower().replace("index", "")


def test_the_factory_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no index kind 'lsh': choose one of exact, hnsw, ivf, hamming"):
        make_index("lsh", geometry="euclidean", dim=3)
    with pytest.raises(ParameterError, match="needs geometry and dim, and dim is None"):
        make_index("exact", geometry="euclidean")
    with pytest.raises(ParameterError, match="needs bits, and geometry is 'cosine'"):
        make_index("hamming", bits=16, geometry="cosine")
    with pytest.raises(ParameterError, match="an index of kind 'hnsw' has no parameter 'efsearch': choose one of"):
        make_index("hnsw", geometry="euclidean", dim=3, parameters={"efsearch": 3})
    with pytest.raises(ParameterError, match="m is a whole number from 2 to 511, not 1"):
        make_index("hnsw", geometry="euclidean", dim=3, parameters={"m": 1})
    with pytest.raises(ParameterError, match="target is a recall from 0 to 1, not 2"):
        make_index("hnsw", geometry="euclidean", dim=3, parameters={"target": 2})
    with pytest.raises(ParameterError, match="product is True or False, and True only of cosine geometry"):
        make_index("hnsw", geometry="euclidean", dim=3, parameters={"product": True})
    with pytest.raises(ParameterError, match="bits is a multiple of 8 from 8 to 1024, not 12"):
        make_index("hamming", bits=12)
    with pytest.raises(NotAnIndexError, match="there is no file at"):
        load_index(tmp_path / "nothing")


class ToyIndex(FlatIndex):
    """All distances by the slow function, in a dictionary: what somebody else would write."""

    kind = "toy"

    def __init__(self, *, geometry: str, dim: int, unit: float = 1.0) -> None:
        self.geometry, self.dim, self.unit = geometry, dim, unit
        self.items: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.items)

    def rows(self) -> np.ndarray:
        return np.array(sorted(self.items), dtype=np.int64)

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        self.items.update(zip(rows.tolist(), vectors, strict=True))

    def remove(self, rows: np.ndarray) -> None:
        for row in rows.tolist():
            del self.items[row]

    def search(
        self, queries: np.ndarray, count: int, *, effort: int | None = None, allowed: np.ndarray | None = None
    ) -> Candidates:
        found = Candidates.none(len(queries), count)
        rows = np.array([r for r in self.rows() if allowed is None or (r < len(allowed) and allowed[r])], np.int64)
        distances = geometry.matrix(self.geometry, queries, np.stack([self.items[r] for r in rows.tolist()]))
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        found.rows[:, : len(rows)] = rows[order]
        found.distances[:, : len(rows)] = np.take_along_axis(distances, order, axis=1)
        return found

    def contents(self) -> tuple[dict[str, object], np.ndarray, np.ndarray]:
        vectors = np.stack([self.items[row] for row in self.rows().tolist()])
        return {"geometry": self.geometry, "dim": self.dim}, self.rows(), vectors


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case of a kind that is in the table during one test."""
    monkeypatch.setattr(CANDIDATE_INDEXES, "_members", dict(CANDIDATE_INDEXES))
    register(ToyIndex)
    return Case("toy", "manhattan")


def test_a_kind_from_elsewhere_is_made_and_loaded_like_any(toy: Case, tmp_path: Path) -> None:
    items, queries = toy.data(100), toy.data(10, seed=1)
    index, oracle = make_index("toy", geometry="manhattan", dim=8, parameters={"unit": 2.0}), Oracle(toy)
    assert index.unit == 2.0
    index.add(np.arange(100), items)
    oracle.add(np.arange(100), items)
    index.remove(np.arange(0, 100, 9))
    oracle.remove(np.arange(0, 100, 9))
    index.save(tmp_path / "index")
    index = load_index(tmp_path / "index")
    assert oracle.check(index.search(queries, 5), queries, 5) == 1
    assert index.health()["recall"] == 1.0
    assert parameters_for("toy", 10**6, {"unit": 3.0}) == {"unit": 3.0}
    with pytest.raises(ParameterError, match="does not count rows by distance"):
        index.distance_counts(queries)
    with pytest.raises(ParameterError, match="an index of kind 'toy' has no parameter 'ef'"):
        make_index("toy", geometry="manhattan", dim=8, parameters={"ef": 3})


def test_what_the_kinds_can_and_which_suits() -> None:
    ours = {name: kind for name, kind in CANDIDATE_INDEXES.items() if kind.__module__.startswith("seqsearch.")}
    able = {name: (k.takes_effort, k.needs_bits, k.has_snapshot) for name, k in ours.items()}
    searched = (True, False, True)
    assert able == {"exact": (False,) * 3, "hnsw": searched, "ivf": searched, "hamming": (False, True, False)}
    efforts = {name: (k.effort, k.estimates, k.keeps_changes) for name, k in ours.items() if k.takes_effort}
    assert efforts == {"hnsw": ("ef", False, False), "ivf": ("lists", True, True)}
    assert CANDIDATE_INDEXES["hnsw"].library.startswith("hnswlib ")
    assert [auto_kind(4999), auto_kind(5000), auto_kind(10, bits=16)] == ["exact", "ivf", "hamming"]
    assert parameters_for("hnsw", 200_000, {"m": 8}) == {"ef_construction": 400, "m": 8}
    assert parameters_for("hnsw", 199_999) == {} == parameters_for("exact", 10**7)
    assert make_index("hamming", bits=16).counts_by_distance
    assert not make_index("hamming", bits=32).counts_by_distance
