"""Multiple alignments beside MAFFT's and MUSCLE's.

    pip install 'seqsearch[greengenes]' && apt-get install mafft muscle
    python benchmarks/alignment.py v4 genes --output alignment.jsonl

`v4`: clusters of 10 to 50 V4 regions (single linkage within 3 edits), as in consensus.py. `genes`: 10 to 20 whole genes
of one family or order by the taxonomy, of Greengenes' 85% clusters, whose rows in the alignment that Greengenes made
by its core set (PyNAST) are the reference. Groups are drawn at random; the programs run one after the other on the same
group.

`score`: of each program's alignment the sum of pairs, as a share of MAFFT's, exactly and by one function for all: match
5, mismatch -4 (NUC.4.4), a gap of n letters 10 + n, at the ends too, as EMBOSS has it; `score_20_2` with gaps of
20 + 2 n, which are our default. `q`, `tc`: pairs of letters and
whole columns of the reference that are found; where there is none, of MAFFT's alignment. Seconds are of processor time,
of MAFFT and MUSCLE with all they start.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from consensus import clusters_of

from seqsearch import align_multiple
from seqsearch.alignment import agreement, scheme_for, sum_of_pairs
from seqsearch.datasets import greengenes_path, greengenes_taxonomy, greengenes_v4
from seqsearch.sequences import DNA, Sequences, write_fasta

LEVELS = (5, 4)  # of the taxonomy: family, order
GAPS = ((10, 1), (20, 2))
Rows = list[str]


def reference_rows() -> dict[str, str]:
    """Aligned rows of Greengenes' 85% clusters, by id."""
    path = greengenes_path().parent.parent / "rep_set_aligned" / "85_otus.pynast.fasta"
    lines = path.read_text("ascii").splitlines()
    return {head[1:].split()[0]: row for head, row in zip(lines[::2], lines[1::2], strict=True)}


def gene_groups(count: int, seed: int) -> Iterator[tuple[Sequences, Rows]]:
    """Groups of 10 to 20 genes of one family or order, and their rows in the reference."""
    rows, ranks = reference_rows(), greengenes_taxonomy()
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for id in rows:
        for level in LEVELS:
            if not ranks[id][level - 1].endswith("__"):
                groups[ranks[id][:level]].append(id)
    rng = np.random.default_rng(seed)
    large = [ids for ids in groups.values() if len(ids) >= 10]
    for one in rng.integers(len(large), size=count).tolist():
        ids = rng.permutation(large[one])[: int(rng.integers(10, 21))].tolist()
        texts = [rows[id].replace("-", "").replace(".", "") for id in ids]
        yield Sequences.from_texts(texts, DNA, ids), [rows[id] for id in ids]


def v4_groups(count: int, seed: int) -> Iterator[tuple[Sequences, None]]:
    for members in clusters_of(greengenes_v4(), 3, count, seed):
        yield members, None


def own(members: Sequences, work: Path) -> Rows:
    return align_multiple(members).rows


def mafft(members: Sequences, work: Path) -> Rows:
    made = _run(["mafft", "--auto", "--thread", "1", "--quiet", str(work / "in.fasta")])
    return _in_order(made, members)


def muscle(members: Sequences, work: Path) -> Rows:
    _run(["muscle", "-align", str(work / "in.fasta"), "-output", str(work / "out.fasta"), "-threads", "1", "-quiet"])
    return _in_order((work / "out.fasta").read_text("ascii"), members)


PROGRAMS: dict[str, Callable[[Sequences, Path], Rows]] = {"seqsearch": own, "mafft": mafft, "muscle": muscle}


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _in_order(fasta: str, members: Sequences) -> Rows:
    found = {}
    for record in fasta.split(">")[1:]:
        head, _, body = record.partition("\n")
        found[head.split()[0]] = body.replace("\n", "").upper()
    return [found[id] for id in members.ids]


def score_of(rows: Rows, gaps: tuple[int, int]) -> float:
    codes = np.array([[DNA.letters.find(letter) for letter in row] for row in rows], np.int16)
    return sum_of_pairs(codes, scheme_for(DNA, None, *gaps))


def _seconds() -> float:
    """Processor time of this process and of all that it waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def measured(
    part: str, groups: Iterator[tuple[Sequences, Rows | None]], programs: list[str], limit: float
) -> dict[str, object]:
    """A row of means over groups, as many as begin within `limit` seconds."""
    align_multiple(["ACGTACGT", "ACGACGT", "ACGTACG"])  # compiled, or loaded
    told: dict[str, list[list[float]]] = {name: [] for name in programs}
    sizes, lengths, began = [], [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for members, reference in groups:
            if time.monotonic() - began > limit:
                break
            write_fasta(Path(folder) / "in.fasta", members)
            sizes.append(len(members))
            lengths.append(float(members.lengths.mean()))
            made, seconds = {}, {}
            for name in programs:
                start = _seconds()
                made[name] = PROGRAMS[name](members, Path(folder))
                seconds[name] = _seconds() - start
                assert [row.replace("-", "") for row in made[name]] == members.texts(), name
            compared = made["mafft"] if reference is None else reference
            best = [score_of(made["mafft"], gaps) for gaps in GAPS]
            for name, rows in made.items():
                shares = [score_of(rows, gaps) / theirs for gaps, theirs in zip(GAPS, best, strict=True)]
                told[name].append([*shares, *agreement(rows, compared), seconds[name]])
    row: dict[str, object] = {"part": part, "groups": len(sizes), "members": round(float(np.mean(sizes)), 1)}
    row["length"] = round(float(np.mean(lengths)))
    row["agreement_with"] = "mafft" if part == "v4" else "greengenes (PyNAST)"
    for name in programs:
        values = np.array(told[name])
        score, other, q, tc, spent = values.mean(axis=0)
        row[name] = {
            "score": round(score, 5),
            "score_20_2": round(other, 5),
            "least": round(values[:, 0].min(), 5),
            "at_least_mafft": int((values[:, 0] >= 1).sum()),
            "least_20_2": round(values[:, 1].min(), 5),
            "q": round(q, 4),
            "tc": round(tc, 4),
            "cpu_s": round(spent, 3),
        }
    return row


def main() -> None:
    text = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text.add_argument("parts", nargs="+", choices=["v4", "genes"])
    text.add_argument("--groups", type=int, default=100)
    text.add_argument("--programs", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS))
    text.add_argument("--seed", type=int, default=0)
    text.add_argument("--limit", type=float, default=float("inf"), help="seconds a part, in which groups may begin")
    text.add_argument("--output", type=Path, help="rows are added here")
    options = text.parse_args()
    told = subprocess.run(["mafft", "--version"], capture_output=True, text=True, check=True).stderr.strip()
    versions = {"python": platform.python_version(), "mafft": told}
    for part in options.parts:
        groups = v4_groups(options.groups, options.seed) if part == "v4" else gene_groups(options.groups, options.seed)
        row = measured(part, groups, options.programs, options.limit)
        print(json.dumps(row, indent=1), flush=True)
        if options.output is not None:
            with options.output.open("a") as file:
                file.write(json.dumps(row | versions | {"cores": os.cpu_count()}) + "\n")


if __name__ == "__main__":
    main()
