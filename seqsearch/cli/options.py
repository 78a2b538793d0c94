"""Options as typed dataclasses: a field is an option, a class a group of options.

    @dataclass(frozen=True)
    class Options:
        k: int = option("Neighbours of each query.", default=10)

    @click.command("truth")
    @takes(options=Options, reading=Reading)
    def command(options: Options, reading: Reading) -> None: ...

A command takes a group as one argument, by keyword.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from .. import extras

if TYPE_CHECKING:
    from ..arrays import JSON
    from ..distances import Distance
    from ..encoders.vector_rows import VectorRows
    from ..sequences import Alphabet, Sequences, Tagged
    from ..sequences.columns import Asked
    from ..sequences.readers.metadata import Metadata

Function = TypeVar("Function", bound=Callable[..., object])
PATH = click.Path()


class _Picture(click.Path):
    """A file that is drawn, in the end: what draws it must be there before anything is done."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        extras.require("matplotlib", "a picture")
        return super().convert(value, param, ctx)


PICTURE = _Picture()
_ROWS = 1 << 16  # sequences given at a time where they come with vectors
HDF5 = (".hdf5", ".h5")
_BY_TYPE: dict[str, JSON] = {"bool": {"is_flag": True}, "int | None": {"type": int}, "float | None": {"type": float}}


class Command(click.Command):
    """A command whose help shows first the options that matter most, `first`, by name, and how files are read last."""

    def __init__(self, *arguments: Any, first: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.first = tuple(first)

    def sections(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """Headings, and flags and help of the options under each."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        parameters = {one.name: one.get_help_record(ctx) for one in options}
        records = {name or "": record for name, record in parameters.items() if record is not None}
        reading = {one.name for one in fields(Reading)} - set(self.first)
        of_files = [name for name in records if name in reading]
        rest = [name for name in records if name not in reading and name not in self.first]
        named = {"Main options": self.first, "Options": rest, "Reading files": of_files}
        return {heading: [records[name] for name in names] for heading, names in named.items() if names}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for heading, records in self.sections(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(records)


def option(help: str, *, flags: str = "", **attributes: Any) -> Any:
    """A field of a group: an option of its name, or with `flags` (commas between); the rest is for `click.option`.

    A default is shown. The annotations bool, int | None and float | None say what is read.
    """
    default = attributes.get("default")
    shown = {"help": help or None, "show_default": default is not None}
    return field(default=default, metadata={"flags": flags, "attributes": shown | attributes})


def format_option(*formats: str, help: str = "") -> Any:
    """--format, by default the first."""
    return option(help, flags="--format", type=click.Choice(formats), default=formats[0])


def guarantee_option() -> Any:
    """--guarantee."""
    return option(
        "What answers rest on at least: proved (compared with everything), group (recall measured on queries as far "
        "from everything), marginal (on all together)  [default: group]",
        metavar="WHAT",
    )


def takes(**groups: type) -> Callable[[Function], Function]:
    """Give a command the options of dataclasses, in this order, and call it with one instance of each by keyword."""

    def decorated(command: Function) -> Function:
        @functools.wraps(command)
        def gathered(*arguments: object, **values: object) -> object:
            for name, group in groups.items():
                values[name] = group(**{one.name: values.pop(one.name) for one in fields(group)})
            return command(*arguments, **values)

        for group in reversed(groups.values()):
            for one in reversed(fields(group)):
                attributes = _BY_TYPE.get(str(one.type), {}) | one.metadata["attributes"]
                flags = one.metadata["flags"] or ("-" if len(one.name) == 1 else "--") + one.name.replace("_", "-")
                click.option(*flags.split(", "), one.name, **attributes)(gathered)
        return gathered  # type: ignore[return-value]

    return decorated


def given(group: object) -> dict[str, Any]:
    """The options of a group that stand on the command line, not its defaults."""
    source = click.get_current_context().get_parameter_source
    named = {one.name: getattr(group, one.name) for one in fields(group)}  # type: ignore[arg-type]
    return {name: value for name, value in named.items() if source(name) is ParameterSource.COMMANDLINE}


def named(group: object, kind: type) -> dict[str, Any]:
    """The values of a group that are fields of the dataclass `kind` as well, and not None: arguments to make one."""
    values = {one.name: getattr(group, one.name, None) for one in fields(kind)}
    return {name: value for name, value in values.items() if value is not None}


def names_of(text: str | None) -> tuple[str, ...]:
    """The names between commas; none of None."""
    return () if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def numbers_of(text: str, flag: str) -> list[int]:
    """The numbers between commas. Raises a usage error."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers", param_hint=flag) from None


def named_values(ctx: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, object]:
    """NAME=VALUE pairs, the values read as JSON where they are JSON."""
    found: dict[str, object] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _use_threads(ctx: click.Context, parameter: click.Parameter, value: int | None) -> None:
    from .. import threads

    if value is not None:
        threads.use(value)


threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    expose_value=False,
    callback=_use_threads,
    help="Threads to use  [default: all cores]",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr.")


def threads_and_quiet(command: Function) -> Function:
    """--threads, which needs nobody's attention, and --quiet."""
    return threads_option(quiet_option(command))


QUERY_VECTORS = "--query-vectors"
query_vectors_option = click.option(
    QUERY_VECTORS,
    type=PATH,
    metavar="FILE.npy",
    help="Of an index with own vectors: those of the queries, row i of query i.",
)
vectors_option = click.option(
    "--vectors",
    type=PATH,
    metavar="FILE.npy",
    help="Of an index with own vectors: those of the sequences, row i of sequence i.",
)


@dataclass(frozen=True)
class DistanceOptions:
    """The exact distance."""

    distance: str = option(
        "edit or dtw; infix (in a part of REFS), overlap (free ends); weighted-edit, indel, osa, damerau-levenshtein, "
        "jaro-winkler, alignment; of series also dtw-infix (in a part of REFS), dtw-matching; "
        "of vectors: euclidean, cosine, inner-product.",
        metavar="NAME",
        default="edit",
    )
    distance_parameters: dict[str, object] = option(
        "A parameter of the distance, as -D window=0.1 for dtw, -D wildcards=true for edit. May be repeated.",
        flags="-D",
        multiple=True,
        metavar="NAME=VALUE",
        callback=named_values,
    )

    def suiting(self, path: str) -> DistanceOptions:
        """The same, with the distance that a file of vectors says, where none was asked for."""
        if "distance" in given(self) or not path.lower().endswith(HDF5):
            return self
        from ..sequences.readers.hdf5 import told_distance

        said = told_distance(path)
        if said is None:
            known = "euclidean, cosine or inner-product"
            raise click.UsageError(f"{path} does not say a distance that is known here: --distance {known}")
        return replace(self, distance=said)

    def exact(self) -> Distance:
        """The distance. Raises ParameterError for a name or a parameter there is not."""
        from ..distances import distance_named

        return distance_named(self.distance, **self.distance_parameters)


def strand_option() -> Any:
    """--strand."""
    return option(
        "Look for the reverse complement of DNA and RNA as well.", type=click.Choice(["plus", "both"]), default="plus"
    )


@dataclass(frozen=True)
class Beside:
    """What is kept beside the sequences."""

    columns: str | None = option(
        "Columns of a table to keep, with a kind where the values leave it open: year,genus:text; none.  "
        "[default: all that are nothing else]",
        metavar="NAME[:KIND],...",
    )
    metadata: str | None = option(
        "A table of ids and columns beside sequences of another file; --columns are its then.",
        type=PATH,
        metavar="TABLE",
    )
    metadata_id: str | None = option("Its column of ids  [default: a usual name, else the first]", metavar="NAME")

    def __post_init__(self) -> None:
        if self.metadata_id is not None and self.metadata is None:
            raise click.UsageError("--metadata-id belongs to --metadata")

    def asked(self) -> Sequence[str] | None:
        """The columns of the file of sequences, as `read` takes them."""
        return None if self.metadata is not None else self._named()

    def _named(self) -> Sequence[str] | None:
        return None if self.columns is None else () if self.columns == "none" else names_of(self.columns)

    def table(self) -> Metadata | None:
        """The table beside the sequences."""
        if self.metadata is None:
            return None
        from ..sequences.columns import Asked
        from ..sequences.readers.metadata import read_metadata

        return read_metadata(self.metadata, id_column=self.metadata_id, columns=Asked.of(self._named()))


@dataclass(frozen=True)
class Cluster:
    """Where shards are asked."""

    ray: str | None = option(
        "Of shards: ask them on a Ray cluster: auto, its address, or local:N processors.", metavar="ADDRESS"
    )
    replicas: int = option("With --ray: copies of each shard.", type=click.IntRange(1), default=1, metavar="N")
    workers: int | None = option(
        "With --ray, --format parquet and -o FOLDER: N processes ask, and write a folder of files.", metavar="N"
    )
    partial: bool = option("Of shards: answer without those that cannot be asked, and say so.")


@dataclass(frozen=True)
class Reading:
    """How files are read, and the reading, with a line on stderr about records that were skipped."""

    alphabet: Alphabet | str | None = option(
        "dna, rna, protein, text or integers; text+casefold, text+nfkc+accents: folded texts  [default: guessed]",
        metavar="NAME",
    )
    input_format: str | None = option(
        "fasta, fastq, csv, tsv, parquet, arrow, lines, npy, npz, hdf5, ts, ucr, midi  [default: as the file looks]",
        metavar="NAME",
    )
    layout: str | None = option(
        "Axes of three in .npy and .npz: series, steps, features or series, channels, steps.",
        type=click.Choice(["ntf", "nct"]),
    )
    id_column: str | None = option("Column of a table that holds ids.", metavar="NAME")
    sequence_column: str | None = option("Column or array that holds sequences.", metavar="NAME")
    label_column: str | None = option("Column or array that holds labels.", metavar="NAME")
    on_error: str = option(
        "Stop at a wrong record, or leave it out and count it.", type=click.Choice(["raise", "skip"]), default="raise"
    )
    duplicate_ids: str = option(
        "What to do with an id that was used before: stop, call it ID_2, or leave it out.",
        type=click.Choice(["error", "rename", "skip"]),
        default="error",
    )
    degap: bool = option("Leave the gaps (- and .) of an aligned file out.")
    whole_header: bool = option("Take whole headers of FASTA and FASTQ as ids, not their first words.")
    label_file: str | None = option(
        "Labels: a table of ids and labels, with a tab between.", flags="--labels", type=PATH, metavar="FILE"
    )
    label_from: str | None = option(
        "Labels: what a regular expression, or its first group, finds in headers.", metavar="PATTERN"
    )
    label_ranks: int | None = option('Keep N ranks of labels like "Bacteria;Firmicutes;Bacilli".', metavar="N")
    sizes: bool = option(
        "Keep abundances in headers (ID;size=123;) as a column size, and ids without.", flags="--size-in, --sizein"
    )

    def suiting(self, alphabet: Alphabet | str | None) -> Reading:
        """The same, with this alphabet where none was asked for."""
        return self if self.alphabet is not None else replace(self, alphabet=alphabet)

    def over(self, arguments: Mapping[str, object]) -> Reading:
        """With these arguments of `seqsearch.read` where the command line says nothing else."""
        held = {"input_format" if name == "format" else name: value for name, value in arguments.items()}
        return replace(self, **{**held, **given(self)})

    def words(self) -> list[str]:
        """What stands on a command line for all that is not as usual."""
        words: list[str] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value is None or value is False or value == one.default:
                continue
            flag = one.metadata["flags"].partition(", ")[0] or f"--{one.name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
        return words

    @property
    def skips(self) -> bool:
        """Whether wrong records are left out."""
        return self.on_error == "skip"

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `seqsearch.read`."""
        return {"format" if name == "input_format" else name: value for name, value in vars(self).items()}

    def batches(
        self, path: str | Sequence[str], *, queries: bool = False, columns: Asked | Sequence[str] | None = ()
    ) -> Iterator[Sequences]:
        """The sequences of a file, of several as of one, or of a folder with one series a file, set by set; `queries`:
        those of a file that holds both; `columns` as of `read`."""
        from ..sequences import ReadReport, read_batches
        from ..sequences.folders import read_series

        report = ReadReport()
        for one in [path] if isinstance(path, str) else path:
            if os.path.isdir(one):
                yield read_series(one)
                continue
            report = report.following()
            yield from read_batches(one, report=report, **self.arguments, queries=queries, columns=columns)
            if report.notable:
                click.echo(str(report), err=True)

    def with_vectors(
        self,
        path: str,
        vectors: str | None,
        flag: str,
        *,
        queries: bool = False,
        columns: Asked | Sequence[str] | None = (),
    ) -> Iterator[tuple[Sequences, VectorRows | None]]:
        """`batches`, each with its rows of the .npy file `vectors`, which comes with the option `flag`.

        With vectors all sequences are read before the first batch is given: so many have to be there as rows. Raises
        MismatchError, and a usage error where records may be left out.
        """
        if vectors is None:
            yield from ((part, None) for part in self.batches(path, queries=queries, columns=columns))
            return
        from ..sequences import Sequences

        parts = list(self.batches(path, queries=queries, columns=columns))
        whole, rows = Sequences.concatenate(parts), self.rows(vectors, flag)
        assert rows is not None
        rows.require(len(whole))
        for start in range(0, len(whole), _ROWS):
            stop = min(start + _ROWS, len(whole))
            yield whole[start:stop], rows.part(start, stop)

    def rows(self, vectors: str | None, flag: str) -> VectorRows | None:
        """The rows of an .npy file, if any. Raises a usage error where records may be left out, which shifts them, and
        what reading it raises."""
        if vectors is None:
            return None
        from ..encoders.vector_rows import VectorRows

        for option_name, chosen in (("--on-error", self.on_error), ("--duplicate-ids", self.duplicate_ids)):
            if chosen == "skip":
                raise click.UsageError(f"{option_name} skip is not for {flag}: rows belong to all records of the file")
        return VectorRows.of(vectors, flag)

    def read(self, path: str, *, queries: bool = False, columns: Asked | Sequence[str] | None = ()) -> Sequences:
        """All sequences of a file, as `batches`."""
        from ..sequences import Sequences

        return Sequences.concatenate(list(self.batches(path, queries=queries, columns=columns)))

    def elements(self, path: str, unit: str, mask_column: str | None) -> Tagged:
        """All sequences of a file with the labels of their elements: `seqsearch.sequences.read_tagged`."""
        from ..sequences import read_tagged

        if self.skips:
            why = "a sentence with a hole means nothing"
            raise click.UsageError(f"--on-error skip is not for labels of elements: {why}")
        from ..sequences.readers.tagged import TaggedOptions

        taken = TaggedOptions.__annotations__.keys()
        for name in sorted(given(self).keys() - taken - {"input_format", "on_error"}):
            raise click.UsageError(f"--{name.replace('_', '-')} is not for labels of elements")
        arguments = {name: value for name, value in self.arguments.items() if name in taken}
        return read_tagged(path, unit=unit, mask_column=mask_column, **arguments)
