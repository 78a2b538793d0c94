"""seqsearch convert"""

from __future__ import annotations

import click

from .options import PATH, quiet_option
from .progress import progress_for


@click.command("convert", short_help="Make an index of a matcher folder that an older version wrote.")
@click.argument("matcher", type=PATH)
@click.option("-o", "--output", required=True, type=PATH, metavar="INDEX", help="The index to write.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@quiet_option
def command(matcher: str, output: str, overwrite: bool, quiet: bool) -> None:
    """Make an index of MATCHER, a folder that `seqsearch match train` of an older version wrote. The folder stays.

    \b
    Example:
      seqsearch convert songs.match -o songs.ss
    """
    from ..search.pairs import convert_matcher

    convert_matcher(matcher, output, overwrite=overwrite, progress=progress_for(quiet))
    if not quiet:
        click.echo(f"{output}: made of {matcher}", err=True)
