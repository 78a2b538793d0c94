"""The table of all figures is sound, and the pages say what the rows that are kept say."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT

sys.path.append(str(ROOT / "benchmarks"))
import figures
import quick

FIGURES = {one.name: one for one in figures.figures()}


def test_the_pages_say_what_the_rows_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert figures.check(list(FIGURES.values())) == 0, capsys.readouterr().out
    assert sum(len(one.says) for one in FIGURES.values()) > 30


@pytest.mark.parametrize("name", FIGURES)
def test_entries_are_sound(name: str) -> None:
    one = FIGURES[name]
    script, *words = one.command.split()
    assert (ROOT / "benchmarks" / script).exists()
    parts = (ROOT / "benchmarks").glob(f"{Path(script).stem}*.py")
    text = "".join(part.read_text(encoding="utf-8") for part in parts)
    assert "{rows}" in words
    known = {*re.findall(r"--[a-z-]+", text)}
    assert not {word for word in words if word.startswith("--")} - known
    assert all((ROOT / page).exists() for page in (*one.pages, *one.pictures))
    rows = one.kept()
    assert bool(one.rows) == bool(rows)
    for row in rows:
        assert set(row) & {*one.key}, f"no row has {one.key}"
    assert not one.fields or any(set(row) & set(one.fields) for row in rows)


def test_every_picture_has_an_entry() -> None:
    drawn = {picture for one in FIGURES.values() for picture in one.pictures}
    shown = {
        str((page.parent / link).resolve().relative_to(ROOT))
        for page in PAGES
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    assert shown - drawn <= {"docs/novelty.png", "benchmarks/results/asked.png"}  # --plot of guarantees, and of novelty


def made(tmp_path: Path, rows: list[dict[str, object]]) -> figures.Figure:
    """A figure whose command writes these rows."""
    script = tmp_path / "script.py"
    script.write_text(f"import sys, pathlib\npathlib.Path(sys.argv[1]).write_text({json.dumps(rows[0])!r})\n")
    (tmp_path / "page.md").write_text("It answers 1,000 queries/s at .95.")
    says = {"page": str(tmp_path / "page.md"), "text": r"answers ([\d,]+) q", "field": "qps", "where": {"data": "v4"}}
    fields = {"qps": 0.1, "recall": "+.01"}
    return figures.Figure.of(
        {
            "name": "toy",
            "command": f"{script} {{rows}}",
            "minutes": 1,
            "pages": ["page.md"],
            "rows": "toy.jsonl",
            "key": ["data"],
            "fields": fields,
            "says": [says],
        }
    )


@pytest.mark.parametrize(
    ("qps", "recall", "wrong"),
    [(1040, 0.953, []), (700, 0.953, ["qps 990 kept, 700 now", "says 1000"]), (1050, 0.9, ["recall"])],
)
def test_what_differs_is_told(
    qps: float,
    recall: float,
    wrong: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    (tmp_path / "toy.jsonl").write_text(json.dumps({"data": "v4", "qps": 990, "recall": 0.95}) + "\n")
    one = made(tmp_path, [{"data": "v4", "qps": qps, "recall": recall}])
    options = argparse.Namespace(output=tmp_path / "new", work=tmp_path, data=None, keep=True)
    assert figures.run(one, options) == len(wrong)
    told = capsys.readouterr().out
    assert all(part in told for part in wrong)
    assert f"1 rows in 0.0 min; 3 numbers compared, {len(wrong)} differ" in told
    assert figures.read(tmp_path / "toy.jsonl") == [{"data": "v4", "qps": qps, "recall": recall}]


def test_a_pattern_that_no_page_has(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("no number")
    one = figures.Saying(str(tmp_path / "page.md"), r"(\d+) q", "qps", {}, figures.Tolerance(0.1))
    with pytest.raises(LookupError, match="is there 0 times"):
        one.said()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert not figures.there("data:ecg", tmp_path, tmp_path)
    assert not figures.there("no-such-program-at-all", None, tmp_path)
    assert figures.there("module:numpy", None, tmp_path)


def test_ratios_of_two_versions_and_their_spread() -> None:
    old, new = [[2.0, 1.0], [2.2, 1.1]], [[3.0, 1.5], [2.9, 1.43]]
    assert quick.row("search", old, new) == {
        "case": "search",
        "ratio": 1.4,
        "least": 1.3,
        "most": 1.5,
        "verdict": "slower",
        "old_wall_s": 2.1,
        "old_cpu_s": 1.05,
        "new_wall_s": 2.95,
        "new_cpu_s": 1.465,
        "rounds": 2,
    }
    assert quick.row("one", old, old)["verdict"] == "as before"
    assert quick.row("one", new, old)["verdict"] == "faster"


def test_a_base_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no-such-tag is no wheel, tag or commit"):
        quick.laid_out("no-such-tag", tmp_path)
