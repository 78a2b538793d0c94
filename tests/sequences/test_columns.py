"""`Strings` and `Sequences` against plain Python lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsearch.errors import EmptySequenceError, InputError, MismatchError, ParameterError, SeriesError, SymbolError
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, TEXT, Sequences, Strings, offsets_of, ranges_to_indices

texts = st.lists(st.text(alphabet="ACGTN", min_size=1, max_size=12), min_size=1, max_size=12)


@st.composite
def sets_and_rows(draw):
    letters = draw(texts)
    rows = draw(st.lists(st.integers(-len(letters), len(letters) - 1), max_size=20))
    return letters, rows


def made(letters):
    ids = [f"id{row}é" for row in range(len(letters))]
    labels = [f"l{row % 3}" for row in range(len(letters))]
    return Sequences.from_texts(letters, DNA, ids, labels)


def as_list(sequences):
    return list(zip(sequences.texts(), sequences.ids, sequences.labels, sequences.lengths.tolist(), strict=True))


@given(st.lists(st.text()), st.data())
def test_strings_are_a_list(values, data):
    column = Strings.of(values)
    assert list(column) == values
    assert len(column) == len(values)
    assert [column[i] for i in range(len(values))] == values
    if values:
        rows = data.draw(st.lists(st.integers(0, len(values) - 1)))
        taken = column.take(np.array(rows, np.int64))
        assert list(taken) == [values[row] for row in rows]
        assert list(Strings.concatenate([column, taken])) == values + [values[row] for row in rows]
        assert column[-1] == values[-1]


def test_strings_beyond_the_end_are_an_index_error():
    for row in (2, -3):
        with pytest.raises(IndexError):
            Strings.of(["a", "b"])[row]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6))))
def test_ranges_to_indices_is_every_range_after_the_other(ranges):
    starts, lengths = (np.array([r[i] for r in ranges], np.int64) for i in (0, 1))
    expected = [position for start, length in ranges for position in range(start, start + length)]
    assert ranges_to_indices(starts, lengths).tolist() == expected
    assert offsets_of(lengths).tolist() == [sum(lengths[:i]) for i in range(len(ranges) + 1)]


@given(sets_and_rows())
def test_taking_equals_a_list(drawn):
    letters, rows = drawn
    whole = made(letters)
    plain = as_list(whole)
    assert [entry[0] for entry in plain] == letters
    assert as_list(whole[rows]) == [plain[row] for row in rows]
    assert as_list(whole[np.array(rows, np.int64)]) == [plain[row] for row in rows]
    mask = np.array([row in rows for row in range(len(whole))])
    assert as_list(whole[mask]) == [entry for entry, wanted in zip(plain, mask, strict=True) if wanted]


@given(texts, st.integers(-15, 15) | st.none(), st.integers(-15, 15) | st.none(), st.sampled_from([None, 1, 2, -1]))
def test_slicing_equals_a_list(letters, start, stop, step):
    whole = made(letters)
    part = whole[start:stop:step]
    assert as_list(part) == as_list(whole)[start:stop:step]
    # a slice of a slice, and what is made from one, see their own part of the shared buffer only
    assert as_list(part[1:]) == as_list(part)[1:]
    if len(part):
        assert as_list(Sequences.concatenate([part, part])) == as_list(part) * 2
        assert part.digest() == made_like(part).digest()


def made_like(sequences):
    return Sequences.from_texts(sequences.texts(), DNA, list(sequences.ids), list(sequences.labels))


@given(texts, texts)
def test_concatenating_equals_a_list(first, second):
    a, b = made(first), made(second)
    assert as_list(Sequences.concatenate([a, b])) == as_list(a) + as_list(b)


@given(texts)
def test_iterating_gives_the_records(letters):
    whole = made(letters)
    assert [(r.text, r.id, r.label, len(r)) for r in whole] == as_list(whole)
    assert [whole[i].text for i in range(-len(whole), len(whole))] == letters * 2
    with pytest.raises(IndexError):
        whole[len(whole)]


@given(texts, texts)
def test_equal_sets_and_no_others_have_equal_digests(first, second):
    assert made(first).digest() == made(first).digest()
    assert (made(first).digest() == made(second).digest()) == (first == second)


def test_series_keep_their_shape():
    rows = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    series = Sequences.from_arrays(rows)
    assert (series.kind, series.features, series.data.dtype) == ("series", 2, np.float32)
    assert [record.data.tolist() for record in series] == [row.tolist() for row in rows]
    assert Sequences.from_arrays([[1, 2], [3]]).features == 1
    with pytest.raises(MismatchError, match="record 1 is a series and has no text"):
        _ = series[0].text


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Sequences.from_texts(["A", ""], DNA), EmptySequenceError, "record 2 (2): the sequence is empty"),
        (
            lambda: Sequences.from_texts(["A", "A!"], DNA, ["x", "y"]),
            SymbolError,
            "record 2 (y): symbol '!' at position 2 is not in the dna alphabet",
        ),
        (
            lambda: Sequences.from_arrays([[1.0], [2.0, np.nan]]),
            SeriesError,
            "record 2 (2): value nan at step 2 is not a finite float32 number",
        ),
        (
            lambda: Sequences.from_arrays([[1e300]]),
            SeriesError,
            "record 1 (1): value 1e+300 at step 1 is not a finite float32 number",
        ),
        (
            lambda: Sequences.from_arrays([np.ones((2, 3)), np.ones((2, 4))]),
            SeriesError,
            'record 2 (2): the series has shape (2, 4), the first one (2, 3): if channels come first, say layout "nct"',
        ),
        (
            lambda: Sequences.from_arrays([[1, 2], [3, -6]], INTEGERS, ["x", "y"]),
            SymbolError,
            "record 2 (y): token -6 at position 2 is not a whole number in 0..4294967295",
        ),
        (
            lambda: Sequences.from_arrays([np.array([2**40])], "integers"),
            SymbolError,
            "record 1 (1): token 1099511627776 at position 1 is not a whole number in 0..4294967295",
        ),
        (
            lambda: Sequences.from_arrays([[5.7]], INTEGERS),
            SymbolError,
            "record 1 (1): token 5.7 at position 1 is not a whole number in 0..4294967295",
        ),
        (
            lambda: Sequences.from_arrays([[1.0, np.nan]], INTEGERS),
            SymbolError,
            "record 1 (1): token nan at position 2 is not a whole number in 0..4294967295",
        ),
        (
            lambda: Sequences.from_arrays([np.array([0, 15], np.uint8)], DNA),
            SymbolError,
            "record 1 (1): token 15 at position 2 is not a whole number in 0..14",
        ),
        (
            lambda: Sequences.from_arrays([np.array([0x110000], np.uint32)], TEXT),
            SymbolError,
            "record 1 (1): token 1114112 at position 1 is not a whole number in 0..1114111",
        ),
        (
            lambda: Sequences.from_arrays([[[1, 2]]], INTEGERS),
            SymbolError,
            "record 1 (1): tokens are (T,) whole numbers, not int64(1, 2)",
        ),
        (
            lambda: Sequences.from_arrays([["a", "b"]]),
            SeriesError,
            "record 1 (1): a series is (T,) or (T, F) real numbers, not <U1(2,)",
        ),
        (
            lambda: Sequences.from_texts("ACGT", DNA),
            ParameterError,
            "'ACGT' is one text, not several: put it in a list, [text]",
        ),
        (
            lambda: Sequences.from_texts(["A", 7], DNA, ["x", "y"]),
            InputError,
            "record 2 (y): a text is a string, not int",
        ),
        (
            lambda: Sequences.from_texts(["A"], "klingon"),
            ParameterError,
            "no alphabet 'klingon': choose one of dna, rna, protein, text, integers",
        ),
        (
            lambda: Sequences.concatenate([made(["A"]), Sequences.from_texts(["A"], PROTEIN)]),
            MismatchError,
            "alphabet protein does not fit alphabet dna",
        ),
        (
            lambda: Sequences.concatenate([made(["A"]), Sequences.from_arrays([[1.0]])]),
            MismatchError,
            "tokens cannot be compared with series",
        ),
        (lambda: Sequences.from_texts(["A"], TEXT, ["x", "y"]), MismatchError, "2 ids for 1 sequences"),
    ],
)
def test_what_cannot_be_a_set_is_named(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == message


def test_whole_numbers_of_any_type_are_tokens():
    for row in ([5, 2**32 - 1], [5.0, 4294967295.0], np.array([5, 2**32 - 1], np.uint64)):
        assert Sequences.from_arrays([row, [1]], "integers")[0].data.tolist() == [5, 4294967295]
    assert Sequences.from_texts(["ACGT"], "dna").alphabet is DNA


def test_axes_that_may_be_meant_otherwise_are_asked_for():
    x = np.arange(2 * 3 * 10.0).reshape(2, 3, 10)
    for wrong in (x, list(x), x[:1], x[:, :1], x[:1, :1]):
        with pytest.raises(SeriesError, match='or . channels of 10 steps: say layout "ntf" for the first, "nct" for'):
            Sequences.from_arrays(wrong)
    channels_first = Sequences.from_arrays(x, layout="nct")
    assert channels_first.features == 3
    assert channels_first[1].data.tolist() == x[1].T.tolist()
    assert Sequences.from_arrays(x, layout="ntf").features == 10
    assert Sequences.from_arrays(np.swapaxes(x, 1, 2)).digest() == channels_first.digest()
    assert Sequences.from_arrays([x[0], x[1, :, :7]], layout="nct").lengths.tolist() == [10, 7]
    assert Sequences.from_arrays([x[0]]).features == 10  # one series by itself is (T, F)
    with pytest.raises(ParameterError, match="no layout 'tcn': choose one of ntf, nct"):
        Sequences.from_arrays(x, layout="tcn")
