"""Consensus strings beside python-Levenshtein's medians, and consensus of noisy reads beside spoa and racon.

    pip install 'seqsearch[greengenes]' && apt-get install spoa racon minimap2
    python benchmarks/consensus.py v4 genes reads --output consensus.jsonl

`v4`: clusters of 10 to 50 V4 regions of 150 nt (single linkage within 3 edits, larger ones cut to 50); `genes`: 10 to
15 whole genes of 1,400 nt of one genus, which are 3% apart or more. Both are drawn at random. The rival is the best of
`Levenshtein.setmedian`, `quickmedian` and `median`, each improved by `median_improve` until nothing changes; of whole
genes, where one round takes minutes, one of the first alone. `proved`: of so many clusters `consensus_bound` shows that
no string at all is below ours, so that nobody can be; `unproved_gap`: what the totals of the others are above their
bounds, summed; `two_edits`: of how many of these the sum becomes less where all pairs of edits are weighed (V4 only).

`reads`: copies of the first 1,000 letters of a gene with 10% errors, by depth: edits left, the mean over origins.
`even`: a third each of substitutions, insertions and deletions; `nanopore`: 3% substitutions, 2.5% insertions, 4.5%
deletions, which are twice as frequent in runs of three equal letters or more as elsewhere. racon polishes what spoa
made, twice, by overlaps of minimap2. Seconds are of processor time, of other programs with all they start.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import Levenshtein
import numpy as np

from seqsearch import consensus, consensus_bound
from seqsearch.datasets import greengenes_full, greengenes_taxonomy, greengenes_v4
from seqsearch.distances import EditDistance
from seqsearch.search import duplicates
from seqsearch.sequences import DNA, Sequences, write_fasta

DEPTHS = (5, 10, 20, 40)
LENGTH = 1000
ERRORS = {"even": (0.1 / 3, 0.1 / 3, 0.1 / 3), "nanopore": (0.03, 0.025, 0.045)}
"""Shares of letters that are exchanged, followed by another one, left out."""
_ROUNDS = 20


def clusters_of(genes: Sequences, radius: int, count: int, seed: int, first: int = 0) -> list[Sequences]:
    """Clusters of 10 to 50; what is larger is cut to 50."""
    groups = duplicates(genes, EditDistance(), radius).representatives
    sizes = np.bincount(groups, minlength=len(genes))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.flatnonzero(sizes >= 10))[: first + count]
    found = [genes[rng.permutation(np.flatnonzero(groups == one))[:50]] for one in chosen.tolist()]
    return found[first:]


def genera_of(genes: Sequences, count: int, seed: int) -> list[Sequences]:
    """The genes of genera with 10 or more of them, 10 to 15 at random."""
    ranks = greengenes_taxonomy()
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, id in enumerate(genes.ids):
        if not ranks[id][5].endswith("__"):
            rows.setdefault(ranks[id][:6], []).append(row)
    large = [of for of in rows.values() if len(of) >= 10]
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(large))[:count].tolist()
    return [genes[rng.permutation(large[one])[: int(rng.integers(10, 16))]] for one in chosen]


def rival(texts: list[str], *, thorough: bool) -> tuple[int, float]:
    """The least sum that python-Levenshtein comes to, and the processor time it took; not `thorough`: by one round of
    `median_improve` on the best member."""

    def total(text: str) -> int:
        return sum(Levenshtein.distance(text, other) for other in texts)

    start = time.process_time()
    starts = [Levenshtein.setmedian(texts)]
    if thorough:
        starts += [Levenshtein.quickmedian(texts), Levenshtein.median(texts)]
    best = min(total(text) for text in starts)
    for text in starts:
        for _ in range(_ROUNDS if thorough else 1):
            better = Levenshtein.median_improve(text, texts)
            if better == text:
                break
            text = better
        best = min(best, total(text))
    return best, time.process_time() - start


def beside_levenshtein(name: str, found: list[Sequences], first: int) -> dict[str, object]:
    consensus(found[0])  # compiled, or loaded
    own_s = rival_s = bound_s = 0.0
    below = above = proved = gap = two_edits = 0
    sums, medians = [0, 0], 0
    for members in found:
        start = time.process_time()
        made = consensus(members)
        own_s += time.process_time() - start
        start = time.process_time()
        bound = consensus_bound(members, most=made.total)
        bound_s += time.process_time() - start
        proved, gap = proved + (bound == made.total), gap + made.total - bound
        if bound < made.total and name == "v4":
            two_edits += consensus(members, edits=2).total < made.total
        theirs, seconds = rival(members.texts(), thorough=name == "v4")
        rival_s += seconds
        below, above = below + (made.total < theirs), above + (made.total > theirs)
        sums[0], sums[1], medians = sums[0] + made.total, sums[1] + theirs, medians + made.median
    return {
        "part": name,
        "clusters": len(found),
        "first": first,
        "members": round(float(np.mean([len(members) for members in found])), 1),
        "below": below,
        "equal": len(found) - below - above,
        "above": above,
        "total": sums[0],
        "rival_total": sums[1],
        "best_member_total": medians,
        "proved": proved,
        "unproved_gap": gap,
        "two_edits": two_edits if name == "v4" else None,
        "bound_ms_a_cluster": round(1000 * bound_s / len(found), 1),
        "ms_a_cluster": round(1000 * own_s / len(found), 1),
        "rival_ms_a_cluster": round(1000 * rival_s / len(found), 1),
        "times_as_fast": round(rival_s / own_s, 1),
    }


def noisy(gene: np.ndarray, rng: np.random.Generator, kind: str) -> np.ndarray:
    """A read of it with 10% errors."""
    out: list[int] = []
    shares = ERRORS[kind]
    for code, gone in zip(gene.tolist(), deletions(gene, shares[2], kind).tolist(), strict=True):
        drawn = rng.random()
        if drawn < shares[0]:
            out.append((code + 1 + int(rng.integers(3))) % 4)
        elif drawn < shares[0] + shares[1]:
            out += [code, int(rng.integers(4))]
        elif drawn < 1 - gone:
            out.append(code)
    return np.array(out, np.uint8)


def deletions(gene: np.ndarray, share: float, kind: str) -> np.ndarray:
    """How likely each letter is left out, `share` on the whole."""
    if kind != "nanopore":
        return np.full(len(gene), share)
    starts = np.flatnonzero(np.concatenate([[True], gene[1:] != gene[:-1]]))
    runs = np.diff(np.append(starts, len(gene)))
    likely = np.repeat(np.where(runs >= 3, 2.0, 1.0), runs)
    return share * likely / likely.mean()


def own(members: Sequences, work: Path) -> str:
    return consensus(members, reads=True).text


def spoa(members: Sequences, work: Path) -> str:
    return _letters(_run(["spoa", str(work / "reads.fasta")]))


def racon(members: Sequences, work: Path) -> str:
    """What spoa made, polished by all reads, twice."""
    text = spoa(members, work)
    for _ in range(2):
        (work / "draft.fasta").write_text(f">draft\n{text}\n")
        overlaps = _run(["minimap2", "-x", "map-ont", "-t", "1", str(work / "draft.fasta"), str(work / "reads.fasta")])
        (work / "overlaps.paf").write_text(overlaps)
        files = [str(work / name) for name in ("reads.fasta", "overlaps.paf", "draft.fasta")]
        text = _letters(_run(["racon", "--include-unpolished", "--no-trimming", "-t", "1", *files])) or text
    return text


PROGRAMS: dict[str, Callable[[Sequences, Path], str]] = {"seqsearch": own, "spoa": spoa, "racon": racon}


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _letters(fasta: str) -> str:
    return "".join(line for line in fasta.splitlines() if not line.startswith(">"))


def _seconds() -> float:
    """Processor time of this process and of all that it waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def reads(genes: Sequences, origins: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(1)
    clean = np.flatnonzero([(gene.data < 4).all() for gene in genes[:2000]])
    there = [name for name in PROGRAMS if name == "seqsearch" or shutil.which(name)]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in ERRORS:
            for depth in DEPTHS:
                told: dict[str, list[list[float]]] = {name: [] for name in there}
                for row in rng.choice(clean, origins, replace=False).tolist():
                    origin, truth = genes[row].data[:LENGTH], genes[row].text[:LENGTH]
                    members = Sequences.from_arrays([noisy(origin, rng, kind) for _ in range(depth)], DNA)
                    write_fasta(Path(folder) / "reads.fasta", members)
                    for name in there:
                        start = _seconds()
                        made = PROGRAMS[name](members, Path(folder))
                        told[name].append([Levenshtein.distance(made, truth), _seconds() - start])
                row_: dict[str, object] = {"part": "reads", "errors": kind, "depth": depth, "origins": origins}
                for name, values in told.items():
                    left, spent = np.mean(values, axis=0)
                    row_ |= {f"{name}_edits_left": round(float(left), 2), f"{name}_cpu_s": round(float(spent), 3)}
                rows.append(row_)
                print(row_, flush=True)
    return rows


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=["v4", "genes", "reads"])
    text.add_argument("--clusters", type=int, default=200)
    text.add_argument("--first", type=int, default=0, help="of the clusters of V4: the number of the first")
    text.add_argument("--origins", type=int, default=20)
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    about = {"python": platform.python_version(), "levenshtein": version("Levenshtein")}
    rows: list[dict[str, object]] = []
    for part in options.parts:
        if part == "reads":
            rows += reads(greengenes_full(), options.origins)
            continue
        found = (
            clusters_of(greengenes_v4(), 3, options.clusters, 0, options.first)
            if part == "v4"
            else genera_of(greengenes_full(), max(1, options.clusters // 50), 0)
        )
        rows.append(beside_levenshtein(part, found, options.first))
        print(rows[-1], flush=True)
    if options.output is not None:
        with options.output.open("a") as file:
            file.writelines(json.dumps(row | about) + "\n" for row in rows)


if __name__ == "__main__":
    main()
