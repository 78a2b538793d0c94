"""A distance and a candidate index of this file, registered by one line each, pass everything that an index does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, ann, distances, duplicates, write_fasta
from seqsearch.ann import CANDIDATE_INDEXES, CandidateIndex, Candidates
from seqsearch.arrays import AnyArray, BoolArray, DoubleArray, IntArray
from seqsearch.cli.main import run
from seqsearch.distances import DISTANCES, Distance, distance_named
from seqsearch.errors import StrPath
from seqsearch.sequences import DNA, Sequences
from tests.families import families


class Hamming(Distance):
    """Places that differ, plus `gap` for each by which the lengths do."""

    name = "toy-hamming"
    kind = "tokens"
    metric = True
    whole_numbers = True

    def __init__(self, gap: int = 1) -> None:
        self.gap = gap

    def parameters(self) -> dict[str, object]:
        return {"gap": self.gap}

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        self.require(a, b)
        both = zip(a_rows.tolist(), b_rows.tolist(), strict=True)
        return np.array([self._between(a[i].data, b[j].data) for i, j in both], float)

    def _between(self, x: AnyArray, y: AnyArray) -> int:
        both = min(len(x), len(y))
        return int((x[:both] != y[:both]).sum()) + self.gap * abs(len(x) - len(y))


class Sorted(CandidateIndex):
    """Keeps vectors in a dictionary and sorts all of them for every query."""

    kind = "toy-sorted"

    def __init__(self, *, geometry: str, dim: int, power: float = 2.0) -> None:
        self.dim, self.power = dim, power
        self.held: dict[int, AnyArray] = {}

    def add(self, rows: IntArray, vectors: AnyArray) -> None:
        self.held |= dict(zip(rows.tolist(), np.asarray(vectors, np.float64), strict=True))

    def remove(self, rows: IntArray) -> None:
        for row in rows.tolist():
            del self.held[row]

    def search(
        self, queries: AnyArray, count: int, *, effort: int | None = None, allowed: BoolArray | None = None
    ) -> Candidates:
        found = Candidates.none(len(queries), count)
        rows = [row for row in sorted(self.held) if allowed is None or (row < len(allowed) and allowed[row])]
        for at, query in enumerate(np.asarray(queries, np.float64)):
            away = [(float((abs(self.held[row] - query) ** self.power).sum()), row) for row in rows]
            for place, (distance, row) in enumerate(sorted(away)[:count]):
                found.rows[at, place], found.distances[at, place] = row, distance
        return found

    def __len__(self) -> int:
        return len(self.held)

    def rows(self) -> IntArray:
        return np.array(sorted(self.held), np.int64)

    def save(self, path: StrPath) -> None:
        raise AssertionError("it says that it is worth no snapshot")

    @classmethod
    def load(cls, path: StrPath) -> Sorted:
        raise AssertionError("it says that it is worth no snapshot")


distances.register(Hamming)
ann.register(Sorted)

STORED = families(25, 8, 30)
ASKED = families(25, 1, 30, seed=4, prefix="q")


@pytest.fixture(params=[("toy-hamming", "exact"), ("edit", "toy-sorted"), ("toy-hamming", "toy-sorted")])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SequenceIndex]:
    distance, kind = request.param
    more = {"distance_parameters": {"gap": 2}} if distance == "toy-hamming" else {}
    with SequenceIndex.build(tmp_path / "i.ss", STORED, distance=distance, index=kind, encoder="kmer", **more) as made:
        yield made


def oracle(index: SequenceIndex, queries: Sequences) -> DoubleArray:
    return index.distance.matrix(queries, index.sequences)


def test_everything_an_index_does(index: SequenceIndex) -> None:
    matrix = oracle(index, ASKED)
    np.testing.assert_array_equal(index.search(ASKED, 5, exact=True).distances, np.sort(matrix, axis=1)[:, :5])
    found = index.search(ASKED, 5, candidates=40)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(matrix, found.rows, axis=1))
    near = index.within(ASKED, 6.0)
    assert [len(hits) for hits in near] == (matrix <= 6).sum(axis=1).tolist()
    rows = index.evaluate(ASKED, 5)
    assert rows[-1].recall == 1
    verdicts = index.novelty(ASKED)
    np.testing.assert_array_equal(verdicts.scores, matrix.min(axis=1))
    assert index.info()["index"] in ("exact", "toy-sorted")
    index.add(ASKED[:5])
    index.remove(["s0", "s1"])
    index.update(STORED[5:6])
    assert (index.search(ASKED[:5], 1, candidates=20).distances == 0).all()
    index.compact()
    assert index.calibrate(sample=30).queries == 30
    assert index.verify().problems == []
    with SequenceIndex.open(index.path) as again:
        expected = index.search(ASKED, 4)
        found = again.search(ASKED, 4)
        assert (found.rows.tolist(), found.budget) == (expected.rows.tolist(), expected.budget)


def test_commands_know_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refs, asked, index = (tmp_path / name for name in ("refs.fasta", "asked.fasta", "i.ss"))
    write_fasta(refs, STORED)
    write_fasta(asked, ASKED)

    def lines(*arguments: object, code: int = 0) -> list[str]:
        capsys.readouterr()
        assert run([str(argument) for argument in arguments]) == code, capsys.readouterr().err
        return capsys.readouterr().out.splitlines()

    toys = ["--distance", "toy-hamming", "-D", "gap=3", "--index", "toy-sorted", "--encoder", "kmer"]
    lines("build", refs, "-o", index, *toys)
    assert len(lines("search", index, asked, "-k", 2)) == 51
    info = json.loads(lines("info", index, "--format", "json")[0])
    assert (info["distance"], info["distance_parameters"], info["index"]) == ("toy-hamming", {"gap": 3}, "toy-sorted")
    assert len(lines("truth", refs, asked, "-k", 3, "--distance", "toy-hamming")) == 76
    assert len(lines("evaluate", index, asked, "--format", "json")) > 1
    assert len(lines("novelty", index, asked)) == 26
    lines("search", index, asked, "--columns", "query,identity", code=2)
    assert lines("dedup", refs, "--within", 2, "--distance", "toy-hamming")
    lines("build", refs, "-o", tmp_path / "x.ss", "--distance", "toy-haming", code=2)


def test_duplicates_by_an_own_distance() -> None:
    texts = Sequences.from_texts(["ACGT", "ACGA", "TTTT", "ACGT", "ACGTA"], DNA)
    found = duplicates(texts, distance_named("toy-hamming"), 1.0)
    assert found.representatives.tolist() == [0, 0, 2, 0, 0]
    assert "toy-hamming" in DISTANCES
    assert "toy-sorted" in CANDIDATE_INDEXES
