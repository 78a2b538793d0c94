"""seqsearch bench: a table, rows, a picture, and a recommendation whose command line works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, write_fasta
from seqsearch.cli.bench import recommendation
from seqsearch.cli.options import Reading
from seqsearch.evaluation import Sweep
from seqsearch.evaluation.comparing import Cell, Compared, Comparison
from seqsearch.search import SweepRow
from seqsearch.sequences import Sequences
from tests.cli.conftest import Seqsearch

QUICK = ("--encoders", "kmer", "--seconds", "2", "--recall", "0.5", "-q")


@pytest.fixture
def genes(references: Sequences, tmp_path: Path) -> Path:
    path = tmp_path / "my genes.fasta"
    write_fasta(path, references)
    return path


def test_a_table_a_picture_and_a_command_that_works(
    seqsearch: Seqsearch, genes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = seqsearch("bench", genes, *QUICK, "--kinds", "exact,hamming", "--plot", "bench.png")
    assert said.code == 0, said.err
    assert "180 stored, 20 queries, k = 10, at recall 0.5" in said.out
    assert re.search(r"kmer .* exact ", said.out)
    assert re.search(r"kmer .* hamming 128 ", said.out)
    assert "no index (--exact)" in said.out
    assert Path("bench.png").read_bytes().startswith(b"\x89PNG")
    words = shlex.split(said.lines[-1])
    assert words[:3] == ["seqsearch", "build", str(genes)]
    assert seqsearch(*words[1:], "-q").code == 0
    with SequenceIndex.open("my genes.ss") as built:
        assert len(built) == 200
        assert built.info()["encoder"] == "kmer"


def test_rows_as_json_and_the_advice_beside_them(seqsearch: Seqsearch, genes: Path, queries: Path) -> None:
    said = seqsearch("bench", genes, *QUICK, "--kinds", "exact", "--queries", queries, "--format", "json")
    assert said.code == 0, said.err
    rows = [json.loads(line) for line in said.lines]
    assert [row["series"] for row in rows[:-1]] == ["kmer, exact"] * (len(rows) - 1)
    assert rows[-1]["series"] == "no index (--exact)"
    assert {"candidates", "recall", "candidate_recall", "qps", "p50_ms", "p99_ms", "build_s"} <= set(rows[0])
    assert "seqsearch build" in said.err


def test_rows_as_tsv(seqsearch: Seqsearch, genes: Path) -> None:
    said = seqsearch("bench", genes, *QUICK, "--kinds", "exact", "--format", "tsv")
    header = said.lines[0].split("\t")
    assert header[:4] == ["series", "encoder", "index", "bits"]
    assert all(len(line.split("\t")) == len(header) for line in said.lines)


def test_wrong_names_are_usage_errors(seqsearch: Seqsearch, genes: Path) -> None:
    said = seqsearch("bench", genes, "--encoders", "nothing")
    assert said.code == 2
    assert "no encoder 'nothing'" in said.err
    assert not said.out


PLAINLY = Reading()


def of(qps: float, recall: float, bits: int | None = None) -> Compared:
    rows = Sweep([SweepRow(100, 100, recall, recall, qps, 1.0, 2.0)])
    cell = Cell("projection", "hamming" if bits else "hnsw", bits, rows)
    asked = Comparison(recall=0.95, distance="dtw", distance_parameters={"window": 0.1}, seed=3)
    return Compared(asked, [cell], 1000, 50, 200.0)


def test_the_command_repeats_what_was_asked() -> None:
    reading = Reading(input_format="npz", id_column="my id", on_error="skip")
    said = recommendation(of(5000, 0.97, bits=64), "in/beats.npz", reading)
    assert "projection, hamming 64 bits: 100 candidates reach 0.9700 at 5,000 queries/s, 25.0 times as fast" in said
    assert said.splitlines()[-1].strip() == (
        "seqsearch build in/beats.npz -o beats.ss --encoder projection --index hamming --bits 64 --recall 0.95 "
        "--distance dtw -D window=0.1 --seed 3 --input-format npz --id-column 'my id' --on-error skip"
    )


def test_comparing_with_everything_is_recommended_where_it_is_fastest() -> None:
    said = recommendation(of(100, 0.97), "x.npz", PLAINLY)
    assert said.startswith("Comparing with everything is as fast as any index here: 200 queries/s")
    assert "--exact" in said


def test_nothing_is_recommended_where_nothing_reaches_it() -> None:
    said = recommendation(of(5000, 0.9), "x.npz", PLAINLY)
    assert said.startswith("No cell reaches recall 0.95")
    assert "seqsearch build" not in said
