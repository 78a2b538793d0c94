"""How two populations differ."""

from __future__ import annotations

import numpy as np

from ...arrays import DoubleArray
from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of
from .style import COLOURS, DASHED, FAINT, legend_if_named, numbers, picture, series_of, titled

_MOST_BINS = 80


def plot_histograms(
    rows: Rows, path: StrPath, *, title: str = "Distances", x_label: str = "distance", threshold: float | None = None
) -> None:
    """Rows with `value`, of the population `series`, each `count` times (1 by default), as shares of their population.

    Whole numbers get bins of whole numbers. `threshold` draws where a decision is made.
    """
    table = columns_of(rows, ("value",), ("series", "count"), what="a histogram")
    values, weights = numbers(table["value"]), np.nan_to_num(numbers(table["count"]), nan=1.0)
    if not np.isfinite(values).all():
        raise ParameterError(f"a histogram needs finite values, not {values[~np.isfinite(values)][0]}")
    edges = bin_edges(values)
    groups = series_of(table["series"])
    with picture(path, (7.6, 4.4)) as (_, (axes,)):
        for place, (name, members) in enumerate(groups.items()):
            colour = COLOURS[place % len(COLOURS)]
            share = weights[members] / weights[members].sum()
            heights, _ = np.histogram(values[members], edges, weights=share)
            shown = f"{name} (n = {weights[members].sum():,.0f})" if name else ""
            axes.stairs(heights, edges, fill=True, alpha=0.28, color=colour)
            axes.stairs(heights, edges, color=colour, linewidth=1.6, label=shown)
        if threshold is not None:
            axes.axvline(threshold, **DASHED)
            above = axes.get_xaxis_transform()  # data across, share of the height up
            axes.text(threshold, 0.99, f" {threshold:g}", transform=above, va="top", fontsize=9, color=FAINT)
        titled(axes, title, x_label, "share")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.grid(axis="x", visible=False)
        legend_if_named(axes, groups)


def bin_edges(values: DoubleArray) -> DoubleArray:
    """Edges of bins for values (n,), at least one: at whole numbers where these are whole, not too many."""
    low, high = float(values.min()), float(values.max())
    if (values == np.round(values)).all():
        step = max(1, int(np.ceil((high - low + 1) / _MOST_BINS)))
        return np.arange(low - 0.5, high + step, step)
    count = len(np.histogram_bin_edges(values, "auto")) - 1
    return np.linspace(low, high if high > low else low + 1, min(max(count, 10), _MOST_BINS) + 1)
