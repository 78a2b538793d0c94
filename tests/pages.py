"""The pages of the documentation: their fenced blocks, and the command lines in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("docs/*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "indexes/README.md")),
    ]
)
OTHERS = ("pip", "make", "curl", "docker", "python", "cat", "cp", "git")
"""First words of command lines that are not ours; `cat FILE |` is read."""
_FENCE = re.compile(r"^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(seqsearch [^`]+)`")


def name_of(page: Path) -> str:
    """The page from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block: the `line` it begins in, its `language`, its `text`."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class CommandLine:
    """A line of a shell block: the words after `seqsearch`, and the file on its standard input."""

    where: str
    words: tuple[str, ...]
    stdin: str | None = None

    @property
    def text(self) -> str:
        return shlex.join(("seqsearch", *self.words))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(name_of(page), line, found["language"], found["text"])


def shell_lines(block: Block) -> Iterator[str]:
    """The lines that a shell would be given: all of `sh`, those after a dollar of `console`."""
    for line in block.text.splitlines():
        if block.language == "sh" and line.strip() and not line.startswith("#"):
            yield line
        elif block.language == "console" and line.startswith("$ "):
            yield line[2:]


def command_lines(where: str, line: str) -> Iterator[CommandLine]:
    """Our commands in a line: each side of `&&`, behind `cat FILE |`, before another program's `|` or a file's `>`.

    Raises ValueError for a line that begins with no known word.
    """
    for command in _split(shlex.split(line, comments=True), "&&"):
        stdin = None
        for number, part in enumerate(_split(command, "|")):
            part = part[: part.index(">")] if ">" in part else part
            if part[0] == "seqsearch":
                yield CommandLine(where, tuple(part[1:]), stdin)
            elif part[0] == "cat" and not number:
                stdin = part[1]
            elif part[0] not in OTHERS and not number:
                raise ValueError(f"{where}: {part[0]!r} is neither seqsearch nor one of {', '.join(OTHERS)}")


def _split(words: list[str], mark: str) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word == mark:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def inline(page: Path) -> list[str]:
    """Commands within sentences and tables."""
    return [
        found[1].replace("\\|", "|") for found in _INLINE.finditer(_FENCE.sub("", page.read_text(encoding="utf-8")))
    ]
