"""Two modalities matched: a small task that must be learned, files, and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqsearch import threads
from seqsearch.distances import HashDTW, MatchingDTW
from seqsearch.encoders.pair import TowerPair
from seqsearch.encoders.towers import HashTower
from seqsearch.errors import (
    CorruptIndexError,
    FormatVersionError,
    IndexExistsError,
    MismatchError,
    NotAnIndexError,
    ParameterError,
)
from seqsearch.hashing import unpack
from seqsearch.learning.towers import TowerPlan, train_towers
from seqsearch.search.cascade import Keep
from seqsearch.search.matcher_file import DOCUMENT, load_matcher, save_matcher
from seqsearch.search.matcher_training import MatcherOptions, aligned, train_matcher
from seqsearch.search.matching import Matcher, paired
from seqsearch.sequences import Sequences

STATES, OTHER = 5, 7
SMALL = MatcherOptions(bits=16, dim=16, steps=80, most=0.5, seed=1)


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
def matcher() -> Matcher:
    with threads.using(1):
        return train_matcher(*task(40, 0), SMALL)


def test_a_cross_modal_task_is_learned(matcher: Matcher) -> None:
    queries, database = task(30, 7)  # walks it never saw
    found = matcher.indexed(database).search(queries, 3, correct=np.arange(30))
    assert (found.rows[:, 0] == np.arange(30)).mean() > 0.85  # at random: .03
    assert [stage.name for stage in found.stages] == ["embedding", "hash DTW"]
    log = matcher.hashes.training["log"]
    assert log[-1]["bhattacharyya"] < 0.6


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


def test_the_whole_is_what_its_stages_say(matcher: Matcher) -> None:
    queries, database = task(12, 8)
    everything = replace(matcher, keeps=(Keep(),)).indexed(database)
    found = everything.search(queries, 12)
    hashes = everything.hashes.hashes(queries, "query")
    assert everything.database is not None
    scores = HashDTW(penalty=matcher.penalty, gully=matcher.gully).scores(hashes, everything.database.hashes)
    np.testing.assert_array_equal(found.scores, np.sort(scores, axis=1))
    np.testing.assert_array_equal(found.scores, np.take_along_axis(scores, found.rows, axis=1))
    assert (np.sort(found.rows, axis=1) == np.arange(12)).all()
    assert found.confidence is None
    assert found.table()[0] == {
        "query": "1",
        "rank": 1,
        "target": str(found.rows[0, 0] + 1),
        "score": round(scores[0].min(), 6),
    }


def test_hashes_keep_time_and_ignore_padding(matcher: Matcher) -> None:
    queries, _ = task(9, 9)
    together = matcher.hashes.hashes(queries, "query")
    assert np.diff(together.offsets).tolist() == (-(-queries.lengths // 4)).tolist()
    for row in range(9):
        alone = matcher.hashes.hashes(queries[[row]], "query")
        differ = alone.codes != together.take(np.array([row])).codes
        assert differ.mean() < 0.05  # a sum in another order may turn an output that is all but 0
    assert matcher.points is not None
    points = matcher.points.points(queries, "query")
    assert np.abs(points).max() <= 1
    for row in range(9):
        np.testing.assert_allclose(matcher.points.points(queries[[row]], "query")[0], points[row], atol=1e-5)


def test_a_matcher_on_disk_is_the_same(matcher: Matcher, tmp_path: Path) -> None:
    queries, database = task(10, 10)
    place = tmp_path / "m"
    save_matcher(matcher, place)
    save_matcher(matcher.indexed(database), place, overwrite=True)
    assert len(list(place.iterdir())) == 3, "files of the one before are gone"
    again = load_matcher(place)
    first, second = matcher.indexed(database).search(queries), again.search(queries)
    np.testing.assert_array_equal(first.rows, second.rows)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert (again.keeps, again.penalty, again.measured) == (matcher.keeps, matcher.penalty, matcher.measured)


def test_towers_written_before_they_looked_wider_are_read(matcher: Matcher) -> None:
    specs = matcher.hashes.specs
    narrow = {side: HashTower(specs[side], dim=16, dilations=()) for side in specs}
    weights = {
        f"{side}.{name}": value.numpy() for side, tower in narrow.items() for name, value in tower.state_dict().items()
    }
    settings = {name: value for name, value in narrow["query"].settings().items() if name != "dilations"}
    document = {**matcher.hashes.document(), "settings": settings}
    queries, _ = task(5, 11)
    found = TowerPair.restore(document, weights).hashes(queries, "query")
    same = TowerPair.restore({**document, "settings": narrow["query"].settings()}, weights).hashes(queries, "query")
    np.testing.assert_array_equal(found.codes, same.codes)


def test_one_seed_gives_one_matcher() -> None:
    queries, database = task(12, 3)
    options = replace(SMALL, steps=6)
    with threads.using(1):
        made = [train_matcher(queries, database, replace(options, seed=seed)) for seed in (1, 1, 2)]
    weights = [{name: value.tobytes() for name, value in m.hashes.weights.items()} for m in made]
    assert weights[0] == weights[1] != weights[2]


def test_folders_that_are_no_matchers(matcher: Matcher, tmp_path: Path) -> None:
    with pytest.raises(NotAnIndexError, match="holds no matcher"):
        load_matcher(tmp_path)
    with pytest.raises(IndexExistsError, match="is no matcher, and is left as it is"):
        save_matcher(matcher, tmp_path, overwrite=True)
    place = tmp_path / "m"
    save_matcher(matcher, place)
    with pytest.raises(IndexExistsError, match="is taken: overwrite it"):
        save_matcher(matcher, place)
    weights = next(place.glob("towers-*"))
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CorruptIndexError, match="towers-.* is damaged: its content has another digest"):
        load_matcher(place)
    weights.unlink()
    with pytest.raises(CorruptIndexError, match="towers-.* cannot be read"):
        load_matcher(place)
    document = json.loads((place / DOCUMENT).read_text(encoding="utf-8"))
    (place / DOCUMENT).write_text(json.dumps({**document, "version": 9}), encoding="utf-8")
    with pytest.raises(FormatVersionError, match="matcher version 9 is newer"):
        load_matcher(place)
    (place / DOCUMENT).write_text("{", encoding="utf-8")
    with pytest.raises(CorruptIndexError, match=r"matcher\.json cannot be read"):
        load_matcher(place)


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
    first, second = paired(a, b)
    assert (first.tolist(), second.tolist()) == ([0, 2], [2, 0])
    first, second = paired(a, b, [("y", "w")])
    assert (first.tolist(), second.tolist()) == ([1], [1])
    with pytest.raises(MismatchError, match="the pair y, q: there is no 'q' in the database"):
        paired(a, b, [("y", "q")])
    with pytest.raises(MismatchError, match="no id is in both sets"):
        paired(a, Sequences.from_arrays([np.ones(3)], ids=["q"]))


def test_options_that_cannot_be(matcher: Matcher) -> None:
    for wrong, text in (
        ({"bits": 20}, "multiple of 8 bits from 8 to 64, not 20"),
        ({"align": "ear"}, "no alignment 'ear'"),
        ({"develop": 1.0}, "develop must be a share between 0 and 1"),
        ({"recall": 0.0}, "recall must be above 0"),
    ):
        with pytest.raises(ParameterError, match=text):
            MatcherOptions(**wrong)  # type: ignore[arg-type]
    queries, database = task(5, 4)
    with pytest.raises(ParameterError, match="4 pairs are too few to train on: at least 8"):
        train_matcher(queries, database, SMALL)
    with pytest.raises(MismatchError, match="the model reads 5 features, the series have 7"):
        matcher.search(database)
    with pytest.raises(ParameterError, match="has no database yet"):
        replace(matcher, database=None).search(queries)
