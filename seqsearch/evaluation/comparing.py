"""Encoders and kinds of index beside each other on one's own data: what `seqsearch bench` measures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .. import extras
from ..ann import CANDIDATE_INDEXES, make_index
from ..distances import Neighbours
from ..encoders.families import family_named
from ..encoders.model import Model, unlearned_model
from ..errors import MismatchError, ParameterError, SeqsearchError
from ..files import unfinished
from ..learning.deadline import NEVER, Deadline
from ..learning.plan import TrainingPlan
from ..progress import SILENT, Progress
from ..search import SequenceIndex, SweepRow
from ..search.options import BuildOptions
from ..sequences import Sequences
from .sweep import Sweep

ENCODERS = {"tokens": ("projection", "linear", "kmer"), "series": ("projection", "linear", "curve")}
KINDS = ("hnsw", "exact", "hamming")
LEAST_QUERIES, MOST_QUERIES = 20, 1000
LOSSLESS = "no index (--exact)"
_ENOUGH = 0.9995  # recall above which a larger budget tells nothing
_PROBED = 1000  # sequences of which a graph is built to tell how long the whole would take
_TOO_LATE = "not measured: the time is over"
_PATIENCE = 5  # times the seconds of a cell that its graph may take


@dataclass(frozen=True)
class Comparison:
    """What is compared: each of `encoders` (empty: `ENCODERS` of the kind of input) with each kind of index of `kinds`.

    `bits`: of the codes of hamming; `k` neighbours; `recall`: aimed at; `seconds`: at most for training an encoder,
    for the sweep of a cell and for the exact truth; `max_time`: seconds for everything, a quarter of them for the
    truth, the rest in equal shares; `effort` of training; `seed` of every random draw. Raises
    ParameterError.
    """

    encoders: tuple[str, ...] = ()
    kinds: tuple[str, ...] = KINDS
    bits: int = 128
    k: int = 10
    recall: float = 0.99
    seconds: float = 60.0
    max_time: float | None = None
    effort: str = "low"
    distance: str = "edit"
    distance_parameters: dict[str, object] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ParameterError(f"k must be at least 1, not {self.k}")
        if not self.seconds > 0:
            raise ParameterError(f"seconds must be above 0, not {self.seconds}")
        if self.max_time is not None and not self.max_time > 0:
            raise ParameterError(f"max_time must be above 0 seconds, not {self.max_time}")
        if "auto" in self.kinds or not self.kinds:
            raise ParameterError(f"the kinds to compare are some of {', '.join(KINDS)}")
        for encoder in self.encoders or ("auto",):
            for kind in self.kinds:
                self.options(encoder, kind).exact_distance()

    def options(self, encoder: str, kind: str) -> BuildOptions:
        """What a build of that cell is told."""
        return BuildOptions(
            distance=self.distance,
            distance_parameters=self.distance_parameters,
            encoder=encoder,
            index=kind,
            bits=self.bits if kind in CANDIDATE_INDEXES and CANDIDATE_INDEXES[kind].needs_bits else None,
            recall=self.recall,
            seed=self.seed,
            effort=self.effort,
        )


@dataclass(frozen=True)
class Cell:
    """One encoder with one kind of index, measured, or why it `failed`.

    `train_s`, `build_s`: seconds of training, and of building with the trained encoder; `bytes` on disk.
    """

    encoder: str
    kind: str
    bits: int | None = None
    sweep: Sweep = field(default_factory=Sweep)
    train_s: float | None = None
    build_s: float | None = None
    bytes: int | None = None
    failed: str = ""

    @property
    def name(self) -> str:
        return f"{self.encoder}, {self.kind}" + ("" if self.bits is None else f" {self.bits} bits")

    def rows(self) -> list[dict[str, object]]:
        """One row a budget."""
        about: dict[str, object] = {"series": self.name, "encoder": self.encoder, "index": self.kind, "bits": self.bits}
        costs = {"train_s": self.train_s, "build_s": self.build_s, "bytes": self.bytes}
        if self.failed:
            return [about | {"failed": self.failed}]
        return [about | row | costs for row in self.sweep.as_rows()]


@dataclass(frozen=True)
class Compared:
    """All cells, and the speed of comparing with everything; `size` sequences were stored, `queries` asked."""

    asked: Comparison
    cells: list[Cell]
    size: int
    queries: int
    exact_qps: float

    def rows(self) -> list[dict[str, object]]:
        """One row a measured budget, the lossless search last."""
        shares = dict.fromkeys(("recall", "candidate_recall"), 1.0)
        lossless: dict[str, object] = {"series": LOSSLESS, "index": "none", **shares, "qps": self.exact_qps}
        return [row for cell in self.cells for row in cell.rows()] + [lossless]

    def best(self) -> tuple[Cell, SweepRow] | None:
        """The cell that is fastest at the recall aimed at, and the budget; None when none reaches it."""
        reaching = [(cell, row) for cell in self.cells if (row := cell.sweep.cheapest(self.asked.recall)) is not None]
        return max(reaching, key=lambda pair: pair[1].qps, default=None)

    def summary(self) -> list[dict[str, str]]:
        """One line a cell at the recall aimed at, or at the best it reached; as people read it."""
        best = self.best()
        lines = [_line(cell, self.asked.recall, best is not None and cell is best[0]) for cell in self.cells]
        lossless = dict.fromkeys(lines[0] if lines else (), "")
        return [*lines, lossless | {"encoder": LOSSLESS, "recall": "1", "queries/s": f"{self.exact_qps:,.0f}"}]


def _line(cell: Cell, recall: float, is_best: bool) -> dict[str, str]:
    row = cell.sweep.cheapest(recall)
    missed = row is None
    row = row if row is not None else max(cell.sweep, key=lambda r: r.recall, default=None)
    note = cell.failed or ("the fastest" if is_best else "does not reach it" if missed else "")
    return {
        "encoder": cell.encoder,
        "index": cell.kind + ("" if cell.bits is None else f" {cell.bits}"),
        "candidates": "" if row is None else f"{row.candidates:,}",
        "recall": "" if row is None else f"{row.recall:.4f}",
        "queries/s": "" if row is None else f"{row.qps:,.0f}",
        "p50 ms": "" if row is None else f"{row.p50_ms:.2f}",
        "training s": "" if cell.train_s is None else f"{cell.train_s:.0f}",
        "build s": "" if cell.build_s is None else f"{cell.build_s:.0f}",
        "MB": "" if cell.bytes is None else f"{cell.bytes / 1e6:,.0f}",
        "": note,
    }


def held_out_queries(sequences: Sequences, seed: int) -> tuple[Sequences, Sequences]:
    """(the others, random members to be asked): a twentieth, at least 20 and at most 1,000. Raises ParameterError."""
    count = min(MOST_QUERIES, max(LEAST_QUERIES, len(sequences) // 20))
    if len(sequences) < 3 * count:
        raise ParameterError(f"{len(sequences)} sequences are too few to keep {count} as queries: give some")
    order = np.random.default_rng(seed).permutation(len(sequences))
    return sequences[np.sort(order[count:])], sequences[np.sort(order[:count])]


def compare(references: Sequences, queries: Sequences, asked: Comparison, progress: Progress = SILENT) -> Compared:
    """Train every encoder once, build every cell in a temporary folder, and sweep its budgets.

    A cell that cannot be built says why. Raises MismatchError when the queries are of another kind, ParameterError for
    an unknown encoder or more neighbours than there are sequences.
    """
    references.require_same_kind(queries)
    if asked.k > len(references):
        raise ParameterError(f"{asked.k} neighbours of {len(references)} sequences cannot be found")
    deadline = Deadline(asked.max_time)
    encoders = asked.encoders or ENCODERS[references.kind]
    families = list(dict.fromkeys(family_named(encoder, references.kind).name for encoder in encoders))
    short = asked if asked.max_time is None else replace(asked, seconds=min(asked.seconds, asked.max_time / 4))
    some, truth, exact_qps = exact_truth(references, queries, short, progress)
    cells: list[Cell] = []
    for done, family in enumerate(families):
        if deadline.is_over:
            cells += [Cell(family, kind, failed=_TOO_LATE) for kind in asked.kinds]
            continue
        if asked.max_time is not None:  # an encoder's share: as long for training as for each of its cells
            share = deadline.left / (len(families) - done) / (1 + len(asked.kinds))
            short = replace(asked, seconds=min(asked.seconds, share))
        cells += _cells_of(family, references, some, truth, short, progress, deadline)
    return Compared(asked, cells, len(references), len(some), exact_qps)


def exact_truth(
    references: Sequences, queries: Sequences, asked: Comparison, progress: Progress
) -> tuple[Sequences, Neighbours, float]:
    """As many of the queries as the time allows, their exact neighbours, and exact searches a second."""
    distance = asked.options("auto", asked.kinds[0]).exact_distance()
    if references.kind != distance.kind:
        raise MismatchError(f"the {distance.name} distance compares {distance.kind}, the data are {references.kind}")
    probe = queries[: min(LEAST_QUERIES, len(queries))]
    distance.exact(probe[:1], references[: min(asked.k, len(references))], 1)  # compiles
    start = time.perf_counter()
    distance.exact(probe, references, asked.k)
    each = (time.perf_counter() - start) / len(probe)
    some = queries[: max(len(probe), int(asked.seconds / each))]
    start = time.perf_counter()
    truth = distance.exact(some, references, asked.k, progress=progress)
    return some, truth, len(some) / (time.perf_counter() - start)


def _cells_of(
    family: str,
    references: Sequences,
    queries: Sequences,
    truth: Neighbours,
    asked: Comparison,
    progress: Progress,
    deadline: Deadline = NEVER,
) -> Iterator[Cell]:
    """The cells of one encoder, which is trained once."""
    start = time.perf_counter()
    try:
        model = _trained(family, references, asked, progress)
    except SeqsearchError as error:
        yield from (Cell(family, kind, failed=str(error)) for kind in asked.kinds)
        return
    train_s = time.perf_counter() - start
    for kind in asked.kinds:
        options = asked.options(family, kind)
        cell = Cell(family, kind, options.bits, train_s=train_s)
        if deadline.is_over:
            yield replace(cell, failed=_TOO_LATE)
            continue
        progress.note(f"{cell.name} ...")
        try:
            yield _measured(cell, options, model, references, queries, truth, asked, progress)
        except SeqsearchError as error:
            yield replace(cell, failed=str(error))


def _trained(family: str, references: Sequences, asked: Comparison, progress: Progress) -> Model:
    """The encoder, trained within its time where it has something to learn."""
    plan = replace(TrainingPlan.of_effort(asked.effort), seconds=asked.seconds)
    rows = np.random.default_rng(asked.seed).permutation(len(references))[: plan.sequences]
    sample = references[np.sort(rows)]
    if not family_named(family, references.kind).trained:
        return unlearned_model(sample, family=family)
    extras.require("torch", f"training encoder {family!r}")
    from ..learning.trainer import train

    distance = asked.options(family, asked.kinds[0]).exact_distance()
    return train(sample, distance, encoder=family, plan=plan, seed=asked.seed, progress=progress)[0]


def _require_time(model: Model, kind: str, references: Sequences, asked: Comparison) -> None:
    """Raise ParameterError when a graph of these points would take far longer to build than a cell is given.

    Told from a graph of the first thousand; the work grows as n log n. Thousands of dimensions, such as k-mer counts of
    a large alphabet have, take hours.
    """
    if not CANDIDATE_INDEXES[kind].takes_effort or len(references) <= 2 * _PROBED:
        return
    graph = make_index(kind, geometry=model.geometry, dim=model.dim)
    points = model.embed(references[:_PROBED])
    start = time.perf_counter()
    graph.add(np.arange(_PROBED), points)
    each = (time.perf_counter() - start) / (_PROBED * np.log(_PROBED))
    seconds = each * len(references) * np.log(len(references))
    if seconds > _PATIENCE * asked.seconds:
        raise ParameterError(f"a graph of {model.dim:,} dimensions would take about {seconds:,.0f} s to build")


def _measured(
    cell: Cell,
    options: BuildOptions,
    model: Model,
    references: Sequences,
    queries: Sequences,
    truth: Neighbours,
    asked: Comparison,
    progress: Progress,
) -> Cell:
    _require_time(model, cell.kind, references, asked)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="seqsearch-bench-") as folder, unfinished(folder):
        path = Path(folder) / "index.ss"
        index = SequenceIndex.build(path, references, model=model, progress=progress, **vars(options))
        build_s = time.perf_counter() - start
        with index:
            sweep = _swept(index, queries, truth, asked, progress)
            return replace(cell, sweep=sweep, build_s=build_s, bytes=index.info()["bytes"])


def _swept(index: SequenceIndex, queries: Sequences, truth: Neighbours, asked: Comparison, progress: Progress) -> Sweep:
    """Budgets from the cheapest on, until everything is found or the time is over."""
    sweep, end = Sweep(), time.perf_counter() + asked.seconds
    index.search(queries[:1], asked.k, candidates=asked.k)  # loads and compiles
    with progress.task("sweeping budgets") as task:
        for budget in index.budgets():
            if budget.candidates < asked.k:
                continue
            sweep.rows += index.evaluate(queries, asked.k, truth=truth, budgets=[budget])
            task.advance()
            if sweep.rows[-1].recall >= _ENOUGH or time.perf_counter() > end:
                break
    return sweep
