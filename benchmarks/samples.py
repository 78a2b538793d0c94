"""Samples as vectors beside optimal transport, and what ecologists use beside both.

    pip install 'seqsearch[bench,samples]'
    apt-get download r-bioc-phyloseq && dpkg-deb -x r-bioc-phyloseq*.deb phyloseq      # for the real table
    python benchmarks/samples.py clades genes phyloseq many --phyloseq phyloseq --output samples.jsonl

`clades`: 120 samples simulated from clades of Greengenes (harness/communities.py), V4 regions; `genes`: 60 of whole
genes; by seeds that nothing was chosen on (--seed). `phyloseq`: GlobalPatterns, 26 samples of soil, sea, skin, ..., the
V4 regions of its features that Greengenes 13_8 has. Spearman with optimal transport under edit distance (POT's network
simplex, all features; --pairs of samples) over all pairs, and over those of one environment; `cpu_us_a_pair`: processor
time of one more pair once vectors are made, and of transport. `made_s`: processor time of tree and vectors. `many`:
samples enough to see how it grows.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness.communities import Phylogeny, global_patterns, simulated
from harness.memory import peak_bytes
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from seqsearch import Samples, SampleTable, SequenceIndex, threads
from seqsearch.arrays import AnyArray, DoubleArray
from seqsearch.datasets import PRIMER_515F, V4_LENGTH, greengenes_full, greengenes_v4
from seqsearch.samples import comparing
from seqsearch.samples.encoder import Method
from seqsearch.sequences import DNA, Sequences

SIMULATED = {"clades": 120, "genes": 60}
MANY = (1_000, 5_000)
REAL = 60
"""Pairs of samples with thousands of features that optimal transport compares, a second or more each."""

Row = dict[str, object]


def index_of(sequences: Sequences, folder: Path) -> SequenceIndex:
    return SequenceIndex.build(folder / "features.ss", sequences, learn="none", overwrite=True)


def v4_of(genes: Sequences) -> Sequences:
    """The V4 region of every gene that has one, of ACGT only, equal ones kept."""
    primer = re.compile(
        "".join(f"[{DNA.mixtures[letter]}]" if letter in DNA.mixtures else letter for letter in PRIMER_515F)
    )
    found = {}
    for gene in genes:
        match = primer.search(gene.text)
        region = "" if match is None else gene.text[match.end() : match.end() + V4_LENGTH]
        if len(region) == V4_LENGTH and set(region) <= set("ACGT"):
            found[gene.id] = region
    return Sequences.from_texts(found.values(), DNA, found)


def shares_of(table: SampleTable) -> DoubleArray:
    """(S, n)"""
    whole = np.zeros((len(table), len(table.features)))
    for row in range(len(table)):
        columns, shares = table.sample(row)
        whole[row, columns] = shares
    return whole


def compared(
    table: SampleTable, index: SequenceIndex, groups: AnyArray, tree: Phylogeny, options: argparse.Namespace, about: Row
) -> Iterator[Row]:
    """A row a method."""
    made = Samples.of(table, index)
    table = made.table
    upper = np.triu_indices(len(table), 1)
    most = min(options.pairs, REAL) if about["part"] == "phyloseq" else options.pairs
    drawn = np.random.default_rng(options.seed).permutation(len(upper[0]))[:most]
    one, other = upper[0][drawn], upper[1][drawn]
    started = time.process_time()
    exact = np.array([made.transport(a, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)])
    slow = 1e6 * (time.process_time() - started) / len(drawn)
    same = groups[one] == groups[other]
    about = about | {
        "samples": len(table),
        "features": len(table.features),
        "features_a_sample": round(float(np.diff(table.offsets).mean()), 1),
        "pairs": len(drawn),
        "pairs_of_one_environment": int(same.sum()),
    }
    yield about | {"method": "optimal transport (POT)", "cpu_us_a_pair": round(slow, 1), "mean": round(exact.mean(), 2)}

    def row(method: str, told: DoubleArray, **more: object) -> Row:
        kept = {"spearman": told, "within": told[same]} if same.sum() > 10 else {"spearman": told}
        truth = {"spearman": exact, "within": exact[same]}
        ranked = {name: round(float(spearmanr(some, truth[name]).statistic), 4) for name, some in kept.items()}
        return about | {"method": method, **ranked, **more}

    methods: tuple[Method, ...] = ("tree", "mean")
    for method in methods:
        started = time.process_time()
        ours = Samples.of(table, index, method=method)
        spent = time.process_time() - started
        fast = speed(ours)
        told = ours.distances()[one, other].astype(np.float64)
        ratio = round(float(np.median(told / exact)), 3)
        facts = {"numbers": ours.encoder.dim, "made_s": round(spent, 2), "cpu_us_a_pair": round(fast, 3)}
        yield row(f"vectors, {method}", told, **facts, times_as_fast=round(slow / fast), ratio=ratio)
    shares = shares_of(table)
    yield row("Bray-Curtis", cdist(shares, shares, "braycurtis")[one, other])
    started = time.process_time()
    unifrac = tree.weighted_unifrac(table)
    spent = time.process_time() - started
    yield row("weighted UniFrac", unifrac[one, other], made_s=round(spent, 2))


def speed(samples: Samples) -> float:
    """Microseconds of processor time for the distance of a pair, of many."""
    vectors = np.tile(samples.vectors, (-(-1024 // len(samples)), 1))[:1024]
    between = comparing.manhattan if samples.encoder.method == "tree" else comparing.euclidean
    between(vectors, vectors)
    started = time.process_time()
    between(vectors, vectors)
    return 1e6 * (time.process_time() - started) / 1024**2


def of_clades(part: str, options: argparse.Namespace, folder: Path, tree: Phylogeny) -> Iterator[Row]:
    genes = greengenes_v4() if part == "clades" else greengenes_full()
    table, groups = simulated(genes, SIMULATED[part], np.random.default_rng(options.seed))
    used = set(table.features)
    rows = np.array([row for row, name in enumerate(genes.ids) if name in used])
    others = np.random.default_rng(0).permutation(len(genes))[: options.others]
    with index_of(genes[np.union1d(rows, others)], folder) as index:
        yield from compared(table, index, groups, tree, options, {"part": part, "seed": options.seed})


def of_phyloseq(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    (path,) = options.phyloseq.rglob("GlobalPatterns.RData")
    table, kinds, tree = global_patterns(path)
    genes = greengenes_full()
    known = set(table.features)
    regions = v4_of(genes[np.array([row for row, name in enumerate(genes.ids) if name in known])])
    kept = set(regions.ids)
    whole = float(table.values.sum())
    some = table.with_features(np.array([row for row, name in enumerate(table.features) if name in kept]))
    about: Row = {"part": "phyloseq", "counts_kept": round(float(some.values.sum()) / whole, 3)}
    groups = np.unique(kinds, return_inverse=True)[1]
    with index_of(regions, folder) as index:
        yield from compared(some, index, groups, tree, options, about)


def of_many(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    genes = greengenes_v4()
    for count in MANY:
        table, _ = simulated(genes, count, np.random.default_rng(options.seed))
        used = set(table.features)
        with index_of(genes[np.array([row for row, name in enumerate(genes.ids) if name in used])], folder) as index:
            started = time.process_time()
            made = Samples.of(table, index)
            vectors = time.process_time() - started
            started = time.process_time()
            made.distances()
            matrix = time.process_time() - started
        about: Row = {"part": "many", "samples": count, "features": len(table.features), "numbers": made.encoder.dim}
        costs: Row = {"made_s": round(vectors, 1), "matrix_s": round(matrix, 1), "peak_mb": round(peak_bytes() / 1e6)}
        yield about | costs


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=[*SIMULATED, "phyloseq", "many"])
    text.add_argument("--seed", type=int, default=7, help="of simulated samples; 1 was chosen on")
    text.add_argument("--pairs", type=int, default=1500, help="of samples, compared by optimal transport")
    text.add_argument("--others", type=int, default=5000, help="genes that the index holds beside those of the table")
    text.add_argument("--phyloseq", type=Path, default=Path("phyloseq"), help="folder with GlobalPatterns.RData")
    text.add_argument("--threads", type=int, default=1)
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    threads.use(options.threads)
    tree = None
    with tempfile.TemporaryDirectory() as folder:
        for part in options.parts:
            if part in SIMULATED:
                import qiime_default_reference

                tree = tree or Phylogeny.read(Path(qiime_default_reference.get_reference_tree()))
                rows = of_clades(part, options, Path(folder), tree)
            else:
                rows = (of_phyloseq if part == "phyloseq" else of_many)(options, Path(folder))
            for row in rows:
                print(json.dumps(row), flush=True)
                if options.output is not None:
                    with options.output.open("a") as file:
                        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
