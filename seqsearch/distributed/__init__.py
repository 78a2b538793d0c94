"""Shards: a folder of indexes with one encoder, in one process or on a Ray cluster."""

from typing import TYPE_CHECKING

from ..lazy import names_of
from .manifest import holds_shards

if TYPE_CHECKING:
    from .index import ShardedIndex

__getattr__ = names_of(__name__, {"index": ["ShardedIndex"]})

__all__ = ["ShardedIndex", "holds_shards"]
