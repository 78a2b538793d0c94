"""Which labels are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...arrays import AnyArray
from ...errors import ParameterError, StrPath
from .style import bare, picture, titled

_WRITTEN = 25  # labels up to which the cells hold their numbers


def plot_confusion(counts: AnyArray, labels: Sequence[str], path: StrPath, *, title: str = "Confusion") -> None:
    """(K, K) counts, true labels down and told ones across.

    A cell is as dark as its share of the true label, so that rare labels are seen; it shows that share in percent and
    the count. Raises ParameterError when the shapes do not fit.
    """
    table = np.asarray(counts, np.float64)
    k = len(labels)
    if k == 0 or table.shape != (k, k):
        raise ParameterError(f"counts of shape {table.shape} do not fit {k} labels")
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    side = 2.2 + (0.82 * k if k <= 8 else 0.5 * k if k <= _WRITTEN else 0.22 * k)
    with picture(path, (side + 0.8, side)) as (_, (axes,)):
        axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.15, aspect="auto")
        if k <= _WRITTEN:
            for (down, across), count in np.ndenumerate(table):
                if count:
                    share = shares[down, across]
                    text = f"{100 * share:.0f}%\n{count:,.0f}" if k <= 8 else f"{100 * share:.0f}"
                    colour = "white" if share > 0.55 else "#222222"
                    axes.text(across, down, text, ha="center", va="center", color=colour, fontsize=9 if k <= 8 else 7.5)
        axes.set_xticks(range(k), list(labels), rotation=0 if max(map(len, labels)) * k < 60 else 90)
        axes.set_yticks(range(k), list(labels))
        bare(axes)
        titled(axes, title, "predicted", "true")
