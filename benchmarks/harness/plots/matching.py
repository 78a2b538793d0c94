"""Matching: how far down the right entry stands, the hashes of a pair over time, all distances of two sets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqsearch.arrays import AnyArray
from seqsearch.errors import ParameterError, StrPath
from seqsearch.evaluation.plots.style import COLOURS, DASHED, bare, legend_below, picture, series_of, titled
from seqsearch.evaluation.rows import Rows, columns_of


def plot_ranks(rows: Rows, path: StrPath, *, size: int, title: str = "Rank of the right entry") -> None:
    """Rows with `rank`, from 1, of the method `series`: the share of queries whose entry is among the best so many.

    `size`: entries of the database, the right end of the picture. A rank of inf was never found.
    """
    table = columns_of(rows, ("rank",), ("series",), what="a curve of ranks")
    ranks = np.array(table["rank"], np.float64)
    if np.isnan(ranks).any() or (ranks < 1).any():
        raise ParameterError(f"a rank counts from 1: {ranks[~(ranks >= 1)][0]} is none")
    groups = series_of(table["series"])
    with picture(path, (7.2, 4.8)) as (figure, (axes,)):
        for place, (name, members) in enumerate(groups.items()):
            ordered = np.sort(ranks[members])
            steps = np.concatenate([[1.0], ordered[np.isfinite(ordered)], [float(size)]])
            shares = np.searchsorted(ordered, steps, side="right") / len(ordered)
            colour = COLOURS[place % len(COLOURS)]
            axes.step(steps, shares, where="post", color=colour, linewidth=1.8, label=name)
        axes.axhline(0.95, **DASHED)
        axes.set_xscale("log")
        axes.set_xlim(1, size)
        axes.set_ylim(0, 1.02)
        titled(axes, title, f"entries kept, of {size:,}", "share of queries whose match is kept")
        legend_below(figure, axes, groups)


def plot_codes(
    codes: Mapping[str, AnyArray],
    path: StrPath,
    *,
    title: str = "Hashes over time",
    step: float = 1.0,
    unit: str = "steps",
) -> None:
    """Aligned (T, bits) arrays of 0 and 1, one below the other by name; of two, where they differ comes last.

    `step`: time from one hash to the next, in `unit`.
    """
    if not codes:
        raise ParameterError("a picture of hashes needs some")
    bands = {name: np.asarray(values, np.float64) for name, values in codes.items()}
    shapes = {values.shape for values in bands.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ParameterError(f"hashes to be compared have one shape (T, bits), not {sorted(shapes)}")
    if len(bands) == 2:
        first, second = bands.values()
        bands["difference"] = np.abs(first - second)
    steps, bits = next(iter(shapes))
    with picture(path, (8.0, 1.5 + 1.15 * len(bands))) as (_, (axes,)):
        gap = max(2, bits // 10)
        canvas = np.full((len(bands) * bits + (len(bands) - 1) * gap, steps), np.nan)
        for place, values in enumerate(bands.values()):
            top = place * (bits + gap)
            canvas[top : top + bits] = values.T
        axes.imshow(
            canvas,
            aspect="auto",
            interpolation="nearest",
            cmap="Greys",
            vmin=0,
            vmax=1.25,
            extent=(0.0, steps * step, float(len(canvas)), 0.0),
        )
        axes.set_yticks([place * (bits + gap) + bits / 2 for place in range(len(bands))], list(bands))
        bare(axes)
        shown = "" if len(codes) != 2 else f"   ({100 * bands['difference'].mean():.0f}% of bits differ)"
        titled(axes, title + shown, unit)


def plot_matrix(
    distances: AnyArray, path: StrPath, *, title: str = "Distances", x_label: str = "", y_label: str = ""
) -> None:
    """(m, n) distances as a picture, the small ones dark."""
    table = np.asarray(distances, np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ParameterError(f"a picture of distances needs finite ones of shape (m, n), not {table.shape}")
    with picture(path, (6.0, 5.0)) as (figure, (axes,)):
        drawn = axes.imshow(table, cmap="viridis", interpolation="nearest", aspect="auto")
        figure.colorbar(drawn, ax=axes, label="distance", shrink=0.9)
        axes.grid(visible=False)
        titled(axes, title, x_label, y_label)
