"""How long the page of a service takes, in a browser: until it can be used, and from "search" to the first hit.

    python benchmarks/page.py INDEX QUERIES.fasta [--visits 20] [--output page.jsonl] [--picture page.png]

A service of its own and headless Chromium, on the same cores. Each visit is a new context, nothing is cached: `case`
"interactive" is from the beginning of the navigation until the field of queries is there and a query in it lets the
button be pressed; "map" until the map of all sequences is there; "first hit" from pressing it until the first row of a
table has been painted (the second frame after it is there), by a query that was not asked before.
`p50_ms` and `max_ms` of `n` visits, the first of which, that also opens the index, is left out and told as `first_ms`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

import seqsearch

_WATCH = """
window.seen = {};
const mark = (name) => { if (!(name in seen)) seen[name] = performance.now(); };
const look = () => {
  if (document.querySelector('#queries')) mark('interactive');
  if (document.querySelector('.groups button, .ramp')) mark('map');
  if (window.asked && document.querySelector('table.hits tbody tr') && !seen.hit)
    requestAnimationFrame(() => requestAnimationFrame(() => mark('hit')));
};
new MutationObserver(look).observe(document, { childList: true, subtree: true });
"""
_ASK = """
(text) => {
  const field = document.querySelector('#queries');
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(field, text);
  field.dispatchEvent(new Event('input', { bubbles: true }));
  return new Promise((done) => setTimeout(() => {
    window.asked = performance.now();
    document.querySelector('button[type=submit]').click();
    done(null);
  }, 50));
}
"""


@contextmanager
def serving(index: str) -> Iterator[str]:
    """The address of a service of an index."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from seqsearch.cli import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", program, "serve", index, "--port", str(port)], stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{address}readyz", timeout=1):
                    break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        running.terminate()
        running.wait(30)


def until(page: Page, expression: str) -> None:
    """Wait, for a minute at most; `wait_for_function` evaluates in the page, which its policy forbids."""
    for _ in range(1200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise TimeoutError(expression)


def visited(browser: Browser, address: str, text: str, picture: str | None) -> dict[str, float]:
    """Milliseconds of one visit."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.add_init_script(_WATCH)
    page.goto(address)
    until(page, "Boolean(seen.interactive && seen.map)")
    page.wait_for_timeout(300)
    page.evaluate(_ASK, text)
    until(page, "Boolean(seen.hit)")
    seen, asked = page.evaluate("seen"), page.evaluate("asked")
    if picture is not None:
        page.wait_for_timeout(3000)
        page.screenshot(path=picture)
    context.close()
    return {"interactive": seen["interactive"], "map": seen["map"], "first hit": seen["hit"] - asked}


def main() -> None:
    """Measure, print rows and append them to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("queries")
    parser.add_argument("--visits", type=int, default=20)
    parser.add_argument("--output")
    parser.add_argument("--picture")
    options = parser.parse_args()
    queries = seqsearch.read(options.queries)[: options.visits + 1]
    texts = [f">{one.id}\n{one.text}\n" for one in queries]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    arguments = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
    with serving(options.index) as address, sync_playwright() as steered:
        browser = steered.chromium.launch(executable_path=chromium, args=arguments)
        seen = [visited(browser, address, text, None) for text in texts]
        if options.picture:
            visited(browser, address, texts[0], options.picture)
        browser.close()
    with seqsearch.SequenceIndex.open(options.index) as opened:
        size = len(opened)
    for case in seen[0]:
        values = np.array([one[case] for one in seen[1:]])
        row = {"case": case, "sequences": size, "n": len(values), "p50_ms": round(float(np.median(values)), 1)}
        row |= {"max_ms": round(float(values.max()), 1), "first_ms": round(seen[0][case], 1)}
        print(json.dumps(row))
        if options.output:
            with Path(options.output).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
