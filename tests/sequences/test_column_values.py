"""Kinds of columns as they are told from fields of a file, objects, arrays and data frames."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from seqsearch.errors import DuplicateIdError, InputError, MismatchError, ParameterError, ParseError
from seqsearch.sequences import ReadReport, Sequences, as_sequences, read, read_batches
from seqsearch.sequences.column_values import UnfitValue, cast, column_of, column_of_texts, kind_of_texts
from seqsearch.sequences.columns import Asked
from seqsearch.sequences.readers.metadata import read_metadata


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-2", "+3", "0", "NA", ""], "int"),
        (["007", "1"], "text"),
        (["1", "2.5", "1e3", "nan"], "float"),
        (["1_000"], "text"),
        (["12345678901234567890"], "text"),
        (["999999999999999999"], "int"),
        (["true", "False", ""], "bool"),
        (["yes", "no"], "text"),
        (["2019-05-31", "null"], "date"),
        (["2019-02-30"], "text"),
        (["2019-05-31T12:30", "2019-05-31 12:30:01.5"], "datetime"),
        (["2019", "2019-05"], "text"),
        (["", "NA"], "text"),
        (["1\n2"], "text"),
        ([], "text"),
    ],
)
def test_kinds_of_fields(texts, kind):
    assert kind_of_texts(texts) == kind


def test_values_of_fields():
    assert column_of_texts(["1", "NA", "", "-3"], "int").tolist() == [1, None, None, -3]
    assert column_of_texts(["NA", "", "x"], "text").tolist() == ["NA", None, "x"]
    assert column_of_texts(["a; b", "", ";"], "list").tolist() == [["a", "b"], None, []]
    assert column_of_texts(["2020-01-01T00:00+02:00"], "datetime").tolist() == [dt.datetime(2019, 12, 31, 22)]
    assert column_of_texts(["2020-01-01", "2020-01-02T03:00"], "datetime").tolist()[1] == dt.datetime(2020, 1, 2, 3)
    assert column_of_texts(["TRUE", "false"], "bool").spelled() == ["true", "false"]
    unfit = []
    assert column_of_texts(["1", "x", "2", "y"], "int", unfit).tolist() == [1, None, 2, None]
    assert [(each.row, each.value) for each in unfit] == [(1, "x"), (3, "y")]
    with pytest.raises(UnfitValue):
        column_of_texts(["2020-01-01T12:00"], "date")


@pytest.mark.parametrize(
    ("given", "kind", "values"),
    [
        ([1, None, 3], "int", [1, None, 3]),
        ([1, 2.5], "float", [1.0, 2.5]),
        ([1.0, float("nan")], "int", [1, None]),
        ([2**63], "text", [str(2**63)]),
        ([True, None], "bool", [True, None]),
        (["a", "", None], "text", ["a", "", None]),
        (["5", 5], "text", ["5", "5"]),
        ([("a", "b"), None, []], "list", [["a", "b"], None, []]),
        ([{"b", "a"}], "list", [["a", "b"]]),
        ([dt.date(1900, 1, 1), None], "date", [dt.date(1900, 1, 1), None]),
        (
            [dt.datetime(2020, 1, 1, 5), dt.date(2020, 1, 1)],
            "datetime",
            [dt.datetime(2020, 1, 1, 5), dt.datetime(2020, 1, 1)],
        ),
        ([None, None], "text", [None, None]),
        (np.array([1, 2], np.uint8), "int", [1, 2]),
        (np.array([0.5, np.nan]), "float", [0.5, None]),
        (np.array([True, False]), "bool", [True, False]),
        (np.array(["2020-01-01", "NaT"], "datetime64[ns]"), "date", [dt.date(2020, 1, 1), None]),
        (np.array(["2020-01-01T01"], "datetime64[s]"), "datetime", [dt.datetime(2020, 1, 1, 1)]),
        (np.array(["x", "y"]), "text", ["x", "y"]),
        (pd.Series([2019, None]), "int", [2019, None]),
        (pd.Series([2019, None], dtype="Int64"), "int", [2019, None]),
        (pd.Series(["a", None], dtype="category"), "text", ["a", None]),
        (pd.Series(pd.to_datetime(["2020-01-01", None])), "date", [dt.date(2020, 1, 1), None]),
        (pl.Series([[], ["a"]], dtype=pl.List(pl.String)), "list", [[], ["a"]]),
        (pa.array([1.5, None]), "float", [1.5, None]),
    ],
)
def test_kinds_of_objects(given, kind, values):
    column = column_of(given)
    assert (column.kind, column.tolist()) == (kind, values)


def test_from_kind_to_kind():
    assert cast(column_of([1, None]), "float").tolist() == [1.0, None]
    assert cast(column_of([1.0, None, 2.0]), "text").spelled() == ["1", "", "2"]
    assert cast(column_of(["a;b", None]), "list").tolist() == [["a", "b"], None]
    assert cast(column_of([["a", "b"]]), "text").tolist() == ["a;b"]
    assert cast(column_of(["2020-01-01", "x"][:1]), "date").tolist() == [dt.date(2020, 1, 1)]
    for given, kind in (([1.5], "int"), (["x"], "float"), ([["a"]], "int"), ([dt.datetime(2020, 1, 1, 1)], "date")):
        with pytest.raises(UnfitValue):
            cast(column_of(given), kind)
    with pytest.raises(UnfitValue):
        column_of([{"a": 1}])


def frames():
    plain = {"id": ["a", "b"], "seq": ["ACGT", "ACGA"], "n": [1, None], "word": ["x", "y"]}
    return [pd.DataFrame(plain), pl.DataFrame(plain), pa.table(plain)]


@pytest.mark.parametrize("frame", frames(), ids=["pandas", "polars", "pyarrow"])
def test_columns_of_data_frames(frame):
    made = as_sequences(frame)
    assert {name: column.tolist() for name, column in made.columns.items()} == {"n": [1, None], "word": ["x", "y"]}
    assert as_sequences(frame, columns=["word"]).columns.fields == (("word", "text"),)
    assert as_sequences(frame, columns=["n:float"]).columns["n"].tolist() == [1.0, None]
    assert not as_sequences(frame, columns=[]).columns
    assert as_sequences(frame, columns={"more": [1, 2]}).columns.fields[-1] == ("more", "int")
    assert made[1].columns == {"n": None, "word": "y"}
    assert as_sequences([made[1], made[0]]).columns["word"].tolist() == ["y", "x"]
    assert Sequences.concatenate([made, as_sequences(["AC"])]).columns["n"].tolist() == [1, None, None]
    with pytest.raises(ParameterError, match="given: there is no column 'w'; the columns are 'id', 'seq', 'n', 'word'"):
        as_sequences(frame, columns=["w"])
    with pytest.raises(InputError, match=r"given: record 1: column 'word' holds 'x', which is not a number"):
        as_sequences(frame, columns=["word:float"])
    with pytest.raises(MismatchError, match="column 'more' has 1 values for 2 sequences"):
        as_sequences(frame, columns={"more": [1]})


def table(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_columns_of_a_text_file(tmp_path):
    path = table(tmp_path, "id,sequence,label,n,when,code\na,ACGT,x,1,2020-01-02,007\nb,ACGA,y,,,\n")
    made = read(path)
    assert made.columns.fields == (("n", "int"), ("when", "date"), ("code", "text"))
    assert made.columns["code"].tolist() == ["007", None]
    assert read(path, columns=["code:int"]).columns["code"].tolist() == [7, None]
    assert not read(path, columns=[]).columns
    with pytest.raises(ParseError, match="line 1: there is no column 'm'; the columns are 'id', 'sequence'"):
        read(path, columns=["m"])
    with pytest.raises(ParameterError, match="columns n mean nothing for a fasta file"):
        read(table(tmp_path, ">a\nACGT\n", "t.fa"), columns=["n"])
    with pytest.raises(ParameterError, match="names no column"):
        Asked.of([":int"])


def test_a_value_that_does_not_fit_is_a_wrong_record(tmp_path):
    path = table(tmp_path, "id,sequence,n\n" + "a,AC,1\nb,AC,2\nc,AC,x\nd,AC,4\n")
    said = (
        r"t\.csv: line 4: record 3 \(c\): column 'n' holds 'x', which is not a whole number, as the values before are: "
    )
    with pytest.raises(InputError, match=said + "name the kind of the column, n:text"):
        list(read_batches(path, size=2))
    report = ReadReport()
    parts = list(read_batches(path, size=2, on_error="skip", report=report))
    assert [list(part.ids) for part in parts] == [["a", "b"], ["d"]]
    assert report.skipped == {"malformed record": 1}
    assert read(path, columns=["n:text"]).columns["n"].tolist() == ["1", "2", "x", "4"]


def test_columns_of_parquet_and_arrow(tmp_path):
    whole = pa.table(
        {
            "id": ["a", "b"],
            "sequence": ["ACGT", "ACGA"],
            "n": pa.array([1, None], pa.int16()),
            "x": pa.array([0.5, float("nan")], pa.float32()),
            "when": pa.array([dt.date(2020, 1, 1), None]),
            "at": pa.array([dt.datetime(2020, 1, 1, 5), None], pa.timestamp("ns")),
            "tags": pa.array([["p", "q"], None]),
            "group": pa.array(["g", None]).dictionary_encode(),
            "ok": [True, None],
            "none": pa.nulls(2),
            "vector": pa.array([[1.0], [2.0]]),
        }
    )
    pa.parquet.write_table(whole, tmp_path / "t.parquet")
    made = read(tmp_path / "t.parquet", alphabet="dna")
    assert [column.tolist()[0] for column in made.columns.values()] == [
        1,
        0.5,
        dt.date(2020, 1, 1),
        dt.datetime(2020, 1, 1, 5),
        ["p", "q"],
        "g",
        True,
        None,
    ]
    assert all(column.tolist()[1] is None for column in made.columns.values())
    assert "vector" not in made.columns
    with pytest.raises(ParseError, match=r"column 'vector' holds list<.*double>, which cannot stand beside sequences"):
        read(tmp_path / "t.parquet", columns=["vector"])
    assert read(tmp_path / "t.parquet", columns=["n:text"], alphabet="dna").columns["n"].tolist() == ["1", None]
    found = read_metadata(tmp_path / "t.parquet", columns=Asked.of(["n", "ok"]))
    assert (list(found.ids), found.columns["n"].tolist()) == (["a", "b"], [1, None])


def test_tables_beside(tmp_path):
    found = read_metadata(table(tmp_path, "#sample\tn\tid2\nx\t1\tu\ny\t2\tv\n", "t.tsv"))
    assert (list(found.ids), found.columns.fields) == (["x", "y"], (("n", "int"), ("id2", "text")))
    assert list(read_metadata(tmp_path / "t.tsv", id_column="id2").ids) == ["u", "v"]
    with pytest.raises(DuplicateIdError, match=r"t\.csv: record 2 \(a\): this id comes twice"):
        read_metadata(table(tmp_path, "id,n\na,1\na,2\n"))
    with pytest.raises(ParseError, match="line 3: record 2: the row has 1 fields, the header 2"):
        read_metadata(table(tmp_path, "id,n\na,1\nb\n"))
    with pytest.raises(InputError, match=r"line 3: record 2 \(b\): column 'n' holds 'x', which is not a whole number"):
        read_metadata(table(tmp_path, "id,n\na,1\nb,x\n"), columns=Asked.of(["n:int"]))
