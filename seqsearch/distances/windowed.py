"""Distances to parts of targets which windows lead to: candidates are compared where a part is expected on them."""

from __future__ import annotations

from abc import abstractmethod

from ..arrays import JSON, AnyArray, ByteArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Sequences
from .wildcards import WildcardDistance


class WindowedDistance(WildcardDistance):
    """A distance to parts of targets whose index may cut them into windows.

    `window`, `stride`: how, in letters (None: what suits the targets; a window of 0: not at all, so that every search
    compares with everything). `wildcards`: see `WildcardDistance`. Raises ParameterError for a window below 0 and a
    stride that is not from 1 to the window.
    """

    partial = True

    def __init__(self, *, wildcards: bool = False, window: int | None = None, stride: int | None = None) -> None:
        super().__init__(wildcards=wildcards)
        for name, value, least in (("window", window, 0), ("stride", stride, 1)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ParameterError(f"{name} must be a whole number of letters, at least {least}, not {value!r}")
        if stride is not None and stride > (window or 0):
            told = f"a stride of {stride} letters needs a window that is as long"
            raise ParameterError(f"{told}, not {window}" if window is not None else f"{told}: give window= as well")
        self.window, self.stride = window, stride

    def parameters(self) -> JSON:
        named = {"window": self.window, "stride": self.stride}
        return super().parameters() | {name: value for name, value in named.items() if value is not None}

    @abstractmethod
    def nearest_parts(
        self,
        queries: Sequences,
        text: AnyArray,
        starts: IntArray,
        ends: IntArray,
        found: IntArray,
        distances: DoubleArray,
    ) -> None:
        """Offer the stretches text[starts[q, c]:ends[q, c]] of targets, (Q, C), -1 for none, to the nearest so far of
        each query: which of the C, `found` (Q, k), -1 padded, and their `distances`, ascending, inf padded."""

    @abstractmethod
    def nearest_in_bands(
        self,
        queries: Sequences,
        packed: ByteArray,
        bases: IntArray,
        found: IntArray,
        distances: DoubleArray,
        bands: int = 2,
    ) -> AnyArray:
        """As `nearest_parts`, of parts that begin within `infix_bands.reach_of(bands)` letters, of one or two bands,
        behind byte bases[q, c], (Q, C), of `packed`, -1 for none: letters of two bits as they lie, which know no
        `wildcards`. (Q, C) so many letters behind, about, each is nearest."""
