"""Reading trees in Newick format, of any program, and cutting them into clusters."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arrays import DoubleArray, IntArray
from ..errors import InputError, ParameterError, ParseError, StrPath

_TOKEN = re.compile(r"\s+|\[[^\]]*\]|'(?:[^']|'')*'|[(),:;]|[^\s()\[\],:;']+")

_ROUNDING = 1e-9  # branches add up to a height but for so much


@dataclass(frozen=True, eq=False)
class Tree:
    """A rooted tree of k nodes, each after its children, the root last.

    `parents`: (k,) node above, -1 of the root; `lengths`: (k,) of the branch to it, 0 where the text has none; `names`:
    of the leaves, by node.
    """

    parents: IntArray
    lengths: DoubleArray
    names: dict[int, str]

    def cut(self, most: float) -> list[list[str]]:
        """The largest clades in which no two leaves are farther apart than `most` by the lengths of branches: a clade's
        names each. Of a tree that `seqsearch cluster` wrote: its clusters at that height. Raises ParameterError."""
        if not most >= 0:
            raise ParameterError(f"a tree is cut at a distance of at least 0, not {most}")
        near = self.diameters() <= most * (1 + _ROUNDING)
        near[list(self.names)] = True
        inner = self.parents >= 0
        near_above = np.zeros(len(near), np.bool_)
        near_above[inner] = near[self.parents[inner]]
        return self._leaves(np.flatnonzero(near & ~near_above).tolist())

    def into(self, count: int) -> list[list[str]]:
        """`count` clades: that with the two leaves farthest apart is parted at its top, until there are so many. One
        with more children than are left to go stays whole, and there may be fewer in the end. Raises ParameterError."""
        if not 1 <= count <= len(self.names):
            raise ParameterError(f"a tree of {len(self.names):,} leaves is parted into 1 to so many, not {count:,}")
        children = self._children()
        across = self.diameters()
        root = len(self.parents) - 1
        parts = [(-across[root], -root)]
        done: list[int] = []
        while parts:
            node = -heapq.heappop(parts)[1]
            if node in self.names or len(parts) + len(done) + len(children[node]) > count:
                done.append(node)
            else:
                for child in children[node]:
                    heapq.heappush(parts, (-across[child], -child))
        return self._leaves(sorted(done))

    def diameters(self) -> DoubleArray:
        """(k,) the greatest distance of two leaves under each node."""
        deep, across = np.full(len(self.parents), -1.0), np.zeros(len(self.parents))
        deep[list(self.names)] = 0.0
        for node, parent in enumerate(self.parents[:-1].tolist()):
            reach = deep[node] + self.lengths[node]
            met = deep[parent] + reach if deep[parent] >= 0 else 0.0
            across[parent] = max(across[parent], across[node], met)
            deep[parent] = max(deep[parent], reach)
        return across

    def _children(self) -> list[list[int]]:
        under: list[list[int]] = [[] for _ in range(len(self.parents))]
        for node, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                under[parent].append(node)
        return under

    def _leaves(self, tops: list[int]) -> list[list[str]]:
        """The names under each of some nodes of which none is above another."""
        of = np.full(len(self.parents), -1)
        of[tops] = np.arange(len(tops))
        for node in range(len(self.parents) - 2, -1, -1):
            if of[node] < 0:
                of[node] = of[self.parents[node]]
        found: list[list[str]] = [[] for _ in tops]
        for node, name in self.names.items():
            found[of[node]].append(name)
        return found


def read_newick(path: StrPath) -> Tree:
    """The first tree of a file. Raises InputError, ParseError."""
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path=path) from None
    return parse_newick(text, path)


def parse_newick(text: str, path: StrPath | None = None) -> Tree:
    """A tree of its text: names plain or in single quotes, comments in brackets, labels of inner nodes passed over.

    Not by recursion: trees may be as deep as they have leaves. Raises ParseError (which names `path`) for text that is
    no tree, for a leaf without a name and for two of one name.
    """
    parents, lengths, names = [], [], dict[int, str]()
    open_nodes: list[list[int]] = []  # children so far of each open parenthesis
    last = -1  # the node that a name, a length or a comma after it is about
    place = 0
    seen: set[str] = set()

    def wrong(what: str) -> ParseError:
        return ParseError(f"no Newick tree: {what} at character {place + 1}", path=path)

    def made(children: list[int]) -> int:
        parents.append(-1)
        lengths.append(0.0)
        for child in children:
            parents[child] = len(parents) - 1
        return len(parents) - 1

    expects_length = False
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise wrong(f"{text[place]!r} without its end")
        token = found.group()
        if token.isspace() or token[0] == "[":
            pass
        elif expects_length:
            try:
                lengths[last] = float(token)
            except ValueError:
                raise wrong(f"{token!r} in place of a length") from None
            if not np.isfinite(lengths[last]):
                raise wrong(f"a length of {token}")
            expects_length = False
        elif token == "(":
            if last >= 0:
                raise wrong("'('")
            open_nodes.append([])
        elif token in ",)":
            if last < 0 or not open_nodes:
                raise wrong(f"{token!r} without {'a name' if open_nodes else 'an opening'} before it")
            open_nodes[-1].append(last)
            last = -1 if token == "," else made(open_nodes.pop())
        elif token == ":":
            if last < 0:
                raise wrong("':' without a name before it")
            expects_length = True
        elif token == ";":
            break
        elif last < 0:
            name = token[1:-1].replace("''", "'") if token[0] == "'" else token
            if name in seen:
                raise wrong(f"the name {name!r} for the second time")
            seen.add(name)
            last = made([])
            names[last] = name
        elif last in names:
            raise wrong(f"{token!r} behind a name")
        place = found.end()
    if open_nodes or last < 0 or expects_length:
        raise wrong("the end, before that of the tree,")
    return Tree(np.array(parents, np.int64), np.array(lengths), names)
