"""Pictures of matching: written, told apart, and refused where there is nothing to draw."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqsearch.errors import ParameterError

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from harness.plots import plot_codes, plot_matrix, plot_ranks


def test_rank_curves_are_the_shares_within(tmp_path: Path) -> None:
    rows = [{"series": "hash", "rank": rank} for rank in (1, 1, 3, 40)]
    rows += [{"series": "embedding", "rank": rank} for rank in (2, 7, 90, np.inf)]
    plot_ranks(rows, tmp_path / "r.svg", size=100)
    drawn = (tmp_path / "r.svg").read_text(encoding="utf-8")
    assert drawn.count("<path") > 4
    plot_ranks(rows[:4], tmp_path / "one.svg", size=100)
    assert (tmp_path / "one.svg").read_bytes() != (tmp_path / "r.svg").read_bytes()
    with pytest.raises(ParameterError, match="a rank counts from 1: 0.0 is none"):
        plot_ranks([{"rank": 0.0}], tmp_path / "x.png", size=10)
    with pytest.raises(ParameterError, match="rank"):
        plot_ranks([{"series": "a"}], tmp_path / "x.png", size=10)


def test_codes_and_where_they_differ(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first = (rng.random((50, 16)) < 0.5).astype(np.uint8)
    plot_codes({"score": first, "performance": 1 - first}, tmp_path / "c.png", step=0.37, unit="s")
    plot_codes({"score": first}, tmp_path / "one.png")
    assert (tmp_path / "c.png").stat().st_size > (tmp_path / "one.png").stat().st_size > 1000
    with pytest.raises(ParameterError, match="hashes to be compared have one shape"):
        plot_codes({"a": first, "b": first[:-1]}, tmp_path / "x.png")
    with pytest.raises(ParameterError, match="a picture of hashes needs some"):
        plot_codes({}, tmp_path / "x.png")


def test_a_matrix_of_distances(tmp_path: Path) -> None:
    plot_matrix(np.abs(np.subtract.outer(np.arange(5.0), np.arange(7.0))), tmp_path / "m.png", x_label="a", y_label="b")
    assert (tmp_path / "m.png").stat().st_size > 1000
    for wrong in (np.zeros(3), np.full((2, 2), np.nan), np.zeros((0, 3))):
        with pytest.raises(ParameterError, match="needs finite ones of shape"):
            plot_matrix(wrong, tmp_path / "x.png")
