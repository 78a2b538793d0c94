"""Records over HTTP: looked up, listed, and changed where that is allowed; other processes' changes are seen."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqsearch as ss
from tests.service.conftest import Ask, asking, service_of


@pytest.fixture
def own(folders: dict[str, Path], tmp_path: Path) -> Iterator[tuple[Ask, Path]]:
    """A service of the names that may be changed, and their folder."""
    path = tmp_path / "names.ss"
    shutil.copytree(folders["names"], path)
    made = service_of(path, writable=True)
    yield asking(made), path
    made.close()


def test_records_by_id(ask: Ask) -> None:
    told = ask("GET", "/v1/indexes/names/records/h%2F1").json()
    assert told == {
        "id": "h/1",
        "sequence": "hanna",
        "label": "f",
        "description": "",
        "length": 5,
        "columns": {"born": 1999, "town": None},
    }
    assert ask("GET", "/v1/indexes/names/records/ö%20ö").json()["sequence"] == "ottos"
    gone = ask("GET", "/v1/indexes/names/records/x")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_id")
    assert len(ask("GET", "/v1/indexes/series/records/3").json()["values"]) == 20


def test_records_by_label_and_condition(ask: Ask) -> None:
    def ids(query: str) -> tuple[int, list[str]]:
        told = ask("GET", f"/v1/indexes/names/records?{query}").json()
        return told["total"], [one["id"] for one in told["records"]]

    assert ids("label=f") == (2, ["a", "h/1"])
    assert ids("where=born > 1960") == (2, ["h/1", "ö ö"])
    assert ids("limit=1&offset=2") == (4, ["o"])
    assert ids("offset=99") == (4, [])
    assert ask("GET", "/v1/indexes/names/records?label=f&where=born = 1").status_code == 422
    assert ask("GET", "/v1/indexes/names/records?limit=0").status_code == 422
    assert ask("GET", "/v1/indexes/names/records?where=x = 1").json()["error"]["code"] == "bad_condition"


def test_records_by_several_ids(ask: Ask) -> None:
    body = {"ids": ["o", "x", "a", "o"]}
    found = ask("POST", "/v1/indexes/names/records/lookup", json=body).json()["records"]
    assert [one and one["sequence"] for one in found] == ["otto", None, "anna", "otto"]
    held = ask("POST", "/v1/indexes/names/records/lookup", json={**body, "records": False}).json()["held"]
    assert held == [True, False, True, True]


def test_nothing_changes_where_it_may_not(ask: Ask) -> None:
    for method, path in (("POST", ""), ("PUT", ""), ("DELETE", ""), ("DELETE", "/a")):
        answer = ask(method, f"/v1/indexes/names/records{path}", json={"ids": ["a"]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "read_only")
        assert answer.json()["error"]["remedy"] == "seqsearch serve --writable"


def test_records_are_added_replaced_and_removed(own: tuple[Ask, Path]) -> None:
    ask, path = own
    new = {"id": "e", "sequence": "emil", "label": "m", "columns": {"born": 2001}}
    added = ask("POST", "/v1/indexes/names/records", json={"records": [new, {"id": "k", "sequence": "karl"}]})
    assert (added.status_code, added.json()) == (201, {"added": 2, "sequences": 6})
    told = ask("GET", "/v1/indexes/names/records/e").json()
    assert (told["sequence"], told["label"], told["columns"]) == ("emil", "m", {"born": 2001, "town": None})
    body = {"queries": [{"sequence": "emil"}], "k": 1}
    assert ask("POST", "/v1/indexes/names/search", json=body).json()["results"][0]["hits"][0]["target"] == "e"
    with ss.SequenceIndex.open(path) as other:
        assert other["e"].text == "emil"
    changed = ask("PUT", "/v1/indexes/names/records", json={"records": [{"id": "e", "sequence": "emily"}]})
    assert changed.json() == {"updated": 1, "sequences": 6}
    assert ask("GET", "/v1/indexes/names/records/e").json()["columns"]["born"] == 2001
    fasta = {"content": b">x\nxaver\n>y\nyvonne\n", "headers": {"Content-Type": "text/x-fasta"}}
    assert ask("POST", "/v1/indexes/names/records", **fasta).json() == {"added": 2, "sequences": 8}
    assert ask("DELETE", "/v1/indexes/names/records", json={"ids": ["e", "x"]}).json()["sequences"] == 6
    assert ask("DELETE", "/v1/indexes/names/records/h%2F1").json() == {"removed": 1, "sequences": 5}
    assert ask("GET", "/v1/indexes/names/records/h%2F1").status_code == 404


def test_changes_that_do_not_fit_change_nothing(own: tuple[Ask, Path]) -> None:
    ask, path = own
    place = "/v1/indexes/names/records"
    for method, body, status, code in (
        ("POST", {"records": [{"id": "n", "sequence": "neu"}, {"id": "a", "sequence": "da"}]}, 409, "duplicate_id"),
        ("POST", {"records": [{"id": "n", "sequence": "neu"}, {"id": "n", "sequence": "neu"}]}, 409, "duplicate_id"),
        ("POST", {"records": [{"id": "n", "sequence": ""}]}, 422, "bad_input"),
        ("POST", {"records": [{"id": "", "sequence": "x"}]}, 422, "bad_parameter"),
        ("POST", {"records": [{"id": "n", "sequence": "x", "columns": {"born": "early"}}]}, 422, "bad_input"),
        ("POST", {"records": [{"id": "n", "sequence": "x", "columns": {"colour": "red"}}]}, 422, "unknown_column"),
        ("POST", {"fasta": "anna"}, 422, "bad_input"),
        ("POST", {}, 422, "no_queries"),
        ("PUT", {"records": [{"id": "n", "sequence": "x"}]}, 404, "unknown_id"),
        ("DELETE", {"ids": ["a", "n"]}, 404, "unknown_id"),
        ("DELETE", {"ids": []}, 422, "bad_parameter"),
    ):
        answer = ask(method, place, json=body)
        assert answer.status_code == status, (body, answer.text)
        assert answer.json()["error"]["code"] == code or not code
        assert str(path.parent) not in answer.text
    assert ask("GET", place).json()["total"] == 4


def test_commits_of_others_are_seen(own: tuple[Ask, Path]) -> None:
    ask, path = own
    body = {"queries": [{"sequence": "zora"}], "k": 1}
    assert ask("POST", "/v1/indexes/names/search", json=body).json()["results"][0]["hits"][0]["distance"] > 0
    with ss.SequenceIndex.open(path) as other:
        other.add(ss.as_sequences(["zora"], "text", ids=["z"]))
        time.sleep(0.03)
        assert ask("POST", "/v1/indexes/names/search", json=body).json()["results"][0]["hits"][0]["target"] == "z"
        other.remove(["z"])
        other.compact()
        time.sleep(0.03)
        assert ask("POST", "/v1/indexes/names/search", json=body).json()["results"][0]["hits"][0]["distance"] > 0
    assert ask("GET", "/v1/indexes").json()["indexes"][0]["sequences"] == 4
