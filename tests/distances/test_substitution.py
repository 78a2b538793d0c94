"""Alignment under substitution matrices: parasail's scores, paths that add up to them, and their statistics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from seqsearch.distances import AlignmentDistance
from seqsearch.distances import scoring_kernels as kernels
from seqsearch.distances.matrices import MATRICES, matrix_named
from seqsearch.distances.substitution import MODES as NUMBERS
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, RNA, TEXT, Sequences

MODES = {"global": "nw_striped_32", "semi-global": "sg_striped_32", "local": "sw_striped_32"}
# Shares of "ALGSVEKTDPNRFQIYHCMW" in proteins, a thousandth each: Robinson and Robinson (1991).
_SHARES = """
78.05 90.19 73.77 71.20 64.41 62.95 57.44 58.41 53.64 52.03 44.87 51.29 38.56 42.64 51.42 32.16 21.99 19.25 22.43 13.30
"""
FREQUENCIES = dict(zip("ALGSVEKTDPNRFQIYHCMW", map(float, _SHARES.split()), strict=True))
UNGAPPED = {"blosum45": 0.2291, "blosum50": 0.2318, "blosum62": 0.3176, "blosum90": 0.3346}
UNGAPPED |= {"pam30": 0.3400, "pam70": 0.3345, "pam250": 0.2252}


def relatives(letters: str, n: int, longest: int, seed: int) -> list[str]:
    """Sequences of 1..longest letters, each second one a part of one before with changes."""
    rng = np.random.default_rng(seed)
    made: list[str] = []
    for row in range(n):
        text = "".join(rng.choice(list(letters), int(rng.integers(1, longest + 1))))
        if row % 2:
            old = made[int(rng.integers(row))]
            start = int(rng.integers(0, len(old)))
            text = text[: int(rng.integers(0, 6))] + old[start:] + old[:2]
        made.append(text)
    return made


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("matrix", "alphabet", "letters", "gaps"),
    [
        ("blosum62", PROTEIN, "ARNDCQEGHILKMFPSTWYVBZX*", (11, 1)),
        ("pam70", PROTEIN, "ARNDCQEGHILKMFPSTWYV", (7, 2)),
        ("dnafull", DNA, "ACGTNRY", (10, 1)),
    ],
)
def test_scores_equal_those_of_parasail_on_ten_thousand_pairs(mode, matrix, alphabet, letters, gaps):
    parasail = pytest.importorskip("parasail", reason="parasail is the peer that scores are compared with")
    texts = relatives(letters, 400, 60, seed=len(matrix))
    some = Sequences.from_texts(texts, alphabet)
    i, j = np.random.default_rng(1).integers(0, len(texts), (2, 10_000))
    distance = AlignmentDistance(matrix=matrix, mode=mode, gap_open=gaps[0], gap_extend=gaps[1])
    score, table = getattr(parasail, MODES[mode]), parasail.Matrix(matrix)
    expected = [score(texts[p], texts[q], sum(gaps), gaps[1], table).score for p, q in zip(i, j, strict=True)]
    np.testing.assert_array_equal(distance.scores(some, i, some, j), expected)


@pytest.mark.parametrize("mode", MODES)
def test_scores_that_do_not_fit_a_lane_are_as_right(mode):
    """44,000 and more: above what 16 bits hold; and long gaps from end to end."""
    texts = ["W" * 4000, "W" * 3999 + "A", "A" + "W" * 3000, "P" * 3000, "AW", "W" * 900, "W" * 1000]
    some = Sequences.from_texts(texts, PROTEIN)
    distance = AlignmentDistance(mode=mode, gap_open=20, gap_extend=9)
    i, j = np.divmod(np.arange(49), 7)
    found = distance.scores(some, i, some, j)
    table = distance.matrix_of_scores.by_code(PROTEIN)
    scheme = kernels.Scheme(table, 29, 9, NUMBERS[distance.mode])
    expected = [
        kernels.score_of(scheme, some[p].data, some[q].data) for p, q in zip(i.tolist(), j.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(found, expected)
    assert found[0] == 44_000


@pytest.mark.parametrize("mode", MODES)
def test_one_query_and_many_targets_are_as_pair_by_pair(mode):
    some = Sequences.from_texts(relatives("ARNDCQEGHILKMFPSTWYVX*UOJ", 90, 70, 8), PROTEIN)
    distance = AlignmentDistance(mode=mode)
    scheme = kernels.Scheme(distance.matrix_of_scores.by_code(PROTEIN), 12, 1, NUMBERS[distance.mode])
    i, j = np.divmod(np.random.default_rng(3).permutation(9 * 90), 90)
    expected = [
        kernels.score_of(scheme, some[p].data, some[q].data) for p, q in zip(i.tolist(), j.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(distance.scores(some, i, some, j), expected)


@pytest.mark.parametrize("mode", MODES)
def test_a_path_is_worth_its_score(mode):
    some = Sequences.from_texts(relatives("ARNDCQEGHILKMFPSTWYV", 60, 40, 3), PROTEIN)
    distance = AlignmentDistance(mode=mode, gap_open=4, gap_extend=1)
    table = distance.matrix_of_scores.by_code(PROTEIN)
    for p, q in itertools.product(range(20), range(20, 40)):
        query, target = some[p], some[q]
        path = distance.align(query, target)
        assert path.score == distance.scores(some, np.array([p]), some, np.array([q])).item()
        (i, j), worth, equal = path.before, 0, 0
        for letter, length in path.runs:
            if letter in "ID":
                worth -= 4 + length
            else:
                pairs = list(zip(query.data[i : i + length], target.data[j : j + length], strict=True))
                worth += sum(int(table[x, y]) for x, y in pairs)
                assert all((x == y) == (letter == "=") for x, y in pairs)
                equal += sum(x == y for x, y in pairs)
            i, j = i + length * (letter != "D"), j + length * (letter != "I")
        assert (worth, i, j) == (path.score, path.query_span[1], path.target_span[1])
        assert path.identity == equal / max(path.columns, 1)
        if mode == "global":
            assert (path.before, i, j) == ((0, 0), len(query), len(target))


def test_a_path_by_hand():
    some = Sequences.from_texts(["MKWWVLC", "AAMKWWLCAA"], PROTEIN)
    path = AlignmentDistance(gap_open=2, gap_extend=1).align(some[0], some[1])
    assert (path.cigar, path.columns, path.identity) == ("4=1I2=", 7, 6 / 7)
    assert (path.query_span, path.target_span) == ((1, 7), (3, 8))
    assert path.score == 5 + 5 + 11 + 11 + 4 + 9 - 3
    nothing = AlignmentDistance().align(*Sequences.from_texts(["W", "P"], PROTEIN))
    assert (nothing.score, nothing.cigar, nothing.identity) == (0, "", 0.0)


@pytest.mark.parametrize("name", UNGAPPED)
def test_a_matrix_is_the_one_that_the_statistics_were_published_for(name):
    """Its ungapped lambda, sum p p exp(lambda s) = 1 (Karlin and Altschul 1990), is the one that NCBI tabulates."""
    matrix = matrix_named(name)
    rows = [matrix.letters.index(letter) for letter in FREQUENCIES]
    shares = np.array(list(FREQUENCIES.values()))
    shares /= shares.sum()
    scores = matrix.scores[np.ix_(rows, rows)]
    low, high = 0.01, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if shares @ np.exp(middle * scores) @ shares > 1 else (middle, high)
    assert low == pytest.approx(UNGAPPED[name], rel=0.01)
    assert all(steepness < UNGAPPED[name] for steepness, _ in matrix.statistics.values())
    assert matrix.gaps in matrix.statistics


def test_bit_scores_and_e_values_are_those_of_blast():
    """BLOSUM62, 11 and 1: a score of 100 has 43.1 bits, as every report of blastp shows."""
    distance = AlignmentDistance()
    assert distance.statistics == (0.267, 0.041)
    assert distance.bit_scores([100]).item() == pytest.approx(43.1, abs=0.05)
    expected = 250 * 1e6 * 2.0 ** -distance.bit_scores([100]).item()
    assert distance.e_values([100], [250], 10**6).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    "distance",
    [
        AlignmentDistance(gap_open=5),
        AlignmentDistance(mode="global"),
        AlignmentDistance(mode="semi-global"),
        AlignmentDistance(matrix="dnafull"),
    ],
    ids=repr,
)
def test_no_statistics_where_none_were_published(distance):
    assert distance.statistics is None
    assert distance.bit_scores([1]) is None
    assert distance.e_values([1], [1], 1) is None


def test_neighbours_by_the_query_are_in_the_order_of_their_scores():
    some = Sequences.from_texts(relatives("ARNDCQEGHILKMFPSTWYV", 80, 50, 5), PROTEIN)
    distance = AlignmentDistance(normalise="query")
    found = distance.exact(some[:5], some, 10)
    for q, rows in enumerate(found.rows):
        scores = distance.scores(some, np.full(80, q), some, np.arange(80))
        assert scores[rows].tolist() == sorted(scores.tolist(), reverse=True)[:10]
        assert found.distances[q, 0] == 0


def test_letters_that_no_matrix_has():
    table = matrix_named("BLOSUM62").by_code(PROTEIN)
    at = PROTEIN.letters.index
    assert table[at("U")].tolist() == table[at("C")].tolist()
    assert table[at("O")].tolist() == table[at("K")].tolist()
    assert (table[at("J"), at("I")], table[at("J"), at("V")]) == (3, 2)
    np.testing.assert_array_equal(matrix_named("dnafull").by_code(RNA), matrix_named("dnafull").by_code(DNA))
    for name in MATRICES:
        matrix = matrix_named(name)
        np.testing.assert_array_equal(matrix.scores, matrix.scores.T)


def test_errors_name_what_is_wrong():
    with pytest.raises(ParameterError, match="no substitution matrix 'blosum7': choose one of blosum45, blosum50"):
        AlignmentDistance(matrix="blosum7")
    with pytest.raises(ParameterError, match="mode must be one of global, semi-global, local, not 'free'"):
        AlignmentDistance(mode="free")
    with pytest.raises(ParameterError, match="normalise must be one of mean, query, shorter, longer, not 'max'"):
        AlignmentDistance(normalise="max")
    with pytest.raises(ParameterError, match="gap_extend must be a whole number from 0 to 1000, not 0.5"):
        AlignmentDistance(gap_extend=0.5)
    genes, words = Sequences.from_texts(["ACGT"], DNA), Sequences.from_texts(["word"], TEXT)
    with pytest.raises(MismatchError, match="the matrix blosum62 scores protein, not dna"):
        AlignmentDistance().matrix(genes, genes)
    with pytest.raises(MismatchError, match="the matrix dnafull scores dna and rna, not text"):
        AlignmentDistance(matrix="dnafull").searcher(words)
