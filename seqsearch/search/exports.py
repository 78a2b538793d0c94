"""A whole index as a file of another kind: one table, a row a format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..ann.exchange import INNER_PRODUCT, Plan, write_faiss, write_hnswlib
from ..arrays import JSON, AnyArray, IntArray
from ..encoders.npy_rows import npy_rows
from ..errors import MismatchError, StrPath
from ..extras import FRAMES, imported
from ..files import atomic_write, replacing, write_errors
from ..progress import Progress, Task
from ..registry import Registry
from ..sequences import Sequences
from ..sequences.columns import Columns
from ..sequences.writers import write_fasta
from ..store import Store
from .archives import write_archive
from .encoding import OneModel, TwoTowers
from .exporting import PREFIX, arrow_types

if TYPE_CHECKING:
    import pyarrow

ROWS = 1 << 16  # in memory at a time
_SAMPLE = 1 << 17
_OWN = ("id", "sequence", "label", "description", "vector")
"""What every Parquet file of an index has, whatever columns there are."""


@dataclass(frozen=True)
class Content:
    """What an index holds now, part by part: the live `rows` of a store, in order."""

    store: Store
    encoder: OneModel | TwoTowers
    settings: JSON
    rows: IntArray
    task: Task

    def parts(self, *, counted: bool = True) -> Iterator[IntArray]:
        """Rows, a part at a time; `counted`: these are what progress tells of."""
        for start in range(0, len(self.rows), ROWS):
            yield self.rows[start : start + ROWS]
            if counted:
                self.task.advance(min(ROWS, len(self.rows) - start))

    def vectors(self, rows: IntArray) -> AnyArray:
        """(m, D) points, of inner products the vectors as they came, or packed codes. Raises MismatchError where there
        are none."""
        if not self.encoder.dim:
            raise MismatchError("this index has no points: its first stage compares hash sequences")
        stored = self.store.vectors(rows)
        return stored[:, :-1] if self.is_lifted else stored

    def sequences(self) -> Iterator[Sequences]:
        """The records, with what is written beside them."""
        for rows in self.parts():
            yield self.store.sequences(rows)

    def points(self) -> Iterator[AnyArray]:
        """The points or codes, part by part."""
        for rows in self.parts():
            yield self.vectors(rows)

    def sample(self) -> AnyArray:
        """Some of the points, for what learns from them."""
        rng = np.random.default_rng(self.settings["seed"])
        few = len(self.rows) <= _SAMPLE
        return self.vectors(self.rows if few else np.sort(rng.choice(self.rows, _SAMPLE, replace=False)))

    @property
    def is_lifted(self) -> bool:
        """Whether points have a number more than vectors: see `Model.is_lifted`."""
        return isinstance(self.encoder, OneModel) and self.encoder.model.is_lifted

    def plan(self) -> Plan:
        """What libraries of vectors have to know; the parameters of a graph or lists as they are here."""
        encoder, kept, kind = self.encoder, self.settings["index_parameters"], self.settings["index"]
        graph = {name: kept[name] for name in ("m", "ef_construction") if name in kept}
        lists = kept.get("lists") if kind == "ivf" else None
        enough = lists if isinstance(lists, int) and 0 < lists <= len(self.rows) else None
        space = INNER_PRODUCT if self.is_lifted else encoder.geometry
        dim, seed = encoder.dim - self.is_lifted, self.settings["seed"]
        return Plan(space, dim, len(self.rows), encoder.bits, enough, seed=seed, **graph)


def _npy(content: Content, path: Path) -> None:
    with npy_rows(path) as file:
        for points in content.points():
            file.append(points)


def _faiss(content: Content, path: Path) -> None:
    plan = content.plan()
    with replacing(path) as temporary:
        write_faiss(temporary, plan, content.points(), content.sample() if plan.lists else np.zeros((0, plan.dim)))


def _hnswlib(content: Content, path: Path) -> None:
    with replacing(path) as temporary:
        write_hnswlib(temporary, content.plan(), content.points())


def _archive(content: Content, path: Path) -> None:
    write_archive(content.store, content.rows, path, content.task.advance)


def _fasta(content: Content, path: Path) -> None:
    write_fasta(path, content.sequences())


def _parquet(content: Content, path: Path) -> None:
    """Columns id, sequence, label, description, those of the index, and vector; series as lists of steps, codes as
    bytes."""
    parquet = imported("pyarrow.parquet", FRAMES)
    with replacing(path) as temporary:
        writer = None
        try:
            for rows in content.parts():
                table = _table(content, rows)
                writer = writer or parquet.ParquetWriter(temporary, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _table(content: Content, rows: IntArray) -> pyarrow.Table:
    arrow = imported("pyarrow", FRAMES)
    some = content.store.sequences(rows)
    columns = {
        "id": arrow.array(list(some.ids), arrow.string()),
        "sequence": arrow.array(some.texts(), arrow.string()) if some.alphabet is not None else _lists(some),
        "label": arrow.array(list(some.labels), arrow.string()),
        "description": arrow.array(list(some.descriptions), arrow.string()),
        **_beside(some.columns),
    }
    if content.encoder.dim:
        vectors = np.ascontiguousarray(content.vectors(rows))
        if content.encoder.bits is not None:
            columns["vector"] = arrow.array([code.tobytes() for code in vectors], arrow.binary(vectors.shape[1]))
        else:
            columns["vector"] = arrow.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
    return arrow.table(columns)


def _beside(columns: Columns) -> dict[str, pyarrow.Array]:
    """The columns of an index, each of the type of its kind; one whose name another column has is `columns.NAME`."""
    arrow, types = imported("pyarrow", FRAMES), arrow_types()
    made: dict[str, pyarrow.Array] = {}
    for name, column in columns.items():
        shown = name
        while shown in _OWN or shown in made:
            shown = f"{PREFIX}{shown}"
        made[shown] = arrow.array(column.tolist(), types[column.kind])
    return made


def _lists(series: Sequences) -> pyarrow.Array:
    """Steps as numbers, or as lists of the features of each."""
    arrow = imported("pyarrow", FRAMES)
    data = arrow.array(np.ascontiguousarray(series.data).reshape(-1))
    steps = data if series.features == 1 else arrow.FixedSizeListArray.from_arrays(data, series.features)
    return arrow.LargeListArray.from_arrays(arrow.array(series.offsets), steps)


@dataclass(frozen=True)
class Export:
    """A format: `write(content, path)`, in one step; `ids`: it holds none, so these go into a file beside it."""

    name: str
    write: Callable[[Content, Path], None]
    ids: bool = False


EXPORTS: Registry[Export] = Registry("format to export", "seqsearch.exports")
"""Name -> what an index can be written as; other packages add theirs by entry points of the group
`seqsearch.exports`."""

for _export in (
    Export("archive", _archive),
    Export("npy", _npy, ids=True),
    Export("faiss", _faiss, ids=True),
    Export("hnswlib", _hnswlib, ids=True),
    Export("parquet", _parquet),
    Export("fasta", _fasta),
):
    EXPORTS.register(_export.name, _export)


def ids_beside(path: StrPath) -> Path:
    """Where the ids go of a file that holds none: one a line, in its order."""
    place = Path(path)
    return place.with_name(f"{place.stem}.ids.txt")


def exported(
    store: Store, encoder: OneModel | TwoTowers, settings: JSON, path: StrPath, to: str, progress: Progress
) -> int:
    """Write what a store holds; see `SequenceIndex.export`."""
    export, rows = EXPORTS[to], np.flatnonzero(store.live())
    if not len(rows):
        raise MismatchError(f"{store.path} is empty: there is nothing to export")
    with write_errors(path), progress.task(f"exporting to {to}", len(rows)) as task:
        content = Content(store, encoder, settings, rows, task)
        if not export.ids:
            export.write(content, Path(path))
            return len(rows)
        with atomic_write(ids_beside(path), text=True) as names:
            export.write(content, Path(path))
            for part in content.parts(counted=False):
                names.writelines(f"{name}\n" for name in store.ids.take(part))
    return len(rows)
