"""What `info` shows of an index: on one screen, or all of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .shared import curve, shown

if TYPE_CHECKING:
    from ..arrays import JSON
    from ..search import Calibration

WIDTH, NAME = 100, 14
RECALLS = (0.9, 0.95, 0.99, 0.995, 0.999)
_MOST_LINES = 2  # of a fact
_ALL = "seqsearch info --verbose"


def brief(facts: JSON) -> str:
    """The facts of an index that its users ask for, within 40 lines of 100 columns; `facts`: as `info` returns them."""
    lines = [line for name, text in _named(facts) for line in _wrapped(name, text)]
    return "\n".join([*lines, "", *_budgets(facts)])


def _named(facts: JSON) -> Iterator[tuple[str, str]]:
    gone = f", {facts['deleted']:,} removed, whose space `compact` gives back" if facts["deleted"] else ""
    yield "sequences", f"{facts['sequences']:,} {facts['alphabet'] or 'series'}{gone}"
    if facts.get("columns"):
        yield "columns", ", ".join(f"{name} ({kind})" for name, kind in facts["columns"].items())
    yield (
        "distance",
        (facts["distance"] or "none: queries are of another kind") + _named_values(facts.get("distance_parameters")),
    )
    points = f"{facts['dim']:,} dimensions, {facts['geometry']}" if facts["dim"] else "no points"
    bits = f"; codes of {facts['bits']:,} bits" if facts["bits"] else ""
    yield "encoder", f"{facts['encoder']}: {points}{bits}"
    yield "candidates", facts["index"] + _named_values(facts.get("index_parameters"))
    if "windows" in facts:
        windows = facts["windows"]
        yield "windows", f"of {windows['length']} letters, every {windows['stride']}"
    if "shards" in facts:
        yield "shards", ", ".join(f"{shard['name']} {shard['sequences']:,}" for shard in facts["shards"])
    if facts.get("levels"):
        yield "merged", _merged(facts["levels"])
    if "built_for" in facts:
        built = facts["built_for"]
        yield "built for", f"{built['queries']:,} queries (--expect-queries), --learn {built['learn']}"
    yield "format", str(facts["format_version"])
    yield "size", f"{_bytes(facts['bytes'])}; bytes a sequence: {_bytes_each(facts)}"
    yield "calibration", _calibrated(facts)


def _wrapped(name: str, text: str) -> list[str]:
    """A fact in at most so many lines."""
    lines = textwrap.wrap(text, WIDTH - NAME, break_on_hyphens=False) or [""]
    if len(lines) > _MOST_LINES:
        more = f" ... ({_ALL})"
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][: WIDTH - NAME - len(more)] + more]
    return [f"{name if not at else '':<{NAME}}{line}" for at, line in enumerate(lines)]


def _named_values(values: JSON | None) -> str:
    given = {name: value for name, value in (values or {}).items() if value is not None}
    return f" ({shown(given)})" if given else ""


def _bytes(count: int) -> str:
    size = float(count)
    units = ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:,.0f} {units[0]}" if units[0] == "B" or size >= 100 else f"{size:,.1f} {units[0]}"


def _bytes_each(facts: JSON) -> str:
    """By what they are for."""
    each = max(1, facts["sequences"])
    shares = ", ".join(f"{part} {count / each:,.1f}" for part, count in facts["bytes_by_part"].items() if count)
    return f"{facts['bytes'] / each:,.1f}: {shares}"


def _merged(levels: list[JSON]) -> str:
    asked = [level for level in levels if level["k"] == levels[0]["k"]]
    named = ", ".join(f"{level['asked']}: {level['recall']:.4f}" for level in asked)
    return f"asked of each: recall of all, k {levels[0]['k']}: {named}"


def _calibrated(facts: JSON) -> str:
    calibration = facts["calibration"]
    if calibration.get("lossless"):
        return f"none is needed: {calibration['lossless']}"
    told = f"recall measured on {calibration['queries']:,} queries; {calibration['target']} is the default"
    if calibration["stale"]:
        told += "; stale, for much was added or removed since: seqsearch calibrate INDEX"
    return told


def _budgets(facts: JSON) -> list[str]:
    """What a search takes for a recall, by the calibration."""
    from ..search import Calibration

    calibration = Calibration.from_json(facts["calibration"])
    if not calibration.points:
        return ["every search compares with everything"]
    effort = "lists" if any(point.lists is not None for point in calibration.points) else "ef"
    efforts = effort if any(getattr(point, effort) is not None for point in calibration.points) else ""
    heading = f"{'k':>5} {'recall asked':>13} {'candidates':>11}" + f" {efforts:>6}" * bool(efforts)
    narrowed = any(point.kept for point in calibration.points)
    heading += f" {'compared':>9}" * narrowed
    lines = [f"{heading} {'for queries far away':>21} {'measured':>9}"]
    asked = sorted({*RECALLS, calibration.target})
    for k in sorted({point.k for point in calibration.points}):
        rows = [_budget(calibration, k, recall, facts["sequences"], efforts, narrowed) for recall in asked]
        same = len(set(rows)) == 1
        lines += [f"{k:>5} {'any' if same else recall:>13} {row}" for recall, row in zip(asked, rows, strict=True)][
            : 1 if same else None
        ]
    return lines


def _budget(calibration: Calibration, k: int, recall: float, size: int, effort: str, narrowed: bool) -> str:
    """What `search --recall` takes, as it chooses it."""
    from ..search.wanted import Wanted

    chosen = Wanted(recall).budget(calibration, None, size, k).budget
    if chosen is None:
        told = f"{'all':>11}" + f" {'-':>6}" * bool(effort) + f" {'all':>9}" * narrowed
        return f"{told} {'all':>21} {'1.0000':>9}"
    spent = getattr(chosen, effort) if effort else None
    told = f"{chosen.candidates:>11,}" + f" {'-' if spent is None else spent:>6}" * bool(effort)
    told += f" {chosen.keeps[-1]:>9,}" * narrowed
    if chosen.groups is None:
        _, point = calibration.choose(recall, k, size)
        return f"{told} {chosen.keeps[-1]:>21,} {0.0 if point is None else point.recall:>9.4f}"
    farther = [budget.keeps[-1] for budget in chosen.groups.budgets if budget is not None]
    return f"{told} {f'up to {max(farther):,}, then all':>21} {chosen.groups.measured or 0.0:>9.4f}"


def whole(facts: JSON) -> str:
    """All facts, a line each, and every budget that was measured."""
    rest = dict(facts)
    calibration, _, levels = rest.pop("calibration"), rest.pop("bytes_by_part"), rest.pop("levels", [])
    if "shards" in rest:
        rest["shards"] = ", ".join(f"{shard['name']} {shard['sequences']:,}" for shard in rest["shards"])
    lines = [f"{name:<20} {shown(value)}" for name, value in rest.items()]
    lines.append(f"{'calibration':<20} {_calibrated(facts)}")
    lines.append(f"{'bytes a sequence':<20} {_bytes_each(facts)}")
    if levels:
        lines.append(f"{'merged':<20} {_merged(levels)}")
    return "\n".join([*lines, "", curve(calibration["points"])])
