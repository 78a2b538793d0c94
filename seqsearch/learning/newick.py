"""Trees in Newick format: who is a leaf of what, and how long the branches are."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, ParseError, StrPath

_TOKEN = re.compile(r"\s+|\[[^\]]*\]|[(),;]|:\s*[^\s\[\](),;:']+|'(?:[^']|'')*'|[^\s\[\](),:;']+")
_PLAIN = re.compile(r"[^\s\[\](),:;'_]+")  # an underscore outside quotes stands for a blank


@dataclass(frozen=True)
class Tree:
    """`parents`: of each node, -1 for the root, every parent numbered before its children; `names`: leaf names, ""
    for inner nodes; `lengths`: of the branch to the parent, nan where none is known.
    """

    parents: list[int]
    names: list[str]
    lengths: list[float]

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

    def newick(self) -> str:
        """The tree in one line; names that are more than a plain word in single quotes, lengths as short as exact."""
        children: list[list[int]] = [[] for _ in self.parents]
        for node, parent in enumerate(self.parents[1:], start=1):
            children[parent].append(node)
        parts: list[str] = []
        left: list[int | str] = [0]
        while left:  # not by recursion: single linkage makes trees as deep as they have leaves
            next_ = left.pop()
            if isinstance(next_, str):
                parts.append(next_)
            elif not children[next_]:
                parts.append(_quoted(self.names[next_]) + self._length(next_))
            else:
                inside: list[int | str] = [part for child in children[next_] for part in (",", child)]
                left += [")" + self._length(next_), *reversed(inside[1:]), "("]
        return "".join(parts) + ";"

    def _length(self, node: int) -> str:
        length = self.lengths[node]
        return "" if math.isnan(length) else f":{length!r}"


def parse(text: str, *, path: StrPath | None = None) -> Tree:
    """A tree from Newick text; inner labels and comments are passed over. Raises ParseError."""
    parents, names, lengths = [-1], [""], [math.nan]
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
            return Tree(parents, names, lengths)
        if token == "(":
            parents.append(here)
            names.append("")
            lengths.append(math.nan)
            here, children = len(parents) - 1, False
        elif token in ",)":
            if not here:
                raise _wrong(f"{token!r} stands outside brackets", text, at, path)
            here = parents[here]
            if token == ",":
                parents.append(here)
                names.append("")
                lengths.append(math.nan)
                here = len(parents) - 1
            children = token == ")"
        elif token[0] == ":":
            lengths[here] = _number(token[1:].strip(), text, at, path)
        elif token[0] != "[" and not token.isspace() and not children:
            names[here] = token[1:-1].replace("''", "'") if token[0] == "'" else token
        at = match.end()
    raise _wrong("the tree does not end with ';'", text, at, path)


def read_tree(path: StrPath) -> Tree:
    """The first tree of a Newick file. Raises InputError and ParseError."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path=path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=os.fspath(path)) from None


def write_tree(tree: Tree, path: StrPath) -> None:
    """Write a Newick file under a temporary name and rename it. Raises InputError."""
    target = Path(path)
    unfinished = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        unfinished.write_text(tree.newick() + "\n", encoding="utf-8")
        unfinished.replace(target)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=os.fspath(path)) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"


def _number(written: str, text: str, at: int, path: StrPath | None) -> float:
    try:
        return float(written)
    except ValueError:
        raise _wrong(f"branch length {written!r} is no number", text, at, path) from None


def _wrong(problem: str, text: str, at: int, path: StrPath | None) -> ParseError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return ParseError(f"column {column}: {problem}", path=path, line=line)
