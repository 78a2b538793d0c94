"""Some rows of many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.arrays import spread


@given(st.integers(0, 100_000), st.integers(1, 3000))
def test_rows_are_spread_evenly_from_the_first_to_the_last(count: int, most: int) -> None:
    rows = spread(count, most)
    assert rows.dtype == np.int64
    assert len(rows) == min(count, most)
    if len(rows):
        assert rows[0] == 0
    if len(rows) > 1:
        gaps = np.diff(rows)
        assert rows[-1] == count - 1
        assert gaps.min() >= 1
        assert np.ptp(gaps) <= 1
