"""The group of commands: help, exit codes, interrupts, pipes, and what is imported when."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from seqsearch.cli.main import COMMANDS, cli
from tests.cli.conftest import ROOT, Seqsearch, process


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(seqsearch: Seqsearch, name: str) -> None:
    said = seqsearch(name, "--help")
    assert said.code == 0
    assert re.search(rf"Examples?:\n +(\S.* \| )?seqsearch {name}\b", said.out), said.out
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.short_help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), f"{name}: {parameter.opts} has no help"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, those of groups by both names."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", what) for inner, what in command.commands.items())
        else:
            yield name, command


def test_the_examples_use_options_that_there_are() -> None:
    for name, command in commands():
        known = {option for parameter in command.params for option in parameter.opts}
        for example in re.findall(rf"seqsearch {name} (.*)", command.help or ""):
            used = {word for word in re.sub(r"[|>].*", "", example).split() if word.startswith("-") and word != "-"}
            assert used <= known, f"{name}: {used - known}"


def test_help_lists_every_command(seqsearch: Seqsearch) -> None:
    said = seqsearch("--help")
    assert [line.split()[0] for line in said.out.split("Commands:\n")[1].splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["search", "--help"], ["build", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from seqsearch.cli.main import run; code = run(sys.argv[1:]); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert "click" in loaded
    assert not loaded & {"torch", "numba", "numpy", "scipy", "lmdb", "hnswlib", "rich", "matplotlib"}


def test_a_search_loads_neither_torch_nor_scipy(index: Path, queries: Path) -> None:
    """Numba asks for the version of scipy, and so imports what has no parts of it yet."""
    script = (
        "import sys; from seqsearch.cli.main import run; code = run(sys.argv[1:]); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); "
        "print(sorted(name for name in sys.modules if name.startswith('scipy.')), file=sys.stderr); "
        "import scipy.linalg; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "search", str(index), str(queries), "-q"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=True,
    )
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert "numba" in loaded
    assert not loaded & {"torch", "matplotlib", "optuna", "rich", "rapidfuzz"}
    assert all(re.match(r"_|version$", part) for part in re.findall(r"'scipy\.(\w+)", done.stderr))
    assert len(done.stdout.splitlines()) == 1 + 12 * 10


@pytest.mark.parametrize(
    "arguments",
    [
        ["serach"],
        ["search"],
        ["search", "INDEX"],
        ["search", "INDEX", "QUERIES", "--candidates", "many"],
        ["search", "INDEX", "QUERIES", "--no-such-option"],
        ["search", "INDEX", "QUERIES", "-k", "0"],
        ["search", "INDEX", "QUERIES", "--recall", "1.5"],
        ["search", "INDEX", "QUERIES", "--recall", "0.9", "--exact"],
        ["search", "INDEX", "QUERIES", "--where", "label"],
        ["search", "INDEX", "QUERIES", "--where", "colour=red"],
        ["search", "INDEX", "QUERIES", "--threads", "0"],
        ["search", "INDEX", "QUERIES", "--alphabet", "klingon"],
        ["build", "QUERIES"],
        ["build", "QUERIES", "-o", "x.ss", "--encoder", "magic"],
        ["build", "QUERIES", "-o", "x.ss", "--index", "magic"],
        ["build", "QUERIES", "-o", "x.ss", "--distance", "magic"],
        ["remove", "INDEX"],
        ["evaluate", "INDEX", "QUERIES", "--candidates", "ten"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(
    seqsearch: Seqsearch,
    index: Path,
    queries: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"INDEX": str(index), "QUERIES": str(queries)}
    said = seqsearch(*(places.get(argument, argument) for argument in arguments))
    assert said.code == 2
    assert said.out == ""
    assert "rror: " in said.err
    assert not list(tmp_path.iterdir())


def _heed_interrupts() -> None:
    """Jobs in the background of a shell, and workers of parallel tests, ignore interrupts and hand that on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize(
    ("number", "code", "told"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_an_interrupt_exits_with_its_code_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int, told: str
) -> None:
    command = process(
        "build",
        "-",
        "-o",
        tmp_path / "x.ss",
        "--input-format",
        "lines",
        "--encoder",
        "kmer",
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_heed_interrupts,
    )
    assert command.stdin is not None
    command.stdin.write("anna maria luise meyer\n" * 10_000)  # more than a pipe holds: when it is gone, lines are read
    command.stdin.flush()
    time.sleep(0.2)  # it waits for more, which never come
    command.send_signal(number)
    err = command.communicate(timeout=60)[1]
    assert command.returncode == code, err
    assert err.strip() == f"seqsearch: {told}"
    assert not list(tmp_path.iterdir())


def test_a_reader_that_stops_is_no_traceback(index: Path, queries: Path) -> None:
    command = process("search", index, queries, "-q", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    err = command.stderr.read()
    command.stderr.close()
    assert command.wait(timeout=60) == 1
    assert err == ""


def test_a_second_writer_is_told(seqsearch: Seqsearch, tmp_path: Path, bad: Path) -> None:
    from seqsearch.store import Store

    assert seqsearch("build", bad / "whole.fasta", "-o", tmp_path / "x.ss", "--encoder", "kmer", "-q").code == 0
    with Store.open(tmp_path / "x.ss", write=True):
        said = seqsearch("remove", tmp_path / "x.ss", "s1")
    assert said.code == 1
    assert "x.ss" in said.err
    assert "writing" in said.err
