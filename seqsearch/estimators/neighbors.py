"""`SequenceNeighbors`: nearest neighbours with the habits of scikit-learn's NearestNeighbors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, Self, overload

import numpy as np
import numpy.typing as npt

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..distances import Distance
from ..encoders.own import Embedding
from ..errors import ParameterError, StrPath
from ..extras import SKLEARN, imported
from ..search import SequenceIndex
from ..search.options import BuildFields
from ..search.wanted import Wanted
from ..sequences import SequencesLike
from .base import IndexEstimator
from .scikit import TransformerMixin

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Lists = npt.NDArray[np.object_]
"""An array of Q arrays of several lengths."""
DISTANCE, CONNECTIVITY = "distance", "connectivity"


class SequenceNeighbors(TransformerMixin, IndexEstimator):
    """Nearest neighbours by exact distance, and their graph as a sparse matrix.

    `n_neighbors`, `radius`: where a call does not say; `mode`: of what `transform` gives, "distance" or "connectivity".
    `exact`: compare with everything, by proof; None does so up to 5,000 sequences and where no `recall` is asked for.
    `recall`: of the budget that searches take otherwise (None: the one the index was built for, 0.99).
    `distance`: one, its name, or "auto" (edit distance of strings, DTW of series); `encoder`: a family, "auto"
    (nothing is learned up to 5,000 sequences), or a callable that makes vectors, as of `SequenceIndex.build`;
    `alphabet`: of strings, by name, None guesses; `path`: where the index goes, None for a folder that goes with the
    estimator; `build`: further fields of `BuildOptions`.

    As in scikit-learn rows are positions in what was fitted, distances are float64 in the units of the distance, and
    without `X` the fitted sequences are asked, none of which is its own neighbour.

    >>> import seqsearch as ss
    >>> names = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause"]
    >>> neighbors = ss.SequenceNeighbors(n_neighbors=1).fit(names)
    >>> neighbors.kneighbors(["ana meyer", "ott schultz"])
    (array([[1.],
           [1.]]), array([[0],
           [3]]))
    >>> neighbors.kneighbors_graph(mode="distance").toarray()[0]
    array([0., 2., 0., 0., 0.])
    """

    n_samples_fit_: int

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        radius: float = 1.0,
        mode: Literal["distance", "connectivity"] = "distance",
        exact: bool | None = None,
        recall: float | None = None,
        distance: str | Distance = "auto",
        encoder: str | Embedding = "auto",
        alphabet: str | None = None,
        path: StrPath | None = None,
        build: BuildFields | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.mode = mode
        self.exact = exact
        self.recall = recall
        self.distance = distance
        self.encoder = encoder
        self.alphabet = alphabet
        self.path = path
        self.build = build
        self.seed = seed
        self.progress = progress

    @classmethod
    def of(cls, index: SequenceIndex, n_neighbors: int = 5, *, radius: float = 1.0) -> Self:
        """An estimator that is fitted: over an index that is there. Rows are positions in `index.sequences`.

        Pickled it carries the path of the index, and the callable that makes its vectors where that is your own; `fit`
        would leave it alone and make another one. Raises IndexClosedError for one that is closed.

        >>> import seqsearch as ss
        >>> index = ss.SequenceIndex.build("words.ss", ["anna", "hanna", "otto"], encoder="kmer")
        >>> ss.SequenceNeighbors.of(index, 1).kneighbors(return_distance=False)
        array([[1],
               [0],
               [0]])
        """
        made = cls(n_neighbors, radius=radius, encoder=index._handle.given_encoder or "auto")
        made.index_ = index
        made._like = index.get([])
        made.n_samples_fit_ = len(index)
        return made

    def fit(self, X: SequencesLike, y: object = None) -> Self:
        """Index `X`: what `as_sequences` takes; `y` is ignored. Sets `index_` and `n_samples_fit_`.

        Raises ParameterError, IndexExistsError for a `path` that is taken, and what reading the sequences raises.
        """
        require_mode(self.mode)
        sequences = self._known(X)
        self._index_of(sequences)
        self.n_samples_fit_ = len(sequences)
        return self

    # -- neighbours ----------------------------------------------------------------------------------------------

    @overload
    def kneighbors(
        self, X: SequencesLike | None = None, n_neighbors: int | None = None, return_distance: Literal[True] = True
    ) -> tuple[DoubleArray, IntArray]: ...
    @overload
    def kneighbors(
        self, X: SequencesLike | None = None, n_neighbors: int | None = None, *, return_distance: Literal[False]
    ) -> IntArray: ...
    def kneighbors(
        self, X: SequencesLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[DoubleArray, IntArray] | IntArray:
        """(Q, k) distances and (Q, k) rows of the k nearest of each of `X`, nearest first; ties in the order of rows.

        Where fewer than k are found (a distance of your own may be infinite) rows are -1 and distances inf.
        Raises ParameterError for more neighbours than there are, UnfittedError, MismatchError for another kind of `X`.
        """
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        rows, distances = self._nearest(X, k)
        return (distances, rows) if return_distance else rows

    @overload
    def radius_neighbors(
        self, X: SequencesLike | None = None, radius: float | None = None, return_distance: Literal[True] = True
    ) -> tuple[Lists, Lists]: ...
    @overload
    def radius_neighbors(
        self, X: SequencesLike | None = None, radius: float | None = None, *, return_distance: Literal[False]
    ) -> Lists: ...
    def radius_neighbors(
        self, X: SequencesLike | None = None, radius: float | None = None, return_distance: bool = True
    ) -> tuple[Lists, Lists] | Lists:
        """(Q,) arrays of distances and (Q,) of rows: all within `radius` of each of `X`, by proof, nearest first.

        Raises ParameterError for a negative radius, UnfittedError, MismatchError for another kind of `X`.
        """
        offsets, rows, distances = self._within(X, radius)
        lists = _cut(rows, offsets)
        return (_cut(distances, offsets), lists) if return_distance else lists

    def kneighbors_graph(
        self,
        X: SequencesLike | None = None,
        n_neighbors: int | None = None,
        mode: Literal["distance", "connectivity"] = "connectivity",
    ) -> csr_matrix:
        """(Q, n) CSR matrix with k entries a row: 1, or with mode "distance" the distance, zeros of equals included.

        DBSCAN, t-SNE (metric="precomputed") and Leiden take it as it is, UMAP and HDBSCAN, which want it symmetric, as
        graph.maximum(graph.T). Raises as `kneighbors`.
        """
        require_mode(mode)
        rows, distances = self._nearest(X, self.n_neighbors if n_neighbors is None else n_neighbors)
        there: BoolArray = rows >= 0
        return self._graph(there.sum(axis=1), rows[there], distances[there], mode)

    def radius_neighbors_graph(
        self,
        X: SequencesLike | None = None,
        radius: float | None = None,
        mode: Literal["distance", "connectivity"] = "connectivity",
    ) -> csr_matrix:
        """(Q, n) CSR matrix of all within `radius`: 1, or with mode "distance" the distance. Without `X` and under a
        symmetric distance it is symmetric. Raises as `radius_neighbors`."""
        require_mode(mode)
        offsets, rows, distances = self._within(X, radius)
        return self._graph(np.diff(offsets), rows, distances, mode)

    def transform(self, X: SequencesLike) -> csr_matrix:
        """(Q, n) `kneighbors_graph(X)` in the `mode` of the estimator, for estimators with metric="precomputed".

        As of KNeighborsTransformer a graph of distances has a neighbour more: fitted sequences find themselves. Where
        `n_neighbors` is as large as what was fitted it has none more. Raises as `kneighbors`.
        """
        self._require_fitted()
        k = self.n_neighbors + (self.mode == DISTANCE)
        return self.kneighbors_graph(X, min(k, max(len(self.index_), self.n_neighbors)), self.mode)

    def fit_transform(self, X: SequencesLike, y: object = None) -> csr_matrix:
        """(n, n) `fit(X).transform(X)`. Raises as these."""
        return self.fit(X).transform(X)

    # -- the work ------------------------------------------------------------------------------------------------

    def _nearest(self, X: SequencesLike | None, k: int) -> tuple[IntArray, DoubleArray]:
        """(Q, k) positions, -1 where there is none, and distances."""
        queries = None if X is None else self._asked(X)
        self._require_fitted()
        self._require_k(k, len(self.index_) - (X is None))
        watch = self._watch
        with self.index_.state(watch) as state:
            members: IntArray = np.flatnonzero(state.live)
            budget = state.choice(k, Wanted(**self._budget(self.exact, self.recall))).budget
            asked, own = (state.targets[members], members) if queries is None else (queries, None)
            found = state.neighbours(asked, k, budget, exclude=own, progress=watch)
            place = _places(state.live)
        return np.where(found.rows >= 0, place[found.rows], -1), found.distances

    def _within(self, X: SequencesLike | None, radius: float | None) -> tuple[IntArray, IntArray, DoubleArray]:
        """(Q + 1,) offsets, positions and distances of all within the radius."""
        queries = None if X is None else self._asked(X)
        self._require_fitted()
        with self.index_.state(self._watch) as state:
            members: IntArray = np.flatnonzero(state.live)
            asked = state.targets[members] if queries is None else queries
            found = self.index_.within(asked, self.radius if radius is None else radius, progress=self._watch)
            place = _places(state.live)
        rows, distances, counts = found.rows, found.distances, np.diff(found.offsets)
        if queries is None:
            owners = np.repeat(np.arange(len(members)), counts)
            others = members[owners] != rows
            rows, distances, counts = (
                rows[others],
                distances[others],
                np.bincount(owners[others], minlength=len(members)),
            )
        return np.concatenate([[0], np.cumsum(counts)]), place[rows], distances

    def _require_k(self, k: int, most: int) -> None:
        """Raise ParameterError for a number of neighbours below 1, or above what there is to find."""
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise ParameterError(f"n_neighbors is a whole number of at least 1, not {k!r}")
        if k > most:
            raise ParameterError(f"Expected n_neighbors <= n_samples: {k} are asked for, there are {most} to find")

    def _graph(self, counts: IntArray, rows: IntArray, distances: DoubleArray, mode: str) -> csr_matrix:
        made = imported("scipy.sparse", SKLEARN).csr_matrix
        values = distances if mode == DISTANCE else np.ones(len(rows))
        offsets = np.concatenate([[0], np.cumsum(counts)])
        graph: csr_matrix = made((values, rows, offsets), shape=(len(counts), len(self.index_)))
        return graph


def require_mode(mode: str) -> None:
    """Raise ParameterError for a mode there is not."""
    if mode not in (DISTANCE, CONNECTIVITY):
        raise ParameterError(f"mode is {DISTANCE!r} or {CONNECTIVITY!r}, not {mode!r}")


def _places(live: BoolArray) -> IntArray:
    """(rows,) the position of each row among those that are live."""
    places: IntArray = np.cumsum(live) - 1
    return places


def _cut(values: AnyArray, offsets: IntArray) -> Lists:
    """(Q,) an array of parts of `values`."""
    parts: Lists = np.empty(len(offsets) - 1, object)
    for number, (start, stop) in enumerate(_ranges(offsets)):
        parts[number] = values[start:stop]
    return parts


def _ranges(offsets: IntArray) -> Iterator[tuple[int, int]]:
    return zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
