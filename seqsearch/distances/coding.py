"""Symbols of any alphabet as small numbers, so that few bits tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import AnyArray
from ..sequences import Sequences

_UNKNOWN = np.uint32(1 << 31)
# Up to here the distinct symbols are found by counting, which is faster than sorting; code points all are below.
_COUNTED = 1 << 22


@dataclass(frozen=True)
class Coding:
    """Numbers below 2**bits for the symbols of one set.

    `symbols`: sorted, the position is the number; None where codes stand for themselves.
    """

    symbols: AnyArray | None
    bits: int

    @classmethod
    def of(cls, sequences: Sequences) -> Coding:
        """A coding of the symbols that occur in a set of tokens."""
        data = sequences.data
        if data.dtype == np.uint8:
            return cls(None, max(1, int(data.max(initial=0)).bit_length()))
        if int(data.max(initial=0)) < _COUNTED:
            symbols = np.flatnonzero(np.bincount(data, minlength=1)).astype(np.uint32)
        else:
            symbols = np.unique(data)
        return cls(symbols, max(1, (len(symbols) - 1).bit_length()))

    def codes(self, sequences: Sequences) -> AnyArray:
        """(sum T,) numbers of all symbols of `sequences`; one that the coded set lacks is above 2**bits - 1."""
        data = sequences.data
        if self.symbols is None:
            return data
        if len(self.symbols) == 0:
            return np.full(len(data), _UNKNOWN)
        if int(self.symbols[-1]) < _COUNTED:
            table = np.full(int(self.symbols[-1]) + 2, _UNKNOWN)
            table[self.symbols] = np.arange(len(self.symbols), dtype=np.uint32)
            return table[np.minimum(data, np.uint32(len(table) - 1))]
        at = np.minimum(np.searchsorted(self.symbols, data), len(self.symbols) - 1)
        return np.where(self.symbols[at] == data, at.astype(np.uint32), _UNKNOWN)
