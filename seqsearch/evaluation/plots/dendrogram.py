"""Trees, as the distances at which clusters become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays import DoubleArray
from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of
from .style import COLOURS, FAINT, picture, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELLED = 90  # ends, above which names would cover each other


def plot_dendrogram(
    rows: Rows, path: StrPath, *, title: str = "Hierarchical clustering", x_label: str = "distance"
) -> None:
    """Rows of a `node`, the `height` at which it was made (leaves: 0) and its `parent` (None: the root).

    A node without children is an end with its `name`; one of `size` above 1 stands for that many leaves and is drawn
    as a wedge. A parent that is no node of the rows makes its node a root; several roots stand above each other.
    """
    table = columns_of(rows, ("node", "height"), ("parent", "name", "size"), what="a dendrogram")
    heights = np.array(table["height"], np.float64)
    if not np.isfinite(heights).all() or (heights < 0).any():
        raise ParameterError("a dendrogram needs finite heights from 0")
    at = {node: row for row, node in enumerate(table["node"])}
    if len(at) < len(heights):
        raise ParameterError("a dendrogram needs every node once")
    parents = [at.get(parent, -1) for parent in table["parent"]]
    children: list[list[int]] = [[] for _ in parents]
    for row, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(row)
    order = _from_roots(parents, children)
    ends = [row for row in order if not children[row]]
    places = np.zeros(len(parents))
    places[ends] = np.arange(len(ends))
    for row in reversed(order):
        if children[row]:
            places[row] = np.mean(places[children[row]])
    with picture(path, (7.6, max(2.6, 1.3 + 0.19 * min(len(ends), _LABELLED)))) as (_, (axes,)):
        _draw(axes, heights, places, parents, children, [1 if size is None else int(size) for size in table["size"]])
        names = ["" if name is None else str(name) for name in table["name"]]
        axes.set_yticks(places[ends] if len(ends) <= _LABELLED else [])
        if len(ends) <= _LABELLED:
            axes.set_yticklabels([names[row] for row in ends], fontsize=8)
        axes.yaxis.tick_right()
        axes.tick_params(axis="y", length=0)
        axes.spines[["left", "right"]].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(max(float(heights.max()), 1e-9) * 1.03, 0)
        axes.set_ylim(len(ends) - 0.4, -0.6)
        titled(axes, title, x_label)


def _from_roots(parents: list[int], children: list[list[int]]) -> list[int]:
    """Rows, parents before children; those of one parent beside each other, the smaller clusters first.

    Raises ParameterError for a circle.
    """
    order: list[int] = []
    left = [row for row, parent in enumerate(parents) if parent < 0][::-1]
    while left:
        row = left.pop()
        order.append(row)
        left += sorted(children[row], key=lambda child: len(children[child]) == 0)
    if len(order) < len(parents):
        raise ParameterError("a dendrogram has no circles: a node is its own ancestor")
    return order


def _draw(
    axes: Axes,
    heights: DoubleArray,
    places: DoubleArray,
    parents: list[int],
    children: list[list[int]],
    sizes: list[int],
) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    lines, wedges = [], []
    for row, parent in enumerate(parents):
        if parent >= 0:
            lines.append([(heights[row], places[row]), (heights[parent], places[row])])
        if children[row]:
            reach = places[children[row]]
            lines.append([(heights[row], reach.min()), (heights[row], reach.max())])
        elif sizes[row] > 1:
            wedges.append([(heights[row], places[row]), (0, places[row] - 0.3), (0, places[row] + 0.3)])
    axes.add_collection(LineCollection(lines, colors=COLOURS[0], linewidths=1.2, capstyle="round"))
    axes.add_collection(PolyCollection(wedges, facecolors=FAINT, alpha=0.35, linewidths=0))
