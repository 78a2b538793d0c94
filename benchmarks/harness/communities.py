"""Communities of genes: samples simulated from clades, a real table, and the measures that ecologists use."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqsearch.arrays import AnyArray, DoubleArray, IntArray
from seqsearch.samples import SampleTable
from seqsearch.sequences import Sequences

_TOKEN = re.compile(r"[(),;]|:[^,();]+|'(?:[^']|'')*'|[^(),:;]+")
FAMILY = 5  # ranks of a lineage down to the family
READS = (2_000, 5_000)


def simulated(
    genes: Sequences, samples: int, rng: np.random.Generator, *, environments: int = 6, features: int = 150
) -> tuple[SampleTable, IntArray]:
    """Samples of `environments` (S,), each a mixture of clades: genes of Greengenes with their lineages.

    An environment has 12 families, half of them those of a common pool, of lognormal weights. A sample has these
    weights, disturbed, and of each family its own strains: a random choice of the environment's, which are a third of
    the family's genes. So samples of one environment share clades more than sequences.
    """
    clades: dict[str, list[int]] = {}
    for row, lineage in enumerate(genes.descriptions):
        parts = [part.strip() for part in lineage.split(";")]
        if len(parts) >= FAMILY and len(parts[FAMILY - 1]) > len("f__"):
            clades.setdefault("; ".join(parts[:FAMILY]), []).append(row)
    large = [np.array(rows) for _, rows in sorted(clades.items()) if len(rows) >= 30]
    pool = rng.permutation(len(large))[:18]
    rest = np.setdiff1d(np.arange(len(large)), pool)
    made = []
    for _ in range(environments):
        families = [large[one] for one in (*rng.choice(pool, 6, replace=False), *rng.choice(rest, 6, replace=False))]
        strains = [rng.choice(rows, max(10, len(rows) // 3), replace=False) for rows in families]
        made.append((strains, rng.lognormal(0, 1, len(families))))
    of = rng.integers(environments, size=samples)
    counts: list[dict[int, int]] = []
    for environment in of.tolist():
        strains, weights = made[environment]
        weights = weights * rng.lognormal(0, 0.7, len(weights))
        weights = weights / weights.sum()
        mine = [rng.choice(rows, min(len(rows), max(3, int(weight * features))), replace=False) for rows, weight in
                zip(strains, weights, strict=True)]  # fmt: skip
        shares = [weight * _shares(len(rows), rng) for rows, weight in zip(mine, weights, strict=True)]
        drawn = rng.multinomial(int(rng.integers(*READS)), np.concatenate(shares))
        counts.append(dict(zip(np.concatenate(mine).tolist(), drawn.tolist(), strict=True)))
    used = sorted({row for one in counts for row, count in one.items() if count})
    place = {row: at for at, row in enumerate(used)}
    entries = [(s, place[row], count) for s, one in enumerate(counts) for row, count in one.items() if count]
    rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
    names = [f"s{number}-e{environment}" for number, environment in enumerate(of.tolist())]
    table = SampleTable.of_entries(names, [genes.ids[row] for row in used], rows, columns, values.astype(np.float64))
    return table, of


def _shares(count: int, rng: np.random.Generator) -> DoubleArray:
    drawn = rng.lognormal(0, 1.5, count)
    return drawn / drawn.sum()


def global_patterns(path: Path) -> tuple[SampleTable, list[str], Phylogeny]:
    """GlobalPatterns (Caporaso et al., PNAS 108 (2011)): 26 samples of soil, sea, skin, ..., as phyloseq ships it, its
    features named by Greengenes; kinds of samples, and the tree.

    `apt-get download r-bioc-phyloseq && dpkg-deb -x r-bioc-phyloseq*.deb phyloseq`, `pip install rdata`.
    """
    import rdata

    with warnings.catch_warnings(action="ignore"):  # of classes of R that rdata leaves as they are
        whole = rdata.conversion.convert(rdata.parser.parse_file(path))["GlobalPatterns"]
    counts = whole.otu_table
    features, samples = ([str(name) for name in counts[axis].values] for axis in counts.dims)
    tree = whole.phy_tree
    tips = [str(name) for name in tree["tip.label"]]
    nodes = len(tips) + int(tree["Nnode"][0])
    parent, length = np.full(nodes, -1, np.int64), np.zeros(nodes)
    edges = np.asarray(tree["edge"]) - 1
    parent[edges[:, 1]], length[edges[:, 1]] = edges[:, 0], tree["edge.length"]
    kinds = [str(kind) for kind in whole.sam_data["SampleType"]]
    return SampleTable.of(counts.values.T, samples, features), kinds, Phylogeny(parent, length, tips)


@dataclass(frozen=True)
class Phylogeny:
    """`parent`, (N,), of each node, -1 of the root; `length`, (N,), of the branch to there; names of the first nodes,
    the `tips`."""

    parent: IntArray
    length: DoubleArray
    tips: list[str]

    @classmethod
    def read(cls, path: Path) -> Phylogeny:
        """Of Newick text."""
        parent, length, names, stack = [-1], [0.0], [""], [0]
        here = 0
        for token in _TOKEN.findall(path.read_text().strip()):
            if token == "(":
                stack.append(here)
                here = _child(parent, length, names, here)
            elif token == ",":
                here = _child(parent, length, names, stack[-1])
            elif token == ")":
                here = stack.pop()
            elif token.startswith(":"):
                length[here] = float(token[1:])
            elif token != ";":
                names[here] = token.strip("'")
        inner = np.zeros(len(parent), np.bool_)
        inner[[one for one in parent if one >= 0]] = True
        order = np.concatenate([np.flatnonzero(~inner), np.flatnonzero(inner)])
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        above = np.array(parent)[order]
        tips = [names[row] for row in order[: int((~inner).sum())].tolist()]
        return cls(np.where(above >= 0, place[np.maximum(above, 0)], -1), np.array(length)[order], tips)

    def weighted_unifrac(self, table: SampleTable) -> DoubleArray:
        """(S, S) sums over branches of their length times the difference of the shares below (Lozupone et al., 2007),
        not normalised; features that are no tips are left out."""
        place = {name: row for row, name in enumerate(self.tips)}
        tip = np.array([place.get(name, -1) for name in table.features])
        masses = np.zeros((len(self.parent), len(table)))
        for row in range(len(table)):
            columns, shares = table.sample(row)
            there = tip[columns] >= 0
            np.add.at(masses[:, row], tip[columns[there]], shares[there] / shares[there].sum())
        depth = np.zeros(len(self.parent), np.int64)
        for node in self._downwards().tolist():
            if self.parent[node] >= 0:
                depth[node] = depth[self.parent[node]] + 1
        for node in np.argsort(-depth, kind="stable").tolist():
            if self.parent[node] >= 0 and masses[node].any():
                masses[self.parent[node]] += masses[node]
        from scipy.spatial.distance import cdist

        used = masses.any(axis=1)
        vectors = (masses[used] * self.length[used, None]).T
        return cdist(vectors, vectors, "cityblock")

    def _downwards(self) -> AnyArray:
        """Nodes, each after its parent."""
        children: dict[int, list[int]] = {}
        for node, above in enumerate(self.parent.tolist()):
            children.setdefault(above, []).append(node)
        order, waiting = [], list(children[-1])
        while waiting:
            node = waiting.pop()
            order.append(node)
            waiting += children.get(node, [])
        return np.array(order)


def _child(parent: list[int], length: list[float], names: list[str], above: int) -> int:
    parent.append(above)
    length.append(0.0)
    names.append("")
    return len(parent) - 1
