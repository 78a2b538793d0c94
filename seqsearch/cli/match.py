"""seqsearch match: other names for building and searching an index of two kinds of series"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import PATH, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import header_text, rows_text, shown

if TYPE_CHECKING:
    from ..search import Results


@click.group("match", short_help="Match long series of two kinds: embedding, hash DTW, exact DTW.")
def command() -> None:
    """Find, for each query, its match in a database of long series: recordings of a score, tellings of a movement.

    Two networks learn from known pairs; embeddings, DTW on hashes and exact DTW then search. Series come from a folder
    with one file each (.npy of shape (T, F), .npz, .mid), or from one file with all of them. What is made is an index
    like any other: add, remove, verify, calibrate and info work on it, and `seqsearch build --pairs` makes it too.

    \b
    Examples:
      seqsearch match train scores/ recordings/ -o songs.ss
      seqsearch match search songs.ss new-scores/ -k 5
    """


@dataclass(frozen=True)
class Options:
    """The fields of `PairOptions` that a user sets."""

    bits: int = option("Bits of a hash, 8 to 64.", default=32)
    dim: int = option("Dimensions of the embedding; 0 leaves it out.", default=128)
    align: str = option(
        "Pairs are aligned step by step, or by DTW first; auto: by DTW where lengths differ.",
        type=click.Choice(["auto", "steps", "dtw"]),
        default="auto",
    )
    recall: float = option("Matches the exact stage must see.", default=0.95)
    most: float = option("Share of the database it may see.", default=0.05)
    steps: int | None = option("Training batches at most  [default: 1500]", metavar="N")
    seconds: float = option("Training time at most, a pair of networks.", default=0.0, metavar="S")
    seed: int = option("Seed of every random draw.", default=0)


@command.command("train")
@click.argument("queries", metavar="QUERIES")
@click.argument("database", metavar="DATABASE")
@click.option("-o", "--output", required=True, type=PATH, metavar="INDEX", help="The folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace an index that is there.")
@click.option("--pairs", type=PATH, metavar="FILE.tsv", help="Ids of each known pair, a tab between  [default: equal]")
@takes(options=Options)
@threads_and_quiet
def train(
    queries: str, database: str, output: str, overwrite: bool, pairs: str | None, options: Options, quiet: bool
) -> None:
    """Learn from the pairs of QUERIES and DATABASE, index DATABASE, and choose what each stage keeps.

    A fifth of the pairs is held out of training: on these what the stages keep is chosen, and the index is measured.

    \b
    Examples:
      seqsearch match train scores/ recordings/ -o songs.ss
      seqsearch match train left.npz right.npz -o moves.ss --pairs pairs.tsv --align steps
    """
    build_pairs((queries, database), output, pairs, quiet, overwrite=overwrite, **vars(options))


def build_pairs(sides: tuple[str, str], output: str, pairs: str | None, quiet: bool, **options: Any) -> None:
    """What `train` and `build --pairs` do."""
    from ..search import SequenceIndex
    from ..sequences.folders import read_series

    known = None if pairs is None else read_pairs(pairs)
    queries, references = map(read_series, sides)
    progress = progress_for(quiet)
    with SequenceIndex.build_pairs(output, references, queries, pairs=known, progress=progress, **options) as index:
        told = index.info()["pairs"]["measured"]
    if not quiet:
        click.echo(
            f"{output}: {told['size']:,} entries; of {told['queries']} pairs held out {told['first']:.1%} come first, "
            f"{told['false_rejects']:.1%} are lost on the way",
            err=True,
        )


@command.command("index")
@click.argument("index", metavar="INDEX", type=PATH)
@click.argument("database", metavar="DATABASE")
@click.option("-o", "--output", type=PATH, metavar="INDEX", help="Write another one  [default: replace it]")
@threads_and_quiet
def reindex(index: str, database: str, output: str | None, quiet: bool) -> None:
    """Put the series of DATABASE in place of those that are searched. Networks, and what the stages keep, stay.

    \b
    Example:
      seqsearch match index songs.ss all-recordings/
    """
    from ..search import SequenceIndex
    from ..sequences.folders import read_series

    with SequenceIndex.open(index) as opened:
        opened.with_entries(output or index, read_series(database), progress=progress_for(quiet)).close()
    if not quiet:
        with SequenceIndex.open(output or index) as made:
            click.echo(f"{made.path}: {len(made):,} entries", err=True)


@command.command("search")
@click.argument("index", metavar="INDEX", type=PATH)
@click.argument("queries", metavar="QUERIES")
@click.option("-k", type=click.IntRange(1), default=5, show_default=True, help="Matches of each query.")
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@threads_and_quiet
def search(index: str, queries: str, k: int, output_format: str, quiet: bool) -> None:
    """The best matches of each of QUERIES: query, rank, target, score, confidence (above .5 is a match).

    Score and confidence are those of exact DTW. In the rank the hashes count too, by a weight that was chosen on the
    pairs held out of training: so a lower rank may have the better score.

    \b
    Example:
      seqsearch match search songs.ss new-scores/ -k 5
    """
    from ..search import SequenceIndex
    from ..sequences.folders import read_series

    with SequenceIndex.open(index) as opened:
        found = opened.search(read_series(queries), k, progress=progress_for(quiet))
    columns = _columns(found)
    click.echo(header_text(columns, output_format) + rows_text(columns, output_format), nl=False)
    if not quiet:
        for stage in found.how.trace.values():
            click.echo(
                f"{stage.name}: {stage.compared / stage.queries:,.0f} entries compared in "
                f"{1000 * stage.seconds / stage.queries:.1f} ms a query, {stage.kept / stage.queries:,.0f} kept",
                err=True,
            )


def _columns(found: Results) -> dict[str, list[object]]:
    """One value a match."""
    table = found.table()
    columns: dict[str, list[object]] = {
        "query": [found.queries[at] for at in table.owners.tolist()],
        "rank": table.ranks.tolist(),
        "target": [found.stored[row] for row in table.rows.tolist()],
        "score": table.distances.round(6).tolist(),
    }
    if found.confidence is not None:
        columns["confidence"] = found.confidence[found.rows >= 0].round(4).tolist()
    return columns


@command.command("info")
@click.argument("index", metavar="INDEX", type=PATH)
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def info(index: str, output_format: str) -> None:
    """What such an index holds, what its stages keep, and how it did on pairs held out of training."""
    from ..search import SequenceIndex

    with SequenceIndex.open(index) as opened:
        facts, budget = opened.info(), opened.budget(1)[1]
    told = {"entries": facts["sequences"], "budget": budget, "exact": facts["distance_parameters"]}
    told |= {name: facts[name] for name in ("bits", "dim", "steps_per_hash")} | facts["pairs"]
    if output_format == "json":
        click.echo(json.dumps(told))
        return
    for name, value in told.items():
        click.echo(f"{name:<20} {shown(value)}")


def read_pairs(path: str) -> list[tuple[str, str]]:
    """The lines of a file of pairs."""
    from ..errors import InputError, ParseError

    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path=path) from None
    pairs = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if not line.strip():
            continue
        if len(fields) != 2:
            raise ParseError(f"{line!r} is not two ids with a tab between", path=path, line=number)
        pairs.append((fields[0], fields[1]))
    return pairs
