"""Rows of a set of sequences, taken by an index of letters and by a kernel that copies."""

from __future__ import annotations

import numpy as np
import pytest

from seqsearch.sequences import DNA, Sequences, sequence


@pytest.mark.parametrize("writeable", [True, False])
@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_copied_rows_are_those_of_an_index(kind: str, writeable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 400)
    if kind == "tokens":
        whole = Sequences.from_arrays([rng.integers(4, size=length).astype(np.uint8) for length in lengths], DNA)
    else:
        whole = Sequences.from_arrays([rng.standard_normal((length, 2)).astype(np.float32) for length in lengths])
    whole.data.flags.writeable = writeable
    rows = rng.integers(len(whole), size=700)
    expected = whole[rows]
    monkeypatch.setattr(sequence, "_COPIED", 0)
    found = whole[rows]
    assert found.data.dtype == expected.data.dtype
    np.testing.assert_array_equal(found.data, expected.data)
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    assert list(found.ids) == list(expected.ids)
    assert len(whole[rows[:0]].data) == 0
