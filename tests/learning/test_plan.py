from __future__ import annotations

import numpy as np
import pytest

from seqsearch import SequenceIndex
from seqsearch.learning.plan import suited_geometry
from seqsearch.sequences import Sequences
from tests.families import families


@pytest.mark.parametrize(("length", "wanted"), [(60, "euclidean"), (120, "cosine")])
def test_the_geometry_that_suits(length: int, wanted: str, tmp_path: object) -> None:
    sequences = families(10, 4, length)
    assert suited_geometry(sequences) == wanted
    assert suited_geometry(sequences, bits=64) == "euclidean"
    assert suited_geometry(sequences, target="contrastive") == "euclidean"
    with SequenceIndex.build(f"{tmp_path}/a.ss", sequences, effort="low") as index:
        assert index.model.geometry == wanted


def test_series_and_nothing_are_euclidean() -> None:
    walks = Sequences.from_arrays([np.zeros(500), np.ones(500)])
    assert suited_geometry(walks) == "euclidean"
    assert suited_geometry(walks[:0]) == "euclidean"
