"""Trees in Newick format, as far as splitting needs them: who is a leaf of what."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import InputError, ParseError, Path

_TOKEN = re.compile(r"\s+|\[[^\]]*\]|[(),;]|:\s*[^\s\[\](),;:']+|'(?:[^']|'')*'|[^\s\[\](),:;']+")


@dataclass(frozen=True)
class Tree:
    """`parents`: of each node, -1 for the root, every parent numbered before its children; `names`: leaf names, ""
    for inner nodes.
    """

    parents: list[int]
    names: list[str]

    def clades(self, most: int) -> Iterator[list[str]]:
        """Leaf names of the largest clades of at most `most` leaves; together every leaf once."""
        sizes = [1 if name else 0 for name in self.names]
        for node in range(len(sizes) - 1, 0, -1):
            sizes[self.parents[node]] += sizes[node]
        group: list[int] = []
        members: list[list[str]] = []
        for node, parent in enumerate(self.parents):
            inherited = group[parent] if parent >= 0 else -1
            if inherited < 0 and sizes[node] <= most:
                inherited = len(members)
                members.append([])
            group.append(inherited)
            if self.names[node]:
                members[inherited].append(self.names[node])
        yield from (leaves for leaves in members if leaves)


def parse(text: str, *, path: Path | None = None) -> Tree:
    """A tree from Newick text; branch lengths, inner labels and comments are passed over. Raises ParseError."""
    parents, names = [-1], [""]
    here = 0
    at = 0
    children = False  # whether the node just read has children, so that a name is an inner label
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(f"{text[at]!r} cannot be read", text, at, path)
        token = match.group()
        if token == ";":
            if here:
                raise _wrong("a bracket is not closed", text, at, path)
            if not any(names):
                raise _wrong("the tree has no leaf", text, at, path)
            return Tree(parents, names)
        if token == "(":
            parents.append(here)
            names.append("")
            here, children = len(parents) - 1, False
        elif token in ",)":
            if not here:
                raise _wrong(f"{token!r} stands outside brackets", text, at, path)
            here = parents[here]
            if token == ",":
                parents.append(here)
                names.append("")
                here = len(parents) - 1
            children = token == ")"
        elif token[0] not in "[:" and not token.isspace() and not children:
            names[here] = token[1:-1].replace("''", "'") if token[0] == "'" else token
        at = match.end()
    raise _wrong("the tree does not end with ';'", text, at, path)


def read_tree(path: Path) -> Tree:
    """The first tree of a Newick file. Raises InputError and ParseError."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path=path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=os.fspath(path)) from None


def _wrong(problem: str, text: str, at: int, path: Path | None) -> ParseError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return ParseError(f"column {column}: {problem}", path=path, line=line)
