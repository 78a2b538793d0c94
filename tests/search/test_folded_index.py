"""An index of folded texts: stored and asked alike, in Python and on the command line."""

from __future__ import annotations

import pytest

from seqsearch import SequenceIndex, read
from seqsearch.cli.main import run
from seqsearch.errors import MismatchError
from seqsearch.sequences import DNA, TEXT, Sequences

NAMES = ["José García", "Jose Garcia", "JOSÉ GARCÍA", "Łukasz Żak", "Zoë Müller", "Zoe Mueller", "Anna Straße"] + [
    f"Person {number}" for number in range(40)
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("folded")
    (path / "names.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    arguments = ["--alphabet", "text+casefold+accents", "--encoder", "kmer", "--seed", "1", "-q"]
    assert run(["build", str(path / "names.txt"), "-o", str(path / "names.ss"), *arguments]) == 0
    return SequenceIndex.open(path / "names.ss")


def test_queries_are_folded_as_what_is_stored(index):
    assert index.alphabet_name == "text+casefold+accents"
    for asked in (["jose garcía"], Sequences.from_texts(["JOSE GARCIA"], TEXT)):
        hits = index.search(asked, 3)[0]
        assert [hit.distance for hit in hits] == [0, 0, 0]
        assert {hit.id for hit in hits} == {"1", "2", "3"}
    assert index.search(["ANNA STRASSE"], 1)[0][0].distance == 0


def test_what_was_written_is_kept_for_output(index, tmp_path, capsys):
    assert list(index.sequences.descriptions)[:3] == NAMES[:3]
    queries = tmp_path / "queries.txt"
    queries.write_text("zoë müller\n", encoding="utf-8")
    assert run(["search", index.path, str(queries), "-k", "1", "--columns", "distance,description", "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0\tZoë Müller"


def test_additions_and_evaluation(index):
    index.add(Sequences.from_texts(["JÜRGEN"], "text+casefold+accents", ids=["new"]))
    assert index.search(["jurgen"], 1)[0][0].id == "new"
    index.remove(["new"])
    assert index.verify(sample=5).ok


def test_other_alphabets_do_not_fit(index, tmp_path):
    with pytest.raises(MismatchError):
        index.search(Sequences.from_texts(["ACGT"], DNA))
    folded_otherwise = Sequences.from_texts(["a"], "text+casefold")
    with pytest.raises(MismatchError, match=r"text\+casefold"):
        index.search(folded_otherwise)
    (tmp_path / "a.txt").write_text("É\n", encoding="utf-8")
    assert read(tmp_path / "a.txt", alphabet="text+casefold").texts() == ["é"]
