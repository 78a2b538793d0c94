"""Exact neighbours in a file that knows what they are the neighbours of.

An .npz archive without pickled objects: `rows` (Q, k) int64, `distances` (Q, k) float64, and `about`, JSON in UTF-8
bytes with the format version, the digests and sizes of both sets, the distance and its parameters, and k.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass

import numpy as np

from ..arrays import JSON
from ..errors import FormatVersionError, MismatchError, ParseError, StrPath
from ..files import atomic_write
from ..sequences import Sequences
from .distance import Distance
from .neighbours import Neighbours

_VERSION = 1
_ABOUT = ("queries", "targets", "query_count", "target_count", "distance", "parameters")


@dataclass(frozen=True)
class Truth:
    """Exact neighbours and what they belong to; `queries` and `targets` are digests of the sets."""

    neighbours: Neighbours
    queries: str
    targets: str
    query_count: int
    target_count: int
    distance: str
    parameters: JSON

    @classmethod
    def of(
        cls, neighbours: Neighbours, queries: Sequences, targets: Sequences, distance: Distance, strand: str = "plus"
    ) -> Truth:
        """Name what exact neighbours belong to, of one strand or the nearer of both.

        Raises MismatchError when there is not a line for every query.
        """
        if len(neighbours) != len(queries):
            raise MismatchError(f"neighbours of {len(neighbours)} queries do not fit {len(queries)} queries")
        digests, sizes = (queries.digest(), targets.digest()), (len(queries), len(targets))
        return cls(neighbours, *digests, *sizes, distance.name, _parameters(distance, strand))

    def require(
        self, queries: Sequences, targets: Sequences, distance: Distance, k: int | None = None, strand: str = "plus"
    ) -> None:
        """Raise MismatchError, telling everything that does not fit, unless the truth is of these."""
        wrong: list[str] = []
        for name, sequences, digest, count in (
            ("queries", queries, self.queries, self.query_count),
            ("targets", targets, self.targets, self.target_count),
        ):
            if sequences.digest() != digest:
                wrong.append(f"other {name} ({count} then, {len(sequences)} now, digest {digest})")
        parameters = _parameters(distance, strand)
        if (distance.name, parameters) != (self.distance, self.parameters):
            then, now = _told(self.distance, self.parameters), _told(distance.name, parameters)
            wrong.append(f"the distance {then}, not {now}")
        if k is not None and k > self.neighbours.k:
            wrong.append(f"{self.neighbours.k} neighbours a query, fewer than {k}")
        if wrong:
            raise MismatchError(f"the truth is of {'; of '.join(wrong)}")

    def save(self, path: StrPath) -> None:
        """Write the file. Raises OSError."""
        about = {"format_version": _VERSION, "k": self.neighbours.k, **{name: getattr(self, name) for name in _ABOUT}}
        found = self.neighbours
        encoded = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
        with atomic_write(path) as file:
            np.savez_compressed(file, rows=found.rows, distances=found.distances, about=encoded)

    @classmethod
    def load(cls, path: StrPath) -> Truth:
        """Read a truth file.

        Raises ParseError for a file that is none, FormatVersionError for one written by a newer seqsearch, and the
        OSError of a file that cannot be opened.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                rows, distances = archive["rows"], archive["distances"]
                about = json.loads(archive["about"].tobytes().decode())
        except (ValueError, KeyError, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ParseError(f"not a truth file: {error}", path=path) from None
        if not isinstance(about, dict) or not isinstance(about.get("format_version"), int):
            raise ParseError("not a truth file: it does not say its format version", path=path)
        if about["format_version"] > _VERSION:
            version = about["format_version"]
            problem = f"truth format {version} is newer than {_VERSION}: update seqsearch"
            raise FormatVersionError(f"{os.fspath(path)}: {problem}")
        if about.keys() != {"format_version", "k", *_ABOUT}:
            raise ParseError(f"not a truth file: it holds {sorted(about)}", path=path)
        shape = (about["query_count"], about["k"])
        if rows.shape != shape or distances.shape != shape or rows.dtype != np.int64 or distances.dtype != np.float64:
            raise ParseError(f"rows {rows.shape} and distances {distances.shape} are not of shape {shape}", path=path)
        if rows.size and (rows.min() < -1 or rows.max() >= about["target_count"]):
            raise ParseError(f"a row is outside 0..{about['target_count'] - 1}", path=path)
        return cls(Neighbours(rows, distances), **{name: about[name] for name in _ABOUT})


def _parameters(distance: Distance, strand: str) -> JSON:
    return distance.parameters() | ({} if strand == "plus" else {"strand": strand})


def _told(name: str, parameters: JSON) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in sorted(parameters.items()))})"
