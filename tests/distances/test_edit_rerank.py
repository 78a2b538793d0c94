from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import threads
from seqsearch.distances import Distance, EditDistance
from seqsearch.sequences import DNA, TEXT, Alphabet, Sequences

EDIT = EditDistance()


def changed(text: str, edits: int, letters: list[str], rng: np.random.Generator) -> str:
    """The text after so many random edits."""
    for _ in range(edits):
        at = int(rng.integers(len(text)))
        kind = rng.integers(3)
        text = text[:at] + ("" if kind == 0 else str(rng.choice(letters))) + text[at + (kind < 2) :]
        text = text or letters[0]
    return text


def families(seed: int, length: int, letters: str, alphabet: Alphabet, most: int) -> tuple[Sequences, Sequences]:
    """(queries, targets): relatives, near and far, of three sequences of about one length."""
    rng = np.random.default_rng(seed)
    symbols = list(letters)
    roots = ["".join(rng.choice(symbols, max(1, int(length * rng.uniform(0.5, 1.5))))) for _ in range(3)]
    texts = [changed(roots[rng.integers(3)], int(rng.integers(0, most + 1)), symbols, rng) for _ in range(160)]
    return Sequences.from_texts(texts[:3], alphabet), Sequences.from_texts(texts[3:], alphabet)


def agrees(queries: Sequences, targets: Sequences, candidates: np.ndarray, k: int, stop: np.ndarray | None) -> None:
    """Rows and distances are those of the plain way, over all pairs one by one."""
    found = EDIT.rerank(queries, targets, candidates, k, stop=stop)
    expected = Distance.rerank(EDIT, queries, targets, candidates, k, stop=stop)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.distances, expected.distances)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3, 12, 15, 16, 17, 31, 33, 64, 150, 300]),
    st.sampled_from([0.05, 0.3, 1.0, 3.0]),
    st.sampled_from([1, 3, 10, 90]),
    st.booleans(),
    st.booleans(),
)
def test_answers_are_those_of_all_pairs(seed: int, length: int, share: float, k: int, text: bool, stops: bool) -> None:
    letters, alphabet = ("abcdefghijklmnopq äöü漢字𐍈", TEXT) if text else ("ACGTN", DNA)
    queries, targets = families(seed, length, letters, alphabet, int(share * length) + 1)
    rng = np.random.default_rng(seed)
    candidates = np.array([rng.permutation(len(targets))[: rng.integers(1, 157)] for _ in range(1)])
    candidates = np.tile(candidates, (len(queries), 1))
    candidates[rng.random(candidates.shape) < 0.1] = -1
    stop = np.sort(rng.uniform(0, 2 * share * length + 2, candidates.shape), axis=1) if stops else None
    agrees(queries, targets, candidates, k, stop)


@pytest.mark.parametrize("distinct", [40, 127, 128, 129, 300])
def test_any_number_of_different_symbols(distinct: int) -> None:
    letters = "".join(chr(0x4E00 + 37 * i) for i in range(distinct))
    rng = np.random.default_rng(1)
    query = "".join(rng.permutation(list(letters)))
    texts = [changed(query, int(n), list(letters), rng) for n in rng.integers(0, 90, 100)]
    queries, targets = Sequences.from_texts([query, query[::-1]], TEXT), Sequences.from_texts(texts, TEXT)
    agrees(queries, targets, np.tile(rng.permutation(100), (2, 1)), 10, None)


def test_sequences_with_nothing_in_common_and_of_very_different_lengths() -> None:
    rng = np.random.default_rng(2)
    lengths = [1, 2, 10, 70, 500, 1200, 3000]
    targets = Sequences.from_texts([c * n for c in "CGT" for n in lengths], DNA)
    queries = Sequences.from_texts(["A" * 900, "A", "ACGT" * 300], DNA)
    agrees(queries, targets, np.array([rng.permutation(21) for _ in range(3)]), 5, None)


def test_scores_beyond_sixteen_bits() -> None:
    """A band of 16-bit words counts no further than 65,535: long sequences take wider ones."""
    rng = np.random.default_rng(3)
    base = "".join(rng.choice(list("ACGT"), 70_000))
    other = "".join(rng.choice(list("ACGT"), 70_000))
    texts = [base[:100] + base[101:], base, other, base[5:]]
    targets, queries = Sequences.from_texts(texts, DNA), Sequences.from_texts([base], DNA)
    found = EDIT.rerank(queries, targets, np.array([[0, 1, 2, 3]]), 2)
    assert found.rows.tolist() == [[1, 0]]
    assert found.distances.tolist() == [[0, 1]]


def test_answers_do_not_depend_on_batches_or_threads() -> None:
    queries, targets = families(4, 60, "ACGT", DNA, 40)
    many = Sequences.concatenate([targets, queries])
    candidates = np.array([np.random.default_rng(i).permutation(len(targets))[:90] for i in range(len(many))])
    whole = EDIT.rerank(many, targets, candidates, 7)
    with threads.using(1):
        np.testing.assert_array_equal(EDIT.rerank(many, targets, candidates, 7).rows, whole.rows)
    for q in (0, 50, 159):
        alone = EDIT.rerank(many[q : q + 1], targets, candidates[q : q + 1], 7)
        np.testing.assert_array_equal(alone.distances[0], whole.distances[q])
        np.testing.assert_array_equal(alone.rows[0], whole.rows[q])
    assert len(EDIT.rerank(many[:0], targets, candidates[:0], 7)) == 0
    gathered = targets[candidates.ravel()]
    places = np.arange(candidates.size).reshape(candidates.shape)
    np.testing.assert_array_equal(EDIT.rerank(many, gathered, places, 7).distances, whole.distances)
