"""Recall against queries a second: the picture that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...arrays import AnyArray, DoubleArray
from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of
from .style import DASHED, label_apart, legend_below, look_of, numbers, picture, plain_numbers, series_of, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FLOOR = 1e-3  # where 1 - recall ends on the stretched axis, so that 1 has a place
_TICKS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)


def plot_speed(
    rows: Rows,
    path: StrPath,
    *,
    title: str = "Recall against speed",
    target: float | None = None,
    x_label: str = "recall",
) -> None:
    """Rows with `recall` and `qps`; `series` names the engine, `label` or else `candidates` the budget.

    Up and to the right is better. The stretched axis gives .9 to .99 as much room as .99 to .999, which is where an
    engine is chosen; `target` draws the recall that was asked for.
    """
    table = columns_of(
        rows, ("recall", "qps"), ("series", "label", "candidates"), what="a plot of recall against speed"
    )
    recall, qps = numbers(table["recall"]), numbers(table["qps"])
    _require_values(recall, qps)
    groups = series_of(table["series"])
    with picture(path, (8.0, 5.6)) as (figure, (axes,)):
        axes.set_yscale("log")
        labels: list[tuple[float, float, str, str]] = []
        lines = []
        for place, (name, members) in enumerate(groups.items()):
            order = sorted(members, key=lambda row: (recall[row], -qps[row]))
            look, (width, size) = look_of(place), (2.2, 6.5) if place == 0 else (1.4, 5.5)
            axes.plot(
                recall[order], qps[order], label=name, clip_on=False, zorder=3, linewidth=width, markersize=size, **look
            )
            for row in order:
                text = table["label"][row] if table["label"][row] is not None else table["candidates"][row]
                labels.append((float(recall[row]), float(qps[row]), "" if text is None else str(text), look["color"]))
            lines.append(range(len(labels) - len(order), len(labels)))
        _recall_axis(axes, recall)
        axes.set_ylim(qps.min() / 1.8, qps.max() * 1.8)
        if target is not None:
            axes.axvline(target, **DASHED)
        titled(axes, title, x_label, "queries a second (log)")
        plain_numbers(axes)
        legend_below(figure, axes, groups)
        label_apart(figure, axes, labels, lines)


def _require_values(recall: DoubleArray, qps: DoubleArray) -> None:
    if not ((recall >= 0) & (recall <= 1)).all():
        raise ParameterError(f"recall is a share of 1, not {recall[~((recall >= 0) & (recall <= 1))][0]}")
    if not (np.isfinite(qps) & (qps > 0)).all():
        raise ParameterError(f"queries a second are above 0, not {qps[~(np.isfinite(qps) & (qps > 0))][0]}")


def _recall_axis(axes: Axes, recall: DoubleArray) -> None:
    low = float(recall.min())

    def forward(x: AnyArray) -> AnyArray:
        return -np.log10(np.maximum(1 - np.asarray(x, np.float64), 0) + _FLOOR)

    def inverse(y: AnyArray) -> AnyArray:
        return 1 + _FLOOR - 10 ** -np.asarray(y, np.float64)

    axes.set_xscale("function", functions=(forward, inverse))
    start = max(0.0, min(1 - 1.35 * (1 - low), 0.98))
    ticks = [tick for tick in _TICKS if tick >= start and (start > 0.5 or tick != 0.7)]
    axes.set_xlim(start, 1 + _FLOOR / 8)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
