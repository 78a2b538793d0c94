"""An index asked and changed with users' own objects, and looked up by id."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from seqsearch import NoveltyScorer, SequenceIndex, duplicates, read
from seqsearch.errors import DuplicateIdError, MismatchError, ParameterError, SymbolError, UnknownIdError
from seqsearch.progress import Silent
from seqsearch.sequences import DNA, TEXT, Sequences
from tests.families import families

NAMES = ["anna meyer", "anna maier", "otto schulz", "otto schultz", "emil krause", "ida krause"]


@pytest.fixture
def names(tmp_path: Path) -> SequenceIndex:
    return SequenceIndex.build(tmp_path / "names.ss", NAMES, encoder="kmer")


def test_every_question_takes_strings(names: SequenceIndex) -> None:
    own = Sequences.from_texts(["ana meier", "Otto"], TEXT)
    asked = ["ana meier", "Otto"]
    expected, found = names.search(own, 3), names.search(asked, 3)
    np.testing.assert_array_equal(found.rows, expected.rows)
    assert list(found.queries) == ["1", "2"]
    assert len(names.search("ana meier")) == 1  # one string is one query
    assert names.within(asked, 6).rows.tolist() == names.within(own, 6).rows.tolist()
    options = {"known": ["anna mayer", "emil kraus"], "fpr": 0.3}
    expected_scores = names.novelty(own, known=Sequences.from_texts(options["known"], TEXT), fpr=0.3)
    assert names.novelty(asked, **options).p_values.tolist() == expected_scores.p_values.tolist()
    assert len(names.known_scores(known=["anna mayer"])) == 1
    assert names.evaluate(asked, 2)[-1].recall == 1
    assert names.calibrate(["ana meier", "Otto"] * 5).points == names.calibrate(own[[0, 1] * 5]).points
    assert len(names.search([])) == 0


def test_the_argument_is_named(names: SequenceIndex, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="queries has to be sequences, strings or arrays, not 7"):
        names.search(7)  # type: ignore[arg-type]
    with pytest.raises(MismatchError, match="queries: arrays of numbers came where the index holds text"):
        names.search(np.zeros((2, 5)))
    with pytest.raises(ParameterError, match="known is a set"):
        names.novelty("x", known={"x"})
    with pytest.raises(ParameterError, match="references is a path: read it first"):
        SequenceIndex.build(tmp_path / "x.ss", Path("reads.fasta"))  # type: ignore[arg-type]
    with pytest.raises(
        SymbolError, match=r"queries: record 2 \(2\): symbol 'a' at position 1 .*integers|not an integer"
    ):
        SequenceIndex.build(tmp_path / "n.ss", [[1, 2], [3]], alphabet="integers", encoder="kmer").search(["1 2", "a"])


class Notes(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_the_alphabet_of_strings_is_named_or_guessed(tmp_path: Path) -> None:
    texts, watch = families(5, 2, 30).texts(), Notes()
    with SequenceIndex.build(tmp_path / "a.ss", texts, encoder="kmer", progress=watch) as index:
        assert index.alphabet_name == "dna"
        assert repr(index) == f"SequenceIndex({index.path!r}, n=10, dna, edit)"
    assert "the alphabet of references was guessed from their letters: dna" in watch.notes
    with SequenceIndex.build(tmp_path / "b.ss", texts, alphabet="text", encoder="kmer", queries=texts[:3]) as index:
        assert index.alphabet_name == "text"
    with pytest.raises(SymbolError, match="references: record 1 .*alphabet$"):
        SequenceIndex.build(tmp_path / "c.ss", NAMES, alphabet="dna")


def test_ids_that_are_made_up_go_on_counting(names: SequenceIndex) -> None:
    names.add(["hugo braun", "hugo brown"])
    assert [record.id for record in names] == [str(number) for number in range(1, 9)]
    names.add(Sequences.from_texts(["karl"], TEXT, ["11"]))
    names.add(["maria", "marie"])  # 10 and 11 would be next
    assert [record.id for record in names][-3:] == ["11", "12", "13"]
    names.remove(["13"])
    names.compact()
    names.add("marie")
    assert names["13"].text == "marie"
    with pytest.raises(ParameterError, match="update needs to know which sequences"):
        names.update(["karl"])


def test_numbers_of_records_that_are_read_go_on_counting(names: SequenceIndex, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("hugo braun\nhugo brown\nkarl\n")
    more = read(tmp_path / "more.txt")
    names.add(more)
    assert [record.id for record in names][6:] == ["7", "8", "9"]
    assert names["9"].text == "karl"
    names.add(more[1:])
    names.add(Sequences.concatenate([more[:1], more[2:]]))
    assert [record.id for record in names][9:] == ["10", "11", "12", "13"]
    names.add(Sequences.from_texts([str(n) for n in range(40)], TEXT)[20:])  # 21 and more are free
    assert [record.id for record in names][13:15] == ["21", "22"]
    with pytest.raises(DuplicateIdError, match=r"record 1 \(7\): this id is in the index already"):
        names.add(Sequences.from_texts(["given by somebody"], TEXT, ["7"]))


def test_data_frames_in(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"id": list("abcdef"), "text": NAMES, "label": ["x", "y"] * 3})
    with SequenceIndex.build(tmp_path / "i.ss", frame, encoder="kmer") as index:
        hits = index.search(pd.Series(["anna maier"], index=["asked"]), 1)
        assert (hits.queries[0], hits[0][0].id) == ("asked", "b")
        assert len(index.search(frame, k=3, where={"label": "x"})) == 6
        index.update(pd.DataFrame({"id": ["b"], "text": ["anna meier"]}))
        assert index["b"].text == "anna meier"
    with pytest.raises(ParameterError, match="X is a DataFrame with the columns 'name'.*give that column"):
        NoveltyScorer(encoder="kmer").fit(frame[["text"]].rename(columns={"text": "name"}))


def test_duplicates_of_a_column() -> None:
    found = duplicates(["anna", "hanna", "otto", "anna"], "edit", 1)
    assert found.representatives.tolist() == [0, 0, 2, 0]


def test_look_up_by_id(names: SequenceIndex) -> None:
    assert names["2"].text == "anna maier"
    assert names.get(["6", "1"]).texts() == [NAMES[5], NAMES[0]]
    assert "2" in names
    assert [record.text for record in names] == NAMES
    with pytest.raises(KeyError, match="no record with the id 'nobody'"):
        names["nobody"]
    with pytest.raises(UnknownIdError, match="nobody"):
        names.get(["1", "nobody"])
    with pytest.raises(ParameterError, match=r"ids is one string, '1': give a list of ids, or ask for index\['1'\]"):
        names.get("1")
    with pytest.raises(ParameterError, match="an id is a string, not 0"):
        names[0]  # type: ignore[index]
    names.remove(["2"])
    assert "2" not in names
    assert len(list(names)) == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda index: pickle.loads(pickle.dumps(index))])
def test_a_copy_is_opened_anew(names: SequenceIndex, copied: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(pickle.dumps(names)) < 400
    monkeypatch.chdir(Path(names.path).parent)
    with SequenceIndex.open("names.ss") as relative, copied(relative) as again:  # type: ignore[operator]
        assert again.search("anna meyer", 2).rows.tolist() == names.search("anna meyer", 2).rows.tolist()
        relative.close()
        assert len(again) == 6
    assert DNA is pickle.loads(pickle.dumps(DNA))


def test_verdicts_are_pickled_with_the_ids_of_the_nearest(tmp_path: Path) -> None:
    with SequenceIndex.build(tmp_path / "i.ss", families(60, 20, 30), encoder="kmer") as index:
        found = index.novelty(families(3, 1, 30, seed=2), fpr=0.1)
    raw = pickle.dumps(found)
    assert len(raw) < 3000
    assert list(pickle.loads(raw)) == list(found)
