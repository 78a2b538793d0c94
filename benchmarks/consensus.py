"""Consensus strings beside python-Levenshtein's medians, and consensus of noisy reads beside spoa.

    pip install 'seqsearch[greengenes]' && apt-get install spoa
    python benchmarks/consensus.py v4 genes reads --output consensus.jsonl

`v4`, `genes`: clusters of 10 to 50 genes (single linkage within 2% of their length, drawn at random), V4 regions of 150
nt and whole genes of 1,400. The rival is the best of `Levenshtein.setmedian`, `quickmedian` and `median`, each improved
by `median_improve` until nothing changes; of whole genes `median` is left out, as it takes minutes. `reads`: copies of
one gene with 10% errors (a third each of substitutions, insertions and deletions), by depth: edits left, the mean over
origins. Seconds are of processor time.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import Levenshtein
import numpy as np

from seqsearch import consensus
from seqsearch.datasets import greengenes_full, greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.search import duplicates
from seqsearch.sequences import DNA, Sequences

DEPTHS = (5, 10, 20, 40)
_ROUNDS = 20


def clusters_of(genes: Sequences, radius: int, count: int, seed: int) -> list[Sequences]:
    """Clusters of 10 to 50; what is larger is cut to 50."""
    groups = duplicates(genes, EditDistance(), radius).representatives
    sizes = np.bincount(groups, minlength=len(genes))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.flatnonzero(sizes >= 10))[:count]
    return [genes[rng.permutation(np.flatnonzero(groups == one))[:50]] for one in chosen.tolist()]


def rival(texts: list[str], *, median: bool) -> tuple[int, float]:
    """The least sum that python-Levenshtein comes to, and the processor time it took."""

    def total(text: str) -> int:
        return sum(Levenshtein.distance(text, other) for other in texts)

    start = time.process_time()
    starts = [Levenshtein.setmedian(texts), Levenshtein.quickmedian(texts)]
    if median:
        starts.append(Levenshtein.median(texts))
    best = min(total(text) for text in starts)
    for text in starts:
        for _ in range(_ROUNDS):
            better = Levenshtein.median_improve(text, texts)
            if better == text:
                break
            text = better
        best = min(best, total(text))
    return best, time.process_time() - start


def beside_levenshtein(name: str, genes: Sequences, radius: int, count: int) -> dict[str, object]:
    found = clusters_of(genes, radius, count, 0)
    consensus(found[0])  # compiled, or loaded
    own_s = rival_s = 0.0
    below = above = 0
    sums, medians = [0, 0], 0
    for members in found:
        start = time.process_time()
        made = consensus(members)
        own_s += time.process_time() - start
        theirs, seconds = rival(members.texts(), median=name == "v4")
        rival_s += seconds
        below, above = below + (made.total < theirs), above + (made.total > theirs)
        sums[0], sums[1], medians = sums[0] + made.total, sums[1] + theirs, medians + made.median
    return {
        "part": name,
        "clusters": len(found),
        "members": round(float(np.mean([len(members) for members in found])), 1),
        "below": below,
        "equal": len(found) - below - above,
        "above": above,
        "total": sums[0],
        "rival_total": sums[1],
        "best_member_total": medians,
        "ms_a_cluster": round(1000 * own_s / len(found), 1),
        "rival_ms_a_cluster": round(1000 * rival_s / len(found), 1),
        "times_as_fast": round(rival_s / own_s, 1),
    }


def noisy(gene: np.ndarray, rng: np.random.Generator, share: float = 0.1) -> np.ndarray:
    out: list[int] = []
    for code in gene.tolist():
        kind = rng.random()
        if kind < share / 3:
            out.append((code + 1 + int(rng.integers(3))) % 4)
        elif kind < 2 * share / 3:
            out += [code, int(rng.integers(4))]
        elif kind >= share:
            out.append(code)
    return np.array(out, np.uint8)


def by_spoa(members: Sequences, work: Path) -> str | None:
    """What spoa makes of them; None where it is not installed."""
    if shutil.which("spoa") is None:
        return None
    path = work / "reads.fasta"
    path.write_text("".join(f">r{row}\n{text}\n" for row, text in enumerate(members.texts())))
    text = subprocess.run(["spoa", str(path)], capture_output=True, text=True, check=True).stdout
    return "".join(line for line in text.splitlines() if not line.startswith(">"))


def reads(genes: Sequences, origins: int, work: Path) -> list[dict[str, object]]:
    rng = np.random.default_rng(1)
    clean = np.flatnonzero([(gene.data < 4).all() for gene in genes[:2000]])
    rows = []
    for depth in DEPTHS:
        left, theirs, seconds, spoa_s = [], [], 0.0, 0.0
        for row in rng.choice(clean, origins, replace=False).tolist():
            origin = genes[row].data[:1000]
            members = Sequences.from_arrays([noisy(origin, rng) for _ in range(depth)], DNA)
            truth = genes[row].text[:1000]
            start = time.process_time()
            found = consensus(members)
            seconds += time.process_time() - start
            left.append(Levenshtein.distance(found.text, truth))
            start = time.perf_counter()
            other = by_spoa(members, work)
            spoa_s += time.perf_counter() - start
            if other is not None:
                theirs.append(Levenshtein.distance(other, truth))
        row_ = {"part": "reads", "length": 1000, "errors": 0.1, "depth": depth, "origins": origins}
        row_ |= {"edits_left": round(float(np.mean(left)), 2), "s": round(seconds / origins, 3)}
        if theirs:
            row_ |= {"spoa_edits_left": round(float(np.mean(theirs)), 2), "spoa_s": round(spoa_s / origins, 3)}
        rows.append(row_)
        print(row_, flush=True)
    return rows


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=["v4", "genes", "reads"])
    text.add_argument("--clusters", type=int, default=200)
    text.add_argument("--origins", type=int, default=20)
    text.add_argument("--work", type=Path, default=Path("/tmp"))
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    about = {"python": platform.python_version(), "levenshtein": version("Levenshtein")}
    rows: list[dict[str, object]] = []
    for part in options.parts:
        if part == "reads":
            rows += reads(greengenes_full(), options.origins, options.work)
            continue
        genes, radius = (greengenes_v4(), 3) if part == "v4" else (greengenes_full()[:20_000], 28)
        rows.append(
            beside_levenshtein(part, genes, radius, options.clusters if part == "v4" else options.clusters // 10)
        )
        print(rows[-1], flush=True)
    if options.output is not None:
        with options.output.open("a") as file:
            file.writelines(json.dumps(row | about) + "\n" for row in rows)


if __name__ == "__main__":
    main()
