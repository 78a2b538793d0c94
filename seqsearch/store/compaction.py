"""Compaction: the live rows alone, in a new file that takes the place of the old one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..arrays import AnyArray, IntArray
from ..files import sync_folder
from ..progress import Task
from ..sequences import Sequences
from .envelope import BLOB, DOCUMENT, HEAD, seal_head, unseal
from .environment import Environment, Transaction
from .files import data_file
from .header import StoreHeader
from .log import Entry
from .reader import StoreReader
from .writing import Commit, scan

BATCH_ROWS = 1 << 14


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


def write_generation(
    store: StoreReader, head: StoreHeader, live: IntArray, copy_documents: Callable[[Commit], None], task: Task
) -> None:
    """Write the `live` rows of a store as its next generation, durable, and rename it to its name: from then on it is
    the index."""
    final = data_file(store.path, head.generation + 1)
    building = final.with_name(final.name + ".building")
    lock = building.with_name(building.name + "-lock")
    for leftover in (building, lock):
        leftover.unlink(missing_ok=True)
    environment = Environment(building, durable=False)
    environment.users = 1
    state = [next_head(head)]

    def commit(work: Callable[[Commit], None], room: int) -> None:
        def transact(transaction: Transaction) -> StoreHeader:
            changes = Commit(transaction, state[0])
            work(changes)
            return changes.finish(None)

        state[0] = environment.write(transact, room)

    try:
        environment.open(writable=True)
        environment.write(lambda transaction: transaction.put(HEAD, seal_head(state[0].to_json())))
        commit(copy_documents, 0)
        for start in range(0, len(live), BATCH_ROWS):
            rows = live[start : start + BATCH_ROWS]
            part, points = store.sequences(rows), store.vectors(rows) if store.has_vectors else None

            def add(changes: Commit, part: Sequences = part, points: AnyArray | None = points) -> None:
                changes.add_sequences(part)
                if points is not None:
                    changes.add_vectors(points)

            commit(add, part.data.nbytes + (0 if points is None else points.nbytes))
            task.advance(len(rows))
        if store.has_vectors and not len(live):
            state[0] = replace(state[0], vector_dtype=head.vector_dtype, vector_width=head.vector_width)
        entry = Entry(head.lsn + 1, put=("compaction",))
        environment.write(lambda transaction: Commit(transaction, state[0]).finish(entry))
        environment.sync()
    except BaseException:
        environment.close()
        for leftover in (building, lock):
            leftover.unlink(missing_ok=True)
        raise
    environment.close()
    lock.unlink(missing_ok=True)
    building.rename(final)
    sync_folder(store.path)


def copier(old: Transaction) -> Callable[[Commit], None]:
    """Copies documents and blobs, checked, out of a transaction on the old generation."""

    def copy(commit: Commit) -> None:
        for prefix in (DOCUMENT, BLOB):
            for key, value in scan(old, prefix):
                commit.put(key, bytes(unseal(key, value)))

    return copy
