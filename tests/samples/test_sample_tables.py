"""Tables of counts: what is read, and what wrong ones are called."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    InputError,
    MismatchError,
    MissingExtraError,
    ParseError,
    SeqsearchError,
)
from seqsearch.samples import SampleTable, read_table

COUNTS = np.array([[3, 0, 1], [0, 2, 2.5]])
BY_FEATURE = "#OTU ID\tgut\tsoil\na\t3\t0\nb\t0\t2\nc\t1\t2.5\n"


def dense(table: SampleTable) -> np.ndarray:
    whole = np.zeros((len(table), len(table.features)))
    for row in range(len(table)):
        for at in range(table.offsets[row], table.offsets[row + 1]):
            whole[row, table.columns[at]] = table.values[at]
    return whole


def written(tmp_path: Path, text: str, name: str = "table.tsv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        BY_FEATURE,
        "# Constructed from biom file\n" + BY_FEATURE,
        BY_FEATURE.replace("#OTU ID\t", ""),  # as R writes it
        "id\tgut\ttaxonomy\tsoil\na\t3\tk__A; p__\t0\nb\t0\tk__B\t2\nc\t1\t\t2.5\n",
        BY_FEATURE.replace("\t", ","),
    ],
)
def test_text_as_programs_write_it(tmp_path: Path, text: str) -> None:
    table = read_table(written(tmp_path, text))
    assert table.samples == ("gut", "soil")
    assert table.features == ("a", "b", "c")
    assert np.array_equal(dense(table), COUNTS)


def test_rows_that_are_samples(tmp_path: Path) -> None:
    path = written(tmp_path, "sample\ta\tb\tc\ngut\t3\t0\t1\nsoil\t0\t2\t2.5\n")
    for table in (
        read_table(path, samples="rows"),
        read_table(path, is_feature=lambda names: sum(name in "abc" for name in names)),
    ):
        assert table.samples == ("gut", "soil")
        assert np.array_equal(dense(table), COUNTS)


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv.gz"
    path.write_bytes(gzip.compress(BY_FEATURE.encode()))
    assert np.array_equal(dense(read_table(path)), COUNTS)


def test_shares_and_masses() -> None:
    table = SampleTable.of(COUNTS, ["gut", "soil"], "abc")
    assert np.allclose(table.masses, [0.375, 2 / 9, 0.125 + 2.5 / 9])
    assert np.allclose(table.sample(1)[1], [2 / 4.5, 2.5 / 4.5])
    some = table.with_features(np.array([0, 2])).with_samples(np.array([1]))
    assert (some.samples, some.features, some.shares("soil")) == (("soil",), ("a", "c"), {"c": 1.0})


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("id\tgut\tsoil\na\t1\t2\nb\t1\ttwo\n", InputError, r"\.tsv: line 3: record 2 \(b\): column 'soil': .*'two'"),
        ("id\tgut\tsoil\na\t-1\t2\n", InputError, r"line 2: record 1 \(a\): column 'gut': .* 0 or more, not '-1'"),
        ("id\tgut\na\tnan\n", InputError, r"column 'gut': a count is a number, 0 or more, not 'nan'"),
        ("# from biom\nid\tgut\na\tinf\n", InputError, r"line 3: record 1 \(a\): column 'gut'"),
        ("id\tgut\tsoil\na\t1\nb\t1\t2\n", ParseError, r"line 2: record 1: the row has 2 fields, the header 3"),
        ("id\tgut\tgut\na\t1\t2\n", DuplicateIdError, r"record 2 \(gut\): this sample comes twice"),
        ("id\tgut\na\t1\na\t2\n", DuplicateIdError, r"record 2 \(a\): this feature comes twice"),
        ("id\tgut\n\t1\n", InputError, r"record 1: the feature has no name"),
        ("id\tgut\n", EmptyInputError, r"a line of names and no counts"),
        ("id\na\nb\n", ParseError, r"line 1: one column only, 'id'"),
        ("", EmptyInputError, r"the file is empty"),
        ("# only a comment\n", EmptyInputError, r"the file holds no table"),
    ],
)
def test_wrong_text(tmp_path: Path, text: str, kind: type[SeqsearchError], message: str) -> None:
    with pytest.raises(kind, match=message):
        read_table(written(tmp_path, text))


def test_wrong_arrays() -> None:
    with pytest.raises(InputError, match=r"table: record b: column 'gut': a count is 0 or more, not -1"):
        SampleTable.of([[1, -1]], ["gut"], ["a", "b"])
    with pytest.raises(MismatchError, match=r"shape \(1, 2\) for 2 samples of 2 features"):
        SampleTable.of([[1, 1]], ["gut", "soil"], ["a", "b"])


def test_biom(tmp_path: Path) -> None:
    biom = pytest.importorskip("biom")
    made = biom.Table(COUNTS.T, ["a", "b", "c"], ["gut", "soil"])
    path = tmp_path / "table.biom"
    path.write_text(made.to_json("test"))
    assert np.array_equal(dense(read_table(path)), COUNTS)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "two.biom", "w") as file:
        made.to_hdf5(file, "test")
    table = read_table(tmp_path / "two.biom")
    assert (table.samples, table.features) == (("gut", "soil"), ("a", "b", "c"))
    assert np.array_equal(dense(table), COUNTS)


def test_biom_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, json.dumps({"format": "Biological Observation Matrix 1.0.0", "rows": 1}), "t.biom")
    with pytest.raises(ParseError, match=r"t\.biom: not a BIOM table"):
        read_table(path)
    monkeypatch.setitem(__import__("sys").modules, "biom", None)
    with pytest.raises(MissingExtraError, match=r"needs biom, .* pip install 'seqsearch\[samples\]'"):
        read_table(path)
