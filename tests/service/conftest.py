"""Small indexes of several kinds, and a service that holds them, asked without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

import seqsearch as ss
from seqsearch import threads
from seqsearch.cli.serve import hits_as_columns
from seqsearch.service.app import create_app
from seqsearch.service.hosted import Hosted, Shelf
from seqsearch.service.job_answers import JobAnswers
from seqsearch.service.limits import Limits
from seqsearch.service.running import Service
from seqsearch.service.tokens import Tokens
from tests.families import families

Ask = Callable[..., httpx.Response]
WRITER, READER = "writer-of-the-service-1", "reader-of-the-service-1"


@pytest.fixture(scope="session")
def genes() -> ss.Sequences:
    made = families(20, 10, 60, edits=6)
    return ss.as_sequences(made.texts(), "dna", ids=list(made.ids), labels=[f"family{row // 10}" for row in range(200)])


@pytest.fixture(scope="session")
def folders(genes: ss.Sequences, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Indexes that no test changes, by name."""
    place = tmp_path_factory.mktemp("served")
    made = {name: place / f"{name}.ss" for name in ("genes", "names", "series", "large")}
    with threads.using(1):
        ss.SequenceIndex.build(made["genes"], genes, encoder="kmer", recall=0.9).close()
        columns = {"born": [1950, 1999, None, 1970], "town": ["Ulm", None, "Bonn", "Bonn"]}
        letters, ids = ["anna", "hanna", "otto", "ottos"], ["a", "h/1", "o", "ö ö"]
        names = ss.as_sequences(letters, "text", ids=ids, labels=["f", "f", "m", "m"], columns=columns)
        ss.SequenceIndex.build(made["names"], names, encoder="kmer").close()
        walks = np.random.default_rng(0).standard_normal((40, 20)).cumsum(1)
        ss.SequenceIndex.build(made["series"], walks, distance="dtw").close()
        many = families(300, 10, 40, edits=3, seed=1, prefix="m")
        ss.SequenceIndex.build(made["large"], many, learn="none", index="exact", recall=0.9).close()
    return made


def service_of(*paths: Path, writable: bool = False, limits: Limits | None = None, tokens: bool = False) -> Service:
    """A service of these indexes."""
    shelf = Shelf([Hosted.open(path, writable=writable) for path in paths])
    known = Tokens.of([("write", WRITER), ("read", READER)]) if tokens else Tokens()
    return Service(shelf, limits or Limits(), known)


def with_jobs(service: Service, folder: Path) -> Service:
    """The same with jobs."""
    service.jobs = JobAnswers(service, hits_as_columns).runner(folder)
    return service


def asking(service: Service) -> Ask:
    """Requests to a service, each answered before the next."""
    app = create_app(service)

    def ask(method: str, path: str, **arguments: object) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **arguments)  # type: ignore[arg-type]

        return asyncio.run(asked())

    return ask


@pytest.fixture(scope="session")
def service(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One of all indexes, which nobody may change, with jobs."""
    few = replace(Limits(), queries=50, length=2000, k=100)
    made = with_jobs(service_of(*folders.values(), limits=few), tmp_path_factory.mktemp("jobs"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def ask(service: Service) -> Ask:
    return asking(service)
