"""What is imported when it is used, since one command needs little of it: members by "module:name", and the names of a
package (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def found_at(home: str, package: str | None = None) -> Any:
    """What "module:name" names; a module that begins with a dot is one of the `package`."""
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(module, package), name)


def names_of(package: str, rooms: Mapping[str, Iterable[str]]) -> Callable[[str], object]:
    """The `__getattr__` of a package whose modules, relative to it, give these names."""
    homes = {name: f".{room}:{name}" for room, names in rooms.items() for name in names}

    def take(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return found_at(homes[name], package)

    return take
