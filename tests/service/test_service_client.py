"""`Client` over a real socket answers as the index does, and so does the command line given an address."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch.cli.main import run
from seqsearch.errors import (
    ConditionError,
    DuplicateIdError,
    MismatchError,
    ParameterError,
    ReadOnlyIndexError,
    ServiceError,
    SymbolError,
    UnknownIdError,
)
from seqsearch.service.client import Client
from seqsearch.service.running import Service
from seqsearch.service.serving import running, served
from seqsearch.service.where import text_of
from tests.service.conftest import READER, WRITER, service_of


@pytest.fixture(scope="module")
def url(folders: dict[str, Path]) -> Iterator[str]:
    with served(*folders.values()) as address:
        yield address


@pytest.fixture(params=["genes", "names", "series", "large"])
def pair(
    request: pytest.FixtureRequest, url: str, folders: dict[str, Path]
) -> Iterator[tuple[Client, ss.SequenceIndex]]:
    """A client, and the index that it asks."""
    with ss.SequenceIndex.open(folders[request.param]) as index, Client(f"{url}/{request.param}", at_once=3) as client:
        yield client, index


def test_facts(pair: tuple[Client, ss.SequenceIndex]) -> None:
    client, index = pair
    assert client.info() == index.info()
    assert len(client) == len(index)
    assert (client.alphabet_name, client.columns, client.finds_parts) == (index.alphabet_name, index.columns, False)
    assert client.distance == index.distance
    assert client.calibration == index.calibration
    assert not client.refresh()


def test_records(pair: tuple[Client, ss.SequenceIndex]) -> None:
    client, index = pair
    ids = list(index.sequences.ids)[:4]
    assert client.holds([*ids, "nobody"]).tolist() == index.holds([*ids, "nobody"]).tolist()
    assert ids[0] in client
    assert "nobody" not in client
    same(client.get(ids), index.get(ids))
    assert client[ids[1]].columns == index[ids[1]].columns
    with pytest.raises(UnknownIdError, match="'nobody'"):
        client["nobody"]
    if len(index) <= 200:
        same(client.sequences, index.sequences)


LEFT_OUT = {
    "build": "made where the data are",
    "build_pairs": "made where the data are",
    "open": "Client(url) opens",
    "with_entries": "makes another index",
    "model": "the network is not sent: embed",
    "budget": "Results.budget says it",
    "budgets": "of evaluate",
    "evaluate": "measured where the index is",
    "calibrate": "measured where the index is",
    "verify": "reads files",
    "cluster": "works on all of the index",
    "map": "GET .../map",
    "compact": "works on files",
    "export": "works on files",
    "import_archive": "works on files",
    "save_snapshot": "works on files",
    "set_columns": "update replaces records",
    "state": "each request has its own",
    "distribution_warning": "Results.warnings says it",
    "known_scores": "kept by the service",
    "member_scores": "works on all of the index",
    "commit": "of files",
}


def test_it_is_asked_as_an_index_is() -> None:
    theirs = {name for name in dir(ss.SequenceIndex) if not name.startswith("_")}
    ours = {name for name in dir(Client) if not name.startswith("_")}
    assert theirs - ours == LEFT_OUT.keys() & theirs
    assert ours - theirs == {"classify", "embed"}
    for name in ("search", "within", "add", "remove", "get", "holds"):
        asked = inspect.signature(getattr(ss.SequenceIndex, name)).parameters
        assert inspect.signature(getattr(Client, name)).parameters.keys() <= asked.keys()


def same(ours: ss.Sequences, theirs: ss.Sequences) -> None:
    assert list(ours.ids) == list(theirs.ids)
    assert list(ours.labels) == list(theirs.labels)
    np.testing.assert_array_equal(ours.data, theirs.data[theirs.offsets[0] : theirs.offsets[-1]])
    assert [one.columns for one in ours] == [one.columns for one in theirs]


def test_searches(pair: tuple[Client, ss.SequenceIndex]) -> None:
    client, index = pair
    queries = index.sequences[: min(7, len(index))]
    strands = ("plus", "both") if index.alphabet_name == "dna" else ("plus",)
    for strand in strands:
        for ours, theirs in (
            (client.search(queries, 3, strand=strand), index.search(queries, 3, strand=strand)),
            (client.search(queries, 2, exact=True), index.search(queries, 2, exact=True)),
            (client.within(queries, 5, strand=strand), index.within(queries, 5, strand=strand)),
        ):
            names = [*theirs.usual_columns, "label", *index.columns]
            if index.alphabet_name is not None:
                names += ["identity", "cigar", "coverage", "sequence"]
            assert ours.to_dicts(names) == theirs.to_dicts(names)
            assert ours.budget == theirs.budget
            assert ours.guarantee.tolist() == theirs.guarantee.tolist()
    radii = np.arange(len(queries)) // 2 * 2.0
    assert client.within(queries, radii).to_dicts() == index.within(queries, radii).to_dicts()
    some = list(index.sequences.ids)[:3]
    assert client.search(queries, 5, ids=some).to_dicts() == index.search(queries, 5, ids=some).to_dicts()
    ours, theirs = client.novelty(queries, fpr=0.1), index.novelty(queries, fpr=0.1)
    assert ours.nearest == theirs.nearest
    np.testing.assert_allclose(ours.p_values, theirs.p_values, rtol=1e-3)
    np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_conditions_classes_and_embeddings(url: str, folders: dict[str, Path]) -> None:
    with ss.SequenceIndex.open(folders["names"]) as index, Client(f"{url}/names") as client:
        for where in ("born > 1960", {"town": ["Bonn", "Köln"]}, {"born": (1960, None), "label": "f"}, {"town": None}):
            assert client.count(where) == index.count(where) > 0
            same(client.matching(where), index.matching(where))
            assert client.search("ana", 9, where=where).to_dicts() == index.search("ana", 9, where=where).to_dicts()
        assert client.classify(["hana"], k=3).names() == ["f"]
        np.testing.assert_array_equal(client.embed(["anna"]), index.model.vectors(index.get(["a"])))
    assert text_of({'a "b"': 'c"d', "e": True, "f": 1.5}) == '"a ""b""" = "c""d" and "e" = true and "f" = 1.5'


def test_what_is_wrong_is_raised_as_by_the_index(url: str) -> None:
    with Client(f"{url}/genes") as client:
        with pytest.raises(SymbolError, match="'!'"):
            client.search(["AC!T"])
        with pytest.raises(ConditionError, match="no column 'colour'"):
            client.search(["ACGT"], where="colour = 1")
        with pytest.raises(UnknownIdError, match="nobody"):
            client.search(["ACGT"], ids=["nobody"])
        with pytest.raises(ParameterError, match="exclude each other"):
            client.search(["ACGT"], recall=0.9, exact=True)
        with pytest.raises(ParameterError, match="k"):
            client.search(["ACGT"], 0)
        with pytest.raises(MismatchError, match="arrays of numbers"):
            client.search([np.zeros(4)])
        with pytest.raises(ParameterError, match="vectors are not sent"):
            client.search(["ACGT"], vectors=np.zeros((1, 4)))
        with pytest.raises(ReadOnlyIndexError, match="seqsearch serve --writable"):
            client.remove(["s0"])
    with pytest.raises(ServiceError, match="no index 'nothing': there are: genes"):
        Client(f"{url}/nothing")
    with pytest.raises(ServiceError, match="127.0.0.1:9: "):
        Client("http://127.0.0.1:9/genes")
    for address in ("genes", "http://127.0.0.1:80", "ftp://127.0.0.1/genes", "http://127.0.0.1:x/genes"):
        with pytest.raises(ParameterError, match="http://HOST:PORT/INDEX|no valid port"):
            Client(address)


@pytest.fixture
def guarded(folders: dict[str, Path], tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "names.ss"
    shutil.copytree(folders["names"], path)
    with running(service_of(path, writable=True, tokens=True)) as address:
        yield f"{address}/names"


def test_changes_and_tokens(guarded: str) -> None:
    with pytest.raises(ServiceError, match="a token is needed") as refused:
        Client(guarded)
    assert refused.value.status == 401
    with Client(guarded, token=READER) as reader:
        assert len(reader) == 4
        with pytest.raises(ServiceError, match="this token may read, not write"):
            reader.remove(["a"])
    with Client(guarded, token=WRITER) as client:
        letters, columns = ["emil", "karl"], {"born": [2001, None]}
        new = ss.as_sequences(letters, "text", ids=["e", "k"], labels=["m", "m"], columns=columns)
        client.add(new)
        assert (len(client), client["e"].columns, client["e"].label) == (6, {"born": 2001, "town": None}, "m")
        assert client.search("emil", 1)[0][0].id == "e"
        client.update(ss.as_sequences(["emily"], "text", ids=["e"]))
        assert client["e"].text == "emily"
        with pytest.raises(DuplicateIdError, match=r"record 1 \(k\)"):
            client.add(new[1:])
        client.remove(["e", "k"])
        with pytest.raises(UnknownIdError, match="'e'"):
            client.remove(["e"])
        with pytest.raises(ParameterError, match="need ids"):
            client.add(["fritz"])


WAYS = (
    *([], ["--format", "json"], ["--format", "blast6"], ["--format", "paf"], ["--strand", "both", "--align"]),
    ["--all", "--max-distance", "4"],
    ["--columns", "query,target,label,identity", "--where", "label = family1"],
)


@pytest.mark.parametrize("options", WAYS)
def test_the_command_line_writes_the_same(
    url: str,
    folders: dict[str, Path],
    genes: ss.Sequences,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
) -> None:
    queries, said = tmp_path / "queries.fasta", []
    ss.write_fasta(queries, genes[::19])
    for index in (str(folders["genes"]), f"{url}/genes"):
        capsys.readouterr()
        assert run(["search", index, str(queries), "-k", "3", *options]) == 0
        out, err = capsys.readouterr()
        lines = err.replace(index, "INDEX").splitlines()
        # what comparing with everything took is not sent
        lines = [re.sub(r"all [\d,]+; [\d.]+% ruled out without computing", "everything", line) for line in lines]
        said.append((out, [re.sub(r"; [\d,]+ quer\w+ compared with all [\d,]+", "", line) for line in lines]))
    assert said[0] == said[1]


def test_the_command_line_says_what_a_service_cannot(
    url: str, genes: ss.Sequences, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = tmp_path / "queries.fasta"
    ss.write_fasta(queries, genes[:2])
    assert run(["search", f"{url}/genes", str(queries), "--format", "sam"]) == 2
    assert "--no-header" in capsys.readouterr().err
    assert run(["novelty", f"{url}/genes", str(queries)]) == 2
    assert "in Python seqsearch.Client does" in capsys.readouterr().err
    assert run(["search", f"{url}/nothing", str(queries)]) == 1
    assert "no index 'nothing'" in capsys.readouterr().err


def test_a_service_that_is_busy_is_asked_again(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    service = service_of(folders["names"])
    with running(service) as address, Client(f"{address}/names") as client:
        refused = iter([True, True, False])
        submit = service.engine.submit

        def often_busy(*arguments: object, **named: object) -> object:
            if next(refused, False):
                raise service.engine._busy()
            return submit(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(service.engine, "submit", often_busy)
        monkeypatch.setattr("seqsearch.service.wire._LONGEST_WAIT", 0.01)
        assert client.search("ana", 1)[0][0].id == "a"
        refused = iter([True] * 9)
        with pytest.raises(ServiceError, match="requests wait already") as told:
            client.search("ana", 1)
        assert told.value.status == 429


def test_it_serves_many_at_once(folders: dict[str, Path]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    service: Service = service_of(folders["large"])
    with ss.SequenceIndex.open(folders["large"]) as index:
        queries = index.sequences[::40]
        expected = index.search(queries, 4).to_dicts()
    with running(service) as address, Client(f"{address}/large") as client, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda at: client.search(queries[at : at + 1], 4).to_dicts(), range(len(queries))))
        assert [row for rows in found for row in rows] == expected
        assert service.metrics.queries._value.get() == len(queries)
