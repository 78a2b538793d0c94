"""All algorithms, the subject first."""

from __future__ import annotations

from . import kmers, ours, points, programs, scaled, texts
from .algorithm import Algorithm

RETRIEVAL: dict[str, type[Algorithm]] = {
    "seqsearch": ours.Seqsearch,
    "seqsearch-process": ours.SeqsearchProcess,
    "seqsearch-exact": ours.SeqsearchExact,
    "seqsearch-asked": ours.SeqsearchAsked,
    "seqsearch-calibrated": ours.SeqsearchCalibrated,
    "rapidfuzz": texts.BruteForce,
    "vsearch": programs.Vsearch,
    "mmseqs2": programs.MMseqs,
    "kmers-hnswlib": kmers.KmerHnswlib,
    "kmers-faiss": kmers.KmerFaiss,
    "kmers-usearch": kmers.KmerUSearch,
    "symspell": texts.SymSpell,
    "bktree": texts.BKTree,
    "vectors-seqsearch": points.SeqsearchHnsw,
    "vectors-ivf4": points.SeqsearchIvf,
    "vectors-ivf2": points.SeqsearchIvf2,
    "vectors-scan": points.SeqsearchScan,
    "vectors-hnswlib": points.VectorHnswlib,
    "vectors-faiss": points.VectorFaiss,
    "vectors-usearch": points.VectorUSearch,
    "vectors-faiss-ivf": points.VectorIvfFlat,
    "vectors-faiss-ivfpq": points.VectorIvfPq,
    "vectors-faiss-ivfpq-residual": points.VectorIvfPqResidual,
}

SCALE: dict[str, type[Algorithm]] = {
    "seqsearch-ivf4": scaled.Ivf4,
    "seqsearch-ivf4-asked": scaled.Ivf4Asked,
    "seqsearch-ivf2": scaled.Ivf2,
    "seqsearch-hnsw": scaled.Graph,
    "kmers-ivfpq": kmers.KmerIvfPq,
    "kmers-rabitq": kmers.KmerIvfRabitq,
    "kmers-hnsw": kmers.KmerHnsw,
}
"""What `scale.py` measures beside some of those of `retrieval.py`."""

ALGORITHMS = RETRIEVAL | SCALE
