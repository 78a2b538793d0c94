"""Reads in genes, hummed tunes, vectors made elsewhere: what can be asked of other kinds of indexes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch import threads
from seqsearch.service.serving import running
from tests.families import families
from tests.search.test_pairs import SMALL, task
from tests.service.conftest import Ask, asking, service_of


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("kinds")
    made = {name: place / f"{name}.ss" for name in ("infix", "matcher", "vectors")}
    with threads.using(1):
        genes = families(20, 2, 120, edits=4)
        ss.SequenceIndex.build(made["infix"], genes, distance="infix").close()
        queries, entries = task(40, 0)
        ss.SequenceIndex.build_pairs(made["matcher"], entries, queries, **{**SMALL, "steps": 5}).close()
        points = np.random.default_rng(0).standard_normal((40, 8))
        ss.SequenceIndex.build(made["vectors"], genes, vectors=points).close()
    return made


@pytest.fixture(scope="module")
def kinds(paths: dict[str, Path]) -> Iterator[Ask]:
    service = service_of(*paths.values())
    service.warm()
    yield asking(service)
    service.close()


def test_parts_of_genes_infix(kinds: Ask, paths: dict[str, Path]) -> None:
    with ss.SequenceIndex.open(paths["infix"]) as index:
        gene = index["s4"].text
        read = gene[30:80]
        expected = index.search([read], 2)
        body = {"queries": [{"id": "r", "sequence": read}], "k": 2, "alignment": True, "novelty": True}
        answer = kinds("POST", "/v1/indexes/infix/search", json=body).json()
        (one,) = answer["results"]
        first = one["hits"][0]
        assert (first["target"], first["distance"], first["target_start"], first["target_end"]) == ("s4", 0, 31, 80)
        assert [hit["target"] for hit in one["hits"]] == expected.ids[0].tolist()
        assert one["p_value"] is None  # what is stored is whole
        assert "no p-values" in answer["warnings"][-1]
        service = service_of(paths["infix"])
        with running(service) as url, ss.Client(f"{url}/infix") as client:
            assert client.finds_parts
            names = [*expected.usual_columns, "identity", "cigar"]
            assert client.search([read], 2).to_dicts(names) == expected.to_dicts(names)


def test_series_of_two_kinds(kinds: Ask, paths: dict[str, Path]) -> None:
    (listed,) = [one for one in kinds("GET", "/v1/indexes").json()["indexes"] if one["name"] == "matcher"]
    assert (listed["matcher"], listed["distance"], listed["kind"]) == (True, None, "series")
    queries, _ = task(40, 0)
    with ss.SequenceIndex.open(paths["matcher"]) as index:
        expected = index.search(queries[:3], 4)
        body = {"queries": [{"values": one.data.astype(float).tolist()} for one in queries[:3]], "k": 4}
        answer = kinds("POST", "/v1/indexes/matcher/search", json=body).json()
        assert [[hit["target"] for hit in one["hits"]] for one in answer["results"]] == expected.ids.tolist()
        with running(service_of(paths["matcher"])) as url, ss.Client(f"{url}/matcher") as client:
            found = client.search(queries[:3], 4)
            assert found.to_dicts() == expected.to_dicts()
    told = kinds("POST", "/v1/indexes/matcher/align", json={"query": body["queries"][0], "targets": ["1"]})
    assert (told.status_code, told.json()["error"]["code"]) == (422, "mismatch")
    assert kinds("POST", "/v1/indexes/matcher/embed", json={"queries": body["queries"]}).status_code == 422


def test_vectors_made_elsewhere(kinds: Ask, paths: dict[str, Path]) -> None:
    body = {"queries": [{"sequence": "ACGT" * 20}], "k": 2}
    refused = kinds("POST", "/v1/indexes/vectors/search", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "needs_vectors")
    with ss.SequenceIndex.open(paths["vectors"]) as index:
        expected = index.search(["ACGT" * 20], 2, exact=True)
    answer = kinds("POST", "/v1/indexes/vectors/search", json={**body, "exact": True}).json()
    assert [hit["target"] for hit in answer["results"][0]["hits"]] == expected.ids[0].tolist()
