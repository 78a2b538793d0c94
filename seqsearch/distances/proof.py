"""Nearest neighbours by proof: what every exact distance offers beside its own bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from ..arrays import BoolArray
from ..progress import SILENT, Progress
from ..sequences import Sequences
from .neighbours import Neighbours


class ExactSearch(Protocol):
    """Targets that may be searched more than once."""

    def search(self, queries: Sequences, k: int, *, progress: Progress = SILENT) -> tuple[Neighbours, object]:
        """The k nearest of all targets by proof, and what `str` tells in one line: what the bounds pruned."""


class Provable(ABC):
    """A distance whose bounds find the nearest of all targets without computing every pair."""

    @abstractmethod
    def exact_with_pruning(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, object]:
        """`exact`, and what `str` tells in one line: the pairs that each lower bound pruned."""

    def exact(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> Neighbours:
        """The k nearest of all targets; `allowed`, (len(targets),), leaves targets out. Ties: the smallest row."""
        return self.exact_with_pruning(queries, targets, k, allowed=allowed, progress=progress)[0]

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> ExactSearch:
        """`exact_with_pruning` of the same targets again and again, made ready once where that saves anything."""
        return _Unprepared(self, targets, allowed)


@dataclass(frozen=True)
class _Unprepared:
    distance: Provable
    targets: Sequences
    allowed: BoolArray | None

    def search(self, queries: Sequences, k: int, *, progress: Progress = SILENT) -> tuple[Neighbours, object]:
        return self.distance.exact_with_pruning(queries, self.targets, k, allowed=self.allowed, progress=progress)
