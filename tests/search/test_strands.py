from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.distances import Neighbours, Ranges
from seqsearch.errors import ParameterError
from seqsearch.search.strands import better_strand, complement_codes, reverse_complement, united
from seqsearch.sequences import DNA, PROTEIN, RNA, Sequences

# IUPAC-IUB 1984, table of complements.
COMPLEMENT = dict(zip("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN", strict=True))


def test_complements_are_those_of_the_nomenclature() -> None:
    for alphabet, swap in ((DNA, {}), (RNA, {"T": "U"})):
        codes = complement_codes(alphabet)
        spelled = {letter: alphabet.letters[codes[i]] for i, letter in enumerate(alphabet.letters)}
        wanted = {swap.get(a, a): swap.get(b, b) for a, b in COMPLEMENT.items()}
        assert spelled == wanted
        np.testing.assert_array_equal(codes[codes], np.arange(len(codes)))


@settings(deadline=None)
@given(st.lists(st.text("ACGTRYSWKMBDHVN", min_size=1, max_size=30), min_size=1, max_size=6), st.integers(0, 5))
def test_reverse_complement_against_a_plain_loop(texts: list[str], start: int) -> None:
    some = Sequences.from_texts(texts, DNA, [f"q{i}" for i in range(len(texts))])[min(start, len(texts) - 1) :]
    turned = reverse_complement(some)
    assert turned.texts() == ["".join(COMPLEMENT[letter] for letter in text[::-1]) for text in some.texts()]
    assert list(turned.ids) == list(some.ids)
    assert reverse_complement(turned).digest() == some.digest()


def test_what_has_no_other_strand() -> None:
    with pytest.raises(ParameterError, match="only dna and rna have two strands, the alphabet protein has one"):
        reverse_complement(Sequences.from_texts(["MKV"], PROTEIN))
    with pytest.raises(ParameterError, match="series have one"):
        reverse_complement(Sequences.from_arrays([np.zeros((3, 1))]))


found = st.dictionaries(st.integers(0, 9), st.integers(0, 5), max_size=8)


def answer(hits: dict[int, int], k: int) -> tuple[list[int], list[float]]:
    order = sorted((d, r) for r, d in hits.items())[:k]
    return [r for _, r in order] + [-1] * (k - len(order)), [float(d) for d, _ in order] + [np.inf] * (k - len(order))


@settings(deadline=None)
@given(st.lists(st.tuples(found, found), min_size=1, max_size=4), st.integers(1, 8))
def test_the_better_strand_wins_and_no_row_comes_twice(
    pairs: list[tuple[dict[int, int], dict[int, int]]], k: int
) -> None:
    plus, minus = ([answer(pair[side], k) for pair in pairs] for side in (0, 1))
    merged, strands = better_strand(
        *(Neighbours(np.array([rows for rows, _ in side]), np.array([d for _, d in side])) for side in (plus, minus))
    )
    offsets = [np.cumsum([0, *(len(pair[side]) for pair in pairs)]) for side in (0, 1)]
    ragged = [
        Ranges(
            offsets[side],
            np.array(
                [r for pair in pairs for r, _ in sorted(pair[side].items(), key=lambda h: (h[1], h[0]))], np.int64
            ),
            np.array([d for pair in pairs for d in sorted(pair[side].values())], float),
        )
        for side in (0, 1)
    ]
    both, ragged_strands = united(*ragged)
    for q, (a, b) in enumerate(pairs):
        whole = {r: (min(a.get(r, 99), b.get(r, 99)), a.get(r, 99) > b.get(r, 99)) for r in {**a, **b}}
        order = sorted((d, r, turned) for r, (d, turned) in whole.items())
        part = slice(both.offsets[q], both.offsets[q + 1])
        got = zip(both.distances[part], both.rows[part], ragged_strands[part], strict=True)
        assert [tuple(x) for x in got] == order
        there = merged.rows[q] >= 0
        got = zip(merged.distances[q][there], merged.rows[q][there], strands[q][there], strict=True)
        assert [tuple(x) for x in got] == order[:k]
        assert not strands[q][~there].any()
