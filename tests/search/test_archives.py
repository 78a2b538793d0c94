"""An index goes into an archive and comes out of it as it was, of every kind of data."""

from __future__ import annotations

import datetime as dt
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqsearch import SequenceIndex, read
from seqsearch.cli.main import run
from seqsearch.errors import CorruptIndexError, FormatVersionError, IndexExistsError, InputError, NotAnIndexError
from seqsearch.search.archives import layout, reading, writing
from seqsearch.search.pairs import convert_matcher
from seqsearch.sequences import Sequences, SequencesLike, as_sequences
from tests.families import families

GOLDEN = Path(__file__).parent / "golden" / "v1"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
COLUMNS = {
    "year": [2019, None, -(2**60), 4],
    "depth": [0.1, None, float("inf"), -1e300],
    "kept": [True, False, None, True],
    "seen": [dt.date(2019, 5, 31), None, dt.date(1, 1, 1), dt.date(1970, 1, 1)],
    "at": [dt.datetime(2019, 5, 31, 12, 30, 0, 7), None, dt.datetime(1800, 1, 1), None],
    "host": ["", None, 'naïve "cow"\n', "a\tb"],
    "tags": [["a", "b;c"], None, [], ["ü"]],
    "nothing:float": [None] * 4,
}


def _genes(path: Path) -> SequenceIndex:
    """Labels, descriptions, ids that FASTA could not hold, and columns of every kind; two records are gone."""
    some = families(12, 5, 40)
    columns = {name: [values[row % 4] for row in range(60)] for name, values in COLUMNS.items()}
    ids = [f"gene {row}\tü" if row % 7 == 0 else f"g{row}" for row in range(60)]
    given = as_sequences(some.texts(), alphabet="dna", ids=ids, labels=list(some.ids), columns=columns)
    index = SequenceIndex.build(path, given, encoder="kmer", recall=0.9)
    index.remove([ids[3], ids[33]])
    return index


def _names(path: Path) -> SequenceIndex:
    texts = [f"{name} Straße\n{k}" for k in range(8) for name in ("Änne", "OTTO", "\U0001f9ec emil", "ﬁlip", "\x00")]
    return SequenceIndex.build(path, texts, alphabet="text+nfkc+casefold", encoder="kmer", index="hnsw")


def _tokens(path: Path) -> SequenceIndex:
    rng = np.random.default_rng(0)
    some = [rng.integers(0, 2**32, int(n), dtype=np.uint64) for n in rng.integers(1, 30, 40)]
    return SequenceIndex.build(path, Sequences.from_arrays(some, "integers"), encoder="kmer")


def _series(path: Path) -> SequenceIndex:
    rng = np.random.default_rng(1)
    some = [rng.standard_normal((int(n), 2)) for n in rng.integers(5, 30, 40)]
    return SequenceIndex.build(path, some, distance="dtw", learn="none")


def _windows(path: Path) -> SequenceIndex:
    rng = np.random.default_rng(2)
    genes = ["".join(rng.choice(list("ACGT"), 400)) for _ in range(50)]
    options = {"window": 100, "stride": 40}
    return SequenceIndex.build(path, genes, distance="infix", distance_parameters=options, alphabet="dna")


def _own(path: Path) -> SequenceIndex:
    points = np.random.default_rng(3).normal(size=(60, 8)).astype(np.float32)
    return SequenceIndex.build(path, families(12, 5, 40), vectors=points)


def _codes(path: Path) -> SequenceIndex:
    return SequenceIndex.build(path, families(12, 5, 40), encoder="kmer", bits=16)


def _plain(path: Path) -> SequenceIndex:
    points = np.random.default_rng(4).normal(size=(1200, 6)).astype(np.float32)
    return SequenceIndex.build(
        path, points, distance="inner-product", index="ivf", index_parameters={"lists": 8, "bits": 4}
    )


MAKERS: dict[str, Callable[[Path], SequenceIndex]] = {
    maker.__name__[1:]: maker for maker in (_genes, _names, _tokens, _series, _windows, _own, _codes, _plain)
}


@pytest.fixture(scope="module", params=MAKERS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SequenceIndex:
    return MAKERS[request.param](tmp_path_factory.mktemp("archived") / f"{request.param}.ss")


def _asked(index: SequenceIndex) -> tuple[SequencesLike, dict[str, object]]:
    """Some of what is stored as queries, with its vectors where it needs them."""
    some = index.sequences[:][::7]
    if index.info()["encoder"] == "own vectors":
        with index.state() as state:
            return some, {"vectors": state.vectors(np.flatnonzero(state.live)[::7])}
    if index.finds_parts:
        return [text[100:220] for text in some.texts()], {}
    return some, {}


def test_a_round_trip(index: SequenceIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "ROWS", 25)
    monkeypatch.setattr(reading, "ROWS", 19)
    assert index.export(tmp_path / "a.zip", "archive") == len(index)
    with SequenceIndex.import_archive(tmp_path / "again.ss", tmp_path / "a.zip") as again:
        ours, theirs = index.sequences[:], again.sequences[:]
        assert theirs.digest() == ours.digest()
        assert theirs.alphabet == ours.alphabet
        assert (list(theirs.labels), list(theirs.descriptions)) == (list(ours.labels), list(ours.descriptions))
        assert theirs.columns.fields == ours.columns.fields
        assert all(theirs.columns[name].equal(ours.columns[name]) for name in ours.columns)
        asked, vectors = _asked(index)
        learned = index.info()["index"] == "ivf" or "windows" in index.info()  # whose lists are learned again
        same = index.calibration.points and not learned
        for how in ({"exact": True}, {}, {"candidates": 20}) if same else ({"exact": True},):
            found, known = (each.search(asked, 5, **vectors, **how) for each in (again, index))  # type: ignore[arg-type]
            assert found.ids.tolist() == known.ids.tolist(), how
            np.testing.assert_array_equal(found.distances, known.distances)
            assert found.budget == known.budget
        report = again.verify()
        assert report.problems == []
        assert report.recall is None or report.recall > 0.97
        assert again.calibration == index.calibration
        told = (
            "sequences",
            "distance",
            "distance_parameters",
            "encoder",
            "geometry",
            "dim",
            "bits",
            "index",
            "columns",
        )
        assert [again.info().get(name) for name in told] == [index.info().get(name) for name in told]
        again.remove(list(theirs.ids)[:2])
        assert len(again) == len(index) - 2
        index.export(tmp_path / "b.zip", "archive")
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_it_can_be_read_without_seqsearch(tmp_path: Path) -> None:
    with _genes(tmp_path / "g.ss") as index:
        index.export(tmp_path / "g.zip", "archive")
        with zipfile.ZipFile(tmp_path / "g.zip") as file:
            assert file.testzip() is None
            manifest = json.loads(file.read("manifest.json"))
            assert (manifest["version"], manifest["records"], manifest["kind"]) == (1, 58, "tokens")
            records = [json.loads(line) for line in file.read("records.jsonl").splitlines()]
            assert [record["id"] for record in records] == list(index.sequences.ids)
            assert records[0]["columns"] == {
                "year": 2019,
                "depth": 0.1,
                "kept": True,
                "seen": "2019-05-31",
                "at": "2019-05-31T12:30:00.000007",
                "host": "",
                "tags": ["a", "b;c"],
            }
            assert records[2]["columns"]["depth"] == "inf"
            file.extract("sequences.fasta", tmp_path)
            vectors = np.load(io.BytesIO(file.read("vectors.npy")), allow_pickle=False)
            assert b"sequences.fasta" in file.read("README.txt")
        assert read(tmp_path / "sequences.fasta").texts() == index.sequences.texts()
        np.testing.assert_array_equal(vectors, index.model.embed(index.sequences))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("archive")
    with _codes(place / "c.ss") as index:
        index.export(place / "c.zip", "archive")
    return place / "c.zip"


def changed(archive: Path, place: Path, name: str, change: Callable[[bytes], bytes | None]) -> Path:
    """The archive with one file changed, or left out."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(place, "w") as new:
        for entry in old.namelist():
            content = change(old.read(entry)) if entry == name else old.read(entry)
            if content is not None:
                new.writestr(entry, content)
    return place


def _with(**values: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | values).encode()


@pytest.mark.parametrize(
    ("name", "change", "error", "told"),
    [
        ("sequences.fasta", lambda text: text[:-2] + b"R\n", CorruptIndexError, "sequences.fasta has another d"),
        ("vectors.npy", lambda text: text[:-1], CorruptIndexError, "vectors.npy has another size"),
        ("records.jsonl", lambda text: None, CorruptIndexError, "records.jsonl is missing"),
        ("manifest.json", lambda text: None, NotAnIndexError, "not an archive of an index: it has no manifest.json"),
        ("manifest.json", lambda text: b"[", NotAnIndexError, "not an archive of an index"),
        ("manifest.json", _with(format="zip"), NotAnIndexError, "not an archive of an index"),
        (
            "manifest.json",
            _with(version=2, seqsearch="9.1"),
            FormatVersionError,
            "of version 2, written by seqsearch 9.1",
        ),
        ("manifest.json", _with(records=99), CorruptIndexError, "the archive is damaged: .*two lines for each record"),
        ("manifest.json", _with(alphabet={"name": "dna"}), CorruptIndexError, "the archive is damaged"),
        ("manifest.json", _with(columns=[["x", "blob"]]), CorruptIndexError, "a column is of a kind that there is not"),
        ("manifest.json", _with(files={}), CorruptIndexError, "the archive is damaged"),
    ],
)
def test_archives_that_are_refused(
    archive: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes | None], error: type[Exception], told: str
) -> None:
    place = changed(archive, tmp_path / "bad.zip", name, change)
    with pytest.raises(error, match=f"bad.zip: .*{told}"):
        SequenceIndex.import_archive(tmp_path / "x.ss", place)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_what_is_no_archive_and_what_is_there(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no zip")
    with pytest.raises(NotAnIndexError, match=r"a\.txt: not an archive of an index, which `seqsearch export INDEX -o"):
        SequenceIndex.import_archive(tmp_path / "x.ss", tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"none\.zip: cannot be read: No such file"):
        SequenceIndex.import_archive(tmp_path / "x.ss", tmp_path / "none.zip")
    SequenceIndex.import_archive(tmp_path / "x.ss", archive).close()
    with pytest.raises(IndexExistsError, match=r"x\.ss: exists already"):
        SequenceIndex.import_archive(tmp_path / "x.ss", archive)
    SequenceIndex.import_archive(tmp_path / "x.ss", archive, overwrite=True).close()


def test_an_archive_of_pairs(tmp_path: Path) -> None:
    """An index of series of two kinds, with a network for each."""
    with tarfile.open(GOLDEN / "matcher.match.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    convert_matcher(tmp_path / "matcher.match", tmp_path / "p.ss")
    with SequenceIndex.open(tmp_path / "p.ss") as index:
        index.export(tmp_path / "p.zip", "archive")
        asked = Sequences.from_arrays([np.array(series) for series in EXPECTED["queries"]["matcher"]])
        with SequenceIndex.import_archive(tmp_path / "q.ss", tmp_path / "p.zip") as again:
            assert again.search(asked, 3).ids.tolist() == index.search(asked, 3).ids.tolist()
            assert again.info()["pairs"] == index.info()["pairs"]


def test_an_archive_of_version_1_is_imported(tmp_path: Path) -> None:
    """`golden/archives/v1.zip` was written when there was no other version; never write it anew."""
    with SequenceIndex.import_archive(tmp_path / "v1.ss", GOLDEN.parent / "archives" / "v1.zip") as index:
        assert index.search(["GATTACAGATTACAGAATACA", "CCCC"], 2).ids.tolist() == [["a", "b ü"], ["d", "c"]]
        assert (index["b ü"].columns, index["c"].label) == ({"year": 2019}, "short")


def test_the_commands(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "i.ss"
    assert run(["import", str(archive), "-o", str(place), "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["export", str(place), "-o", str(tmp_path / "again.zip")]) == 0
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert run(["import", str(archive), "-o", str(place)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert run(["import", str(archive), "-o", str(place), "--overwrite"]) == 0
    assert f"60 sequences; check it with: seqsearch verify {place}" in capsys.readouterr().err
    assert run(["export", str(place), "-o", str(tmp_path / "x.fa.gz"), "-q"]) == 0
    assert len(read(tmp_path / "x.fa.gz")) == 60
    assert run(["export", str(place), "-o", str(tmp_path / "x.odd")]) == 2
    assert "x.odd does not say a format: --to archive, faiss" in capsys.readouterr().err


def test_the_table_of_files_names_those_there_are() -> None:
    for name in (layout.MANIFEST, layout.RECORDS, layout.FASTA, layout.LINES, layout.STEPS, layout.OFFSETS):
        assert name in (layout.__doc__ or "")
