"""Values set beside stored records: what is set is there, nothing else changes, and readers see one commit."""

import datetime as dt
import shutil

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import DuplicateIdError, InputError, MissingVectorsError, ParameterError, UnknownIdError
from seqsearch.search import SequenceIndex
from seqsearch.sequences import as_sequences
from seqsearch.store.writing import Commit

IDS = [f"s{row}" for row in range(40)]


def records():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 20)) for _ in IDS]
    columns = {
        "year": [None if row % 5 == 0 else 2000 + row for row in range(40)],
        "genus": [["Bacteroides", "Prevotella", None][row % 3] for row in range(40)],
        "tags": [["a", "b"][: row % 3] or None for row in range(40)],
        "seen": [dt.date(2020, 1, 1 + row % 28) for row in range(40)],
    }
    return as_sequences(texts, "dna", ids=IDS, columns=columns)


def told(index):
    return {record.id: (record.text, record.label, record.columns) for record in index}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "i.ss"
    SequenceIndex.build(path, records(), encoder="kmer", index="hnsw").close()
    return path


@pytest.fixture
def index(built, tmp_path):
    shutil.copytree(built, tmp_path / "i.ss")
    with SequenceIndex.open(tmp_path / "i.ss") as opened:
        yield opened


def wanted(before, changes):
    after = {id: (text, label, dict(columns)) for id, (text, label, columns) in before.items()}
    for id, values in changes.items():
        after[id][2].update(values)
    return after


def test_what_is_named_is_set_and_nothing_else(index):
    before = told(index)
    changes = {
        "s7": {"year": 2020},
        "s3": {"genus": None, "tags": ["x", "y"]},
        "s5": {"seen": dt.date(2021, 2, 3), "year": 1999.0},
    }
    queries = records()[:6]
    found = index.search(queries, 4, exact=True)
    assert index.set_columns(changes) == 3
    expected = wanted(before, changes)
    assert told(index) == expected
    assert index.count("year = 2020 and genus = Prevotella") == 2 - (before["s20"][2]["genus"] != "Prevotella")
    again = index.search(queries, 4, exact=True)
    assert again.distances.tolist() == found.distances.tolist()
    for budget in ({"candidates": 40}, {"exact": True}):  # every record is reachable in the graph
        assert (index.search(records(), 1, **budget).ids[:, 0] == IDS).all()
    assert index.verify().problems == []
    with SequenceIndex.open(index.path) as fresh:
        assert told(fresh) == expected
    index.compact()
    assert told(index) == expected


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(IDS),
            st.fixed_dictionaries(
                {},
                optional={
                    "year": st.none() | st.integers(-5, 2**40),
                    "genus": st.none() | st.text("aé", min_size=1, max_size=3),
                    "tags": st.none() | st.lists(st.sampled_from("pqr"), min_size=1, max_size=2),
                },
            ),
            max_size=12,
        ),
        max_size=3,
    )
)
def test_as_a_dictionary_would_have_it(built, tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("steps") / "i.ss"
    shutil.copytree(built, path)
    with SequenceIndex.open(path) as index:
        for changes in steps:
            before = told(index)
            expected = wanted(before, changes)
            differing = sum(expected[id] != before[id] for id in expected)
            assert index.set_columns(changes) == differing
            assert told(index) == expected
        assert index.verify().problems == []


def test_a_table_sets_all_its_values(index, tmp_path):
    before = told(index)
    frame = pandas.DataFrame({"id": ["s1", "s2"], "year": [None, 7], "genus": ["new", None]})
    expected = wanted(before, {"s1": {"year": None, "genus": "new"}, "s2": {"year": 7, "genus": None}})
    assert index.set_columns(frame) == 2
    assert told(index) == expected
    (tmp_path / "t.tsv").write_text("id\tyear\ns1\t2001\ns4\t\n")
    assert index.set_columns(tmp_path / "t.tsv") == 2
    assert told(index) == wanted(expected, {"s1": {"year": 2001}, "s4": {"year": None}})


def test_what_is_there_already_is_no_change(index):
    at = index._handle._store.lsn
    same = {id: columns for id, (_, _, columns) in told(index).items()}
    assert index.set_columns(same) == 0
    assert index.set_columns({}) == 0
    assert index.set_columns({"s1": {}}) == 0
    assert index._handle._store.lsn == at


def test_new_columns_are_asked_for(index):
    with pytest.raises(ParameterError, match=r"no column 'yaer' \(it has year, genus, tags, seen\): new=True"):
        index.set_columns({"s1": {"yaer": 3}})
    assert index.set_columns({"s1": {"site:text": "7"}, "s2": {"year": 5}}, new=True) == 2
    assert index.columns["site"] == "text"
    assert index["s1"].columns["site"] == "7"
    assert index["s2"].columns["site"] is None
    assert index["s2"].columns["year"] == 5
    assert index.count("site is missing") == 39


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"s1": {"year": 1}, "nobody": {"year": 2}}, UnknownIdError, "no record with the id 'nobody'"),
        ({"s1": {"year": 1}, "s2": {"year": 2.5}}, InputError, r"record 2 \(s2\): column 'year' holds '2.5'"),
        ({"s1": {"seen": "soon"}}, InputError, "column 'seen' holds 'soon', which is not a date"),
        ({"s1": {"year": [1], "genus": {}}}, InputError, r"values: record 1 \(s1\): column 'year' holds '\[1\]'"),
        ({"year": [1, 2]}, ParameterError, r"values are values by id and name.*of 'year' they are \[1, 2\]"),
        ({3: {"year": 1}}, ParameterError, "of 3 they are"),
        (7, ParameterError, "a file or a data frame with ids, not int"),
        (pandas.DataFrame({"id": ["s1", "s1"], "year": [1, 2]}), DuplicateIdError, "this id comes twice"),
        (pandas.DataFrame({"id": ["s1"]}), ParameterError, "there is no column beside the ids"),
    ],
)
def test_what_does_not_fit_changes_nothing(index, values, error, message):
    before, at = told(index), index._handle._store.lsn
    with pytest.raises(error, match=message):
        index.set_columns(values)
    assert told(index) == before
    assert index._handle._store.lsn == at


def test_readers_see_one_commit(index):
    before = told(index)
    with SequenceIndex.open(index.path) as reader:
        hits = reader.search(records()[:3], 1)[1]
        assert index.set_columns({"s1": {"year": 1, "genus": "g"}}) == 1
        assert told(reader) == before  # read after the change, of the commit before
        assert reader.count("genus = g") == 0
        assert hits[0]["genus"] == before["s1"][2]["genus"]
        assert reader.refresh()
        assert reader["s1"].columns["genus"] == "g"
        assert reader.count("genus = g") == 1
        assert hits[0]["genus"] == before["s1"][2]["genus"]


def test_a_write_that_fails_half_way_leaves_all_as_it_was(index, monkeypatch):
    before = told(index)

    def fail(commit, sequences, vectors):
        Commit.add_sequences(commit, sequences)
        raise OSError("the disk is gone")

    monkeypatch.setattr(Commit, "add", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        index.set_columns({id: {"year": 1} for id in IDS})
    monkeypatch.undo()
    assert told(index) == before
    assert index.verify().problems == []
    assert index.set_columns({id: {"year": 1} for id in IDS}) == 40  # more than a fifth: it compacts
    assert index.info()["deleted"] == 0
    assert index.count("year = 1") == 40


def test_vectors_made_elsewhere_are_kept(tmp_path):
    rng = np.random.default_rng(1)
    points = rng.standard_normal((40, 8)).astype(np.float32)
    with SequenceIndex.build(tmp_path / "own.ss", records(), vectors=points) as index:
        with pytest.raises(MissingVectorsError):
            index.update(records()[:1])
        assert index.set_columns({"s9": {"genus": "g"}, "s4": {"genus": "g"}}) == 2
        assert [record.id for record in index][-2:] == ["s4", "s9"]
        found = index.search(records()[[9, 4]], 1, vectors=points[[9, 4]], candidates=1)
        assert found.ids.tolist() == [["s9"], ["s4"]]
