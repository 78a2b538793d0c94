"""seqsearch build"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from .progress import progress_for
from .shared import (
    distance_parameters_option,
    quiet_option,
    read_batches_noting,
    read_noting,
    reading_arguments,
    reading_options,
    threads_option,
)

if TYPE_CHECKING:
    from ..encoders.model import Model

COMMANDLINE = ParameterSource.COMMANDLINE
_FLAG = {"format": "input_format"}


@click.command("build", short_help="Train, embed, index and calibrate.")
@click.argument("references", metavar="REFS|RECIPE.toml")
@click.option("-o", "--output", "output", type=click.Path(), metavar="INDEX", help="Where the index goes.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there, once the new one is complete.")
@click.option("--distance", metavar="NAME", default="edit", show_default=True, help="edit or dtw.")
@distance_parameters_option
@click.option("--encoder", metavar="NAME", default="auto", show_default=True, help="Encoder family, or auto.")
@click.option("--dim", type=int, metavar="D", help="Dimensions of the embedding  [default: 128]")
@click.option(
    "--geometry",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="auto (cosine for long tokens, else euclidean), euclidean, squared, manhattan, cosine or hyperbolic.",
)
@click.option("--bits", type=int, metavar="B", help="Store binary codes of B bits instead of embeddings.")
@click.option(
    "--codes", metavar="NAME", help="Of bits: learned, or unlearned ones: itq, pca, projection  [default: learned]"
)
@click.option("--index", "index", metavar="KIND", default="auto", show_default=True, help="exact, hnsw, hamming, auto.")
@click.option("--effort", metavar="LEVEL", default="normal", show_default=True, help="Training: low, normal or high.")
@click.option("--recall", type=float, default=0.99, show_default=True, help="Recall that searches aim at by default.")
@click.option("--model", type=click.Path(), metavar="FILE", help="Use this model (see train) instead of training.")
@click.option(
    "--queries",
    type=click.Path(),
    metavar="FILE",
    help="Measure the recall on these queries  [default: on a sample held out of REFS]",
)
@click.option(
    "--pairs", type=click.Path(), metavar="QUERIES", help="Series of another kind whose ids say which of REFS they match."
)
@click.option("--pair-ids", type=click.Path(), metavar="FILE.tsv", help="Ids of a query and of its match in REFS.")
@click.option("--align", type=click.Choice(["auto", "steps", "dtw"]), help="Of pairs: step by step, or by DTW.")
@click.option("--most", type=float, metavar="SHARE", help="Of pairs: share of REFS that exact DTW may see  [.05]")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Of pairs: training batches at most  [1500]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@reading_options
@threads_option
@quiet_option
def command(
    references: str,
    output: str | None,
    overwrite: bool,
    model: str | None,
    queries: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Train an encoder on REFS, embed and index them, and measure the recall of every budget.

    REFS: FASTA, FASTQ, CSV, TSV, text lines, .npy, .npz, .ts - compressed or not; "-" is standard input.
    A recipe (a .toml file) holds all of this and builds the index beside itself; options given here win over it.

    \b
    Examples:
      seqsearch build refs.fasta.gz -o refs.ss
      seqsearch build names.txt -o names.ss --distance edit --recall 0.95 --queries asked.txt
      seqsearch build beats.npz -o beats.ss --distance dtw -D window=0.1
      seqsearch build recordings/ -o songs.ss --pairs scores/
      seqsearch build indexes/greengenes-v4.toml
    """
    from ..search import SequenceIndex

    pairs, pair_ids = options.pop("pairs"), options.pop("pair_ids")
    if pairs is not None:
        _build_pairs(pairs, references, output, pair_ids, quiet, overwrite=overwrite)
        return
    for name in ("align", "most", "steps"):
        if options.pop(name) is not None:
            raise click.UsageError(f"--{name} belongs to --pairs")
    reading = reading_arguments(options)
    progress = progress_for(quiet)
    brought, asked = _model(model), None
    if references.endswith(".toml"):
        from ..search.recipes import Recipe

        given = click.get_current_context().get_parameter_source
        reading = {name: value for name, value in reading.items() if given(_FLAG.get(name, name)) is COMMANDLINE}
        options = {name: value for name, value in options.items() if given(name) is COMMANDLINE}
        recipe = Recipe.load(references).changed(output=output, reading=reading, **options)
        if queries is not None:
            asked = read_noting(queries, **recipe.reading)
        index = recipe.build(overwrite=overwrite, model=brought, queries=asked, progress=progress)
    else:
        if output is None:
            raise click.UsageError("--output INDEX is needed (or give a recipe, RECIPE.toml)")
        parts = read_batches_noting(references, **reading)
        asked = read_noting(queries, **reading) if queries is not None else None
        index = SequenceIndex.build(
            output, parts, model=brought, queries=asked, overwrite=overwrite, progress=progress, **options
        )
    with index:
        if not quiet:
            _, said = index.budget(10)
            click.echo(f"{index.path}: {len(index):,} sequences; a search takes {said}", err=True)


OF_PAIRS = ("bits", "dim", "align", "most", "steps", "recall", "seed")


def _build_pairs(
    queries: str, references: str, output: str | None, pair_ids: str | None, quiet: bool, overwrite: bool
) -> None:
    """An index of series of two kinds. What was given on the command line counts; it has defaults of its own."""
    from .match import build_pairs

    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is COMMANDLINE]
    known = {"references", "output", "overwrite", "pairs", "pair_ids", "quiet", "threads", *OF_PAIRS}
    if output is None:
        raise click.UsageError("--output INDEX is needed")
    if strange := [name for name in given if name not in known]:
        raise click.UsageError(f"--{strange[0].replace('_', '-')} means nothing with --pairs")
    options = {name: context.params[name] for name in OF_PAIRS if name in given}
    build_pairs(queries, references, output, pair_ids, quiet, overwrite=overwrite, **options)


def _model(path: str | None) -> Model | None:
    if path is None:
        return None
    from ..encoders.model_file import load_model

    return load_model(path)
