"""The LMDB store: sequences, their vectors, documents and the log of changes, in one crash-safe folder."""

from .building import StoreBuilder
from .log import Entry, Operation
from .reader import StoreReader
from .store import Store

__all__ = ["Entry", "Operation", "Store", "StoreBuilder", "StoreReader"]
