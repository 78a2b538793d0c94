from __future__ import annotations

import numpy as np
import pytest

from seqsearch.encoders.context import channels_in_context, in_context, names_records, overlaps
from seqsearch.errors import MismatchError
from seqsearch.sequences import Sequences, Strings


def pieces(tape: np.ndarray, starts: list[int], steps: int) -> np.ndarray:
    """(n, T, 1) windows of a tape."""
    return np.stack([tape[at : at + steps] for at in starts])[:, :, None].astype(np.float32)


def of_records(values: np.ndarray, records: list[str]) -> Sequences:
    made = Sequences.from_arrays(values, layout="ntf")
    return Sequences(made.data, made.offsets, made.ids, None, Strings.of(records), made.labels)


def test_overlaps_tell_how_soon_the_next_piece_begins() -> None:
    tape = np.random.default_rng(0).integers(0, 1000, 500)
    starts = [0, 30, 45, 100, 139, 141, 200]
    found = overlaps(pieces(tape, starts, 40))
    assert found.tolist() == [10, 25, 0, 0, 38, 0, 0]  # 1 of 40 steps is too few to be told from chance
    assert overlaps(np.zeros((3, 40, 1), np.float32)).tolist() == [0, 0, 0]  # a flat line fits anywhere


def test_a_series_in_context_by_hand() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([pieces(rng.integers(0, 99, 300), [0, 15, 60], 20), 7 + 3 * rng.random((2, 20, 1))])
    records = ["a", "a", "a", "b", "b"]
    found = in_context(of_records(values.astype(np.float32), records)).data.reshape(5, 20, channels_in_context(1))
    own = values[:3]
    units = (own - np.median(own)) / own.std()
    apart = units - np.median(units, axis=0)
    np.testing.assert_allclose(found[:3, :, 0], units[:, :, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[:3, :, 1], apart[:, :, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[:3, :, 2], np.abs(apart[:, :, 0]), rtol=1e-4, atol=1e-5)
    assert found[:, 0, 3].tolist() == [0, 0.25, 0, 0, 0]  # before
    assert found[:, 5, 4].tolist() == [0.25, 0, 0, 0, 0]  # after
    moved = of_records(values[[3, 0, 4, 1, 2]].astype(np.float32), ["b", "a", "b", "a", "a"])
    again = in_context(moved).data.reshape(5, 20, -1)
    np.testing.assert_array_equal(again[[1, 3, 4, 0, 2]], found)  # records do not see each other


def test_what_has_no_context_is_refused() -> None:
    values = np.random.default_rng(0).random((2, 10, 1)).astype(np.float32)
    assert names_records(of_records(values, ["a", "b"]))
    with pytest.raises(MismatchError, match="each has to name its record"):
        in_context(of_records(values, ["a", ""]))
    uneven = Sequences.from_arrays([np.zeros(4), np.zeros(5)])
    assert not names_records(uneven)
    with pytest.raises(MismatchError, match="have to be equally long"):
        in_context(uneven)
    assert len(in_context(of_records(values, ["a", "a"])[:0])) == 0
