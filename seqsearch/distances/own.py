"""A distance of one's own from one function of two sequences: everything else follows, slowly and rightly.

from rapidfuzz.distance import JaroWinkler
from seqsearch.distances import CustomDistance, register

@register
class Names(CustomDistance):
    name = "names"

    def between(self, a: str, b: str) -> float:
        return JaroWinkler.distance(a, b, prefix_weight=0.2)

index = SequenceIndex.build("names.ss", names, distance=Names())
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

import numba
import numpy as np
from numba.extending import is_jitted

from .. import threads
from ..arrays import AnyArray, DoubleArray, IntArray
from ..errors import ParameterError
from ..sequences import Kind, Sequences
from .arguments import columns_of, pair_arguments
from .distance import Distance
from .spelled import spelled

# In candidates proposed by the graph: a call of a Python function, and a step of a loop over both sequences in it.
_CALL, _CELL = 10.0, 0.05


class CustomDistance(Distance):
    """A distance that is given by `between`, of two sequences at a time.

    A subclass has a `name` and `between`, and `parameters` where its `__init__` takes some by keyword. `kind` is
    "tokens" unless it says "series". `sees`: what `between` is given of tokens, the "text" of both (a list of numbers
    for integer tokens), or the "codes", arrays of their alphabet; of series always (T, F) float32 arrays.

    `between` may be a function that numba compiled, `between = staticmethod(numba.njit(function))`: it is given codes
    or series, and runs on all cores without Python.

    What may be said or overridden to be faster: `metric`, `whole_numbers` (see `Distance`); `pairs` and `matrix`, many
    at once; `searcher`, where bounds rule most targets out; `verification_cost`, so that budgets are chosen well.

    >>> import seqsearch as ss
    >>> class Letters(ss.CustomDistance):
    ...     name = "letters-of-one"
    ...
    ...     def between(self, a: str, b: str) -> float:
    ...         return len(set(a) ^ set(b))
    >>> index = ss.SequenceIndex.build("names.ss", ["anna", "hanna", "otto"], distance=Letters(), encoder="kmer")
    >>> index.search("nana", k=2).to_dicts(["target", "distance"])
    [{'target': '1', 'distance': 0.0}, {'target': '2', 'distance': 1.0}]
    """

    kind: ClassVar[Kind] = "tokens"
    sees: ClassVar[Literal["text", "codes"]] = "text"

    @abstractmethod
    def between(self, a: Any, b: Any) -> float:
        """The distance of two sequences, a number of at least 0; inf where they are not to be neighbours at all."""

    def pairs(
        self, a: Sequences, a_rows: IntArray, b: Sequences, b_rows: IntArray, cutoffs: DoubleArray | None = None
    ) -> DoubleArray:
        """(m,) distances, as `Distance.pairs`. Raises ParameterError naming two records whose distance is no number of
        at least 0."""
        self.require(a, b)
        first, second, _ = pair_arguments(a_rows, len(a), b_rows, len(b), cutoffs)
        if is_jitted(self.between):
            found = np.empty(len(first))
            threads.numba_threads()
            x, y = columns_of(a), columns_of(b)
            _compiled(self.between)(x.data, x.offsets, first, y.data, y.offsets, second, found)
        else:
            compared = zip(self._given(a, first), self._given(b, second), strict=True)
            found = np.fromiter(map(self._number, compared), np.float64, len(first))
        wrong = ~(found >= 0)
        if wrong.any():
            at = int(np.argmax(wrong))
            records = f"the records {a.ids[int(first[at])]!r} and {b.ids[int(second[at])]!r}"
            raise ParameterError(
                f"the distance {self.name} of {records} is {found[at]}: between must return a number of at least 0"
            )
        return found

    def _number(self, compared: tuple[Any, Any]) -> float:
        found = self.between(*compared)
        try:
            return float(found)
        except (TypeError, ValueError):
            told = f"between returned {found!r:.60}: it must return a number of at least 0"
            raise ParameterError(f"the distance {self.name}: {told}") from None

    def _given(self, sequences: Sequences, rows: IntArray) -> Iterable[Any]:
        """What `between` is given of `rows`, each row made once."""
        distinct, places = np.unique(rows, return_inverse=True)
        some = sequences[distinct]
        if self.kind == "tokens" and self.sees == "text":
            each: list[Any] = list(spelled(some))
        else:
            each = [some.data[start:end] for start, end in zip(some.offsets[:-1], some.offsets[1:], strict=True)]
        return map(each.__getitem__, places.tolist())

    def verification_cost(self, lengths: IntArray, reach: float) -> float:
        """A call of Python that loops over both sequences; of compiled code as every distance."""
        if is_jitted(self.between):
            return super().verification_cost(lengths, reach)
        length = float(lengths.mean())
        return _CALL + length * length * _CELL


@functools.cache
def _compiled(between: Callable[[AnyArray, AnyArray], float]) -> Callable[..., None]:
    """`between` of many pairs over all cores: compiled at the first call of a process, for a second or two."""

    def pairs_kernel(
        a: AnyArray,
        a_offsets: IntArray,
        a_rows: IntArray,
        b: AnyArray,
        b_offsets: IntArray,
        b_rows: IntArray,
        found: DoubleArray,
    ) -> None:
        for pair in numba.prange(len(found)):
            i, j = a_rows[pair], b_rows[pair]
            found[pair] = between(a[a_offsets[i] : a_offsets[i + 1]], b[b_offsets[j] : b_offsets[j + 1]])

    made: Callable[..., None] = numba.njit(nogil=True, parallel=True)(pairs_kernel)
    return made
