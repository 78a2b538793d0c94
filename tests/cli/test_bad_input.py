"""Every wrong input: one line on stderr that names file, record and value, exit code 1, and nothing left behind."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path

import pytest

from seqsearch import SequenceIndex, write_fasta
from seqsearch.sequences import Sequences
from seqsearch.store import StoreBuilder
from tests.cli.conftest import Seqsearch, process

WRONG = {
    "empty.fasta": "empty.fasta: the file is empty",
    "truncated.fasta.gz": "truncated.fasta.gz: the compressed file ends early: it is truncated",
    "binary.fasta": "binary.fasta: line 4: record 2: byte 0xff is not UTF-8 text",
    "symbol.fasta": "symbol.fasta: line 3: record 2 (b): symbol 'J' at position 4 is not in the dna alphabet",
    "twice.fasta": "twice.fasta: line 5: record 3 (a): the id 'a' was used before, by record 1",
    "nothing.fasta": "nothing.fasta: line 3: record 2 (b): the sequence is empty",
    "missing.fasta": "missing.fasta: there is no such file",
}


def one_line(err: str) -> str:
    """The single line of an error."""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("seqsearch: error: ")
    return lines[0]


@pytest.mark.parametrize("file", WRONG)
def test_build_says_what_is_wrong_and_leaves_nothing(
    seqsearch: Seqsearch, bad: Path, tmp_path: Path, file: str
) -> None:
    said = seqsearch("build", bad / file, "-o", tmp_path / "x.ss", "--encoder", "kmer", "-q")
    assert said.code == 1
    assert WRONG[file] in one_line(said.err)
    assert said.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", WRONG)
def test_search_says_what_is_wrong_with_the_queries(seqsearch: Seqsearch, bad: Path, index: Path, file: str) -> None:
    said = seqsearch("search", index, bad / file, "-q")
    assert said.code == 1
    assert WRONG[file] in one_line(said.err)
    assert said.out == ""


@pytest.mark.parametrize("file", WRONG)
def test_add_says_what_is_wrong_and_adds_nothing(
    seqsearch: Seqsearch, bad: Path, tmp_path: Path, references: Sequences, file: str
) -> None:
    SequenceIndex.build(tmp_path / "x.ss", references[:30], encoder="kmer").close()
    said = seqsearch("add", tmp_path / "x.ss", bad / file, "-q")
    assert said.code == 1
    assert WRONG[file] in one_line(said.err)
    with SequenceIndex.open(tmp_path / "x.ss") as opened:
        assert len(opened) == 30
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.ss"]


@pytest.mark.parametrize(
    ("file", "kept", "note"),
    [
        ("symbol.fasta", 1, "skipped 1 of 2 records: 1 symbol outside the alphabet"),
        ("twice.fasta", 2, "skipped 1 of 3 records: 1 duplicate id"),
        ("nothing.fasta", 2, "skipped 1 of 3 records: 1 empty sequence"),
    ],
)
def test_skip_leaves_out_and_counts(
    seqsearch: Seqsearch, bad: Path, tmp_path: Path, file: str, kept: int, note: str
) -> None:
    said = seqsearch("build", bad / file, "-o", tmp_path / "x.ss", "--on-error", "skip")
    assert said.code == 0
    assert note in said.err
    with SequenceIndex.open(tmp_path / "x.ss") as opened:
        assert len(opened) == kept


@pytest.mark.parametrize("file", ["empty.fasta", "truncated.fasta.gz", "binary.fasta", "missing.fasta"])
def test_a_file_that_breaks_off_is_never_skipped(seqsearch: Seqsearch, bad: Path, tmp_path: Path, file: str) -> None:
    said = seqsearch("build", bad / file, "-o", tmp_path / "x.ss", "--on-error", "skip", "-q")
    assert said.code == 1
    assert WRONG[file] in one_line(said.err)
    assert not list(tmp_path.iterdir())


def test_an_id_the_index_holds_is_named_with_its_file_or_skipped(
    seqsearch: Seqsearch, tmp_path: Path, references: Sequences
) -> None:
    SequenceIndex.build(tmp_path / "x.ss", references[:30], encoder="kmer").close()
    write_fasta(tmp_path / "more.fasta", references[28:33])
    said = seqsearch("add", tmp_path / "x.ss", tmp_path / "more.fasta", "-q")
    assert said.code == 1
    assert f"{tmp_path / 'more.fasta'}: record 1 (s28): this id is in the index already" in one_line(said.err)
    said = seqsearch("add", tmp_path / "x.ss", tmp_path / "more.fasta", "--on-error", "skip")
    assert said.code == 0
    assert "2 skipped: their ids are in the index already" in said.err
    with SequenceIndex.open(tmp_path / "x.ss") as opened:
        assert len(opened) == 33


@pytest.mark.parametrize("command", ["info", "search", "add", "remove", "evaluate", "verify", "compact", "calibrate"])
@pytest.mark.parametrize(
    ("what", "problem"),
    [
        ("nowhere.ss", "nowhere.ss: no such file or directory"),
        ("file.ss", "file.ss: not an index: an index is a directory"),
        ("folder.ss", "folder.ss: not an index: it holds no data-N.mdb"),
    ],
)
def test_an_index_that_is_not_one(
    seqsearch: Seqsearch, tmp_path: Path, queries: Path, command: str, what: str, problem: str
) -> None:
    (tmp_path / "file.ss").write_text("hello")
    (tmp_path / "folder.ss").mkdir()
    more = {"search": [queries], "add": [queries], "evaluate": [queries], "remove": ["s1"]}.get(command, [])
    said = seqsearch(command, tmp_path / what, *more)
    assert said.code == 1
    assert problem in one_line(said.err)
    assert not list((tmp_path / "folder.ss").iterdir())


def test_a_damaged_index(seqsearch: Seqsearch, tmp_path: Path, references: Sequences, queries: Path) -> None:
    SequenceIndex.build(tmp_path / "x.ss", references[:30], encoder="kmer").close()
    data = next((tmp_path / "x.ss").glob("data-*.mdb"))
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    said = seqsearch("search", tmp_path / "x.ss", queries)
    assert said.code == 1
    assert str(tmp_path / "x.ss") in one_line(said.err)


def test_a_taken_path_is_kept(seqsearch: Seqsearch, bad: Path, tmp_path: Path) -> None:
    (tmp_path / "x.ss").mkdir()
    (tmp_path / "x.ss" / "thesis.txt").write_text("years of work")
    for more in ([], ["--overwrite"]):
        said = seqsearch("build", bad / "whole.fasta", "-o", tmp_path / "x.ss", "--encoder", "kmer", "-q", *more)
        assert said.code == 1
        assert "x.ss: exists" in one_line(said.err)
    assert (tmp_path / "x.ss" / "thesis.txt").read_text() == "years of work"


def test_a_full_map_leaves_no_index_but_what_is_done(
    seqsearch: Seqsearch, bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreBuilder, "__init__", partialmethod(StoreBuilder.__init__, map_limit=1 << 16))
    said = seqsearch("build", bad / "whole.fasta", "-o", tmp_path / "x.ss", "--encoder", "kmer", "-q")
    assert said.code == 1
    assert f"{tmp_path / 'x.ss'}: no space left" in one_line(said.err)
    assert [path.name.startswith(".x.ss.building-") for path in tmp_path.iterdir()] == [True]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_index_but_what_is_done(seqsearch: Seqsearch, bad: Path, tiny_disk: Path) -> None:
    said = seqsearch("build", bad / "whole.fasta", "-o", tiny_disk / "x.ss", "--encoder", "kmer", "-q")
    assert said.code == 1
    assert f"{tiny_disk / 'x.ss'}: no space left" in one_line(said.err)
    assert [path.name.startswith(".x.ss.building-") for path in tiny_disk.iterdir()] == [True]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_results_that_do_not_fit_the_disk(index: Path, queries: Path) -> None:
    with open("/dev/full", "w") as full:
        command = process("search", index, queries, "-q", stdout=full, stderr=subprocess.PIPE)
        _, err = command.communicate(timeout=100)
    assert command.returncode == 1
    assert os.strerror(errno.ENOSPC) in one_line(err)
