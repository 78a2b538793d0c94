"""Copies of shards in folders of their own, which the next actor of the machine removes when theirs was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from seqsearch import SequenceIndex
from seqsearch.distributed.copy_actor import Copy, remove_orphans
from seqsearch.store.files import WriterLock

KILLED = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from seqsearch.distributed.copy_actor import Copy
Copy(1).load(None, sys.argv[2], None, 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "names.ss"
    SequenceIndex.build(path, ["anna", "hanna", "otto"], encoder="kmer").close()
    return str(path)


def test_a_copy_that_is_loaded_anew_takes_the_place_of_the_one_before(machine: Path, source: str) -> None:
    copy = Copy(1)
    copy.load(None, source, None, 0)
    (first,) = machine.iterdir()
    copy.load(None, source, None, 1)
    (second,) = machine.iterdir()
    assert second != first
    again = Copy(1)
    again.load(copy.pack(1), source, None, 1)
    assert len(list(machine.iterdir())) == 2
    assert second.exists(), "of an actor that lives"


def test_what_an_actor_left_that_was_killed_is_removed_by_the_next(machine: Path, source: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(machine), source], timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert len(list(machine.iterdir())) == 1
    Copy(1)
    assert not list(machine.iterdir())


def test_nothing_else_is_removed(machine: Path) -> None:
    alive, dead, fresh, other = (
        machine / name for name in ("seqsearch-shard-a", "seqsearch-shard-d", "seqsearch-shard-f", "x")
    )
    for folder in (alive, dead, fresh, other):
        folder.mkdir()
    held = WriterLock(alive)
    for folder in (dead, other):
        WriterLock(folder).release()
    remove_orphans(machine)
    assert sorted(machine.iterdir()) == [alive, fresh, other], "one that has no lock yet may be somebody's in a moment"
    held.release()


def test_folders_of_other_users_and_links_are_not_looked_into(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, dead = tmp_path / "elsewhere", machine / "seqsearch-shard-d"
    for folder in (elsewhere, dead):
        folder.mkdir()
        WriterLock(folder).release()
    (machine / "seqsearch-shard-l").symlink_to(elsewhere)
    monkeypatch.setattr("os.getuid", lambda: dead.stat().st_uid + 1)
    remove_orphans(machine)
    assert dead.exists()
    monkeypatch.undo()
    remove_orphans(machine)
    assert not dead.exists()
    assert elsewhere.exists()
