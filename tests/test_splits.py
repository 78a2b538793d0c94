from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import EditDistance
from seqsearch.errors import ParameterError
from tests.families import families

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from splits import Split, distance_split, random_split


def is_a_partition(split: Split, n: int) -> bool:
    return sorted([*split.train, *split.validation, *split.test]) == list(range(n))


@given(st.integers(3, 60), st.data())
@settings(max_examples=40, deadline=None)
def test_random_splits_are_partitions(n: int, data: st.DataObject) -> None:
    test = data.draw(st.integers(0, n - 1))
    validation = data.draw(st.integers(0, n - 1 - test))
    split = random_split(n, validation=validation, test=test, rng=np.random.default_rng(0))
    assert is_a_partition(split, n)
    assert (len(split.test), len(split.validation)) == (test, validation)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_distance_splits_take_whole_neighbourhoods(depth: int) -> None:
    sequences = families(12, 8, 40)
    split = distance_split(sequences, EditDistance(), validation=8, test=24, depth=depth, rng=np.random.default_rng(1))
    assert is_a_partition(split, 96)
    assert (len(split.validation), len(split.test)) == (8, 24)
    families_hit = len(set(split.test // 8))
    assert families_hit == 3 if depth == 3 else families_hit > 3


def test_splits_that_leave_nothing() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ParameterError, match="5 validation and 5 test rows leave none of 10 to train on"):
        random_split(10, validation=5, test=5, rng=rng)
    with pytest.raises(ParameterError, match="depth must be from 0 to 20, not 21"):
        distance_split(families(3, 4, 20), EditDistance(), validation=1, test=1, depth=21, rng=rng)
