"""One table of the kinds of index, and the two ways to get one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ParameterError, StrPath
from . import files
from .candidates import CandidateIndex
from .exact import ExactIndex
from .hamming16 import Hamming16Index
from .hamming_scan import HammingScanIndex
from .hnsw import HnswIndex


def load_hamming(path: StrPath) -> CandidateIndex:
    """The index of binary codes in a file, of the class that fits their bits."""
    bits = files.read(path, "hamming")[0].get("bits")
    return Hamming16Index.load(path) if bits == 16 else HammingScanIndex.load(path)


KINDS: dict[str, Callable[[StrPath], CandidateIndex]] = {
    "exact": ExactIndex.load,
    "hnsw": HnswIndex.load,
    "hamming": load_hamming,
}


def make_index(
    kind: str,
    *,
    geometry: str | None = None,
    dim: int | None = None,
    bits: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> CandidateIndex:
    """An empty index. `geometry` and `dim` for "exact" and "hnsw"; `bits` for "hamming".

    `parameters` go to the class of the kind by name (`HnswIndex`: m, ef_construction, ef, target, reduction).
    ParameterError for an unknown kind or parameter, and for an argument that is missing or that the kind has no use
    for.
    """
    if kind not in KINDS:
        raise ParameterError(f"no kind of index is called {kind!r}: choose one of {', '.join(KINDS)}")
    given = {"geometry": geometry, "dim": dim, "bits": bits}
    needed = ("bits",) if kind == "hamming" else ("geometry", "dim")
    for name, value in given.items():
        if (value is None) == (name in needed):
            raise ParameterError(f"an index of kind {kind!r} needs {' and '.join(needed)}, and {name} is {value!r}")
    arguments: dict[str, Any] = {name: given[name] for name in needed} | dict(parameters or {})
    try:
        if kind == "exact":
            return ExactIndex(**arguments)
        if kind == "hamming":
            return Hamming16Index() if arguments == {"bits": 16} else HammingScanIndex(**arguments)
        return HnswIndex(**arguments, seed=seed)
    except TypeError as error:
        raise ParameterError(f"an index of kind {kind!r} does not take these parameters: {error}") from error


def load_index(path: StrPath) -> CandidateIndex:
    """The index in a file, of whatever kind. Errors as in `CandidateIndex.load`."""
    kind = files.kind_of(path)
    if kind not in KINDS:
        raise files.corrupt(path, f"no kind of index is called {kind!r}")
    return KINDS[kind](path)
