"""A task on disk: what the parent prepares once and every child process reads the parts of that it needs."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch.arrays import AnyArray, DoubleArray, FloatArray, IntArray
from seqsearch.distances import Distance, Neighbours, Truth, distance_named
from seqsearch.errors import SeqsearchError
from seqsearch.files import replacing
from seqsearch.sequences import Sequences

from . import bulk, datasets
from .datasets import DataSet


class SequenceTask:
    """Neighbours of sequences under an exact distance."""

    def __init__(self, folder: Path, about: Path | None = None) -> None:
        self.folder = folder
        self._about = json.loads((about or folder / "task.json").read_text("utf-8"))
        self.name: str = self._about["name"]
        self.kind = "series" if self._about["alphabet"] is None else "tokens"
        self.alphabet: str | None = self._about["alphabet"]
        self.size: int = self._about["size"]
        self.k: int = self._about["k"]

    @classmethod
    def prepare(cls, folder: Path, data: DataSet) -> SequenceTask:
        """Write the data, and the exact truth where it is not there already."""
        folder.mkdir(parents=True, exist_ok=True)
        datasets.save(data.database, folder / "database.npz")
        datasets.save(data.queries, folder / "queries.npz")
        alphabet = None if data.database.alphabet is None else data.database.alphabet.name
        return cls._described(
            folder, data.name, len(data.database), alphabet, data.k, data.distance, data.distance_parameters
        )

    @classmethod
    def grown(cls, folder: Path, size: int, queries: int) -> SequenceTask:
        """The data set reads-SIZE in mapped columns, with its truth, in little memory; what is there is kept."""
        if (folder / "task.json").exists():
            return cls(folder)
        bulk.grow(folder, size, queries)
        return cls._described(folder, f"{datasets.READS}{size}", size, "dna")

    @classmethod
    def _described(
        cls,
        folder: Path,
        name: str,
        size: int,
        alphabet: str | None,
        k: int = 10,
        distance: str = "edit",
        parameters: dict[str, Any] | None = None,
    ) -> SequenceTask:
        """Prove the truth, where it is not there, of a folder that holds the data. Named at last: it is complete."""
        about = {
            "name": name,
            "size": size,
            "k": k,
            "distance": distance,
            "distance_parameters": parameters or {},
            "alphabet": alphabet,
        }
        unproved = folder / "unproved.json"
        unproved.write_text(json.dumps(about), "utf-8")
        cls(folder, unproved)._ensure_truth()
        unproved.replace(folder / "task.json")
        return cls(folder)

    @property
    def distance(self) -> Distance:
        return distance_named(self._about["distance"], **self._about["distance_parameters"])

    @property
    def build_options(self) -> dict[str, Any]:
        """What `SequenceIndex.build` has to be told."""
        return {"distance": self._about["distance"], "distance_parameters": self._about["distance_parameters"]}

    @cached_property
    def database(self) -> Sequences:
        columns = self.folder / "database"
        return bulk.mapped(columns) if columns.is_dir() else datasets.restored(self.folder / "database.npz")

    @cached_property
    def more(self) -> Sequences | None:
        """Other sequences to add, where there are some."""
        columns = self.folder / "more"
        return bulk.mapped(columns) if columns.is_dir() else None

    @cached_property
    def queries(self) -> Sequences:
        return datasets.restored(self.folder / "queries.npz")

    @cached_property
    def truth(self) -> Neighbours:
        return Truth.load(self.folder / "truth.npz").neighbours

    def _ensure_truth(self) -> None:
        path = self.folder / "truth.npz"
        try:
            Truth.load(path).require(self.queries, self.database, self.distance, self.k)
        except (SeqsearchError, OSError):
            found = bulk.nearest(self.queries, self.database, self.distance, self.k)
            Truth.of(found, self.queries, self.database, self.distance).save(path)

    def verified(self, rows: IntArray) -> DoubleArray:
        """(Q, C) exact distances of what the first Q queries were answered, inf where there is nothing."""
        owners, columns = np.nonzero(rows >= 0)
        distances = np.full(rows.shape, np.inf)
        distances[owners, columns] = self.distance.pairs(self.queries, owners, self.database, rows[owners, columns])
        return distances

    def reach(self, queries: int) -> DoubleArray:
        """(queries, k) true distances, ascending."""
        return self.truth.distances[:queries, : self.k]


class VectorTask:
    """Neighbours of vectors in the layout of ann-benchmarks: an HDF5 file with train, test, neighbors, distances.

    Attribute `distance`: "angular" or "euclidean"; `slack`, where it is not as there: how much farther than the k-th a
    neighbour may be. (Aumüller, Bernhardsson & Faithfull, ANN-Benchmarks, 2020.)
    """

    kind = "vectors"
    alphabet = None
    k = 10
    _SLACK = 1e-3  # as there: float32 distances of equal points differ by rounding

    def __init__(self, path: Path) -> None:
        import h5py

        self.path = path
        self.folder = path.with_suffix("")
        self.name = path.stem
        with h5py.File(path) as file:
            missing = {"train", "test", "neighbors", "distances"} - set(file)
            if missing:
                raise ValueError(f"{path}: no data set {sorted(missing)[0]!r} in it")
            self.metric = str(file.attrs["distance"])
            self.slack = float(file.attrs.get("slack", self._SLACK))
            self.size, self.dim = file["train"].shape
        if self.metric not in ("angular", "euclidean"):
            raise ValueError(f"{path}: the distance {self.metric!r} is neither angular nor euclidean")

    def _column(self, name: str) -> AnyArray:
        import h5py

        with h5py.File(self.path) as file:
            return np.asarray(file[name][:])

    @cached_property
    def database(self) -> FloatArray:
        return self._column("train").astype(np.float32)

    @cached_property
    def queries(self) -> FloatArray:
        return self._column("test").astype(np.float32)

    def verified(self, rows: IntArray) -> DoubleArray:
        """(Q, C) distances as the file counts them."""
        distances = np.full(rows.shape, np.inf)
        for query, found in enumerate(rows):
            there = found >= 0
            distances[query, there] = vector_distances(self.queries[query], self.database[found[there]], self.metric)
        return distances

    def reach(self, queries: int) -> DoubleArray:
        """(queries, k) true distances, ascending, with a little room for rounding."""
        return self._column("distances")[:queries, : self.k].astype(np.float64) + self.slack


Task = SequenceTask | VectorTask


def opened(folder: Path) -> Task:
    """The task in a folder, or of an HDF5 file."""
    return VectorTask(folder) if folder.suffix in (".hdf5", ".h5") else SequenceTask(folder)


def vector_distances(query: FloatArray, others: FloatArray, metric: str) -> DoubleArray:
    """(n,) distances: 1 - cosine for angular, the Euclidean ones otherwise."""
    a, b = query.astype(np.float64), others.astype(np.float64)
    if metric == "angular":
        return np.asarray(1 - (b @ a) / np.maximum(np.linalg.norm(a) * np.linalg.norm(b, axis=1), 1e-300))
    return np.asarray(np.linalg.norm(b - a, axis=1))


def write_vectors(
    path: Path, vectors: FloatArray, queries: int, metric: str, slack: float = 1e-3, seed: int = 0, k: int = 100
) -> None:
    """Split vectors into train and test and write them with their exact neighbours, as ann-benchmarks does."""
    import h5py

    order = np.random.default_rng(seed).permutation(len(vectors))
    test, train = vectors[order[:queries]].astype(np.float32), vectors[order[queries:]].astype(np.float32)
    rows = np.empty((len(test), k), np.int32)
    distances = np.empty((len(test), k), np.float32)
    for query, point in enumerate(test):
        every = vector_distances(point, train, metric)
        nearest = np.argpartition(every, k)[:k]
        rows[query] = nearest[np.argsort(every[nearest])]
        distances[query] = every[rows[query]]
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["distance"], file.attrs["dimension"], file.attrs["point_type"] = metric, train.shape[1], "float"
        file.attrs["slack"] = slack
        for name, column in (("train", train), ("test", test), ("neighbors", rows), ("distances", distances)):
            file.create_dataset(name, data=column)
