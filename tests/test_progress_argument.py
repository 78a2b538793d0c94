"""`progress=True`, False or an object of one's own, wherever work may be long (trial E20: a build said nothing)."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import seqsearch as ss
from seqsearch.errors import ParameterError
from seqsearch.progress import SILENT, Silent, watched
from seqsearch.progress.drawing import Bars, Lines
from tests.families import families


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(False) is SILENT
    assert isinstance(watched(True), Lines)  # stderr is captured here
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(watched(True), Bars)
    own = Heard()
    assert watched(own) is own
    with pytest.raises(ParameterError, match="progress is True, False or an object .*, not 1"):
        watched(1)  # type: ignore[arg-type]


def test_true_tells_on_stderr_and_false_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    texts = families(5, 2, 30).texts()
    for progress in (True, False):
        with ss.SequenceIndex.build(tmp_path / f"{progress}.ss", texts, encoder="kmer", progress=progress) as index:
            index.search(texts[:2], 1, progress=progress)
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("the alphabet of references was guessed from their letters: dna\n") is progress
        assert (err == "") is not progress


def test_bars_are_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    with Bars().task("embedding", 3) as task:
        task.advance(3)
        task.say("loss 0.5")
    err = capfd.readouterr().err
    assert "embedding" in err
    assert "3/3" in err


def test_every_method_that_tells_takes_a_bool() -> None:
    for name, member in inspect.getmembers(ss.SequenceIndex, callable):
        parameters = inspect.signature(member).parameters if not name.startswith("_") else {}
        if "progress" in parameters:
            assert parameters["progress"].default is False, name
            assert parameters["progress"].annotation == "Watching", name
