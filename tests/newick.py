"""Reading Newick text, to check what is written."""

from __future__ import annotations

import math
import re

_TOKEN = re.compile(r"[(),;]|:[^,();]+|'(?:[^']|'')*'|[^(),:;]+")
Node = tuple[str, float, list["Node"]]
"""Name, length of the branch to the parent (nan: none), children in order."""


def parse(text: str) -> Node:
    """The tree of a text as `Dendrogram.newick` writes it; recursion ends where Python's does."""
    tokens = _TOKEN.findall(text.strip())
    assert tokens[-1] == ";"
    assert "".join(tokens) == text.strip()

    def node(at: int) -> tuple[Node, int]:
        name, children = "", []
        if tokens[at] == "(":
            while tokens[at] in "(,":
                child, at = node(at + 1)
                children.append(child)
            at += 1
        else:
            name, at = tokens[at], at + 1
            name = name[1:-1].replace("''", "'") if name[0] == "'" else name
        has_length = tokens[at][0] == ":"
        return (name, float(tokens[at][1:]) if has_length else math.nan, children), at + has_length

    return node(0)[0]


def leaves(text: str) -> list[str]:
    """The names of the leaves, in order."""

    def under(node: Node) -> list[str]:
        return [name for child in node[2] for name in under(child)] or [node[0]]

    return under(parse(text))
