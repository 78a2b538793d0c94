"""Tables of members by name, to which other packages add theirs, and calls with parameters that come by name.

A package adds a member by an entry point of the table's group, which is looked up only where a name is not among the
members registered in code, or where all names are wanted:

    [project.entry-points."seqsearch.distances"]
    hamming = "my_package.distances:Hamming"
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from .errors import ParameterError, UnknownNameError
from .lazy import found_at

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class _Home(str):
    """Where a member is, "module:name": it is imported when it is first looked up."""


class Registry(Mapping[str, T]):
    """Members by name: first those registered in code, in that order, then those of other packages, sorted.

    `what`: the noun for error texts ("distance"); `group`: the entry points that add members. A name that was
    registered in code wins over an entry point. Looking up a name raises UnknownNameError (a ParameterError and a
    KeyError) where there is none, and ParameterError naming the package whose member cannot be imported or whose name
    two packages offer; listing the names imports nothing.
    """

    def __init__(self, what: str, group: str) -> None:
        self.what, self.group = what, group
        self._members: dict[str, T | _Home] = {}
        self._offered: dict[str, list[EntryPoint]] | None = None

    def register(self, name: str, member: T, *, replace: bool = False) -> T:
        """Add a member. Raises ParameterError when the name is another member's, unless it is to be replaced."""
        if not replace and name in self._members and self[name] is not member:
            raise ParameterError(f"the {self.what} {name!r} is there already: {self[name]!r}")
        self._members[name] = member
        return member

    def at_home(self, homes: Mapping[str, str]) -> None:
        """Add members by name, each as "module:name"; it is imported when it is first looked up."""
        self._members.update((name, _Home(home)) for name, home in homes.items())

    def __getitem__(self, name: str) -> T:
        if name not in self._members:
            if name not in self._entries:
                raise UnknownNameError(f"no {self.what} {name!r}: choose one of {', '.join(self)}")
            self._members.setdefault(name, self._load(name, self._entries[name]))
        member = self._members[name]
        if isinstance(member, _Home):
            member = self._members[name] = cast("T", found_at(member))
        return member

    def __contains__(self, name: object) -> bool:
        return name in self._members or name in self._entries

    def __iter__(self) -> Iterator[str]:
        yield from self._members
        yield from sorted(self._entries.keys() - self._members.keys())

    def __len__(self) -> int:
        return len(self._members.keys() | self._entries.keys())

    def __repr__(self) -> str:
        return f"Registry({self.what}: {', '.join(self)})"

    @property
    def _entries(self) -> dict[str, list[EntryPoint]]:
        if self._offered is None:
            from importlib.metadata import entry_points  # slow to import, and seldom needed

            offered: dict[str, list[EntryPoint]] = {}
            for entry in entry_points(group=self.group):
                offered.setdefault(entry.name, []).append(entry)
            self._offered = offered
        return self._offered

    def _load(self, name: str, entries: list[EntryPoint]) -> T:
        packages = [entry.value if entry.dist is None else entry.dist.name for entry in entries]
        if len(entries) > 1:
            raise ParameterError(f"the {self.what} {name!r} is offered by {' and '.join(packages)}: remove one of them")
        try:
            member: T = entries[0].load()
        except Exception as error:  # whatever the other package does while it is imported
            told = f"{type(error).__name__}: {error}"
            raise ParameterError(f"the {self.what} {name!r} of the package {packages[0]} fails: {told}") from error
        return member


def call(function: Callable[..., T], what: str, /, *fixed: object, **parameters: object) -> T:
    """`function(*fixed, **parameters)`, where the parameters are a user's and are checked by name first.

    `what` begins the message of the ParameterError for one that is unknown, which names those there are, and for one
    that is missing. A TypeError from within the function is left as it is.
    """
    named, free = _parameters(function, len(fixed))
    unknown = [] if free else [name for name in parameters if name not in named]
    if unknown:
        choice = f"choose one of {', '.join(named)}" if named else "it takes none"
        raise ParameterError(f"{what} has no parameter {unknown[0]!r}: {choice}")
    missing = [name for name, needed in named.items() if needed and name not in parameters]
    if missing:
        raise ParameterError(f"{what} needs the parameter {missing[0]!r}")
    return function(*fixed, **parameters)


@functools.lru_cache(maxsize=256)  # looking at a function takes longer than many a search
def _parameters(function: Callable[..., object], fixed: int) -> tuple[dict[str, bool], bool]:
    """The parameters after the first `fixed` that have names, and whether each is needed; whether any name will do."""
    own = inspect.signature(function).parameters
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    named = {name: each.default is each.empty for name, each in list(own.items())[fixed:] if each.kind in kinds}
    return named, any(each.kind is inspect.Parameter.VAR_KEYWORD for each in own.values())
