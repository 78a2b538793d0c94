"""What users rely on: every public name exists, is documented, and importing the package is cheap."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import seqsearch
from seqsearch import errors
from seqsearch.cli.main import COMMANDS

README = Path("README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", seqsearch.__all__)
def test_public_names_are_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(seqsearch, name))


def test_every_public_method_of_the_front_door_is_documented() -> None:
    undocumented = [
        name
        for name, member in inspect.getmembers(seqsearch.SequenceIndex)
        if not name.startswith("_") and not inspect.getdoc(member)
    ]
    assert not undocumented


def test_the_error_tree_is_drawn() -> None:
    drawn = errors.__doc__ or ""
    for name, member in inspect.getmembers(errors, inspect.isclass):
        if issubclass(member, errors.SeqsearchError):
            assert name in drawn, f"{name} is missing from the drawing in errors.py"


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        seqsearch.nothing  # noqa: B018


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"seqsearch {command}" in README


def test_importing_the_package_and_asking_for_help_load_no_engine() -> None:
    code = (
        "import sys, seqsearch\n"
        "from seqsearch.cli.main import run\n"
        "run(['--help'])\n"
        "print([m for m in ('torch', 'numba', 'scipy', 'matplotlib', 'hnswlib', 'lmdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
