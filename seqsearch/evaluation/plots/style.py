"""One look for all pictures, and what they share: axes, series, labels that keep apart, saving."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import extras
from ...arrays import AnyArray, DoubleArray
from ...errors import ParameterError, StrPath
from ...files import replacing, write_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008, distinguishable with every kind of colour vision; the first is the subject, the others are peers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
INK, FAINT = "#222222", "#6E6E6E"
DASHED: dict[str, Any] = {"color": FAINT, "linestyle": (0, (4, 3)), "linewidth": 1}
_METADATA: dict[str, dict[str, Any]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Of a picture by its extension; no date inside: the same rows give the same file."""

_SETTINGS: Any = {
    "font.size": 10.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "seqsearch",
}


@contextmanager
def picture(path: StrPath, size: tuple[float, float], panels: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of `size` inches with `panels` side by side, saved to `path` when the block ends well.

    Raises ParameterError for an extension that names no picture, InputError when the file cannot be written,
    MissingExtraError without matplotlib.
    """
    target = Path(path)
    if target.suffix.lower() not in _METADATA:
        raise ParameterError(f"a picture ends in {', '.join(_METADATA)}, not {target.name!r}")
    extras.require("matplotlib", "a picture")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, panels, squeeze=False)[0].tolist()
        yield figure, axes
        with write_errors(target), replacing(target) as temporary:
            figure.savefig(temporary, metadata=_METADATA[target.suffix.lower()])


def titled(axes: Axes, title: str, x_label: str, y_label: str = "") -> None:
    """Title and names of the axes."""
    axes.set(title=title, xlabel=x_label, ylabel=y_label)


def headline(figure: Figure, title: str) -> None:
    """One title over several panels."""
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12.5)


def bare(axes: Axes) -> None:
    """A picture made of cells: no grid, ticks or frame."""
    axes.grid(visible=False)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def numbers(values: Iterable[float | None]) -> DoubleArray:
    """(m,) float64, nan where there is none."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def series_of(names: Sequence[object]) -> dict[str, list[int]]:
    """Row numbers of each series in order of first appearance; a row without a name belongs to the series ""."""
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        groups.setdefault("" if name is None else str(name), []).append(row)
    return groups


def look_of(place: int) -> dict[str, Any]:
    """Colour and marker of the n-th series; markers differ again where the colours have run out."""
    shift = place // len(COLOURS)
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[(place + shift) % len(MARKERS)]}


def legend_if_named(axes: Axes, groups: dict[str, list[int]]) -> None:
    """A legend when there is more than one series, or the only one has a name."""
    if len(groups) > 1 or "" not in groups:
        axes.legend(loc="best")


def legend_below(figure: Figure, axes: Axes, groups: dict[str, list[int]]) -> None:
    """The same below the axes, whose width then does not depend on how long the names are."""
    if len(groups) > 1 or "" not in groups:
        columns = max(1, min(len(groups), 95 // (max(map(len, groups)) + 8)))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def plain_numbers(axes: Axes) -> None:
    """Ticks of a logarithmic y axis as 1,000 and not 10^3, at 1, 2 and 5 where it spans few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def label_apart(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float, str, str]], lines: Sequence[Sequence[int]] = ()
) -> None:
    """Write (x, y, text, colour) labels beside points, leaving out what would cover a point, a line or a label.

    `lines`: which points are joined. To be called when the limits of the axes are final; the earlier labels have the
    right of way.
    """
    if not points:
        return
    from matplotlib.patheffects import withStroke

    figure.draw_without_rendering()  # constrained layout settles here
    pixel = figure.dpi / 72
    places = axes.transData.transform([(x, y) for x, y, _, _ in points])
    taken = [_box(x, y, 3 * pixel, 3 * pixel) for x, y in places.tolist()]
    taken += [_box(x, y, pixel, pixel) for x, y in _along(places, lines, 4 * pixel)]
    frame = axes.get_window_extent()
    halo = [withStroke(linewidth=2.5, foreground="white")]
    for (x, y, text, colour), (at_x, at_y) in zip(points, places.tolist(), strict=True):
        if not text:
            continue
        half_width, half_height = 2.7 * len(text) * pixel, 4.5 * pixel
        for dx, dy in ((1, 0.8), (0, 1), (1, 0), (-1, -0.8), (0, -1), (-1, 0), (-1, 0.8), (1, -0.8)):
            shift_x, shift_y = dx * (half_width + 4.5 * pixel), dy * (half_height + 5 * pixel)
            box = _box(at_x + shift_x, at_y + shift_y, half_width, half_height)
            inside = frame.x0 <= box[0] and box[2] <= frame.x1 and frame.y0 <= box[1] and box[3] <= frame.y1
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                axes.annotate(
                    text,
                    (x, y),
                    xytext=(shift_x / pixel, shift_y / pixel),
                    textcoords="offset points",
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color=colour,
                    path_effects=halo,
                )
                break


def _along(places: AnyArray, lines: Sequence[Sequence[int]], step: float) -> list[tuple[float, float]]:
    """Points every `step` along the lines that join places."""
    found: list[tuple[float, float]] = []
    for line in lines:
        for start, end in itertools.pairwise(places[list(line)]):
            count = int(np.hypot(*(end - start)) / step) + 1
            found += (start + (end - start) * np.linspace(0, 1, count)[:, None]).tolist()
    return found


Box = tuple[float, float, float, float]


def _box(x: float, y: float, half_width: float, half_height: float) -> Box:
    return x - half_width, y - half_height, x + half_width, y + half_height


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
