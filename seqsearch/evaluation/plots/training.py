"""How training went, and what dimensions buy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of, rows_of
from .style import COLOURS, legend_if_named, look_of, picture, series_of

_NAMES = {"percent_rmse": "%RMSE", "mae": "mean absolute error"}


def plot_training(
    rows: Rows, path: StrPath, *, title: str = "Training", panels: Sequence[str | Sequence[str]] = ()
) -> None:
    """Rows with `epoch` and what was measured; a row may lack what was not measured in its epoch.

    `panels`: the columns of each panel; by default all whose name ends in "loss" together, then each other column of
    numbers (time and learning rate left out) by itself.
    """
    listed = rows_of(rows, what="a plot of training")
    names = [name for row in listed for name, value in row.items() if _is_number(value)]
    chosen = [[p] if isinstance(p, str) else list(p) for p in panels] or _default_panels(list(dict.fromkeys(names)))
    wanted = [name for panel in chosen for name in panel]
    table = columns_of(listed, ("epoch",), wanted, what="a plot of training")
    if not chosen or not all(any(value is not None for value in table[name]) for name in wanted):
        raise ParameterError(f"a plot of training needs rows with epoch and {', '.join(wanted) or 'a loss'}")
    from matplotlib.ticker import MaxNLocator

    epochs = np.array(table["epoch"], np.float64)
    with picture(path, (max(4.6, 3.9 * len(chosen)), 3.9), len(chosen)) as (figure, all_axes):
        for axes, panel in zip(all_axes, chosen, strict=True):
            for place, name in enumerate(panel):
                values = np.array([np.nan if value is None else value for value in table[name]], np.float64)
                there = np.isfinite(values)
                marker = "o" if there.sum() <= 30 else None
                axes.plot(
                    epochs[there],
                    values[there],
                    color=COLOURS[place % len(COLOURS)],
                    marker=marker,
                    markersize=3.5,
                    linewidth=1.8,
                    label=_readable(name),
                )
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            if len(panel) == 1:
                axes.set_title(_readable(panel[0]), fontsize=11, fontweight="normal", pad=6)
            else:
                axes.set_title("loss", fontsize=11, fontweight="normal", pad=6)
                axes.legend(loc="best")
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12.5)


def _default_panels(names: list[str]) -> list[list[str]]:
    left_out = {"epoch", "step", "seconds", "lr", "learning_rate"}
    losses = [name for name in names if name.endswith("loss")]
    others = [[name] for name in names if name not in left_out and name not in losses]
    return ([losses] if losses else []) + others


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _readable(name: str) -> str:
    return _NAMES.get(name, name.replace("_", " "))


def plot_dimensions(
    rows: Rows,
    path: StrPath,
    *,
    title: str = "Error against dimensions",
    error: str = "percent_rmse",
    baseline: tuple[str, float] | None = None,
) -> None:
    """Rows with `dimensions` and the column `error` of a `series`; `low` and `high` draw a band, such as over seeds.

    `baseline`: a name and a value, drawn as a level to compare with.
    """
    table = columns_of(rows, ("dimensions", error), ("series", "low", "high"), what="a plot of dimensions")
    dimensions, errors = np.array(table["dimensions"], np.float64), np.array(table[error], np.float64)
    if not (dimensions > 0).all():
        raise ParameterError(f"dimensions are above 0, not {dimensions[~(dimensions > 0)][0]:g}")
    low, high = (np.array([np.nan if v is None else v for v in table[name]], np.float64) for name in ("low", "high"))
    groups = series_of(table["series"])
    with picture(path, (7.2, 4.4)) as (_, (axes,)):
        axes.set_xscale("log", base=2)
        for place, (name, members) in enumerate(groups.items()):
            order = sorted(members, key=lambda row: dimensions[row])
            look = look_of(place)
            axes.plot(dimensions[order], errors[order], label=name, linewidth=1.8, markersize=5.5, **look)
            if np.isfinite(low[order]).all() and np.isfinite(high[order]).all():
                axes.fill_between(
                    dimensions[order], low[order], high[order], color=look["color"], alpha=0.15, linewidth=0
                )
        if baseline is not None:
            axes.axhline(baseline[1], color="#444444", linestyle=(0, (4, 3)), linewidth=1.1, label=baseline[0])
        ticks = sorted(set(dimensions.tolist()))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.set_xlabel("dimensions (log)")
        axes.set_ylabel(_readable(error))
        legend_if_named(axes, groups if baseline is None else {**groups, "baseline": []}, loc="best")
