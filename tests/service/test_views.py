"""What the page is told of an index: its map in one piece, places, points, distances of neighbours."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service is an extra: pip install 'seqsearch[serve]'")

from fastapi.testclient import TestClient

from seqsearch import SequenceIndex, as_sequences
from seqsearch.service.app import create_app
from seqsearch.service.background import Background
from seqsearch.service.hosted import Hosted, Shelf
from seqsearch.service.running import Service
from tests.families import families


@pytest.fixture(scope="module")
def genes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    some = families(5, 12, 60, seed=2)
    labels = [f"k; family {at // 12}" for at in range(len(some))]
    place = tmp_path_factory.mktemp("views") / "genes.ss"
    labelled = as_sequences(some.texts(), ids=list(some.ids), labels=labels, alphabet="dna")
    SequenceIndex.build(place, labelled, learn="none", encoder="kmer").close()
    return place


@pytest.fixture(scope="module")
def client(genes: Path) -> Iterator[TestClient]:
    service = Service(Shelf([Hosted.open(genes, writable=True)]))
    with TestClient(create_app(service), base_url="http://localhost") as asked:
        yield asked


def unpacked(content: bytes) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """A map as the page reads it."""
    size = int.from_bytes(content[:4], "little")
    head, at, found = json.loads(content[4 : 4 + size]), 4 + size, {}
    for block in head["blocks"]:
        assert at % 4 == 0
        found[block["name"]] = np.frombuffer(content, block["type"], block["length"], at)
        at += -(-found[block["name"]].nbytes // 4) * 4
    assert at == len(content)
    return head, found


def drawn(client: TestClient, **asked: object) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    for _ in range(100):
        answer = client.get("/v1/indexes/genes/map", params=asked)
        if answer.status_code == 200:
            return unpacked(answer.content)
        assert answer.status_code == 202
        assert answer.headers["retry-after"] == "1"
        time.sleep(0.1)
    raise AssertionError("no map is drawn")


def measured(client: TestClient, name: str, **asked: float) -> dict[str, Any]:
    for _ in range(100):
        answer = client.get(f"/v1/indexes/{name}/histogram", params=asked)
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code == 202
        time.sleep(0.1)
    raise AssertionError("nothing is measured")


def test_a_map_in_one_piece(client: TestClient, genes: Path) -> None:
    head, blocks = drawn(client)
    with SequenceIndex.open(genes) as index:
        own = index.map()
    np.testing.assert_allclose(blocks["places"].reshape(-1, 2), own.places, rtol=1e-6)
    assert (head["method"], head["count"], head["by"], head["rank"], head["ranks"]) == ("pca", 60, "label", 2, 2)
    assert head["choices"] == ["label", "length", "nothing"]
    names = np.array(head["names"])
    assert names[blocks["groups"]].tolist() == [f"family {at // 12}" for at in range(60)]
    coarse, only = drawn(client, by="label", rank=1, part="colours")
    assert (coarse["names"], list(only)) == (["k"], ["groups"])
    _, lengths = drawn(client, by="length", part="colours")
    with SequenceIndex.open(genes) as index:
        np.testing.assert_array_equal(lengths["numbers"], index.sequences.lengths)


def test_queries_and_hits_lie_where_the_map_says(client: TestClient, genes: Path) -> None:
    _, blocks = drawn(client)
    places = blocks["places"].reshape(-1, 2)
    with SequenceIndex.open(genes) as index:
        asked = {"queries": [{"sequence": index["s7"].text}], "ids": ["s7", "nobody", "s30"]}
    told = client.post("/v1/indexes/genes/map/place", json=asked).json()
    np.testing.assert_allclose(told["queries"], places[[7]], atol=1e-3)
    np.testing.assert_allclose([told["targets"][0], told["targets"][2]], places[[7, 30]], atol=1e-3)
    assert told["targets"][1] is None


def test_rows_are_told_where_some_are_gone(client: TestClient, genes: Path) -> None:
    with SequenceIndex.open(genes) as index:
        first = index["s0"]
        index.remove(["s0"])
        try:
            time.sleep(0.05)
            _, blocks = drawn(client)
            np.testing.assert_array_equal(blocks["rows"], np.arange(1, 60))
            gone = client.get("/v1/indexes/genes/map/point?row=0")
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_row")
        finally:
            index.add(as_sequences([first.text], ids=["s0"], labels=[first.label or ""], alphabet="dna"))
            index.compact()


def test_points_and_records(client: TestClient, genes: Path) -> None:
    told = client.get("/v1/indexes/genes/map/point?row=3").json()
    record = client.get("/v1/indexes/genes/map/record?row=3").json()["record"]
    with SequenceIndex.open(genes) as index:
        stored = index[told["id"]]
    assert (told["label"], told["length"]) == (stored.label, len(stored))
    assert record == {"id": stored.id, "sequence": stored.text}
    for row in (-1, 2**41, "x"):
        assert client.get(f"/v1/indexes/genes/map/point?row={row}").status_code == 422
    assert client.get("/v1/indexes/genes/map/point?row=99").status_code == 404
    assert client.get("/v1/indexes/nobody/map").status_code == 404
    drawn(client)
    unknown = client.get("/v1/indexes/genes/map?by=colour")
    assert unknown.status_code == 422
    assert "points are coloured by one of label" in unknown.json()["error"]["message"]


def test_examples_are_stored_and_drawn_by_a_seed(client: TestClient, genes: Path) -> None:
    first, again, other = (client.get(f"/v1/indexes/genes/examples?seed={seed}").json() for seed in (1, 1, 2))
    assert first == again != other
    with SequenceIndex.open(genes) as index:
        for one in first["examples"]:
            assert index[one["id"]].text == one["sequence"]


def test_how_far_neighbours_are(client: TestClient, genes: Path) -> None:
    told = measured(client, "genes", fpr=0.1)
    with SequenceIndex.open(genes) as index:
        known = index.known_scores()
    assert sum(told["counts"]) == told["known"] == len(known)
    assert len(told["edges"]) == len(told["counts"]) + 1
    for begin, end, count in zip(told["edges"], told["edges"][1:], told["counts"], strict=False):
        assert count == ((known.scores >= begin) & (known.scores < end)).sum()
    assert told["threshold"] == known.threshold(0.1)
    assert measured(client, "genes", fpr=0.0001)["threshold"] is None


def test_what_cannot_be_told_says_why(tmp_path: Path) -> None:
    whole = families(3, 6, 60, seed=4)
    SequenceIndex.build(tmp_path / "parts.ss", whole, distance="infix", learn="none").close()
    service = Service(Shelf([Hosted.open(tmp_path / "parts.ss")]))
    with TestClient(create_app(service), base_url="http://localhost") as client:
        told = measured(client, "parts")
        assert told["counts"] == []
        assert "says nothing about parts of it" in told["why"]


def test_the_page_and_what_it_needs_are_served(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["content-security-policy"]
    for name in ("page.js", "style.css", "icon.svg"):
        assert f'"{name}"' in page.text
        assert client.get(f"/{name}").status_code == 200
    for name in ("page.js", "style.css", "index.html"):  # nothing comes from elsewhere
        assert not re.findall(r"https?://(?!www\.w3\.org/)", client.get(f"/{name}").text)


def test_long_work_is_done_once_and_fails_for_all() -> None:
    work, begun, go = Background[int](), [], threading.Event()

    def slow() -> int:
        begun.append(1)
        go.wait(10)
        if len(begun) > 1:
            raise ValueError("no more")
        return 7

    assert [work.result("a", slow, 0.01) for _ in range(3)] == [None, None, None]
    go.set()
    assert work.result("a", slow, 10) == 7
    assert len(begun) == 1
    with pytest.raises(ValueError, match="no more"):
        work.result("a", slow, 10)


def test_the_page_is_built_from_its_sources() -> None:
    sources, built = Path("web/src"), Path("seqsearch/service/page")
    digest = hashlib.sha256()
    for path in sorted(sources.iterdir(), key=lambda path: path.name.encode()):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    digest.update(Path("web/package-lock.json").read_bytes())
    told = (built / "sources.sha256").read_text("ascii").strip()
    assert told == digest.hexdigest(), "the page is not that of web/src: cd web && npm ci && npm run build"
