"""The infix form of DTW by sections of a query: bounds, places, and answers as if every cell was filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partial_oracles import warped_part_oracle

from seqsearch.distances import DTWDistance, InfixDTW
from seqsearch.distances import dtw_infix_kernels as kernels
from seqsearch.distances import dtw_infix_lanes as lanes
from seqsearch.distances import dtw_infix_sections as sections
from seqsearch.distances.dtw_infix import turned_of
from seqsearch.sequences import Sequences

LOCALS = ["squared", "absolute"]
SCALES = [(1, 0, 1), (1e-5, 3, 1), (1e4, -1e6, 1), (1, 0, 1e9), (1, 0, 0)]
M, STEPS = 50, 1800  # of queries that have sections, and of targets that are long enough for these


def of(*series) -> Sequences:
    return Sequences.from_arrays([np.array(each, float) for each in series])


def ends_of(distance, x, y):
    """(n,) the least sum of costs of a path through all of x that ends in each step of y: all cells."""
    back = kernels.backwards(distance.prepared(of(x)).data)
    ends = np.empty(len(y))
    frames = distance.stored.prepared(of(y)).data.T.copy()
    kernels.sweep(back, frames, 0, distance.form.local, np.empty((3, len(x) + 1)), ends)
    return ends


def target(kind, rng):
    """A series of STEPS: some repeat themselves, so that many parts are equally near."""
    if kind == "walk":
        return rng.standard_normal(STEPS).cumsum()
    if kind == "beats":
        return np.tile(np.round(8 * np.exp(-((np.arange(60) - 30.0) ** 2) / 20)), STEPS // 60)
    if kind == "steps":
        return rng.integers(-2, 3, STEPS).astype(float)
    if kind == "flat":
        return np.where(np.arange(STEPS) // 200 % 2 == 0, 1.0, rng.integers(0, 3, STEPS))
    return rng.standard_normal(STEPS)


KINDS = ["walk", "beats", "steps", "flat", "noise"]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from(KINDS), st.sampled_from([0.0, 0.0, 0.1, 1.0, 3.0]), st.sampled_from(LOCALS)
)
def test_places_and_distances_are_those_of_all_cells(seed, kind, noise, local):
    rng = np.random.default_rng(seed)
    y, begin = target(kind, rng), int(rng.integers(0, STEPS - M))
    x = y[begin : begin + M] + np.round(noise * rng.standard_normal(M), 1)
    distance, zero = InfixDTW(local=local), np.zeros(1, np.int64)
    ends = ends_of(distance, x, y)
    assert distance.matrix(of(x), of(y))[0, 0] == ends.min()
    (begin,), (end,) = distance.spans(of(x), zero, of(y), zero)
    assert end - 1 == int(np.argmin(ends))
    parts = of(*(y[first:end] for first in range(begin, end)))
    nearest = DTWDistance(local=local).matrix(of(x), parts)[0]
    assert nearest[0] == pytest.approx(ends.min(), rel=1e-9, abs=1e-9)
    assert (nearest[1:] > ends.min() * (1 + 1e-9) + 1e-12).all()  # and no shorter part is as near


@pytest.mark.parametrize("local", LOCALS)
@pytest.mark.parametrize("k", [1, 3])
def test_searches_of_long_and_short_targets_find_the_same_as_all_cells(local, k):
    rng = np.random.default_rng(k)
    targets = [target(kind, rng) for kind in (*KINDS, "walk", "beats")]
    targets[2], targets[6] = targets[2][:300], targets[6][:40]
    cut = [(0, 400, 0.1), (1, 1000, 0.5), (2, 100, 0.2), (3, 300, 0.0), (5, STEPS - M, 0.3), (4, 0, 2.0)]
    queries = [targets[row][at : at + M] + noise * rng.standard_normal(M) for row, at, noise in cut]
    queries.append(5 * rng.standard_normal(2 * M))
    distance = InfixDTW(local=local, root=True)
    x, y = of(*queries), of(*targets)
    table = np.sqrt([[ends_of(distance, one, other).min() for other in targets] for one in queries])
    cost = np.abs(np.subtract.outer(queries[0], targets[1])) ** (2 if local == "squared" else 1)
    assert table[0, 1] == pytest.approx(np.sqrt(warped_part_oracle(cost)), rel=1e-6)
    order = np.argsort(table, axis=1, kind="stable")[:, :k]
    searcher = distance.searcher(y)
    found, pruning = searcher.search(x, k)
    np.testing.assert_array_equal(found.rows, order)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(table, order, axis=1))
    assert pruning.ruled_out["bounds of parts"] > 0 or k > 1
    near, _ = searcher.search(x, len(targets), within=found.distances[:, -1])
    assert (near.rows[:, :k] == order).all()
    assert ((near.rows >= 0).sum(axis=1) == (table <= found.distances[:, -1:]).sum(axis=1)).all()  # equal ones too
    allowed = np.arange(len(targets)) != order[0, 0]
    rest, _ = distance.searcher(y, allowed).search(x[:1], 1)
    assert rest.distances[0, 0] == table[0, allowed].min()


@pytest.mark.parametrize("local", LOCALS)
@pytest.mark.parametrize(("scale", "offset", "loud"), SCALES)
@pytest.mark.parametrize("kind", ["walk", "flat"])
def test_bounds_by_sections_are_never_above_the_distance_whatever_the_scale(local, scale, offset, loud, kind):
    rng = np.random.default_rng(21)
    distance, y = InfixDTW(local=local), target(kind, rng)
    x = loud * (scale * (y[900 : 900 + M] + 0.3 * rng.standard_normal(M)) + offset)
    y = scale * y + offset
    stored = distance.stored.prepared(of(y[:70], y))  # a short one before
    back, turned = kernels.backwards(distance.prepared(of(x)).data), turned_of(stored, 2)
    assert sections.are_worthwhile(back, turned, 1, distance.form.local)
    assert not sections.are_worthwhile(back, turned, 0, distance.form.local)
    section = sections.section_of(back, turned)
    tiles = np.empty((turned.tiles[2] - turned.tiles[1]) * lanes.LANES, np.float32)
    sections.fill_tiles(section, turned, 1, distance.form.local, tiles)
    width, some = 2 * lanes.TILE, ends_of(distance, x[section.first : section.last], y)
    unit = turned.scale if local == "absolute" else turned.scale**2
    for tile, least in enumerate(tiles.tolist()):
        first = 2 * sections._first_block(turned, 1, tile)
        if first < len(y):
            assert least / unit * (1 - 1e-4) <= some[first : first + width].min()
    ends = ends_of(distance, x, y)
    assert sections.least_of(section, turned, 1, distance.form.local, tiles) <= ends.min()
    most = float(np.quantile(ends, 0.2))
    bounds = np.empty(turned.starts[2] - turned.starts[1])
    sections.fill_within(section, turned, 1, distance.form.local, most, sections._room_for(M), bounds)
    true = np.array([ends[b * 2 : b * 2 + 2].min() for b in range(len(bounds))])
    assert (bounds[true <= most] <= true[true <= most]).all()
    if loud == 1 and kind == "walk":
        assert np.isinf(bounds).mean() > 0.1  # and they say something


def test_a_section_is_where_a_query_is_like_nothing_else():
    y = np.zeros(STEPS)
    y[500:520] = 9.0
    x = np.zeros(64)
    x[40:52] = 9.0
    stored = InfixDTW().stored.prepared(of(y))
    section = sections.section_of(kernels.backwards(x[:, None]), turned_of(stored, 2))
    assert section.first <= 40
    assert section.last >= 52
    assert section.last - section.first == 16
