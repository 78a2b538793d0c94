"""Sequences: records and columnar sets of them, alphabets, readers."""

from .alphabet import ALPHABETS, DNA, INTEGERS, PROTEIN, RNA, TEXT, Alphabet, alphabet_named
from .coercion import SequencesLike, as_sequences
from .padding import Padded, pad, padded_batches
from .readers import ReadReport, read, read_batches
from .readers.tagged import read_tagged, untagged
from .sequence import Kind, Sequence, Sequences
from .strings import Strings, offsets_of, ranges_to_indices
from .tagged import Tagged, Words, words_of
from .writers import write_fasta, write_sequences, write_whole

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
    "SequencesLike",
    "Strings",
    "Tagged",
    "Words",
    "alphabet_named",
    "as_sequences",
    "offsets_of",
    "pad",
    "padded_batches",
    "ranges_to_indices",
    "read",
    "read_batches",
    "read_tagged",
    "untagged",
    "words_of",
    "write_fasta",
    "write_sequences",
    "write_whole",
]
