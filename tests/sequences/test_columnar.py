"""Parquet and Arrow files, against the table they were written from."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqsearch import extras, read, read_batches
from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    EmptySequenceError,
    InputError,
    MissingExtraError,
    ParameterError,
    ParseError,
    SeriesError,
    SymbolError,
)
from seqsearch.sequences import DNA, INTEGERS, TEXT, ReadReport, Sequences

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")

TABLE = {
    "name": ["a", "b", "c", "d", "e"],
    "sequence": ["hello", "wörld", "東京", "x", "𝄞 clef"],
    "class": [1.0, 2.0, None, 1.0, 3.0],
    "comment": ["", "two words", None, "x", "y"],
    "other": [1, 2, 3, 4, 5],
}


def write_parquet(table: object, path: Path) -> None:
    parquet.write_table(table, path, row_group_size=2)


def write_feather(table: object, path: Path) -> None:
    feather.write_feather(table, path, chunksize=3)


def write_ipc(table: object, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as file:  # type: ignore[attr-defined]
        file.write_table(table, max_chunksize=3)


def write_stream(table: object, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as file:  # type: ignore[attr-defined]
        file.write_table(table, max_chunksize=3)


WRITERS: dict[str, Callable[[object, Path], None]] = {
    "a.parquet": write_parquet,
    "a.feather": write_feather,
    "a.arrow": write_ipc,
    "stream.arrow": write_stream,
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[object], Path]:
    """Writes a table in each format; the path."""

    def written(columns: object) -> Path:
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        WRITERS[request.param](table, tmp_path / request.param)
        return tmp_path / request.param

    return written


Write = Callable[[object], Path]


def test_texts(write: Write) -> None:
    path = write(TABLE)
    for size in (1, 2, 65_536):
        parts = list(read_batches(path, size=size))
        assert max(map(len, parts)) <= size
        whole = Sequences.concatenate(parts)
        assert (whole.texts(), list(whole.ids)) == (TABLE["sequence"], TABLE["name"])
        assert list(whole.labels) == ["1", "2", "", "1", "3"]
        assert list(whole.descriptions) == ["", "two words", "", "x", "y"]
        assert whole.alphabet is TEXT


def test_columns_by_name(write: Write) -> None:
    path = write({"read": ["ACGT", "AC"], "n": [7, 8], "kind": ["x", "y"], "id": ["p", "q"]})
    made = read(path, alphabet="dna", id_column="n", sequence_column="READ", label_column="kind")
    assert (made.alphabet, made.texts()) == (DNA, ["ACGT", "AC"])
    assert (list(made.ids), list(made.labels)) == (["7", "8"], ["x", "y"])
    with pytest.raises(ParseError, match=r"^\S+: no column is known to hold the sequences.*'read', 'n'"):
        read(path)
    with pytest.raises(ParseError, match="there is no column 'genus'; the columns are 'read', 'n', 'kind', 'id'"):
        read(path, sequence_column="read", label_column="genus")
    assert list(read(write({"name": ["x", "y"]})).ids) == ["1", "2"]


@pytest.mark.parametrize("kind", ["string", "large_string", "binary", "large_binary", "string_view", "dictionary"])
def test_kinds_of_strings(kind: str, tmp_path: Path) -> None:
    column = pa.array(["ACGT", "AC", "ACGT"])
    typed = column.dictionary_encode() if kind == "dictionary" else column.cast(getattr(pa, kind)())
    write_ipc(pa.table({"sequence": typed}), tmp_path / "a.arrow")
    assert read(tmp_path / "a.arrow").texts() == ["ACGT", "AC", "ACGT"]


def test_series(write: Write) -> None:
    plain = read(write({"x": [[1.0, 2.0], [3.0]], "id": ["a", "b"]}), sequence_column="x")
    assert (plain.kind, plain.data.ravel().tolist(), plain.lengths.tolist()) == ("series", [1, 2, 3], [2, 1])
    wide = read(write({"sequence": [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]]]}))
    assert (wide.features, wide.lengths.tolist()) == (2, [1, 2])
    np.testing.assert_array_equal(wide.data, [[1, 2], [3, 4], [5, 6]])
    fixed = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    assert read(write(pa.table({"sequence": fixed}))).data.ravel().tolist() == [1, 2, 3, 4]
    tokens = read(write({"sequence": [[1, 2], [7]]}), alphabet="integers")
    assert (tokens.alphabet, tokens.data.tolist()) == (INTEGERS, [1, 2, 7])
    with pytest.raises(ParameterError, match="alphabet 'dna' does not fit column 'sequence', which holds lists"):
        read(write({"sequence": [[1.0]]}), alphabet="dna")
    with pytest.raises(SeriesError, match=r"record 2 \(2\): value nan at step 1"):
        read(write({"sequence": [[1.0], [None, 2.0]]}))
    with pytest.raises(ParseError, match="column 'sequence' holds steps of 2 and of other numbers of features"):
        read(write({"sequence": [[[1.0, 2.0], [3.0]]]}))
    with pytest.raises(ParseError, match="column 'sequence' holds list<.*string>: series are lists of numbers"):
        read(write({"sequence": [["a"]]}))


def test_wrong_records(write: Write) -> None:
    path = write({"id": ["a", "b", "c", "a", "e"], "sequence": ["ACGT", None, "AC!", "AC", ""]})
    with pytest.raises(EmptySequenceError, match=r"record 2 \(b\): the sequence is empty"):
        read(path, alphabet="dna")
    report = ReadReport()
    assert list(read(path, alphabet="dna", on_error="skip", report=report).ids) == ["a"]
    assert report.skipped == {"empty sequence": 2, "symbol outside the alphabet": 1, "duplicate id": 1}
    with pytest.raises(SymbolError, match=r"record 1 \(a\): symbol '!' at position 3"):
        read(write({"id": ["a"], "sequence": ["AC!"]}), alphabet="dna")
    with pytest.raises(DuplicateIdError, match="the id 'a' was used before, by record 1"):
        read(write({"id": ["a", "a"], "sequence": ["x", "y"]}))
    with pytest.raises(ParseError, match="record 2: the record has no id"):
        read(write({"id": ["a", None], "sequence": ["x", "y"]}))
    with pytest.raises(EmptyInputError, match="the file holds no record"):
        read(write(pa.table({"sequence": pa.array([], pa.string())})))
    with pytest.raises(ParseError, match="column 'sequence' holds int64: sequences are strings, or lists of numbers"):
        read(write({"sequence": [1, 2]}))


def test_compressed_and_from_a_pipe(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(TABLE)
    expected = read(path).digest()
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed).digest() == expected
    other = path.rename(path.with_name("named.after.nothing"))
    assert read(other).digest() == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(other.read_bytes())))
    assert read("-").digest() == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_an_error_of_ours(write: Write, data: st.DataObject) -> None:
    raw = bytearray(write(TABLE).read_bytes())
    cut = data.draw(st.integers(1, len(raw)))
    del raw[cut:]
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[place] ^= 0xFF
    format = "parquet" if raw.startswith(b"PAR1") else "arrow"
    path = write(TABLE).with_name("damaged")
    path.write_bytes(raw)
    with contextlib.suppress(InputError):
        read(path, format=format)


def test_a_package_that_is_missing_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(TABLE)

    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name="pyarrow")

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"this needs pyarrow, .*: pip install 'seqsearch\[frames\]'"):
        read(path)
