"""Promised against kept."""

from __future__ import annotations

import numpy as np

from ...errors import ParameterError, StrPath
from ..rows import Rows, columns_of
from .style import DASHED, legend_if_named, look_of, picture, series_of, titled


def plot_reliability(
    rows: Rows,
    path: StrPath,
    *,
    title: str = "Reliability",
    x_label: str = "predicted probability",
    y_label: str = "observed share",
    band: float = 0.0,
) -> None:
    """Rows with `expected` and `observed` shares of a `series`; a point grows with its `count`.

    Serves recall asked for against recall delivered as well. `band`: how far from the diagonal is allowed, shaded.
    """
    table = columns_of(rows, ("expected", "observed"), ("series", "count"), what="a plot of reliability")
    expected, observed = np.array(table["expected"], np.float64), np.array(table["observed"], np.float64)
    shares = np.concatenate([expected, observed])
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ParameterError(f"a share of 1 is needed, not {shares[~((shares >= 0) & (shares <= 1))][0]}")
    counts = np.array([0 if count is None else count for count in table["count"]], np.float64)
    areas = 20 + 130 * counts / counts.max() if counts.max() > 0 else np.full(len(counts), 42.0)
    groups = series_of(table["series"])
    # promises above .85 only, as of recall, deserve the whole picture
    low = 0.0 if shares.min() < 0.5 else max(0.0, float(shares.min()) - 0.15 * float(1 - shares.min()) - 0.005)
    with picture(path, (5.6, 5.4)) as (_, (axes,)):
        line = np.array([low, 1.0])
        if band > 0:
            axes.fill_between(line, line - band, line + band, color="#ECECEC", linewidth=0)
        axes.plot(line, line, **DASHED)
        for place, (name, members) in enumerate(groups.items()):
            order = sorted(members, key=lambda row: expected[row])
            look = look_of(place)
            axes.plot(expected[order], observed[order], color=look["color"], linewidth=1.3, alpha=0.7)
            axes.scatter(expected[order], observed[order], s=areas[order], label=name, zorder=3, **look)
        margin = 0.02 * (1 - low)
        axes.set_xlim(low - margin, 1 + margin)
        axes.set_ylim(low - margin, 1 + margin)
        axes.set_aspect("equal")
        titled(axes, title, x_label, y_label)
        legend_if_named(axes, groups)
