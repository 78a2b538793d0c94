"""Tokens, limits, names of hosts, logs: nobody is answered, and nothing is told, that should not be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seqsearch.errors import InputError, ParameterError, ParseError, StorageFullError
from seqsearch.service.app import create_app
from seqsearch.service.hosted import Hosted, Shelf, name_of
from seqsearch.service.limits import Limits
from seqsearch.service.problems import problem_of
from seqsearch.service.running import Service
from seqsearch.service.tokens import Tokens
from tests.service.conftest import READER, WRITER, Ask, asking, service_of

BODY = {"queries": [{"sequence": "ana"}], "k": 1}


@pytest.fixture
def guarded(folders: dict[str, Path]) -> Iterator[tuple[Ask, Service, list[str]]]:
    service, lines = service_of(folders["names"], tokens=True, limits=replace(Limits(), body=2000)), list[str]()
    service.log = lines.append
    yield asking(service), service, lines
    service.close()


def test_every_route_asks_for_a_token(guarded: tuple[Ask, Service, list[str]]) -> None:
    ask, service, _ = guarded
    paths = create_app(service).openapi()["paths"]
    assert len(paths) > 12
    open_to_all = {"/healthz", "/readyz"}
    for path, methods in paths.items():
        filled = path.replace("{name}", "names").replace("{record_id}", "a").replace("{job_id}", "0" * 32)
        for method in methods:
            for token in (None, "", "x", READER[:-1], READER + "x", WRITER.upper()):
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                answer = ask(method.upper(), filled, headers=headers, json=BODY)
                if path in open_to_all:
                    assert answer.status_code == 200
                else:
                    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "needs_token"), (method, path)
                    assert answer.headers["www-authenticate"] == "Bearer"
    assert ask("GET", "/").status_code == 200


def test_tokens_allow_what_they_say(guarded: tuple[Ask, Service, list[str]]) -> None:
    ask, service, _ = guarded
    (names,) = service.shelf.values()
    names.writable = True
    for token, status in ((READER, 403), (WRITER, 404)):
        headers = {"Authorization": f"bearer {token}"}
        assert ask("POST", "/v1/indexes/names/search", json=BODY, headers=headers).status_code == 200
        assert ask("DELETE", "/v1/indexes/names/records/nobody", headers=headers).status_code == status
    assert ask("GET", "/v1/indexes", headers={"Authorization": f"Basic {READER}"}).status_code == 401


def test_files_of_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(f"# who may\n\nread {READER}\nwrite   {WRITER}\n")
    tokens = Tokens.read(path)
    assert [tokens.role(f"Bearer {token}") for token in (READER, WRITER, "x" * 20)] == ["read", "write", None]
    assert READER.encode() not in repr(tokens).encode()
    assert Tokens().role(None) == "write"
    for content, text in (
        ("read short\n", "line 1: the token has fewer than 16"),
        (f"admin {READER}\n", "line 1: is neither"),
        ("# none\n", "there is no token"),
    ):
        path.write_text(content)
        with pytest.raises(ParseError, match=text) as error:
            Tokens.read(path)
        assert READER not in str(error.value)
    with pytest.raises(InputError, match="cannot be read"):
        Tokens.read(tmp_path / "nothing")


def test_large_bodies_are_not_read(guarded: tuple[Ask, Service, list[str]]) -> None:
    ask, _, lines = guarded
    headers = {"Authorization": f"Bearer {READER}", "Content-Type": "application/json"}
    answer = ask("POST", "/v1/indexes/names/search", content=b" " * 2001, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    async def endless() -> object:
        while True:
            yield b" " * 500

    answer = ask("POST", "/v1/indexes/names/search", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert json.loads(lines[-1])["bytes"] <= 2500


def test_slow_bodies_and_slow_answers_are_given_up(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio
    import time

    service = service_of(folders["names"], limits=replace(Limits(), seconds=0.2))
    ask = asking(service)

    async def slow() -> object:
        yield b"{"
        await asyncio.sleep(5)

    answer = ask("POST", "/v1/indexes/names/search", content=slow(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "too_slow")
    (names,) = service.shelf.values()
    search = type(names.index).search
    monkeypatch.setattr(type(names.index), "search", lambda *args, **named: time.sleep(0.6) or search(*args, **named))
    answer = ask("POST", "/v1/indexes/names/search", json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")
    assert answer.headers["retry-after"] == "1"
    service.close()


def test_mistakes_of_ours_are_logged_and_not_told(
    guarded: tuple[Ask, Service, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, service, lines = guarded
    (names,) = service.shelf.values()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr(type(names.index), "search", broken)
    answer = ask("POST", "/v1/indexes/names/search", json=BODY, headers={"Authorization": f"Bearer {READER}"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    told = json.loads(lines[-1])
    assert (told["level"], told["status"], told["error"]) == ("error", 500, "ZeroDivisionError: /secret/path")
    assert READER not in lines[-1]


def test_logs_are_lines_of_json_without_what_was_asked(guarded: tuple[Ask, Service, list[str]]) -> None:
    ask, _, lines = guarded
    ask("GET", "/v1/indexes/names/records?label=sensitive", headers={"Authorization": f"Bearer {READER}"})
    told = json.loads(lines[-1])
    assert set(told) == {"time", "level", "method", "path", "status", "ms", "bytes", "client"}
    assert (told["method"], told["path"], told["status"]) == ("GET", "/v1/indexes/names/records", 200)
    assert "sensitive" not in lines[-1]


def test_pages_of_others_cannot_ask_under_a_name_of_theirs(folders: dict[str, Path]) -> None:
    service = service_of(folders["names"])
    service.hosts = frozenset(("localhost", "127.0.0.1", "[::1]"))
    ask = asking(service)
    for host, status in (("localhost", 200), ("127.0.0.1:8080", 200), ("[::1]:80", 200), ("evil.example:8080", 400)):
        assert ask("GET", "/v1/indexes", headers={"Host": host}).status_code == status
    service.close()


def test_no_path_is_told() -> None:
    error = StorageFullError("/srv/data/refs.ss: disk full")
    told = problem_of(error, {"/srv/data/refs.ss": "refs"})
    assert told is not None
    assert (told.status, "/srv" in told.message, told.headers) == (503, False, {"Retry-After": "60"})
    told = problem_of(ParameterError("/srv/data/refs.ss has none"), {"/srv/data/refs.ss": "refs"})
    assert told is not None
    assert told.message == "refs has none"
    assert problem_of(ZeroDivisionError("x"), {}) is None


def test_names_and_limits(folders: dict[str, Path]) -> None:
    assert [name_of(path) for path in ("a/refs.ss", "refs", "my refs.ss/", "ü.ss")] == ["refs", "refs", "my-refs", "ü"]
    hosted = [Hosted.open(folders["names"], name="x") for _ in range(2)]
    with pytest.raises(ParameterError, match="two indexes are called 'x'"):
        Shelf(hosted)
    for each in hosted:
        each.close()
    with pytest.raises(ParameterError, match="a limit of k must be above 0"):
        replace(Limits(), k=0)
