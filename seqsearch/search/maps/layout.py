"""From points to the plane: principal components of all, or t-SNE of some with the others placed beside these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from ...ann.exact import ExactIndex
from ...arrays import JSON, DoubleArray, FloatArray, IntArray
from ...errors import CorruptIndexError
from ...extras import SKLEARN, imported, installed
from ...files import read_tensors, write_tensors
from ...progress import SILENT, Progress
from .points import PART

PCA, TSNE = "pca", "tsne"
MAP_VERSION = 1
_LEARNED = 1 << 16  # rows that the axes are learned from
_DENSE = 512  # dimensions up to which all axes are found at once
_KEPT_AXES = 50  # that t-SNE looks at
_BESIDE = 5  # landmarks that say where another point lies

PointsOf = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Axes:
    """`mean`, (D,), and `directions`, (D, q), of the largest variance, which has these `shares`, (q,), of the whole."""

    mean: DoubleArray
    directions: DoubleArray
    shares: DoubleArray

    @classmethod
    def of(cls, points: FloatArray, count: int) -> Axes:
        """The first `count` principal components of points (n, D); directions of no variance where there are fewer."""
        wide = np.asarray(points, np.float64)
        mean = wide.mean(axis=0) if len(wide) else np.zeros(wide.shape[1])
        spread = (wide - mean).T @ (wide - mean) / max(1, len(wide))
        values, vectors = _largest(spread, min(count, len(spread)))
        total = float(np.trace(spread))
        directions, shares = np.zeros((len(spread), count)), np.zeros(count)
        largest = np.abs(vectors).argmax(axis=0)
        directions[:, : len(values)] = vectors * np.where(vectors[largest, np.arange(len(values))] < 0, -1, 1)
        shares[: len(values)] = np.maximum(values, 0) / total if total > 0 else 0.0
        return cls(mean, directions, shares)

    def project(self, points: FloatArray) -> DoubleArray:
        """(m, q) coordinates of points (m, D)."""
        return np.asarray((np.asarray(points, np.float64) - self.mean) @ self.directions)


def _largest(matrix: DoubleArray, count: int) -> tuple[DoubleArray, DoubleArray]:
    """The `count` largest eigenvalues, (count,) falling, of a symmetric matrix, and their vectors, (D, count)."""
    if len(matrix) <= _DENSE:
        values, vectors = np.linalg.eigh(matrix)
    elif not matrix.any():  # one point: any direction will do
        values, vectors = np.zeros(count), np.eye(len(matrix), count)
    elif installed("scipy"):
        found = imported("scipy.sparse.linalg", SKLEARN).eigsh
        values, vectors = found(matrix, count, v0=np.random.default_rng(0).standard_normal(len(matrix)))
    else:
        values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-values, kind="stable")[:count]
    return values[order], vectors[:, order]


@dataclass(frozen=True, eq=False)
class Map:
    """Where every stored sequence lies in the plane.

    `rows`: (n,) of the index; `places`: (n, 2) float32 of them; `method`: "pca" or "tsne"; `axes`: principal axes of
    the points, of which a map by PCA shows two; `landmarks`: (m,) rows and (m, 2) places by which others are placed,
    with their coordinates (m, q), none for PCA; `seed` of every draw; `generation` of the numbers of rows.
    """

    method: str
    rows: IntArray
    places: FloatArray
    axes: Axes
    landmarks: tuple[IntArray, FloatArray, DoubleArray]
    seed: int
    generation: int

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Map({self.method!r}, n={len(self)})"

    @property
    def told(self) -> str:
        """How it was made, in words."""
        if self.method == PCA:
            share = float(self.axes.shares[:2].sum())
            return f"Principal components of the embeddings, {share:.0%} of the variance."
        return f"t-SNE of {len(self.landmarks[0]):,} embeddings, beside which the others are placed."

    def place(self, points: FloatArray) -> FloatArray:
        """(m, 2) where points (m, D) lie: on the axes, or between the landmarks nearest to them."""
        coordinates = self.axes.project(points)
        if self.method == PCA:
            return coordinates[:, :2].astype(np.float32)
        return beside(coordinates, self.landmarks[2], self.landmarks[1])

    def restricted(self, live: IntArray) -> Map:
        """Without rows that are not among the ascending `live` ones."""
        kept = np.isin(self.rows, live, assume_unique=True)
        return self if kept.all() else replace(self, rows=self.rows[kept], places=self.places[kept])

    def extended(self, rows: IntArray, places: FloatArray) -> Map:
        """With further rows, (m,), at places (m, 2)."""
        return replace(self, rows=np.concatenate([self.rows, rows]), places=np.concatenate([self.places, places]))

    def sampled(self, count: int) -> Map:
        """At most `count` of its points, drawn by its seed."""
        if len(self) <= count:
            return self
        kept = np.sort(np.random.default_rng([self.seed, 9]).choice(len(self), count, replace=False))
        return replace(self, rows=self.rows[kept], places=self.places[kept])

    def to_bytes(self) -> bytes:
        """As safetensors, with the rest as JSON in its metadata."""
        arrays = {"rows": self.rows, "places": self.places, **asdict(self.axes)}
        arrays |= dict(zip(("landmark_rows", "landmark_places", "landmark_points"), self.landmarks, strict=True))
        rest = {"version": MAP_VERSION, "method": self.method, "seed": self.seed, "generation": self.generation}
        return write_tensors(arrays, rest)

    @classmethod
    def from_bytes(cls, content: bytes) -> Map | None:
        """The inverse; None for another version. Raises CorruptIndexError."""
        rest, arrays = read_tensors(content, error=_unreadable)
        if rest.get("version") != MAP_VERSION:
            return None
        try:
            axes = Axes(*(arrays[name] for name in ("mean", "directions", "shares")))
            landmarks = arrays["landmark_rows"], arrays["landmark_places"], arrays["landmark_points"]
            facts: JSON = {name: rest[name] for name in ("method", "seed", "generation")}
            return cls(rows=arrays["rows"], places=arrays["places"], axes=axes, landmarks=landmarks, **facts)
        except KeyError as error:
            raise _unreadable(f"{error} is missing") from None


def _unreadable(reason: str) -> CorruptIndexError:
    return CorruptIndexError(f"a map cannot be read: {reason}")


def laid_out(
    rows: IntArray,
    points: PointsOf,
    method: str,
    *,
    sample: int,
    perplexity: float,
    seed: int,
    generation: int,
    progress: Progress = SILENT,
) -> Map:
    """The map of `rows`, whose `points` are asked for part by part.

    t-SNE (van der Maaten and Hinton, J. Mach. Learn. Res. 9, 2008) is of `sample` rows drawn by `seed`; every other
    point goes to where its nearest landmarks are, by the inverse square of their distances. Raises MissingExtraError
    where t-SNE is asked for and scikit-learn is not installed.
    """
    rng = np.random.default_rng([seed, 8])
    learned = rows if len(rows) <= _LEARNED else np.sort(rng.choice(rows, _LEARNED, replace=False))
    read = np.concatenate([points(part) for part in _parts(learned)]) if len(rows) else np.zeros((0, 2), np.float32)
    axes = Axes.of(read, 2 if method == PCA else min(_KEPT_AXES, max(2, read.shape[1])))
    nothing = np.zeros(0, np.int64), np.zeros((0, 2), np.float32), np.zeros((0, axes.directions.shape[1]))
    empty = Map(method, rows, np.zeros((len(rows), 2), np.float32), axes, nothing, seed, generation)
    if method == TSNE and len(rows):
        chosen = rows if len(rows) <= sample else np.sort(rng.choice(rows, sample, replace=False))
        coordinates = np.concatenate([axes.project(points(part)) for part in _parts(chosen)])
        with progress.task(f"t-SNE of {len(chosen):,}"):
            empty = replace(empty, landmarks=(chosen, _neighbourly(coordinates, perplexity, seed), coordinates))
    with progress.task("placing", len(rows)) as task:
        for start in range(0, len(rows), PART):
            part = rows[start : start + PART]
            empty.places[start : start + PART] = empty.place(points(part))
            task.advance(len(part))
    return empty


def _parts(rows: IntArray) -> Iterator[IntArray]:
    return (rows[start : start + PART] for start in range(0, len(rows), PART))


def _neighbourly(coordinates: DoubleArray, perplexity: float, seed: int) -> FloatArray:
    """(m, 2) t-SNE of coordinates (m, q), from their first two; on one thread, so that one seed gives one map."""
    manifold = imported("sklearn.manifold", SKLEARN)
    threads = imported("threadpoolctl", SKLEARN)
    if len(coordinates) < 4:
        return coordinates[:, :2].astype(np.float32)
    scale = max(float(coordinates[:, 0].std()), 1e-12)
    start = np.ascontiguousarray(coordinates[:, :2] / scale * 1e-4, np.float32)
    with threads.threadpool_limits(1):
        found: FloatArray = manifold.TSNE(
            perplexity=min(perplexity, (len(coordinates) - 1) / 3), init=start, random_state=seed, n_jobs=1
        ).fit_transform(coordinates.astype(np.float32))
    return found


def beside(coordinates: DoubleArray, landmarks: DoubleArray, places: FloatArray) -> FloatArray:
    """(m, 2) mean places of the nearest landmarks of coordinates (m, q), the nearer the heavier; a point that is a
    landmark lies where that one does."""
    flat = ExactIndex(geometry="squared", dim=landmarks.shape[1])
    flat.add(np.arange(len(landmarks)), np.ascontiguousarray(landmarks, np.float32))
    found = flat.search(np.ascontiguousarray(coordinates, np.float32), min(_BESIDE, len(landmarks)))
    nearest, squared = found.rows, found.distances.astype(np.float64)
    weights = 1 / np.maximum(squared, 1e-9 * np.maximum(squared[:, -1:], 1e-12))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray((weights[:, :, None] * places[nearest]).sum(axis=1), np.float32)
