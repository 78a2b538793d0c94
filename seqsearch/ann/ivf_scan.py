"""The lists of an index as faiss scans them. It is handed arrays, and never reads a file; `exchange` writes its own.

Parts of 4 bits lie in blocks of 32 codes, as "Quicker ADC" has them (Andre, Kermarrec and Le Scouarnec, 2019): the
distances from a query to the 16 centroids of a part fit a register, which one instruction looks up for 32 codes. Where
it is not installed, lists are those of `own_lists.py`.
"""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import numba
import numpy as np

from .. import extras, threads
from ..arrays import AnyArray, BoolArray, ByteArray, FloatArray, IntArray
from ..jit import kernel
from . import own_lists
from .ivf_codes import PART_DIMS, Coder
from .own_lists import PER_LIST, ROUNDS, OwnLists

BLOCK = 32
CHUNK = 1 << 26
"""Bytes of lists that are packed at a time."""

FAISS = "faiss"


class Lists:
    """Packed codes by list, searched by squared Euclidean distance. Entries go by their numbers."""

    def __init__(self, coder: Coder, centres: FloatArray) -> None:
        self.coder = coder
        self._faiss = library()
        self._quantizer = self._faiss.IndexFlatL2(coder.dim)
        self._room = max(1, len(centres) + len(centres) // 4)  # lists that are split make more
        self._index = self._made(self._room)
        self._lists = self._faiss.downcast_InvertedLists(self._index.invlists)
        self.route(centres)

    @property
    def room(self) -> int:
        """So many lists can there be before they are all packed anew."""
        return self._room

    def _made(self, room: int) -> Any:
        faiss, coder = self._faiss, self.coder
        if coder.bits is None:
            index = faiss.IndexIVFFlat(self._quantizer, coder.dim, room, faiss.METRIC_L2)
        elif coder.bits == 8:
            kind = faiss.ScalarQuantizer.QT_8bit
            index = faiss.IndexIVFScalarQuantizer(self._quantizer, coder.dim, room, kind, faiss.METRIC_L2, False)
            faiss.copy_array_to_vector(np.ascontiguousarray(coder.books).ravel(), index.sq.trained)
        else:
            index = faiss.IndexIVFPQFastScan(self._quantizer, coder.dim, room, coder.parts, 4, faiss.METRIC_L2, BLOCK)
            index.by_residual = False
            faiss.copy_array_to_vector(np.ascontiguousarray(coder.books).ravel(), index.pq.centroids)
        index.own_fields = False
        index.is_trained = True
        return index

    def route(self, centres: FloatArray) -> None:
        """The centres (L, D) of the lists: at most `room` of them."""
        self._quantizer.reset()
        self._quantizer.add(centres)
        self._count = len(centres)

    def put(self, numbers: IntArray, entries: IntArray, bounds: IntArray, codes: tuple[AnyArray, AnyArray]) -> None:
        """Lists `numbers` (m,) hold, from now on, entries[bounds[i]:bounds[i + 1]], with `codes` of `Entries`."""
        width = 4 * self.coder.words
        at = 0
        while at < len(numbers):
            end = max(at + 1, int(np.searchsorted(bounds, bounds[at] + CHUNK // width, side="right")) - 1)
            self._put(numbers[at:end], entries[bounds[at] : bounds[end]], bounds[at : end + 1] - bounds[at], codes)
            at = end

    def _put(self, numbers: IntArray, entries: IntArray, bounds: IntArray, codes: tuple[AnyArray, AnyArray]) -> None:
        blocked, width = self.coder.bits in PART_DIMS, 4 * self.coder.words
        sizes = np.diff(bounds)
        places = np.concatenate([[0], np.cumsum(-(-sizes // BLOCK) * BLOCK if blocked else sizes)])
        packed = np.zeros((int(places[-1]), width), dtype=np.uint8)
        threads.numba_threads()
        (_pack if blocked else _gather)(entries, bounds, places, *codes, packed)
        faiss, lists = self._faiss, self._lists
        for i, (number, size) in enumerate(zip(numbers.tolist(), sizes.tolist(), strict=True)):
            lists.resize(number, 0)
            if size:
                ids, content = entries[bounds[i] : bounds[i + 1]], packed[places[i] : places[i + 1]]
                lists.add_entries(number, size, faiss.swig_ptr(ids), faiss.swig_ptr(content))

    def counted(self, entries: int) -> None:
        """So many entries are there in all."""
        self._index.ntotal = entries

    def search(
        self, queries: FloatArray, count: int, lists: int, wanted: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """The nearest entries (Q, count) of the nearest `lists` lists, and squared distances; -1 where there are no
        more. `wanted`: a mask over entries."""
        threads.faiss_threads(len(queries))
        self._index.nprobe = min(lists, self._count)
        if wanted is None:
            distances, entries = self._index.search(queries, count)
        else:
            bitmap = np.packbits(wanted, bitorder="little")  # which the selector only points to
            selector = self._faiss.IDSelectorBitmap(bitmap)
            asked = self._faiss.SearchParametersIVF(nprobe=self._index.nprobe, sel=selector)
            distances, entries = self._index.search(queries, count, params=asked)
        distances[entries < 0] = np.inf
        return entries, np.maximum(distances, np.float32(0.0))

    def nearest_lists(self, vectors: FloatArray) -> IntArray:
        """(n, D) -> (n,): the list of the nearest centre to each."""
        threads.faiss_threads()
        return np.ascontiguousarray(self._quantizer.search(vectors, 1)[1][:, 0])


def lists_of(coder: Coder, centres: FloatArray) -> Lists | OwnLists:
    """Empty lists around (L, D) centres, of faiss where it is installed, else our own."""
    return Lists(coder, centres) if extras.installed(FAISS) else OwnLists(coder, centres)


def centres_of(vectors: FloatArray, count: int, seed: int) -> FloatArray:
    """(n, D) -> (count, D): k-means, count <= n."""
    if not extras.installed(FAISS):
        return own_lists.centres_of(vectors, count, seed)
    faiss = library()
    threads.faiss_threads()
    settings = faiss.ClusteringParameters()
    settings.niter, settings.seed = ROUNDS, seed % 2**31
    settings.min_points_per_centroid, settings.max_points_per_centroid = 1, PER_LIST
    clustering = faiss.Clustering(vectors.shape[1], count, settings)
    clustering.train(vectors, faiss.IndexFlatL2(vectors.shape[1]))
    centres: FloatArray = faiss.vector_to_array(clustering.centroids).reshape(count, vectors.shape[1])
    return centres


def library() -> ModuleType:
    """Faiss, without the noise it makes when it is imported. Raises MissingExtraError where it is not installed."""
    with warnings.catch_warnings():  # of the tool that wraps it, under some versions of Python
        warnings.simplefilter("ignore", DeprecationWarning)
        return extras.imported(FAISS, extras.LARGE)


@kernel(inline=True)
def _byte(base: ByteArray, tail: ByteArray, entry: int, at: int) -> np.uint8:
    first = base.shape[0]
    value: np.uint8 = base[entry, at] if entry < first else tail[entry - first, at]
    return value


@kernel(parallel=True)
def _gather(
    entries: IntArray, bounds: IntArray, places: IntArray, base: ByteArray, tail: ByteArray, out: ByteArray
) -> None:
    """Codes one after the other: out[places[i]:] for list i."""
    for i in numba.prange(bounds.shape[0] - 1):
        for j in range(bounds[i + 1] - bounds[i]):
            entry = entries[bounds[i] + j]
            for at in range(out.shape[1]):
                out[places[i] + j, at] = _byte(base, tail, entry, at)


@kernel(parallel=True)
def _pack(
    entries: IntArray, bounds: IntArray, places: IntArray, base: ByteArray, tail: ByteArray, out: ByteArray
) -> None:
    """Codes in blocks of 32. Of a block, the bytes of one pair of parts lie together: 16 with the first part of codes
    0, 8, 1, 9, ... in the low halves and of those 16 behind in the high ones; 16 with the second part."""
    width = out.shape[1]
    for i in numba.prange(bounds.shape[0] - 1):
        flat = out[places[i] : places[i + 1]].reshape(-1)
        for j in range(bounds[i + 1] - bounds[i]):
            entry = entries[bounds[i] + j]
            inside = j & 31
            lane = ((inside & 7) << 1) | ((inside >> 3) & 1)
            shift = np.uint8(4 * (inside >> 4))
            start = (j >> 5) * BLOCK * width + lane
            for at in range(width):
                code = _byte(base, tail, entry, at)
                flat[start + 32 * at] |= np.uint8((code & 15) << shift)
                flat[start + 32 * at + 16] |= np.uint8((code >> 4) << shift)
