"""Nearest-neighbour search over sequences."""

__version__ = "0.1.0"
