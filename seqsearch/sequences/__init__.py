"""Sequences: records and columnar sets of them, alphabets, readers."""

from .alphabet import ALPHABETS, DNA, INTEGERS, PROTEIN, RNA, TEXT, Alphabet, alphabet_named
from .padding import Padded, pad, padded_batches
from .readers import ReadReport, read, read_batches
from .sequence import Kind, Sequence, Sequences
from .strings import Strings, offsets_of, ranges_to_indices
from .writers import write_fasta, write_sequences

__all__ = [
    "ALPHABETS",
    "DNA",
    "INTEGERS",
    "PROTEIN",
    "RNA",
    "TEXT",
    "Alphabet",
    "Kind",
    "Padded",
    "ReadReport",
    "Sequence",
    "Sequences",
    "Strings",
    "alphabet_named",
    "offsets_of",
    "pad",
    "padded_batches",
    "ranges_to_indices",
    "read",
    "read_batches",
    "write_fasta",
    "write_sequences",
]
