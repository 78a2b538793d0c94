"""seqsearch demo"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import extras
from .options import PICTURE, threads_and_quiet
from .progress import progress_for
from .shared import show_rows

if TYPE_CHECKING:
    from ..progress import Progress
    from ..search import SequenceIndex
    from ..sequences import Sequences


@click.command("demo", short_help="The whole road on real 16S genes.")
@click.option(
    "--recipe",
    type=click.Path(exists=True),
    default="indexes/greengenes-v4.toml",
    show_default=True,
    help="What to build.",
)
@click.option("--plot", type=PICTURE, metavar="FILE.png", help="Where the picture goes  [default: beside the index]")
@threads_and_quiet
def command(recipe: str, plot: str | None, quiet: bool) -> None:
    """Build an index of real marker genes, search sequences it never saw, and check every answer.

    Trains on the data of the recipe, indexes them, searches the held-out queries, compares with the exact edit
    distance, prints recall against speed and draws it, and computes every reported distance again with
    python-Levenshtein (pip install 'seqsearch[check]').

    \b
    Example:
      seqsearch demo
    """
    from ..evaluation.plots import plot_speed
    from ..evaluation.sweep import Sweep
    from ..search.recipes import Recipe
    from ..sequences import read

    plan = Recipe.load(recipe)
    progress = progress_for(quiet)
    start = time.perf_counter()
    click.echo(f"Building {plan.output} from {plan.references} ...", err=True)
    with plan.build(overwrite=True, progress=progress) as index:
        built = time.perf_counter() - start
        queries = read(plan.queries_path(index.alphabet_name), alphabet=index.alphabet_name)
        _show_hits(index, queries)
        sweep = Sweep(index.evaluate(queries, 10, progress=progress))
        _, message = index.budget(10)
        checked = _checked(index, queries, progress)
        size = len(index)
    said = f"\nBuilt in {built:.0f} s. By default {message}."
    picture = Path(plot) if plot is not None else plan.output.with_suffix(".recall.png")
    show_rows(sweep.as_rows(), "table", sweep.as_table)
    if extras.installed("matplotlib"):
        plot_speed(
            sweep.as_rows(f"seqsearch, {size:,} sequences"),
            picture,
            target=plan.options.recall,
            title=f"{plan.path.stem}: recall@10 of {len(queries):,} unseen queries",
        )
        said += f"\nPicture: {picture}"
    click.echo(f"{said}\n{checked}")
    click.echo(_NEXT.format(index=plan.output, name=plan.output.name.removesuffix(".ss")))


def _checked(index: SequenceIndex, queries: Sequences, progress: Progress) -> str:
    """Every distance that a search and a comparison with everything report, computed again by another library; a line
    about it. Raises CorruptIndexError where one differs."""
    from ..errors import CorruptIndexError, MissingExtraError, ParameterError
    from ..evaluation.judging import Judging

    try:
        judging = Judging(index.distance, queries)
    except (MissingExtraError, ParameterError) as error:
        return f"Distances were not checked: {error}"
    judging.add_answers(index.search(queries, 10))
    judging.add_answers(index.search(queries, 10, exact=True))
    verdicts = judging.verdicts(progress)
    if verdicts.wrong:
        raise CorruptIndexError(str(verdicts))
    return str(verdicts)


def _show_hits(index: SequenceIndex, queries: Sequences) -> None:
    """The three best answers of the first three queries."""
    click.echo("\nquery           rank  target          edits")
    for hits in index.search(queries[:3], k=3):
        for hit in hits:
            click.echo(f"{hits.query:<15} {hit.rank:>4}  {hit.id:<15} {hit.distance:>5.0f}")
    click.echo()


_NEXT = """
Now on your own file:
  .venv/bin/seqsearch build YOUR.fasta -o YOUR.ss
  .venv/bin/seqsearch search YOUR.ss QUERIES.fasta -k 10
  .venv/bin/seqsearch evaluate YOUR.ss QUERIES.fasta --plot recall.png

Look at neighbours in a browser, or ask over HTTP:
  .venv/bin/seqsearch serve {index}        then open http://127.0.0.1:8080/"""
