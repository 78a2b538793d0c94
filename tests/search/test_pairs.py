"""Two modalities matched: a small task that must be learned, files, and errors."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, threads
from seqsearch.distances import HashDTW, MatchingDTW
from seqsearch.encoders.pair import TowerPair
from seqsearch.encoders.towers import HashTower
from seqsearch.errors import IndexExistsError, MismatchError, ParameterError
from seqsearch.hashing import unpack
from seqsearch.learning.towers import TowerPlan, train_towers
from seqsearch.search.encoding import TwoTowers, load_encoder
from seqsearch.search.pairs import PairOptions
from seqsearch.search.pairs.aligning import aligned, paired
from seqsearch.sequences import Sequences
from seqsearch.store import Store

STATES, OTHER = 5, 7
SMALL = {"bits": 16, "dim": 16, "steps": 80, "most": 0.5, "seed": 1}


def task(count: int, seed: int, *, same_features: bool = False) -> tuple[Sequences, Sequences]:
    """Walks through hidden states, seen as one-hot vectors on one side and through a random mixture on the other.

    Each walk prefers two states of its own, so that the whole tells something too.
    """
    rng = np.random.default_rng(seed)
    mixture = np.random.default_rng(99).standard_normal((STATES, OTHER))
    left, right = [], []
    for _ in range(count):
        steps = int(rng.integers(48, 64))
        liked = np.full(STATES, 0.1)
        liked[rng.choice(STATES, 2, replace=False)] += 0.25
        states = rng.choice(STATES, steps // 4 + 1, p=liked / liked.sum()).repeat(4)[:steps]
        seen = np.eye(STATES)[states]
        left.append(seen + 0.1 * rng.standard_normal(seen.shape))
        other = seen if same_features else np.tanh(seen @ mixture)
        right.append(other + 0.2 * rng.standard_normal(other.shape))
    return Sequences.from_arrays(left), Sequences.from_arrays(right)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices are not worth a second thread."""
    with threads.using(1):
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pairs") / "walks.ss"
    with threads.using(1):
        queries, entries = task(40, 0)
        SequenceIndex.build_pairs(place, entries, queries, **SMALL).close()
    return place


@pytest.fixture(scope="module")
def towers(path: Path) -> TwoTowers:
    with Store.open(path) as store:
        encoder = load_encoder(store)
    assert isinstance(encoder, TwoTowers)
    return encoder


def named(sequences: Sequences, prefix: str) -> Sequences:
    return Sequences.from_arrays([s.data for s in sequences], ids=[f"{prefix}{i}" for i in range(len(sequences))])


def test_a_cross_modal_task_is_learned(path: Path, tmp_path: Path, towers: TwoTowers) -> None:
    queries, entries = task(30, 7)  # walks it never saw
    with SequenceIndex.open(path) as index, index.with_entries(tmp_path / "other.ss", entries) as other:
        found = other.search(queries, 3)
        assert len(index) == 40
    assert (found.rows[:, 0] == np.arange(30)).mean() > 0.85  # at random: .03
    assert list(found.how.trace) == ["embedding", "hash DTW"]
    assert found.confidence is None
    log = towers.hashes.training["log"]
    assert log[-1]["bhattacharyya"] < 0.6


def test_it_is_an_index_like_any_other(path: Path, tmp_path: Path) -> None:
    queries, entries = (named(side, "new") for side in task(30, 7))
    place = tmp_path / "walks.ss"
    shutil.copytree(path, place)
    with SequenceIndex.open(place) as index, SequenceIndex.open(place) as reader:
        before = index.search(queries, 40)
        index.add(entries)
        assert (len(index), "new3" in index) == (70, True)
        hits = index.search(queries, 1)
        assert np.mean([h[0].id == f"new{i}" for i, h in enumerate(hits)]) > 0.8
        swapped = Sequences.from_arrays([entries[1].data, entries[0].data], ids=["new0", "new1"])
        index.update(swapped)
        index.remove([f"new{i}" for i in range(2, 30)])
        assert index.info()["deleted"] == 0, "compacted by itself"
        found = {hit.id for hit in index.search(queries[:2], 42)[0]}
        assert found == {str(i) for i in range(1, 41)} | {"new0", "new1"}
        index.remove(["new0", "new1"])
        np.testing.assert_array_equal(index.search(queries, 40).distances, before.distances)
        assert [h.query for h in reader.search(queries, 1)] == list(queries.ids), "in its own state meanwhile"
        reader.refresh()
        np.testing.assert_array_equal(reader.search(queries, 40).rows, before.rows)
        assert index.verify().problems == []
        assert index.info()["format_version"] == 2


def test_budgets_are_measured_anew_on_pairs_that_are_known(path: Path, tmp_path: Path) -> None:
    queries, entries = (named(side, "new") for side in task(30, 7))
    place = tmp_path / "walks.ss"
    shutil.copytree(path, place)
    with SequenceIndex.open(place) as index:
        index.add(entries)
        measured = index.calibrate(queries, recall=0.9)
        assert (measured.queries, measured.size, measured.target) == (30, 70, 0.9)
        assert index.calibration == measured
        pairs = [(name, f"new{29 - i}") for i, name in enumerate(queries.ids)]
        assert index.calibrate(queries, pairs=pairs).points[-1].recall < 1, "those are wrong on purpose"
        with pytest.raises(ParameterError, match="calibrated on queries whose answers are known"):
            index.calibrate()


def test_what_such_an_index_cannot_say(path: Path) -> None:
    queries, entries = task(4, 4)
    with SequenceIndex.open(path) as index:
        for question in (
            lambda: index.distance,
            lambda: index.model,
            lambda: index.within(queries, 1.0),
            lambda: index.novelty(queries),
            lambda: index.evaluate(queries),
        ):
            with pytest.raises(MismatchError, match="two kinds"):
                question()
        with pytest.raises(MismatchError, match="the model reads 5 features, the series have 7"):
            index.search(entries)
        with pytest.raises(MismatchError, match="the model reads 7 features"):
            index.add(queries)


def test_towers_without_an_embedding_and_an_exact_last_stage(tmp_path: Path) -> None:
    queries, entries = task(24, 5, same_features=True)
    options = {**SMALL, "dim": 0, "steps": 20}
    with SequenceIndex.build_pairs(tmp_path / "h.ss", entries, queries, **options) as index:
        found = index.search(queries, 3)
        assert list(found.how.trace) == ["hash DTW", "exact DTW"]
        assert found.confidence is not None
        assert found.confidence.shape == (24, 3)
        exact = index.search(queries, 3, exact=True)
        assert (exact.rows[:, 0] == np.arange(24)).mean() > 0.9
        index.remove(["3"])
        assert "3" not in {hit.id for hits in index.search(queries, 24) for hit in hits}


def test_training_brings_aligned_steps_together() -> None:
    plan = TowerPlan(steps=60, check=20, batch=24)
    pair, log = train_towers(*task(40, 3), settings={"dim": 16}, plan=plan, seed=2)
    queries, database = task(20, 12)  # walks it never saw
    a, b = (
        unpack(pair.hashes(some, side).codes.view(np.uint8).reshape(-1, 2), 16)
        for some, side in ((queries, "query"), (database, "database"))
    )
    shuffled = np.random.default_rng(0).permutation(len(b))
    assert (a != b).mean() < 0.7 * (a != b[shuffled]).mean()
    assert [row["step"] for row in log.rows] == [20, 40, 60]


def test_the_whole_is_what_its_stages_say(path: Path, towers: TwoTowers) -> None:
    queries, _ = task(12, 8)
    with SequenceIndex.open(path) as index:
        found = index.search(queries, 40, exact=True)
        pairs, entries = index.info()["pairs"], index.sequences
    warping = HashDTW(penalty=pairs["penalty"], gully=pairs["gully"])
    scores = warping.scores(towers.hashed_queries(queries), towers.hashed_stored(entries))
    np.testing.assert_array_equal(found.distances, np.sort(scores, axis=1))
    np.testing.assert_array_equal(found.distances, np.take_along_axis(scores, found.rows, axis=1))
    assert (np.sort(found.rows, axis=1) == np.arange(40)).all()


def test_hashes_keep_time_and_ignore_padding(towers: TwoTowers) -> None:
    queries, _ = task(9, 9)
    together = towers.hashes.hashes(queries, "query")
    assert np.diff(together.offsets).tolist() == (-(-queries.lengths // 4)).tolist()
    for row in range(9):
        alone = towers.hashes.hashes(queries[[row]], "query")
        differ = alone.codes != together.take(np.array([row])).codes
        assert differ.mean() < 0.05  # a sum in another order may turn an output that is all but 0
    assert towers.points is not None
    points = towers.points.points(queries, "query")
    assert np.abs(points).max() <= 1
    for row in range(9):
        np.testing.assert_allclose(towers.points.points(queries[[row]], "query")[0], points[row], atol=1e-5)


def test_towers_written_before_they_looked_wider_are_read(towers: TwoTowers) -> None:
    specs = towers.hashes.specs
    narrow = {side: HashTower(specs[side], dim=16, dilations=()) for side in specs}
    weights = {
        f"{side}.{name}": value.numpy() for side, tower in narrow.items() for name, value in tower.state_dict().items()
    }
    settings = {name: value for name, value in narrow["query"].settings().items() if name != "dilations"}
    document = {**towers.hashes.document(), "settings": settings}
    queries, _ = task(5, 11)
    found = TowerPair.restore(document, weights).hashes(queries, "query")
    same = TowerPair.restore({**document, "settings": narrow["query"].settings()}, weights).hashes(queries, "query")
    np.testing.assert_array_equal(found.codes, same.codes)


def test_one_seed_gives_one_index(tmp_path: Path) -> None:
    queries, entries = task(12, 3)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with threads.using(1):
            options = {**SMALL, "steps": 6, "seed": seed}
            SequenceIndex.build_pairs(tmp_path / name, entries, queries, **options).close()
    made = [
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in "abc"
    ]
    assert made[0] == made[1] != made[2]


def test_alignment_brings_both_onto_one_time() -> None:
    rng = np.random.default_rng(0)
    states = np.eye(6)[rng.permutation(np.arange(12) % 6)]
    a, b = (Sequences.from_arrays([states.repeat(held, axis=0)]) for held in (10, 11))
    first, second = aligned(a, b, "auto", MatchingDTW())
    assert first.lengths.tolist() == second.lengths.tolist()
    assert (first.data.argmax(axis=1) == second.data.argmax(axis=1)).mean() > 0.95
    with pytest.raises(MismatchError, match="pair 1, 1: 120 and 132 steps are not aligned"):
        aligned(a, b, "steps", None)
    with pytest.raises(MismatchError, match="6 and 6 features cannot be aligned by DTW"):
        aligned(a, b, "dtw", None)


def test_pairs_by_id() -> None:
    a = Sequences.from_arrays([np.ones(3)] * 3, ids=["x", "y", "z"])
    b = Sequences.from_arrays([np.ones(3)] * 3, ids=["z", "w", "x"])
    first, second = paired(a.ids, b.ids)
    assert (first.tolist(), second.tolist()) == ([0, 2], [2, 0])
    first, second = paired(a.ids, b.ids, [("y", "w")])
    assert (first.tolist(), second.tolist()) == ([1], [1])
    with pytest.raises(MismatchError, match="the pair y, q: there is no 'q' in the database"):
        paired(a.ids, b.ids, [("y", "q")])
    with pytest.raises(MismatchError, match="no id is in both sets"):
        paired(a.ids, ["q"])


def test_options_that_cannot_be(path: Path, tmp_path: Path) -> None:
    for wrong, text in (
        ({"bits": 20}, "multiple of 8 bits from 8 to 64, not 20"),
        ({"align": "ear"}, "no alignment 'ear'"),
        ({"develop": 1.0}, "develop must be a share between 0 and 1"),
        ({"recall": 0.0}, "recall must be above 0"),
        ({"bit": 16}, "building of pairs has no parameter 'bit': choose one of bits, dim"),
    ):
        with pytest.raises(ParameterError, match=text):
            PairOptions.of(wrong)
    queries, entries = task(5, 4)
    with pytest.raises(ParameterError, match="4 pairs are too few to train on: at least 8"):
        SequenceIndex.build_pairs(tmp_path / "x.ss", entries, queries, **SMALL)
    assert not (tmp_path / "x.ss").exists()
    with pytest.raises(IndexExistsError, match="exists already: overwrite=True"):
        SequenceIndex.build_pairs(path, entries, queries, **SMALL)
