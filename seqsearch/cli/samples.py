"""seqsearch samples"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, Command, Reading, format_option, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import header_text, rows_text

if TYPE_CHECKING:
    from ..arrays import FloatArray, IntArray
    from ..samples import Samples

COLUMNS = ("sample", "rank", "neighbour", "distance")


@dataclass(frozen=True)
class Options:
    """What vectors are made of, and what goes where."""

    index: str = option("The index that holds the features of TABLE.", type=PATH, metavar="INDEX", required=True)
    k: int = option("Nearest samples of each; 0: none.", type=click.IntRange(0), default=5)
    sequences: str | None = option("Sequences of the features of TABLE, by their ids.", type=PATH, metavar="FILE")
    samples_in: str = option(
        "Where TABLE has its samples; auto: where no features are.",
        type=click.Choice(["auto", "columns", "rows"]),
        default="auto",
    )
    missing: str = option(
        "Stop at features that are unknown, or leave them out and count them.",
        type=click.Choice(["error", "skip"]),
        default="error",
    )
    method: str = option(
        "tree (about optimal transport) or mean (of embeddings).", type=click.Choice(["tree", "mean"]), default="tree"
    )
    exact: bool = option("Distances by optimal transport itself: needs POT, and seconds for large samples.")
    leaves: int = option("Features that are told apart.", type=click.IntRange(2), default=1024, metavar="N")
    check: int = option(
        "Pairs of samples on which distances are compared with optimal transport, where POT is installed; 0: none.",
        type=click.IntRange(0),
        default=40,
        metavar="N",
    )
    matrix: str | None = option("Write the distances of all pairs, TSV.", type=PATH, metavar="FILE")
    vectors: str | None = option("Write the vectors, a row a sample.", type=PATH, metavar="FILE.npy")
    plot: str | None = option("Draw the samples by principal coordinates.", type=PATH, metavar="FILE.png")
    metadata: str | None = option("A table of sample ids and columns.", type=PATH, metavar="TABLE")
    by: str | None = option("Column of --metadata that colours the plot.", metavar="COLUMN")
    seed: int = option("Seed of every random draw.", default=0)
    output_format: str = format_option("tsv", "json")

    def __post_init__(self) -> None:
        if (self.metadata is None) != (self.by is None):
            raise click.UsageError("--by is a column of --metadata: give both")
        if self.by is not None and self.plot is None:
            raise click.UsageError("--by colours a --plot")
        if self.exact and self.method != "tree":
            raise click.UsageError("--exact is optimal transport: leave out --method")


@click.command(
    "samples",
    cls=Command,
    first=("index", "k", "exact", "sequences", "matrix"),
    short_help="Samples of a table of counts as vectors.",
)
@click.argument("table", metavar="TABLE")
@takes(options=Options, reading=Reading)
@threads_and_quiet
def command(table: str, options: Options, reading: Reading, quiet: bool) -> None:
    """Compare whole samples: TABLE says how often each feature, a sequence of INDEX, was counted in each.

    TABLE is TSV or CSV (a line of names, then a line a feature or a sample) or BIOM. Features go by their ids in INDEX
    or in --sequences; names that are DNA, RNA or protein, as of DADA2, are sequences themselves. Two samples are as far
    apart as turning one into the other costs, about: the mean number of edits over which shares have to be moved.
    Prints the nearest samples of each; how well distances go with optimal transport is told on stderr.

    \b
    Examples:
      seqsearch samples otus.biom --index refs.ss -k 3
      seqsearch samples asvs.tsv --index refs.ss --sequences rep-seqs.fasta --matrix distances.tsv
      seqsearch samples asvs.tsv --index refs.ss --plot samples.png --metadata samples.tsv --by site
    """
    from ..samples import Samples

    progress = progress_for(quiet)
    made = Samples.of(
        table,
        options.index,
        sequences=None if options.sequences is None else reading.read(options.sequences),
        samples=options.samples_in,  # type: ignore[arg-type]
        missing=options.missing,  # type: ignore[arg-type]
        method=options.method,  # type: ignore[arg-type]
        leaves=options.leaves,
        seed=options.seed,
        progress=progress,
    )
    if not quiet:
        for note in (*made.notes, f"{table}: {len(made):,} samples, {made.encoder.dim:,} numbers each"):
            click.echo(note, err=True)
        _check(made, table, options)
    if options.vectors is not None:
        from ..encoders.npy_rows import npy_rows

        with npy_rows(options.vectors) as rows:
            rows.append(made.vectors)
    whole = None
    if options.matrix is not None or options.plot is not None:
        whole = made.distances(exact=options.exact, progress=progress)
    if options.matrix is not None and whole is not None:
        _write_matrix(made, whole, options.matrix)
    if options.plot is not None and whole is not None:
        _draw(made, whole, options)
    if options.k:
        _print_nearest(made, options, quiet)


def _check(made: Samples, table: str, options: Options) -> None:
    """A line on how far the distances can be trusted."""
    from ..errors import MissingExtraError

    if not options.check or options.exact or len(made) < 3:
        return
    try:
        click.echo(f"{table}: {made.check(options.check, seed=options.seed)}", err=True)
    except MissingExtraError as missing:
        click.echo(f"{table}: distances are not compared with optimal transport: {missing}", err=True)


def _print_nearest(made: Samples, options: Options, quiet: bool) -> None:
    found = made.nearest(options.k, exact=options.exact, progress=progress_for(quiet))
    count, width = found.rows.shape
    columns: dict[str, list[object]] = {
        "sample": [name for name in made.ids for _ in range(width)],
        "rank": list(range(1, width + 1)) * count,
        "neighbour": [name for names in found.names() for name in names],
        "distance": [round(distance, 4) for distance in found.distances.ravel().tolist()],
    }
    click.echo(header_text(COLUMNS, options.output_format) + rows_text(columns, options.output_format), nl=False)


def _write_matrix(made: Samples, whole: FloatArray, path: str) -> None:
    """As scikit-bio and QIIME read distance matrices: names in the first line and in the first column."""
    from ..files import atomic_write, write_errors

    with write_errors(path), atomic_write(path, text=True) as file:
        file.write("\t" + "\t".join(made.ids) + "\n")
        for name, row in zip(made.ids, whole, strict=True):
            file.write(name + "\t" + "\t".join(f"{distance:.6g}" for distance in row.tolist()) + "\n")


def _draw(made: Samples, whole: FloatArray, options: Options) -> None:
    import numpy as np

    from ..evaluation.plots import plot_map

    drawn = made.ordination(distances=whole, seed=options.seed)
    first, second = (f"{100 * share:.0f}%" for share in drawn.shares.tolist())
    assert options.plot is not None
    groups, names = _groups(made, options)
    title = f"{len(made):,} samples by principal coordinates ({first}, {second})"
    places = drawn.places.astype(np.float32)
    plot_map(places, options.plot, groups=groups, names=names, title=title, by=options.by or "")


def _groups(made: Samples, options: Options) -> tuple[IntArray | None, tuple[str, ...]]:
    """The value of the column of each sample, as numbers of names."""
    if options.metadata is None or options.by is None:
        return None, ()
    import numpy as np

    from ..errors import UnknownIdError
    from ..sequences.columns import Asked
    from ..sequences.readers.metadata import read_metadata

    known = read_metadata(options.metadata, columns=Asked.of([options.by]))
    place = {name: row for row, name in enumerate(known.ids)}
    lost = [name for name in made.ids if name not in place]
    if lost:
        raise UnknownIdError(f"{options.metadata}: {len(lost):,} of {len(made):,} samples are not in it: {lost[0]!r}")
    texts = known.columns[options.by].spelled()
    names, groups = np.unique([texts[place[name]] for name in made.ids], return_inverse=True)
    return groups.astype(np.int64), tuple(name or "-" for name in names.tolist())
