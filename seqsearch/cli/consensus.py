"""seqsearch consensus"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .clusters import Clusters, Named
from .options import PATH, Command, Reading, format_option, given, option, takes, threads_and_quiet
from .progress import progress_for
from .shared import header_text, rows_text

if TYPE_CHECKING:
    from ..arrays import IntArray
    from ..sequences import Sequences
    from ..trees import Dendrogram

COLUMNS = ("cluster", "size", "total", "median", "mean", "farthest")
NUMBER = "{}"  # in the name of --msa: which cluster


@dataclass(frozen=True)
class Options:
    """What is looked for, and where it goes."""

    output: str | None = option(
        "Write the strings: FASTA, or text a line each.", flags="-o, --output", type=PATH, metavar="FILE"
    )
    size_out: bool = option(
        "In FILE of -o: ;size=N behind the names, how many sequences (with --size-in: reads) it is of."
    )
    msa: str | None = option(
        "Write a multiple alignment: FASTA. Of clusters {} in the name becomes the number of the row: msa-{}.fasta.",
        type=PATH,
        metavar="FILE",
    )
    bound: bool = option("Add a column bound: no string has a lesser total, by proof.")
    starts: int = option("Best sequences from which the search begins.", type=click.IntRange(1), default=5)
    tries: int = option("Times that edits which change nothing are tried.", type=click.IntRange(0), default=30)
    reads: bool = option(
        "The sequences are noisy reads of one origin: find what they were most likely read of, by rates of errors that"
        " they tell themselves. The total may be above the least."
    )
    edits: int = option(
        "2: weigh all pairs of edits in the end, hundreds of times as long.", type=click.IntRange(1, 2), default=1
    )
    seed: int = option("Seed of every random draw.", default=0)
    output_format: str = format_option("tsv", "json")


@click.command(
    "consensus",
    cls=Command,
    first=("within", "by", "output", "msa", "reads"),
    short_help="The string nearest to all of a set, or of each cluster.",
)
@click.argument("file", metavar="FILE|INDEX")
@takes(clusters=Clusters, options=Options, reading=Reading)
@threads_and_quiet
def command(file: str, clusters: Clusters, options: Options, reading: Reading, quiet: bool) -> None:
    """Find the string of least sum of edit distances to the sequences of FILE, or to those of each cluster.

    The best of the sequences are improved by single edits, all weighed exactly at once, until none is left that helps.
    With --size-in (of an INDEX: its column size) each counts as often as it was seen. The table has the columns
    cluster, size, total (the sum), median (that of the best sequence itself), mean and farthest distance; -o writes the
    strings.

    --msa aligns the sequences of DNA, RNA or proteins: profiles are joined along a guide tree of exact distances, of an
    INDEX of its embeddings, and parts of the tree are aligned anew while that helps (docs/consensus.md).

    \b
    Examples:
      seqsearch consensus reads.fasta -o consensus.fasta --msa aligned.fasta
      seqsearch consensus nanopore.fastq --reads -o origin.fasta
      seqsearch consensus genes.fasta --within 5 --least 3 -o centres.fasta --size-out
      seqsearch consensus names.csv --by label
      seqsearch consensus refs.ss --cluster refs.nwk --cut 12 --msa 'clade-{}.fasta'
    """
    from ..sequences.readers.sizes import SIZE

    whole = _sequences(file, clusters, reading)
    if whole.alphabet is None:
        raise click.UsageError(f"{file}: a consensus is of strings, and these are series")
    if options.msa is not None and whole.alphabet.is_open:
        raise click.UsageError(f"--msa: {file} holds {whole.alphabet.name}, and an alignment is of dna, rna or protein")
    sizes = whole.columns[SIZE].numbers if SIZE in whole.columns else None
    named = clusters.of(whole, file, quiet)
    if options.msa is not None and NUMBER not in options.msa and len(named) > 1:
        raise click.UsageError(
            f"--msa: there are {len(named):,} clusters; write {{}} where the number of each is to stand"
        )
    made = _found(whole, named, sizes, options, quiet)
    if options.msa is not None:
        _align(whole, named, file, options.msa, quiet)
    click.echo(header_text(made, options.output_format) + rows_text(made, options.output_format), nl=False)


def _found(
    whole: Sequences, named: list[Named], sizes: IntArray | None, options: Options, quiet: bool
) -> dict[str, list[object]]:
    """The table of the clusters; their strings are written."""
    from ..distances.consensus import consensus

    made, names = [], []
    rows: dict[str, list[object]] = {name: [] for name in (*COLUMNS, "bound")[: 7 if options.bound else 6]}
    with progress_for(quiet).task("looking for consensus strings", len(named)) as task:
        for name, of in named:
            weights = None if sizes is None else sizes[of]
            found = consensus(
                whole[of],
                weights=weights,
                starts=options.starts,
                tries=options.tries,
                edits=options.edits,
                reads=options.reads,
                seed=options.seed,
            )
            count = len(of) if weights is None else int(weights.sum())
            made.append(found.sequence)
            names.append(f"{name};size={count}" if options.size_out else name)
            told: list[object] = [name, len(of), found.total, found.median, round(found.total / count, 4)]
            told.append(int(found.distances.max()))
            if options.bound:
                from ..distances.consensus_bound import consensus_bound

                told.append(consensus_bound(whole[of], weights=weights, most=found.total))
            for column, value in zip(rows, told, strict=True):
                rows[column].append(value)
            task.advance()
    if options.output is not None and made:
        from ..sequences import Sequences, Strings
        from ..sequences.writers import write_sequences

        write_sequences(options.output, Sequences.concatenate(made).renamed(Strings.of(names)))
    return rows


def _align(whole: Sequences, named: list[Named], file: str, path: str, quiet: bool) -> None:
    """Write the alignment of each cluster, along a tree of the embeddings where there are any."""
    from ..alignment import align_multiple

    for number, (_, of) in enumerate(named, start=1):
        tree = _embedded_tree(file, quiet) if len(of) == len(whole) > 1 else None
        aligned = align_multiple(whole[of], tree=tree, progress=progress_for(quiet))
        aligned.write(path.replace(NUMBER, str(number)))
        if not quiet:
            click.echo(
                f"{path.replace(NUMBER, str(number))}: {len(aligned):,} rows of {aligned.columns:,} columns, "
                f"sum of pairs {aligned.score:,.0f} ({aligned.scheme})",
                err=True,
            )


def _embedded_tree(file: str, quiet: bool) -> Dendrogram | None:
    """That of an index, by its embeddings."""
    from ..distributed import holds_shards
    from ..errors import NotAnIndexError
    from ..search import SequenceIndex

    if os.path.isdir(file) and not holds_shards(file):
        with suppress(NotAnIndexError), SequenceIndex.open(file) as index:
            return index.cluster(progress=progress_for(quiet))
    return None


def _sequences(file: str, clusters: Clusters, reading: Reading) -> Sequences:
    """Those of a file, or what an index holds."""
    from ..errors import NotAnIndexError
    from .source import open_index

    if os.path.isdir(file):
        with suppress(NotAnIndexError), open_index(file) as index:
            for name in given(reading):
                raise click.UsageError(f"--{name.replace('_', '-')} is for reading a file: {file} is an index")
            return index.sequences
    beside = clusters.by is not None and clusters.by != "label"
    return reading.read(file, columns=None if beside else ())
