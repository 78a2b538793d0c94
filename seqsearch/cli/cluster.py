"""seqsearch cluster"""

from __future__ import annotations

from dataclasses import dataclass

import click

from .options import PATH, PICTURE, Command, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import write_text


@dataclass(frozen=True)
class Options:
    """What is clustered, how, and where the tree goes."""

    output: str = option(
        "Where the tree goes  [default: stdout]",
        flags="-o, --output",
        type=PATH,
        default="-",
        show_default=False,
        metavar="TREE.nwk",
    )
    linkage: str = option("average, single or complete.", metavar="NAME", default="average")
    sample: int | None = option("Cluster N random sequences  [default: all]", type=click.IntRange(2), metavar="N")
    exact: bool = option("Cluster by exact distances instead of those of embeddings.")
    check: int = option(
        "Compare with the tree of exact distances on so many leaves; 0: not at all.",
        type=click.IntRange(0),
        metavar="N",
        default=500,
    )
    memory: float = option(
        "The distances of all pairs may take so much; 4 GB: 44,700 sequences.",
        type=click.FloatRange(0, min_open=True),
        metavar="GB",
        default=4.0,
    )
    plot: str | None = option("Draw the uppermost 40 clusters.", type=PICTURE, metavar="FILE.png")
    seed: int = option("Seed of the samples.", default=0)


@click.command(
    "cluster",
    cls=Command,
    first=("output", "linkage", "sample", "exact", "plot"),
    short_help="Hierarchical clustering of an index, as a Newick tree.",
)
@click.argument("index", type=PATH)
@takes(options=Options)
@threads_and_quiet
def command(index: str, options: Options, quiet: bool) -> None:
    """Cluster the sequences of INDEX by the distances of their embeddings and write the tree.

    Two leaves of the tree are as far apart as the distance at which their clusters became one. How much worse it is
    than a tree of exact distances is measured on a sample, by Dasgupta's cost, and told on stderr.

    \b
    Examples:
      seqsearch cluster refs.ss -o refs.nwk
      seqsearch cluster refs.ss --sample 5000 --linkage complete --plot tree.png > sample.nwk
    """
    from ..search import SequenceIndex
    from ..trees import compare_trees

    output, check, seed, progress = options.output, options.check, options.seed, progress_for(quiet)
    with SequenceIndex.open(index) as opened:
        tree = opened.cluster(
            options.linkage,
            sample=options.sample,
            exact=options.exact,
            seed=seed,
            memory=options.memory * 1e9,
            progress=progress,
        )
        write_text(output, tree.newick() + "\n")
        if check > 1 and not (options.exact or quiet):
            cost = compare_trees(tree, opened.sequences, opened.distance, sample=check, seed=seed, progress=progress)
            click.echo(f"{index}: {cost}", err=True)
    if options.plot is not None:
        from ..evaluation.plots import plot_dendrogram

        distances = "exact" if options.exact else "predicted"
        title = f"{len(tree):,} sequences, {options.linkage} linkage of {distances} distances"
        plot_dendrogram(tree.picture_rows(), options.plot, title=title)
    if not quiet:
        click.echo(f"{output}: {len(tree):,} leaves, {options.linkage} linkage", err=True)
