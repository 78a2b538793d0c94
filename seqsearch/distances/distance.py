"""What every exact distance can do, and the table of those there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..arrays import AnyArray, BoolArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..progress import SILENT, Progress
from ..sequences import Kind, Sequences
from .dtw import DTWDistance
from .edit import EditDistance
from .matching import MatchingDTW
from .neighbours import Neighbours
from .proof import ExactSearch

Json = str | int | float | bool | None


class Distance(Protocol):
    """An exact distance between sequences. All distances are float64; `a`, `b`, `queries`, `targets` are columnar sets.

    Every method raises MismatchError when the two sets cannot be compared, or are not of the distance's kind.
    """

    @property
    def name(self) -> str:
        """The name in `distance_named`."""

    @property
    def kind(self) -> Kind:
        """ "tokens" or "series"."""

    def parameters(self) -> dict[str, Any]:
        """JSON values from which `distance_named(name, **parameters)` makes an equal distance."""

    def matrix(self, a: Sequences, b: Sequences) -> AnyArray:
        """All distances, (len(a), len(b)) float64."""

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances of a[a_rows[i]] and b[b_rows[i]]; those above `cutoffs`, (m,), may be inf."""

    def rerank(
        self, queries: Sequences, targets: Sequences, candidates: IntArray, k: int, *, stop: DoubleArray | None = None
    ) -> Neighbours:
        """The k nearest among `candidates`, (Q, C) rows of `targets`, -1 padded, verified in the order given.

        The running k-th distance is the cutoff of the next. `stop`, (Q, C): the least distance expected of this and all
        later candidates of the query; its list ends where that exceeds the running k-th distance.
        """

    def exact(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> Neighbours:
        """The k nearest of all targets, by proof; `allowed`, (len(targets),), leaves rows out. Ties: smallest row."""

    def exact_with_pruning(
        self,
        queries: Sequences,
        targets: Sequences,
        k: int,
        *,
        allowed: BoolArray | None = None,
        progress: Progress = SILENT,
    ) -> tuple[Neighbours, object]:
        """The same, and what `str` tells in one line: the pairs that each lower bound pruned."""

    def searcher(self, targets: Sequences, allowed: BoolArray | None = None) -> ExactSearch:
        """`exact_with_pruning` of the same targets again and again, made ready once where that saves anything."""


DISTANCES: dict[str, Callable[..., Distance]] = {"edit": EditDistance, "dtw": DTWDistance, "dtw-matching": MatchingDTW}


def distance_named(name: str, **parameters: Any) -> Distance:
    """The distance of that name. Raises ParameterError for an unknown name or parameter."""
    if name not in DISTANCES:
        raise ParameterError(f"no distance {name!r}: choose one of {', '.join(DISTANCES)}")
    try:
        return DISTANCES[name](**parameters)
    except TypeError as error:
        raise ParameterError(f"distance {name}: {error}") from None
