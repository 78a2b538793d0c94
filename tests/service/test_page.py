"""The page in a browser: what is asked and seen of genes, reads, names, series and a matcher; who can use it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service is an extra: pip install 'seqsearch[serve]'")

import uvicorn

from seqsearch import SequenceIndex, as_sequences, threads
from seqsearch.distances import DTWDistance
from seqsearch.sequences import Sequences
from seqsearch.service.app import create_app
from seqsearch.service.hosted import Hosted, Shelf
from seqsearch.service.running import Service
from seqsearch.service.tokens import Tokens
from tests.families import families

playwright = pytest.importorskip("playwright.sync_api", reason="a browser is steered by playwright: make test-web")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no chromium is installed: apt install chromium", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("page")  # one service and one browser for all
AXE = Path("web/vendor/axe.min.js")
NAMES = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause", "emilie krause", "hugo braun"]


def genes() -> Sequences:
    """Five families of twelve relatives, labelled as lineages."""
    some = families(5, 12, 90, seed=2)
    labels = [f"k__Life; p__Family {at // 12}" for at in range(len(some))]
    return as_sequences(some.texts(), ids=list(some.ids), labels=labels, alphabet="dna")


def beats() -> Sequences:
    """Bumps at one of three places."""
    rng = np.random.default_rng(0)
    steps = np.linspace(0, 1, 40)
    made = [np.exp(-(((steps - (0.3 + 0.2 * (at % 3))) / 0.08) ** 2)) for at in range(24)]
    arrays = [(one + 0.05 * rng.standard_normal(40)).astype(np.float32)[:, None] for one in made]
    return Sequences.from_arrays(arrays, ids=[f"beat{at}" for at in range(24)])


def walks(count: int, features: int, seed: int) -> Sequences:
    rng = np.random.default_rng(seed)
    made = [rng.standard_normal((32, features)).cumsum(axis=0).astype(np.float32) for _ in range(count)]
    return Sequences.from_arrays(made, ids=[f"walk{at}" for at in range(count)])


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("page")
    paths = [folder / f"{name}.ss" for name in ("genes", "parts", "names", "beats", "walks")]
    SequenceIndex.build(paths[0], genes(), learn="none", encoder="kmer").close()
    SequenceIndex.build(paths[1], genes(), distance="infix", learn="none").close()
    SequenceIndex.build(paths[2], NAMES, alphabet="text+casefold", encoder="kmer").close()
    SequenceIndex.build(paths[3], beats(), distance=DTWDistance(window=0.1), learn="none").close()
    with threads.using(1):
        entries, queries = walks(16, 3, 0), walks(16, 2, 1)
        SequenceIndex.build_pairs(paths[4], entries, queries, bits=16, dim=8, steps=2, most=0.5, seed=1).close()
    for path, some in zip(paths, (genes()[:1], genes()[:1], NAMES[:1], beats()[:1], queries[:1]), strict=True):
        with SequenceIndex.open(path) as index:  # no browser waits for what is compiled at the first search
            found = index.search(some, k=1)
            if path.stem in ("genes", "parts", "names"):
                found.to_dicts(["identity", "target_start"])
    DTWDistance(window=0.1).path(beats()[0].data, beats()[1].data)
    return paths


@dataclass
class Served:
    """A service that runs, and where."""

    address: str
    server: uvicorn.Server
    thread: threading.Thread

    @classmethod
    def start(cls, paths: list[Path], **options: object) -> Served:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        service = Service(Shelf([Hosted.open(path) for path in paths]), **options)  # type: ignore[arg-type]
        server = uvicorn.Server(uvicorn.Config(create_app(service), port=port, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        return cls(f"http://127.0.0.1:{port}/", server, thread)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture(scope="module")
def served(indexes: list[Path]) -> Iterator[Served]:
    running = Served.start(indexes)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as steered:
        opened = steered.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


Visit = Callable[..., "playwright.Page"]


@pytest.fixture
def visit(browser: playwright.Browser, served: Served) -> Iterator[Visit]:
    """Opens the page at an index; at the end nothing may have been complained of in the console."""
    contexts, complaints = [], []

    def open_page(fragment: str = "", width: int = 1400, height: int = 900, **options: object) -> playwright.Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served.address + fragment)
        page.wait_for_selector("#queries")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def targets(page: playwright.Page) -> list[str]:
    return page.locator("table.hits tbody th").all_text_contents()


def ask(page: playwright.Page, text: str) -> None:
    page.fill("#queries", text)
    page.click("button[type=submit]")
    page.wait_for_selector("table.hits tbody tr")


def until(page: playwright.Page, expression: str) -> None:
    """Wait for it to be true; `wait_for_function` evaluates strings in the page, which the policy forbids."""
    for _ in range(1500):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def test_genes_from_query_to_link(visit: Visit, indexes: list[Path]) -> None:
    page = visit("#index=genes")
    asked = genes()[30].text
    text = f">mine\n{asked[:40]}{'A' if asked[40] != 'A' else 'C'}{asked[41:]}\n"
    ask(page, text)
    with SequenceIndex.open(indexes[0]) as index:
        found = index.search([text.splitlines()[1]], k=10)
    hits, identity = found[0], found.to_dicts(["identity"])[0]["identity"]
    assert targets(page) == hits.ids
    row = page.locator("table.hits tbody tr").first
    assert re.search(rf"\b{hits[0].distance:g}\b", row.inner_text())
    assert f"{100 * identity:.1f}%" in row.inner_text()
    page.wait_for_selector("text=/novel, p = /")  # comes later: the first question measures
    assert "Alignment" in page.locator(".middle").inner_text()
    told = page.locator(".stack ul li").first.text_content()
    assert re.search(rf"s30: [AC] at 41 is {asked[40]}$", told), told
    page.wait_for_selector(".field button[aria-label='Show the query and its hits']")
    until(page, "location.hash.includes('q=')")
    again = visit(page.evaluate("location.hash"))
    again.wait_for_selector("table.hits tbody tr")
    assert targets(again) == hits.ids
    assert again.input_value("#queries") == text


def test_hits_are_sorted_filtered_and_saved(visit: Visit) -> None:
    page = visit("#index=genes&k=20")
    ask(page, genes()[3].text)
    before = targets(page)
    page.click("table.hits thead button:has-text('Target')")
    assert targets(page) == sorted(before, key=lambda name: int(name[1:]))
    page.click("table.hits thead button:has-text('Target')")
    assert targets(page) == sorted(before, key=lambda name: -int(name[1:]))
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Target")
    page.fill("input[type=search]", "distance<9 family")
    few = targets(page)
    assert 0 < len(few) < len(before)
    page.click("summary:has-text('Download')")
    with page.expect_download() as saved:
        page.click("button:has-text('TSV')")
    lines = Path(saved.value.path()).read_text("utf-8").splitlines()
    assert lines[0].split("\t")[:4] == ["query", "rank", "target", "distance"]
    assert [line.split("\t")[2] for line in lines[1:]] == before
    with page.expect_download() as saved:
        page.click("button:has-text('FASTA')")
    fasta = Path(saved.value.path()).read_text("utf-8")
    assert fasta.count(">") == 20
    assert f"\n{genes()[3].text}\n" in fasta


def test_many_queries_one_after_the_other(visit: Visit) -> None:
    page = visit("#index=genes&k=2")
    some = genes()
    ask(page, "".join(f">q{at}\n{some[at % 60].text}\n" for at in range(254)))  # more than one request holds
    assert targets(page)[0] == "s0"
    page.select_option(".summary select", "220")
    assert targets(page)[0] == "s40"
    assert page.locator(".summary select option").last.text_content() == "q253 (0)"


def test_a_link_of_a_long_query(visit: Visit) -> None:
    page = visit("#index=genes&k=2")
    some = genes()
    text = "".join(f">q{at}\n{some[at].text}\n" for at in range(16))
    ask(page, text)
    until(page, "location.hash.includes('z=')")  # it is compressed
    link = page.evaluate("location.hash")
    assert len(link) < len(text)
    again = visit(link)
    again.wait_for_selector("table.hits tbody tr")
    assert again.input_value("#queries") == text


def test_both_strands_and_budgets(visit: Visit) -> None:
    page = visit("#index=genes")
    turned = genes()[7].text[::-1].translate(str.maketrans("ACGT", "TGCA"))
    page.select_option("label:has-text('Strands') select", "both")
    page.select_option("label:has-text('Effort') select", "exact")
    ask(page, turned)
    first = page.locator("table.hits tbody tr").first
    assert targets(page)[0] == "s7"
    assert "−" in first.inner_text()
    page.wait_for_selector(".badge:has-text('exact, by proof')")
    assert page.locator(".stack ul li").first.text_content() == "s7: no differences"
    page.select_option("label:has-text('Effort') select", "within")
    page.fill("label:has-text('Distance') input", "0")
    page.click("button[type=submit]")
    page.wait_for_selector("text=1 hits")


def test_reads_in_genes_tell_where(visit: Visit) -> None:
    page = visit("#index=parts")
    ask(page, genes()[12].text[30:70])
    cells = page.locator("table.hits tbody tr").first.locator("td.number").all_text_contents()
    assert targets(page)[0] == "s12"
    assert cells[-2:] == ["31", "70"]
    page.wait_for_selector("text=says nothing about parts")


def test_names_are_read_in_the_table(visit: Visit) -> None:
    page = visit("#index=names&k=2")
    ask(page, "ana meier")
    texts = page.locator("table.hits td.text").all_text_contents()
    assert sorted(texts) == ["anna maier", "anna meyer"]
    assert page.locator(".stack ul li").count() == 2


def test_a_series_is_drawn_and_warped(visit: Visit) -> None:
    page = visit("#index=beats")
    page.wait_for_load_state("networkidle")  # how long and how high stored series are is known then
    field = page.locator(".drawing canvas").bounding_box()
    assert field is not None
    until(page, "document.querySelector('.drawing canvas').width > 0")
    x, y, width, height = (field[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(x + 4, y + 0.9 * height)
    page.mouse.down()
    for share, level in ((0.2, 0.9), (0.3, 0.1), (0.4, 0.9), (0.98, 0.9)):
        page.mouse.move(x + share * width, y + level * height, steps=6)
    page.mouse.up()
    drawn = [float(value) for value in page.input_value("#queries").split()]
    assert len(drawn) == 40  # as long as what is stored
    assert 8 <= int(np.argmax(drawn)) <= 16
    page.click("button[type=submit]")
    page.wait_for_selector("table.hits tbody tr")
    page.wait_for_selector(".warping svg.square polyline")
    assert int(targets(page)[0].removeprefix("beat")) % 3 == 0  # a bump at the same place
    assert "warped by up to" in page.locator(".warping").inner_text()


def test_a_matcher_answers_too(visit: Visit, indexes: list[Path]) -> None:
    page = visit("#index=walks&k=3")
    query = walks(16, 2, 1)[2].data
    ask(page, json.dumps(np.round(query.astype(float), 4).tolist()))
    with SequenceIndex.open(indexes[4]) as index:
        rounded = Sequences.from_arrays([np.round(query.astype(float), 4).astype(np.float32)])
        assert targets(page) == index.search(rounded, k=3)[0].ids
    page.wait_for_selector(".map canvas, .mapcard .quiet")


def test_points_of_the_map_are_told_and_searched(visit: Visit, indexes: list[Path]) -> None:
    page = visit("#index=genes")
    page.wait_for_selector(".groups button")
    with SequenceIndex.open(indexes[0]) as index:
        places = index.map().places
    box = page.locator(".map canvas").first.bounding_box()
    assert box is not None
    low, high = places.min(axis=0), places.max(axis=0)  # all are in view, in the middle, with a little room
    scale = 0.92 * min(box["width"] / (high[0] - low[0]), box["height"] / (high[1] - low[1]))
    at = (places - (low + high) / 2) * [scale, -scale] + [box["width"] / 2, box["height"] / 2]
    for row in (3, 40):
        page.mouse.move(box["x"] + at[row, 0], box["y"] + at[row, 1])
        page.wait_for_selector(f".tip b:has-text('s{row}')")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("table.hits tbody tr")
    assert targets(page)[0] == "s40"
    page.wait_for_selector("button[aria-label='Show the query and its hits']")
    group = page.locator(".groups button").first
    group.click()
    assert group.get_attribute("aria-pressed") == "true"
    page.locator(".map canvas").first.focus()
    for key in ("+", "ArrowLeft", "-", "0"):
        page.keyboard.press(key)


def test_what_is_wrong_is_told(browser: playwright.Browser, served: Served) -> None:
    page = browser.new_page()
    page.goto(f"{served.address}#index=genes")
    page.fill("#queries", ">x\nTACG!!")
    page.click("button[type=submit]")
    page.wait_for_selector("[role=alert] >> text=!")
    page.goto(f"{served.address}#index=beats")
    page.wait_for_selector(".drawing")
    page.fill("#queries", "1 2\nx y")
    assert "line 2 is no row of numbers" in page.locator("#count").inner_text()
    assert page.locator("button[type=submit]").is_disabled()
    page.close()


@pytest.mark.parametrize(
    ("scheme", "fragment"),
    [
        ("light", f"#index=genes&q={genes()[5].text}"),
        ("dark", f"#index=beats&q={'+'.join(['0.5'] * 40)}"),
        ("dark", ""),
    ],
    ids=["genes", "beats", "nothing asked"],
)
def test_axe_finds_nothing_serious(visit: Visit, scheme: str, fragment: str) -> None:
    page = visit(fragment, color_scheme=scheme)
    if fragment:
        page.wait_for_selector("table.hits tbody tr")
        page.wait_for_selector(".stack pre, .warping svg")
    page.wait_for_selector(".map canvas")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == [], [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in serious]


def test_gaps_on_both_sides_are_drawn(visit: Visit) -> None:
    page = visit("#index=genes&k=3")
    whole = genes()[17].text
    ask(page, whole[:20] + whole[21:60] + ("G" if whole[60] != "G" else "C") + whole[60:])
    told = page.locator(".stack ul li").first.text_content()
    assert re.fullmatch(r"s17: [ACGT] more after \d+, [ACGT] at \d+ is missing", told), told
    lines = page.locator(".stack pre").first.inner_text().splitlines()
    query, target = (line.split()[2] for line in lines[:2])
    assert "-" in query
    assert whole.startswith(target.replace("-", ""))


def test_keys_alone_are_enough(visit: Visit) -> None:
    page = visit("#index=genes")
    page.focus("#queries")
    page.keyboard.type(genes()[9].text)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("table.hits tbody tr")
    page.focus("table.hits tbody tr:nth-child(7) input")
    page.keyboard.press("Space")
    assert page.locator(".stack ul li").count() == 6


def test_a_phone_shows_all_without_scrolling_sideways(visit: Visit) -> None:
    page = visit(f"#index=genes&q={genes()[5].text}", width=360, height=740, is_mobile=True, has_touch=True)
    page.wait_for_selector("table.hits tbody tr")
    page.wait_for_selector(".groups button")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_token_is_asked_for(browser: playwright.Browser, indexes: list[Path], tmp_path: Path) -> None:
    held = tmp_path / "tokens.txt"
    held.write_text("read letmein-letmein-letmein\n", "utf-8")
    running = Served.start(indexes[:1], tokens=Tokens.read(str(held)))
    try:
        page = browser.new_page()
        page.goto(running.address)
        page.fill("input[type=password]", "no")
        page.click("button[type=submit]")
        page.wait_for_selector("text=That token is not known here.")
        page.fill("input[type=password]", "letmein-letmein-letmein")
        page.click("button[type=submit]")
        page.wait_for_selector("#queries")
        ask(page, genes()[1].text)
        page.close()
    finally:
        running.stop()


def test_a_map_in_a_file_asks_nobody(browser: playwright.Browser, indexes: list[Path], tmp_path: Path) -> None:
    from seqsearch.search.maps import coloured
    from seqsearch.service.map_file import write_map

    with SequenceIndex.open(indexes[0]) as index:
        drawn = index.map()
        with index.state() as state:
            write_map(tmp_path / "m.html", drawn, coloured(state.targets, drawn.rows), state.targets, "<b>genes & co")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "m.html").as_uri())
    page.wait_for_selector(".groups button")
    assert page.locator("h1").inner_text() == "<b>genes & co"
    assert page.locator(".groups button").count() == 5
    assert asked == [(tmp_path / "m.html").as_uri()]
    page.close()
