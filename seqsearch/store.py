"""The LMDB store."""
