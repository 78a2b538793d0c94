"""All algorithms, the subject first."""

from __future__ import annotations

from . import kmers, ours, points, programs, texts
from .algorithm import Algorithm

ALGORITHMS: dict[str, type[Algorithm]] = {
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
    "vectors-scan": points.SeqsearchScan,
    "vectors-hnswlib": points.VectorHnswlib,
    "vectors-faiss": points.VectorFaiss,
    "vectors-usearch": points.VectorUSearch,
}
