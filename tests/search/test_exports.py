"""Indexes as files of other programs, read back by these."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import faiss
import hnswlib
import numpy as np
import pytest

from seqsearch import SequenceIndex, read
from seqsearch.cli.main import run
from seqsearch.errors import InputError, MismatchError, UnknownNameError
from seqsearch.search import exports
from seqsearch.sequences import Sequences
from seqsearch.sequences.columns import Value
from tests.families import families

parquet = pytest.importorskip("pyarrow.parquet")
SPACES = {"euclidean": "l2", "cosine": "cosine", "inner-product": "ip"}
STORED = (np.random.default_rng(0).normal(size=(300, 8)) * np.random.default_rng(1).uniform(0.5, 2, (300, 1))).astype(
    "f4"
)
ASKED = np.random.default_rng(2).normal(size=(12, 8)).astype(np.float32)


@pytest.fixture(scope="module", params=SPACES)
def vectors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, SequenceIndex]:
    path = tmp_path_factory.mktemp("export") / "v.ss"
    some = Sequences.from_arrays(STORED, ids=[f"v{k}" for k in range(300)])
    index = SequenceIndex.build(path, some, distance=request.param, index="hnsw")
    index.remove(["v4", "v200"])
    return str(request.param), index


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    some = families(12, 5, 40)
    labelled = Sequences(some.data, some.offsets, some.ids, some.alphabet, some.ids, some.ids)
    return SequenceIndex.build(tmp_path_factory.mktemp("export") / "g.ss", labelled, encoder="kmer")


def names_beside(path: Path) -> list[str]:
    return exports.ids_beside(path).read_text().splitlines()


def test_faiss_reads_an_index_that_answers_alike(vectors: tuple[str, SequenceIndex], tmp_path: Path) -> None:
    space, index = vectors
    assert index.export(tmp_path / "v.faiss", "faiss") == 298
    theirs = faiss.read_index(str(tmp_path / "v.faiss"))
    asked = ASKED / np.linalg.norm(ASKED, axis=1, keepdims=True) if space == "cosine" else ASKED
    scores, rows = theirs.search(asked, 5)
    ours, names = index.search(ASKED, 5, exact=True), names_beside(tmp_path / "v.faiss")
    assert [[names[row] for row in line] for line in rows] == ours.ids.tolist()
    told = {"euclidean": np.sqrt(np.maximum(scores, 0)), "cosine": 1 - scores, "inner-product": -scores}[space]
    np.testing.assert_allclose(told, ours.distances, rtol=1e-4, atol=1e-5)


def test_hnswlib_loads_a_graph(vectors: tuple[str, SequenceIndex], tmp_path: Path) -> None:
    space, index = vectors
    assert index.export(tmp_path / "v.bin", "hnswlib") == 298
    theirs = hnswlib.Index(SPACES[space], 8)
    theirs.load_index(str(tmp_path / "v.bin"))
    theirs.set_ef(300)
    rows, names = theirs.knn_query(ASKED, 5)[0], names_beside(tmp_path / "v.bin")
    ours = index.search(ASKED, 5, exact=True).ids
    found = np.array([[names[row] for row in line] for line in rows])
    assert (found == ours).mean() > 0.95


def test_npy_and_parquet_hold_the_vectors(
    vectors: tuple[str, SequenceIndex], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS", 100)
    _, index = vectors
    live = np.delete(np.arange(300), [4, 200])
    for to in ("npy", "parquet"):
        assert index.export(tmp_path / f"v.{to}", to) == 298
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), STORED[live])
    assert names_beside(tmp_path / "v.npy") == list(index.sequences.ids)
    table = parquet.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["id", "sequence", "label", "description", "vector"]
    np.testing.assert_array_equal(np.array(table["vector"].to_pylist(), np.float32), STORED[live])
    assert read(tmp_path / "v.parquet").digest() == index.sequences[:].digest()


def test_lists_are_exported_as_lists(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(1500, 6)).astype(np.float32)
    with SequenceIndex.build(
        tmp_path / "v.ss", rows, distance="euclidean", index="ivf", index_parameters={"lists": 8}
    ) as index:
        index.export(tmp_path / "v.faiss", "faiss")
        theirs = faiss.read_index(str(tmp_path / "v.faiss"))
        assert theirs.nlist == 8
        theirs.nprobe = 8
        np.testing.assert_array_equal(theirs.search(rows[:9], 4)[1], index.search(rows[:9], 4, exact=True).rows)


def test_sequences_go_out_as_fasta_and_parquet(genes: SequenceIndex, tmp_path: Path) -> None:
    assert genes.export(tmp_path / "g.fa.gz", "fasta") == 60
    back = read(tmp_path / "g.fa.gz")
    assert back.digest() == genes.sequences[:].digest()
    assert list(back.descriptions) == list(back.ids)
    genes.export(tmp_path / "g.parquet", "parquet")
    table = parquet.read_table(tmp_path / "g.parquet")
    assert table["sequence"].to_pylist() == genes.sequences.texts()
    assert table["label"].to_pylist() == list(genes.sequences.ids)
    np.testing.assert_array_equal(table["vector"].to_pylist(), genes.model.embed(genes.sequences))


WHEN = dt.date(2019, 5, 31)
BESIDE: dict[str, tuple[str, list[Value]]] = {
    "year": ("int64", [2019, None, 2**53 + 1, -4]),
    "depth": ("double", [0.5, None, 1e300, -1.0]),
    "kept": ("bool", [True, None, False, False]),
    "seen": ("date32[day]", [WHEN, None, dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    "read": ("timestamp[us]", [dt.datetime(2019, 5, 31, 12, 30, 0, 7), None, dt.datetime(1800, 1, 1), None]),
    "host": ("string", ["", None, "naïve", "cow"]),
    "tags": ("list<element: string>", [["a", "b"], None, [], ["c"]]),
    "label": ("int64", [1, None, 3, 4]),
    "vector": ("string", ["left", None, "", "right"]),
}
KINDS = ("int", "float", "bool", "date", "datetime", "text", "list", "int", "text")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    """Sixty genes, two of them removed, with four values of each kind by turns and a column of none."""
    some = families(12, 5, 40)
    columns = {
        f"{name}:{kind}": [values[row % 4] for row in range(len(some))]
        for (name, (_, values)), kind in zip(BESIDE.items(), KINDS, strict=True)
    }
    path = tmp_path_factory.mktemp("export") / "t.ss"
    columns["nothing:float"] = [None] * len(some)
    index = SequenceIndex.build(path, some, encoder="kmer", columns=columns)
    index.remove([some.ids[0], some.ids[33]])
    return index


def test_parquet_holds_the_columns_of_the_index_typed(
    told: SequenceIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS", 25)
    told.export(tmp_path / "t.parquet", "parquet")
    table = parquet.read_table(tmp_path / "t.parquet")
    shown = [f"columns.{name}" if name in ("label", "vector") else name for name in BESIDE]
    assert table.column_names == ["id", "sequence", "label", "description", *shown, "nothing", "vector"]
    live = np.delete(np.arange(60), [0, 33]).tolist()
    for name, (kind, values) in zip(shown, BESIDE.values(), strict=True):
        assert str(table.schema.field(name).type) == kind
        assert table[name].to_pylist() == [values[row % 4] for row in live]
    assert str(table.schema.field("nothing").type) == "double"
    assert table["nothing"].null_count == 58
    assert table["label"].to_pylist() == [""] * 58
    np.testing.assert_array_equal(table["vector"].to_pylist(), told.model.embed(told.sequences))


def test_columns_have_the_types_of_what_search_writes(told: SequenceIndex, tmp_path: Path) -> None:
    told.export(tmp_path / "t.parquet", "parquet")
    (tmp_path / "q.fasta").write_text(f">q\n{told.sequences[0].text}\n")
    shown = [f"columns.{name}" if name in ("label", "vector") else name for name in BESIDE]
    options = ["-k", "3", "--format", "parquet", "--columns", ",".join(shown), "-o", str(tmp_path / "hits.parquet")]
    assert run(["search", told.path, str(tmp_path / "q.fasta"), *options]) == 0
    hits = parquet.read_schema(tmp_path / "hits.parquet")
    table = parquet.read_schema(tmp_path / "t.parquet")
    assert [hits.field(name).type for name in shown] == [table.field(name).type for name in shown]


def test_an_index_built_from_an_exported_one_has_its_columns(told: SequenceIndex, tmp_path: Path) -> None:
    told.export(tmp_path / "t.parquet", "parquet")
    back = read(tmp_path / "t.parquet", columns=None)
    assert (list(back.ids), back.texts()) == (list(told.sequences.ids), told.sequences.texts())
    before, asked = told.sequences[:].columns, [name for name in BESIDE if name not in ("label", "vector")]
    for name in asked:
        assert back.columns[name].kind == before[name].kind
        assert back.columns[name].tolist() == before[name].tolist()


def test_codes_go_out_as_bytes(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "c.ss", families(12, 5, 40), encoder="kmer", bits=16) as index:
        codes = index.model.vectors(index.sequences)
        index.export(tmp_path / "c.npy", "npy")
        np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), codes)
        index.export(tmp_path / "c.faiss", "faiss")
        assert faiss.read_index_binary(str(tmp_path / "c.faiss")).ntotal == 60
        index.export(tmp_path / "c.parquet", "parquet")
        assert parquet.read_table(tmp_path / "c.parquet")["vector"].to_pylist() == [code.tobytes() for code in codes]
        with pytest.raises(MismatchError, match="hnswlib does not know binary codes"):
            index.export(tmp_path / "c.bin", "hnswlib")


def test_what_does_not_fit_leaves_the_file_that_was_there(vectors: tuple[str, SequenceIndex], tmp_path: Path) -> None:
    _, index = vectors
    place = tmp_path / "v.fa"
    place.write_text("before")
    with pytest.raises(MismatchError, match="FASTA holds dna, rna or protein, not series"):
        index.export(place, "fasta")
    with pytest.raises(UnknownNameError, match="'csv': choose one of archive, npy, faiss, hnswlib, parquet, fasta"):
        index.export(place, "csv")
    with pytest.raises(InputError, match="nowhere.* cannot be written"):
        index.export(tmp_path / "nowhere" / "v.npy", "npy")
    assert place.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["v.fa"]


def test_the_command(genes: SequenceIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "g.npy"
    assert run(["export", genes.path, "--to", "npy", "-o", str(place)]) == 0
    assert f"{place}: 60 rows; {tmp_path / 'g.ids.txt'}: their ids" in capsys.readouterr().err
    assert run(["export", genes.path, "--to", "csv", "-o", str(place)]) == 2
