"""Links between the pages: the file and the heading that a link names are there, in the repository as on the site."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from tests.pages import PAGES, ROOT, name_of

LINK = re.compile(r"(?<!`)\]\((?!https?:|mailto:)([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ALL = [*PAGES, ROOT / "CHANGELOG.md"]


def anchors(page: Path) -> set[str]:
    """What `#...` may be of a page: its headings as Markdown's toc and GitHub slug them, and anchors written out."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


@pytest.mark.parametrize("page", ALL, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}: there is no {path}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)}: {link}: no heading gives #{anchor}"


def test_every_page_is_in_the_navigation() -> None:
    def names(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        inner = part.values() if isinstance(part, dict) else part
        assert isinstance(inner, list) or hasattr(inner, "__iter__")
        return [name for one in inner for name in names(one)]

    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    told = names(yaml.safe_load(text)["nav"])
    wanted = {name_of(page).removeprefix("docs/") for page in ALL} - {"README.md"} | {"index.md"}
    assert sorted(told) == sorted(wanted)


def test_the_readme_is_for_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 160
