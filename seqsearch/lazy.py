"""Names of a package that are imported when they are first used (PEP 562): one command needs few of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping


def names_of(package: str, rooms: Mapping[str, Iterable[str]]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose modules, relative to it, give these names."""
    homes = {name: room for room, names in rooms.items() for name in names}

    def take(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{homes[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return take
