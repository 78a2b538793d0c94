"""Options and small helpers that several commands share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..search import SequenceIndex
    from ..sequences import Sequences

Command = TypeVar("Command", bound=Callable[..., Any])


def _use_threads(ctx: click.Context, parameter: click.Parameter, value: int | None) -> None:
    from .. import threads

    if value is not None:
        threads.use(value)


threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    expose_value=False,
    callback=_use_threads,
    help="Threads to use  [default: all cores]",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr.")


def named_values(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE pairs, the values read as JSON where they are JSON."""
    given: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    return given


distance_parameters_option = click.option(
    "-D",
    "distance_parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=named_values,
    help="A parameter of the distance, such as -D window=0.1 for dtw. May be repeated.",
)


def reading_options(command: Command) -> Command:
    """The options that say how files are read."""
    for option in reversed(
        (
            click.option("--alphabet", metavar="NAME", help="dna, rna, protein, text or integers  [default: guessed]"),
            click.option(
                "--input-format",
                metavar="NAME",
                help="fasta, fastq, csv, tsv, lines, npy, npz, ts, ucr, midi  [default: told from the file]",
            ),
            click.option("--id-column", metavar="NAME", help="Column of a table that holds ids."),
            click.option("--sequence-column", metavar="NAME", help="Column or array that holds sequences."),
            click.option("--label-column", metavar="NAME", help="Column or array that holds labels."),
            click.option(
                "--on-error",
                type=click.Choice(["raise", "skip"]),
                default="raise",
                show_default=True,
                help="Stop at a wrong record, or leave it out and count it.",
            ),
        )
    ):
        command = option(command)
    return command


READING = ("alphabet", "input_format", "id_column", "sequence_column", "label_column", "on_error")


def reading_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Take the reading options out of a command's options, named as `read` names them."""
    taken = {name: options.pop(name) for name in READING}
    taken["format"] = taken.pop("input_format")
    return taken


def read_batches_noting(path: str, **arguments: Any) -> Iterator[Sequences]:
    """`read_batches`, and a line on stderr about records that were skipped."""
    from ..sequences import read_batches
    from ..sequences.folders import read_series
    from ..sequences.readers import ReadReport

    if os.path.isdir(path):
        yield read_series(path)
        return
    report = ReadReport()
    yield from read_batches(path, report=report, **arguments)
    if report.skipped:
        click.echo(str(report), err=True)


def read_noting(path: str, **arguments: Any) -> Sequences:
    """`read`, and a line on stderr about records that were skipped."""
    from ..sequences import Sequences

    return Sequences.concatenate(list(read_batches_noting(path, **arguments)))


def change(
    index: SequenceIndex, path: str, reading: dict[str, Any], apply: Callable[[Sequences], None], *, known: bool
) -> int:
    """`apply` every batch of the file at `path` to `index`; what goes wrong names the file. The number of sequences.

    `known`: the ids have to be those of stored sequences, or none of them; with on_error "skip" others are left out
    and counted on stderr.
    """
    from ..errors import InputError, UnknownIdError

    reading["alphabet"] = reading["alphabet"] or index.alphabet_name
    skips, seen, done = reading["on_error"] == "skip", 0, 0
    for part in read_batches_noting(path, **reading):
        fitting = part[(index.holds(part.ids) == known).nonzero()[0]] if skips else part
        try:
            apply(fitting)
        except InputError as error:
            error.path = path
            error.record = None if skips or error.record is None else error.record + seen
            raise
        except UnknownIdError as error:
            raise UnknownIdError(f"{path}: {error}") from None
        seen, done = seen + len(part), done + len(fitting)
    if seen > done:
        why = "no such id is in the index" if known else "their ids are in the index already"
        click.echo(f"{path}: {seen - done:,} skipped: {why}", err=True)
    return done


def shown(value: Any) -> str:
    """A fact as people read it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items()) or "-"
    return "-" if value is None else str(value)


def curve(points: list[dict[str, Any]]) -> str:
    """The points of a calibration as a table."""
    lines = [f"{'k':>5} {'candidates':>11} {'ef':>6} {'recall':>8} {'at least':>9}"]
    for p in points:
        ef = "-" if p["ef"] is None else p["ef"]
        lines.append(f"{p['k']:>5} {p['candidates']:>11} {ef:>6} {p['recall']:>8.4f} {p['lower']:>9.4f}")
    return "\n".join(lines)
