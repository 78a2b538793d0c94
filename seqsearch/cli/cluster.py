"""seqsearch cluster"""

from __future__ import annotations

import click

from .progress import progress_for
from .shared import quiet_option, threads_option


@click.command("cluster", short_help="Hierarchical clustering of an index, as a Newick tree.")
@click.argument("index", type=click.Path())
@click.option(
    "-o", "--output", type=click.Path(), default="-", metavar="TREE.nwk", help="Where the tree goes  [default: stdout]"
)
@click.option("--linkage", metavar="NAME", default="average", show_default=True, help="average, single or complete.")
@click.option("--sample", type=click.IntRange(2), metavar="N", help="Cluster N random sequences  [default: all]")
@click.option("--exact", is_flag=True, help="Cluster by exact distances instead of those of embeddings.")
@click.option(
    "--check",
    type=click.IntRange(0),
    metavar="N",
    default=500,
    show_default=True,
    help="Compare with the tree of exact distances on so many leaves; 0: not at all.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    default=4.0,
    show_default=True,
    help="The distances of all pairs may take so much; 4 GB: 44,700 sequences.",
)
@click.option("--plot", type=click.Path(), metavar="FILE.png", help="Draw the uppermost 40 clusters.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the samples.")
@threads_option
@quiet_option
def command(
    index: str,
    output: str,
    linkage: str,
    sample: int | None,
    exact: bool,
    check: int,
    memory: float,
    plot: str | None,
    seed: int,
    quiet: bool,
) -> None:
    """Cluster the sequences of INDEX by the distances of their embeddings and write the tree.

    Two leaves of the tree are as far apart as the distance at which their clusters became one. How much worse it is
    than a tree of exact distances is measured on a sample, by Dasgupta's cost, and told on stderr.

    \b
    Examples:
      seqsearch cluster refs.ss -o refs.nwk
      seqsearch cluster refs.ss --sample 5000 --linkage complete --plot tree.png > sample.nwk
    """
    from ..files import atomic_write, write_errors
    from ..search import SequenceIndex
    from ..trees import compare_trees

    progress = progress_for(quiet)
    with SequenceIndex.open(index) as opened:
        tree = opened.cluster(linkage, sample=sample, exact=exact, seed=seed, memory=memory * 1e9, progress=progress)
        if output == "-":
            click.echo(tree.newick())
        else:
            with write_errors(output), atomic_write(output, text=True) as file:
                file.write(tree.newick() + "\n")
        if check > 1 and not (exact or quiet):
            cost = compare_trees(tree, opened.sequences, opened.distance, sample=check, seed=seed, progress=progress)
            click.echo(f"{index}: {cost}", err=True)
    if plot is not None:
        from ..evaluation.plots import plot_dendrogram

        title = f"{len(tree):,} sequences, {linkage} linkage of {'exact' if exact else 'predicted'} distances"
        plot_dendrogram(tree.picture_rows(), plot, title=title)
    if not quiet:
        click.echo(f"{output}: {len(tree):,} leaves, {linkage} linkage", err=True)
