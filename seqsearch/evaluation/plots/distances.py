"""Distances: how two populations differ, and how predicted ones follow exact ones."""

from __future__ import annotations

import numpy as np

from ...arrays import DoubleArray
from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of
from .style import COLOURS, FAINT, legend_if_named, picture, series_of

_MOST_BINS = 80


def plot_histograms(
    rows: Rows, path: StrPath, *, title: str = "Distances", x_label: str = "distance", threshold: float | None = None
) -> None:
    """Rows with `value`, of the population `series`, each `count` times (1 by default), as shares of their population.

    Whole numbers get bins of whole numbers. `threshold` draws where a decision is made.
    """
    table = columns_of(rows, ("value",), ("series", "count"), what="a histogram")
    values = np.array(table["value"], np.float64)
    weights = np.array([1.0 if count is None else count for count in table["count"]], np.float64)
    if not np.isfinite(values).all():
        raise ParameterError(f"a histogram needs finite values, not {values[~np.isfinite(values)][0]}")
    edges = _edges(values)
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
            axes.axvline(threshold, color=FAINT, linestyle=(0, (4, 3)), linewidth=1.2)
            axes.annotate(
                f"{threshold:g}",
                (threshold, 1),
                xycoords=("data", "axes fraction"),
                xytext=(4, -2),
                textcoords="offset points",
                va="top",
                fontsize=9,
                color=FAINT,
            )
        axes.set_title(title)
        axes.set_xlabel(x_label)
        axes.set_ylabel("share")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.grid(axis="x", visible=False)
        legend_if_named(axes, groups, loc="best")


def _edges(values: DoubleArray) -> DoubleArray:
    low, high = float(values.min()), float(values.max())
    if (values == np.round(values)).all():
        step = max(1, int(np.ceil((high - low + 1) / _MOST_BINS)))
        return np.arange(low - 0.5, high + step, step)
    count = len(np.histogram_bin_edges(values, "auto")) - 1
    return np.linspace(low, high if high > low else low + 1, min(max(count, 10), _MOST_BINS) + 1)


def plot_predictions(
    rows: Rows, path: StrPath, *, title: str = "Predicted against exact distance", unit: str = "edits"
) -> None:
    """Rows with `exact` and `predicted` distances in one unit, as a density of pairs beside the line of equality."""
    table = columns_of(rows, ("exact", "predicted"), what="a plot of predictions")
    exact, predicted = np.array(table["exact"], np.float64), np.array(table["predicted"], np.float64)
    if not (np.isfinite(exact).all() and np.isfinite(predicted).all()):
        raise ParameterError("a plot of predictions needs finite distances")
    top = max(float(exact.max()), float(predicted.max()), 1e-9) * 1.04
    rmse = float(np.sqrt(np.mean((predicted - exact) ** 2)))
    with picture(path, (6.4, 5.4)) as (figure, (axes,)):
        axes.plot([0, top], [0, top], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=3)
        cells = axes.hexbin(
            exact,
            predicted,
            gridsize=60,
            bins="log",
            cmap="viridis_r",
            mincnt=1,
            extent=(0, top, 0, top),
            linewidths=0.1,
        )
        figure.colorbar(cells, ax=axes, label="pairs (log)", shrink=0.9)
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_aspect("equal")
        axes.set_title(title)
        axes.set_xlabel(f"exact distance ({unit})")
        axes.set_ylabel(f"predicted distance ({unit})")
        note = f"{len(exact):,} pairs\nroot mean square error {rmse:.3g}"
        axes.annotate(note, (0.03, 0.97), xycoords="axes fraction", va="top", fontsize=9.5)
