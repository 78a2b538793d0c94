"""Every command line in the docs is one: all are parsed by the real parser, and what is cheap runs, page by page, on
small files of the names that the page uses (tests/page_files.py). Programs run as well."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import seqsearch as ss
from seqsearch import threads
from seqsearch.cli.main import cli, run
from seqsearch.progress import drawing
from tests.page_files import make, names_for
from tests.pages import PAGES, Block, CommandLine, blocks, command_lines, inline, name_of, shell_lines

LANGUAGES = {"sh", "console", "python", "pycon", "toml", "text", "ini", "http", "docker"}
BY_NAME = {name_of(page): page for page in PAGES}
NOT_RUN = {
    "starts a server": r"^serve\b",
    "needs a server": r"http://",
    "needs a cluster": r"--ray\b",
    "takes a minute": r"^(bench|demo|tune|warm-up|train|tag)\b|--learn|--effort|tsne|--bits|--reshard",
    "needs a model that is trained": r"\.model\b|^novelty auto\.ss|reconstruction|^build refs.fasta -o auto",
    "trains towers, as tests/cli/test_match_command.py does": r"songs\.ss|--pairs|^match\b",
    "builds from a data set by name": r"^build \S*\.toml|indexes/",
    "names a folder elsewhere": r"/backup/",
    "is a form with capitals to fill in": r"^(\S+ )?(INDEX|REFS|FILE|RECIPE|SHARDS|MATCHER|MODEL)\b",
}


def commands_of(page: Path) -> list[CommandLine]:
    """Those of a page, in order."""
    return [one for block in blocks(page) for line in shell_lines(block) for one in command_lines(str(block), line)]


def skipped(command: CommandLine) -> str | None:
    """Why a command is parsed only."""
    text = command.text.removeprefix("seqsearch ")
    return next((why for why, pattern in NOT_RUN.items() if re.search(pattern, text)), None)


def parse(words: tuple[str, ...], *, where: str) -> None:
    """Have click take the words apart, as far as the command that they call would see them."""
    group: click.Group = cli
    context = click.Context(cli, info_name="seqsearch", **cli.context_settings)
    rest = list(words)
    try:
        while True:
            name, command, rest = group.resolve_command(context, rest)
            assert command is not None
            if not isinstance(command, click.Group):
                break
            group, context = command, click.Context(command, info_name=name, parent=context)
        with threads.using(1):
            command.make_context(name, rest, parent=context)
    except click.exceptions.Exit:
        return  # --help, --version
    except click.UsageError as error:
        pytest.fail(f"{where}: seqsearch {' '.join(words)}: {error.format_message()}")


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that an option opens need not be there."""
    monkeypatch.setattr(click.File, "convert", lambda self, value, parameter, context: value)


@pytest.mark.usefixtures("no_files")
@pytest.mark.parametrize("name", BY_NAME)
def test_every_command_line_is_parsed(name: str) -> None:
    for one in commands_of(BY_NAME[name]):
        if one.words:
            parse(one.words, where=one.where)


def options_of(words: list[str]) -> set[str] | None:
    """The options of the command that the words call; None where there is no such command."""
    command: click.Command = cli
    known: set[str] = {"--help", "-h", "--version"}
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        if found is None:
            return None
        command = found
    return known | {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("name", BY_NAME)
def test_commands_within_sentences_are_there(name: str) -> None:
    for text in inline(BY_NAME[name]):
        words = re.split(r"[\s|]+", text.removeprefix("seqsearch ").strip())
        if words[0].startswith("-") or words[0] in ("COMMAND", "..."):
            continue
        known = options_of(words)
        assert known is not None, f"{name}: `{text}`: there is no such command"
        unknown = {word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known}
        assert not unknown, f"{name}: `{text}`: {', '.join(sorted(unknown))}"


def every_command() -> Iterator[tuple[str, click.Command]]:
    todo: list[tuple[str, click.Command]] = [("seqsearch", cli)]
    while todo:
        name, command = todo.pop()
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                todo.append((f"{name} {each}", found))


@pytest.mark.usefixtures("no_files")
def test_examples_in_help_are_parsed() -> None:
    seen = 0
    for name, command in every_command():
        for line in inspect.cleandoc(command.help or "").splitlines():
            if re.match(r"\s+(cat \S+ \| )?seqsearch ", line):
                for one in command_lines(f"{name} --help", line.strip()):
                    parse(one.words, where=one.where)
                    seen += 1
    assert seen > 80


def test_languages_are_known() -> None:
    odd = [f"{one}: {one.language!r}" for page in PAGES for one in blocks(page) if one.language not in LANGUAGES]
    assert not odd, f"begin the block with its language, for shells ```sh: {', '.join(odd)}"


# -- what runs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def folder(tmp_path: Path, templates: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the one we are in; progress is silent of how long things take."""
    monkeypatch.setattr(drawing, "EVERY", math.inf)
    monkeypatch.setattr(drawing, "LONG", math.inf)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outputs_of(command: CommandLine) -> set[str]:
    """The files that a command writes."""
    words = command.words
    return {after for word, after in itertools.pairwise(words) if word in ("-o", "--output", "--clusters")}


def run_line(command: CommandLine, templates: Path) -> str | None:
    """Run a command in this process, after making the files it names; what went wrong."""
    written = outputs_of(command)
    for word in (*command.words, *([command.stdin] if command.stdin else [])):
        if word not in written and not Path(word).exists():
            make(Path(word), templates, command.where.partition(":")[0])
    if command.words[0] == "build":
        for name in written & {word for word in written if word.endswith(".ss")}:
            shutil.rmtree(name, ignore_errors=True)
    given = Path(command.stdin).read_bytes() if command.stdin else None
    with CliRunner().isolation(input=given) as (_, err, _):
        code = run(list(command.words))
        told = err.getvalue().decode()
    return None if code == 0 else f"{command.where}: {command.text}: exit code {code}\n{told}"


EXTRAS = {"docs/samples.md": ("biom", "ot", "skbio")}
"""Packages that a page is about: without them it is parsed only."""


def need_extras(name: str) -> None:
    for package in EXTRAS.get(name, ()):
        pytest.importorskip(package, reason=f"{package} is not installed")


RUNNABLE = {
    name: [one for one in commands_of(page) if one.words and not skipped(one)] for name, page in BY_NAME.items()
}


@pytest.mark.timeout(600)  # where no kernel is compiled yet
@pytest.mark.parametrize("name", [name for name, some in RUNNABLE.items() if some])
def test_command_lines_run(name: str, folder: Path, templates: Path) -> None:
    need_extras(name)
    wrong = [problem for one in RUNNABLE[name] if (problem := run_line(one, templates))]
    assert not wrong, "\n".join(wrong)


PROGRAMS_OF = {name: [one for one in blocks(page) if one.language == "python"] for name, page in BY_NAME.items()}
TESTED_ELSEWHERE = ("docs/cookbook.md", "docs/own-vectors.md")  # tests/test_cookbook.py, tests/test_own_vectors_page.py
PYTHON_NOT_RUN = {
    "needs a cluster": r"ray=|copies\(\)",
    "needs a server": r"Client\(|await ",
    "starts processes": r"n_jobs|spawn|ProcessPool|pool|joblib",
    "trains": r"SequenceEmbedder",
    "needs packages that are not ours": r"umap\.|HDBSCAN|leidenalg",
}
AFTER_A_SERVER = ("docs/service.md",)  # the rest of the program talks to it


def statements(block: Block) -> Iterator[str]:
    """The statements of a program, one by one. Raises SyntaxError."""
    for one in ast.parse(block.text, str(block)).body:
        yield ast.get_source_segment(block.text, one) or ""


@pytest.mark.parametrize("name", [name for name, some in PROGRAMS_OF.items() if some])
def test_programs_are_python(name: str) -> None:
    for block in PROGRAMS_OF[name]:
        compile(block.text, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name", [n for n, some in PROGRAMS_OF.items() if some and n not in (*TESTED_ELSEWHERE, *AFTER_A_SERVER)]
)
def test_programs_run(name: str, folder: Path, templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each goes on where the one before it on the page has ended."""
    need_extras(name)
    known = names_for(name)
    for block in PROGRAMS_OF[name]:
        for text in statements(block):
            if any(re.search(pattern, text) for pattern in PYTHON_NOT_RUN.values()):
                continue
            for path in re.findall(r'"([\w./-]+\.\w+)"', text):
                if re.search(rf'\.build\(\s*"{re.escape(path)}"', text):
                    shutil.rmtree(path, ignore_errors=True)
                elif not Path(path).exists():
                    make(Path(path), templates, name)
            try:
                exec(compile(text, str(block), "exec"), known)
            except Exception as error:
                pytest.fail(f"{block}: {text}: {type(error).__name__}: {error}")
    for left in known.values():
        if isinstance(left, ss.SequenceIndex | ss.ShardedIndex):
            left.close()


def test_most_of_them_run() -> None:
    every = [one for page in PAGES for one in commands_of(page) if one.words]
    ran = sum(map(len, RUNNABLE.values()))
    assert len(every) > 130
    assert ran > 0.7 * len(every), f"{ran} of {len(every)}"
