"""Token sequences as Python strings, for functions that take those: a whole set decoded at once."""

from __future__ import annotations

import numpy as np

from ..arrays import IntArray
from ..sequences import INTEGERS, Sequences

Spelled = list[str] | list[list[int]]


def spelled(sequences: Sequences) -> Spelled:
    """Every sequence as a string of its letters; as a list of whole numbers for integer tokens, which have none."""
    assert sequences.alphabet is not None
    data, offsets = sequences.data, sequences.offsets
    bounds = (offsets - offsets[0]).tolist()
    codes = data[offsets[0] : offsets[-1]]
    if sequences.alphabet.name == INTEGERS.name:
        values = codes.tolist()
        return [values[bounds[row] : bounds[row + 1]] for row in range(len(sequences))]
    if sequences.alphabet.is_open:  # a lone surrogate is a code point as well
        text = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    else:
        text = sequences.alphabet.decode(codes)
    return [text[bounds[row] : bounds[row + 1]] for row in range(len(sequences))]


def spelled_rows(sequences: Sequences, rows: IntArray) -> Spelled:
    """(m,) the strings of `rows`, each row decoded once however often it is asked for."""
    distinct, places = np.unique(rows, return_inverse=True)
    texts = spelled(sequences[distinct])
    return [texts[place] for place in places.tolist()]
