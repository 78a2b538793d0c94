"""What rows of `scale.py` say together: speed at a recall, tables, slopes, a picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .measuring import RERANKED, Row
from .plots import plot_growth

RECALLS = (0.95, 0.99)
PICTURE = {
    "qps_95": "queries/s at recall .95",
    "qps_99": "queries/s at recall .99",
    "held_mb": "memory of a search, MB",
    "build_s": "build, s",
}


def at_recall(rows: Iterable[Row], recall: float, column: str = "qps") -> float | None:
    """A column where a series just reaches `recall`; None where it does not.

    On the front of its budgets, between the last that misses it and the first that reaches it: the logarithm of the
    column is linear in that of what is missed. Rows of a front are better in recall or in speed than every other.
    """
    front: list[Row] = []
    for row in sorted(rows, key=lambda row: (-row["qps"], -row["recall"])):
        if not front or row["recall"] > front[-1]["recall"]:
            front.append(row)
    above = next((place for place, row in enumerate(front) if row["recall"] >= recall), None)
    if above is None:
        return None
    if above == 0 or front[above][column] is None or front[above - 1][column] is None:
        return front[above][column]
    low, high = front[above - 1], front[above]
    missed = [float(np.log(max(1 - row["recall"], 1e-5))) for row in (low, high)]
    share = (np.log(1 - recall) - missed[0]) / (missed[1] - missed[0])
    values = np.log([low[column], high[column]])
    return float(np.exp(values[0] + share * (values[1] - values[0])))


def summaries(rows: Iterable[Row]) -> list[Row]:
    """One row a series and size: costs, speed and the time of one query at each of `RECALLS`, the best recall."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        if "skipped" not in row and row["part"] == "speed":
            groups.setdefault((row["series"], row["n"]), []).append(row)
    out = []
    for (series, n), members in groups.items():
        last = members[-1]
        summary = {"series": series, "n": n, "best": max(row["recall"] for row in members), **_costs(last)}
        for recall in RECALLS:
            name = f"{round(100 * recall)}"
            summary[f"qps_{name}"] = at_recall(members, recall)
            if all("p50_ms" in row for row in members):
                summary[f"p50_{name}"] = at_recall(members, recall, "p50_ms")
                summary[f"p99_{name}"] = at_recall(members, recall, "p99_ms")
        out.append(summary)
    return out


def _costs(row: Row) -> Row:
    names = ("version", "mode", "threads", "build_s", "build_peak_mb", "build_anon_mb", "index_mb", "load_s", "open_s")
    costs = {name: row.get(name) for name in (*names, "search_peak_mb", "add_s", "added", "add_anon_mb", "steps")}
    return costs | {"held_mb": row.get("search_anon_mb"), "base_mb": row.get("search_base_mb")}


Column = tuple[str, Callable[[Row], str]]


def _plain(name: str, digits: str = "{:,.0f}", factor: float = 1.0) -> Callable[[Row], str]:
    def shown(row: Row) -> str:
        value = row.get(name)
        return "" if value is None else digits.format(value * factor)

    return shown


def _recall(value: float) -> str:
    return f"{value:.4f}".lstrip("0") if value < 1 else "1"


SEARCH: tuple[Column, ...] = (
    ("recall at most", lambda row: _recall(row["best"])),
    ("queries/s at .95", _plain("qps_95")),
    ("at .99", _plain("qps_99")),
    ("one query at .95, ms: p50", _plain("p50_95", "{:.2f}")),
    ("p99", _plain("p99_95", "{:.2f}")),
    ("memory of a search, MB", _plain("held_mb")),
    ("of which Python", _plain("base_mb")),
    ("open, s", _plain("open_s", "{:.2f}")),
)
BUILD: tuple[Column, ...] = (
    ("build, s", _plain("build_s")),
    ("memory, MB", _plain("build_anon_mb")),
    ("with mapped files", _plain("build_peak_mb")),
    ("on disk, MB", _plain("index_mb")),
    ("bytes a sequence", lambda row: _plain("index_mb", "{:,.0f}", 1e6 / row["n"])(row)),
    ("added", _plain("added")),
    ("adding, s", _plain("add_s", "{:.2f}")),
)


def tables(rows: list[Row]) -> str:
    """Markdown: searching, building, steps of our builds, by how much things grow with tenfold n, recall asked for."""
    summed = sorted(summaries(rows), key=lambda row: row["n"])
    order = list(dict.fromkeys(row["series"] for row in summed))
    built = [row for row in summed if not row["series"].endswith(RERANKED)]
    parts = [_table(summed, order, SEARCH), _table(built, order, BUILD), _steps(built), _slopes(summed, order)]
    parts.append(_asked(rows))
    return "\n\n".join(parts) + "\n"


def _asked(rows: list[Row]) -> str:
    """The recall that was asked for, and what came."""
    lines = ["| series | n | asked | delivered | queries/s | what it took |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row["part"] == "asked" and "skipped" not in row:
            speed = f"{row['recall']:.4f} | {row['qps']:,.0f}"
            lines.append(f"| {row['series']} | {row['n']:,} | {row['recall_asked']:g} | {speed} | {row['said']} |")
    return "\n".join(lines)


def _table(rows: list[Row], order: list[str], columns: tuple[Column, ...]) -> str:
    lines = ["| series | n | " + " | ".join(name for name, _ in columns) + " |", "|---|---|" + "---|" * len(columns)]
    for series in order:
        own = [row for row in rows if row["series"] == series]
        lines += [f"| {series} | {row['n']:,} | " + " | ".join(show(row) for _, show in columns) + " |" for row in own]
    return "\n".join(lines)


def _steps(rows: list[Row]) -> str:
    """Seconds of each step of our builds."""
    ours = [row for row in rows if row["steps"]]
    names = list(dict.fromkeys(name for row in ours for name in row["steps"]))
    lines = ["| series | n | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for row in ours:
        cells = [f"{row['steps'][name]:,.1f}" if name in row["steps"] else "" for name in names]
        lines.append(f"| {row['series']} | {row['n']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


GROWING = ("qps_95", "qps_99", "build_s", "build_anon_mb", "held_mb", "index_mb", "add_s")


def slopes(rows: list[Row], series: str) -> list[Row]:
    """By what each of `GROWING` is multiplied from one size to the next, as a power for tenfold n."""
    own = sorted((row for row in rows if row["series"] == series), key=lambda row: row["n"])
    out = []
    for low, high in itertools.pairwise(own):
        tens = np.log10(high["n"] / low["n"])
        there = {name: (low.get(name), high.get(name)) for name in GROWING}
        ratios: dict[str, Any] = {name: (b / a) ** (1 / tens) for name, (a, b) in there.items() if a and b}
        out.append({"series": series, "from": low["n"], "to": high["n"], **ratios})
    return out


def _slopes(rows: list[Row], order: list[str]) -> str:
    lines = ["| series | n | " + " | ".join(GROWING) + " |", "|---|---|" + "---|" * len(GROWING)]
    for series in order:
        for row in slopes(rows, series):
            cells = [f"{row[name]:.2f}" if name in row else "" for name in GROWING]
            lines.append(f"| {series} | {row['from']:,} to {row['to']:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(rows: Iterable[Row], path: Path) -> None:
    """Speed at both recalls, memory and build time against n."""
    points = [row for row in summaries(rows) if row["qps_95"] is not None or row["qps_99"] is not None]
    plot_growth(points, path, title="Growth with the number of sequences", measures=PICTURE)
