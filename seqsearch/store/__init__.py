"""The LMDB store: sequences, their vectors, documents and the log of changes, in one crash-safe folder."""

from .building import StoreBuilder, worth_keeping
from .files import WriterLock
from .log import Entry, Operation
from .reader import StoreReader
from .snapshots import SnapshotRecord
from .store import Store
from .verification import Report

__all__ = [
    "Entry",
    "Operation",
    "Report",
    "SnapshotRecord",
    "Store",
    "StoreBuilder",
    "StoreReader",
    "WriterLock",
    "worth_keeping",
]
