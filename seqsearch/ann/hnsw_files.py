"""The file of an HNSW index, and the proof that a file is sound before any of it is believed."""

from __future__ import annotations

import numpy as np

from .. import mapped
from ..arrays import JSON, AnyArray, IntArray
from ..errors import StrPath
from ..geometry import GEOMETRIES
from . import kernels, scan
from .graph_checks import GraphState
from .groups import RowGroups
from .nodes import GraphSettings, NodeGraph
from .reductions import REDUCTIONS

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
"""The arrays of a file: the state of the graph, rows and the node of each, the overflow list ("side"), the repairs
("mends"), and the vectors where they are kept beside the graph."""

SETTINGS = ("geometry", "dim", "m", "ef_construction", "target", "seed")


def save(path: StrPath, kind: str, graph: NodeGraph, rows: IntArray, nodes: IntArray) -> None:
    """See `CandidateIndex.save`; `nodes` (n,): those of the rows (n,)."""
    state = graph.graph.state()
    product = {"product": True} if graph.settings.product else {}  # files without it are as they always were
    fields: JSON = (
        product
        | {name: getattr(graph.settings, name) for name in SETTINGS}
        | {
            "ef": graph.ef,
            "exact": graph.exact,
            "reduction": REDUCTIONS[graph.settings.geometry],
            "reach2": 0.0,  # of a reduction that is no more
            "max_level": state.max_level,
            "entry_point": state.entry_point,
        }
    )
    arrays: dict[str, AnyArray] = {
        "levels": state.levels,
        "level0": state.level0,
        "upper": state.upper,
        "rows": rows,
        "nodes": nodes,
        "side": graph.overflow,
        "mends": graph.repairs,
        "vectors": graph.vectors[: 0 if graph.native else state.count],
    }
    mapped.write(path, kind, fields, arrays)


def load(path: StrPath, kind: str) -> tuple[NodeGraph, RowGroups]:
    """What `save` wrote, proved sound. Errors as in `CandidateIndex.load`."""
    with mapped.reading(path, kind) as (fields, arrays):
        for name, (dtype, ndim) in ARRAYS.items():
            if name not in arrays or arrays[name].dtype.str != dtype or arrays[name].ndim != ndim:
                raise mapped.corrupt(path, f"the array {name!r} is missing or has another type")
        # the index keeps these: copies let go of the mapped file, most of which the library has copied by then
        arrays |= {name: arrays[name].copy() for name in ("rows", "nodes", "side", "mends")}
        try:
            graph = _graph(fields, arrays)
            groups = _groups(graph, arrays["rows"], arrays["nodes"])
            _take_vectors(graph, arrays["vectors"])
            _take_repairs(graph, arrays["side"], arrays["mends"])
        except (ValueError, KeyError, TypeError) as error:
            raise mapped.corrupt(path, str(error)) from error
        if fields["exact"]:
            graph.give_up()
        return graph, groups


def _graph(fields: JSON, arrays: dict[str, AnyArray]) -> NodeGraph:
    """The bare graph; ValueError, KeyError or TypeError say what does not hold."""
    if fields["geometry"] not in GEOMETRIES:
        raise ValueError(f"no geometry is called {fields['geometry']!r}")
    if fields["reduction"] != REDUCTIONS[fields["geometry"]]:
        raise ValueError(f"a graph of {fields['geometry']} geometry cannot be {fields['reduction']!r}")
    kept = {name: fields[name] for name in (*SETTINGS, "ef")}
    settings = GraphSettings(**kept, product=fields.get("product", False))
    if [type(fields[name]) for name in ("exact", "max_level", "entry_point")] != [bool, int, int]:
        raise ValueError("a field of the graph is out of range")
    graph = NodeGraph(settings)
    levels, level0, upper = (arrays[name] for name in ("levels", "level0", "upper"))
    state = GraphState(fields["max_level"], fields["entry_point"], levels, level0, upper)
    graph.graph = graph.graph.restored(state)
    graph.verified = len(graph)
    return graph


def _groups(graph: NodeGraph, rows: IntArray, nodes: IntArray) -> RowGroups:
    count = len(graph)
    if len(rows) != len(nodes) or (len(nodes) and (nodes.min() < 0 or nodes.max() >= count)):
        raise ValueError("a row belongs to a node that is not there")
    groups = RowGroups()
    rows = groups.rows.new(rows)
    if len(rows) > 1 and not (np.diff(rows) > 0).all():
        raise ValueError("the rows are not ascending")
    groups.reserve(count)
    groups.add(nodes, rows)
    if not np.array_equal(graph.graph.marked, groups.head[:count] < 0):
        raise ValueError("the marks of deleted nodes do not fit the rows")
    return groups


def _take_vectors(graph: NodeGraph, vectors: AnyArray) -> None:
    if graph.native:
        if len(vectors):
            raise ValueError("there are vectors beside a graph that needs none")
        return
    if vectors.shape != (len(graph), graph.settings.dim) or not np.isfinite(vectors).all():
        raise ValueError("the vectors beside the graph have another shape, or one is not finite")
    graph.vectors = scan.prepared(graph.settings.geometry, vectors)
    graph.squares = kernels.squares_of(graph.vectors)


def _take_repairs(graph: NodeGraph, overflow: IntArray, repairs: IntArray) -> None:
    count = len(graph)
    if len(overflow) and (overflow.min() < 0 or overflow.max() >= count or len(np.unique(overflow)) != len(overflow)):
        raise ValueError("the side list names a node that is not there")
    if repairs.shape[1] != 2 or (len(repairs) and (repairs.min() < 0 or repairs.max() >= count)):
        raise ValueError("a mended link names a node that is not there")
    graph.set_overflow(overflow)
    graph.repairs = repairs
