"""A table whose numbers can be seen from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays import BoolArray, DoubleArray
from ...errors import StrPath
from ..rows import Rows, columns_of
from .style import COLOURS, bare, picture, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEST = COLOURS[1]


def plot_heat_map(
    rows: Rows,
    path: StrPath,
    *,
    row: str = "encoder",
    column: str = "geometry",
    value: str = "percent_rmse",
    title: str = "%RMSE by encoder and geometry",
    lower_is_better: bool = True,
) -> None:
    """Rows with the names of a `row` and a `column` of the table and the `value` of their cell.

    The better a value, the darker its cell; the best is outlined. A cell without a row is left empty, one that is not
    finite says so: neither is hidden. Where a cell has several rows, the last one counts.
    """
    table = columns_of(rows, (row, column), (value,), what="a heat map")
    downs, acrosses = (list(dict.fromkeys(map(str, table[name]))) for name in (row, column))
    cells = np.full((len(downs), len(acrosses)), np.nan)
    known = np.zeros(cells.shape, np.bool_)
    for down, across, given in zip(table[row], table[column], table[value], strict=True):
        at = downs.index(str(down)), acrosses.index(str(across))
        cells[at], known[at] = np.nan if given is None else float(given), True
    finite = np.isfinite(cells)
    colours = _ranked(cells, finite, lower_is_better)
    size = (2.6 + 1.15 * len(acrosses), 1.7 + 0.46 * len(downs))
    with picture(path, size) as (_, (axes,)):
        axes.imshow(np.ma.masked_invalid(colours), cmap="Blues", vmin=-0.1, vmax=1.25, aspect="auto")
        for (down, across), cell in np.ndenumerate(cells):
            if not known[down, across]:
                continue
            text = _digits(float(cell)) if finite[down, across] else str(cell).replace("nan", "NaN")
            light = finite[down, across] and colours[down, across] > 0.62
            axes.text(across, down, text, ha="center", va="center", color="white" if light else "#222222")
        if finite.any():
            best = int(np.nanargmax(np.where(finite, colours, -1.0)))
            _outline(axes, *divmod(best, len(acrosses)))
        axes.set_xticks(range(len(acrosses)), acrosses)
        axes.set_yticks(range(len(downs)), downs)
        axes.set_xticks(np.arange(len(acrosses) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(downs) + 1) - 0.5, minor=True)
        bare(axes)
        axes.grid(which="minor", color="white", linewidth=2)
        titled(axes, title, column, row)


def _ranked(cells: DoubleArray, finite: BoolArray, lower_is_better: bool) -> DoubleArray:
    """(rows, columns) in [0, 1] by rank, 1 the best, so that one huge value does not flatten all others."""
    colours = np.full(cells.shape, np.nan)
    values = cells[finite] if lower_is_better else -cells[finite]
    if len(values):
        distinct, rank = np.unique(values, return_inverse=True)
        colours[finite] = 1 - rank / max(1, len(distinct) - 1)
    return colours


def _outline(axes: Axes, down: int, across: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((across - 0.47, down - 0.46), 0.94, 0.92, fill=False, edgecolor=BEST, linewidth=2.2))


def _digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
