from __future__ import annotations

import gzip
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, write_fasta
from seqsearch.cli.main import run
from seqsearch.progress import drawing
from seqsearch.sequences import Sequences
from tests.families import families

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Seqsearch = Callable[..., Said]


@pytest.fixture
def seqsearch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Seqsearch:
    """The command line in this process, silent of how long things take: that is the machine's, not the command's."""
    monkeypatch.setattr(drawing, "EVERY", math.inf)
    monkeypatch.setattr(drawing, "LONG", math.inf)

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return call


def process(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """The command line as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", "from seqsearch.cli import main; main()", *map(str, arguments)],
        text=True,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="session")
def references() -> Sequences:
    return families(20, 10, 60, edits=6)


@pytest.fixture(scope="session")
def index(references: Sequences, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that no test changes."""
    path = tmp_path_factory.mktemp("index") / "refs.ss"
    SequenceIndex.build(path, references, encoder="kmer", recall=0.9).close()
    return path


@pytest.fixture(scope="session")
def queries(references: Sequences, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of twelve stored sequences."""
    path = tmp_path_factory.mktemp("queries") / "queries.fasta"
    write_fasta(path, references[::17])
    return path


@pytest.fixture(scope="session")
def bad(references: Sequences, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with one thing wrong in each."""
    folder = tmp_path_factory.mktemp("bad")
    write_fasta(folder / "whole.fasta", references)
    packed = gzip.compress((folder / "whole.fasta").read_bytes())
    (folder / "empty.fasta").write_bytes(b"")
    (folder / "truncated.fasta.gz").write_bytes(packed[: len(packed) // 2])
    (folder / "binary.fasta").write_bytes(b">a\nACGT\n>b\nAC\xff\xfe\x00GT\n")
    (folder / "symbol.fasta").write_text(">a\nACGTACGTACGT\n>b\nACGJT\n")
    (folder / "twice.fasta").write_text(">a\nACGT\n>b\nACGG\n>a\nTTTT\n")
    (folder / "nothing.fasta").write_text(">a\nACGT\n>b\n>c\nACG\n")
    return folder
