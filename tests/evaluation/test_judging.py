"""Distances judged by other libraries, each checked here against a table of one's own."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import seqsearch as ss
from seqsearch import SequenceIndex, extras
from seqsearch.cli import demo
from seqsearch.cli.main import run
from seqsearch.distances import DISTANCES, Distance, distance_named
from seqsearch.errors import CorruptIndexError, MissingExtraError, ParameterError
from seqsearch.evaluation.judging import JUDGES, Judging, judge_of
from seqsearch.progress import SILENT
from seqsearch.search import References
from seqsearch.search.strands import reverse_complement
from seqsearch.sequences import Sequences, SequencesLike, as_sequences, write_fasta
from tests.families import families

WORDS = ["anna", "hannah", "Änne", "\U0001f9ec", "otto", "lotto", "ot"]
NUMBERS = Sequences.from_arrays([np.array(row) for row in ([1, 2, 3], [1, 3], [2**32 - 1, 5], [5])], "integers")
CASES: list[tuple[Distance, SequencesLike]] = [
    (distance_named("edit"), families(4, 4, 30)),
    (distance_named("edit"), as_sequences(WORDS, alphabet="text")),
    (distance_named("edit"), NUMBERS),
    (distance_named("edit"), as_sequences(["MKV", "MKVL", "XXB"], alphabet="protein")),
    (distance_named("weighted-edit", insertion=2, deletion=3, substitution=4), as_sequences(WORDS, alphabet="text")),
    (distance_named("indel"), as_sequences(WORDS, alphabet="text")),
    (distance_named("infix"), families(4, 4, 30)),
]


@pytest.mark.parametrize(("distance", "sequences"), CASES, ids=lambda each: getattr(each, "name", ""))
def test_what_is_reported_is_confirmed_and_what_is_wrong_is_named(distance: Distance, sequences: Sequences) -> None:
    found = References(sequences, distance=distance).search(sequences, 3)
    judging = Judging(distance, sequences)
    judging.add_answers(found)
    judging.add_answers(found)
    verdicts = judging.verdicts()
    pairs = int((found.rows >= 0).sum())
    assert (verdicts.checked, verdicts.wrong) == (pairs, 0), "each pair once"
    assert str(verdicts) == f"{pairs:,} reported distances computed again with {verdicts.library}: all agree"
    table = found.table()
    judging.add(found.targets, table.owners[:2], table.rows[:2], table.distances[:2] + np.array([1, 0]))
    verdicts = judging.verdicts()
    assert (verdicts.checked, verdicts.wrong) == (pairs + 1, 1)
    ids, true = (sequences.ids[0], found.targets.ids[int(table.rows[0])]), table.distances[0]
    assert f"1 of {pairs + 1:,} reported distances are not those of {verdicts.library}" in str(verdicts)
    assert f"{ids[0]} and {ids[1]}: {true + 1:g} reported, {true:g} computed" in str(verdicts)


def test_both_strands() -> None:
    stored = families(4, 4, 30)
    asked = reverse_complement(stored)
    found = References(stored).search(asked, 2, strand="both")
    judging = Judging(found_distance := distance_named("edit"), asked, "both")
    judging.add_answers(found)
    assert judging.verdicts().wrong == 0
    plain = Judging(found_distance, asked)
    plain.add_answers(found)
    assert plain.verdicts().wrong > 0


def test_many_disagreements_are_counted_and_a_few_shown() -> None:
    some = families(4, 4, 30)
    judging = Judging(distance_named("edit"), some)
    rows = np.arange(16)
    judging.add(some, rows, rows, np.full(16, 2.0))
    judging.add(some, rows, np.full(16, -1), np.full(16, np.inf))
    verdicts = judging.verdicts()
    assert (verdicts.checked, verdicts.wrong, len(verdicts.disagree)) == (16, 16, 5)


def test_what_nobody_computes_again() -> None:
    for name in DISTANCES:
        if name not in JUDGES and name != "hamming":
            with pytest.raises(ParameterError, match=f"the distances of {name} cannot be checked: no other library"):
                judge_of(distance_named(name))
    with pytest.raises(ParameterError, match="edit with wildcards cannot be checked: python-Levenshtein has none"):
        judge_of(distance_named("edit", wildcards=True))
    with extras.without("Levenshtein"), pytest.raises(MissingExtraError, match=r"pip install 'seqsearch\[check\]'"):
        Judging(distance_named("edit"), families(1, 2, 20))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder, some = tmp_path_factory.mktemp("judged"), families(20, 6, 40)
    SequenceIndex.build(folder / "g.ss", some, encoder="kmer", recall=0.9).close()
    write_fasta(folder / "q.fasta", some[::11])
    return folder / "g.ss", folder / "q.fasta"


def test_the_command(places: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(places[0]), str(places[1]), "-k", "3", "--candidates", "10,50", "--check", "-q"]
    assert run([*words, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "g.ss: " in said.err
    assert "reported distances computed again with python-Levenshtein: all agree" in said.err
    assert len(said.out.splitlines()) == 2
    with extras.without("Levenshtein"):
        assert run(words) == 1
    said = capsys.readouterr()
    assert "needs Levenshtein, which is not installed: pip install 'seqsearch[check]'" in said.err
    assert said.out == ""


def test_a_wrong_distance_ends_the_command_with_1(
    places: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import Levenshtein

    monkeypatch.setattr(Levenshtein, "distance", lambda query, target: 99)
    assert run(["evaluate", str(places[0]), str(places[1]), "-k", "3", "--candidates", "10", "--check", "-q"]) == 1
    assert "reported distances are not those of python-Levenshtein" in capsys.readouterr().err
    with SequenceIndex.open(places[0]) as index, pytest.raises(CorruptIndexError, match="99 computed"):
        demo._checked(index, index.sequences[:3], SILENT)


def test_the_demo_ends_with_it(places: tuple[Path, Path]) -> None:
    with SequenceIndex.open(places[0]) as index:
        told = demo._checked(index, index.sequences[:5], SILENT)
        assert told.endswith("reported distances computed again with python-Levenshtein: all agree")
        with extras.without("Levenshtein"):
            told = demo._checked(index, index.sequences[:5], SILENT)
    assert told == (
        "Distances were not checked: this needs Levenshtein, which is not installed: pip install 'seqsearch[check]'"
    )


def test_in_python() -> None:
    found = References(families(4, 4, 30)).search(families(4, 4, 30)[:3], 4)
    assert ss.check_distances(found, "edit").wrong == 0
    assert ss.check_distances(found, distance_named("indel")).wrong > 0
    turned = References(families(4, 4, 30)).search(reverse_complement(families(4, 4, 30)), 2, strand="both")
    assert ss.check_distances(turned, "edit").wrong == 0
    with pytest.raises(ParameterError, match="these answers were pickled"):
        ss.check_distances(pickle.loads(pickle.dumps(found)), "edit")
