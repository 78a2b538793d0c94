"""Nearest-neighbour search over sequences: embeddings and hashes propose, exact edit distance or DTW decides.

>>> import seqsearch as ss
>>> index = ss.SequenceIndex.build("refs.ss", ss.read("refs.fasta.gz"), distance="edit", recall=0.99, seed=0)
>>> index.search(ss.read("queries.fasta"), k=10)[0][0].distance

Names are imported when they are first used, so that `import seqsearch` loads neither torch nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import names_of

__version__ = "0.2.0"

if TYPE_CHECKING:
    from .alignment.multiple import MultipleAlignment, align_multiple
    from .distances import CustomDistance, Distance, distance_named
    from .distances.consensus import Consensus, consensus
    from .distances.consensus_bound import consensus_bound
    from .distributed import ShardedIndex
    from .encoders.encoder import Encoder
    from .encoders.model import Model
    from .errors import SeqsearchError
    from .estimators import NoveltyScorer, SequenceClassifier, SequenceEmbedder, SequenceNeighbors
    from .evaluation.judging import check_distances
    from .models import classify, load_model, save_model, tag, train
    from .samples import Samples, SampleTable
    from .search import BuildOptions, Hit, Hits, RangeResults, References, Results, SequenceIndex, duplicates
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
    from .service.client import Client
    from .threads import use as use_threads

_ROOMS = {
    "alignment.multiple": ("MultipleAlignment", "align_multiple"),
    "distances": ("CustomDistance", "Distance", "distance_named"),
    "distances.consensus": ("Consensus", "consensus"),
    "distances.consensus_bound": ("consensus_bound",),
    "distributed": ("ShardedIndex",),
    "encoders.encoder": ("Encoder",),
    "encoders.model": ("Model",),
    "errors": ("SeqsearchError",),
    "estimators": ("NoveltyScorer", "SequenceClassifier", "SequenceEmbedder", "SequenceNeighbors"),
    "evaluation.judging": ("check_distances",),
    "models": ("classify", "load_model", "save_model", "tag", "train"),
    "samples": ("SampleTable", "Samples"),
    "service.client": ("Client",),
    "search": ("BuildOptions", "Hit", "Hits", "RangeResults", "References", "Results", "SequenceIndex", "duplicates"),
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
_take = names_of(__name__, _ROOMS)

__all__ = [
    "Alphabet",
    "BuildOptions",
    "Client",
    "Consensus",
    "CustomDistance",
    "Distance",
    "Encoder",
    "Hit",
    "Hits",
    "Model",
    "MultipleAlignment",
    "NoveltyScorer",
    "RangeResults",
    "References",
    "Results",
    "SampleTable",
    "Samples",
    "SeqsearchError",
    "Sequence",
    "SequenceClassifier",
    "SequenceEmbedder",
    "SequenceIndex",
    "SequenceNeighbors",
    "Sequences",
    "SequencesLike",
    "ShardedIndex",
    "align_multiple",
    "alphabet_named",
    "as_sequences",
    "check_distances",
    "classify",
    "consensus",
    "consensus_bound",
    "distance_named",
    "duplicates",
    "load_model",
    "read",
    "read_batches",
    "save_model",
    "tag",
    "train",
    "use_threads",
    "write_fasta",
]


def __getattr__(name: str) -> object:
    if name == "use_threads":
        from .threads import use

        return use
    if name == "Encoder":  # the one name that is made of torch itself
        from .extras import require

        require("torch", "seqsearch.Encoder")
    return _take(name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
