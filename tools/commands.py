"""Every command and what its help says: for the site, and as man pages (`python tools/commands.py FOLDER`).

The folder gets share/man/man1 and what `seqsearch completion` prints, where shells look for it.
"""

from __future__ import annotations

import datetime
import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from seqsearch import __version__
from seqsearch.cli.completion import SCRIPTS, script
from seqsearch.cli.main import cli

WIDTH = 100


@dataclass(frozen=True)
class Manual:
    """A command by its words ("seqsearch match train"), with what click knows of it."""

    name: str
    context: click.Context

    @property
    def command(self) -> click.Command:
        return self.context.command

    def markdown(self) -> str:
        """A section of the page of all commands."""
        return f"\n## {self.name.removeprefix('seqsearch ')}\n\n```text\n{self.command.get_help(self.context)}\n```\n"

    def roff(self, date: datetime.date) -> str:
        """A man page, section 1."""
        page = self.name.replace(" ", "-")
        about = self.command.get_short_help_str(limit=120).rstrip(".")
        usage = " ".join(self.command.collect_usage_pieces(self.context))
        lines = [
            f'.TH "{page.upper()}" "1" "{date.isoformat()}" "seqsearch {__version__}" "seqsearch"',
            ".SH NAME",
            f"{_escaped(page)} \\- {_escaped(about)}",
            ".SH SYNOPSIS",
            f"\\fB{_escaped(self.name)}\\fR {_escaped(usage)}",
            ".SH DESCRIPTION",
            *_paragraphs(self.command.help or ""),
            ".SH OPTIONS",
        ]
        for parameter in self.command.get_params(self.context):
            record = parameter.get_help_record(self.context)
            if record is not None and record[1]:
                lines += [".TP", f"\\fB{_escaped(record[0])}\\fR", _escaped(record[1])]
        if isinstance(self.command, click.Group):
            lines += [".SH COMMANDS"]
            for name in self.command.list_commands(self.context):
                one = self.command.get_command(self.context, name)
                assert one is not None
                told = _escaped(one.get_short_help_str(limit=200))
                lines += [".TP", f"\\fB{_escaped(page)}\\-{_escaped(name)}\\fR(1)", told]
        lines += [".SH EXIT STATUS", "0 done, 1 wrong data or I/O, 2 wrong usage, 130 interrupted, 143 terminated."]
        return "\n".join(lines) + "\n"


def pages() -> Iterator[Manual]:
    """`seqsearch` itself, every command, and the commands of commands."""
    yield from _below("seqsearch", cli, None)


def _below(name: str, command: click.Command, parent: click.Context | None) -> Iterator[Manual]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent, max_content_width=WIDTH)
    context.terminal_width = WIDTH
    yield Manual(name, context)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            one = command.get_command(context, each)
            assert one is not None
            yield from _below(f"{name} {each}", one, context)


def _paragraphs(text: str) -> Iterator[str]:
    """The text of a help, for roff: paragraphs are filled, but for those that begin with \\b."""
    for number, part in enumerate(re.split(r"\n\s*\n", inspect.cleandoc(text))):
        kept = part.startswith("\b")
        lines = part.removeprefix("\b").strip("\n").splitlines()
        yield ".PP" if number else ".P"
        if kept:
            yield from (".nf", *(_escaped(line) for line in lines), ".fi")
        else:
            yield _escaped(" ".join(line.strip() for line in lines))


def _escaped(text: str) -> str:
    """Letters that roff would take for orders."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def write(folder: Path) -> list[Path]:
    """All man pages and completions; the files that were written. Dates are SOURCE_DATE_EPOCH's where that is set."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    date = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).date() if seconds else datetime.date.today()
    texts = {f"man/man1/{one.name.replace(' ', '-')}.1": one.roff(date) for one in pages()}
    texts |= {place: script(shell) for shell, place in SCRIPTS.items()}
    for place, text in texts.items():
        path = folder / "share" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / "share" / place for place in texts]


if __name__ == "__main__":
    written = write(Path(sys.argv[1] if len(sys.argv) > 1 else "build"))
    print(f"{len(written)} files below {Path(sys.argv[1] if len(sys.argv) > 1 else 'build') / 'share'}")
