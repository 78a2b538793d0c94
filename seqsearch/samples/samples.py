"""`Samples`: whole communities as vectors, near ones near."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import DoubleArray, FloatArray, IntArray
from ..distances import Distance
from ..errors import ParameterError, StrPath, UnknownIdError
from ..extras import SAMPLES, imported
from ..progress import Watching, watched
from ..search import SequenceIndex
from ..sequences import Sequences
from . import comparing
from .encoder import LEAVES, Method, SampleEncoder
from .features import Features, Missing, count_features, found_features
from .ordination import Ordination, principal_coordinates
from .table import SampleTable
from .table_files import Orientation, read_table
from .transport import Agreement, most_abundant, transport

if TYPE_CHECKING:
    import skbio

PAIRS, FEATURES = 40, 200
"""Pairs of samples that are checked, and features of each that are looked at."""


@dataclass(frozen=True, eq=False)
class SampleNeighbours:
    """The nearest other samples of each: (S, k) `rows`, the nearest first, and their `distances`."""

    ids: tuple[str, ...]
    rows: IntArray
    distances: DoubleArray

    def names(self) -> list[list[str]]:
        """(S, k) ids."""
        return [[self.ids[row] for row in rows] for rows in self.rows.tolist()]


@dataclass(frozen=True, eq=False)
class Samples:
    """S samples of a table as `vectors`, (S, D) float32: how far two of them are apart is about the least mean number
    of edits (or whatever the distance of the index counts) that turns one community into the other, by shares.

    >>> import seqsearch as ss
    >>> words = ss.as_sequences(["anna", "hanna", "otto", "lotto"], ids=["a", "h", "o", "l"])
    >>> table = ss.SampleTable.of([[9, 1, 0, 0], [1, 9, 0, 0], [0, 1, 5, 4]], ["x", "y", "z"], ["a", "h", "o", "l"])
    >>> with ss.SequenceIndex.build("words.ss", words, encoder="kmer") as index:
    ...     samples = ss.Samples.of(table, index)
    >>> samples.nearest(1).names()
    [['y'], ['x'], ['x']]
    """

    table: SampleTable
    features: Features
    distance: Distance
    encoder: SampleEncoder
    vectors: FloatArray
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        table: SampleTable | StrPath,
        index: SequenceIndex | StrPath,
        *,
        sequences: Sequences | None = None,
        samples: Orientation = "auto",
        missing: Missing = "error",
        method: Method = "tree",
        leaves: int = LEAVES,
        seed: int = 0,
        progress: Watching = False,
    ) -> Samples:
        """Of a table, or of the file of one (see `read_table`), whose features are sequences of an index by their ids,
        of `sequences` by theirs, or are sequences by name (DNA, RNA, protein).

        `samples`: whether they are "rows" or "columns" of a file; "auto": whichever does not name features. `missing`:
        "skip" leaves out features that are unknown, and samples of which nothing is left; `notes` count them. `method`:
        "tree" spreads the shares of a sample over trees of the features whose lengths are fitted to exact distances;
        "mean" is the mean of the points of the encoder. `leaves`: features that the trees tell apart, the others count
        as their nearest. One `seed` gives the same vectors.

        Raises UnknownIdError counting features that are not known, InputError for samples without counts,
        ParameterError, MismatchError, and what reading a table and opening an index raise.
        """
        watching, opening = watched(progress), nullcontext(index) if isinstance(index, SequenceIndex) else None
        with opening or SequenceIndex.open(index) as opened:  # type: ignore[arg-type]
            if not isinstance(table, SampleTable):
                with watching.task(f"reading {os.fspath(table)}"):
                    table = read_table(
                        table, samples=samples, is_feature=lambda names: count_features(names, opened, sequences)
                    )
            found, distance = found_features(table, opened, sequences=sequences, missing=missing), opened.distance
        encoder = SampleEncoder.fitted(
            found.table, found.features, distance, method=method, leaves=leaves, seed=seed, progress=watching
        )
        vectors = encoder.vectors(found.table)
        return cls(found.table, found.features, distance, encoder, vectors, found.notes)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the samples."""
        return self.table.samples

    def row(self, sample: str) -> int:
        """Where a sample stands. Raises UnknownIdError."""
        if sample not in self.ids:
            raise UnknownIdError(f"{self.table.name}: there is no sample {sample!r}")
        return self.ids.index(sample)

    def nearest(self, k: int = 10, *, exact: bool = False, progress: Watching = False) -> SampleNeighbours:
        """The k nearest other samples of each, fewer where there are no more.

        `exact`: of three times as many by their vectors those that cost least by optimal transport, with its cost.
        Raises ParameterError for a k below 1; MissingExtraError without POT.
        """
        rows, between = comparing.nearest(self.vectors, 3 * k if exact else k, self.encoder.method, watched(progress))
        distances = between.astype(np.float64)
        if not exact:
            return SampleNeighbours(self.ids, rows, distances)
        with watched(progress).task("optimal transport", len(rows)) as task:
            for one, others in enumerate(rows.tolist()):
                distances[one] = [self.transport(one, other) for other in others]
                task.advance()
        order = np.lexsort((rows, distances))[:, :k]
        return SampleNeighbours(
            self.ids, np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)
        )

    def distances(self, *, exact: bool = False, progress: Watching = False) -> FloatArray:
        """(S, S) float32 distances of all pairs; `exact`: by optimal transport, which takes milliseconds to seconds a
        pair. Raises MissingExtraError without POT."""
        out = np.zeros((len(self), len(self)), np.float32)
        if exact:
            with watched(progress).task("optimal transport", len(self)) as task:
                for one in range(len(self)):
                    for other in range(one):
                        out[one, other] = out[other, one] = self.transport(one, other)
                    task.advance()
            return out
        for part, between in comparing.blocks(self.vectors, self.encoder.method, watched(progress)):
            out[part] = between
        np.fill_diagonal(out, 0.0)
        return out

    def transport(self, one: int, other: int, *, features: int | None = None) -> float:
        """The least mean distance over which shares of a sample, by its row, are moved to make another one, exactly;
        `features`: of the most abundant ones alone. Raises MissingExtraError without POT."""
        first, second = self.table.sample(one), self.table.sample(other)
        if features is not None:
            first, second = most_abundant(first, features), most_abundant(second, features)
        return transport(self.distance, self.features.sequences, first, second)

    def check(
        self, pairs: int = PAIRS, *, features: int | None = FEATURES, seed: int = 0, progress: Watching = False
    ) -> Agreement:
        """How the distances go with optimal transport, on random pairs of samples, of which the most abundant
        `features` are looked at by both. Raises ParameterError for fewer than 3 samples, MissingExtraError without POT.
        """
        if len(self) < 3:
            raise ParameterError(f"{len(self)} samples are too few to see an order of their distances: at least 3")
        upper = np.triu_indices(len(self), 1)
        drawn = np.random.default_rng(seed).permutation(len(upper[0]))[:pairs]
        one, other = upper[0][drawn], upper[1][drawn]
        limited = features is not None and int(np.diff(self.table.offsets).max()) > features
        told = self._told(one, other, features if limited else None)
        exact = np.empty(len(one))
        with watched(progress).task("optimal transport", len(one)) as task:
            for at, (first, second) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
                exact[at] = self.transport(first, second, features=features)
                task.advance()
        return Agreement.of(told, exact, features if limited else None)

    def _told(self, one: IntArray, other: IntArray, features: int | None) -> DoubleArray:
        """(m,) distances by vectors."""
        used = np.unique(np.concatenate([one, other]))
        vectors = self.vectors[used]
        if features is not None:
            cut = [most_abundant(self.table.sample(row), features) for row in used.tolist()]
            names = tuple(self.ids[row] for row in used.tolist())
            vectors = self.encoder.vectors(self.table.made_of(names, cut))
        between = comparing.manhattan if self.encoder.method == "tree" else comparing.euclidean
        whole = between(vectors, vectors)
        told: DoubleArray = whole[np.searchsorted(used, one), np.searchsorted(used, other)].astype(np.float64)
        return told

    def ordination(self, dimensions: int = 2, *, distances: FloatArray | None = None, seed: int = 0) -> Ordination:
        """Principal coordinates of the samples, by their distances or by (S, S) others. Raises ParameterError for less
        than one dimension."""
        return principal_coordinates(self.distances() if distances is None else distances, dimensions, seed=seed)

    def to_skbio(self, distances: FloatArray | None = None) -> skbio.DistanceMatrix:
        """A DistanceMatrix of scikit-bio, for PERMANOVA and the like. Raises MissingExtraError without scikit-bio."""
        module = imported("skbio", SAMPLES)
        whole = self.distances() if distances is None else distances
        return module.DistanceMatrix(np.asarray(whole, np.float64), list(self.ids))
