"""A large file of queries, asked by several processes of a cluster, which write what they find: Ray Data."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import IndexExistsError, ParameterError, StrPath
from ..extras import CLUSTER, FRAMES, imported
from ..files import sync_folder
from ..progress import Progress
from ..search.conditions import Where
from ..search.wanted import BudgetOptions
from ..sequences import Sequences
from .asking_copies import Asker
from .manifest import Manifest
from .scattered import Scattered

if TYPE_CHECKING:
    import pyarrow

_BATCH = 1000  # queries of one task: answered in about a second, and no more is lost with a process


class Searching(BudgetOptions, total=False):
    """What `Scattered.search` takes by name, but vectors."""

    ids: list[str] | None
    where: Where | None
    strand: str


class _Worker:
    """One process that asks the copies; made once, and given batches."""

    def __init__(
        self, path: str, manifest: Manifest, asker: Asker, k: int, columns: list[str] | None, asked: Searching
    ) -> None:
        self._index = Scattered(Path(path), manifest, asker)
        self._k, self._columns, self._asked = k, columns, asked

    def __call__(self, batch: dict[str, Any]) -> pyarrow.Table:
        ray, arrow = imported("ray", CLUSTER), imported("pyarrow", FRAMES)
        tables = [
            self._index.search(queries, self._k, **self._asked).to_arrow(self._columns)
            for queries in ray.get(list(batch["queries"]))
        ]
        return arrow.concat_tables(tables)


def search_in_bulk(
    index: Scattered,
    asker: Asker,
    batches: Iterable[Sequences],
    folder: StrPath,
    k: int,
    workers: int,
    columns: list[str] | None,
    progress: Progress,
    asked: Searching,
) -> int:
    """Write the hits of all queries as Parquet files into `folder`, which stands there when it is complete; how many
    queries there were. Raises ParameterError, IndexExistsError where something is in the folder.
    """
    if workers < 1:
        raise ParameterError(f"workers must be at least 1, not {workers}")
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise IndexExistsError(f"{os.fspath(folder)} exists already: choose another folder for Parquet files")
    ray, data = imported("ray", CLUSTER), imported("ray.data", CLUSTER)
    data.DataContext.get_current().enable_progress_bars = False
    items, count = [], 0
    with progress.task("reading queries") as task:
        for part in batches:
            items += [{"queries": ray.put(part[at : at + _BATCH])} for at in range(0, len(part), _BATCH)]
            count += len(part)
            task.advance(len(part))
    making = target.with_name(f".partial-{secrets.token_hex(4)}-{target.name}")
    try:
        with progress.task(f"searching on {workers} processes"):
            made = data.from_items(items, override_num_blocks=max(1, min(len(items), 4 * workers))).map_batches(
                _Worker,
                fn_constructor_args=(index.path, index.manifest, asker, k, columns, asked),
                batch_size=1,
                compute=data.ActorPoolStrategy(size=workers),
                num_cpus=0.1,
            )
            made.write_parquet(str(making))
        if target.exists():
            target.rmdir()
        os.rename(making, target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return count
