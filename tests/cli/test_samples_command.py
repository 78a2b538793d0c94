"""`seqsearch samples`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqsearch import Samples, SequenceIndex
from seqsearch.cli.main import run
from tests.families import families

GENES = families(6, 8, 60, edits=5, seed=9, prefix="g")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("samples-command")
    SequenceIndex.build(place / "genes.ss", GENES, learn="none", alphabet="dna").close()
    rng = np.random.default_rng(0)
    lines = ["id\t" + "\t".join(f"s{row}" for row in range(9))]
    for row, name in enumerate(GENES.ids):
        kind = (row // 8) % 3
        lines.append(f"{name}\t" + "\t".join(str(rng.poisson(5) * (s % 3 == kind)) for s in range(9)))
    (place / "table.tsv").write_text("\n".join(lines) + "\n")
    (place / "kinds.tsv").write_text("id\tkind\n" + "".join(f"s{s}\tk{s % 3}\n" for s in range(9)))
    return place


def told(capsys: pytest.CaptureFixture[str], folder: Path, *words: object, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["samples", str(folder / "table.tsv"), "--index", str(folder / "genes.ss"), *map(str, words)]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_nearest_samples(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(capsys, folder, "-k", 2)
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["sample", "rank", "neighbour", "distance"]
    assert len(rows) == 1 + 9 * 2
    assert all(int(row[0][1:]) % 3 == int(row[2][1:]) % 3 for row in rows[1:])
    assert "9 samples," in err
    assert "checked on 36 pairs: Spearman 0." in err or "not compared with optimal transport" in err
    lines, quiet = told(capsys, folder, "-k", 2, "-q", "--format", "json")
    assert quiet == ""
    assert [json.loads(line)["neighbour"] for line in lines.splitlines()] == [row[2] for row in rows[1:]]


def test_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix, vectors, plot = tmp_path / "m.tsv", tmp_path / "v.npy", tmp_path / "p.png"
    where = ["--matrix", matrix, "--vectors", vectors, "--plot", plot]
    out, _ = told(capsys, folder, "-k", 0, "-q", *where, "--metadata", folder / "kinds.tsv", "--by", "kind")
    assert out == ""
    made = Samples.of(folder / "table.tsv", folder / "genes.ss")
    assert np.array_equal(np.load(vectors), made.vectors)
    lines = [line.split("\t") for line in matrix.read_text().splitlines()]
    assert lines[0] == ["", *made.ids]
    read = np.array([[float(field) for field in line[1:]] for line in lines[1:]])
    assert np.allclose(read, made.distances(), rtol=1e-4)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_by_optimal_transport(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ot")
    out, _ = told(capsys, folder, "-k", 1, "-q", "--exact")
    made = Samples.of(folder / "table.tsv", folder / "genes.ss")
    first = out.splitlines()[1].split("\t")
    assert float(first[3]) == pytest.approx(made.transport(made.row(first[0]), made.row(first[2])), abs=1e-3)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--by", "kind"], 2, "--by is a column of --metadata: give both"),
        (["--metadata", "x", "--by", "kind"], 2, "--by colours a --plot"),
        (["--exact", "--method", "mean"], 2, "leave out --method"),
        (["--samples-in", "rows"], 1, "9 of 9 features, with 100.0% of the counts, are not in"),
    ],
)
def test_wrong_words(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert message in told(capsys, folder, *words, code=code)[1]
