"""Shards are served as an index is; on a cluster, by several processes."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqsearch as ss
from seqsearch.cli.main import run
from tests.service.conftest import Ask, asking, service_of


@pytest.fixture(scope="module")
def folder(genes: ss.Sequences, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served shards") / "many.shards"
    ss.ShardedIndex.build(place, genes, shards=2, encoder="kmer").close()
    return place


@pytest.fixture
def ask(folder: Path) -> Iterator[Ask]:
    made = service_of(folder, writable=True)
    yield asking(made)
    made.close()


def queries_of(genes: ss.Sequences, rows: list[int]) -> list[dict[str, str]]:
    return [{"id": f"q{row}", "sequence": genes[row].text} for row in rows]


def test_searches_are_those_of_the_shards(ask: Ask, folder: Path, genes: ss.Sequences) -> None:
    (listed,) = ask("GET", "/v1/indexes").json()["indexes"]
    assert (listed["name"], listed["sequences"], listed["label"]) == ("many", 200, True)
    assert ask("GET", "/v1/indexes/many/info").json()["encoder_digest"]
    body = {"queries": queries_of(genes, [3, 50]), "k": 4, "exact": True}
    answer = ask("POST", "/v1/indexes/many/search", json=body).json()
    with ss.ShardedIndex.open(folder) as index:
        found = index.search(genes[[3, 50]], 4, exact=True)
    told = [[(hit["target"], float(hit["distance"])) for hit in one["hits"]] for one in answer["results"]]
    assert told == [[(hit.id, hit.distance) for hit in hits] for hits in found]
    answer = ask("POST", "/v1/indexes/many/novelty", json={"queries": queries_of(genes, [3])}).json()
    assert answer["results"][0]["nearest"] == genes.ids[3]


def test_records_come_and_go(ask: Ask, genes: ss.Sequences) -> None:
    one = {"id": "new", "sequence": "ACGTACGTACGTACGTACGTACGTACGTACGT"}
    assert ask("POST", "/v1/indexes/many/records", json={"records": [one]}).status_code == 201
    assert ask("GET", "/v1/indexes/many/records/new").json()["sequence"] == one["sequence"]
    looked = ask("POST", "/v1/indexes/many/records/lookup", json={"ids": ["new", "nobody"]}).json()["records"]
    assert [None if each is None else each["id"] for each in looked] == ["new", None]
    listed = ask("GET", "/v1/indexes/many/records", params={"label": "family3"}).json()
    assert listed["total"] == 10
    assert ask("DELETE", "/v1/indexes/many/records", json={"ids": ["new"]}).json()["sequences"] == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "map"), ("GET", "examples"), ("POST", "embed")])
def test_what_shards_have_not_is_told(ask: Ask, genes: ss.Sequences, method: str, path: str) -> None:
    body = {"json": {"queries": queries_of(genes, [0])}} if method == "POST" else {}
    answer = ask(method, f"/v1/indexes/many/{path}", **body)
    assert "many holds shards" in answer.text


def test_what_ray_is_not_for_is_a_usage_error(
    folder: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", str(folders["genes"]), "--ray", "local:1"]) == 2
    assert "--ray is for shards" in capsys.readouterr().err
    assert run(["serve", str(folder), "--ray", "local:1", "--writable"]) == 2
    assert "--writable is not for --ray" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_several_processes_answer(folder: Path, genes: ss.Sequences) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'seqsearch[cluster]'")
    pytest.importorskip("grpc", reason="Ray Serve is not installed: pip install 'ray[serve]'")
    import ray

    from seqsearch.service.ray_serve import Builder, serving

    ray.shutdown()
    with serving([folder], "local:4", Builder(), port=8137):
        body = json.dumps({"queries": queries_of(genes, [3, 50]), "k": 4, "exact": True}).encode()
        asked = urllib.request.Request(
            "http://127.0.0.1:8137/v1/indexes/many/search", body, {"Content-Type": "application/json"}
        )
        with ss.ShardedIndex.open(folder) as index:
            found = index.search(genes[[3, 50]], 4, exact=True)
        for _ in range(6):
            with urllib.request.urlopen(asked, timeout=60) as answer:
                results = json.load(answer)["results"]
            assert [[hit["target"] for hit in one["hits"]] for one in results] == [hits.ids for hits in found]
