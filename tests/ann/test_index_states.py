"""Any sequence of calls, against a dict."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from seqsearch import geometry, hashing
from seqsearch.ann import load_index, make_index
from seqsearch.errors import ParameterError, UnknownIdError

KINDS: list[dict[str, Any]] = [
    *({"kind": kind, "geometry": name, "dim": 3} for kind in ("exact", "hnsw", "ivf") for name in geometry.GEOMETRIES),
    *(
        {"kind": "ivf", "geometry": name, "dim": 3, "parameters": {"bits": bits, "lists": 5}, "taught": True}
        for name in ("euclidean", "manhattan", "hyperbolic")
        for bits in (4, None)
    ),
    {"kind": "hamming", "bits": 16},
    {"kind": "hamming", "bits": 64},
]


def item(settings: dict[str, Any], number: int) -> np.ndarray:
    """One of 40 vectors or codes, so that copies are common."""
    rng = np.random.default_rng(number % 40)
    if "bits" in settings:
        return rng.integers(0, 256, size=settings["bits"] // 8).astype(np.uint8) & np.uint8(0x33)
    return (rng.normal(size=3) * 0.3).clip(-0.55, 0.55).astype(np.float32)


class Machine(RuleBasedStateMachine):
    settings: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.index = make_index(**{name: value for name, value in self.settings.items() if name != "taught"})
        if "taught" in self.settings:
            rng = np.random.default_rng(5)
            self.index.train((rng.normal(size=(500, 3)) * 0.3).clip(-0.55, 0.55).astype(np.float32))
        self.oracle: dict[int, np.ndarray] = {}

    @rule(rows=st.lists(st.integers(0, 60), unique=True, max_size=30), first=st.integers(0, 100))
    def add(self, rows: list[int], first: int) -> None:
        items = [item(self.settings, first + i) for i in range(len(rows))]
        width = self.settings.get("bits", 24) // 8
        stacked = np.array(items).reshape(len(rows), width)
        stacked = stacked.astype(np.uint8 if "bits" in self.settings else np.float32)
        if set(rows) & set(self.oracle):
            with pytest.raises(ParameterError, match="already in the index"):
                self.index.add(np.array(rows), stacked)
            return
        self.index.add(np.array(rows, dtype=np.int64), stacked)
        self.oracle.update(zip(rows, items, strict=True))

    @rule(rows=st.lists(st.integers(0, 60), max_size=20))
    def remove(self, rows: list[int]) -> None:
        wanted = np.array(rows, dtype=np.int64)
        if not set(rows) <= set(self.oracle):
            with pytest.raises(UnknownIdError, match="is not in the index"):
                self.index.remove(wanted)
            return
        self.index.remove(wanted)
        for row in set(rows):
            del self.oracle[row]

    @rule()
    def remove_all(self) -> None:
        self.index.remove(np.array(list(self.oracle), dtype=np.int64))
        self.oracle.clear()

    @rule()
    def measure(self) -> None:
        assert self.index.health(sample=10)["rows"] == len(self.oracle)

    @rule()
    def save_and_load(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.index.save(Path(folder) / "index")
            self.index = load_index(Path(folder) / "index")

    @rule(number=st.integers(0, 100), count=st.integers(1, 70), mask=st.one_of(st.none(), st.integers(0, 2**40)))
    def search(self, number: int, count: int, mask: int | None) -> None:
        allowed = None if mask is None else np.array([mask >> bit & 1 for bit in range(40)], dtype=np.bool_)
        query = item(self.settings, number)[None]
        found = self.index.search(query, count, allowed=allowed)
        rows = np.array(sorted(r for r in self.oracle if allowed is None or (r < 40 and allowed[r])), dtype=np.int64)
        matching = min(count, len(rows))
        assert (found.rows[0] >= 0).sum() == matching
        if not matching:
            return
        items = np.stack([self.oracle[row] for row in rows.tolist()])
        if "bits" in self.settings:
            truth = hashing.hamming_matrix(query, items)[0].astype(np.float64)
        else:
            truth = geometry.matrix(self.settings["geometry"], query, items)[0]
        own = truth[np.searchsorted(rows, found.rows[0, :matching])]
        if "taught" in self.settings:  # what lists find of the nearest, and how codes order it, is measured elsewhere
            assert (np.diff(found.distances[0, :matching]) >= 0).all()
            return
        np.testing.assert_allclose(own, np.sort(truth)[:matching], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.distances[0, :matching], own, rtol=1e-4, atol=1e-6)

    @invariant()
    def rows_agree(self) -> None:
        assert self.index.rows().tolist() == sorted(self.oracle)
        assert len(self.index) == len(self.oracle)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(str(v) for v in kind.values()))
def test_any_sequence_of_calls(kind: dict[str, Any]) -> None:
    machine = type("KindMachine", (Machine,), {"settings": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
