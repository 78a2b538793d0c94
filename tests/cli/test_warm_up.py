from __future__ import annotations

import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from seqsearch import kernel_cache
from seqsearch.cli.main import run
from seqsearch.errors import ParameterError
from seqsearch.search import warming


def test_says_what_was_compiled_and_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def warm_up(**asked: object) -> warming.Warmed:
        assert asked["level"] == "x86-64-v3"
        return warming.Warmed(17, Path("somewhere"), 3.2)

    monkeypatch.setattr(warming, "warm_up", warm_up)
    assert run(["warm-up", "--level", "x86-64-v3"]) == 0
    assert "17 kernels compiled in 3 s, kept in somewhere" in capsys.readouterr().err


def test_a_level_that_cannot_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm-up", "--level", "z80"]) == 2
    assert "this processor runs no code for 'z80'" in capsys.readouterr().err


def test_a_task_leaves_nothing_to_compile_for_a_search_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `_run` says is what was compiled: of the exact comparisons of DNA nothing, the second time."""
    warming._run("exact, of DNA")
    assert warming._run("exact, of DNA") == 0


def test_every_level_is_named_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "levels_here", lambda: tuple(kernel_cache.LEVELS))
    with pytest.raises(ParameterError, match="x86-64-v4, x86-64-v3"):
        warming.warm_up(level="x86-64-v5")


def test_nowhere_to_keep_anything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(warming, "lasting_folder", lambda: None)
    assert run(["warm-up"]) == 1
    assert "set NUMBA_CACHE_DIR to a folder" in capsys.readouterr().err


def test_a_process_that_is_killed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(warming, "ProcessPoolExecutor", _Broken)
    assert run(["warm-up"]) == 1
    assert "try --threads 1" in capsys.readouterr().err


class _Broken:
    """A pool whose processes were killed."""

    def __init__(self, *_: object) -> None:
        raise BrokenProcessPool


def test_bytecode_is_kept_where_python_would_not_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "one.py").write_text("x = 1\n")
    (tmp_path / "wrong.py").write_text("x = = 1\n")  # says nothing: whoever imports it is told
    warming.keep_bytecode(tmp_path)
    assert [path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")] == ["one"]
