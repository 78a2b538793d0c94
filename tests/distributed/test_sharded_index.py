"""Shards answer as one index does: the same hits, in the same order, ties included."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, ShardedIndex, as_sequences
from seqsearch.distances import recall_at
from seqsearch.distributed.manifest import MANIFEST, Manifest
from seqsearch.distributed.placement import GLOBAL_ROW, shards_of
from seqsearch.errors import (
    CorruptIndexError,
    DuplicateIdError,
    FormatVersionError,
    IndexClosedError,
    IndexExistsError,
    MismatchError,
    NotAnIndexError,
    ParameterError,
    UnknownIdError,
)
from seqsearch.search.results import Answers
from seqsearch.sequences import DNA, TEXT, Sequences, Strings
from tests.families import families

SHARDS = 3
_ALL = families(30, 12, 80, seed=5)
_ORDER = np.random.default_rng(0).permutation(len(_ALL))
QUERIES = _ALL[_ORDER[:30]]
YEARS = [2000 + row % 20 for row in range(len(_ALL) - 30)]
STORED = _ALL[_ORDER[30:]]
NAMES = list(STORED.ids)


def same(one: Answers, other: Answers) -> None:
    """Both tell the same hits."""
    names = ["query", "rank", "target", "distance", "year"]
    assert one.to_dicts(names) == other.to_dicts(names)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    place = tmp_path_factory.mktemp("one") / "i.ss"
    return SequenceIndex.build(place, STORED, columns={"year": YEARS}, encoder="kmer")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> ShardedIndex:
    place = tmp_path_factory.mktemp("many") / "i.shards"
    return ShardedIndex.build(place, STORED, shards=SHARDS, columns={"year": YEARS}, encoder="kmer")


@pytest.fixture
def changing(tmp_path: Path) -> ShardedIndex:
    return ShardedIndex.build(tmp_path / "i.shards", STORED[:90], shards=2, encoder="kmer")


def test_exact_answers_are_those_of_one_index(one: SequenceIndex, sharded: ShardedIndex) -> None:
    for how in ({}, {"where": "year > 2010"}, {"ids": NAMES[:40]}, {"strand": "both"}):
        same(one.search(QUERIES, 7, exact=True, **how), sharded.search(QUERIES, 7, exact=True, **how))
        same(one.within(QUERIES, 9, **how), sharded.within(QUERIES, 9, **how))
    same(one.search(QUERIES, len(STORED) + 5, exact=True), sharded.search(QUERIES, len(STORED) + 5, exact=True))


def test_what_is_held_is_that_of_one_index(one: SequenceIndex, sharded: ShardedIndex) -> None:
    assert len(sharded) == len(one) == sum(shard["sequences"] for shard in sharded.info()["shards"])
    assert sharded.sequences.texts() == one.sequences.texts()
    assert list(sharded.sequences.ids) == list(one.sequences.ids)
    assert sharded.columns == one.columns == {"year": "int"}
    assert (sharded.alphabet_name, sharded.finds_parts, repr(sharded.distance)) == ("dna", False, repr(one.distance))
    some = [STORED.ids[7], STORED.ids[3]]
    assert sharded.get(some).texts() == one.get(some).texts()
    assert sharded[some[0]].text == one[some[0]].text
    assert sharded.holds([*some, "nobody"]).tolist() == [True, True, False]
    assert some[0] in sharded
    assert "nobody" not in sharded
    assert 3 not in sharded
    assert sharded.count("year > 2010") == one.count("year > 2010")
    assert list(sharded.matching("year > 2010").ids) == list(one.matching("year > 2010").ids)
    assert GLOBAL_ROW not in sharded.search(QUERIES[:1], 1)[0][0].columns


@pytest.mark.parametrize("method", ["nearest", "mean", "kth"])
def test_novelty_is_that_of_one_index(one: SequenceIndex, sharded: ShardedIndex, method: str) -> None:
    both = [index.novelty(QUERIES, method=method, sample=150) for index in (one, sharded)]
    for name in ("scores", "p_values", "distances"):
        assert getattr(both[0], name).tolist() == getattr(both[1], name).tolist()
    assert both[0].nearest == both[1].nearest
    again = sharded.known_scores(method=method, sample=150)  # kept beside the shards
    assert again.scores.tolist() == one.known_scores(method=method, sample=150).scores.tolist()


def test_novelty_that_shards_cannot_answer_is_refused(sharded: ShardedIndex) -> None:
    with pytest.raises(ParameterError, match="novelty by lof, exact: shards answer by exact distances and nearest"):
        sharded.novelty(QUERIES, method="lof")
    with pytest.raises(ParameterError, match="needs known sequences"):
        sharded.novelty(QUERIES, where="year > 2010")
    assert len(sharded.novelty(QUERIES, where="year > 2010", known=QUERIES)) == len(QUERIES)


def test_the_recall_that_is_asked_for_is_delivered(sharded: ShardedIndex) -> None:
    truth = sharded.search(QUERIES, 10, exact=True)
    for recall in (0.9, 0.99):
        found = sharded.search(QUERIES, 10, recall=recall)
        assert recall_at(found.distances, truth.distances, 10).mean() >= recall - 0.01
        assert found.budget.startswith("3 shards, ")
    rows = sharded.evaluate(QUERIES, 5)
    assert rows[-1].recall == 1
    assert rows[0].candidates == 10
    assert sharded.budget(10)[1].startswith("3 shards, ")


def test_what_answers_rest_on_is_told(sharded: ShardedIndex) -> None:
    assert set(sharded.search(QUERIES, 5, exact=True).guarantee) == {"proved"}
    assert set(sharded.search(QUERIES, 5, guarantee="proved").guarantee) == {"proved"}
    assert set(sharded.search(QUERIES, 5, candidates=20).guarantee) == {"none"}
    proved = sharded.search(QUERIES, 5, exact=True)
    assert sharded.search(QUERIES, 5, guarantee="proved").to_dicts() == proved.to_dicts()


def test_warnings_are_said_once(one: SequenceIndex, sharded: ShardedIndex) -> None:
    assert sharded.search(QUERIES, 3, where="year > 2030").warnings[0].endswith("fulfils 'year > 2030'")
    assert not sharded.search(QUERIES, 3, where="year = 2001").warnings
    short = as_sequences([text[:20] for text in QUERIES.texts()], alphabet="dna")
    told = sharded.search(short, 3, exact=True).warnings
    assert len(told) == len(one.search(short, 3, exact=True).warnings) == 1


def test_changes_are_those_of_one_index(changing: ShardedIndex, tmp_path: Path) -> None:
    one = SequenceIndex.build(tmp_path / "one.ss", STORED[:90], encoder="kmer")
    replaced = Sequences.from_texts(STORED[200:203].texts(), DNA, NAMES[5:8])
    for index in (one, changing):
        index.add(STORED[90:150])
        index.remove(NAMES[10:30])
        index.update(replaced)
        index.add(["ACGTACGTACGTAAA"])
    found = [index.search(QUERIES, 8, exact=True) for index in (one, changing)]
    assert found[0].to_dicts() == found[1].to_dicts()
    assert list(one.sequences.ids) == list(changing.sequences.ids)
    with ShardedIndex.open(changing.path) as again:
        assert again.search(QUERIES, 8, exact=True).to_dicts() == found[0].to_dicts()
    changing.compact()
    assert changing.info()["deleted"] == 0
    assert changing.search(QUERIES, 8, exact=True).to_dicts() == found[0].to_dicts()
    assert changing.verify().ok


def test_a_change_that_does_not_fit_changes_nothing(changing: ShardedIndex) -> None:
    before = list(changing.sequences.ids)
    with pytest.raises(DuplicateIdError, match=f"record 3 \\({STORED.ids[4]}\\): this id is in the index already"):
        changing.add(STORED[[100, 101, 4]])
    with pytest.raises(UnknownIdError, match="no record with the id 'nobody'"):
        changing.remove([STORED.ids[1], "nobody"])
    with pytest.raises(UnknownIdError, match=f"no record with the id '{STORED.ids[120]}'"):
        changing.update(STORED[[1, 120]])
    with pytest.raises(MismatchError, match="arrays of numbers came where the index holds dna"):
        changing.search(np.zeros((3, 5)))
    assert list(changing.sequences.ids) == before


def test_another_handle_sees_changes_after_refresh(changing: ShardedIndex) -> None:
    with ShardedIndex.open(changing.path) as other:
        changing.add(STORED[90:95])
        assert len(other) == 90
        assert other.refresh()
        assert len(other) == 95
        assert not other.refresh()
    with pytest.raises(IndexClosedError, match="is closed"):
        other.search(QUERIES)


def test_series_and_texts_have_shards_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    beats = Sequences.from_arrays(list(rng.normal(size=(60, 25, 1)).astype(np.float32)), None, None)
    names = Sequences.from_texts(["".join(rng.choice(list("abcde"), 9)) for _ in range(60)], TEXT)
    for number, (stored, distance) in enumerate([(beats, "dtw"), (names, "edit"), (STORED, "infix")]):
        options = {"distance": distance, "learn": "none", "overwrite": True}
        one = SequenceIndex.build(tmp_path / "one.ss", stored, **options)
        with ShardedIndex.build(tmp_path / f"{number}.shards", stored, shards=2, **options) as many:
            found = [index.search(stored[:9], 6, exact=True).to_dicts() for index in (one, many)]
            assert found[0] == found[1]


def test_every_record_is_where_its_id_says(sharded: ShardedIndex) -> None:
    owners = shards_of(STORED.ids, SHARDS)
    for number in range(SHARDS):
        with SequenceIndex.open(Path(sharded.path) / f"{number:04d}") as shard:
            assert sorted(shard.sequences.ids) == sorted(STORED.ids[row] for row in np.flatnonzero(owners == number))
    assert shards_of(Strings.of(["a", "b", "c"]), 1000).tolist() == shards_of(["a", "b", "c"], 1000).tolist()


def test_what_cannot_be_built_is_refused(tmp_path: Path, sharded: ShardedIndex) -> None:
    with pytest.raises(ParameterError, match=r"5 sequences are too few for 4 shards: shard \d would have"):
        ShardedIndex.build(tmp_path / "few.shards", STORED[:5], shards=4)
    with pytest.raises(ParameterError, match="shards must be from 1 to 4096, not 0"):
        ShardedIndex.build(tmp_path / "few.shards", STORED[:5], shards=0)
    with pytest.raises(IndexExistsError, match="exists already: overwrite=True"):
        ShardedIndex.build(sharded.path, STORED, shards=2)
    with pytest.raises(IndexExistsError, match="holds something else than shards"):
        ShardedIndex.build(Path(sharded.path) / "0000", STORED, shards=2, overwrite=True)
    with pytest.raises(ParameterError, match="the sequences have a column 'global_row'"):
        ShardedIndex.build(tmp_path / "x.shards", STORED, shards=2, columns={"global_row": [1] * len(STORED)})
    with pytest.raises(ParameterError, match="replicas are copies on a cluster"):
        ShardedIndex.open(sharded.path, replicas=2)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_a_killed_build_left_is_no_obstacle(changing: ShardedIndex) -> None:
    changing.close()
    (Path(changing.path) / MANIFEST).unlink()
    with ShardedIndex.build(changing.path, STORED[:30], shards=2, encoder="kmer") as index:
        assert len(index) == 30


def test_shards_are_replaced_in_one_step(changing: ShardedIndex) -> None:
    place = changing.path
    changing.close()
    with ShardedIndex.build(place, STORED[90:150], shards=3, encoder="kmer", overwrite=True) as again:
        assert (len(again), again.shards) == (60, 3)
    assert sorted(path.name for path in Path(place).iterdir() if path.is_dir()) == ["0000b", "0001b", "0002b"]
    with pytest.raises(ParameterError, match="recall must be above 0"):
        ShardedIndex.build(place, STORED, shards=2, overwrite=True, recall=2.0)
    with ShardedIndex.open(place) as again:
        assert again.verify().ok


def test_damage_is_told(changing: ShardedIndex, tmp_path: Path) -> None:
    changing.close()
    place = Path(changing.path) / MANIFEST
    whole = place.read_text()
    with pytest.raises(NotAnIndexError, match="no shards: there is no shards.json"):
        ShardedIndex.open(tmp_path)
    for text, error, match in (
        ("{", CorruptIndexError, "cannot be read"),
        ("{}", CorruptIndexError, "no format version"),
        ('{"format_version": 99}', FormatVersionError, "format 99 is newer than 1"),
        ('{"format_version": 1}', CorruptIndexError, "it is no manifest of shards"),
        (json.dumps(json.loads(whole) | {"encoder": "other"}), CorruptIndexError, "its encoder is not that of the"),
    ):
        place.write_text(text)
        with pytest.raises(error, match=match):
            ShardedIndex.open(changing.path)
    later = Manifest.from_json(json.loads(whole))
    entry = later.shards[0]
    later = later.with_shard(0, type(entry)(**{**vars(entry), "lsn": entry.lsn + 5}))
    place.write_text(json.dumps(later.to_json()))
    with pytest.raises(CorruptIndexError, match="0000: an older copy"):
        ShardedIndex.open(changing.path)
