"""Words: what white space separates in a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import IntArray
from ..errors import MismatchError
from .sequence import Sequences
from .strings import offsets_of


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
