"""Words as numbers: a vocabulary that knows the training words, and the letter n-grams that any word has.

A word is its own number, or that of the unknown word, and the hashed n-grams of its letters in lower case between the
marks < and >, so that an unknown word still shares most of its vector with its relatives (Bojanowski et al., Enriching
word vectors with subword information, TACL 2017). Its shape (Capital, CAPITALS, digits, hyphens) counts as one more.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrays import JSON, IntArray
from ..sequences import Words

GRAMS = (2, 3, 4, 5)  # lengths of letter n-grams; of two letters only the first and the last count
BUCKETS = 1 << 14  # rows that n-grams are hashed into: about as many as a small corpus has frequent ones
FOLDED_BUCKETS = 1 << 15  # with whole words among them
MOST_GRAMS = 48  # of one word: a word longer than about 16 letters gives its first and last ones
_REMEMBERED = 1 << 17  # words whose n-grams are kept
_SHAPES = ((re.compile("[A-Z]+"), "A"), (re.compile("[a-z]+"), "a"), (re.compile("[0-9]+"), "0"))


@dataclass(frozen=True)
class WordReading:
    """`words`: the known ones, by number; the number after the last is the unknown word's. `buckets`: rows that the
    n-grams share, 0 for none. `folded`: words are known without regard to capitals, and the whole word counts among
    its n-grams, so that rare ones need no number of their own.
    """

    words: tuple[str, ...]
    buckets: int = BUCKETS
    folded: bool = False

    @classmethod
    def fit(cls, words: Words) -> WordReading:
        """Know all words, the most frequent first."""
        return cls(tuple(word for word, _ in Counter(words.words).most_common()))

    @classmethod
    def fit_folded(cls, words: Words) -> WordReading:
        """Know words in small letters that were seen twice, the most frequent first."""
        counted = Counter(word.lower() for word in words.words).most_common()
        return cls(tuple(word for word, seen in counted if seen > 1), FOLDED_BUCKETS, True)

    @property
    def size(self) -> int:
        """Known words and the unknown one."""
        return len(self.words) + 1

    @property
    def unknown(self) -> int:
        """The number of every word that is not known."""
        return len(self.words)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def _grams(self) -> dict[str, IntArray]:
        return {}

    def numbers(self, words: list[str]) -> IntArray:
        """(m,) numbers of words."""
        known, unknown = self._number, self.unknown
        if self.folded:
            words = [word.lower() for word in words]
        return np.fromiter((known.get(word, unknown) for word in words), np.int64, len(words))

    def grams(self, words: list[str]) -> IntArray:
        """(m, G) n-grams of words as 1..buckets, padded with 0 to the most that one of them has."""
        rows = [self._grams_of(word) for word in words]
        width = max((len(row) for row in rows), default=0)
        out = np.zeros((len(rows), width), np.int64)
        for row, own in zip(out, rows, strict=True):
            row[: len(own)] = own
        return out

    def _grams_of(self, word: str) -> IntArray:
        found = self._grams.get(word)
        if found is None:
            whole = [f"word {word.lower()}"] if self.folded else []
            hashed = [zlib.crc32(gram.encode("utf-8")) % self.buckets + 1 for gram in [*whole, *grams_of(word)]]
            found = np.array(hashed, np.int64)
            if len(self._grams) < _REMEMBERED:
                self._grams[word] = found
        return found

    def to_json(self) -> JSON:
        own: JSON = {"words": list(self.words), "buckets": self.buckets}
        return own | {"folded": True} if self.folded else own  # without it models stay as they were, byte for byte

    @classmethod
    def from_json(cls, document: JSON) -> WordReading:
        return cls(tuple(document["words"]), int(document["buckets"]), bool(document.get("folded", False)))


def grams_of(word: str) -> list[str]:
    """The shape and the letter n-grams of a word, at most `MOST_GRAMS`: the first and the last ones of a long word."""
    marked = f"<{word.lower()}>"
    found = [f"shape {shape_of(word)}", marked[:2], marked[-2:]]
    for n in GRAMS[1:]:
        found += [marked[at : at + n] for at in range(len(marked) - n + 1)]
    if len(found) > MOST_GRAMS:
        ends = [marked[:n] for n in GRAMS[1:]] + [marked[-n:] for n in GRAMS[1:]]
        found = [*found[:3], *ends, *found[3:]][:MOST_GRAMS]
    return found


def shape_of(word: str) -> str:
    """Runs of capitals as A, of small letters as a, of digits as 0; other characters as they are, ten at most."""
    for pattern, sign in _SHAPES:
        word = pattern.sub(sign, word)
    return word[:10]
