"""Clusters in the format .uc of usearch and vsearch."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..distances import AlignedPath, Distance
    from ..search import Duplicates
    from ..sequences import Sequences

_LETTERS = {"=": "M", "X": "M", "I": "D", "D": "I"}
"""There D is a letter that the query alone has, I one that the centroid alone has."""


def uc_text(sequences: Sequences, found: Duplicates, distance: Distance) -> str:
    """Ten columns, tab-separated: S, the centroid of a cluster, and H, each of its members, cluster by cluster, then C,
    each cluster with its size; abundances are in the labels where they are known. Raises ParameterError for series."""
    paths, minus = found.alignments(sequences, distance), found.minus
    lengths, sizes = sequences.lengths.tolist(), found.abundances.tolist()
    names = list(sequences.ids)
    if found.weights is not None:
        names = [f"{name};size={weight}" for name, weight in zip(names, found.weights.tolist(), strict=True)]
    lines, ends = [], []
    for number, (centroid, members) in enumerate(_clusters(found)):
        lines.append(["S", number, lengths[centroid], "*", "*", "*", "*", "*", names[centroid], "*"])
        for row in members:
            path, strand = paths[row], "-" if minus is not None and minus[row] else "+"
            alike = f"{100 * path.identity:.1f}"
            lines.append(["H", number, lengths[row], alike, strand, 0, 0, _cigar(path), names[row], names[centroid]])
        ends.append(["C", number, sizes[centroid], "*", "*", "*", "*", "*", names[centroid], "*"])
    return "".join("\t".join(map(str, line)) + "\n" for line in lines + ends)


def _clusters(found: Duplicates) -> list[tuple[int, list[int]]]:
    """Centroids, the most abundant first, and their members in the order of the file."""
    members: dict[int, list[int]] = {row: [] for row in found.ranked.tolist()}
    for row, centroid in enumerate(found.representatives.tolist()):
        if row != centroid:
            members[centroid].append(row)
    return list(members.items())


def _cigar(path: AlignedPath) -> str:
    """As vsearch writes it: "=" of equal sequences, and no 1 before a letter."""
    if path.identity == 1:
        return "="
    runs = itertools.groupby(_LETTERS[letter] for letter, count in path.runs for _ in range(count))
    return "".join(f"{'' if (count := len(list(run))) == 1 else count}{letter}" for letter, run in runs)
