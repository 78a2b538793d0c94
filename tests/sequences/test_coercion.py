"""Sequences as users have them: what is taken, what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import (
    DuplicateIdError,
    EmptyInputError,
    EmptySequenceError,
    InputError,
    MismatchError,
    ParameterError,
    SeriesError,
    SymbolError,
)
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, RNA, TEXT, Alphabet, Sequences, as_sequences
from seqsearch.sequences.coercion import guessed, sets_of, taken

TEXTS = ["GATTACA", "CAT", "TTTT"]
SERIES = Sequences.from_arrays([np.zeros((4, 2))])


def pandas_series(values: list[object]) -> object:
    return pytest.importorskip("pandas", reason="pandas is not installed").Series(values)


def polars_series(values: list[object]) -> object:
    return pytest.importorskip("polars", reason="polars is not installed").Series(values)


def arrow_array(values: list[object]) -> object:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed").array(values)


def arrow_chunks(values: list[object]) -> object:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed").chunked_array([values[:1], values[1:]])


COLUMNS: dict[str, Callable[[list[object]], object]] = {
    "list": list,
    "tuple": tuple,
    "generator": iter,
    "numpy strings": np.array,
    "numpy objects": lambda values: np.array(values, object),
    "pandas": pandas_series,
    "polars": polars_series,
    "pyarrow": arrow_array,
    "pyarrow chunks": arrow_chunks,
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_strings(kind: str) -> None:
    made = as_sequences(COLUMNS[kind](list(TEXTS)))
    assert made.texts() == TEXTS
    assert made.alphabet is DNA
    assert list(made.ids) == ["1", "2", "3"]
    assert (
        taken(COLUMNS[kind](list(TEXTS)), "queries", like=Sequences.from_texts(["x"], TEXT)).sequences.alphabet is TEXT
    )


def test_one_string_is_one_sequence() -> None:
    for text in ("GATTACA", b"GATTACA", bytearray(b"GATTACA"), np.str_("GATTACA")):
        assert as_sequences(text, "dna").texts() == ["GATTACA"]
    assert as_sequences([b"AC", "GT"]).texts() == ["AC", "GT"]
    record = Sequences.from_texts(["ACGT"], DNA, ["a"], ["x"])[0]
    again = as_sequences(record)
    assert (again.texts(), list(again.ids), list(again.labels)) == (["ACGT"], ["a"], ["x"])
    assert list(as_sequences([record, record][:1]).ids) == ["a"]
    assert list(as_sequences(iter([record])).ids) == ["a"]


def test_sequences_stay_as_they_are() -> None:
    own = Sequences.from_texts(TEXTS, DNA)
    assert as_sequences(own) is own
    with pytest.raises(ParameterError, match="given are dna already: alphabet 'text' means nothing"):
        as_sequences(own, "text")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6), st.sampled_from(["dna", "text", "protein"]))
def test_many_at_once_are_as_one_by_one(texts: list[str], alphabet: str) -> None:
    slow, fast = (told(make, texts, alphabet) for make in (Sequences.from_texts, as_sequences))
    assert slow == fast


def told(make: Callable[[list[str], str], Sequences], texts: list[str], alphabet: str) -> object:
    """What is made, or what is wrong with which record."""
    try:
        return make(texts, alphabet).digest()
    except SymbolError as error:
        return error.record, error.problem


@pytest.mark.parametrize(
    ("texts", "alphabet"),
    [
        (["ACGT", "acgn"], DNA),
        (["ACGU"], RNA),
        (["ACGTACGTACGTACGTACGR"], DNA),
        (["MKVLA"], TEXT),
        (["anna", "otto"], TEXT),
        (["Zürich"], TEXT),
        (["ACGT", "ACG-T"], TEXT),
    ],
)
def test_guesses(texts: list[str], alphabet: Alphabet) -> None:
    assert guessed("".join(texts)) is alphabet
    assert as_sequences(texts).alphabet is alphabet


def test_series_and_tokens() -> None:
    rows = [np.arange(5.0), np.arange(3.0)]
    assert as_sequences(rows).lengths.tolist() == [5, 3]
    assert as_sequences([[0.5, 1.0], [1, 2, 3]]).lengths.tolist() == [2, 3]
    assert as_sequences(np.zeros((6, 4))).lengths.tolist() == [4] * 6
    assert as_sequences(np.zeros((6, 9, 2))).features == 2
    tokens = as_sequences([[1, 2, 3], [7]], "integers")
    assert tokens.alphabet is INTEGERS
    assert tokens.data.tolist() == [1, 2, 3, 7]
    for wrong in (np.arange(4.0), [1.0, 2.0], (1, 2)):
        with pytest.raises(ParameterError, match=r"given is numbers: one series.* goes in a list, \[numbers\]"):
            as_sequences(wrong)
    with pytest.raises(SeriesError, match="given: record 2 .*not a finite"):
        as_sequences([[1.0], [np.nan]])
    with pytest.raises(SeriesError, match="given: record 1: the value is no array"):
        as_sequences([[[1, 2], [3]]])
    with pytest.raises(MismatchError, match="queries: strings came where the index holds series"):
        taken(["ACGT"], "queries", like=SERIES)
    with pytest.raises(MismatchError, match="queries: arrays of numbers came where the index holds dna: give strings"):
        taken([[1, 2]], "queries", like=Sequences.from_texts(["A"], DNA))


def test_none_at_all() -> None:
    assert taken([], "queries", like=SERIES).sequences.features == 2
    assert taken([], "queries", like=Sequences.from_texts(["A"], DNA)).sequences.alphabet is DNA
    with pytest.raises(EmptyInputError, match="given: there is no sequence"):
        as_sequences([])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (3, "queries has to be sequences, strings or arrays, not 3"),
        (None, "queries has to be sequences, strings or arrays, not a NoneType"),
        (Path("reads.fasta"), r"queries is a path: read it first, seqsearch.read\('reads.fasta'\)"),
        ({"a": "ACGT"}, r"queries is a dictionary: give its values as a list, or seqsearch.as_sequences\("),
        ({"ACGT"}, "queries is a set, which has no order: give a list"),
        (np.array(3.0), r"queries has to be sequences, strings or arrays, not array\(3.\)"),
        (SimpleNamespace(read=print), "queries is an open file: read it by its name"),
        (["ACGT", 3], "queries: record 2: the value is 3, int: a string was expected"),
        (["ACGT", None], r"queries: record 2: the value is missing \(None\): a string was expected"),
        (["ACGT", float("nan")], r"queries: record 2: the value is missing \(nan\)"),
        ([b"AC", b"\xff"], "queries: record 2: byte 0xff is not UTF-8 text"),
        ([Sequences.from_texts(["A"], DNA)[0], "ACGT"], "queries: record 2: the value is str, not a Sequence"),
        (["ACGT", "AC!T"], r"queries: record 2 \(2\): symbol '!' at position 3 is not in the dna alphabet$"),
        (["ACGT", ""], r"queries: record 2 \(2\): the sequence is empty"),
    ],
)
def test_what_is_refused_names_the_argument(given: object, problem: str) -> None:
    with pytest.raises((ParameterError, InputError), match=problem):
        taken(given, "queries", like=Sequences.from_texts(["A"], DNA))  # type: ignore[arg-type]


def test_ids_and_labels() -> None:
    made = as_sequences(TEXTS, "dna", ids=["a", "b", "c"], labels=["x", "", "y"])
    assert (list(made.ids), list(made.labels)) == (["a", "b", "c"], ["x", "", "y"])
    with pytest.raises(MismatchError, match="2 ids for 3 sequences"):
        as_sequences(TEXTS, ids=["a", "b"])
    with pytest.raises(ParameterError, match="given: a list has no column 'name': only a data frame has columns"):
        as_sequences(TEXTS, id="name")


# -- data frames -----------------------------------------------------------------------------------------------------

TABLE = {"Name": ["a", "b", "c"], "sequence": TEXTS, "class": ["x", "y", "x"], "n": [1, 2, 3]}


def pandas_frame(columns: dict[str, list[object]]) -> object:
    return pytest.importorskip("pandas", reason="pandas is not installed").DataFrame(columns)


def polars_frame(columns: dict[str, list[object]]) -> object:
    return pytest.importorskip("polars", reason="polars is not installed").DataFrame(columns)


def arrow_table(columns: dict[str, list[object]]) -> object:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed").table(columns)


FRAMES = {"pandas": pandas_frame, "polars": polars_frame, "pyarrow": arrow_table}


@pytest.mark.parametrize("kind", FRAMES)
def test_data_frames(kind: str) -> None:
    made = as_sequences(FRAMES[kind](TABLE))  # type: ignore[arg-type]
    assert (made.texts(), list(made.ids), list(made.labels)) == (TEXTS, ["a", "b", "c"], ["x", "y", "x"])
    frame = FRAMES[kind]({"read": TEXTS, "n": [7, 8, 9], "kind": [1.0, 2.5, 3.0], "other": TEXTS})
    made = as_sequences(frame, id="n", sequence="READ", label="kind")  # type: ignore[arg-type]
    assert (list(made.ids), list(made.labels)) == (["7", "8", "9"], ["1", "2.5", "3"])
    for wrong in ({"read": TEXTS}, {"read": TEXTS, "n": [1, 2, 3]}):
        with pytest.raises(ParameterError, match="X is a .* with the columns 'read'.* none of which is known.*'read'"):
            taken(FRAMES[kind](wrong), "X")  # type: ignore[arg-type]
    with pytest.raises(
        ParameterError, match="given has no column 'genus': the columns are 'Name', 'sequence', 'class'"
    ):
        as_sequences(FRAMES[kind](TABLE), label="genus")  # type: ignore[arg-type]
    with pytest.raises(DuplicateIdError, match=r"given: record 2 \(a\): the id 'a' was used before, by record 1"):
        as_sequences(FRAMES[kind]({"id": ["a", "a"], "sequence": ["A", "C"]}))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"given: record 2: the value is missing \("):
        as_sequences(FRAMES[kind]({"sequence": ["A", None]}))  # type: ignore[arg-type]


def test_what_only_pandas_has() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    assert list(as_sequences(pd.Series(TEXTS, index=["x", "y", "z"])).ids) == ["x", "y", "z"]
    assert list(as_sequences(pd.DataFrame({"seq": TEXTS}, index=["x", "y", "z"])).ids) == ["x", "y", "z"]
    assert list(as_sequences(pd.Series(TEXTS)[1:]).ids) == ["1", "2"]  # numbers are positions
    assert as_sequences(pd.Series(TEXTS).astype("category")).texts() == TEXTS
    assert as_sequences(pd.Series([np.arange(3.0), np.arange(2.0)])).lengths.tolist() == [3, 2]
    twice = pd.DataFrame([["A", "C"]], columns=["sequence", "sequence"])
    with pytest.raises(ParameterError, match="given has 2 columns called 'sequence'"):
        as_sequences(twice)
    with pytest.raises(ParameterError, match="given is numbers"):
        as_sequences(pd.Series([1.0, 2.0]))


def test_a_lazy_frame_is_collected_first() -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    with pytest.raises(ParameterError, match=r"given is a LazyFrame: collect it first, frame.collect\(\)"):
        as_sequences(pl.LazyFrame(TABLE))


# -- records of other packages: what is looked at, no more ------------------------------------------------------------


class BioSeq(str):
    """As `Bio.Seq.Seq`, whose text is `str(seq)`."""

    __slots__ = ()


class SeqRecord(SimpleNamespace):
    """As `Bio.SeqRecord.SeqRecord`."""


class Protein:
    """As `skbio.Protein`: iterable, with metadata."""

    def __init__(self, letters: str, **metadata: str) -> None:
        self.letters, self.metadata = letters, metadata

    def __str__(self) -> str:
        return self.letters

    def __iter__(self) -> object:
        raise AssertionError("a record is not to be taken apart")


def test_records() -> None:
    records = [
        SeqRecord(id="r1", seq=BioSeq("MKVL"), description="r1 a protein", annotations={"molecule_type": "protein"}),
        SeqRecord(id="r2", seq=BioSeq("MKWL"), description="<unknown description>", annotations={}),
    ]
    made = as_sequences(records)
    assert made.alphabet is PROTEIN
    assert (made.texts(), list(made.ids)) == (["MKVL", "MKWL"], ["r1", "r2"])
    assert list(made.descriptions) == ["a protein", ""]
    assert as_sequences(records[1]).alphabet is PROTEIN  # guessed as of a FASTA file
    one = as_sequences(Protein("MKVL", id="p", description="found in soil"))
    assert (one.alphabet, list(one.ids), list(one.descriptions)) == (PROTEIN, ["p"], ["found in soil"])
    assert list(as_sequences([Protein("MKVL"), Protein("MK")]).ids) == ["1", "2"]
    assert not taken([Protein("MKVL")], "queries").named
    whole = as_sequences([SimpleNamespace(name="r1 of a file", sequence="ACGT")])
    assert (list(whole.ids), list(whole.descriptions), whole.alphabet) == (["r1"], ["of a file"], DNA)
    with pytest.raises(
        InputError, match="given: record 2: the value is an int, not a record like the first, a SeqRecord"
    ):
        as_sequences([records[0], 3])


def test_records_of_biopython() -> None:
    record = pytest.importorskip("Bio.SeqRecord", reason="BioPython is not installed")
    seq = pytest.importorskip("Bio.Seq").Seq
    made = as_sequences([record.SeqRecord(seq("ACGT"), id="a", description="a b"), record.SeqRecord(seq("AC"), id="c")])
    assert (made.texts(), list(made.ids), list(made.descriptions)) == (["ACGT", "AC"], ["a", "c"], ["b", ""])
    assert as_sequences([seq("ACGT")]).texts() == as_sequences(seq("ACGT")).texts() == ["ACGT"]


# -- sets ------------------------------------------------------------------------------------------------------------


def test_sets_come_one_by_one(tmp_path: Path) -> None:
    parts = [Sequences.from_texts(["ACGT"], DNA), Sequences.from_texts(["AC"], DNA)]
    taken_up = []

    def stream() -> object:
        for part in parts:
            taken_up.append(part)
            yield part

    sets, first = sets_of(stream(), "references")  # type: ignore[arg-type]
    assert taken_up == [first] == parts[:1]
    assert list(sets) == parts
    notes: list[str] = []
    sets, _ = sets_of(["ACGT", "AC"], "references", note=notes.append)
    assert [len(part) for part in sets] == [2]
    assert notes == ["the alphabet of references was guessed from their letters: dna"]
    with pytest.raises(ParameterError, match="references: set 2 is str, not Sequences like the first"):
        list(sets_of([parts[0], "ACGT"], "references")[0])
    (tmp_path / "a.txt").write_text("ACGT")
    with pytest.raises(ParameterError, match="references is one string, .* which is a file: read it first"):
        sets_of(str(tmp_path / "a.txt"), "references")
    with pytest.raises(EmptySequenceError):
        sets_of([""], "references")
