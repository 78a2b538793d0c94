"""The file of an HNSW index, and the proof that a file is sound before any of it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..arrays import AnyArray, IntArray
from ..errors import StrPath
from ..geometry import GEOMETRIES
from . import files, scan
from .graph import Graph, GraphState

if TYPE_CHECKING:
    from .hnsw import HnswIndex

Index = TypeVar("Index", bound="HnswIndex")

ARRAYS = {
    "levels": ("<i4", 1),
    "level0": ("|u1", 2),
    "upper": ("|u1", 1),
    "rows": ("<i8", 1),
    "nodes": ("<i8", 1),
    "side": ("<i8", 1),
    "mends": ("<i8", 2),
    "vectors": ("<f4", 2),
}


def save(index: HnswIndex, path: StrPath) -> None:
    """See `CandidateIndex.save`."""
    state = index._graph.state()
    rows = index.rows()
    fields = {
        "geometry": index.geometry,
        "dim": index.dim,
        "m": index.m,
        "ef_construction": index.ef_construction,
        "ef": index.ef,
        "target": index.target,
        "seed": index.seed,
        "exact": index.exact,
        "reduction": index._reduction.name,
        "reach2": index._reduction.reach2,
        "max_level": state.max_level,
        "entry_point": state.entry_point,
    }
    beside = 0 if index._reduction.native else state.count
    arrays: dict[str, AnyArray] = {
        "levels": state.levels,
        "level0": state.level0,
        "upper": state.upper,
        "rows": rows,
        "nodes": index._map.places(rows),
        "side": index._side,
        "mends": index._mends,
        "vectors": index._vectors[:beside],
    }
    files.write(path, index.kind, fields, arrays)


def load(cls: type[Index], path: StrPath) -> Index:
    """See `CandidateIndex.load`."""
    with files.reading(path, cls.kind) as (fields, arrays):
        for name, (dtype, ndim) in ARRAYS.items():
            if name not in arrays or arrays[name].dtype.str != dtype or arrays[name].ndim != ndim:
                raise files.corrupt(path, f"the array {name!r} is missing or has another type")
        # the index keeps these: copies let go of the mapped file, most of which the library has copied by then
        arrays |= {name: arrays[name].copy() for name in ("rows", "nodes", "side", "mends")}
        try:
            return _assembled(cls, fields, arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise files.corrupt(path, str(error)) from error


def _assembled(cls: type[Index], fields: dict[str, Any], arrays: dict[str, AnyArray]) -> Index:
    """The index; ValueError, KeyError or TypeError say what does not hold."""
    if fields["geometry"] not in GEOMETRIES:
        raise ValueError(f"no geometry is called {fields['geometry']!r}")
    names = ("geometry", "dim", "m", "ef_construction", "ef", "target", "seed")
    reduction = None if fields["reduction"] == "native" else fields["reduction"]
    index = cls(**{name: fields[name] for name in names}, reduction=reduction)
    reach2 = fields["reach2"]
    if type(reach2) is not float or not 0 <= reach2 < 1e300 or type(fields["exact"]) is not bool:
        raise ValueError("a field of the graph is out of range")
    if type(fields["max_level"]) is not int or type(fields["entry_point"]) is not int:
        raise ValueError("a field of the graph is out of range")
    index._reduction.reach2 = reach2
    state = GraphState(
        count=len(arrays["levels"]),
        max_level=fields["max_level"],
        entry_point=fields["entry_point"],
        levels=arrays["levels"],
        level0=arrays["level0"],
        upper=arrays["upper"],
    )
    index._graph = Graph.from_state(
        state, dim=index._reduction.graph_dim, m=index.m, ef_construction=index.ef_construction, seed=index.seed
    )
    _take_groups(index, arrays["rows"], arrays["nodes"])
    _take_vectors(index, arrays["vectors"])
    _take_repairs(index, arrays["side"], arrays["mends"])
    index._verified = index.nodes
    if fields["exact"]:
        index.give_up_graph()
    return index


def _take_groups(index: HnswIndex, rows: IntArray, nodes: IntArray) -> None:
    count = index.nodes
    if len(rows) != len(nodes) or (len(nodes) and (nodes.min() < 0 or nodes.max() >= count)):
        raise ValueError("a row belongs to a node that is not there")
    rows = index._map.new(rows)
    if len(rows) > 1 and not (np.diff(rows) > 0).all():
        raise ValueError("the rows are not ascending")
    index._groups.reserve(count, 0)
    index._groups.add(nodes, rows)
    index._map.put(rows, nodes)
    if not np.array_equal(index._graph.marked, index._groups.size[:count] == 0):
        raise ValueError("the marks of deleted nodes do not fit the rows")


def _take_repairs(index: HnswIndex, side: IntArray, mends: IntArray) -> None:
    count = index.nodes
    if len(side) and (side.min() < 0 or side.max() >= count or len(np.unique(side)) != len(side)):
        raise ValueError("the side list names a node that is not there")
    if mends.shape[1] != 2 or (len(mends) and (mends.min() < 0 or mends.max() >= count)):
        raise ValueError("a mended link names a node that is not there")
    index.set_side(side)
    index._mends = mends


def _take_vectors(index: HnswIndex, vectors: AnyArray) -> None:
    if index._reduction.native:
        if len(vectors):
            raise ValueError("there are vectors beside a graph that needs none")
        nodes = np.arange(index.nodes)
        index._table.append_later(lambda: index._graph.vectors(nodes))
    else:
        if vectors.shape != (index.nodes, index.dim) or not np.isfinite(vectors).all():
            raise ValueError("the vectors beside the graph have another shape, or one is not finite")
        own = scan.prepared(index.geometry, vectors)
        index._vectors, index._squares = own, scan.squares(own)
        index._table.append_later(lambda: own)
