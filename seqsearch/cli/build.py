"""seqsearch build"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import click

from .options import (
    PATH,
    QUERY_VECTORS,
    Beside,
    Command,
    DistanceOptions,
    Reading,
    given,
    named,
    option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for

if TYPE_CHECKING:
    from ..encoders.model import Model
    from ..search import SequenceIndex


def _bits(ctx: click.Context, parameter: click.Parameter, value: object) -> object:
    """A number where it is one."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


@dataclass(frozen=True)
class Output:
    """Where the index goes."""

    output: str | None = option("Where the index goes.", flags="-o, --output", type=PATH, metavar="INDEX")
    overwrite: bool = option("Replace an index that is there, once the new one is complete.")
    resume: bool = option(
        "Go on with a build of the same that was interrupted.", flags="--resume/--no-resume", default=True
    )


@dataclass(frozen=True)
class Options:
    """What is built; most are fields of `BuildOptions`."""

    encoder: str = option("Encoder family, or auto.", metavar="NAME", default="auto")
    dim: int | None = option("Dimensions of the embedding  [default: 128]", metavar="D")
    geometry: str = option(
        "auto (cosine for long tokens and --vectors, else euclidean), euclidean, squared, manhattan, cosine or "
        "hyperbolic.",
        metavar="NAME",
        default="auto",
    )
    bits: int | None = option("Store binary codes of B bits instead of embeddings.", metavar="B")
    codes: str | None = option(
        "Of bits: learned, or unlearned ones: itq, pca, projection  [default: learned]", metavar="NAME"
    )
    index: str = option(
        "exact; hnsw, a graph; ivf, compressed lists; hamming, of codes; auto.", metavar="KIND", default="auto"
    )
    compress: int | str = option(
        "Of ivf: bits a dimension kept in memory (1, 2, 4, 8), or none  [default: auto, 4]",
        metavar="BITS",
        default="auto",
        callback=_bits,
    )
    learn: str = option(
        "none, principal components in seconds; low, normal or high; auto, by --expect-queries.",
        metavar="LEVEL",
        default="auto",
    )
    effort: str | None = option("The older name of --learn.", metavar="LEVEL", hidden=True)
    expect_queries: int = option("With --learn auto: queries that will be asked.", metavar="N", default=100_000)
    max_time: float | None = option("Seconds that the build is to take: training ends early.", metavar="S")
    recall: float = option("Recall that searches aim at by default.", default=0.99)
    model: str | None = option("Use this model (see train) instead of training.", type=PATH, metavar="FILE")
    queries: str | None = option(
        "Measure the recall on these queries  [default: on a sample held out of REFS]", type=PATH, metavar="FILE"
    )
    vectors: str | None = option(
        "Vectors made elsewhere, row i of sequence i, in place of training.", type=PATH, metavar="FILE.npy"
    )
    query_vectors: str | None = option("With --vectors: those of --queries.", type=PATH, metavar="FILE.npy")
    seed: int = option("Seed of every random draw.", default=0)


@dataclass(frozen=True)
class Pairs:
    """An index of series of two kinds, which are taught by pairs."""

    pairs: str | None = option(
        "Series of another kind; their ids say which of REFS they match.", type=PATH, metavar="QUERIES"
    )
    pair_ids: str | None = option("Ids of a query and of its match.", type=PATH, metavar="FILE.tsv")
    align: str | None = option(
        "Of pairs: aligned step by step, or by DTW first.", type=click.Choice(["auto", "steps", "dtw"])
    )
    most: float | None = option("Of pairs: share of REFS that exact DTW may see  [.05]", metavar="SHARE")
    steps: int | None = option("Of pairs: training batches at most  [default: 1500]", metavar="N")


@click.command(
    "build",
    cls=Command,
    first=("output", "distance", "learn", "recall", "overwrite"),
    short_help="Train, embed, index and calibrate.",
)
@click.argument("files", metavar="REFS...|RECIPE.toml", nargs=-1, required=True)
@takes(output=Output, distance=DistanceOptions, options=Options, pairs=Pairs, beside=Beside, reading=Reading)
@threads_and_quiet
def command(
    files: tuple[str, ...],
    output: Output,
    distance: DistanceOptions,
    options: Options,
    pairs: Pairs,
    beside: Beside,
    reading: Reading,
    quiet: bool,
) -> None:
    """Train an encoder on REFS, embed and index them, and measure the recall of growing numbers of candidates.

    REFS: FASTA, FASTQ, CSV, TSV, text lines, .npy, .npz, .hdf5, .ts - compressed or not; "-" is standard input; several
    files are read as one. Further columns of a table, or of a table beside REFS (--metadata), are kept: search --where
    asks for them.
    A recipe (a .toml file) holds all of this and builds the index beside itself; options given here win over it.

    \b
    Examples:
      seqsearch build refs.fasta.gz -o refs.ss
      seqsearch build silva.fasta more.fasta -o refs.ss --duplicate-ids rename --label-from '\\S+;\\S+'
      seqsearch build aligned.fasta -o refs.ss --degap --labels taxonomy.tsv
      seqsearch build names.txt -o names.ss --distance edit --recall 0.95 --queries asked.txt
      seqsearch build people.csv -o people.ss --alphabet text+casefold+accents --distance jaro-winkler
      seqsearch build genes.fasta -o genes.ss --metadata samples.tsv --columns year,country,taxon:text
      seqsearch build beats.npz -o beats.ss --distance dtw -D window=0.1
      seqsearch build vectors.npy -o vectors.ss --distance cosine
      seqsearch build glove-100-angular.hdf5 -o glove.ss
      seqsearch build recordings/ -o songs.ss --pairs scores/
      seqsearch build proteins.fasta -o proteins.ss --vectors proteins.npy --distance alignment
      seqsearch build indexes/greengenes-v4.toml
    """
    references = files[0]
    if len(files) > 1 and (pairs.pairs is not None or references.endswith(".toml")):
        raise click.UsageError(f"one of several files is given: {files[1]}")
    if pairs.pairs is not None:
        for name in given(beside):
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing with --pairs")
        _by_pairs(references, output, distance, options, pairs, reading, quiet)
        return
    for name in given(pairs):
        raise click.UsageError(f"--{name.replace('_', '-')} belongs to --pairs")
    if references.endswith(".toml"):
        built = _by_recipe(references, output, distance, options, beside, reading, quiet)
    else:
        built = _by_options(files, output, distance, options, beside, reading, quiet)
    with built as index:
        if not quiet:
            _, message = index.budget(10)
            click.echo(f"{index.path}: {len(index):,} sequences; a search takes {message}", err=True)


def _by_options(
    references: tuple[str, ...],
    output: Output,
    distance: DistanceOptions,
    options: Options,
    beside: Beside,
    reading: Reading,
    quiet: bool,
) -> SequenceIndex:
    from ..search import SequenceIndex
    from ..search.options import BuildOptions

    if output.output is None:
        raise click.UsageError("--output INDEX is needed (or give a recipe, RECIPE.toml)")
    return SequenceIndex.build(
        output.output,
        reading.batches(references, columns=beside.asked()),
        model=_model(options.model),
        vectors=reading.rows(options.vectors, "--vectors"),
        queries=None if options.queries is None else reading.read(options.queries, queries=True),
        query_vectors=reading.rows(options.query_vectors, QUERY_VECTORS),
        metadata=beside.table(),
        overwrite=output.overwrite,
        resume=output.resume,
        progress=progress_for(quiet),
        **named(options, BuildOptions) | vars(distance.suiting(references[0])),
    )


def _by_pairs(
    references: str,
    output: Output,
    distance: DistanceOptions,
    options: Options,
    pairs: Pairs,
    reading: Reading,
    quiet: bool,
) -> None:
    """What is not given has the defaults of `PairOptions`."""
    from ..search.pairs import PairOptions
    from .match import build_pairs

    if output.output is None:
        raise click.UsageError("--output INDEX is needed")
    asked = given(options) | given(pairs)
    known = {one.name for one in fields(PairOptions)}
    for name in sorted((asked | given(distance) | given(reading)).keys() - known - {"pairs", "pair_ids"}):
        raise click.UsageError(f"--{name.replace('_', '-')} means nothing with --pairs")
    chosen = {name: value for name, value in asked.items() if name in known}
    assert pairs.pairs is not None
    build_pairs((pairs.pairs, references), output.output, pairs.pair_ids, quiet, overwrite=output.overwrite, **chosen)


def _by_recipe(
    references: str,
    output: Output,
    distance: DistanceOptions,
    options: Options,
    beside: Beside,
    reading: Reading,
    quiet: bool,
) -> SequenceIndex:
    """What stands on the command line wins over the recipe."""
    from ..search.options import BuildOptions
    from ..search.recipes import Recipe

    for name in given(options).keys() & {"vectors", "query_vectors"}:
        raise click.UsageError(f"--{name.replace('_', '-')} is not for a recipe, which may hold sequences out")
    asked = {name: value for name, value in given(options).items() if name in named(options, BuildOptions)}
    recipe = Recipe.load(references)
    reading = reading.over(recipe.reading)
    queries = None if options.queries is None else reading.read(options.queries, queries=True)
    columns = {} if beside.columns is None or beside.metadata is not None else {"columns": beside.asked()}
    recipe = recipe.changed(asked | given(distance), output=output.output, reading=reading.arguments | columns)
    return recipe.build(
        overwrite=output.overwrite,
        model=_model(options.model),
        queries=queries,
        metadata=beside.table(),
        resume=output.resume,
        progress=progress_for(quiet),
    )


def _model(path: str | None) -> Model | None:
    if path is None:
        return None
    from ..encoders.model_file import load_model

    return load_model(path)
