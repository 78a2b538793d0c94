"""Pictures of the rows."""

from __future__ import annotations

from pathlib import Path

from seqsearch.evaluation.plots import plot_reliability, plot_speed

from .datasets import READS
from .measuring import RERANKED, Row
from .ours import SeqsearchCalibrated
from .plots import plot_costs, plot_growth
from .plots.costs import GROWTH
from .registry import ALGORITHMS


def draw(rows: list[Row], folder: Path, *, by_processor: bool = False) -> None:
    """One picture of speed and one of costs for each data set, one of asked recall, one of growth.

    `by_processor`: speed as threads over the processor time of a query, which a busy machine changes less.
    """
    if by_processor:
        rows = [{**row, "qps": row["threads"] * 1e6 / row["cpu_us"]} if "cpu_us" in row else row for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    order = [kind.series for kind in ALGORITHMS.values()]
    measured = [row for row in rows if "skipped" not in row]
    measured.sort(key=lambda row: order.index(row["series"].removesuffix(RERANKED)))
    speed = [row for row in measured if row["part"] == "speed"]
    for name in dict.fromkeys(row["data"] for row in speed):
        if not name.startswith(READS):
            how = ", by processor time" if by_processor else ""
            _data_set(name, [row for row in speed if row["data"] == name], folder, how)
    asked = [row for row in measured if row["part"] == "asked"]
    if asked:
        points = [{"series": _asked_name(r), "expected": r["recall_asked"], "observed": r["recall"]} for r in asked]
        plot_reliability(
            points,
            folder / "asked.png",
            title="Recall asked for, and delivered",
            x_label="asked",
            y_label="delivered",
            band=0.01,
        )
    growth = growing(speed)
    if len({row["n"] for row in growth}) > 1:
        plot_growth(
            growth,
            folder / "growth.png",
            title="Growth with the number of sequences",
            measures=GROWTH | {"qps": "queries/s at recall .99"},
        )


def _asked_name(row: Row) -> str:
    calibrated = row["series"] == SeqsearchCalibrated.series
    return row["data"] + (", calibrated on queries" if calibrated else "")


def _data_set(name: str, rows: list[Row], folder: Path, how: str) -> None:
    n, queries = rows[0]["n"], max(row["queries"] for row in rows)
    title = f"{name}: {n:,} stored, {queries:,} queries, k = {rows[0]['k']}, {rows[0]['threads']} threads{how}"
    plot_speed(front(rows), folder / f"{name}.png", title=title, x_label="recall (tie-aware, of proven neighbours)")
    whole = list({row["series"]: row for row in rows if row.get("build_s") is not None}.values())
    whole = [row for row in whole if not row["series"].endswith(RERANKED)]
    plot_costs(whole, folder / f"{name}-costs.png", title=f"{name}: what it costs")


def front(rows: list[Row]) -> list[Row]:
    """Without the rows that another of the same series beats in recall and in speed."""
    return [
        row
        for row in rows
        if not any(
            other["series"] == row["series"]
            and (other["recall"], other["qps"]) != (row["recall"], row["qps"])
            and other["recall"] >= row["recall"]
            and other["qps"] >= row["qps"]
            for other in rows
        )
    ]


def growing(rows: list[Row], recall: float = 0.99) -> list[Row]:
    """The fastest row of each series and size that reaches `recall`, on the data sets that grow."""
    best: dict[tuple[str, int], Row] = {}
    for row in rows:
        if row["data"].startswith(READS) and row["mode"] == "warm" and row["recall"] >= recall:
            key = row["series"], row["n"]
            if key not in best or row["qps"] > best[key]["qps"]:
                best[key] = row
    return [best[key] for key in sorted(best)]
