"""Man pages, completion, and what the site is made from."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from seqsearch.cli.completion import SCRIPTS
from seqsearch.cli.main import COMMANDS, cli
from tests.cli.conftest import Seqsearch

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
import commands  # noqa: E402


def test_every_command_has_a_man_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    written = commands.write(tmp_path)
    names = {path.name for path in written}
    assert {f"seqsearch-{name}.1" for name in COMMANDS} | {"seqsearch.1", "seqsearch-match-train.1"} < names
    page = (tmp_path / "share/man/man1/seqsearch-search.1").read_text()
    assert page.startswith('.TH "SEQSEARCH-SEARCH" "1" "1970-01-01" "seqsearch ')
    assert ".nf\nExamples:\n" in page
    assert "\\fB\\-\\-recall R\\fR\n" in page
    assert not [line for line in page.splitlines() if line.startswith(("'", ".")) and line.split()[0] not in ORDERS]


ORDERS = (".TH", ".SH", ".P", ".PP", ".TP", ".nf", ".fi")


def test_letters_that_roff_would_take_for_orders() -> None:
    page = next(one for one in commands.pages() if one.name == "seqsearch dedup").roff(datetime.date(2026, 11, 30))
    assert ";size=N" in page
    assert commands._escaped(".npy \\S+ 'x'") == "\\&.npy \\eS+ 'x'"


@pytest.mark.parametrize("shell", SCRIPTS)
def test_completion_scripts(shell: str, seqsearch: Seqsearch) -> None:
    said = seqsearch("completion", shell)
    assert said.code == 0
    assert "_SEQSEARCH_COMPLETE" in said.out


def test_unknown_shell(seqsearch: Seqsearch) -> None:
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in seqsearch("completion", "csh").err


def test_what_is_completed() -> None:
    asked = ShellComplete(cli, {}, "seqsearch", "_SEQSEARCH_COMPLETE")
    assert [one.value for one in asked.get_completions([], "ser")] == ["serve"]
    assert [one.value for one in asked.get_completions(["search"], "--min")] == ["--min-identity", "--min-coverage"]
    assert [one.value for one in asked.get_completions(["search", "--strand"], "")] == ["plus", "both"]


def test_a_shell_is_answered() -> None:
    words = {"_SEQSEARCH_COMPLETE": "bash_complete", "COMP_WORDS": "seqsearch nov", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from seqsearch.cli import main; main()"],
        env={**os.environ, **words, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,novelty\n"
