"""seqsearch match"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import quiet_option, threads_option
from .progress import progress_for
from .shared import shown

if TYPE_CHECKING:
    from ..search.matching import Matcher, Matches


@click.group("match", short_help="Match long series of two kinds: embedding, hash DTW, exact DTW.")
def command() -> None:
    """Find, for each query, its match in a database of long series: recordings of a score, tellings of a movement.

    Two networks learn from known pairs; a cascade of embedding scan, DTW on hashes and exact DTW then searches. Series
    come from a folder with one file each (.npy of shape (T, F), .npz, .mid), or from one file with all of them.

    \b
    Examples:
      seqsearch match train scores/ recordings/ -o songs.match
      seqsearch match search songs.match new-scores/ -k 5
    """


@command.command("train")
@click.argument("queries", metavar="QUERIES")
@click.argument("database", metavar="DATABASE")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="MATCHER", help="The folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace a matcher that is there.")
@click.option(
    "--pairs",
    type=click.Path(),
    metavar="FILE.tsv",
    help="Query and database id of each known pair, a tab between  [default: equal ids]",
)
@click.option("--bits", type=int, default=32, show_default=True, help="Bits of a hash, 8 to 64.")
@click.option("--dim", type=int, default=128, show_default=True, help="Dimensions of the embedding; 0 leaves it out.")
@click.option(
    "--align",
    type=click.Choice(["auto", "steps", "dtw"]),
    default="auto",
    show_default=True,
    help="Pairs are aligned step by step, or by DTW first; auto: by DTW where lengths differ.",
)
@click.option("--recall", type=float, default=0.95, show_default=True, help="Matches the exact stage must see.")
@click.option("--most", type=float, default=0.05, show_default=True, help="Share of the database it may see.")
@click.option(
    "--by",
    type=click.Choice(["count", "threshold"]),
    default="count",
    show_default=True,
    help="Stages keep the best so many, or all within a score.",
)
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Training batches at most  [default: 1500]")
@click.option("--seconds", type=float, default=0.0, metavar="S", help="Training time at most, a pair of networks.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random draw.")
@threads_option
@quiet_option
def train(
    queries: str, database: str, output: str, overwrite: bool, pairs: str | None, quiet: bool, **options: Any
) -> None:
    """Learn from the pairs of QUERIES and DATABASE, index DATABASE, and choose what each stage keeps.

    A fifth of the pairs is held out of training: on these the budgets are chosen and the matcher is measured.

    \b
    Examples:
      seqsearch match train scores/ recordings/ -o songs.match
      seqsearch match train left.npz right.npz -o moves.match --pairs pairs.tsv --align steps
    """
    from ..search.matcher_file import require_free, save_matcher
    from ..search.matcher_training import MatcherOptions, train_matcher
    from ..sequences.folders import read_series

    chosen = MatcherOptions(**options)
    require_free(output, overwrite=overwrite)
    known = None if pairs is None else _pairs(pairs)
    left, right = read_series(queries), read_series(database)
    matcher = train_matcher(left, right, chosen, pairs=known, progress=progress_for(quiet))
    save_matcher(matcher, output, overwrite=overwrite)
    if not quiet:
        told = matcher.measured
        click.echo(
            f"{output}: {told['size']:,} entries; of {told['queries']} pairs held out {told['first']:.1%} come first, "
            f"{told.get('false_rejects') or 0:.1%} are lost on the way",
            err=True,
        )


@command.command("index")
@click.argument("matcher", metavar="MATCHER", type=click.Path())
@click.argument("database", metavar="DATABASE")
@click.option("-o", "--output", type=click.Path(), metavar="MATCHER", help="Write another one  [default: replace it]")
@threads_option
@quiet_option
def index(matcher: str, database: str, output: str | None, quiet: bool) -> None:
    """Put the series of DATABASE in place of those that are searched. Networks and budgets stay.

    \b
    Example:
      seqsearch match index songs.match all-recordings/
    """
    from ..search.matcher_file import load_matcher, save_matcher
    from ..sequences.folders import read_series

    made = load_matcher(matcher).indexed(read_series(database), progress_for(quiet))
    save_matcher(made, output or matcher, overwrite=output is None)
    if not quiet:
        assert made.database is not None
        click.echo(f"{output or matcher}: {len(made.database):,} entries", err=True)


@command.command("search")
@click.argument("matcher", metavar="MATCHER", type=click.Path())
@click.argument("queries", metavar="QUERIES")
@click.option("-k", type=click.IntRange(1), default=5, show_default=True, help="Matches of each query.")
@click.option("--format", "output_format", type=click.Choice(["tsv", "json"]), default="tsv", show_default=True)
@threads_option
@quiet_option
def search(matcher: str, queries: str, k: int, output_format: str, quiet: bool) -> None:
    """The best matches of each of QUERIES: query, rank, target, score, confidence (above .5 is a match).

    Score and confidence are those of exact DTW. In the rank the hashes count too, by a weight that was chosen on the
    pairs held out of training: so a lower rank may have the better score.

    \b
    Example:
      seqsearch match search songs.match new-scores/ -k 5
    """
    from ..search.matcher_file import load_matcher
    from ..sequences.folders import read_series

    found = load_matcher(matcher).search(read_series(queries), k, progress=progress_for(quiet))
    rows = found.table()
    if output_format == "json":
        click.echo("".join(json.dumps(row) + "\n" for row in rows), nl=False)
    else:
        names = ["query", "rank", "target", "score"] + ["confidence"] * (found.confidence is not None)
        click.echo("\t".join(names))
        click.echo("".join("\t".join(str(row[name]) for name in names) + "\n" for row in rows), nl=False)
    if not quiet:
        _tell_stages(found)


@command.command("info")
@click.argument("matcher", metavar="MATCHER", type=click.Path())
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def info(matcher: str, output_format: str) -> None:
    """What a matcher holds, what its stages keep, and how it did on pairs held out of training."""
    from ..search.matcher_file import load_matcher

    facts = _facts(load_matcher(matcher))
    if output_format == "json":
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:<20} {'; '.join(map(shown, value)) if isinstance(value, list) else shown(value)}")


def _facts(matcher: Matcher) -> dict[str, Any]:
    held = matcher.database
    return {
        "entries": 0 if held is None else len(held),
        "bits": matcher.hashes.dim,
        "steps_per_hash": matcher.hashes.tower("query").pooling,
        "dim": None if matcher.points is None else matcher.points.dim,
        "penalty": matcher.penalty,
        "exact": None if matcher.exact is None else matcher.exact.parameters(),
        "keeps": [keep.count if keep.count is not None else keep.threshold for keep in matcher.keeps],
        "blend": matcher.blend,
        "hash_bytes": 0 if held is None else int(held.hashes.codes.nbytes),
        "measured": matcher.measured,
    }


def _tell_stages(found: Matches) -> None:
    for stage in found.stages:
        click.echo(
            f"{stage.name}: {stage.came:,.0f} entries compared in {1000 * stage.seconds:.1f} ms a query, "
            f"{stage.kept:,.0f} kept",
            err=True,
        )


def _pairs(path: str) -> list[tuple[str, str]]:
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
