"""Whether what is asked or added can be of the kind that is stored, where letters alone do not say so."""

from __future__ import annotations

import numpy as np

from ..errors import MismatchError
from ..sequences import PROTEIN, Sequences
from .holding import Rows

_BASES = "ACGTUN"
_FEWEST = 30  # letters that tell: of a protein a quarter are among these
_SURELY = 0.95
_LOOKED_AT = 100  # stored sequences


def require_no_bases(given: Sequences, what: str, store: Rows) -> None:
    """Raise MismatchError for nucleotides where an index holds proteins: all their letters are amino acids too.

    An index that somebody built of nucleotides as proteins takes them.
    """
    if not _are_bases(given):
        return
    rows = np.flatnonzero(store.live())[:_LOOKED_AT]
    _refuse_bases(given, what, store.sequences(rows), "the index holds proteins", "search an index of dna")


def require_no_bases_among(given: Sequences, what: str, references: Sequences) -> None:
    """The same of sequences that are compared with references. Raises MismatchError."""
    if _are_bases(given):
        _refuse_bases(given, what, references[:_LOOKED_AT], "the references are proteins", "compare them with dna")


def _are_bases(given: Sequences) -> bool:
    return given.alphabet is not None and given.alphabet.name == PROTEIN.name and share_of_bases(given) >= _SURELY


def _refuse_bases(given: Sequences, what: str, stored: Sequences, held: str, other: str) -> None:
    if share_of_bases(stored) < _SURELY:
        share = share_of_bases(given)
        raise MismatchError(
            f"{what}: {share:.0%} of their letters are bases (A, C, G, T, U, N), and {held}: translate them, or {other}"
        )


def share_of_bases(sequences: Sequences) -> float:
    """The part of the letters that are bases; 0 of too few to tell."""
    assert sequences.alphabet is not None
    codes = np.asarray(sequences.data[int(sequences.offsets[0]) : int(sequences.offsets[-1])])
    if len(codes) < _FEWEST:
        return 0.0
    counts = np.bincount(codes, minlength=len(sequences.alphabet.letters))
    bases = [place for place, letter in enumerate(sequences.alphabet.letters) if letter in _BASES]
    return float(counts[bases].sum() / len(codes))
