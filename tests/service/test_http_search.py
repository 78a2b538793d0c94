"""Searches over HTTP answer what the index answers, for genes, names, series; and say what is wrong otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.service.running import Service
from tests.service.conftest import Ask


def hits_of(found: ss.Results | ss.RangeResults) -> list[list[tuple[int, str, float]]]:
    return [[(hit.rank, hit.id, hit.distance) for hit in hits] for hits in found]


def told(body: dict[str, Any]) -> list[list[tuple[int, str, float]]]:
    return [[(hit["rank"], hit["target"], float(hit["distance"])) for hit in one["hits"]] for one in body["results"]]


OPTIONS = [
    *({}, {"k": 3}, {"exact": True}, {"candidates": 40}, {"recall": 0.8}, {"strand": "both"}),
    {"guarantee": "proved"},
    {"guarantee": "marginal", "recall": 0.7},
]


def test_indexes_are_listed(ask: Ask) -> None:
    listed = {one["name"]: one for one in ask("GET", "/v1/indexes").json()["indexes"]}
    assert [one["kind"] for one in listed.values()] == ["dna", "text", "series", "dna"]
    assert listed["genes"] == {
        "name": "genes",
        "sequences": 200,
        "distance": "edit",
        "kind": "dna",
        "alphabet": "dna",
        "matcher": False,
        "label": True,
        "writable": False,
    }
    assert listed["series"]["distance"] == "dtw"
    assert not listed["large"]["label"]


@pytest.mark.parametrize("name", ["genes", "names", "series", "large"])
def test_info_is_that_of_the_index(ask: Ask, folders: dict[str, Path], name: str) -> None:
    answer = ask("GET", f"/v1/indexes/{name}/info")
    with ss.SequenceIndex.open(folders[name]) as index:
        expected = index.info()
    body = answer.json()
    assert body.pop("name") == name
    assert body.pop("features") in (0, 1)
    assert body == expected
    assert str(folders[name].parent) not in answer.text


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["genes", "large"])
def test_searches_are_those_of_the_index(
    ask: Ask, folders: dict[str, Path], name: str, options: dict[str, Any]
) -> None:
    with ss.SequenceIndex.open(folders[name]) as index:
        queries = index.sequences[:20:3]
        expected = index.search(queries, **options)
        body = {"queries": [{"id": one.id, "sequence": one.text} for one in queries], **options}
        answer = ask("POST", f"/v1/indexes/{name}/search", json=body).json()
    assert told(answer) == hits_of(expected)
    assert [one["guarantee"] for one in answer["results"]] == expected.guarantee.tolist()
    assert [one["query"] for one in answer["results"]] == list(queries.ids)
    assert answer["message"] == expected.budget
    assert answer["took_ms"] > 0


def test_everything_within_a_distance(ask: Ask, folders: dict[str, Path], genes: ss.Sequences) -> None:
    with ss.SequenceIndex.open(folders["genes"]) as index:
        expected = index.within(genes[:5], 6)
    body = {"queries": [{"sequence": text} for text in genes[:5].texts()], "exact": "within", "max_distance": 6}
    answer = ask("POST", "/v1/indexes/genes/search", json=body).json()
    assert told(answer) == hits_of(expected)
    assert {one["guarantee"] for one in answer["results"]} == {"proved"}
    assert any(len(one["hits"]) > 3 for one in answer["results"])


def test_hits_beyond_a_distance_are_left_out(ask: Ask, genes: ss.Sequences) -> None:
    body = {"queries": [{"sequence": genes[0].text}], "k": 50, "max_distance": 6}
    (one,) = ask("POST", "/v1/indexes/genes/search", json=body).json()["results"]
    assert 0 < len(one["hits"]) < 50
    assert max(hit["distance"] for hit in one["hits"]) <= 6


def test_alignments_columns_and_records(ask: Ask, folders: dict[str, Path], genes: ss.Sequences) -> None:
    body = {"queries": [{"sequence": genes[3].text}], "k": 4, "alignment": True, "records": True}
    answer = ask("POST", "/v1/indexes/genes/search", json=body).json()
    with ss.SequenceIndex.open(folders["genes"]) as index:
        found = index.search([genes[3].text], 4)
        names = ["target", "label", "identity", "coverage", "cigar", "target_start", "target_end", "strand"]
        expected = found.to_dicts(names)
        for hit, wanted in zip(answer["results"][0]["hits"], expected, strict=True):
            assert hit["target_sequence"] == index[hit["target"]].text
            assert {name: hit[name] for name in wanted} == pytest.approx(wanted)
            assert answer["records"][hit["record"]]["id"] == hit["target"]
    body = {"queries": [{"sequence": "ana"}], "columns": ["born", "town", "cigar"], "k": 4}
    (one,) = ask("POST", "/v1/indexes/names/search", json=body).json()["results"]
    assert one["hits"][0] == {"rank": 1, "target": "a", "distance": 1, "born": 1950, "town": "Ulm", "cigar": "2=1D1="}
    assert one["hits"][2]["born"] is None


def test_fasta_fastq_lines_and_numbers(ask: Ask, genes: ss.Sequences) -> None:
    text, other = genes[0].text, genes[1].text
    plain = {"queries": [{"id": "x", "sequence": text}, {"id": "y", "sequence": other}], "k": 2}
    expected = ask("POST", "/v1/indexes/genes/search", json=plain).json()["results"]
    fasta = f">x a header\r\n{text[:30]}\r\n{text[30:]}\r\n>y\n{other.lower()}\n\n"
    fastq = f"@x\n{text}\n+\n{'I' * len(text)}\n@y\n{other}\n+\n{'I' * len(other)}\n"
    for written in (fasta, fastq, "\ufeff" + fasta):
        body = {"fasta": written, "k": 2}
        assert ask("POST", "/v1/indexes/genes/search", json=body).json()["results"] == expected
        head = {"Content-Type": "text/x-fasta; charset=utf-8"}
        sent = ask("POST", "/v1/indexes/genes/search?k=2", content=written.encode(), headers=head)
        assert sent.json()["results"] == expected
    lines = ask("POST", "/v1/indexes/names/search", json={"fasta": "anna\n\n  otto \n", "k": 1}).json()["results"]
    assert [one["hits"][0]["target"] for one in lines] == ["a", "o"]
    walk = np.random.default_rng(0).standard_normal((40, 20)).cumsum(1)[7]
    column = {"queries": [{"values": walk[:, None].tolist()}]}
    for body in ({"queries": [{"values": walk.tolist()}]}, {"fasta": ", ".join(map(str, walk))}, column):
        (one,) = ask("POST", "/v1/indexes/series/search", json={**body, "k": 1, "alignment": True}).json()["results"]
        assert one["hits"][0]["target"] == "8"
        assert one["hits"][0]["distance"] == pytest.approx(0.0, abs=1e-5)
        assert one["hits"][0]["target_sequence"] == pytest.approx(walk.tolist(), rel=1e-6)


def test_novelty_is_that_of_the_index(ask: Ask, folders: dict[str, Path], genes: ss.Sequences) -> None:
    texts = [genes[0].text, "ACGT" * 15]
    body = {"queries": [{"sequence": text} for text in texts]}
    with ss.SequenceIndex.open(folders["genes"]) as index:
        expected = index.novelty(texts)
        asked = ask("POST", "/v1/indexes/genes/search", json={**body, "novelty": True}).json()
        answer = ask("POST", "/v1/indexes/genes/novelty", json=body).json()
    for results in (asked["results"], answer["results"]):
        assert [one["p_value"] for one in results] == pytest.approx(expected.p_values.tolist(), rel=1e-3)
    assert [one["novel"] for one in answer["results"]] == expected.novel.tolist() == [False, True]
    assert [one["nearest"] for one in answer["results"]] == expected.nearest
    assert answer["known"] == 200


def test_classes_embeddings_and_alignments(ask: Ask, folders: dict[str, Path], genes: ss.Sequences) -> None:
    body = {"queries": [{"sequence": genes[11].text}], "k": 5}
    (one,) = ask("POST", "/v1/indexes/genes/classify", json=body).json()["results"]
    assert one["label"] == "family1"
    assert one["probability"] == max(one["probabilities"].values()) > 0.5
    answer = ask("POST", "/v1/indexes/genes/embed", json={"fasta": f">q\n{genes[2].text}"}).json()
    with ss.SequenceIndex.open(folders["genes"]) as index:
        np.testing.assert_array_equal(answer["results"][0]["vector"], index.model.vectors(genes[2:3])[0])
    body = {"query": {"sequence": genes[0].text}, "targets": ["s1", "s0"]}
    first, second = ask("POST", "/v1/indexes/genes/align", json=body).json()["alignments"]
    assert (first["target"], second["target"], second["distance"], second["identity"]) == ("s1", "s0", 0, 1.0)
    assert "".join(first["query_row"]) == genes[0].text
    assert "".join(first["target_row"]) == genes[1].text
    assert len(first["marks"]) == len(first["query_row"]) == len(first["target_row"])
    edits = sum(mark != "|" for mark in first["marks"])
    assert edits == first["distance"]
    turned = {"query": {"sequence": "ACGA"}, "targets": ["s0"], "strand": "minus"}
    (one,) = ask("POST", "/v1/indexes/genes/align", json=turned).json()["alignments"]
    assert one["strand"] == "-"


WRONG = [
    ("genes", {"queries": [{"sequence": "ACGT!"}]}, 422, "bad_input", "symbol '!' at position 5"),
    ("genes", {"queries": [{"sequence": ""}]}, 422, "bad_input", "empty"),
    ("genes", {"queries": []}, 422, "no_queries", "no queries"),
    ("genes", {}, 422, "no_queries", "give queries or fasta"),
    ("genes", {"queries": [{"sequence": "A"}], "fasta": "A"}, 422, "no_queries", "give queries or fasta"),
    ("genes", {"queries": [{"sequence": "A", "values": [1]}]}, 422, "bad_input", "query 1 has to have"),
    ("genes", {"queries": [{"values": [1, 2]}]}, 422, "mismatch", "this index holds dna"),
    ("series", {"queries": [{"sequence": "ACGT"}]}, 422, "mismatch", "this index holds series"),
    ("series", {"fasta": "1 2 x"}, 422, "bad_input", "line 1 is no series"),
    ("series", {"queries": [{"values": [[1, 2], [3]]}]}, 422, "bad_input", "cannot be read"),
    ("series", {"queries": [{"values": [[1, 2], [3, 4]]}]}, 422, "mismatch", ""),
    ("genes", {"fasta": ">a\nACGT\nno>"}, 422, "bad_input", "symbol"),
    ("genes", {"fasta": "@a\nACGT\n+\nII"}, 422, "bad_input", "FASTQ"),
    ("genes", {"queries": [{"sequence": "A"}], "k": 0}, 422, "bad_parameter", "k: Input should be greater"),
    ("genes", {"queries": [{"sequence": "A"}], "k": 101}, 422, "too_many_neighbours", "at most 100"),
    ("genes", {"queries": [{"sequence": "A"}], "K": 1}, 422, "bad_parameter", "K: Extra inputs"),
    ("genes", {"fasta": "A", "recall": 0.9, "exact": True}, 422, "bad_parameter", "exclude each other"),
    ("genes", {"queries": [{"sequence": "A"}], "exact": "within"}, 422, "bad_parameter", "needs max_distance"),
    ("genes", {"queries": [{"sequence": "A"}], "where": "colour = red"}, 422, "bad_condition", "no column 'colour'"),
    ("genes", {"queries": [{"sequence": "A"}], "ids": ["nothing"]}, 404, "unknown_id", "nothing"),
    ("genes", {"queries": [{"sequence": "A"}], "columns": ["colour"]}, 422, "bad_parameter", "no column 'colour'"),
    ("names", {"queries": [{"sequence": "a"}], "strand": "both"}, 422, "", ""),
    ("genes", {"queries": [{"sequence": "A" * 2001}]}, 413, "too_long", "2,001 symbols"),
    ("genes", {"queries": [{"sequence": "A"}] * 51}, 413, "too_many", "51 queries came"),
    ("nothing", {"queries": [{"sequence": "A"}]}, 404, "unknown_index", "no index 'nothing'"),
]


@pytest.mark.parametrize(("name", "body", "status", "code", "text"), WRONG)
def test_what_is_wrong_is_told(
    ask: Ask, folders: dict[str, Path], name: str, body: dict[str, Any], status: int, code: str, text: str
) -> None:
    answer = ask("POST", f"/v1/indexes/{name}/search", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code or not code
    assert text in answer.json()["error"]["message"]
    assert str(folders["genes"].parent) not in answer.text
    assert "Traceback" not in answer.text


def test_bodies_that_are_none(ask: Ask) -> None:
    for content, kind, status in (
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"queries": [{"sequence": "\xff"}]}', "application/json", 400),
        (b'{"queries": [{"sequence": "\\ud800"}]}', "application/json", 400),
        (b"\xff\xfe", "text/x-fasta", 400),
        (b"ACGT", "text/plain", 415),
        (b"{}", "", 415),
    ):
        answer = ask("POST", "/v1/indexes/genes/search", content=content, headers={"Content-Type": kind})
        assert answer.status_code == status, (content, answer.text)
        assert set(answer.json()["error"]) >= {"code", "message"}
    assert ask("GET", "/v1/indexes/genes/search").status_code == 405
    assert ask("GET", "/v1/nothing").json()["error"]["code"] == "not_found"


def test_health_metrics_page_and_headers(ask: Ask, service: Service) -> None:
    assert ask("GET", "/healthz").json() == {"status": "ok"}
    assert ask("GET", "/readyz").status_code == 200
    ask("POST", "/v1/indexes/genes/search", json={"queries": [{"sequence": "ACGT"}]})
    told = ask("GET", "/metrics").text
    assert 'seqsearch_requests_total{method="POST",route="/v1/indexes/{name}/search",status="200"}' in told
    assert 'seqsearch_sequences{index="genes"} 200.0' in told
    page = ask("GET", "/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in page.headers
    assert ask("GET", "/../app.py").status_code == 404


def test_a_where_that_nothing_fulfils_is_told(ask: Ask) -> None:
    body = {"queries": [{"sequence": "ACGT" * 15}], "where": "label = nobody"}
    answer = ask("POST", "/v1/indexes/genes/search", json=body).json()
    assert answer["results"][0]["hits"] == []
    assert "no sequence of 200 fulfils" in answer["warnings"][0]
