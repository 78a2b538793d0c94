"""Data sets that `read` knows by name: they come with installable packages, nothing is downloaded here.

`greengenes:full` and `greengenes:v4`: Greengenes 13_8, 97% clusters, 99,322 genes of 16S rRNA, from the package
qiime-default-reference (CC BY-SA 3.0); descriptions hold the lineage. McDonald et al., An improved Greengenes taxonomy
with explicit ranks, ISME J 6 (2012).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from .arrays import IntArray
from .errors import MissingExtraError, ParameterError, ParseError
from .sequences import DNA, Sequences, Strings, read

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
PRIMER_515F = "GTGYCAGCMGCCGCGGTAA"  # Parada, Needham & Fuhrman, Environ Microbiol 18 (2016)
V4_LENGTH = 150


def greengenes_full() -> Sequences:
    """The 99,322 full-length genes (1,254 to 2,353 nt). Raises MissingExtraError when the package is not installed."""
    genes = read(greengenes_path(), alphabet=DNA, format="fasta")
    lineages = greengenes_taxonomy()
    return Sequences(
        genes.data,
        genes.offsets,
        genes.ids,
        DNA,
        Strings.of("; ".join(lineages[id]) if id in lineages else "" for id in genes.ids),
    )


def greengenes_v4(length: int = V4_LENGTH) -> Sequences:
    """The V4 region: the 150 nt after the first match of primer 515F, of ACGT only, distinct (the first id is kept).

    71,814 sequences; another `length` reads less or more after the primer. Raises MissingExtraError when the package is
    not installed.
    """
    genes = greengenes_full()
    starts = _after_primer(genes, length)
    rows = np.flatnonzero(starts >= 0)
    regions = genes.data[starts[rows, None] + np.arange(length)]
    canonical = (regions < len(DNA.canonical)).all(axis=1)
    rows, regions = rows[canonical], regions[canonical]
    as_items = regions.view(np.dtype((np.void, length))).ravel()  # one item a region, compared by its bytes
    _, first = np.unique(as_items, return_index=True)
    kept = np.sort(first)
    rows = rows[kept]
    return Sequences(
        regions[kept].reshape(-1),
        np.arange(len(rows) + 1, dtype=np.int64) * length,
        genes.ids.take(rows),
        DNA,
        genes.descriptions.take(rows),
    )


def greengenes_taxonomy() -> dict[str, tuple[str, ...]]:
    """The seven ranks of every gene by its id, such as ("k__Bacteria", ..., "s__"); a name may be missing."""
    path = Path(_package().get_reference_taxonomy())
    lineages = {}
    for line, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        id, _, lineage = text.partition("\t")
        ranks = tuple(rank.strip() for rank in lineage.split(";"))
        if len(ranks) != len(RANKS):
            raise ParseError(f"{len(ranks)} ranks instead of {len(RANKS)}", path=path, line=line, record_id=id)
        lineages[id] = ranks
    return lineages


def greengenes_path() -> Path:
    """The FASTA file of the full-length genes. Raises MissingExtraError when the package is not installed."""
    return Path(_package().get_reference_sequences())


def greengenes(name: str) -> Sequences:
    """The set of that name, "full" or "v4". Raises ParameterError for any other."""
    sets: dict[str, Callable[[], Sequences]] = {"full": greengenes_full, "v4": greengenes_v4}
    if name not in sets:
        choice = " or ".join(f"greengenes:{known}" for known in sets)
        raise ParameterError(f"no set 'greengenes:{name}': choose {choice}")
    return sets[name]()


def _after_primer(genes: Sequences, length: int) -> IntArray:
    """(n,) position in the column after the primer's first match, -1 where `length` letters do not follow it."""
    expanded = {letter: f"[{letters}]" for letter, letters in DNA.mixtures.items()}
    primer = re.compile("".join(expanded.get(letter, letter) for letter in PRIMER_515F).encode("ascii"))
    text = DNA.decode(genes.data).encode("ascii")
    bounds = genes.offsets.tolist()
    starts = np.full(len(genes), -1, np.int64)
    for row in range(len(genes)):
        match = primer.search(text, bounds[row], bounds[row + 1])
        if match is not None and match.end() + length <= bounds[row + 1]:
            starts[row] = match.end()
    return starts


def _package() -> ModuleType:
    try:
        import qiime_default_reference
    except ImportError:
        raise MissingExtraError("qiime-default-reference", "greengenes") from None
    package: ModuleType = qiime_default_reference
    return package
