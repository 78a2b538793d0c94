"""seqsearch completion: the script that lets a shell complete commands, options and file names."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

SCRIPTS = {
    "bash": "bash-completion/completions/seqsearch",
    "zsh": "zsh/site-functions/_seqsearch",
    "fish": "fish/vendor_completions.d/seqsearch.fish",
}
"""Shells, and where below share/ each looks for the script."""


def script(shell: str) -> str:
    """The script for a shell of `SCRIPTS`, which asks `seqsearch` itself what fits."""
    from .main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    # not `kind.source`: for bash that starts a bash to ask its version
    return ShellComplete.source(kind(cli, {}, "seqsearch", "_SEQSEARCH_COMPLETE"))


@click.command("completion", short_help="Completion of commands and options by a shell.")
@click.argument("shell", type=click.Choice(list(SCRIPTS)))
def command(shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    It wants bash 4.4 or newer. Wheels install it where shells look for it.

    \b
    Examples:
      seqsearch completion bash > ~/.local/share/bash-completion/completions/seqsearch
      seqsearch completion zsh > ~/.zfunc/_seqsearch
      seqsearch completion fish > ~/.config/fish/completions/seqsearch.fish
    """
    click.echo(script(shell))
