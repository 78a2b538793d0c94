"""seqsearch search"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypedDict, cast

import click

from . import output
from .mapping import FORMATS, PAF, SAM, require_mapping, sam_header
from .options import (
    PATH,
    QUERY_VECTORS,
    Cluster,
    Command,
    Reading,
    format_option,
    guarantee_option,
    option,
    query_vectors_option,
    strand_option,
    takes,
    threads_and_quiet,
)
from .progress import progress_for
from .source import INDEX, RefsDistance, asked, is_sharded, open_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..arrays import AnyArray, DoubleArray
    from ..distributed import ShardedIndex
    from ..encoders.vector_rows import VectorRows
    from ..progress import Progress
    from ..search import Answers, References, SequenceIndex
    from ..search.wanted import BudgetOptions
    from ..sequences import Sequences
    from ..service.client import Client


class Among(TypedDict):
    """What is searched among, and who watches: as `SequenceIndex.search` takes it."""

    ids: list[str] | None
    where: str | None
    strand: str
    progress: Progress


_OF_INDEX = ("recall", "candidates", "ef", "lists")


@dataclass(frozen=True)
class Options:
    """Which hits are looked for, which are kept, and how they are printed. Raises usage errors."""

    k: int = option("Neighbours of each query.", default=10)
    everything: bool = option("All hits within --max-distance or of --min-identity, none missed, not K.", flags="--all")
    recall: float | None = option(
        "Verify as few candidates as have reached this recall where it was measured.", metavar="R"
    )
    candidates: int | None = option("Verify N candidates of each query.", metavar="N")
    ef: int | None = option("Effort of the graph search, with --candidates.", metavar="N")
    lists: int | None = option("Compressed lists to look into, with --candidates.", metavar="N")
    exact: bool = option("Compare with everything: every answer is exact, none is missed.")
    guarantee: str | None = guarantee_option()
    max_distance: float | None = option("Only hits within this distance.", metavar="D")
    min_identity: float | None = option(
        "Only hits of this identity, 0 to 1: equal columns of the alignment over all columns.",
        flags="--min-identity, --id",
        metavar="P",
    )
    min_coverage: float | None = option(
        "Only hits that align this share, 0 to 1, of the shorter sequence's letters.", metavar="P"
    )
    sort_by: str = option(
        "What the K hits are chosen by, and sorted: identity is that of the alignments of 5 K near ones (at least 50).",
        type=click.Choice(("distance", "identity")),
        default="distance",
    )
    where: str | None = option(
        "Only sequences that fulfil this: 'genus = \"Bacteroides\" and year >= 2019', 'label = x' (docs/metadata.md).",
        metavar="CONDITION",
    )
    ids_file: TextIO | None = option(
        "Only these ids, one a line.", type=click.File("r", encoding="utf-8"), metavar="FILE"
    )
    strand: str = strand_option()
    output_format: str = format_option(
        *("tsv", "json", "blast6", "parquet", "sam", "paf"),
        help="blast6: the twelve columns of BLAST's -outfmt 6; sam, paf: alignments, in sam of every query.",
    )
    into: str | None = option(
        "Write to a file, once all is found; .gz, .bz2, .xz and .zst are compressed  [default: standard output]",
        flags="-o, --output",
        type=PATH,
        metavar="FILE",
    )
    columns: str | None = option(
        f"Of tsv, json and parquet: {', '.join(output.COLUMNS)}, and columns of INDEX.", metavar="NAME,..."
    )
    align: bool = option("Draw the alignment of every hit.")
    output_no_hits: bool = option('Write a line for a query without a hit, too: rank 0, target "*", as vsearch does.')
    no_header: bool = option("Of tsv and sam: leave out the names.")

    def __post_init__(self) -> None:
        if self.align and self.output_format != "tsv":
            raise click.UsageError(f"--align draws pictures: --format {self.output_format} has no place for them")
        if self.output_no_hits and (self.align or self.output_format in (output.PARQUET, PAF)):
            what = "--align" if self.align else f"--format {self.output_format}"
            raise click.UsageError(f"--output-no-hits has lines for queries without a hit, {what} has not")
        if self.max_distance is not None and not self.max_distance >= 0:
            raise click.BadParameter(f"must be at least 0, not {self.max_distance}", param_hint="--max-distance")
        for name in ("min_identity", "min_coverage"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                flag = f"--{name.replace('_', '-')}"
                raise click.BadParameter(f"must be above 0 and at most 1, not {share}", param_hint=flag)
        if self.everything and self.max_distance is None and self.min_identity is None:
            raise click.UsageError("--all needs --max-distance or --min-identity")
        for name in (*_OF_INDEX, "guarantee") if self.everything else ():
            if getattr(self, name) is not None:
                raise click.UsageError(f"--all finds every hit: --{name} means nothing")
        if self.everything and self.sort_by != "distance":
            raise click.UsageError("--all gives all hits, the nearest first: --sort-by means nothing")
        self.names()

    def of_index(self, query_vectors: str | None) -> list[str]:
        """Those given that mean something to an index alone."""
        asked = {name: getattr(self, name) for name in _OF_INDEX}
        given = [f"--{name}" for name, value in asked.items() if value is not None]
        return given + [QUERY_VECTORS] * (query_vectors is not None)

    @property
    def budget(self) -> BudgetOptions:
        """What a search may cost."""
        return {
            "recall": self.recall,
            "candidates": self.candidates,
            "ef": self.ef,
            "lists": self.lists,
            "exact": self.exact,
            "guarantee": self.guarantee,
        }

    @property
    def floor(self) -> bool:
        """Whether a hit has to be good enough, so that a query may have none."""
        return any(bound is not None for bound in (self.max_distance, self.min_identity, self.min_coverage))

    def preface(self, opened: SequenceIndex | ShardedIndex | References | Client) -> str:
        """What comes before the first hit. Raises a usage error for a format that does not fit what is searched."""
        if self.output_format not in FORMATS:
            return ""
        require_mapping(self.output_format, opened.distance, opened.alphabet_name)
        if self.output_format != SAM or self.no_header:
            return ""
        from ..service.client import Client

        if isinstance(opened, Client):
            raise click.UsageError("--format sam begins with all that is stored, which no service sends: --no-header")
        if is_sharded(opened):
            stored = opened.sequences  # of all shards
            return sam_header(stored.ids, stored.lengths.tolist())
        with cast("SequenceIndex | References", opened).state() as state:
            rows = state.live.nonzero()[0]
            return sam_header(state.targets.ids.take(rows), state.targets.lengths_of(rows).tolist())

    def names(self, partial: bool = False, stored: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The names of the columns; `partial`: parts of targets are compared; `stored`: the columns of the index."""
        return output.columns_of(self.columns, self.output_format, self.strand, partial, stored)


@click.command(
    "search",
    cls=Command,
    first=("k", "recall", "exact", "output_format", "columns"),
    short_help="Nearest stored sequences of each query.",
)
@click.argument("index", metavar=f"{INDEX}|URL", type=PATH)
@click.argument("queries")
@query_vectors_option
@takes(options=Options, distance=RefsDistance, cluster=Cluster, reading=Reading)
@threads_and_quiet
def command(
    index: str,
    queries: str,
    query_vectors: str | None,
    options: Options,
    distance: RefsDistance,
    cluster: Cluster,
    reading: Reading,
    quiet: bool,
) -> None:
    """Find the K nearest stored sequences of each query, with their exact distances.

    URL is an index of `seqsearch serve`, http://HOST:PORT/NAME; its token is read from SEQSEARCH_TOKEN.

    For a few questions no index is needed: REFS, a file, is read and compared with everything, by --distance.

    TSV has the columns query, rank, target, distance (and strand, if both are searched); JSON has one object a line
    with the same names, and guarantee: what the answer rests on (docs/recall.md).

    Alignments are shortest edit paths from end to end: a CIGAR has =, X, I (in the query only)
    and D (in the target only). Under infix and overlap they are of parts: target_start and target_end, from 1, say
    which. In blast6 pident is in percent; E-value and bit score, which edit distance does not have, are -1 and 0, as
    vsearch writes them; sstart > send means the minus strand. In sam the nearest hit is the primary one, others are
    secondary, without their letters, and a query without a hit is unmapped.

    \b
    Examples:
      seqsearch search refs.ss queries.fasta -k 10
      seqsearch search refs.ss queries.fasta --recall 0.95 --format json
      seqsearch search refs.ss queries.fasta --guarantee proved --columns query,target,distance,guarantee
      seqsearch search refs.ss reads.parquet --sequence-column read --format parquet -o hits.parquet
      seqsearch search refs.ss queries.fasta --all --max-distance 5 --columns query,target,distance,cigar
      seqsearch search refs.ss queries.fasta --where 'genus = "Bacteroides" and year >= 2019' --columns target,year
      seqsearch search refs.ss queries.fasta --strand both --min-identity 0.97 --format blast6
      seqsearch search genes.ss reads.fasta --strand both --format sam | samtools sort -o reads.bam
      seqsearch search proteins.ss queries.fasta --query-vectors queries.npy
      cat reads.fq | seqsearch search refs.ss - --candidates 200
      seqsearch search refs.fasta queries.fasta -k 10
      seqsearch search http://127.0.0.1:8080/refs queries.fasta -k 10
      seqsearch search genes.fasta reads.fasta --distance infix --all --max-distance 2
    """
    from ..search import References, Results, SequenceIndex

    if cluster.workers is not None:
        _in_bulk(index, queries, options, cluster, reading, quiet)
        return
    if options.everything and query_vectors is not None:
        raise click.UsageError(f"--all compares with everything, without vectors: {QUERY_VECTORS} means nothing")
    ids = None if options.ids_file is None else [line.strip() for line in options.ids_file if line.strip()]
    progress = progress_for(quiet)
    warnings: dict[str, None] = {}  # of all batches, each once
    nearest: list[DoubleArray] = []  # of all batches: whether the queries are unlike is judged of all together
    with (
        asked(index, queries, distance, reading, options.of_index(query_vectors), quiet, cluster) as opened,
        output.written(
            options.into,
            options.names(opened.finds_parts, opened.columns),
            options.output_format,
            options.align,
            opened.columns,
            header=not options.no_header,
            preface=options.preface(opened),
        ) as write,
    ):
        came = matched = 0
        parts = reading.suiting(opened.alphabet_name).with_vectors(queries, query_vectors, QUERY_VECTORS, queries=True)
        for number, (part, vectors) in enumerate(parts):
            answers = _answers(opened, part, vectors, options, ids, progress)
            warnings |= dict.fromkeys(answers.how.cautions)
            if is_sharded(opened):
                warnings |= dict.fromkeys(answers.warnings)
            elif answers.how.calibrated and isinstance(answers, Results):
                nearest.append(answers.distances.min(axis=1))
            if number == 0 and not quiet and not isinstance(opened, References):
                click.echo(f"{index}: {answers.how.in_words}", err=True)
            hits = _hits(answers, part, options)
            came, matched = came + len(part), matched + len(hits.matched)
            write(hits)
        if nearest and isinstance(opened, SequenceIndex):
            warnings |= dict.fromkeys(filter(None, [opened.distribution_warning(nearest)]))
    if not quiet and options.floor:
        click.echo(f"{queries}: {matched:,} of {came:,} queries matched", err=True)
    for warning in () if quiet else warnings:
        click.echo(f"seqsearch: warning: {warning}", err=True)


def _in_bulk(index: str, queries: str, options: Options, cluster: Cluster, reading: Reading, quiet: bool) -> None:
    """Several processes of a cluster ask, and write."""
    assert cluster.workers is not None
    if cluster.ray is None or options.output_format != output.PARQUET or options.into is None:
        raise click.UsageError("--workers write a folder of Parquet files: --ray, --format parquet and -o FOLDER")
    for name in ("everything", "max_distance", "min_identity", "min_coverage", "align", "output_no_hits"):
        if getattr(options, name):
            flag = "--all" if name == "everything" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} is not for --workers, which write the k nearest of every query")
    if options.sort_by != "distance":
        raise click.UsageError("--sort-by is not for --workers, which write the k nearest of every query")
    ids = None if options.ids_file is None else [line.strip() for line in options.ids_file if line.strip()]
    with open_index(index, cluster) as opened:
        if not is_sharded(opened):
            raise click.UsageError(f"--workers ask shards: {index} is one index")
        count = opened.search_to_parquet(
            reading.suiting(opened.alphabet_name).batches(queries, columns=None),
            options.into,
            options.k,
            workers=cluster.workers,
            columns=options.names(opened.finds_parts, opened.columns),
            progress=progress_for(quiet),
            ids=ids,
            where=options.where,
            strand=options.strand,
            **options.budget,
        )
        if not quiet:
            click.echo(f"{options.into}: hits of {count:,} queries", err=True)


def _answers(
    index: SequenceIndex | ShardedIndex | References | Client,
    queries: Sequences,
    vectors: VectorRows | None,
    options: Options,
    ids: list[str] | None,
    progress: Progress,
) -> Answers:
    where, strand = options.where, options.strand
    among: Among = {"ids": ids, "where": where, "strand": strand, "progress": progress}
    if options.sort_by != "distance":
        from ..search.questions import Questions

        if not isinstance(index, Questions):
            raise click.UsageError("--sort-by identity is of an index or a file on this machine that is no shard")
        return index.search(
            queries,
            options.k,
            vectors=vectors,
            sort_by=options.sort_by,
            min_coverage=options.min_coverage,
            **among,
            **options.budget,
        )
    if not options.everything:
        return index.search(queries, options.k, vectors=vectors, **among, **options.budget)
    from ..search.alignment import radius_of_identity

    radius: float | AnyArray = float("inf") if options.max_distance is None else options.max_distance
    if options.min_identity is not None and index.distance.alignable:
        radius = radius_of_identity(queries.lengths, options.min_identity).clip(max=radius)
    return index.within(queries, radius, ids=ids, where=where, strand=strand, progress=progress)


def _hits(answers: Answers, queries: Sequences, options: Options) -> output.HitColumns:
    """The hits to print."""
    table = answers.table()
    if options.max_distance is not None:
        table = table.keep(table.distances <= options.max_distance)
    if options.min_identity is not None:
        table = table.keep(answers.align(queries, table).at_least(options.min_identity))
    if options.min_coverage is not None:
        table = table.keep(answers.align(queries, table).coverages >= options.min_coverage)
    return output.HitColumns(answers, table, queries, options.output_no_hits)
