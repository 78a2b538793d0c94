"""What may propose the genes that a read lies in: points of windows, unlearned and learned, hashes of them, seeds.

    python benchmarks/fragments.py --part rivals --output fragments-rivals.jsonl

500 reads of 150 letters with 1, 3 and 5% errors of 20,000 whole 16S genes; windows of 150 every 50. `recall`: of the
ten nearest, ties counted, how many are among the genes that a rival's first `candidates` lead to (windows, or genes for
seeds; `genes_met`: how many genes those are on the mean). `walked`: once the best of them have led to their relatives
and all were compared, which is what an index delivers. `us`: of processor time a read to propose, with embedding the
read; `all_us`: with all that comes after. `cpu_s`: to make what proposes.

* points: 256 components of k-mer counts (unlearned; the default: 1 bit each, in compressed lists), or what
  fragments_learned.py trains; by exact scan of float32, or in the lists.
* hashes: signs of these, rotated (ITQ), 64 to 256 bits; all scanned, or looked up in several tables of 18 of the bits,
  which are probed at every code that differs by so many bits (`flips`; faiss's IndexBinaryMultiHash).
* seeds: k-mers that a read shares with a gene within 32 diagonals, all or those that are not `common`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from seqsearch import threads
from seqsearch.ann import Candidates, make_index, parameters_for
from seqsearch.datasets import greengenes_full
from seqsearch.distances import InfixDistance
from seqsearch.encoders.codes import HASH_MEAN, HASH_ROTATION, quantizer
from seqsearch.encoders.model import Model
from seqsearch.hashing import codes_of
from seqsearch.search.budget import Budget
from seqsearch.search.pipeline import Keep, Parts, Queries, Ranked
from seqsearch.search.relatives import Walk
from seqsearch.search.stages import Exact, ProposeParts
from seqsearch.search.window_building import window_model
from seqsearch.search.windows import Cut, WindowIndex, WindowSettings
from seqsearch.sequences import Sequences
from seqsearch.sequences.packed import packed

LENGTH, STRIDE, RELATED, LEARNED = 150, 50, 64, 4096
CANDIDATES = (100, 300, 1000)
TABLE_BITS, TABLES = 18, 8
HASHES: dict[int, tuple[int | None, ...]] = {64: (None, 2), 128: (None, 1, 2), 256: (None, 2)}
"""Bits, and the `flips` they are looked up with; None: scanned."""
NEIGHBOURHOOD = 32  # diagonals that seeds are counted in


def add_options(parser: argparse.ArgumentParser) -> None:
    """How many genes, and which rivals."""
    parser.add_argument("--rival-genes", type=int, default=20_000, help="of --part rivals")
    parser.add_argument("--rivals", help="only those whose name begins so")


# -- hashes ------------------------------------------------------------------------------------------------------------


class Scanned:
    """Points compared with all stored ones, in float32."""

    effort = ""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points / np.linalg.norm(points, axis=1, keepdims=True)

    def search(self, points: np.ndarray, count: int, **_: object) -> Candidates:
        """As `CandidateIndex.search`."""
        import faiss

        faiss.omp_set_num_threads(threads.count())
        distances, rows = faiss.knn(points / np.linalg.norm(points, axis=1, keepdims=True), self.points, count)
        return Candidates(rows, distances)


class Hashed:
    """Signs of rotated points in place of points: all codes are scanned, or those in `flips` tables' buckets."""

    effort = ""

    def __init__(self, points: np.ndarray, bits: int, flips: int | None, seed: int) -> None:
        rng = np.random.default_rng(seed)
        some = rng.choice(len(points), min(len(points), 20_000), replace=False)
        self.rotation = quantizer(points[some], bits, rng)
        self.flips, self.bits = flips, bits
        codes = self._codes(points)
        if flips is None:
            self.index = make_index("hamming", bits=bits)
            self.index.add(np.arange(len(codes)), codes)
        else:
            import faiss

            self.table = faiss.IndexBinaryMultiHash(bits, min(TABLES, bits // TABLE_BITS), TABLE_BITS)
            self.table.add(codes)
            self.table.nflip = flips

    def _codes(self, points: np.ndarray) -> np.ndarray:
        return codes_of((points - self.rotation[HASH_MEAN]) @ self.rotation[HASH_ROTATION])

    def search(self, points: np.ndarray, count: int, **_: object) -> Candidates:
        """As `CandidateIndex.search`."""
        codes = self._codes(points)
        if self.flips is None:
            return self.index.search(codes, count)
        import faiss

        faiss.omp_set_num_threads(threads.count())
        distances, rows = self.table.search(codes, count)
        return Candidates(rows, np.where(rows >= 0, distances, np.inf).astype(np.float32))


# -- seeds -------------------------------------------------------------------------------------------------------------


@numba.njit(cache=True)
def _list_seeds(data, offsets, k, starts, genes, places):  # type: ignore[no-untyped-def]
    """Count the k-mers of each code into starts[code + 1], or, where there is room, list where they are."""
    mask = (1 << (2 * k)) - 1
    for gene in range(len(offsets) - 1):
        code, good = 0, 0
        for at in range(offsets[gene], offsets[gene + 1]):
            good = good + 1 if data[at] < 4 else 0
            code = ((code << 2) | (data[at] & 3)) & mask
            if good < k:
                continue
            if len(genes):
                genes[starts[code]], places[starts[code]] = gene, at - offsets[gene] - k + 1
            starts[code if len(genes) else code + 1] += 1


@numba.njit(cache=True, parallel=True)
def _count_seeds(data, offsets, k, common, starts, genes, places, width, bins, rows, begins):  # type: ignore[no-untyped-def]
    """Fill rows and begins, (Q, C): the genes with the most seeds in two neighbouring bins of diagonals, best first."""
    mask = (1 << (2 * k)) - 1
    count = rows.shape[1]
    for q in numba.prange(len(offsets) - 1):
        first, last = offsets[q], offsets[q + 1]
        seen = np.zeros((len(bins) - 1) * width, np.uint8)
        best, where = np.zeros(len(bins) - 1, np.int32), np.zeros(len(bins) - 1, np.int32)
        code, good = 0, 0
        for at in range(first, last):
            good = good + 1 if data[at] < 4 else 0
            code = ((code << 2) | (data[at] & 3)) & mask
            if good < k or starts[code + 1] - starts[code] > common:
                continue
            behind = at - first - k + 1
            for hit in range(starts[code], starts[code + 1]):
                gene = genes[hit]
                cell = gene * width + (places[hit] - behind + (last - first)) // NEIGHBOURHOOD
                seen[cell] += 1
                together = np.int32(seen[cell]) + max(seen[cell - 1] if cell else 0, seen[min(cell + 1, len(seen) - 1)])
                if together > best[gene]:
                    best[gene], where[gene] = together, places[hit] - behind
        order = np.argsort(-best, kind="mergesort")[:count]
        for c in range(len(order)):
            if best[order[c]] > 0:
                rows[q, c], begins[q, c] = order[c], max(0, where[order[c]])


@dataclass
class Seeds:
    """k-mers of all genes by their codes, with where they are."""

    k: int
    common: int
    starts: np.ndarray
    genes: np.ndarray
    places: np.ndarray
    width: int
    total: int

    @classmethod
    def of(cls, genes: Sequences, k: int, common: int, length: int) -> Seeds:
        starts, none = np.zeros(4**k + 1, np.int64), np.zeros(0, np.int32)
        data, offsets = np.asarray(genes.data), np.asarray(genes.offsets)
        _list_seeds(data, offsets, k, starts, none, none)
        starts = np.cumsum(starts)
        owners, places = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int32)
        _list_seeds(data, offsets, k, starts[:-1].copy(), owners, places)
        width = (int(genes.lengths.max()) + 2 * length) // NEIGHBOURHOOD + 2
        return cls(k, common, starts, owners, places, width, len(genes))

    def rank(self, queries: Queries, before: None, keep: Keep) -> Ranked:
        """As `Stage.rank`."""
        reads = queries.sequences
        shape = (len(reads), keep.count)
        rows, begins = np.full(shape, -1, np.int64), np.zeros(shape, np.int64)
        asked = np.asarray(reads.data), np.asarray(reads.offsets)
        own = (self.starts, self.genes, self.places, self.width, np.zeros(self.total + 1, np.uint8))
        _count_seeds(*asked, self.k, self.common, *own, rows, begins)
        scores = np.where(rows >= 0, np.arange(keep.count), np.inf)
        return Ranked(rows, scores, parts=Parts(begins, begins, NEIGHBOURHOOD // 4))


# -- what is measured --------------------------------------------------------------------------------------------------


@dataclass
class Given:
    """Genes, reads, their distances (Q, n), and windows, whose relatives all rivals share."""

    genes: Sequences
    reads: Sequences
    near: np.ndarray
    windows: Sequences
    settings: WindowSettings
    walk: Walk
    unlearned: Model


def given_of(options: argparse.Namespace) -> Given:
    """The task."""
    from fragments import ERRORS, reads_of

    whole = greengenes_full()
    rng = np.random.default_rng(options.seed)
    genes = whole[np.sort(rng.choice(len(whole), min(options.rival_genes, len(whole)), replace=False))]
    reads = reads_of(genes, options.reads, LENGTH, ERRORS, options.seed + 1)
    cut = Cut(LENGTH, STRIDE)
    count = int(cut.counts(genes.lengths).sum())
    settings = WindowSettings(LENGTH, STRIDE, "ivf", parameters_for("ivf", count, {"bits": 1}), 0, RELATED)
    some = np.sort(rng.choice(len(genes), min(LEARNED, len(genes)), replace=False))
    unlearned = window_model(cut.windows_of(genes[some]), 0)
    related = WindowIndex.empty(settings, unlearned, genes.lengths)
    related.relate(np.arange(len(genes)), genes.__getitem__)
    near = InfixDistance().matrix(reads, genes)
    return Given(genes, reads, near, cut.windows_of(genes), settings, Walk(related.relatives), unlearned)


def listed(given: Given, model: Model, points: np.ndarray) -> WindowIndex:
    """Points in compressed lists of one bit a dimension, as in an index by default."""
    made = WindowIndex.empty(given.settings, model, given.genes.lengths)
    wanted = np.random.default_rng(0).permutation(len(points))[: made.index.training_rows]
    made.index.train(points[np.sort(wanted)])
    made.index.add(np.arange(len(points)), points)
    return made


def rivals(given: Given, options: argparse.Namespace) -> Iterator[tuple[str, float, object, tuple[int | None, ...]]]:
    """Their names, seconds of processor time to make them, stages, and the efforts that they are tried with."""
    wanted = options.rivals or ""

    def lists_of(made: WindowIndex) -> tuple[int, ...]:
        """The fewest that a calibration tries, and four times as many."""
        fewest = made.index.efforts(CANDIDATES[0])[0]
        return fewest, 4 * fewest

    for told in ("unlearned", "learned"):
        if not (told.startswith(wanted) or wanted.startswith(told)):
            continue
        before = time.process_time()
        model = given.unlearned
        if told == "learned":
            from fragments_learned import learned_model

            model = learned_model(given.genes, given.unlearned, given.walk, options.seed + 2)
        points = model.embed(given.windows)
        embedded = time.process_time() - before
        for name in ("lists", "scan"):
            before = time.process_time()
            if name == "lists":
                made = listed(given, model, points)
                yield f"{told} points, {name}", embedded + time.process_time() - before, made, lists_of(made)
            else:
                made = WindowIndex(given.settings, model, given.genes.lengths, Scanned(points))
                yield f"{told} points, float32, {name}", embedded, made, (None,)
        for bits, several in HASHES.items():
            for flips in several if f"{told} hashes".startswith(wanted) else ():
                before = time.process_time()
                made = WindowIndex(given.settings, model, given.genes.lengths, Hashed(points, bits, flips, 0))
                how = "scan" if flips is None else f"tables, flips {flips}"
                yield f"{told} hashes, {bits} bits, {how}", embedded + time.process_time() - before, made, (None,)
    if not "seeds".startswith(wanted):
        return
    everything = len(given.genes) + 1
    for k, common in ((8, everything), (10, everything), (10, 1000), (12, everything), (12, 1000), (14, everything)):
        before = time.process_time()
        made = Seeds.of(given.genes, k, common, LENGTH)
        told = f"seeds of {k}" + (f", at most {common:,} places" if common < everything else "")
        yield told, time.process_time() - before, made, (None,)


def measure(options: argparse.Namespace, rows: list[dict[str, object]]) -> None:
    """A row for each rival, effort and number of candidates."""
    from fragments import K

    started = time.process_time()
    given = given_of(options)
    farthest = np.sort(given.near, axis=1)[:, K - 1 : K]
    good = given.near <= farthest
    exact = Exact(InfixDistance(), packed(given.genes), np.ones(len(given.genes), np.bool_))
    asked = given.reads[:8]
    about = {"part": "rivals", "genes": len(given.genes), "reads": len(given.reads), "windows": len(given.windows)}

    def told(**facts: object) -> None:
        rows.append({**about, **facts})
        print(rows[-1], flush=True)

    def share(found: np.ndarray) -> float:
        there = np.take_along_axis(good, np.maximum(found, 0), axis=1) & (found >= 0)
        return float(np.minimum(there.sum(axis=1), K).mean()) / K

    for name, made_s, made, efforts in rivals(given, options):
        stage = ProposeParts(made) if isinstance(made, WindowIndex) else made
        for effort in efforts:
            for count in CANDIDATES:
                keep = Keep(count, Budget(count, lists=effort))
                first = with_walk(stage.rank(Queries(asked), None, keep), given)
                exact.rank(Queries(asked), first, Keep(K, keep.budget))  # compiled
                before = time.process_time()
                found = stage.rank(Queries(given.reads), None, keep)
                spent = time.process_time() - before
                best = exact.rank(Queries(given.reads), with_walk(found, given), Keep(K, keep.budget))
                everything = time.process_time() - before
                told(
                    rival=name,
                    **({} if effort is None else {"lists": effort}),
                    candidates=count,
                    genes_met=round(float((found.rows >= 0).sum(axis=1).mean()), 1),
                    recall=round(share(found.rows), 4),
                    walked=round(share(best.rows), 4),
                    us=round(1e6 * spent / len(given.reads)),
                    all_us=round(1e6 * everything / len(given.reads)),
                    cpu_s=round(made_s, 1),
                )
        del made, stage
    told(all_cpu_s=round(time.process_time() - started, 1))


def with_walk(found: Ranked, given: Given) -> Ranked:
    """What a rival proposes, where its best may lead on."""
    assert found.parts is not None
    parts = Parts(found.parts.first, found.parts.last, found.parts.reach, given.walk)
    return Ranked(found.rows, found.scores, parts=parts)
