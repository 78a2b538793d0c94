"""What an engine costs beside its speed: bars of time, memory and bytes, and how they grow with the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from seqsearch.arrays import DoubleArray
from seqsearch.errors import ParameterError, StrPath
from seqsearch.evaluation.plots.style import FAINT, headline, look_of, numbers, picture, plain_numbers, series_of
from seqsearch.evaluation.rows import Rows, columns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


COSTS = {
    "build_s": "build, s",
    "build_peak_mb": "peak of building, MB",
    "search_peak_mb": "peak of searching, MB",
    "index_mb": "index, MB",
}
GROWTH = {"qps": "queries/s", "build_s": "build, s", "load_s": "open, s", "search_peak_mb": "peak of searching, MB"}


def plot_costs(rows: Rows, path: StrPath, *, title: str = "Costs", costs: Mapping[str, str] = COSTS) -> None:
    """Rows with `series` and the columns of `costs`, name -> label: a panel of bars for each, to the left is better.

    Log axes, as engines differ by factors; the value stands beside its bar. A series that lacks a value has no bar
    and a dash. Raises ParameterError for values that are not above 0.
    """
    table = columns_of(rows, ("series",), tuple(costs), what="a plot of costs")
    names = [str(name) for name in table["series"]]
    with picture(path, (2.0 + 2.9 * len(costs), 1.5 + 0.34 * len(names)), len(costs)) as (figure, panels):
        for place, (axes, (column, label)) in enumerate(zip(panels, costs.items(), strict=True)):
            values = numbers(table[column])
            _bars(axes, values, column)
            axes.set_yticks(range(len(names)), names if place == 0 else [""] * len(names))
            axes.set_ylim(len(names) - 0.4, -0.6)
            axes.set_title(label, fontsize=11, fontweight="normal", pad=6)
        headline(figure, title)


def _bars(axes: Axes, values: DoubleArray, column: str) -> None:
    there = np.isfinite(values)
    if not (values[there] > 0).all():
        raise ParameterError(f"{column} is above 0, not {values[there & ~(values > 0)][0]:g}")
    axes.set_xscale("log")
    low, high = (float(values[there].min()), float(values[there].max())) if there.any() else (1.0, 1.0)
    left = low / 3
    axes.set_xlim(left, high * (high / left) ** 0.35)  # room for the numbers
    for row, value in enumerate(values.tolist()):
        if not there[row]:
            axes.text(left * 1.1, row, "–", va="center", color=FAINT, fontsize=9)
            continue
        axes.barh(row, value - left, left=left, height=0.62, color=look_of(int(row > 0) * 5)["color"])
        axes.annotate(
            _digits(value), (value, row), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.set_xticks([])  # the numbers stand beside the bars
    axes.minorticks_off()
    axes.spines["bottom"].set_visible(False)


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def plot_growth(
    rows: Rows, path: StrPath, *, title: str = "Growth", measures: Mapping[str, str] = GROWTH, size: str = "n"
) -> None:
    """Rows with `size` and the columns of `measures`, name -> label, of a `series`: a log-log panel for each measure.

    Where a series lacks a measure at a size, its line leaves that size out. Raises ParameterError for sizes and
    values that are not above 0.
    """
    table = columns_of(rows, (size,), ("series", *measures), what="a plot of growth")
    sizes = np.array(table[size], np.float64)
    groups = series_of(table["series"])
    with picture(path, (3.7 * len(measures), 4.2), len(measures)) as (figure, panels):
        for axes, (column, label) in zip(panels, measures.items(), strict=True):
            values = numbers(table[column])
            there = np.isfinite(values)
            if not (values[there] > 0).all() or not (sizes > 0).all():
                raise ParameterError(f"a plot of growth needs {size} and {column} above 0")
            axes.set_xscale("log")
            axes.set_yscale("log")
            for place, (name, members) in enumerate(groups.items()):
                order = [row for row in sorted(members, key=lambda row: sizes[row]) if there[row]]
                axes.plot(sizes[order], values[order], label=name, linewidth=1.8, markersize=5.5, **look_of(place))
            plain_numbers(axes)
            axes.set_title(label, fontsize=11, fontweight="normal", pad=6)
            axes.set_xlabel(size)
        if len(groups) > 1 or "" not in groups:
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        headline(figure, title)
