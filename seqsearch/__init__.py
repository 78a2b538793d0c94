"""Nearest-neighbour search over sequences: embeddings and hashes propose, exact edit distance or DTW decides.

>>> import seqsearch as ss
>>> index = ss.SequenceIndex.build("refs.ss", ss.read("refs.fasta.gz"), distance="edit", recall=0.99, seed=0)
>>> index.search(ss.read("queries.fasta"), k=10)[0][0].distance

Names are imported when they are first used, so that `import seqsearch` loads neither torch nor numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .distances import CustomDistance, Distance, distance_named
    from .errors import SeqsearchError
    from .estimators import NoveltyScorer, SequenceClassifier, SequenceEmbedder, SequenceNeighbors
    from .search import Hit, Hits, RangeResults, Results, SequenceIndex, duplicates
    from .sequences import (
        Alphabet,
        Sequence,
        Sequences,
        SequencesLike,
        alphabet_named,
        as_sequences,
        read,
        read_batches,
        write_fasta,
    )
    from .threads import use as use_threads

_ROOMS = {
    "errors": ("SeqsearchError",),
    "distances": ("CustomDistance", "Distance", "distance_named"),
    "search": ("Hit", "Hits", "RangeResults", "Results", "SequenceIndex", "duplicates"),
    "estimators": ("NoveltyScorer", "SequenceClassifier", "SequenceEmbedder", "SequenceNeighbors"),
    "sequences": (
        "Alphabet",
        "Sequence",
        "Sequences",
        "SequencesLike",
        "alphabet_named",
        "as_sequences",
        "read",
        "read_batches",
        "write_fasta",
    ),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Alphabet",
    "CustomDistance",
    "Distance",
    "Hit",
    "Hits",
    "NoveltyScorer",
    "RangeResults",
    "Results",
    "SeqsearchError",
    "Sequence",
    "SequenceClassifier",
    "SequenceEmbedder",
    "SequenceIndex",
    "SequenceNeighbors",
    "Sequences",
    "SequencesLike",
    "alphabet_named",
    "as_sequences",
    "distance_named",
    "duplicates",
    "read",
    "read_batches",
    "use_threads",
    "write_fasta",
]


def __getattr__(name: str) -> object:
    if name == "use_threads":
        from .threads import use

        return use
    if name not in _HOMES:
        raise AttributeError(f"module 'seqsearch' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
