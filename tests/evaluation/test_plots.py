"""Every kind of picture is written, from rows and from columns alike; what rows lack is said."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import InputError, ParameterError
from seqsearch.evaluation.plots import (
    plot_dendrogram,
    plot_heat_map,
    plot_histograms,
    plot_reliability,
    plot_speed,
    plot_training,
)
from seqsearch.evaluation.plots.style import label_apart, picture

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from harness.plots import plot_costs, plot_dimensions, plot_growth

PNG = b"\x89PNG\r\n\x1a\n"
rng = np.random.default_rng(0)
PLOTS = {
    # function -> rows that it needs, with everything optional, and the columns without which it cannot be drawn
    plot_speed: (
        [
            {"series": s, "candidates": c, "recall": 1 - 0.2 / c, "qps": q / c}
            for s, q in (("ours", 1e4), ("peer", 1e3))
            for c in (1, 10, 100)
        ],
        ("recall", "qps"),
    ),
    plot_histograms: (
        [{"series": s, "value": int(v), "count": 2} for s in "ab" for v in rng.integers(0, 16, 50)],
        ("value",),
    ),
    plot_training: (
        [{"epoch": e, "train_loss": 1 / (e + 1), "validation_loss": 2 / (e + 1), "recall": 0.5} for e in range(9)],
        ("epoch",),
    ),
    plot_dimensions: (
        [
            {"series": s, "dimensions": d, "percent_rmse": 5 / d, "low": 4 / d, "high": 6 / d}
            for s in "ab"
            for d in (4, 16)
        ],
        ("dimensions", "percent_rmse"),
    ),
    plot_reliability: (
        [{"series": "a", "expected": p, "observed": p**2, "count": 5} for p in (0.1, 0.5, 0.9)],
        ("expected", "observed"),
    ),
    plot_dendrogram: (
        [
            {"node": "root", "parent": None, "height": 3.0, "name": "", "size": 7},
            {"node": "a", "parent": "root", "height": 2.0, "name": "5 sequences", "size": 5},
            {"node": "b", "parent": "root", "height": 1.0, "name": "", "size": 2},
            {"node": "c", "parent": "b", "height": 0.0, "name": "a leaf", "size": 1},
            {"node": "d", "parent": "b", "height": 0.0, "name": "another leaf", "size": 1},
        ],
        ("node", "height"),
    ),
    plot_heat_map: (
        [
            {"encoder": e, "geometry": g, "percent_rmse": v}
            for e, g, v in (("cnn", "euclidean", 2.0), ("cnn", "cosine", 1.0), ("mlp", "cosine", np.nan))
        ],
        ("encoder", "geometry"),
    ),
    plot_costs: (
        [
            {"series": s, "build_s": b, "build_peak_mb": 9 * b, "search_peak_mb": 5.0, "index_mb": m}
            for s, b, m in (("ours", 120.0, 70.0), ("peer", 3.0, np.nan))
        ],
        ("series",),
    ),
    plot_growth: (
        [
            {"series": s, "n": n, "qps": 1e6 / n, "build_s": n / 100, "load_s": n / 1e4, "search_peak_mb": 90 + n}
            for s in ("ours", "peer")
            for n in (1000, 10_000)
        ],
        ("n",),
    ),
}
names = pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)


@names
def test_a_picture_is_written(tmp_path, plot):
    rows, _ = PLOTS[plot]
    plot(rows, tmp_path / "x.png", title="A title")
    raw = (tmp_path / "x.png").read_bytes()
    assert raw.startswith(PNG)
    assert pixels(tmp_path / "x.png").std() > 5  # something is drawn
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


@names
def test_columns_are_as_good_as_rows_and_draw_the_same(tmp_path, plot):
    rows, _ = PLOTS[plot]
    plot(rows, tmp_path / "rows.png")
    plot({name: np.array([row[name] for row in rows]) for name in rows[0]}, tmp_path / "columns.png")
    np.testing.assert_array_equal(pixels(tmp_path / "rows.png"), pixels(tmp_path / "columns.png"))


@names
def test_the_other_values_give_another_picture(tmp_path, plot):
    rows, _ = PLOTS[plot]
    plot(rows, tmp_path / "all.png")
    plot(rows[:-1], tmp_path / "fewer.png")
    one, other = pixels(tmp_path / "all.png"), pixels(tmp_path / "fewer.png")
    assert one.shape != other.shape or (one != other).any()


def pixels(path):
    from matplotlib.image import imread

    return imread(path) * 255


@names
def test_only_what_is_needed_is_enough(tmp_path, plot):
    rows, needed = PLOTS[plot]
    extra = ("train_loss",) if plot is plot_training else ("percent_rmse",) if plot is plot_heat_map else ()
    plot([{name: row[name] for name in (*needed, *extra)} for row in rows[:1]], tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


@names
def test_rows_that_are_missing_are_said(tmp_path, plot):
    rows, needed = PLOTS[plot]
    with pytest.raises(ParameterError, match=f"needs rows with {needed[0]}.*: there are none"):
        plot([], tmp_path / "x.png")
    for name in needed:
        lacking = [*rows[:1], {**rows[1], name: None}]
        with pytest.raises(ParameterError, match=f"needs rows with .*: row 2 has no {name}, but"):
            plot(lacking, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


@names
def test_a_path_that_is_no_picture_is_said(tmp_path, plot):
    rows, _ = PLOTS[plot]
    with pytest.raises(ParameterError, match=r"a picture ends in \.png, \.svg, \.pdf, not 'x\.gif'"):
        plot(rows, tmp_path / "x.gif")
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        plot(rows, tmp_path / "none" / "x.png")


@pytest.mark.parametrize("extension", ["svg", "pdf"])
def test_the_same_rows_give_the_same_file(tmp_path, extension):
    rows, _ = PLOTS[plot_speed]
    for name in ("a", "b"):
        plot_speed(rows, tmp_path / f"{name}.{extension}")
    assert (tmp_path / f"a.{extension}").read_bytes() == (tmp_path / f"b.{extension}").read_bytes()


def test_a_plot_writes_title_axes_and_series(tmp_path):
    rows, _ = PLOTS[plot_speed]
    plot_speed(rows, tmp_path / "x.svg", title="Speed it is", target=0.99, x_label="recall at 7")
    text = (tmp_path / "x.svg").read_text()
    for expected in ("Speed it is", "queries a second (log)", "recall at 7", "ours", "peer"):
        assert f"<!-- {expected} -->" in text


def test_labels_cover_neither_one_another_nor_a_point(tmp_path):
    places = rng.random((60, 2)) * [0.4, 1000]
    points = [(float(x), float(y), f"label {n}", "black") for n, (x, y) in enumerate(places)]
    with picture(tmp_path / "x.png", (6, 4)) as (figure, (axes,)):
        axes.plot(*places.T, "o", markersize=4)
        label_apart(figure, axes, points, [range(60)])
        boxes = [text.get_window_extent() for text in axes.texts]
        at = axes.transData.transform(places)
        frame = axes.get_window_extent()
    assert 5 < len(boxes) < 60
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert not any(box.contains(x, y) for box in boxes for x, y in at)
    assert all(frame.contains(*corner) for box in boxes for corner in box.get_points())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: plot_speed([{"recall": 1.2, "qps": 1}], p), r"recall is a share of 1, not 1\.2"),
        (lambda p: plot_speed([{"recall": 1, "qps": 0}], p), r"queries a second are above 0, not 0\.0"),
        (lambda p: plot_histograms([{"value": np.nan}], p), "a histogram needs finite values, not nan"),
        (lambda p: plot_training([{"epoch": 1}], p), "a plot of training needs rows with epoch and a loss"),
        (
            lambda p: plot_training([{"epoch": 1, "loss": 2.0}], p, panels=["recall"]),
            "a plot of training needs rows with epoch and recall",
        ),
        (lambda p: plot_dimensions([{"dimensions": 0, "percent_rmse": 1}], p), "dimensions are above 0, not 0"),
        (lambda p: plot_costs([{"series": "a", "build_s": 0}], p), "build_s is above 0, not 0"),
        (lambda p: plot_growth([{"n": 10, "qps": -1}], p), "needs n and qps above 0"),
        (lambda p: plot_reliability([{"expected": 2, "observed": 1}], p), r"a share of 1 is needed, not 2\.0"),
        (lambda p: plot_dendrogram([{"node": 1, "height": -1}], p), "a dendrogram needs finite heights from 0"),
        (lambda p: plot_dendrogram([{"node": 1, "height": 1}] * 2, p), "a dendrogram needs every node once"),
        (
            lambda p: plot_dendrogram([{"node": i, "height": 1, "parent": 1 - i} for i in (0, 1)], p),
            "a dendrogram has no circles: a node is its own ancestor",
        ),
        (
            lambda p: plot_speed({"recall": [1], "qps": [1, 2]}, p),
            "needs columns of one length, not {'recall': 1, 'qps': 2}",
        ),
    ],
)
def test_values_that_cannot_be_drawn_are_named(tmp_path, call, message):
    with pytest.raises(ParameterError, match=message):
        call(tmp_path / "x.png")


def test_matplotlib_is_imported_when_something_is_drawn():
    code = "import sys, seqsearch.evaluation.plots; print('matplotlib' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert done.stdout.strip() == "False False"
