"""`-h` shows first what matters first, of every command with more options than fit one glance."""

from __future__ import annotations

import click
import pytest

from seqsearch.cli.main import COMMANDS, cli
from seqsearch.cli.options import Command
from tests.cli.conftest import Seqsearch

MANY = 8


def command_of(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", [name for name in COMMANDS if not isinstance(command_of(name), click.Group)])
def test_five_options_come_first(seqsearch: Seqsearch, name: str) -> None:
    command = command_of(name)
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if len(options) <= MANY:
        assert not isinstance(command, Command) or len(command.first) <= 5
        return
    assert isinstance(command, Command), f"{name} has {len(options)} options: say which five come first, first=(...)"
    assert len(command.first) == 5
    shown = seqsearch(name, "-h").out
    headings = [line for line in shown.splitlines() if line in ("Main options:", "Options:", "Reading files:")]
    assert headings[:2] == ["Main options:", "Options:"]
    for one in options:
        assert shown.count(f"{one.opts[-1]}") >= 1, f"{name}: {one.opts[-1]} is not in its help"
    first = shown.split("Main options:")[1].split("Options:")[0]
    for flag in (max(one.opts, key=len) for one in options if one.name in command.first):
        assert flag in first
    assert shown.index("Examples:" if "Examples:" in shown else "Example:") < shown.index("Main options:")
