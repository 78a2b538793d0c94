"""Elements of sequences: `Tagged`, whose elements have labels; `Words`, the elements of a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray, BoolArray, IntArray
from ..errors import MismatchError
from .sequence import Sequences
from .strings import Strings, offsets_of, ranges_to_indices


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
        tags = None if self.tags is None else self.tags.take(elements)
        offsets = offsets_of(self.lengths[chosen])
        return Tagged(self.sequences[chosen], offsets, tags, self.known[elements], self.by_words)


@dataclass(frozen=True)
class Words:
    """All words of n texts, one text after the other: text i has words[offsets[i]:offsets[i + 1]], maybe none."""

    words: list[str]
    offsets: IntArray

    @property
    def lengths(self) -> IntArray:
        """(n,) words of each text."""
        return np.diff(self.offsets)


def words_of(sequences: Sequences) -> Words:
    """The words of texts. Raises MismatchError for anything but text."""
    if sequences.alphabet is None or sequences.alphabet.name != "text":
        what = "series" if sequences.alphabet is None else sequences.alphabet.name
        raise MismatchError(f"only text has words, not {what}")
    parts = [text.split() for text in sequences.texts()]
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    return Words([word for part in parts for word in part], offsets_of(lengths))
