"""`Tagged`: sequences whose elements have labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import MismatchError
from .sequence import Sequences
from .strings import Strings, ranges_to_indices


@dataclass(frozen=True)
class Tagged:
    """A set of sequences and a label for each of their elements.

    `offsets`: (n + 1,) where the elements of each sequence begin: its words (`by_words`) or its symbols or steps;
    `tags`: m labels of all elements, one sequence after the other, None where they are not known; `known`: (m,) False
    on elements whose label means nothing and is neither learnt nor counted.
    """

    sequences: Sequences
    offsets: IntArray
    tags: Strings | None
    known: BoolArray
    by_words: bool = False

    def __post_init__(self) -> None:
        m = int(self.offsets[-1])
        if self.tags is not None and len(self.tags) != m:
            raise MismatchError(f"{len(self.tags)} labels for {m} elements")
        if len(self.known) != m:
            raise MismatchError(f"a mask of {len(self.known)} for {m} elements")

    @property
    def lengths(self) -> IntArray:
        """(n,) elements of each sequence."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, rows: AnyArray | slice) -> Tagged:
        """The sequences of some rows with their labels."""
        chosen = np.arange(len(self))[rows]
        elements = ranges_to_indices(self.offsets[chosen], self.lengths[chosen])
        offsets = np.concatenate([[0], np.cumsum(self.lengths[chosen])])
        tags = None if self.tags is None else self.tags.take(elements)
        return Tagged(self.sequences[chosen], offsets, tags, self.known[elements], self.by_words)
