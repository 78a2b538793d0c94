"""Words in a window as numbers, and the linear scores of labels that are learnt of them.

What a word is shows in its letters and in the words beside it. Each word has attributes - itself without regard to
capitals, its shape, its first and last letters -, and a template takes some of them, of the word and of its neighbours
(Ratnaparkhi, A maximum entropy model for part-of-speech tagging, EMNLP 1996; Toutanova et al., NAACL 2003). What a
template finds is hashed to 64 bits, so nothing of the text is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import JSON, DoubleArray, FloatArray, IntArray
from ..jit import kernel
from ..sequences import Sequences, words_of
from .grams import Keys, found_among, mixed
from .inputs import InputSpec
from .run import Runner, Weights
from .words import shape_of

FAMILY = "window"
KEYS, TABLE = "window.keys", "window.table"
_AT_ONCE = 1 << 16  # words

Template = tuple[tuple[int, str], ...]
"""Places, from the word on, and the attribute that is taken of the word there."""

_OWN = ("word", "written", "shape", *(f"first {n}" for n in (1, 2, 3, 4)), *(f"last {n}" for n in (1, 2, 3, 4, 5)))
TEMPLATES: tuple[Template, ...] = (
    *(((0, name),) for name in _OWN),
    *(((place, "word"),) for place in (-2, -1, 1, 2)),
    *(((place, f"last {n}"),) for place in (-1, 1) for n in (2, 3)),
    *(((place, "shape"),) for place in (-1, 1)),
    ((-1, "word"), (0, "word")),
    ((0, "word"), (1, "word")),
    ((-1, "word"), (1, "word")),
    ((-2, "word"), (-1, "word")),
    ((1, "word"), (2, "word")),
    ((-1, "word"), (0, "last 3")),
    ((0, "last 3"), (1, "word")),
    ((-1, "last 2"), (0, "last 2")),
    ((0, "last 2"), (1, "last 2")),
    ((-1, "shape"), (0, "shape"), (1, "shape")),
)


def _attribute(name: str) -> Callable[[str], str]:
    """What an attribute is of a word."""
    kind, _, size = name.partition(" ")
    found: dict[str, Callable[[str], str]] = {
        "word": str.lower,
        "written": str,
        "shape": shape_of,
        "first": lambda word: word.lower()[: int(size)],
        "last": lambda word: word.lower()[-int(size) :],
    }
    return found[kind]


@dataclass(frozen=True)
class WindowReading:
    """Which `templates` are read; their order is that of the features."""

    templates: tuple[Template, ...] = TEMPLATES

    def keys(self, sequences: Sequences) -> Keys:
        """(m, F): what each of F templates finds at each of the m words of texts. A place beyond the ends of a text
        counts as a word of its own."""
        words = words_of(sequences)
        count = len(words.words)
        owners = np.repeat(np.arange(len(sequences)), words.lengths)
        distinct, numbers = _numbered(words.words)
        names = sorted({name for template in self.templates for _, name in template})
        hashed = {name: _hashed(name, distinct)[numbers] for name in names}
        found = np.empty((count, len(self.templates)), np.uint64)
        for number, template in enumerate(self.templates):
            own = np.full(count, number + 1, np.uint64)
            for place, name in template:
                at = np.arange(count) + place
                near = np.clip(at, 0, max(0, count - 1))
                inside = (near == at) & (owners[near] == owners)
                own = mixed(own ^ np.where(inside, hashed[name][near], np.uint64(0)))
            found[:, number] = own
        return found

    def to_json(self) -> JSON:
        return {"templates": [[list(part) for part in template] for template in self.templates]}

    @classmethod
    def from_json(cls, document: JSON) -> WindowReading:
        return cls(tuple(tuple((int(at), str(name)) for at, name in own) for own in document["templates"]))


def _numbered(words: list[str]) -> tuple[list[str], IntArray]:
    """The distinct words, and (m,) the number of each."""
    place: dict[str, int] = {}
    numbers = np.fromiter((place.setdefault(word, len(place)) for word in words), np.int64, len(words))
    return list(place), numbers


def _hashed(name: str, distinct: list[str]) -> Keys:
    """(d,) the attribute of that name of words, as numbers."""
    of = _attribute(name)
    known: dict[str, int] = {}
    out = np.empty(len(distinct), np.uint64)
    for at, word in enumerate(distinct):
        value = of(word)
        number = known.get(value)
        if number is None:
            digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            number = known[value] = int.from_bytes(digest, "little") or 1
        out[at] = number
    return out


def window_steps(spec: InputSpec, settings: JSON, weights: Weights) -> Runner:
    """(sum T, K) scores of the words of texts: the sums of the rows of the table for what their templates find."""
    reading = WindowReading.from_json(settings["reading"])
    known = weights[KEYS].astype(np.uint64)
    table = np.ascontiguousarray(weights[TABLE], np.float32)

    def run(sequences: Sequences) -> FloatArray:
        spec.require(sequences)
        keys = reading.keys(sequences)
        out = np.empty((len(keys), table.shape[1]), np.float32)
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            out[start : start + _AT_ONCE] = summed(table, found_among(part.ravel(), known).reshape(part.shape))
        return out

    return run


@kernel()
def summed(table: FloatArray, places: IntArray) -> DoubleArray:
    """(m, K) sums of the rows of (M, K) at (m, F) places, those below 0 left out."""
    out = np.zeros((len(places), table.shape[1]))
    for i in range(len(places)):
        for f in range(places.shape[1]):
            row = places[i, f]
            if row >= 0:
                for k in range(table.shape[1]):
                    out[i, k] += table[row, k]
    return out
