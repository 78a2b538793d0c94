from __future__ import annotations

import pytest

_PARTS = ("infix", "overlap", "partial", "no_index", "references")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that compile the kernels of parts of sequences go to one worker, so that these are compiled once."""
    for item in items:
        if any(word in item.nodeid.lower() for word in _PARTS):
            item.add_marker(pytest.mark.xdist_group("parts"))
