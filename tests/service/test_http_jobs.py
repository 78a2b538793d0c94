"""Jobs: answered as a search is, kept over restarts, whole or not at all."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow.parquet
import pytest

import seqsearch as ss
from seqsearch.cli.main import run
from seqsearch.service.jobs import Job, JobFolder
from seqsearch.service.questions import Search
from tests.service.conftest import Ask, asking, service_of, with_jobs


@pytest.fixture
def queries(genes: ss.Sequences, tmp_path: Path) -> Path:
    path = tmp_path / "queries.fasta"
    ss.write_fasta(path, genes[::7])
    return path


def done(ask: Ask, job: str) -> dict[str, Any]:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        told: dict[str, Any] = ask("GET", f"/v1/jobs/{job}").json()
        if told["status"] in ("done", "failed"):
            return told
        time.sleep(0.01)
    raise AssertionError("the job is not done")


def sent(ask: Ask, queries: Path, options: str) -> str:
    fasta = {"content": queries.read_bytes(), "headers": {"Content-Type": "text/x-fasta"}}
    answer = ask("POST", f"/v1/jobs?{options}", **fasta)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    job: str = answer.json()["id"]
    return job


WAYS = (
    {"k": "3"},
    {"k": "2", "strand": "both", "columns": "query,target,label,identity,cigar"},
    {"k": "5", "max_distance": "5"},
)


@pytest.mark.parametrize("options", WAYS)
def test_results_are_those_of_the_command(
    ask: Ask, folders: dict[str, Path], queries: Path, capsys: pytest.CaptureFixture[str], options: dict[str, str]
) -> None:
    job = sent(ask, queries, urlencode({"index": "genes", **options}))
    told = done(ask, job)
    assert (told["status"], told["queries"]) == ("done", 29)
    for form in ("tsv", "json", "blast6"):
        given = {name: value for name, value in options.items() if form != "blast6" or name != "columns"}
        flags = [f"-{name}" if name == "k" else f"--{name.replace('_', '-')}" for name in given]
        asked = [word for pair in zip(flags, given.values(), strict=True) for word in pair]
        capsys.readouterr()
        assert run(["search", str(folders["genes"]), str(queries), "--quiet", "--format", form, *asked]) == 0
        assert ask("GET", f"/v1/jobs/{job}/result?format={form}").text == capsys.readouterr().out
    parquet = pyarrow.parquet.read_table(io.BytesIO(ask("GET", f"/v1/jobs/{job}/result?format=parquet").content))
    lines = ask("GET", f"/v1/jobs/{job}/result?format=json").text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert parquet.to_pylist() == [{name: row[name] for name in parquet.column_names} for row in rows]


def test_jobs_of_json_of_series_and_of_names(ask: Ask) -> None:
    body = {
        "index": "names",
        "queries": [{"id": "x", "sequence": "ana"}],
        "k": 1,
        "columns": ["query", "target", "born", "town"],
    }
    job = ask("POST", "/v1/jobs", json=body).json()["id"]
    assert done(ask, job)["hits"] == 1
    assert ask("GET", f"/v1/jobs/{job}/result").text == "query\ttarget\tborn\ttown\nx\ta\t1950\tUlm\n"
    job = ask("POST", "/v1/jobs", json={"index": "series", "fasta": "1 2 3 4\n4,3,2,1", "k": 1}).json()["id"]
    assert done(ask, job)["queries"] == 2
    assert len(ask("GET", f"/v1/jobs/{job}/result").text.splitlines()) == 3
    refused = ask("GET", f"/v1/jobs/{job}/result?format=blast6")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no_alignments")


def test_jobs_that_fail_say_why(ask: Ask, folders: dict[str, Path]) -> None:
    for fasta, code, text in (
        (b">a\nACGT\n>b\nAC!T\n", "bad_input", "queries: "),
        (b">a\nACGT\n>a\nACGT\n", "duplicate_id", "'a'"),
        (b"", "no_queries", "no queries"),
    ):
        head = {"Content-Type": "text/x-fasta"}
        job = ask("POST", "/v1/jobs?index=genes", content=fasta, headers=head).json()["id"]
        told = done(ask, job)
        assert (told["status"], told["error"]["code"]) == ("failed", code)
        assert text in told["error"]["message"]
        assert "/" not in told["error"]["message"]
        result = ask("GET", f"/v1/jobs/{job}/result")
        assert (result.status_code, result.json()["error"]["code"]) == (409, "failed")


def test_what_is_no_job(ask: Ask) -> None:
    for job in ("0" * 32, "nothing", "x..y", "%00"):
        assert ask("GET", f"/v1/jobs/{job}").status_code == 404
        assert ask("DELETE", f"/v1/jobs/{job}").status_code == 404
    assert ask("POST", "/v1/jobs", json={"index": "nothing", "fasta": "A"}).status_code == 404
    assert ask("POST", "/v1/jobs", json={"index": "genes"}).status_code == 422
    assert ask("POST", "/v1/jobs", json={"index": "genes", "fasta": "A", "k": 1000}).status_code == 422
    assert ask("POST", "/v1/jobs?k=1", content=b">a\nA", headers={"Content-Type": "text/x-fasta"}).status_code == 422


def test_jobs_are_forgotten(ask: Ask, queries: Path) -> None:
    job = sent(ask, queries, "index=genes&k=1")
    done(ask, job)
    assert ask("DELETE", f"/v1/jobs/{job}").status_code == 204
    assert ask("GET", f"/v1/jobs/{job}").status_code == 404


def test_a_service_without_jobs(folders: dict[str, Path]) -> None:
    made = service_of(folders["names"])
    answer = asking(made)("POST", "/v1/jobs", json={"index": "names", "fasta": "A"})
    made.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_jobs")


@pytest.fixture
def stopped(folders: dict[str, Path], queries: Path, tmp_path: Path) -> tuple[Path, Job, bytes]:
    """A folder with a finished job, its result; what a killed service leaves is put beside it."""
    folder = tmp_path / "jobs"
    made = with_jobs(service_of(folders["genes"]), folder)
    ask = asking(made)
    job = sent(ask, queries, "index=genes&k=3")
    done(ask, job)
    result = ask("GET", f"/v1/jobs/{job}/result").content
    made.close()
    return folder, Job(folder / job), result


def test_finished_jobs_stay_and_others_are_answered_after_a_restart(
    stopped: tuple[Path, Job, bytes], folders: dict[str, Path]
) -> None:
    folder, finished, result = stopped
    queued = folder / ("1" * 32)
    halfway = folder / ("2" * 32)
    for place in (queued, halfway):
        place.mkdir()
        for name in ("request.json", "queries"):
            (place / name).write_bytes((finished.folder / name).read_bytes())
    (halfway / "result.jsonl").write_text('{"query": "half of a li')  # written, but not said to be done
    (halfway / ".partial-0-result.jsonl").write_text("x")
    (folder / ".new-3").mkdir()
    before = finished.result.stat().st_mtime_ns
    made = with_jobs(service_of(folders["genes"]), folder)
    ask = asking(made)
    try:
        for job in (finished.id, queued.name, halfway.name):
            assert done(ask, job)["status"] == "done"
            assert ask("GET", f"/v1/jobs/{job}/result").content == result
        assert finished.result.stat().st_mtime_ns == before
        assert not (folder / ".new-3").exists()
        assert len(list(JobFolder(folder))) == 3
    finally:
        made.close()


def test_a_service_that_stops_leaves_a_long_job_for_the_next(
    folders: dict[str, Path], queries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jobs"
    made = with_jobs(service_of(folders["genes"]), folder)
    search, asked = Search.answer, threading.Event()

    def slow(self: Search, parts: list[ss.Sequences]) -> object:
        asked.set()
        time.sleep(0.3)
        return search(self, parts)

    monkeypatch.setattr(Search, "answer", slow)
    monkeypatch.setattr(Search, "first", 1)
    job = sent(asking(made), queries, "index=genes&k=3")
    assert asked.wait(5)
    start = time.monotonic()
    made.close()
    assert time.monotonic() - start < 5  # one by one it would take nine
    monkeypatch.undo()
    assert Job(folder / job).summary is None
    assert not Job(folder / job).result.exists()
    again = with_jobs(service_of(folders["genes"]), folder)
    assert done(asking(again), job)["hits"] == 87
    again.close()
