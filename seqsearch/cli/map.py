"""seqsearch map"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import extras
from .options import PATH, Command, option, takes, threads_and_quiet
from .progress import progress_for

if TYPE_CHECKING:
    from ..search import SequenceIndex
    from ..search.maps import Map

PICTURES, PAGE = (".png", ".svg", ".pdf"), ".html"


@dataclass(frozen=True)
class Options:
    """How a map is drawn, and where it goes."""

    output: str = option(
        "Where it goes: a picture, .png, .svg or .pdf, or a page to look around in, .html.",
        flags="-o, --output",
        type=PATH,
        default="map.png",
        metavar="FILE",
    )
    method: str = option("pca or tsne.", type=click.Choice(["pca", "tsne"]), default="pca")
    by: str | None = option("Colours: label, description, length, nothing or a column.", metavar="NAME")
    rank: int | None = option(
        "Part of labels such as a; b; c, from 1  [default: the first that separates groups]", type=click.IntRange(1)
    )
    sample: int = option("Sequences that t-SNE places; others go beside them.", type=click.IntRange(10), default=5000)
    perplexity: float = option("Neighbours that t-SNE looks at.", type=click.FloatRange(2, 1000), default=30.0)
    anew: bool = option("Draw it anew, whatever is kept.")
    seed: int = option("Seed of every random draw.", default=0)


@click.command(
    "map",
    cls=Command,
    first=("output", "method", "by", "sample", "anew"),
    short_help="Every sequence of an index as a point of the plane.",
)
@click.argument("index", type=PATH)
@takes(options=Options)
@threads_and_quiet
def command(index: str, options: Options, quiet: bool) -> None:
    """Draw INDEX as a map: every sequence a point, near ones near each other.

    By the two principal components of the embeddings, or by t-SNE of a sample of them, beside which the others are
    placed by their neighbours; it takes a minute and needs scikit-learn. The map is kept in INDEX: the page of
    `seqsearch serve` shows the same.

    \b
    Examples:
      seqsearch map refs.ss -o map.png --method tsne
      seqsearch map refs.ss -o map.html --method tsne --by label --rank 3
      seqsearch map refs.ss -o map.svg --by length
    """
    from ..search import SequenceIndex

    kind = Path(options.output).suffix.lower()
    if kind not in (*PICTURES, PAGE):
        raise click.UsageError(f"a map is a file ending in {', '.join((*PICTURES, PAGE))}, not {options.output!r}")
    if kind != PAGE:
        extras.require("matplotlib", "a picture")
    how = {"sample": options.sample, "perplexity": options.perplexity, "seed": options.seed}
    with SequenceIndex.open(index) as opened:
        drawn = opened.map(options.method, anew=options.anew, progress=progress_for(quiet), **how)  # type: ignore[arg-type]
        _write(opened, drawn, options, kind)
    if not quiet:
        click.echo(f"{options.output}: {len(drawn):,} points", err=True)


def _write(opened: SequenceIndex, drawn: Map, options: Options, kind: str) -> None:
    from ..search.maps import coloured

    title = f"{Path(opened.path).stem}: {len(drawn):,} sequences"
    with opened.state() as state:
        colours = coloured(state.targets, drawn.rows, options.by, options.rank)
        if kind == PAGE:
            from ..service.map_file import write_map

            write_map(options.output, drawn, colours, state.targets, title)
            return
    from ..evaluation.plots import plot_map

    plot_map(
        drawn.places,
        options.output,
        groups=colours.groups,
        names=colours.names,
        numbers=colours.numbers,
        title=title,
        by=colours.by,
    )
