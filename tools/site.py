"""What mkdocs is told beside mkdocs.yml: pages from elsewhere in the repository, and pages made from code.

README.md is the front page; benchmarks, recipes, CHANGELOG.md and CONTRIBUTING.md keep their places, so that a link is
written once, as it is right in the repository, and turned here into one that is right on the site.
"""

from __future__ import annotations

import re
from pathlib import Path

import commands
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import seqsearch

ROOT = Path(__file__).resolve().parents[1]
HOME = "README.md"
TAKEN = ("CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md", "indexes/README.md")
_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s#]+)(#[^)\s]*)?(?=\))")
_LINKED = (".png", ".svg", ".jsonl", ".toml", ".py")  # of TAKEN: what their links may lead to, beside pages


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take in the pages that lie elsewhere, and the files they link to."""
    files.append(File.generated(config, "index.md", content=(ROOT / HOME).read_text(encoding="utf-8")))
    linked: set[Path] = set()
    for name in TAKEN:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    for page in [ROOT / name for name in TAKEN] + sorted((ROOT / "docs").glob("*.md")):
        for found in _LINK.finditer(page.read_text(encoding="utf-8")):
            target = (page.parent / found[1]).resolve()
            if target.suffix in _LINKED and target.is_file() and ROOT / "docs" not in target.parents:
                linked.add(target)
    for target in sorted(linked):
        name = target.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(target)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links from the root of the repository, or to it, made links of the site; what is made from code."""
    name = page.file.src_uri
    source = ROOT / HOME if name == "index.md" else ROOT / name if name in TAKEN else ROOT / "docs" / name
    depth = "../" * name.count("/")

    def placed(link: re.Match[str]) -> str:
        target = (source.parent / link[1]).resolve()
        if ROOT not in target.parents:
            return link[0]
        within = target.relative_to(ROOT).as_posix()
        there = "index.md" if within == HOME else within.removeprefix("docs/")
        return f"{depth}{there}{link[2] or ''}"

    markdown = _LINK.sub(placed, markdown)
    if "<!-- commands -->" in markdown:
        markdown = markdown.replace("<!-- commands -->", "\n".join(one.markdown() for one in commands.pages()))
    if "<!-- names -->" in markdown:
        names = [f"::: seqsearch.{each}" for each in seqsearch.__all__]
        errors = "## Errors\n\n::: seqsearch.errors\n    options: {show_root_heading: false, heading_level: 3}"
        markdown = markdown.replace("<!-- names -->", "\n\n".join(["## Names", *names, errors]))
    return markdown
