"""One suite over whole indexes: tokens, series, binary codes of two kinds, and series of two kinds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqsearch import SequenceIndex, threads
from seqsearch.errors import (
    DuplicateIdError,
    EmptySequenceError,
    IndexExistsError,
    IndexLockedError,
    MismatchError,
    ParameterError,
    UnknownIdError,
)
from seqsearch.search import handle
from seqsearch.sequences import DNA, Sequences
from seqsearch.store import Store
from tests.families import families


@dataclass(frozen=True)
class Case:
    """How one kind of index is made, and sequences for it: stored, to be asked, and to be added."""

    name: str
    build: Callable[[Path], SequenceIndex]
    stored: Sequences
    asked: Sequences
    fresh: Sequences
    pairs: bool = False


def beats(count: int, seed: int, prefix: str) -> Sequences:
    """Waves of five shapes, shifted and noisy."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 6, 40)
    waves = [np.sin(times * (1 + k % 5) + rng.normal()) + 0.1 * rng.standard_normal(40) for k in range(count)]
    return Sequences.from_arrays(waves, ids=[f"{prefix}{k}" for k in range(count)])


def two_kinds(count: int, seed: int, prefix: str) -> tuple[Sequences, Sequences]:
    """States as one-hot steps, and what a random mixture makes of them."""
    rng, mixture = np.random.default_rng(seed), np.random.default_rng(99).standard_normal((5, 7))
    seen = [np.eye(5)[rng.integers(0, 5, 13).repeat(4)] for _ in range(count)]
    ids = [f"{prefix}{k}" for k in range(count)]
    other = [np.tanh(one @ mixture) + 0.1 * rng.standard_normal((52, 7)) for one in seen]
    return Sequences.from_arrays(seen, ids=ids), Sequences.from_arrays(other, ids=ids)


GENES, READS, MORE = (
    families(30, 6, 40),
    families(30, 1, 40, seed=3, prefix="q"),
    families(8, 1, 40, seed=5, prefix="new"),
)
BEATS, HEARD, LATER = beats(90, 0, "b"), beats(8, 1, "q"), beats(8, 2, "new")
SCORES, TAKES = two_kinds(24, 0, "s")
ASKED, _ = two_kinds(8, 1, "q")
_, FRESH = two_kinds(8, 1, "new")


def plain(stored: Sequences, **options: Any) -> Callable[[Path], SequenceIndex]:
    return lambda path: SequenceIndex.build(path, stored, recall=0.9, **options)


def towers(path: Path) -> SequenceIndex:
    return SequenceIndex.build_pairs(path, TAKES, SCORES, bits=16, dim=8, steps=20, most=0.5)


def points(count: int, seed: int, prefix: str) -> Sequences:
    """Vectors in clusters, of several lengths."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(98).standard_normal((9, 12))
    values = (centres[rng.integers(0, 9, count)] + 0.4 * rng.standard_normal((count, 12))) * rng.uniform(
        0.5, 1.5, (count, 1)
    )
    return Sequences.from_arrays(values, ids=[f"{prefix}{k}" for k in range(count)])


POINTS, WANTED, COMING = points(90, 0, "v"), points(8, 1, "q"), points(8, 2, "new")

CASES = [
    Case("tokens", plain(GENES, encoder="kmer", index="hnsw"), GENES, READS, MORE),
    Case("learned", plain(GENES, encoder="linear", effort="low", index="exact"), GENES, READS, MORE),
    Case("series", plain(BEATS, encoder="curve", distance="dtw"), BEATS, HEARD, LATER),
    Case("euclidean", plain(POINTS, distance="euclidean", index="hnsw"), POINTS, WANTED, COMING),
    Case("cosine", plain(POINTS, distance="cosine"), POINTS, WANTED, COMING),
    Case("inner-product", plain(POINTS, distance="inner-product", index="hnsw"), POINTS, WANTED, COMING),
    Case("bits16", plain(GENES, encoder="kmer", bits=16), GENES, READS, MORE),
    Case("bits64", plain(GENES, encoder="kmer", bits=64), GENES, READS, MORE),
    Case("pairs", towers, TAKES, ASKED, FRESH, pairs=True),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    case: Case = request.param
    path = tmp_path_factory.mktemp(case.name) / "i.ss"
    with threads.using(1):
        case.build(path).close()
    return case, path


@pytest.fixture
def case(made: tuple[Case, Path]) -> Case:
    return made[0]


@pytest.fixture
def path(made: tuple[Case, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "i.ss"))


def answers(index: SequenceIndex, queries: Sequences, k: int = 5, **asked: Any) -> list[list[tuple[str, float]]]:
    return [[(hit.id, hit.distance) for hit in hits] for hits in index.search(queries, k, **asked)]


def test_save_load_add_query(case: Case, path: Path) -> None:
    with SequenceIndex.open(path) as index:
        assert len(index) == len(case.stored)
        index.add(case.fresh)
        expected = answers(index, case.asked)
        assert all(len(hits) == 5 for hits in expected)
    with SequenceIndex.open(path) as index:
        assert len(index) == len(case.stored) + len(case.fresh)
        assert answers(index, case.asked) == expected
        assert list(index.sequences.ids) == [*case.stored.ids, *case.fresh.ids]
        assert index.verify().problems == []


def test_everything_is_found_by_comparing_with_everything(case: Case, path: Path) -> None:
    with SequenceIndex.open(path) as index:
        found = index.search(case.asked, len(case.stored), exact=True)
        assert (np.sort(found.rows, axis=1) == np.arange(len(case.stored))).all()
        assert (np.diff(found.distances, axis=1) >= 0).all()
        if not case.pairs:
            matrix = index.distance.matrix(case.asked, case.stored)
            np.testing.assert_array_equal(found.distances, np.take_along_axis(matrix, found.rows, axis=1))
            wide = index.search(case.asked, 5, candidates=len(case.stored))
            np.testing.assert_array_equal(wide.rows, found.rows[:, :5])


def test_removed_and_updated_records_are_never_answered_again(case: Case, path: Path) -> None:
    gone = list(case.stored.ids)[:4]
    with SequenceIndex.open(path) as index:
        index.remove(gone)
        for asked in ({}, {"exact": True}, {"candidates": 20}):
            assert not {hit for hits in answers(index, case.asked, 20, **asked) for hit, _ in hits} & set(gone)
        index.add(case.stored[:4])
        place = case.stored.ids[7]
        changed = case.fresh[:1]
        index.update(Sequences(changed.data, changed.offsets, case.stored.ids.take(np.array([7])), changed.alphabet))
        before = answers(index, case.asked, 10, exact=True)
        assert place in index
        index.compact()
        assert index.info()["deleted"] == 0
        assert answers(index, case.asked, 10, exact=True) == before
    with SequenceIndex.open(path) as index:
        assert answers(index, case.asked, 10, exact=True) == before
        assert index.verify().problems == []


def test_filters_hold(case: Case, path: Path) -> None:
    some = list(case.stored.ids)[3:9]
    with SequenceIndex.open(path) as index:
        for asked in ({}, {"exact": True}):
            found = answers(index, case.asked, 5, ids=some, **asked)
            assert all({hit for hit, _ in hits} <= set(some) for hits in found)
            assert all(len(hits) == 5 for hits in found)
        with pytest.raises(UnknownIdError, match="nobody"):
            index.search(case.asked, 5, ids=["nobody"])


def test_what_is_refused_changes_nothing(case: Case, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "PATIENCE", 0.01)
    other = Sequences.from_texts(["MKV"], "protein") if case.stored.alphabet else Sequences.from_texts(["ACGT"], DNA)
    with SequenceIndex.open(path) as index:
        before = answers(index, case.asked)
        with pytest.raises(DuplicateIdError, match=case.stored.ids[2]):
            index.add(case.stored[2:4])
        with pytest.raises(UnknownIdError, match="nobody"):
            index.remove([case.stored.ids[0], "nobody"])
        with pytest.raises(UnknownIdError, match=case.fresh.ids[0]):
            index.update(case.fresh)
        for change in (index.add, index.search):
            with pytest.raises((MismatchError, EmptySequenceError)):
                change(other)
        with pytest.raises(ParameterError, match="k must be at least 1, not 0"):
            index.search(case.asked, 0)
        with Store.open(path, write=True), pytest.raises(IndexLockedError):
            index.add(case.fresh)
        assert len(index) == len(case.stored)
        assert answers(index, case.asked) == before
        with pytest.raises(IndexExistsError, match=r"i\.ss"):
            case.build(path)


def test_another_handle_sees_changes_when_it_asks(case: Case, path: Path) -> None:
    with SequenceIndex.open(path) as writer, SequenceIndex.open(path) as reader:
        before = answers(reader, case.asked)
        writer.add(case.fresh)
        writer.remove(list(case.stored.ids)[:2])
        assert answers(reader, case.asked) == before
        assert reader.refresh()
        assert answers(reader, case.asked) == answers(writer, case.asked)
        writer.compact()
        assert reader.refresh()
        assert answers(reader, case.asked) == answers(writer, case.asked)
        assert not reader.refresh()


def test_what_it_says_of_itself_is_json(case: Case, path: Path) -> None:
    with SequenceIndex.open(path) as index:
        info = json.loads(json.dumps(index.info()))
        keys = {"sequences", "distance", "encoder", "geometry", "dim", "bits", "index", "format_version", "bytes"}
        assert keys | {"calibration"} <= info.keys()
        assert info["format_version"] == (2 if case.pairs else 1)
        assert json.loads(json.dumps(index.verify().to_json()))["ok"]
        budget, reason = index.budget(5)
        found = index.search(case.asked, 5)
        assert "; ".join((found.budget, *found.how.cautions)) == reason
        assert (budget is None) == reason.startswith("compared with everything")


def test_one_seed_gives_one_index(case: Case, path: Path, tmp_path: Path) -> None:
    with threads.using(1):
        case.build(tmp_path / "again.ss").close()

    def content(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert content(tmp_path / "again.ss") == content(path)
