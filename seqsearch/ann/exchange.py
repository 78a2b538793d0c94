"""Vectors as files that faiss and hnswlib read themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import threads
from ..arrays import AnyArray, FloatArray
from ..errors import MismatchError
from ..extras import HNSWLIB, imported
from .ivf_scan import library
from .scan import prepared

INNER_PRODUCT = "inner-product"
_HNSWLIB = {"euclidean": "l2", "squared": "l2", "cosine": "cosine", INNER_PRODUCT: "ip"}
_PER_LIST = 256  # vectors that a list is learned from


@dataclass(frozen=True)
class Plan:
    """What is written: vectors of a `space` (a geometry, or "inner-product"), `dim` numbers each, or codes of `bits`;
    `count` of them. `lists`: of faiss, None for a flat index; `m`, `ef_construction`: of the graph of hnswlib."""

    space: str
    dim: int
    count: int
    bits: int | None = None
    lists: int | None = None
    m: int = 16
    ef_construction: int = 200
    seed: int = 0


def write_faiss(path: Path, plan: Plan, parts: Iterable[AnyArray], sample: AnyArray) -> None:
    """An index for `faiss.read_index` (of codes `faiss.read_index_binary`), whose numbers count from 0.

    Flat, or with `plan.lists` lists, learned from `sample`, (s, D). Cosine: unit vectors by inner product. Euclidean
    distances are squared, as all of faiss. Raises MismatchError for hyperbolic points,
    MissingExtraError where faiss is not installed.
    """
    faiss = library()
    if plan.bits is not None:
        codes = faiss.IndexBinaryFlat(plan.bits)
        for part in parts:
            codes.add(np.ascontiguousarray(part))
        faiss.write_index_binary(codes, str(path))
        return
    if plan.space == "hyperbolic":
        raise MismatchError("faiss does not know hyperbolic space: npy and parquet hold such points")
    inner = plan.space in ("cosine", INNER_PRODUCT)
    metric = faiss.METRIC_L1 if plan.space == "manhattan" else faiss.METRIC_L2
    layout = "Flat" if plan.lists is None else f"IVF{plan.lists},Flat"
    index = faiss.index_factory(plan.dim, layout, faiss.METRIC_INNER_PRODUCT if inner else metric)
    threads.faiss_threads()
    if plan.lists is not None:
        learned = faiss.extract_index_ivf(index)
        learned.cp.seed, learned.cp.max_points_per_centroid = plan.seed % 2**31, _PER_LIST
        index.train(_placed(plan, sample))
    for part in parts:
        index.add(_placed(plan, part))
    faiss.write_index(index, str(path))


def write_hnswlib(path: Path, plan: Plan, parts: Iterable[FloatArray]) -> None:
    """A graph for `hnswlib.Index(space, dim).load_index`; labels count from 0. The space is what `hnswlib_space` says.

    Raises MismatchError for what hnswlib does not know, MissingExtraError where it is not installed.
    """
    space = hnswlib_space(plan)
    index = imported("hnswlib", HNSWLIB).Index(space, plan.dim)
    index.init_index(max(1, plan.count), ef_construction=plan.ef_construction, M=plan.m, random_seed=plan.seed)
    first = 0
    for part in parts:
        index.add_items(part, np.arange(first, first + len(part)), num_threads=threads.count())
        first += len(part)
    index.save_index(str(path))


def hnswlib_space(plan: Plan) -> str:
    """What hnswlib calls the space. Raises MismatchError where it knows none."""
    what = "binary codes" if plan.bits is not None else f"points of {plan.space} geometry"
    if plan.bits is not None or plan.space not in _HNSWLIB:
        raise MismatchError(f"hnswlib does not know {what}: faiss, npy and parquet hold them")
    return _HNSWLIB[plan.space]


def _placed(plan: Plan, vectors: FloatArray) -> FloatArray:
    return np.ascontiguousarray(prepared("cosine", vectors) if plan.space == "cosine" else vectors)
