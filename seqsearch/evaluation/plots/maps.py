"""A map of many points, coloured by groups or by numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import AnyArray, FloatArray
from ...errors import MismatchError, StrPath
from .style import COLOURS, bare, picture

_OTHER = "#B4B8C0"
_MORE = ("#7F3C8D", "#11A579", "#A5AA99", "#E73F74", "#3969AC")
_TRIM = 0.0025  # of the points on each side that the picture need not hold


def plot_map(
    places: FloatArray,
    path: StrPath,
    *,
    groups: AnyArray | None = None,
    names: tuple[str, ...] = (),
    numbers: FloatArray | None = None,
    title: str = "Map",
    by: str = "",
) -> None:
    """Points (n, 2), by `groups`, (n,) numbers of `names` of which "other" is grey, or by `numbers`, (n,), nan where
    there is none; `by` says what these are. Raises MismatchError for colours of another number of points.
    """
    for given in (groups, numbers):
        if given is not None and len(given) != len(places):
            raise MismatchError(f"{len(given):,} colours for {len(places):,} points")
    size = float(np.clip(4e4 / max(len(places), 1), 0.4, 14))
    order = np.random.default_rng(0).permutation(len(places))  # so that no group hides the others
    with picture(path, (8.0, 6.4)) as (figure, (axes,)):
        look: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True, "alpha": 0.75}
        x, y = places[order].T if len(places) else (np.zeros(0), np.zeros(0))
        if numbers is not None and len(places):
            values = numbers[order].astype(np.float64)
            low, high = np.nanquantile(values, [0.02, 0.98]) if np.isfinite(values).any() else (0.0, 1.0)
            drawn = axes.scatter(x, y, c=np.nan_to_num(values, nan=low), cmap="viridis", vmin=low, vmax=high, **look)
            figure.colorbar(drawn, ax=axes, label=by, shrink=0.7)
        elif groups is not None:
            axes.scatter(x, y, c=np.array([_colour(name, at) for at, name in enumerate(names)])[groups[order]], **look)
            for at, name in enumerate(names):
                axes.scatter([], [], s=30, color=_colour(name, at), label=name)
            figure.legend(loc="outside lower center", ncols=4, fontsize=9)
        else:
            axes.scatter(x, y, color=COLOURS[0], **look)
        if len(places):
            low, high = np.quantile(places, [_TRIM, 1 - _TRIM], axis=0)
            room = 0.04 * np.maximum(high - low, 1e-9)
            axes.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]))
        axes.set_title(title)
        bare(axes)
        axes.set(xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="box")


def _colour(name: str, place: int) -> str:
    every = (*COLOURS[:6], *_MORE, *COLOURS[6:])
    return _OTHER if name == "other" else every[place % len(every)]
