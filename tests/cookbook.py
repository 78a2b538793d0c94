"""The programs of docs/cookbook.md, by their titles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "cookbook.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^## (?P<title>[^\n]+)\n(?:(?!^## ).)*?```python\n(?P<program>.*?)```", re.MULTILINE | re.DOTALL)
PROGRAMS = {found["title"]: found["program"] for found in _BLOCK.finditer(PAGE)}
_EXTRAS = ("fastapi", "joblib", "pandas", "polars", "umap")
_WITHIN = {"UMAP from the graph of neighbours": "sklearn", "A file of ann-benchmarks": "h5py"}


def skip_without_extras(title: str) -> None:
    """Skip a test of a program that needs what is not installed."""
    imported = re.findall(r"^(?:import|from) (\w+)", PROGRAMS[title], re.MULTILINE)
    for package in [name for name in imported if name in _EXTRAS] + [_WITHIN.get(title, "re")]:
        pytest.importorskip(package, reason=f"{package} is not installed")
