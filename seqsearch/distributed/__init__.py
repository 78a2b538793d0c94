"""Shards: a folder of indexes with one encoder, in one process or on a Ray cluster."""

from .index import ShardedIndex
from .manifest import holds_shards

__all__ = ["ShardedIndex", "holds_shards"]
