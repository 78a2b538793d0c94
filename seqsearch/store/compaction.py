"""Compaction: the live rows alone, in a new file that takes the place of the old one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from ..arrays import IntArray
from ..files import sync_folder
from ..progress import Task
from .envelope import BLOB, DOCUMENT, unseal
from .environment import Environment, Transaction
from .files import data_file
from .header import StoreHeader
from .log import Entry
from .reader import StoreReader
from .writing import Commit, committed, scan

BATCH_ROWS = 1 << 14

Transactions = Callable[[], AbstractContextManager[Transaction]]


def next_head(head: StoreHeader) -> StoreHeader:
    """The head of the next generation before anything is in it. Its log begins after the compaction itself, because
    nobody can replay across a renumbering."""
    parent = {"generation": head.generation, "lsn": head.lsn, "chain": head.chain}
    return replace(
        head,
        generation=head.generation + 1,
        parent=parent,
        log_from=head.lsn + 2,
        rows=0,
        live=0,
        digest=0,
        vector_dtype="",
        vector_width=0,
        vector_rows=0,
    )


def write_generation(store: StoreReader, head: StoreHeader, live: IntArray, old: Transactions, task: Task) -> None:
    """Write the `live` rows, documents and blobs of a store as its next generation, durable, and rename it to its name:
    from then on it is the index. `old` begins a transaction on the generation before; in between, others may read."""
    final = data_file(store.path, head.generation + 1)
    building = final.with_name(final.name + ".building")
    leftovers = (building, building.with_name(building.name + "-lock"))
    for path in leftovers:
        path.unlink(missing_ok=True)
    environment = Environment(building, durable=False)
    environment.users = 1
    try:
        environment.open(writable=True)
        new = committed(environment, next_head(head), lambda _: None)
        with old() as transaction:
            new = committed(environment, new, partial(_copy_documents, transaction))
        for start in range(0, len(live), BATCH_ROWS):
            rows = live[start : start + BATCH_ROWS]
            part, points = store.sequences(rows), store.vectors(rows) if store.has_vectors else None
            size = part.data.nbytes + (0 if points is None else points.nbytes)
            new = committed(environment, new, partial(Commit.add, sequences=part, vectors=points), room=size)
            task.advance(len(rows))
        if store.has_vectors and not len(live):
            new = replace(new, vector_dtype=head.vector_dtype, vector_width=head.vector_width)
        committed(environment, new, lambda _: None, Entry(head.lsn + 1, put=("compaction",)))
        environment.sync()
    except BaseException:
        environment.close()
        for path in leftovers:
            path.unlink(missing_ok=True)
        raise
    environment.close()
    leftovers[1].unlink(missing_ok=True)
    building.rename(final)
    sync_folder(store.path)


def _copy_documents(old: Transaction, commit: Commit) -> None:
    """Copy documents and blobs, checked."""
    for prefix in (DOCUMENT, BLOB):
        for key, value in scan(old, prefix):
            commit.put(key, bytes(unseal(key, value)))
