"""Packed sets beside plain ones: whatever is asked, the answer is the same."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import MismatchError
from seqsearch.sequences import DNA, INTEGERS, PROTEIN, RNA, TEXT, Sequences, Strings, offsets_of, packing
from seqsearch.sequences.ids import numbered
from seqsearch.sequences.packed import PackedLetters, PackedSequences, Part, PartedStrings, Texts, is_packable

KINDS = {"dna": DNA, "rna": RNA, "protein": PROTEIN, "text": TEXT, "integers": INTEGERS, "series": None}


def drawn(rng: np.random.Generator, kind: str, lengths: np.ndarray, rare: float = 0.1, features: int = 2) -> Sequences:
    """A set of a kind, IUPAC codes with probability `rare`."""
    alphabet, total = KINDS[kind], int(lengths.sum())
    if alphabet is None:
        data = rng.normal(size=(total, features)).astype(np.float32)
    elif alphabet.is_open:
        data = rng.integers(1, 0xD000, total).astype(np.uint32)
    else:
        common = rng.integers(0, len(alphabet.canonical), total)
        data = np.where(rng.random(total) < rare, rng.integers(0, len(alphabet.letters), total), common)
        data = data.astype(np.uint8)
    columns = [Strings.of(f"{what} {'ä' * (i % 3)}{i}" for i in range(len(lengths))) for what in ("id", "text", "l")]
    return Sequences(data, offsets_of(lengths), columns[0], alphabet, columns[1], columns[2])


def packed_part(sequences: Sequences) -> Part:
    """A part as a file holds it."""
    if not is_packable(sequences.alphabet):
        return Part.of(sequences)
    start = sequences.offsets[0]
    letters = PackedLetters.of(
        packing.pack(sequences.data, sequences.offsets)[0],
        sequences.offsets - start,
        *packing.pack(sequences.data, sequences.offsets)[1:],
    )
    return Part(letters, Texts(sequences.ids, sequences.descriptions, sequences.labels))


def same(one: Sequences, other: Sequences) -> bool:
    """Equal in every column, type and boundary."""
    return (
        one.digest() == other.digest()
        and one.data.dtype == other.data.dtype
        and one.data.shape == other.data.shape
        and one.descriptions == other.descriptions
        and one.labels == other.labels
        and one.ids == other.ids
    )


@st.composite
def sets(draw: st.DrawFn) -> tuple[Sequences, PackedSequences]:
    """A plain set, and the same in up to four parts, some of them empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lengths = np.array(draw(st.lists(st.integers(0, 40) | st.integers(1000, 1100), min_size=1, max_size=80)), np.int64)
    plain = drawn(rng, draw(st.sampled_from(list(KINDS))), lengths, draw(st.sampled_from([0.0, 0.01, 0.9])))
    cuts = sorted(draw(st.lists(st.integers(0, len(plain)), max_size=3)))
    bounds = [0, *cuts, len(plain)]
    made = [plain[a:b] for a, b in itertools.pairwise(bounds)]
    packed = [packed_part(part) if draw(st.booleans()) else Part.of(part) for part in made]
    return plain, PackedSequences(packed, plain.alphabet)


@settings(deadline=None)
@given(sets(), st.data())
def test_rows_and_slices_are_those_of_the_plain_set(
    both: tuple[Sequences, PackedSequences], data: st.DataObject
) -> None:
    plain, packed = both
    assert len(packed) == len(plain)
    assert same(packed, plain)
    assert same(packed[:], plain)
    assert same(packed.in_memory(), plain)
    assert same(packed.as_they_lie(), plain)
    assert packed.steps == plain.steps
    rows = np.array(data.draw(st.lists(st.integers(-len(plain), len(plain) - 1), max_size=50)), np.int64)
    assert same(packed[rows], plain[rows])
    assert same(packed[rows.tolist()], plain[rows])
    positive = rows % len(plain)
    np.testing.assert_array_equal(packed.lengths_of(positive), plain.lengths_of(positive))
    assert packed.ids.take(positive) == plain.ids.take(positive)
    mask = np.isin(np.arange(len(plain)), positive)
    assert same(packed[mask], plain[mask])
    start, stop = (data.draw(st.integers(-5, len(plain) + 5)) for _ in range(2))
    step = data.draw(st.sampled_from([None, 1, 2, -1]))
    assert same(packed[start:stop:step], plain[start:stop:step])
    first = data.draw(st.integers(0, len(plain)))
    assert same(packed.first(first), plain[:first])


@settings(deadline=None)
@given(sets())
def test_one_by_one(both: tuple[Sequences, PackedSequences]) -> None:
    plain, packed = both
    for one, other in zip(packed, plain, strict=True):
        assert (one.id, one.description, one.label) == (other.id, other.description, other.label)
        np.testing.assert_array_equal(one.data, other.data)
    last = packed[-1]
    np.testing.assert_array_equal(last.data, plain[-1].data)
    assert list(packed.ids) == list(plain.ids)
    assert [packed.labels[row] for row in range(len(plain))] == list(plain.labels)
    assert packed.lengths.tolist() == plain.lengths.tolist()
    assert (packed.kind, packed.features) == (plain.kind, plain.features)
    assert repr(packed) == repr(plain)


@settings(deadline=None)
@given(sets())
def test_what_is_pickled_is_plain(both: tuple[Sequences, PackedSequences]) -> None:
    plain, packed = both
    back = pickle.loads(pickle.dumps(packed))
    assert type(back) is Sequences
    assert same(back, plain)
    assert pickle.loads(pickle.dumps(packed.ids)) == plain.ids
    assert same(Sequences.concatenate([packed, plain]), Sequences.concatenate([plain, plain]))


@pytest.mark.parametrize("kind", list(KINDS))
def test_many_rows_are_put_by_several_threads(kind: str) -> None:
    rng = np.random.default_rng(5)
    plain = drawn(rng, kind, rng.integers(1, 900, 4000))
    packed = PackedSequences([packed_part(plain[:1500]), packed_part(plain[1500:])], plain.alphabet)
    rows = rng.integers(0, len(plain), 6000)
    assert same(packed[rows], plain[rows])


def test_rows_that_are_not_there() -> None:
    plain = drawn(np.random.default_rng(0), "dna", np.full(10, 7))
    packed = PackedSequences([packed_part(plain[:4]), packed_part(plain[4:])], DNA)
    for wrong in ([10], [-11], [0.5], np.ones(9, np.bool_)):
        with pytest.raises(IndexError):
            packed[wrong]
    for row in (10, -11):
        with pytest.raises(IndexError):
            packed[row]
        with pytest.raises(IndexError):
            packed.ids[row]
    with pytest.raises(IndexError, match="rows 3 to 10 of 10"):
        packed.ids.take(np.array([3, 10]))


def test_series_of_other_features_are_no_part() -> None:
    rng = np.random.default_rng(0)
    parts = [Part.of(drawn(rng, "series", np.full(3, 4), features=n)) for n in (1, 2)]
    with pytest.raises(MismatchError, match="parts whose steps have shapes"):
        PackedSequences(parts, None)


def test_packing_piece_by_piece_is_packing_at_once() -> None:
    rng = np.random.default_rng(1)
    plain = drawn(rng, "dna", rng.integers(0, 30, 500))
    whole, places, symbols = packing.pack(plain.data, plain.offsets)
    assert len(whole) == packing.packed_bytes(len(plain.data), len(plain))
    out = np.zeros_like(whole)
    listed = []
    for start in range(0, 500, 77):
        part = plain[start : start + 77]
        letters = int(plain.offsets[start])
        piece, *exceptions = packing.pack(part.data, part.offsets, letters, start)
        at = (letters + 3 * start) // 4
        out[at : at + len(piece)] |= piece
        listed.append(exceptions)
    np.testing.assert_array_equal(out, whole)
    np.testing.assert_array_equal(np.concatenate([one for one, _ in listed]), places)
    np.testing.assert_array_equal(np.concatenate([one for _, one in listed]), symbols)


def test_a_column_in_parts_is_a_column() -> None:
    texts = [f"{i}ß" * (i % 4) for i in range(20)]
    column = PartedStrings([Strings.of(texts[:7]), Strings.of([]), Strings.of(texts[7:])])
    assert column == Strings.of(texts)
    assert len(column.parts) == 3
    assert column.take(np.array([19, 0, -1, 19])) == Strings.of([texts[19], texts[0], texts[19], texts[19]])
    assert Strings.of(texts).parts[0] == column


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=40))
def test_distinct_strings_are_numbered_in_their_order(texts: list[str]) -> None:
    for column in (Strings.of(texts), PartedStrings([Strings.of(texts[:3]), Strings.of(texts[3:])])):
        names, numbers = numbered(column)
        assert names == sorted(set(texts))
        assert [names[number] for number in numbers.tolist()] == texts
