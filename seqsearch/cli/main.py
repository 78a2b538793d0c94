"""The group of commands, and the exit codes: 0 done, 1 data or I/O, 2 usage, 130 interrupted, 143 terminated."""

from __future__ import annotations

import gc
import importlib
import os
import sys

import click

from .. import __version__, extras
from ..errors import MissingExtraError, ParameterError, SeqsearchError
from . import interrupts

COMMANDS = (
    *("build", "search", "add", "update", "remove", "compact", "verify", "calibrate", "info", "truth", "evaluate"),
    *("export", "import", "bench", "demo", "cluster", "train", "embed", "tune", "classify", "tag", "novelty", "dedup"),
    *("match", "convert", "warm-up", "map", "serve", "shard", "consensus", "samples", "completion"),
)

_COLLECTED = 50_000  # objects between two collections; of the many that imports make nearly all stay
_MODULES = {"import": "import_archive"}  # where the name of a command is a word of Python


class _Commands(click.Group):
    """Imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = _MODULES.get(name, name.replace("-", "_"))
        command: click.Command = importlib.import_module(f".{module}", __package__).command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="seqsearch")
def cli() -> None:
    """Nearest-neighbour search over sequences.

    A trained encoder proposes candidates, the exact edit distance or DTW verifies them, and the recall is measured on
    your own data.

    \b
    Start with:
      seqsearch build refs.fasta -o refs.ss
      seqsearch search refs.ss queries.fasta -k 10
      seqsearch evaluate refs.ss queries.fasta
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    gc.set_threshold(_COLLECTED)
    interrupts.install()
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    try:
        result = cli.main(args=arguments, prog_name="seqsearch", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _say(interrupts.WORDS[130], 130)
    except interrupts.Terminated:
        return _say(interrupts.WORDS[143], 143)
    except ParameterError as error:
        return _say(str(error), 2)
    except SeqsearchError as error:
        return _say(str(error), 1)
    except BrokenPipeError:
        # whoever read our output has stopped; the interpreter must not try to flush into the closed pipe again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in extras.OF:
            raise
        return _say(str(MissingExtraError(package, extras.OF[package])), 1)
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    except MemoryError:
        return _say("out of memory", 1)


def _say(problem: str, code: int) -> int:
    click.echo(f"seqsearch: {problem}" if code in (130, 143) else f"seqsearch: error: {problem}", err=True)
    return code
