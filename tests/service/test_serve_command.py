"""`seqsearch serve`: what it refuses to do, and what it makes of its options."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from seqsearch.cli.main import run
from seqsearch.service import serving
from seqsearch.service.running import Service


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Service, str, int]]:
    """What would be served."""
    seen: list[tuple[Service, str, int]] = []

    def serve(service: Service, host: str, port: int) -> None:
        seen.append((service, host, port))
        service.close()

    monkeypatch.setattr(serving, "serve", serve)
    return seen


def test_options(
    served: list[tuple[Service, str, int]], folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: list[object] = ["--port", "9999", "--max-k", "7", "--max-queries", "8", "--jobs", tmp_path / "j"]
    options += ["--allow-host", "genes.org"]
    assert run(["serve", str(folders["genes"]), str(folders["names"]), *map(str, options)]) == 0
    ((service, host, port),) = served
    assert (host, port, service.limits.k, service.limits.queries) == ("127.0.0.1", 9999, 7, 8)
    assert service.hosts >= {"localhost", "127.0.0.1", "[::1]", "genes.org"}
    assert [(one.name, one.writable) for one in service.shelf.values()] == [("genes", False), ("names", False)]
    assert (tmp_path / "j").is_dir()
    assert not service.tokens
    assert capsys.readouterr().err == "http://127.0.0.1:9999/  (genes, names)\n"


def test_what_others_reach_needs_tokens_to_be_written_to(
    served: list[tuple[Service, str, int]], folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["serve", str(folders["names"]), "--host", "0.0.0.0", "--writable"]
    assert run(options) == 2
    assert "--writable at 0.0.0.0, which others reach, needs --token-file" in capsys.readouterr().err
    (tmp_path / "tokens").write_text("write 0123456789abcdef\n")
    assert run([*options, "--token-file", str(tmp_path / "tokens")]) == 0
    assert served[0][0].hosts == frozenset()
    assert served[0][0].tokens


def test_what_is_not_there(folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", str(tmp_path / "nothing.ss")]) == 1
    assert run(["serve", str(folders["names"]), str(folders["names"])]) == 2
    assert "two indexes are called 'names'" in capsys.readouterr().err
    assert run(["serve", str(folders["names"]), "--token-file", str(tmp_path / "nothing")]) == 1
    assert run(["serve"]) == 2


def test_a_missing_extra_is_named(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert run(["serve", str(folders["names"])]) == 1
    assert "pip install 'seqsearch[serve]'" in capsys.readouterr().err
