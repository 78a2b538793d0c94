"""Parquet and Arrow files, batch by batch: only the columns that are asked for are read, and no value becomes an object
on the way. Lists of numbers are series: list<float> of one feature, list<list<float>> of several."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ...arrays import AnyArray, IntArray
from ...errors import InputError, ParameterError, ParseError
from ...extras import FRAMES, imported
from ..alphabet import INTEGERS
from ..strings import Strings
from .batches import SeriesBatch, TextBatch, numbered
from .beside import columns_of_arrow, is_kept
from .opening import Source
from .tables import DESCRIPTION_NAMES, ID_NAMES, LABEL_NAMES, Table

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow

    from .intake import Intake
    from .options import Options

    Batches = Callable[[Sequence[str]], Iterable[pyarrow.RecordBatch]]

_PARQUET, _ARROW, _STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"


def read_parquet(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch | SeriesBatch]:
    """Batches of a Parquet file, by pyarrow; from a pipe, or compressed as a whole, it is held in memory."""
    parquet = imported("pyarrow.parquet", FRAMES)
    with _translated(source.name, "Parquet"), parquet.ParquetFile(_place(source, _PARQUET)) as file:
        yield from _batches(
            file.schema_arrow,
            lambda columns: file.iter_batches(batch_size=options.size, columns=list(columns)),
            source.name,
            options,
        )


def read_arrow(source: Source, options: Options, intake: Intake) -> Iterator[TextBatch | SeriesBatch]:
    """Batches of an Arrow IPC file, which Feather's second version is, or of a stream of the same."""
    ipc = imported("pyarrow.ipc", FRAMES)
    with _translated(source.name, "Arrow"):
        if not source.head().startswith(_ARROW):
            stream = ipc.open_stream(source.stream)
            yield from _batches(
                stream.schema, lambda columns: (part.select(columns) for part in stream), source.name, options
            )
            return
        place = _place(source, _ARROW)
        with imported("pyarrow", FRAMES).memory_map(place) if isinstance(place, str) else place as mapped:
            file = ipc.open_file(mapped)
            parts = range(file.num_record_batches)
            yield from _batches(
                file.schema,
                lambda columns: (file.get_batch(part).select(columns) for part in parts),
                source.name,
                options,
            )


def open_table(source: Source) -> pyarrow.Table:
    """All of a Parquet or Arrow file."""
    arrow, head = imported("pyarrow", FRAMES), source.head()
    if is_parquet(head):
        with _translated(source.name, "Parquet"):
            return imported("pyarrow.parquet", FRAMES).read_table(_place(source, _PARQUET))
    ipc = imported("pyarrow.ipc", FRAMES)
    with _translated(source.name, "Arrow"):
        content = arrow.BufferReader(source.stream.read())
        found = ipc.open_file(content) if head.startswith(_ARROW) else ipc.open_stream(content)
        table = found.read_all()
        table.validate(full=True)
        return table


def strings_of_column(column: pyarrow.Array) -> Strings:
    """A column of ids as strings."""
    return strings_of(_spelled(column))


def is_parquet(head: bytes) -> bool:
    """Whether the bytes begin as a Parquet file does."""
    return head.startswith(_PARQUET)


def is_arrow(head: bytes) -> bool:
    """Whether the bytes begin as an Arrow file or stream does."""
    return head.startswith((_ARROW, _STREAM))


@contextmanager
def _translated(name: str, format: str) -> Iterator[None]:
    """Errors of pyarrow made ours."""
    arrow = imported("pyarrow", FRAMES)
    try:
        yield
    except InputError:
        raise
    except ParameterError:
        raise
    except (arrow.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:  # damage asks for any memory
        if isinstance(error, OSError) and error.errno is not None:
            raise
        told = str(error).strip().split("\n")[0]
        raise ParseError(f"not a readable {format} file: {told}", path=name) from None


def _place(source: Source, magic: bytes) -> str | io.BytesIO:
    """What pyarrow can seek in: the file itself, or the bytes of a pipe or of a file that is compressed as a whole."""
    if source.path is not None and _begins_with(source.path, magic):
        return str(source.path)
    return io.BytesIO(source.stream.read())


def _begins_with(path: Path, magic: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(magic)) == magic


def _batches(
    schema: pyarrow.Schema, batches: Batches, name: str, options: Options
) -> Iterator[TextBatch | SeriesBatch]:
    """The batches of a file whose batches have the columns of `schema`; of at most as many records as are asked for."""
    titles = list(schema.names)
    table = Table(name, titles, iter(()))
    try:
        sequence = table.sequence_column(options.sequence_column)
        ids = table.column(options.id_column, ID_NAMES)
        beside = [ids if ids != sequence or options.id_column else None]  # a table of names only: as in CSV
        beside += [
            table.column(options.label_column, LABEL_NAMES),
            table.column(options.description_column, DESCRIPTION_NAMES),
        ]
    except ParseError as error:
        error.line = None
        raise
    wanted = list(dict.fromkeys([sequence, *(place for place in beside if place is not None)]))
    used = [titles[place] for place in wanted]
    named = options.columns.among(titles, used, lambda problem: ParseError(problem, path=name))
    for title, _ in named if options.columns.by_name else ():
        if not is_kept(kind := schema.field(title).type):
            raise ParseError(f"column {title!r} holds {kind}, which cannot stand beside sequences", path=name)
    named = tuple(field for field in named if is_kept(schema.field(field[0]).type))
    if len({titles[place] for place in wanted}) < len(wanted) or any(titles.count(titles[p]) > 1 for p in wanted):
        raise ParseError("two columns have one name", path=name)
    done = 0
    for whole in batches(list(dict.fromkeys([*used, *(title for title, _ in named)]))):
        whole.validate(full=True)  # a damaged file may point anywhere
        for start in range(0, whole.num_rows, options.size):
            part = whole.slice(start, options.size)
            numbers = np.arange(done + 1, done + part.num_rows + 1)
            columns = [None if place is None else part.column(titles[place]) for place in beside]
            made = _batch(part.column(titles[sequence]), columns, numbers, options, titles[sequence])
            made.columns = columns_of_arrow(part, named, made.wrong)
            yield made
            done += part.num_rows


def _batch(
    values: pyarrow.Array, columns: Sequence[pyarrow.Array | None], numbers: IntArray, options: Options, title: str
) -> TextBatch | SeriesBatch:
    types = imported("pyarrow.types", FRAMES)
    ids, labels, descriptions = (None if column is None else strings_of(_spelled(column)) for column in columns)
    names = numbered(numbers) if ids is None else ids
    if types.is_list(values.type) or types.is_large_list(values.type) or types.is_fixed_size_list(values.type):
        if options.alphabet not in (None, INTEGERS):
            problem = f"alphabet {options.alphabet.name!r} does not fit column {title!r}, which holds lists of numbers"
            raise ParameterError(problem)
        lengths, data = _series(values, title)
        return SeriesBatch(names, lengths, numbers, labels, descriptions, data=data)
    if not _is_text(values.type):
        raise ParseError(f"column {title!r} holds {values.type}: sequences are strings, or lists of numbers")
    texts = _spelled(values)
    letters: IntArray = imported("pyarrow.compute", FRAMES).utf8_length(texts).to_numpy().astype(np.int64)
    text = strings_of(texts).data.tobytes().decode("utf-8")
    return TextBatch(names, letters, numbers, labels, descriptions, text=text)


def _is_text(kind: pyarrow.DataType) -> bool:
    types = imported("pyarrow.types", FRAMES)
    inner = kind.value_type if types.is_dictionary(kind) else kind
    names = ("string", "large_string", "string_view", "binary", "large_binary")
    return any(getattr(types, f"is_{name}")(inner) for name in names)


def _spelled(column: pyarrow.Array) -> pyarrow.Array:
    """As large strings, "" for nulls; whole floats lose their point, bytes have to be UTF-8."""
    arrow, types = imported("pyarrow", FRAMES), imported("pyarrow.types", FRAMES)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
        if (values[np.isfinite(values)] == np.floor(values[np.isfinite(values)])).all():
            column = column.cast(arrow.int64())
    return imported("pyarrow.compute", FRAMES).fill_null(column.cast(arrow.large_string()), "")


def strings_of(column: pyarrow.Array) -> Strings:
    """An array of large strings without nulls as a column, its buffers shared."""
    _, bounds, letters = column.buffers()
    offsets = np.frombuffer(bounds, np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(b"" if letters is None else letters, np.uint8)
    if not len(offsets):
        return Strings(data[:0], np.zeros(1, np.int64))
    return Strings(data[offsets[0] : offsets[-1]], offsets - offsets[0])


def _series(values: pyarrow.Array, title: str) -> tuple[IntArray, AnyArray]:
    """(n,) lengths and (sum T, F) values of lists of numbers, or of lists of F numbers. Raises ParseError."""
    types, compute = imported("pyarrow.types", FRAMES), imported("pyarrow.compute", FRAMES)

    def lengths_of(lists: pyarrow.Array) -> IntArray:
        counted: IntArray = compute.fill_null(compute.list_value_length(lists), 0).to_numpy().astype(np.int64)
        return counted

    lengths, flat, features = lengths_of(values), values.flatten(), 1
    if types.is_list(flat.type) or types.is_large_list(flat.type) or types.is_fixed_size_list(flat.type):
        steps = lengths_of(flat)
        features = int(steps[0]) if len(steps) else 1
        if features == 0 or (steps != features).any():
            raise ParseError(f"column {title!r} holds steps of {features} and of other numbers of features")
        flat = flat.flatten()
    if not (types.is_floating(flat.type) or types.is_integer(flat.type) or types.is_boolean(flat.type)):
        raise ParseError(f"column {title!r} holds {values.type}: series are lists of numbers")
    data: AnyArray = flat.to_numpy(zero_copy_only=False)
    return lengths, data.reshape(-1, features)
