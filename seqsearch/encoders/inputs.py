"""`InputSpec`: what an encoder was made for - the kind of input, its symbols, its features - saved with every model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ..arrays import JSON, AnyArray, DoubleArray, FloatArray, IntArray
from ..errors import MismatchError
from ..sequences import TEXT, Alphabet, Sequences, Strings, alphabet_named, words_of
from .words import WordReading

MAX_SYMBOLS = 255
_TUPLES = ("vocabulary", "mean", "deviation")


@dataclass(frozen=True)
class InputSpec:
    """The inputs a model accepts.

    `alphabet`: its name, or None for series; `vocabulary`: the codes of an open alphabet that have a symbol number of
    their own (every other code shares the last number, "other"); `features`: F of a series; `length`: a length that
    few training sequences exceed, in steps; `mean`, `deviation`: of each feature of a series. `reading`: how text is
    read word by word, each word a step; None reads letter by letter. `context`: series are read beside the others of
    their records (`context.in_context`), so that all of a record are given together, in order.
    """

    alphabet: str | None
    vocabulary: tuple[int, ...] = ()
    features: int = 0
    length: int = 1
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    reading: WordReading | None = None
    context: bool = False

    @classmethod
    def fit(cls, sequences: Sequences, max_symbols: int = MAX_SYMBOLS) -> InputSpec:
        """The spec of a training set: the most frequent codes of an open alphabet, the 95th percentile of lengths."""
        length = int(np.ceil(np.quantile(sequences.lengths, 0.95))) if len(sequences) else 1
        if sequences.alphabet is None:
            values = sequences.data.astype(np.float64)
            spread = values.std(axis=0) if len(values) else np.ones(values.shape[1])
            return cls(
                None,
                features=sequences.features,
                length=length,
                mean=_floats(values.mean(axis=0)) if len(values) else (0.0,) * values.shape[1],
                deviation=_floats(np.where(spread > 0, spread, 1.0)),
            )
        vocabulary: tuple[int, ...] = ()
        if sequences.alphabet.is_open:
            codes, counts = np.unique(sequences.data, return_counts=True)
            kept = np.sort(codes[np.argsort(-counts, kind="stable")[:max_symbols]])
            vocabulary = tuple(int(code) for code in kept)
        return cls(sequences.alphabet.name, vocabulary, length=length)

    @classmethod
    def fit_words(cls, sequences: Sequences, folded: bool = False) -> InputSpec:
        """The spec of a training set read by words: those seen are known, or (`folded`) those seen twice, without
        regard to capitals.

        Raises MismatchError unless the sequences are text.
        """
        words = words_of(sequences)
        length = int(np.ceil(np.quantile(np.maximum(words.lengths, 1), 0.95))) if len(sequences) else 1
        reading = WordReading.fit_folded(words) if folded else WordReading.fit(words)
        return cls(TEXT.name, length=length, reading=reading)

    @property
    def kind(self) -> str:
        """ "tokens" or "series"."""
        return "series" if self.alphabet is None else "tokens"

    @cached_property
    def _alphabet(self) -> Alphabet:
        assert self.alphabet is not None
        return alphabet_named(self.alphabet)

    @cached_property
    def nothing(self) -> Sequences:
        """No sequence, of the kind that is accepted."""
        if self.alphabet is not None:
            return Sequences.from_texts([], self._alphabet)
        return Sequences(np.zeros((0, self.features), np.float32), np.zeros(1, np.int64), Strings.of([]), None)

    @property
    def symbols(self) -> int:
        """A: number of symbols a token may be a mixture of, or of words; 0 for series."""
        if self.alphabet is None:
            return 0
        if self.reading is not None:
            return self.reading.size
        return len(self.vocabulary) + 1 if self._alphabet.is_open else len(self._alphabet.canonical)

    @cached_property
    def profiles(self) -> FloatArray:
        """(tokens, A): every token that `tokens` gives as a distribution over the A symbols."""
        if self._alphabet.is_open:
            return np.eye(self.symbols, dtype=np.float32)
        return self._alphabet.profiles

    @cached_property
    def members(self) -> tuple[IntArray, IntArray]:
        """(tokens,) number of symbols each token may be, and (tokens, widest) which ones."""
        counts = (self.profiles > 0).sum(axis=1).astype(np.int64)
        table = np.zeros((len(counts), int(counts.max())), np.int64)
        for code, row in enumerate(self.profiles):
            table[code, : counts[code]] = np.flatnonzero(row > 0)
        return counts, table

    def tokens(self, sequences: Sequences) -> AnyArray:
        """The tokens of `sequences` as rows of `profiles`, in a narrow unsigned type."""
        if not self._alphabet.is_open:
            return sequences.data
        known = np.array(self.vocabulary, np.uint32)
        if not len(known):
            return np.zeros(len(sequences.data), np.uint16)
        position = np.minimum(np.searchsorted(known, sequences.data), len(known) - 1)
        return np.where(known[position] == sequences.data, position, len(known)).astype(np.uint16)

    def standardized(self, sequences: Sequences) -> FloatArray:
        """(sum T, F) series values with the training mean and deviation of each feature taken out."""
        centred = sequences.data - np.array(self.mean, np.float32)
        return (centred / np.array(self.deviation, np.float32)).astype(np.float32)

    def require(self, sequences: Sequences) -> None:
        """Raise MismatchError unless a model of this spec can read `sequences`."""
        name = sequences.alphabet.name if sequences.alphabet is not None else None
        if name != self.alphabet:
            raise MismatchError(f"the model reads {self.alphabet or 'series'}, the data are {name or 'series'}")
        if sequences.features != self.features:
            raise MismatchError(f"the model reads {self.features} features, the series have {sequences.features}")

    def steps(self, sequences: Sequences) -> IntArray:
        """(n,) steps a network that reads step by step makes of each sequence."""
        return sequences.lengths if self.reading is None else np.maximum(words_of(sequences).lengths, 1)

    def to_json(self) -> JSON:
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "reading"}
        if not self.context:  # so that models without it stay as they were, byte for byte
            del own["context"]
        lists = {name: list(own[name]) for name in _TUPLES}
        return {**own, **lists, "reading": None if self.reading is None else self.reading.to_json()}

    @classmethod
    def from_json(cls, document: JSON) -> InputSpec:
        tuples = {name: tuple(document[name]) for name in _TUPLES}
        reading = document.get("reading")  # models of version 1 have none
        known = None if reading is None else WordReading.from_json(reading)
        return cls(**{**document, **tuples, "reading": known})


def _floats(values: DoubleArray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
