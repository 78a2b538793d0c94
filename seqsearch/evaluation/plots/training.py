"""How training went, and what dimensions buy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of, rows_of
from .style import COLOURS, headline, numbers, picture

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
                values = numbers(table[name])
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
        headline(figure, title)


def _default_panels(names: list[str]) -> list[list[str]]:
    left_out = {"epoch", "step", "seconds", "lr", "learning_rate"}
    losses = [name for name in names if name.endswith("loss")]
    others = [[name] for name in names if name not in left_out and name not in losses]
    return ([losses] if losses else []) + others


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _readable(name: str) -> str:
    return _NAMES.get(name, name.replace("_", " "))
