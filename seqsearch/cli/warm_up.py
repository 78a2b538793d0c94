"""seqsearch warm-up"""

from __future__ import annotations

import click

from .options import threads_and_quiet
from .progress import progress_for


@click.command("warm-up", short_help="Compile all kernels now, so that no search waits for them.")
@click.option(
    "--level",
    metavar="LEVEL",
    help="For all processors of a level, x86-64-v3 (AVX2) or x86-64-v4 (AVX-512), in place of this one: for images "
    "that run elsewhere.",
)
@threads_and_quiet
def command(level: str | None, quiet: bool) -> None:
    """Compile what the first search, build and exact comparison would compile otherwise, on all cores.

    The machine code is kept in the package where that can be written, else in the user's cache; what is kept already is
    not compiled again. It stays valid until seqsearch, numba or Python change.

    \b
    Examples:
      seqsearch warm-up
      RUN pip install seqsearch && seqsearch warm-up --level x86-64-v3
    """
    from ..search.warming import warm_up

    warmed = warm_up(level=level, progress=progress_for(quiet))
    if not quiet:
        click.echo(f"{warmed.compiled} kernels compiled in {warmed.seconds:.0f} s, kept in {warmed.folder}", err=True)
