"""A map as one HTML file that asks nobody anything: its data and its code are inside."""

from __future__ import annotations

import base64
import json
from html import escape
from pathlib import Path

import numpy as np

from ..errors import StrPath
from ..files import atomic_write, write_errors
from ..search.maps import Colouring, Map
from ..sequences import Sequences
from .maps import packed

PAGE = Path(__file__).with_name("page")
NAMED = 200_000
"""Points up to which a file tells their ids: beyond, it would be too large to open."""


def write_map(path: StrPath, drawn: Map, colours: Colouring, targets: Sequences, title: str) -> None:
    """The map of `targets` at `path`, with ids and labels of up to `NAMED` points. Raises InputError where it cannot be
    written."""
    told = len(drawn) <= NAMED
    found = targets if not told else targets[drawn.rows]
    labels = found.labels if len(found.labels.data) else found.descriptions
    facts = {
        "title": title,
        "note": drawn.told,
        "ids": list(found.ids) if told else None,
        "labels": list(labels) if told and len(labels.data) else None,
        "lengths": np.asarray(found.lengths).tolist() if told else None,
    }
    content = base64.b64encode(packed(drawn, colours, (colours.by,))).decode()
    with write_errors(path), atomic_write(path, text=True) as file:
        file.write(_file(title, json.dumps(facts), content))


def _file(title: str, facts: str, content: str) -> str:
    style, code = ((PAGE / name).read_text("utf-8") for name in ("style.css", "standalone.js"))
    assert "</script" not in code  # which would end the element
    inside = facts.replace("<", "\\u003c")  # no text of a record may end the element
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<div id="page"></div>
<script type="application/json" id="facts">{inside}</script>
<script type="application/octet-stream" id="map">{content}</script>
<script type="module">{code}</script>
</body>
</html>
"""
