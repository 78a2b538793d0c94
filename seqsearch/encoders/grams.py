"""n-grams of words or symbols as numbers, and the linear scores of classes that are learnt of them.

Every n-gram is hashed to 64 bits, so nothing of the text is kept and two of a million n-grams meet by chance once in
forty million models. An n-gram counts once a sequence, however often it stands there: for short texts whether a word is
there says more than how often (Wang and Manning, Baselines and bigrams, ACL 2012).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ..arrays import JSON, AnyArray, DoubleArray, FloatArray, IntArray
from ..sequences import Sequences, offsets_of, words_of
from .inputs import InputSpec
from .run import Runner, Weights

FAMILY = "grams"
KEYS, TABLE, RARITY = "grams.keys", "grams.table", "grams.rarity"
_AT_ONCE = 1 << 22  # scores of single n-grams held at once
_GRAMS = 128  # of a usual sequence

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class GramReading:
    """`sizes`: lengths n of the n-grams; `placed`: of those that count by where they begin, too. With `by_words` the
    elements are words, without regard to capitals, otherwise symbols.
    """

    sizes: tuple[int, ...]
    placed: tuple[int, ...] = ()
    by_words: bool = False

    def keys(self, sequences: Sequences) -> tuple[Keys, IntArray]:
        """(m,) n-grams of n sequences, each once in its own, ascending there; (n + 1,) where those of each begin."""
        elements, offsets = _elements(sequences, self.by_words)
        lengths = np.diff(offsets)
        owners = np.repeat(np.arange(len(lengths)), lengths)
        places = np.arange(len(elements)) - offsets[:-1][owners]
        left = lengths[owners] - places  # elements from here to the end
        keys, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        for size in sorted({*self.sizes, *self.placed}):
            starts = np.flatnonzero(left >= size)
            own = np.full(len(starts), size, np.uint64)
            for at in range(size):
                own = mixed(own ^ elements[starts + at])
            if size in self.sizes:
                keys.append(own)
                rows.append(owners[starts])
            if size in self.placed:
                keys.append(mixed(own ^ mixed(places[starts].astype(np.uint64) + np.uint64(1 << 32))))
                rows.append(owners[starts])
        every, whose = np.concatenate(keys), np.concatenate(rows)
        order = np.lexsort((every, whose))
        every, whose = every[order], whose[order]
        first = np.ones(len(every), np.bool_)
        first[1:] = (every[1:] != every[:-1]) | (whose[1:] != whose[:-1])
        return every[first], offsets_of(np.bincount(whose[first], minlength=len(lengths)))

    def to_json(self) -> JSON:
        return {**asdict(self), "sizes": list(self.sizes), "placed": list(self.placed)}

    @classmethod
    def from_json(cls, document: JSON) -> GramReading:
        return cls(tuple(document["sizes"]), tuple(document["placed"]), bool(document["by_words"]))


def found_among(keys: Keys, known: Keys) -> IntArray:
    """(m,) the place of each key among (M,) ascending known ones, -1 for one that is not known."""
    if not len(known):
        return np.full(len(keys), -1, np.int64)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: IntArray = np.where(known[places] == keys, places, -1)
    return found


def row_sums(values: AnyArray, offsets: IntArray) -> DoubleArray:
    """(n, ...) sums of the rows of (m, ...) values between (n + 1,) offsets, 0 where there are none."""
    sums = np.zeros((len(offsets) - 1, *values.shape[1:]))
    there = np.flatnonzero(np.diff(offsets))
    if len(there):
        sums[there] = np.add.reduceat(values, offsets[there], axis=0)
    return sums


def norms(rarity: AnyArray, places: IntArray, offsets: IntArray) -> DoubleArray:
    """(n,) the lengths of the vectors of n sequences with these n-grams, each as long as it is rare; 1 for none."""
    squares = row_sums(np.where(places >= 0, rarity[np.maximum(places, 0)], 0.0).astype(np.float64) ** 2, offsets)
    return np.sqrt(np.where(squares > 0, squares, 1.0))


def grams_runner(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """(n, K) scores: the sum of the rows of the table for the n-grams of a sequence, divided by the length of their
    vector where they have a rarity."""
    reading = GramReading.from_json(settings["reading"])
    known, table, rarity = weights[KEYS], weights[TABLE], weights.get(RARITY)

    def run(sequences: Sequences) -> FloatArray:
        spec.require(sequences)
        out = np.zeros((len(sequences), table.shape[1]), np.float32)
        step = max(1, _AT_ONCE // (_GRAMS * table.shape[1]))
        for start in range(0, len(sequences), step):
            out[start : start + step] = scores(sequences[start : start + step])
        return out

    def scores(part: Sequences) -> DoubleArray:
        keys, offsets = reading.keys(part)
        places = found_among(keys, known)
        held = table[places] if len(table) else np.zeros((len(places), table.shape[1]))
        sums = row_sums(np.where(places[:, None] >= 0, held, 0.0), offsets)
        return sums if rarity is None else sums / norms(rarity, places, offsets)[:, None]

    return run


def _elements(sequences: Sequences, by_words: bool) -> tuple[Keys, IntArray]:
    """A number for every element of all sequences, and (n + 1,) where those of each begin."""
    if not by_words:
        codes = sequences.data[sequences.offsets[0] : sequences.offsets[-1]]
        return mixed(codes.astype(np.uint64) + np.uint64(1)), sequences.offsets - sequences.offsets[0]
    words = words_of(sequences)
    numbers: dict[str, int] = {}
    for word in set(words.words):
        digest = hashlib.blake2b(word.lower().encode("utf-8", "surrogatepass"), digest_size=8).digest()
        numbers[word] = int.from_bytes(digest, "little")
    return np.fromiter((numbers[word] for word in words.words), np.uint64, len(words.words)), words.offsets


def mixed(values: Keys) -> Keys:
    """Every bit of the outcome depends on every bit of a value: the finaliser of splitmix64 (Steele et al. 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Keys = values ^ (values >> np.uint64(31))
    return found
