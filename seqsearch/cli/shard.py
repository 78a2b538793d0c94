"""seqsearch shard"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .options import PATH, Beside, Command, DistanceOptions, Reading, given, named, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..distributed import ShardedIndex
    from ..encoders.vector_rows import VectorRows
    from ..sequences import Sequences

_OF_A_BUILD = ("distance", "learn", "recall", "encoder", "dim", "index", "compress", "expect_queries", "seed", "model")


@dataclass(frozen=True)
class Options:
    """What is built; most are fields of `BuildOptions`."""

    output: str | None = option("Where the shards go.", flags="-o, --output", type=PATH, metavar="SHARDS")
    shards: int | None = option("How many indexes the sequences are spread over.", metavar="N")
    append: bool = option("Add to the shards in --output, as `seqsearch add` does.")
    reshard: int | None = option("Spread the shards that are given in place of REFS over N.", metavar="N")
    overwrite: bool = option("Replace shards that are there, once the new ones are complete.")
    encoder: str = option("Encoder family, or auto.", metavar="NAME", default="auto")
    dim: int | None = option("Dimensions of the embedding  [default: 128]", metavar="D")
    index: str = option("Of every shard: exact, hnsw, ivf or auto.", metavar="KIND", default="auto")
    compress: int | str = option("Of ivf: bits a dimension kept in memory, or none.", metavar="BITS", default="auto")
    learn: str = option("none, low, normal, high or auto, as of `seqsearch build`.", metavar="LEVEL", default="auto")
    expect_queries: int = option("With --learn auto: queries that will be asked.", metavar="N", default=100_000)
    recall: float = option("Recall that searches aim at by default.", default=0.99)
    model: str | None = option("Use this model instead of training one.", type=PATH, metavar="FILE")
    seed: int = option("Seed of every random draw.", default=0)
    ray: str | None = option(
        "Build all shards but the first on a Ray cluster, whose machines see REFS and SHARDS.", metavar="ADDRESS"
    )


@click.command(
    "shard",
    cls=Command,
    first=("output", "shards", "append", "recall", "ray"),
    short_help="Spread sequences over several indexes.",
)
@click.argument("files", metavar="REFS...|SHARDS", nargs=-1, required=True)
@takes(options=Options, distance=DistanceOptions, beside=Beside, reading=Reading)
@threads_and_quiet
def command(
    files: tuple[str, ...], options: Options, distance: DistanceOptions, beside: Beside, reading: Reading, quiet: bool
) -> None:
    """Spread REFS over --shards indexes in one folder, with one encoder, so that each may lie on another machine.

    search, novelty, evaluate, add, remove, update, info, verify and compact take the folder as they take an index, and
    answer what one index would: by proof (--exact) the same to the byte. With --ray they ask the shards on a Ray
    cluster, with --replicas copies of each (docs/cluster.md).
    A record belongs to a shard by its id alone. REFS are read once for each shard, so that no more than one is in
    memory.

    \b
    Examples:
      seqsearch shard refs.fasta -o refs.shards --shards 8
      seqsearch shard more.fasta -o refs.shards --append
      seqsearch shard refs.shards -o wider.shards --reshard 16
      seqsearch shard refs.fasta -o refs.shards --shards 64 --ray auto
      seqsearch search refs.shards queries.fasta -k 10 --ray auto --replicas 2
    """
    if options.output is None:
        raise click.UsageError("--output SHARDS is needed")
    if options.append + (options.reshard is not None) + (options.shards is not None) != 1:
        raise click.UsageError("one of --shards, --append and --reshard is needed")
    if options.append:
        _append(files, options, distance, beside, reading, quiet)
        return
    if options.reshard is not None:
        index = _resharded(files, options, quiet)
    else:
        index = _built(files, options, distance, beside, reading, quiet)
    with index:
        if not quiet:
            click.echo(f"{index.path}: {len(index):,} sequences in {index.shards} shards", err=True)


def _built(
    files: tuple[str, ...], options: Options, distance: DistanceOptions, beside: Beside, reading: Reading, quiet: bool
) -> ShardedIndex:
    from ..distributed import ShardedIndex
    from ..encoders.model_file import load_model
    from ..search.metadata import Joining
    from ..search.options import BuildOptions

    assert options.output is not None
    assert options.shards is not None
    if "-" in files:
        raise click.UsageError("REFS are read once for each shard, standard input only once: give a file")
    table = beside.table()
    first = next(iter(reading.batches(files, columns=beside.asked())))
    alike = reading.suiting(first.alphabet)  # a guess of one batch holds for all, each time they are read

    def parts() -> Iterable[Sequences]:
        batches = alike.batches(files, columns=beside.asked())
        return batches if table is None else Joining(table).all_joined(batches, lambda _: None)

    anew: Callable[[], Iterable[Sequences]] = parts
    return ShardedIndex.build(
        options.output,
        anew,
        shards=options.shards,
        model=None if options.model is None else load_model(options.model),
        overwrite=options.overwrite,
        ray=options.ray,
        progress=progress_for(quiet),
        **named(options, BuildOptions) | vars(distance.suiting(files[0])),
    )


def _resharded(files: tuple[str, ...], options: Options, quiet: bool) -> ShardedIndex:
    from ..distributed import ShardedIndex

    assert options.output is not None
    assert options.reshard is not None
    if len(files) > 1:
        raise click.UsageError(f"--reshard takes one folder of shards: {files[1]}")
    told = [name for name in given(options) if name in _OF_A_BUILD]
    if told:
        raise click.UsageError(f"--{told[0].replace('_', '-')} means nothing with --reshard: the shards say it")
    with ShardedIndex.open(files[0]) as old:
        return old.resharded(options.output, options.reshard, overwrite=options.overwrite, progress=progress_for(quiet))


def _append(
    files: tuple[str, ...], options: Options, distance: DistanceOptions, beside: Beside, reading: Reading, quiet: bool
) -> None:
    from ..distributed import ShardedIndex

    assert options.output is not None
    told = [name for name in given(options) | given(distance) if name not in ("output", "append")]
    if told:
        raise click.UsageError(f"--{told[0].replace('_', '-')} means nothing with --append: the shards say it")
    progress = progress_for(quiet)
    with ShardedIndex.open(options.output) as opened:

        def add(part: Sequences, rows: VectorRows | None) -> None:
            opened.add(part, progress=progress)

        done = sum(change(opened, path, reading, beside, add, known=False) for path in files)
        if not quiet:
            click.echo(f"{options.output}: {done:,} added, {len(opened):,} sequences now", err=True)
