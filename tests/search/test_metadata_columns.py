"""Columns beside the sequences of an index: kept through every change, read when asked for, proved like the rest."""

import datetime as dt
import pickle

import lmdb
import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import (
    ConditionError,
    CorruptIndexError,
    InputError,
    MismatchError,
    ParameterError,
    UnknownNameError,
)
from seqsearch.search import SequenceIndex
from seqsearch.search.classifying import NeighbourClassifier
from seqsearch.sequences import DNA, Sequences, as_sequences, read_batches
from seqsearch.sequences.coercion import columns_from
from seqsearch.sequences.columns import KINDS, Column, same
from seqsearch.store import Store, StoreBuilder, column_chunks
from seqsearch.store.column_chunks import cut_column, pack_column, unpack_column

COUNT = 120


def texts(count, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), 24)) for _ in range(count)]


def values(first, count):
    rows = range(first, first + count)
    return {
        "year": [None if row % 7 == 0 else 2000 + row % 20 for row in rows],
        "genus": [["Bacteroides", "Prevotella", None, "é"][row % 4] for row in rows],
        "weight": [row / 8 for row in rows],
        "ok": [row % 2 == 0 for row in rows],
        "seen": [dt.date(2020, 1 + row % 12, 1 + row % 28) for row in rows],
        "tags": [None if row % 5 == 0 else ["a", f"b{row % 3}"][: row % 3] for row in rows],
    }


def records(first=0, count=COUNT):
    ids = [f"s{row}" for row in range(first, first + count)]
    return as_sequences(texts(count, first), DNA, ids=ids, columns=values(first, count))


def rows_of(index):
    return {record.id: record.columns for record in index}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An index that nobody changes."""
    path = tmp_path_factory.mktemp("columns") / "refs.ss"
    with SequenceIndex.build(path, records(), encoder="kmer") as index:
        yield index


@pytest.fixture
def index(tmp_path):
    with SequenceIndex.build(tmp_path / "own.ss", records(), encoder="kmer") as made:
        yield made


# -- asking ----------------------------------------------------------------------------------------------------------


def test_answers_fulfil_the_condition_and_counts_are_exact(built):
    expected = values(0, COUNT)
    fits = [
        year is not None and year >= 2010 and genus == "Bacteroides"
        for year, genus in zip(expected["year"], expected["genus"], strict=True)
    ]
    where = 'genus = "Bacteroides" and year >= 2010'
    assert built.count(where) == sum(fits) == built.count({"genus": "Bacteroides", "year": (2010, None)})
    asked = texts(3, 5)
    for found in (built.search(asked, k=100, where=where), built.search(asked, k=100, where=where, candidates=5)):
        assert (np.count_nonzero(found.rows >= 0, axis=1) == sum(fits)).all()
        assert all(fits[row] for row in found.rows[found.rows >= 0])
        assert not found.warnings
    near = built.within(asked, 30, where=where)
    assert len(near.rows) == 3 * sum(fits)
    assert built.count() == COUNT == built.count({})
    assert built.count("ok", ids=["s0", "s1", "s2"]) == 2


def test_a_condition_that_nothing_fulfils_is_told(built):
    said = ("no sequence of 120 fulfils 'year > 3000'",)
    alike = "ACGT" * 6  # as long as what is stored: nothing is told of lengths
    assert built.search(alike, where="year > 3000").warnings == said
    assert built.within(alike, 3, where={"year": (3001, None)}).warnings == (
        "no sequence of 120 fulfils 'year=(3001, None)'",
    )
    assert built.search(alike, where="not ok", ids=["s2"]).warnings[0].endswith("and has one of these ids")
    with pytest.raises(ConditionError, match="no column 'yaer': did you mean 'year'"):
        built.search("ACGT", where="yaer = 1")


def test_a_search_that_does_not_ask_reads_no_column(built, monkeypatch):
    def refused(*_):
        raise AssertionError("a column was read")

    with SequenceIndex.open(built.path) as fresh:
        monkeypatch.setattr("seqsearch.store.columns.proved_column", refused)
        found = fresh.search(texts(2), k=3)
        assert found.to_dicts()[0]["distance"] == 0
        assert found[0][0].sequence.text
        with pytest.raises(AssertionError, match="a column was read"):
            fresh.count("year > 1")


def test_hits_tell_their_columns(built):
    found = built.search(texts(2), k=2)
    hit = found[1][0]
    assert (hit.id, hit["year"], hit["genus"], hit["seen"]) == ("s1", 2001, "Prevotella", dt.date(2020, 2, 2))
    assert hit.columns == {name: column[1] for name, column in values(0, COUNT).items()} == built["s1"].columns
    assert found[0][0]["year"] is None
    with pytest.raises(UnknownNameError, match="no column 'colour': there are year, genus"):
        hit["colour"]
    assert built.columns == {
        "year": "int",
        "genus": "text",
        "weight": "float",
        "ok": "bool",
        "seen": "date",
        "tags": "list",
    }
    assert built.info()["columns"] == built.columns
    assert built.get(["s9", "s3"]).columns["weight"].tolist() == [9 / 8, 3 / 8]


def test_tables_of_hits(built):
    found = built.search(texts(2), k=1)
    names = ["target", "year", "ok", "seen", "tags", "columns.genus"]
    assert found.to_dicts(names) == [
        {"target": f"s{row}", "columns.genus": genus, **{name: values(0, 2)[name][row] for name in names[1:5]}}
        for row, genus in enumerate(["Bacteroides", "Prevotella"])
    ]
    frame = found.to_pandas(names)
    assert [str(frame[name].dtype) for name in ("year", "ok", "seen")] == ["Int64", "bool", "datetime64[us]"]
    assert found.to_arrow(["year", "seen", "tags"]).schema.types == [
        pyarrow.int64(),
        pyarrow.date32(),
        pyarrow.list_(pyarrow.string()),
    ]
    assert found.to_polars(["year"])["year"].to_list() == [None, 2001]
    with pytest.raises(ParameterError, match=r"hits have no column 'colour': choose one of year, columns\.year"):
        found.columns(["colour"])


def test_answers_keep_their_columns_after_all_that_may_come(tmp_path):
    with SequenceIndex.build(tmp_path / "i.ss", records(), encoder="kmer") as index:
        found, later = index.search(texts(3), k=2), index.search(texts(3), k=2)
        expected = [[hit.columns for hit in hits] for hits in index.search(texts(3), k=2)]
        index.remove([f"s{row}" for row in range(0, 60)])  # compacts, which renumbers the rows
        index.update(records(100, 5).beside(columns_from({"year": [1] * 5}, 5)))
        assert [[hit.columns for hit in hits] for hits in found] == expected
    assert [[hit.columns for hit in hits] for hits in later] == expected
    again = pickle.loads(pickle.dumps(later))
    assert [[hit["year"] for hit in hits] for hits in again] == [[row["year"] for row in rows] for rows in expected]
    assert again.to_dicts(["genus"]) == later.to_dicts(["genus"])


# -- changing --------------------------------------------------------------------------------------------------------


def test_columns_live_through_every_change(index):
    known = {f"s{row}": {name: column[row] for name, column in values(0, COUNT).items()} for row in range(COUNT)}
    assert rows_of(index) == known
    blank = dict.fromkeys(index.columns)
    notes = Notes()
    for first, count in ((200, 3), (203, 1), (204, 30)):
        index.add(records(first, count))
        for row in range(count):
            known[f"s{first + row}"] = {name: column[row] for name, column in values(first, count).items()}
    index.add(as_sequences(texts(2, 9), DNA, ids=["x", "y"]))
    known |= {"x": blank, "y": blank}
    index.add(texts(1, 10), columns={"year": [7.0], "other": ["lost"], "tags": ["p; q"]}, progress=notes)
    known["157"] = blank | {"year": 7, "tags": ["p", "q"]}
    assert [note for note in notes if "no such column" in note] == [
        "left out, for the index has no such column (it has year, genus, weight, ok, seen, tags): other"
    ]
    assert "the sequences have no column genus, weight, ok, seen" in notes
    assert rows_of(index) == known
    index.update(as_sequences(texts(2, 11), DNA, ids=["s3", "y"], columns={"genus": ["new", None]}))
    known["s3"] = known["s3"] | {"genus": "new"}
    assert {name: rows_of(index)[name] for name in ("s3", "y")} == {"s3": known["s3"], "y": blank}
    index.remove(["s1", "s200"])
    index.compact()
    del known["s1"], known["s200"]
    assert rows_of(index) == known
    assert index.verify().problems == []
    with SequenceIndex.open(index.path) as fresh:
        assert rows_of(fresh) == known
        assert fresh.count("year is missing") == sum(row["year"] is None for row in known.values())


class Notes(list):
    """Progress that keeps what it is told."""

    def note(self, text):
        self.append(text)

    def task(self, description, total=None):
        from seqsearch.progress import SILENT

        return SILENT.task(description, total)


def test_what_does_not_fit_changes_nothing(index):
    with pytest.raises(InputError, match=r"record 2 \(q\): column 'year' holds '2\.5', which is not a whole number"):
        index.add(as_sequences(["ACGT", "ACGA"], DNA, ids=["p", "q"], columns={"year": [1.0, 2.5]}))
    with pytest.raises(InputError, match=r"column 'seen' holds 'soon', which is not a date such as 2019-05-31"):
        index.add(["ACGT"], columns={"seen": ["soon"]})
    with pytest.raises(MismatchError, match="column 'year' has 2 values for 1 sequences"):
        index.add(["ACGT"], columns={"year": [1, 2]})
    assert len(index) == COUNT


def test_columns_given_beside_sets_that_stream(tmp_path):
    parts = [records(start, 40).beside(columns_from({}, 40)) for start in (0, 40, 80)]
    given = {"n": np.arange(COUNT), "word:text": [str(row) for row in range(COUNT)]}
    with SequenceIndex.build(tmp_path / "a.ss", iter(parts), encoder="kmer", columns=given) as index:
        assert index.count({"n": (30, 89)}) == 60
        assert index["s57"].columns == {"n": 57, "word": "57"}
    with pytest.raises(MismatchError, match="column 'n' has 100 values for 120 sequences"):
        SequenceIndex.build(tmp_path / "b.ss", iter(parts), encoder="kmer", columns={"n": np.arange(100)})


def test_a_later_set_may_bring_columns_and_fractions(tmp_path):
    def part(first, **columns):
        made = records(first, 40).beside(columns_from({}, 40))
        return made.beside(columns_from(columns, 40))

    sets = [part(0, n=range(40)), part(40, n=np.arange(40) / 2, late=["x"] * 40), part(80)]
    with SequenceIndex.build(tmp_path / "a.ss", sets, encoder="kmer") as index:
        assert index.columns == {"n": "float", "late": "text"}
        assert [index.count(where) for where in ("n = 3", "n = 3.5", "n is missing", "late = x")] == [2, 1, 40, 40]
        assert index.verify().problems == []
    with pytest.raises(MismatchError, match="column 'n' holds text, where it held int before: name its kind, n:text"):
        SequenceIndex.build(tmp_path / "b.ss", [part(0, n=range(40)), part(40, n=["x"] * 40)], encoder="kmer")


# -- a table beside ---------------------------------------------------------------------------------------------------


def test_metadata_is_joined_by_id_and_tells_what_it_lacks(tmp_path):
    table = tmp_path / "table.tsv"
    table.write_text("name\tyear\tplace\n" + "".join(f"s{row}\t{1900 + row}\tp{row % 2}\n" for row in range(5, 130)))
    plain = records().beside(columns_from({}, COUNT))
    notes = Notes()
    with SequenceIndex.build(tmp_path / "a.ss", plain, encoder="kmer", metadata=table, progress=notes) as index:
        assert index.columns == {"year": "int", "place": "text"}
        assert (index["s5"].columns, index["s4"].columns["year"]) == ({"year": 1905, "place": "p1"}, None)
        assert index.count("place is missing") == 5
        assert [note for note in notes if "table.tsv" in note] == [
            f"{table}: 5 of 120 sequences have no row in it: s0, s1, s2, s3, s4",
            f"{table}: 10 of 125 rows are of no sequence: s120, s121, s122, s123, s124, ...",
        ]
        frame = pyarrow.table({"id": ["s300", "s301"], "year": [1, 2], "place": ["q", None]})
        index.add(records(300, 2).beside(columns_from({}, 2)), metadata=frame)
        assert index["s301"].columns == {"year": 2, "place": None}
    with pytest.raises(
        MismatchError, match=r"none of its 2 ids is that of a sequence: 's300', 's301' here, 's0', 's1' there"
    ):
        SequenceIndex.build(tmp_path / "b.ss", plain, encoder="kmer", metadata=frame)
    assert not (tmp_path / "b.ss").exists()
    with pytest.raises(ParameterError, match="metadata is a file or a data frame with ids, not int"):
        SequenceIndex.build(tmp_path / "b.ss", plain, encoder="kmer", metadata=7)


# -- on disk ----------------------------------------------------------------------------------------------------------


def test_an_interrupted_build_goes_on_only_where_the_columns_are_the_same(tmp_path):
    def interrupted(columns):
        yield records(0, 60).beside(columns_from({"n": columns[:60]}, 60))
        raise KeyboardInterrupt

    numbers = list(range(COUNT))
    for other, kept in ((numbers, True), ([*numbers[:30], 99, *numbers[31:]], False)):
        path, notes = tmp_path / f"{kept}.ss", Notes()
        with pytest.raises(KeyboardInterrupt):
            SequenceIndex.build(path, interrupted(numbers), encoder="kmer")
        given = [records(start, 60).beside(columns_from({"n": other[start : start + 60]}, 60)) for start in (0, 60)]
        with SequenceIndex.build(path, given, encoder="kmer", progress=notes) as index:
            assert index.sequences.columns["n"].tolist() == other
            assert index.verify().problems == []
        assert any("60 records" in note for note in notes)
        assert any("record 31 (s30) is not that of the interrupted build" in note for note in notes) is not kept


def chunks(path):
    with (
        lmdb.open(str(path / "data-1.mdb"), subdir=False, readonly=True, lock=False) as env,
        env.begin() as transaction,
    ):
        return {key: value for key, value in transaction.cursor() if key[:1] == b"c"}


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A store with several chunks a column."""
    monkeypatch.setattr(column_chunks, "COLUMN_ROWS", 16)
    with StoreBuilder(tmp_path / "store") as builder:
        builder.append(records())
        builder.finish().close()
    return tmp_path / "store"


@pytest.mark.parametrize("harm", ["a bit", "gone", "of another row"])
def test_damage_to_a_column_is_noticed(stored, harm):
    keys = sorted(chunks(stored))
    assert len(keys) > 12
    with lmdb.open(str(stored / "data-1.mdb"), subdir=False) as env, env.begin(write=True) as transaction:
        value = bytearray(transaction.get(keys[1]))
        value[-1] ^= 1
        if harm == "gone":
            transaction.delete(keys[1])
        else:
            transaction.put(keys[1], bytes(value) if harm == "a bit" else transaction.get(keys[2]))
    if harm != "a bit":
        with pytest.raises(CorruptIndexError, match="do not add up to the digest in the head"):
            Store.open(stored)
        return
    with Store.open(stored) as store:
        with pytest.raises(
            CorruptIndexError, match=r"store: the checksum of the chunk of column 0 at row 16 does not hold"
        ):
            store.columns()["year"]
        assert store.columns()["genus"].tolist() == values(0, COUNT)["genus"]
        assert store.verify().problems == ["the checksum of the chunk of column 0 at row 16 does not hold"]


def test_single_adds_leave_few_chunks_and_gaps_are_missing(stored):
    with Store.open(stored, write=True) as store:
        for row in range(300, 310):
            store.append(records(row, 1))
        store.append(records(400, 5).beside(columns_from({}, 5)))
        store.append(records(500, 1))
        expected = [*values(0, COUNT)["weight"], *(row / 8 for row in range(300, 310)), *[None] * 5, 500 / 8]
        assert store.columns()["weight"].tolist() == expected
        wanted = np.array([130, 5, 131, 135, 119, 5])
        assert store.sequences(wanted).columns["weight"].tolist() == [expected[row] for row in wanted]
        assert store.verify().problems == []
        store.compact()
        assert store.columns()["weight"].tolist() == expected
    assert len([key for key in chunks_of(stored, 2) if key[1:3] == b"\0\2"]) < 14


def chunks_of(path, generation):
    name = str(path / f"data-{generation}.mdb")
    with lmdb.open(name, subdir=False, readonly=True, lock=False) as env, env.begin() as transaction:
        return [key for key, _ in transaction.cursor() if key[:1] == b"c"]


def test_an_index_without_columns_is_as_before(tmp_path):
    with StoreBuilder(tmp_path / "plain") as builder:
        builder.append(Sequences.from_texts(["ACGT"], DNA))
        builder.finish().close()
    with (
        lmdb.open(str(tmp_path / "plain/data-1.mdb"), subdir=False, readonly=True, lock=False) as env,
        env.begin() as transaction,
    ):
        head = transaction.get(b"head")
    assert head[8:12] == (1).to_bytes(4, "little")
    assert b"columns" not in head


ANY = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(),
    "text": st.text(),
    "list": st.lists(st.text(min_size=1)),
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_a_column_comes_back_from_its_chunks(kind, data):
    given = data.draw(st.lists(st.none() | ANY[kind], max_size=20))
    column = (
        columns_from({f"c:{kind}": given}, len(given))["c"]
        if kind != "list"
        else Column.of_lists([each or [] for each in given], np.array([each is None for each in given], np.bool_))
    )
    sealed = [unpack_column(memoryview(b"\0" * 8 + pack_column(part))) for part in cut_column(column)]
    back = Column.concatenate([Column.blank(kind, 0), *sealed])
    assert back.equal(column)
    assert back.tolist() == column.tolist()
    rows = np.array(data.draw(st.lists(st.integers(0, max(0, len(given) - 1)), max_size=5)) if given else [], np.int64)
    assert back.take(rows).tolist() == [column.tolist()[row] for row in rows]
    assert same(columns_from({"c": back}, len(back)), columns_from({"c": column}, len(back)), len(back))


def test_cut_off_chunks_are_damage(stored):
    whole = next(iter(chunks(stored).values()))
    for size in range(8, len(whole)):
        with pytest.raises(CorruptIndexError):
            unpack_column(memoryview(whole[:size]))


def test_batches_of_a_table_carry_their_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,sequence,n\n" + "".join(f"r{row},ACGT,{row}\n" for row in range(10)))
    parts = list(read_batches(path, size=4, alphabet="dna"))
    assert [part.columns["n"].tolist() for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_only_what_fulfils_a_condition_votes(tmp_path):
    given = as_sequences(["ACGTAC", "ACGTAA", "TTTTTT"], DNA, labels=["x", "y", "z"], columns={"n": [1, 2, 3]})
    with SequenceIndex.build(tmp_path / "i.ss", given, encoder="kmer") as index:
        asked = Sequences.from_texts(["ACGTAC"], DNA)
        told = [
            NeighbourClassifier(index, k=1, where=where).classify(asked).names() for where in (None, "n > 1", "n = 3")
        ]
    assert told == [["x"], ["y"], ["z"]]
