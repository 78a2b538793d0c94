"""One table of the kinds of index, which kind suits what, and the two ways to get one."""

from __future__ import annotations

from typing import TypeVar

from .. import mapped
from ..errors import ParameterError, StrPath
from ..registry import Registry
from .candidates import CandidateIndex, Parameter, Parameters

SCAN_BELOW = 5_000
"""Rows below which an exact scan of the vectors is quick enough, and misses nothing. From there on compressed lists
are faster than a graph at equal recall, sooner built and smaller (see benchmarks/ann.py, kinds)."""

Index = TypeVar("Index", bound=type[CandidateIndex])

CANDIDATE_INDEXES: Registry[type[CandidateIndex]] = Registry("index kind", "seqsearch.candidates")
"""Kind -> class. `register` adds one."""


def register(index: Index) -> Index:
    """Add a kind of index to the table, under its `kind`; usable as a decorator."""
    CANDIDATE_INDEXES.register(index.kind, index)
    return index


EXACT, IVF, HAMMING = "exact", "ivf", "hamming"
CANDIDATE_INDEXES.at_home(
    {
        EXACT: f"{__package__}.exact:ExactIndex",
        "hnsw": f"{__package__}.hnsw:HnswIndex",
        IVF: f"{__package__}.ivf:IvfIndex",
        HAMMING: f"{__package__}.hamming_scan:HammingScanIndex",
    }
)


def auto_kind(size: int, bits: int | None = None) -> str:
    """The kind that suits `size` rows of vectors, or of codes when there are `bits`."""
    if bits is not None:
        return HAMMING
    return EXACT if size < SCAN_BELOW else IVF


def parameters_for(kind: str, size: int, given: Parameters | None = None) -> dict[str, Parameter]:
    """The parameters of an index of `size` rows: those `given`, and what suits its size for the rest."""
    return {**CANDIDATE_INDEXES[kind].suited_parameters(size), **(given or {})}


def make_index(
    kind: str,
    *,
    geometry: str | None = None,
    dim: int | None = None,
    bits: int | None = None,
    parameters: Parameters | None = None,
    seed: int = 0,
) -> CandidateIndex:
    """An empty index. `bits` for a kind that needs them ("hamming"); `geometry` and `dim` for the others.

    `parameters` go to the class of the kind by name ("hnsw": m, ef_construction, ef, target; "ivf": lists, bits,
    target).
    ParameterError for an unknown kind or parameter, and for an argument that is missing or that the kind has no use
    for.
    """
    index = CANDIDATE_INDEXES[kind]
    space: Parameters = {"geometry": geometry, "dim": dim, "bits": bits}
    needed = ("bits",) if index.needs_bits else ("geometry", "dim")
    for name, value in space.items():
        if (value is None) == (name in needed):
            raise ParameterError(f"an index of kind {kind!r} needs {' and '.join(needed)}, and {name} is {value!r}")
    return index.make({**{name: space[name] for name in needed}, **(parameters or {})}, seed)


def load_index(path: StrPath) -> CandidateIndex:
    """The index in a file, of whatever kind. Errors as in `CandidateIndex.load`."""
    kind = mapped.kind_of(path)
    if kind not in CANDIDATE_INDEXES:
        raise mapped.corrupt(path, f"there is no index kind {kind!r}")
    return CANDIDATE_INDEXES[kind].load(path)
