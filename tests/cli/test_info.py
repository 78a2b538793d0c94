"""`info` fits one screen, whatever an index holds, and says what `search` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seqsearch import SequenceIndex
from seqsearch.cli.facts import brief
from seqsearch.search.budget import Group, Point
from seqsearch.search.calibration import Calibration
from tests.cli.conftest import Seqsearch


def _facts(seqsearch: Seqsearch, index: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(seqsearch("info", index, "--format", "json").out)
    return found


def _points(lists: int | None) -> tuple[Point, ...]:
    return tuple(
        Point(k, n, None, 1 - 1 / n, 1 - 2 / n, lists=lists) for k in (1, 10, 100) for n in (5, 10, 40, 500, 5000)
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"columns": {f"a column with a long name {k}": "datetime" for k in range(200)}},
        {"shards": [{"name": f"shard-{k:03}", "sequences": 10_000_000} for k in range(300)], "levels": []},
        {"windows": {"length": 150, "stride": 50}, "index": "ivf", "index_parameters": {"bits": 4, "lists": 4096}},
        {"distance_parameters": {f"parameter {k}": 1 / 3 for k in range(40)}, "bits": 1024, "deleted": 3},
        {"built_for": {"queries": 10**9, "learn": "normal"}, "bytes": 10**13},
        {"levels": [{"k": 10, "asked": k / 100, "recall": 0.5} for k in range(99)]},
        {"distance": None, "encoder": "towers", "dim": 0, "alphabet": None},
    ],
    ids=lambda more: ", ".join(more) or "plain",
)
@pytest.mark.parametrize("lists", [None, 1024])
def test_one_screen(seqsearch: Seqsearch, index: Path, more: dict[str, Any], lists: int | None) -> None:
    points = _points(lists)
    groups = (Group(1.5, 500, points), Group(9.0, 500, points[2:]))
    for each in ((), groups):
        made = Calibration(0.97, 1000, 100_000_000, points, exact_cost=1e9, groups=each).to_json()
        facts = _facts(seqsearch, index) | {"sequences": 100_000_000, "calibration": made | {"stale": True}} | more
        lines = brief(facts).splitlines()
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 100
        assert any("stale" in line for line in lines)


def test_it_says_what_search_takes(seqsearch: Seqsearch, index: Path) -> None:
    shown = [line.split() for line in seqsearch("info", index).lines]
    rows = [line for line in shown if len(line) >= 4 and line[0] == "10" and line[1] in ("0.9", "any")]
    assert len(rows) == 1
    with SequenceIndex.open(index) as opened:
        budget, _ = opened.budget(10, recall=0.9)
    assert rows[0][2] == ("all" if budget is None else f"{budget.candidates:,}")


def test_all_is_shown_with_verbose(seqsearch: Seqsearch, index: Path) -> None:
    facts, said = _facts(seqsearch, index), seqsearch("info", index, "--verbose")
    for name in facts.keys() - {"calibration", "bytes_by_part"}:
        assert any(line.startswith(f"{name} ") for line in said.lines), name
    assert said.out.count("\n") > len(facts["calibration"]["points"])
