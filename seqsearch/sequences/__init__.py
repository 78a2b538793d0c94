"""Sequences: records and columnar sets of them, alphabets, readers."""

from .alphabet import ALPHABETS, DNA, INTEGERS, PROTEIN, RNA, TEXT, Alphabet, alphabet_named
from .readers import ReadReport, read, read_batches
from .sequence import Kind, Sequence, Sequences
from .strings import Strings, offsets_of, ranges_to_indices

__all__ = [
    "ALPHABETS",
    "DNA",
    "INTEGERS",
    "PROTEIN",
    "RNA",
    "TEXT",
    "Alphabet",
    "Kind",
    "ReadReport",
    "Sequence",
    "Sequences",
    "Strings",
    "alphabet_named",
    "offsets_of",
    "ranges_to_indices",
    "read",
    "read_batches",
]
