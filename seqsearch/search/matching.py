"""Series of two kinds matched by a cascade: embedding scan, hash DTW, exact DTW.

`Matcher` holds the trained towers, the database as packed codes and points, and what each stage keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..arrays import AnyArray, DoubleArray, FloatArray, IntArray
from ..distances import HashDTW, HashSequences, MatchingDTW, confidence
from ..encoders.pair import TowerPair
from ..errors import MismatchError, ParameterError
from ..progress import SILENT, Progress
from ..sequences import Sequences, Strings
from .cascade import Cascade, CascadeResult, Keep, Stage, StageReport, chosen_blend, chosen_keeps, developed

PENALTIES = (0.125, 0.25, 0.5)
"""Penalties of a step that is not diagonal that are tried, as shares of the bits (Raffel's are .25 and .47)."""


@dataclass(frozen=True)
class PointStage:
    """Euclidean distance of whole-sequence points. `queries`: (Q, D); `database`: (n, D)."""

    queries: FloatArray
    database: FloatArray
    name: str = "embedding"

    def scores(self, query: int, rows: IntArray) -> DoubleArray:
        points = self.database if _is_everything(rows, len(self.database)) else self.database[rows]
        apart: DoubleArray = np.linalg.norm(points - self.queries[query], axis=1).astype(np.float64)
        return apart


@dataclass(frozen=True)
class HashStage:
    """DTW of hash sequences."""

    queries: HashSequences
    database: HashSequences
    distance: HashDTW
    name: str = "hash DTW"

    def scores(self, query: int, rows: IntArray) -> DoubleArray:
        own = self.queries.take(np.array([query]))
        entries = self.database if _is_everything(rows, len(self.database)) else self.database.take(rows)
        found: DoubleArray = self.distance.scores(own, entries)[0]
        return found


@dataclass(frozen=True)
class ExactStage:
    """DTW of the series themselves."""

    queries: Sequences
    database: Sequences
    distance: MatchingDTW
    name: str = "exact DTW"

    def scores(self, query: int, rows: IntArray) -> DoubleArray:
        return self.distance.pairs(self.queries, np.full(len(rows), query), self.database, rows)


def _is_everything(rows: IntArray, size: int) -> bool:
    """Whether `rows` are 0, 1, ..., size - 1 in that order."""
    return len(rows) == size and bool((rows == np.arange(size)).all())


@dataclass(frozen=True)
class Database:
    """The side that is searched: series with their ids, their hash sequences, and their points where there are any."""

    sequences: Sequences
    hashes: HashSequences
    points: FloatArray | None

    def __len__(self) -> int:
        return len(self.sequences)


@dataclass(frozen=True)
class Matches:
    """(Q, k) `rows` of the database, best first, -1 where there are fewer, with their `scores` by the last stage (which
    need not rise: the stage before may count in the order); `stages`: what each stage did; `confidence`, (Q, k) in
    0..1, where the last stage was exact DTW: above .5 is a match.
    """

    queries: Strings
    stored: Strings
    rows: IntArray
    scores: DoubleArray
    stages: tuple[StageReport, ...]
    false_rejects: float | None = None
    confidence: DoubleArray | None = None

    def table(self) -> list[dict[str, Any]]:
        """One dictionary a match: query, rank, target, score and, where known, confidence."""
        found = []
        for query, rank in np.argwhere(self.rows >= 0).tolist():
            row = {
                "query": self.queries[query],
                "rank": rank + 1,
                "target": self.stored[int(self.rows[query, rank])],
                "score": round(float(self.scores[query, rank]), 6),
            }
            if self.confidence is not None:
                row["confidence"] = round(float(self.confidence[query, rank]), 4)
            found.append(row)
        return found


@dataclass(frozen=True)
class Matcher:
    """Trained towers, a database, and the cascade over it.

    `hashes`: hash towers; `points`: attention towers, or None to begin with hash DTW; `exact`: the last stage, or None
    where the two sides have different features and cannot be compared directly; `penalty` of the hash DTW in bits;
    `keeps` of all stages but the last, chosen on a database of `size` entries (larger ones keep more, in proportion);
    `blend`: how often the score of the hashes is added to that of exact DTW in the ranking; `measured`: how the cascade
    did on development queries.
    """

    hashes: TowerPair
    points: TowerPair | None
    exact: MatchingDTW | None
    penalty: int
    gully: float = 0.9
    keeps: tuple[Keep, ...] = ()
    size: int = 0
    blend: float = 0.0
    database: Database | None = None
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def distance(self) -> HashDTW:
        return HashDTW(penalty=self.penalty, gully=self.gully)

    def indexed(self, sequences: Sequences, progress: Progress = SILENT) -> Matcher:
        """The same matcher with these series as its database. Raises MismatchError for other features."""
        self.hashes.specs["database"].require(sequences)
        points = None if self.points is None else self.points.points(sequences, "database", progress)
        held = Database(sequences, self.hashes.hashes(sequences, "database", progress), points)
        return replace(self, database=held)

    def stages(self, queries: Sequences, progress: Progress = SILENT) -> list[Stage]:
        """The stages for these queries, each ready to score any of them."""
        held = self._database()
        self.hashes.specs["query"].require(queries)
        stages: list[Stage] = []
        if self.points is not None and held.points is not None:
            stages.append(PointStage(self.points.points(queries, "query", progress), held.points))
        stages.append(HashStage(self.hashes.hashes(queries, "query", progress), held.hashes, self.distance))
        if self.exact is not None:
            stages.append(ExactStage(queries, held.sequences, self.exact))
        return stages

    def search(
        self, queries: Sequences, k: int = 5, *, correct: AnyArray | None = None, progress: Progress = SILENT
    ) -> Matches:
        """The k best matches of each query. `correct`, (Q,): known rows, to report false rejects."""
        held = self._database()
        stages = self.stages(queries, progress)
        cascade = Cascade(stages, self._keeps(len(held), len(stages), k), self.blend)
        result = cascade.run(len(queries), len(held), k, correct=correct)
        return self._matches(queries, held, result)

    def _matches(self, queries: Sequences, held: Database, result: CascadeResult) -> Matches:
        sure = None
        if self.exact is not None and self.exact.normalise == "path_mean":
            sure = np.where(result.rows >= 0, confidence(np.where(result.rows >= 0, result.scores, 1.0)), 0.0)
        return Matches(
            queries.ids, held.sequences.ids, result.rows, result.scores, result.stages, result.false_rejects, sure
        )

    def _keeps(self, size: int, stages: int, k: int) -> list[Keep]:
        """What the stages keep of `size` entries, never fewer than k."""
        if len(self.keeps) != stages - 1:
            raise ParameterError(
                f"{stages} stages want {stages - 1} keeps, not {len(self.keeps)}: calibrate the matcher"
            )
        grown = max(1.0, size / max(1, self.size))
        return [
            keep if keep.count is None else Keep(count=min(size, max(k, round(keep.count * grown))))
            for keep in self.keeps
        ]

    def calibrated(
        self,
        queries: Sequences,
        correct: IntArray,
        *,
        recall: float = 0.95,
        by: str = "count",
        most: int | None = None,
        progress: Progress = SILENT,
    ) -> Matcher:
        """Choose penalty, keeps and blend on development queries whose matches, rows `correct`, are known.

        `recall`: share of them that has to reach the last stage; `most`: entries that may. Raises ParameterError.
        """
        held = self._database()
        if len(queries) == 0 or len(correct) != len(queries):
            raise ParameterError(f"{len(correct)} known matches for {len(queries)} development queries")
        chosen = replace(self, penalty=self._best_penalty(queries, correct))
        stages = chosen.stages(queries, progress)
        if len(stages) == 1:
            return replace(chosen, keeps=(), size=len(held))
        seen = developed(stages, len(queries), len(held), correct)
        keeps = tuple(chosen_keeps(seen, recall=recall, by=by, most=most))
        blend = 0.0 if self.exact is None else chosen_blend(Cascade(stages, keeps), len(queries), len(held), correct)
        chosen = replace(chosen, keeps=keeps, blend=blend, size=len(held))
        found = Cascade(stages, keeps, blend).run(len(queries), len(held), 1, correct=correct)
        measured = {
            "queries": len(queries),
            "size": len(held),
            "recall": recall,
            "false_rejects": found.false_rejects,
            "first": float((found.rows[:, 0] == correct).mean()),
            "stages": [s.to_json() for s in found.stages],
        }
        return replace(chosen, measured=measured)

    def _best_penalty(self, queries: Sequences, correct: IntArray) -> int:
        """The penalty with the highest mean reciprocal rank of the known matches."""
        held, hashed = self._database(), self.hashes.hashes(queries, "query")
        best, least = -1.0, self.penalty
        for share in PENALTIES:
            penalty = max(1, round(share * self.hashes.dim))
            scores = HashDTW(penalty=penalty, gully=self.gully).scores(hashed, held.hashes)
            own = scores[np.arange(len(scores)), correct][:, None]
            value = float((1 / (scores <= own).sum(axis=1)).mean())
            if value > best:
                best, least = value, penalty
        return least

    def _database(self) -> Database:
        if self.database is None:
            raise ParameterError("the matcher has no database yet: index one")
        return self.database


def paired(
    queries: Sequences, database: Sequences, pairs: Sequence[tuple[str, str]] | None = None
) -> tuple[IntArray, IntArray]:
    """(m,) rows of queries and of database that belong together: by `pairs` of ids, else by equal ids.

    Raises MismatchError for an unknown id, or where nothing fits.
    """
    at = {side: {name: row for row, name in enumerate(s.ids)} for side, s in (("q", queries), ("d", database))}
    wanted = [(name, name) for name in queries.ids if name in at["d"]] if pairs is None else list(pairs)
    for query, entry in wanted:
        if query not in at["q"] or entry not in at["d"]:
            side, name = ("queries", query) if query not in at["q"] else ("the database", entry)
            raise MismatchError(f"the pair {query}, {entry}: there is no {name!r} in {side}")
    if not wanted:
        raise MismatchError("no id is in both sets: name the pairs")
    return np.array([at["q"][a] for a, _ in wanted]), np.array([at["d"][b] for _, b in wanted])
