from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.search.known_pairs import KnownPairs


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([5, 300, 2**39]))
def test_what_was_put_in_is_known_and_nothing_else(seed: int, queries: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    pairs, kept = KnownPairs(queries), dict[tuple[int, int], float]()
    for count in (1, 40, 250):
        drawn = {(int(rng.integers(queries)), int(rng.integers(rows))) for _ in range(count)}
        fresh = sorted(drawn - set(kept))
        values = rng.random(len(fresh))
        owners, numbers = np.array(fresh, np.int64).reshape(-1, 2).T
        pairs.put(owners, numbers, values)
        kept |= dict(zip(fresh, values.tolist(), strict=True))
        asked = rng.integers(-1, rows, (queries, 30))
        asked[:, :5] = rng.choice(np.array([number for _, number in kept]), (queries, 5))
        expected = [
            [kept.get((q, int(row)), np.nan) if row >= 0 else np.inf for row in asked[q]] for q in range(queries)
        ]
        np.testing.assert_array_equal(pairs.of(asked), expected)
        some = rng.permutation(queries)[: queries // 2 + 1]
        np.testing.assert_array_equal(pairs.of(asked[some], some), np.array(expected)[some])
        assert np.array_equal(pairs.holds(asked), ~np.isnan(expected))
