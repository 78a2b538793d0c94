"""The infix form of dynamic time warping as a `Distance`: a short series in a long one, whose ends are free."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrays import JSON, AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences
from ..sequences.strings import offsets_of
from . import dtw_infix_kernels as parts
from . import dtw_infix_lanes as lanes
from . import dtw_infix_sections as sections
from . import dtw_window_kernels as windows
from .arguments import Columns, allowed_rows, pair_arguments
from .dtw import DTWDistance
from .dtw_infix_search import (
    Answers,
    pairs_kernel,
    part_bounds_kernel,
    search_kernel,
    section_bounds_kernel,
    section_search_kernel,
    sections_kernel,
    window_bounds_kernel,
)
from .dtw_kernels import Form
from .dtw_paths import path_of
from .neighbours import Neighbours, Pruning
from .series import LOCALS, SeriesDistance

_BOUNDS_A_STEP = 8 << 20  # held in memory at once, 8 bytes each
_QUERIES_A_STEP = 64
_ROUNDING = 1e-12  # what is just within a radius is not lost to the rounding of its square
_FRAMES_A_BLOCK = 48  # frames of a query for each frame of the blocks that its bounds are made of
_LONG, _LEAST_WIDTH = 16, 2  # frames of a query from which blocks are made, of so many frames at least
_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_BOUND = "bounds of parts"


class InfixDTW(SeriesDistance):
    """The least DTW distance between a query and any part of a target (subsequence DTW; the UCR suite's in a band).

    For a beat in a recording: what the target has before and after costs nothing. It is not symmetric - the query comes
    first. `spans` says which part that is: of several the one that ends first, and of those the shortest.

    `local`, `root`: as in `DTWDistance`. `window`: None compares with parts of every length; a share from 0 to 1 with
    those that are as long as the query, in a Sakoe-Chiba band of int(window * length) steps (0: frame by frame, 1: no
    band), and with all of a target that is shorter. `standardise`: each feature of the query, and of every part by
    itself, is brought to mean 0 and deviation 1, which needs a window. Raises ParameterError.
    """

    name = "dtw-infix"
    symmetric = False
    partial = True

    def __init__(
        self, *, local: str = "squared", window: float | None = None, root: bool = False, standardise: bool = False
    ) -> None:
        super().__init__(local, standardise)
        if window is not None and not 0 <= window <= 1:
            raise ParameterError(f"window must be a share from 0 to 1 of the query, not {window}")
        if standardise and window is None:
            raise ParameterError(
                "standardise needs a window, such as 0.1 (1 is no band): parts of all lengths have no scale in common"
            )
        self.window, self.root = window, root
        # Parts are standardised by themselves, once they are compared; frames of no scale have no length before.
        self.stored = DTWDistance(local="squared" if standardise else local)
        self.form = Form(LOCALS[local], -1.0 if window is None else float(window), 0.0)

    def parameters(self) -> JSON:
        return {name: getattr(self, name) for name in ("local", "window", "root", "standardise")}

    @property
    def power(self) -> float:
        return 2.0 if self.local != "absolute" and not self.root else 1.0

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        return self.of_sums(self._compared(a, a_rows, b, b_rows, cutoffs)[0])

    def spans(self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray) -> tuple[IntArray, IntArray]:
        """(m,) where the nearest part of b[b_rows[i]] begins and ends, as a slice."""
        _, begins, ends = self._compared(a, a_rows, b, b_rows, None)
        return begins, ends

    def path(self, a: AnyArray, b: AnyArray) -> IntArray:
        """(P, 2) pairs of steps on a best path of a query and a target, (T,) or (T, F) arrays. Raises SeriesError."""
        query, target, zero = Sequences.from_arrays([a]), Sequences.from_arrays([b]), np.zeros(1, np.int64)
        (begin,), (end,) = self.spans(query, zero, target, zero)
        part = Sequences.from_arrays([target[0].data[begin:end]], layout="ntf")
        found = path_of(self.prepared(query).data, self.prepared(part).data, self.form)
        found[:, 1] += begin
        return found

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> InfixDTWNeighbours:
        self.require(targets)
        return InfixDTWNeighbours(self, targets, allowed)

    def _compared(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None
    ) -> tuple[DoubleArray, IntArray, IntArray]:
        """(m,) sums of costs, begins and ends of the nearest parts."""
        self.require(a, b)
        first, second, limits = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        x, x_rows = self.prepared_rows(a, first)
        y, y_rows = self.stored.prepared_rows(b, second)
        turned = turned_of(y, self._block_for(x))
        found = np.empty(len(first)), np.empty(len(first), np.int64), np.empty(len(first), np.int64)
        pairs_kernel(x, x_rows, y, y_rows, turned, self.form, self.standardise, self.sums_of(limits), *found)
        return found

    def _block_for(self, queries: Columns) -> int:
        lengths = np.diff(queries.offsets)
        return block_for(int(lengths.max(initial=1))) if self.window is None else 0

    def of_sums(self, sums: DoubleArray) -> DoubleArray:
        """Distances of sums of costs."""
        return np.sqrt(sums) if self.root else sums

    def sums_of(self, distances: DoubleArray) -> DoubleArray:
        """Sums of costs that are within such distances."""
        if not self.root:
            return distances
        return np.where(distances < 0, -1.0, np.square(distances) * (1.0 + _ROUNDING))


class InfixDTWNeighbours:
    """Series made ready for lossless search for their parts: `search` may be called many times."""

    def __init__(self, distance: InfixDTW, targets: Sequences, allowed: BoolArray | None = None) -> None:
        self.distance, self.targets = distance, targets
        self._chosen = allowed_rows(allowed, len(targets))
        self._prepared = distance.stored.prepared(targets)
        self._turned: dict[int, parts.Turned] = {}

    def search(
        self, queries: Sequences, k: int, *, within: DoubleArray | None = None, progress: Progress = SILENT
    ) -> tuple[Neighbours, Pruning]:
        """The k nearest targets of each query, and what the bounds ruled out; see `Searcher`."""
        distance = self.distance
        distance.require(queries, self.targets)
        found = Neighbours.none(len(queries), k)
        tally = np.zeros((len(queries), 3), np.int64)
        radii = np.full(len(queries), np.inf) if within is None else np.asarray(within, np.float64)
        limits = distance.sums_of(radii) * (1.0 + _ROUNDING)
        with progress.task("exact neighbours", len(queries)) as task:
            for some in self._steps(queries.lengths):
                asked = distance.prepared(queries[some])
                rows, distances, counts = found.rows[some], found.distances[some], tally[some]
                self._search(asked, Answers(rows, distances, limits[some], counts))
                found.rows[some], found.distances[some], tally[some] = rows, distances, counts
                task.advance(len(some))
        ruled_out, _, entered = tally.sum(axis=0).tolist()
        pruning = Pruning(len(queries) * len(self._chosen), entered, {_BOUND: ruled_out})
        return Neighbours(found.rows, distance.of_sums(found.distances)).within(within), pruning

    def _steps(self, lengths: IntArray) -> Iterator[IntArray]:
        """Queries of one length, a few at a time: what bounds need of a target is made for all of them at once."""
        order = np.argsort(lengths, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1) if len(order) else ():
            step = max(1, min(_QUERIES_A_STEP, _BOUNDS_A_STEP // max(self._bounds(int(lengths[same[0]])), 1)))
            for first in range(0, len(same), step):
                yield same[first : first + step]

    def _starts(self, m: int) -> IntArray:
        """(n + 1,) where the bounds of the blocks of each target begin, for queries of m steps."""
        lengths = np.diff(self._prepared.offsets)
        if self.distance.window is None:
            return offsets_of(np.where(self._has_sections(m), 0, -(-lengths // block_for(m))))
        return offsets_of(-(-np.maximum(1, lengths - m + 1) // windows.BLOCK))

    def _has_sections(self, m: int) -> BoolArray:
        """(n,) which targets are bounded by a section of a query of m steps: `dtw_infix_sections.are_worthwhile`."""
        distance, lengths = self.distance, np.diff(self._prepared.offsets)
        if distance.window is not None or not sections.may_be(self._prepared.data.shape[1], m, distance.form.local):
            return np.zeros(len(lengths), np.bool_)
        block = block_for(m)
        return np.asarray(-(-lengths // block) >= lanes.LANES * lanes.before_of(m, block))

    def _bounds(self, m: int) -> int:
        """How many bounds of targets a query of m steps has in memory."""
        starts, long = self._starts(m), self._has_sections(m)
        return int(starts[-1]) + (int(self._turned_by(block_for(m)).tiles[-1]) * lanes.LANES if long.any() else 0)

    def _search(self, asked: Columns, answers: Answers) -> None:
        distance = self.distance
        form = distance.form, distance.standardise
        queries, m = len(asked.offsets) - 1, int(asked.offsets[1])
        turned, starts = self._turned_by(0 if distance.window is not None else block_for(m)), self._starts(m)
        long = self._has_sections(m)[self._chosen]
        rows, long_rows = self._chosen[~long], self._chosen[long]
        if len(rows):
            least = np.empty((queries, int(starts[-1])))
            if distance.window is None:
                part_bounds_kernel(asked, rows, turned, starts, distance.form.local, least)
            else:
                window_bounds_kernel(asked, self._prepared, self._chunks(m), starts, *form, least)
            search_kernel(asked, self._prepared, turned, rows, starts, *form, least, answers)
        if len(long_rows):
            firsts, tiles = np.empty(queries, np.int64), np.empty((queries, turned.tiles[-1] * lanes.LANES), np.float32)
            sections_kernel(asked, turned, firsts)
            section_bounds_kernel(asked, firsts, long_rows, turned, distance.form.local, tiles)
            section_search_kernel(asked, firsts, turned, long_rows, distance.form.local, tiles, answers)

    def _chunks(self, m: int) -> IntArray:
        """(t, 2) a target, and the first part of each chunk of it."""
        chunk = windows.chunk_of(m)
        lengths = np.diff(self._prepared.offsets)[self._chosen]
        counts = -(-np.maximum(1, lengths - m + 1) // chunk)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.column_stack([np.repeat(self._chosen, counts), within * chunk])

    def _turned_by(self, block: int) -> parts.Turned:
        if block not in self._turned:
            self._turned[block] = turned_of(self._prepared, block)
        return self._turned[block]


def block_for(m: int) -> int:
    """Frames of a block of targets for queries of m: one of a few widths, for what is made of targets is kept."""
    most = max(_LEAST_WIDTH, m // _FRAMES_A_BLOCK) if m >= _LONG else 1
    return max(width for width in _WIDTHS if width <= most)


def turned_of(targets: Columns, block: int) -> parts.Turned:
    """Targets and their blocks; without any for 0, where they are not looked at."""
    if not block:
        nothing, none, single = np.zeros((1, 1)), np.zeros(1, np.int64), np.zeros((1, 1), np.float32)
        return parts.Turned(nothing, none, nothing, nothing, single, single, 1.0, none, 0, none, single[0], single[0])
    frames = np.ascontiguousarray(targets.data.T)
    starts = offsets_of(-(-np.diff(targets.offsets) // block))
    low, high = np.empty((len(frames), int(starts[-1]))), np.empty((len(frames), int(starts[-1])))
    parts.blocks_kernel(frames, targets.offsets, starts, block, low, high)
    most = max(float(np.abs(low).max(initial=0.0)), float(np.abs(high).max(initial=0.0)))
    scale = 1.0 / most if most > 0 else 1.0
    floor = np.nextafter((low * scale).astype(np.float32), np.float32(-np.inf))
    ceiling = np.nextafter((high * scale).astype(np.float32), np.float32(np.inf))
    tiles = offsets_of(-(-np.diff(starts) // (lanes.LANES * lanes.TILE)) * (len(frames) == 1))
    packed = np.empty((2, int(tiles[-1]) * lanes.TILE * lanes.LANES), np.float32)
    for each, blocks in zip(packed, (floor, ceiling), strict=True):
        sections.pack_kernel(blocks[0], starts, tiles, each)
    return parts.Turned(frames, targets.offsets, low, high, floor, ceiling, scale, starts, block, tiles, *packed)
