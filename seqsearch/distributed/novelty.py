"""Novelty among the sequences of all shards: scores by merged neighbours, p-values by members of all shards."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import DoubleArray
from ..distances import Neighbours
from ..errors import ParameterError
from ..files import atomic_write
from ..progress import Progress
from ..search.conditions import Where
from ..search.novelty import KnownScores, NoveltyOptions, NoveltyResults
from ..search.novelty.conformal import GIVEN, MEMBERS, shares_of
from ..search.novelty.options import EXACT, SMOOTHED
from ..search.novelty.scores import kth_distance, mean_distance
from ..sequences import Sequences
from .calibrating import drawn
from .manifest import NOVELTY

if TYPE_CHECKING:
    from .index import ShardedIndex

_METHODS = ("nearest", "mean", "kth")


class ShardedNovelty:
    """Raises ParameterError for methods that need the neighbours of neighbours, codes or a decoder, which shards do not
    share."""

    def __init__(self, index: ShardedIndex, options: NoveltyOptions, where: Where | None) -> None:
        if options.method not in _METHODS or options.source != EXACT:
            raise ParameterError(
                f"novelty by {options.method}, {options.source or 'without distances'}: shards answer by exact "
                f"distances and {', '.join(_METHODS)}; one index has the others"
            )
        self.index, self.options, self.where = index, options, where

    def results(self, queries: Sequences, known: Sequences | KnownScores | None, progress: Progress) -> NoveltyResults:
        """The verdicts on queries."""
        options = self.options
        calibration = known if isinstance(known, KnownScores) else self.known(known, False, progress)
        calibration.require(options.key)
        found = self.index.search(
            queries, options.neighbours, where=self.where, strand=options.strand, progress=progress
        )
        scores = self._scores(Neighbours(found.rows, found.distances))
        shares = shares_of(queries, options.seed) if options.ties == SMOOTHED else None
        made = NoveltyResults(
            queries.ids,
            found.targets.ids,
            scores,
            calibration.p_values(scores, shares),
            found.rows[:, 0],
            found.distances[:, 0],
            options.fpr,
            len(calibration),
            found.guarantee,
            warnings=found.how.cautions,
        )
        return made.controlled() if options.bh else made

    def known(self, known: Sequences | None, anew: bool, progress: Progress) -> KnownScores:
        """Scores of known sequences: those given, or members of all shards, each judged as if it were not stored. Those
        of members are kept beside the shards, and measured anew when these have grown or shrunk by more than a fifth.
        """
        options, size = self.options, len(self.index)
        if self.index.finds_parts and known is None:
            raise ParameterError(
                "what is stored is whole and says nothing about parts of it: "
                "give known sequences like the queries (known=..., --known FILE)"
            )
        if known is not None:
            found = self.index.search(known, options.neighbours, where=self.where, strand=options.strand)
            scores = self._scores(Neighbours(found.rows, found.distances))
            return KnownScores.of(scores, options.key, size, GIVEN, {})
        if self.where is not None:
            raise ParameterError(
                "novelty among what fulfils a condition needs known sequences (known=..., --known FILE)"
            )
        place = Path(self.index.path) / f"{NOVELTY}{hashlib.blake2b(self._kept.encode(), digest_size=8).hexdigest()}"
        stored = None if anew else self._stored(place)
        if stored is None or stored.is_stale(size):
            stored = self._measured(size, progress)
            try:
                with atomic_write(place) as file:
                    file.write(stored.to_bytes())
            except OSError as error:
                progress.note(f"the calibration of novelty is not kept beside the shards: {error}")
        return stored

    @property
    def _kept(self) -> str:
        return f"{self.options.key} {self.options.sample} {self.options.seed}"

    def _stored(self, place: Path) -> KnownScores | None:
        try:
            return KnownScores.from_bytes(place.read_bytes())
        except OSError:
            return None

    def _measured(self, size: int, progress: Progress) -> KnownScores:
        options = self.options
        if size < 2:
            return KnownScores(np.zeros(0), options.key, size, MEMBERS, {})
        members = drawn(self.index.global_rows(), options.sample, options.seed)
        progress.note(f"{self.index.path}: measuring how new {len(members):,} members look")
        found = self.index.neighbours_of_members(members, options.neighbours, strand=options.strand)
        return KnownScores.of(self._scores(found), options.key, size, MEMBERS, {})

    def _scores(self, found: Neighbours) -> DoubleArray:
        return mean_distance(found.distances) if self.options.method == "mean" else kth_distance(found.distances)
