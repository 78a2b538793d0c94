"""The command line that classification.py and tagging.py share: parts, each of which gives rows of JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqsearch import threads
from seqsearch.evaluation.rows import write_rows

Row = dict[str, Any]
Parts = Mapping[str, Callable[[argparse.Namespace], list[Row]]]


def parser_for(doc: str | None, parts: Parts) -> argparse.ArgumentParser:
    """The options that both take; `doc` is the module's docstring."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--encoders", nargs="+", help="in place of those chosen for each data set")
    parser.add_argument("--minutes", type=float, default=15.0, help="training time at most, of each model")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--output", type=Path)
    return parser


def run(asked: argparse.Namespace, parts: Parts) -> None:
    """Print the rows of the parts asked for as they come, and keep them in --output."""
    threads.use(asked.threads)
    rows: list[Row] = []
    for name in asked.only:
        for row in parts[name](asked):
            print(json.dumps(row), flush=True)
            rows.append(row)
        if asked.output is not None:
            write_rows(asked.output, rows)
