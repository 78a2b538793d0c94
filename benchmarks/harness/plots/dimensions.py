"""What dimensions buy."""

from __future__ import annotations

import numpy as np

from seqsearch.errors import ParameterError, StrPath
from seqsearch.evaluation.plots.style import legend_if_named, look_of, numbers, picture, series_of, titled
from seqsearch.evaluation.rows import Rows, columns_of


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
    low, high = (numbers(table[name]) for name in ("low", "high"))
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
        titled(axes, title, "dimensions (log)", "%RMSE" if error == "percent_rmse" else error.replace("_", " "))
        legend_if_named(axes, groups if baseline is None else {**groups, "baseline": []})
