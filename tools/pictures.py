"""The small pictures of docs/distances.md: `python tools/pictures.py` draws them anew into docs/assets.

Bars are sequences, strokes between them letters that are compared; colours are readable on white and on black.
"""

from __future__ import annotations

import math
from pathlib import Path

WIDTH, HEIGHT = 320, 96
QUERY, TARGET, LINE, FREE = "#3f7fd0", "#d08a2f", "#8a8f98", "none"
Point = tuple[float, float]


def bar(x: float, y: float, width: float, colour: str, *, free: bool = False) -> str:
    """A sequence, or a part of one that is left out of the comparison."""
    fill, dash = (FREE, ' stroke-dasharray="3 3"') if free else (colour, "")
    return f'<rect x="{x}" y="{y}" width="{width}" height="14" rx="3" fill="{fill}" stroke="{colour}"{dash}/>'


def stroke(start: Point, end: Point, colour: str = LINE, width: float = 1) -> str:
    """A line."""
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def curve(points: list[Point], colour: str) -> str:
    """A series."""
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'


def word(x: float, y: float, text: str, colour: str) -> str:
    """A word at the left."""
    return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="11" fill="{colour}">{text}</text>'


def letters(start: float, stop: float, edits: tuple[int, ...] = ()) -> list[str]:
    """Strokes between two bars, one a letter; red where letters differ."""
    count = int((stop - start) / 10)
    places = [start + 5 + 10 * number for number in range(count)]
    return [
        stroke((x, 40), (x, 58), "#d0453f" if n in edits else LINE, 2 if n in edits else 1)
        for n, x in enumerate(places)
    ]


def names() -> list[str]:
    """Which bar is which."""
    return [word(6, 37, "query", QUERY), word(6, 69, "target", TARGET)]


def end_to_end() -> list[str]:
    """Edit distance."""
    return [*names(), bar(60, 26, 240, QUERY), bar(60, 58, 240, TARGET), *letters(60, 300, (4, 17))]


def inside() -> list[str]:
    """Infix."""
    parts = [bar(60, 58, 80, TARGET, free=True), bar(140, 58, 90, TARGET), bar(230, 58, 70, TARGET, free=True)]
    return [*names(), bar(140, 26, 90, QUERY), *parts, *letters(140, 230, (3,))]


def hanging_over() -> list[str]:
    """Overlap."""
    query = [bar(60, 26, 70, QUERY, free=True), bar(130, 26, 110, QUERY)]
    return [*names(), *query, bar(130, 58, 110, TARGET), bar(240, 58, 60, TARGET, free=True), *letters(130, 240, (6,))]


def beat(x: float, width: float, y: float, *, at: float = 0.5) -> list[Point]:
    """A series with one wave, whose top is `at` a share of its width."""
    steps = [number / 60 for number in range(61)]
    return [(x + width * t, y - 22 * math.exp(-(((t - at) / 0.11) ** 2)) - 5 * math.sin(9 * t)) for t in steps]


def warped() -> list[str]:
    """Dynamic time warping."""
    first, second = beat(60, 240, 40, at=0.4), beat(60, 240, 82, at=0.55)
    turns = [(4 * n, round(60 * ((4 * n / 60) ** (math.log(0.55) / math.log(0.4))))) for n in range(16)]
    across = [stroke(first[a], second[b]) for a, b in turns]
    return [
        word(6, 37, "query", QUERY),
        word(6, 79, "target", TARGET),
        *across,
        curve(first, QUERY),
        curve(second, TARGET),
    ]


def in_a_recording() -> list[str]:
    """Subsequence DTW."""
    beats = [point for n in range(3) for point in beat(60 + 80 * n, 80, 82, at=0.5)]
    one = beat(140, 80, 40)
    across = [stroke(one[n], beats[61 + n]) for n in range(0, 61, 6)]
    return [
        word(6, 37, "query", QUERY),
        word(6, 79, "target", TARGET),
        *across,
        curve(one, QUERY),
        curve(beats, TARGET),
    ]


def two_kinds() -> list[str]:
    """Scores and recordings, brought into one space."""
    notes = [bar(60 + 28 * n, 20 + 7 * (n * 5 % 4), 22, QUERY) for n in range(4)]
    sound = curve(beat(60, 110, 84, at=0.6), TARGET)
    dots = [f'<circle cx="{x}" cy="{y}" r="4" fill="{c}"/>' for x, y, c in ((262, 40, QUERY), (270, 49, TARGET))]
    others = [f'<circle cx="{x}" cy="{y}" r="3" fill="{LINE}"/>' for x, y in ((226, 26), (296, 70), (232, 76))]
    frame = f'<rect x="212" y="12" width="100" height="76" rx="6" fill="none" stroke="{LINE}"/>'
    return [
        word(6, 37, "score", QUERY),
        word(6, 84, "sound", TARGET),
        *notes,
        sound,
        frame,
        *others,
        *dots,
        stroke((182, 36), (208, 42)),
        stroke((182, 78), (208, 62)),
    ]


def angle() -> list[str]:
    """Vectors: the straight line, and the angle."""
    origin, a, b = (90, 84), (250, 22), (280, 66)
    return [
        stroke(origin, a, QUERY, 2),
        stroke(origin, b, TARGET, 2),
        f'<line x1="{a[0]}" y1="{a[1]}" x2="{b[0]}" y2="{b[1]}" stroke="{LINE}" stroke-dasharray="4 3"/>',
        f'<path d="M 146 62 A 60 60 0 0 1 150 77" fill="none" stroke="{LINE}"/>',
        word(262, 30, "euclidean", LINE),
        word(158, 70, "cosine", LINE),
    ]


PICTURES = {
    "edit": end_to_end,
    "infix": inside,
    "overlap": hanging_over,
    "dtw": warped,
    "dtw-infix": in_a_recording,
    "two-kinds": two_kinds,
    "vectors": angle,
}


def svg(parts: list[str]) -> str:
    """A file."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    return "\n".join([head, *parts, "</svg>\n"])


if __name__ == "__main__":
    folder = Path(__file__).parents[1] / "docs" / "assets"
    folder.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (folder / f"{name}.svg").write_text(svg(draw()), encoding="utf-8")
