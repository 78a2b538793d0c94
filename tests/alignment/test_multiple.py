"""Multiple alignments: nothing is lost, pairs are optimal, parts aligned anew make it better, rows are written."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch import MultipleAlignment, align_multiple, read
from seqsearch.alignment import agreement, scheme_for
from seqsearch.alignment.consistency import alone, library_of, support
from seqsearch.distances import EditDistance, distance_named
from seqsearch.errors import EmptyInputError, InputError, MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, Sequences
from seqsearch.trees import dendrogram, exact_distances
from tests.alignment.profile_oracle import sum_score
from tests.families import families


def bare(found: MultipleAlignment) -> list[str]:
    return [row.replace("-", "") for row in found.rows]


@given(st.lists(st.text("ACGTN", min_size=1, max_size=12), min_size=1, max_size=7), st.booleans(), st.integers(0, 2))
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost(texts: list[str], consistency: bool, refine: int) -> None:
    given_ = Sequences.from_texts(texts, DNA)
    found = align_multiple(given_, consistency=consistency, refine=refine)
    assert bare(found) == texts
    assert {len(row) for row in found.rows} == {found.columns}
    assert max(map(len, texts)) <= found.columns <= sum(map(len, set(texts)))
    assert all(any(row[column] != "-" for row in found.rows) for column in range(found.columns))
    assert found.score == pytest.approx(sum_score(found.codes.tolist(), found.scheme))


@pytest.mark.parametrize("alphabet", [DNA, PROTEIN])
def test_two_sequences_are_aligned_as_well_as_can_be(alphabet: object) -> None:
    name, opened, extended = ("dnafull", 20, 2) if alphabet is DNA else ("blosum62", 11, 1)
    exact = distance_named("alignment", matrix=name, mode="global", gap_open=opened, gap_extend=extended)
    pairs = families(6, 2, 50, edits=25, seed=3, alphabet=alphabet)  # type: ignore[arg-type]
    for start in range(0, 12, 2):
        expected = exact.scores(pairs, np.array([start]), pairs, np.array([start + 1]))[0]
        assert align_multiple(pairs[start : start + 2]).score == expected


@pytest.fixture(scope="module")
def family() -> Sequences:
    return families(1, 12, 120, edits=45, seed=8)


def test_refinement_never_makes_it_worse(family: Sequences) -> None:
    plain = align_multiple(family, consistency=False, refine=0)
    better = align_multiple(family, consistency=False)
    assert (plain.rounds, better.rounds > 0) == (0, True)
    assert better.score > plain.score
    assert bare(better) == bare(plain) == family.texts()


def test_three_are_as_good_as_any_alignment_of_three() -> None:
    """Beside the best alignment of three by looking at all of them, for words that are short."""
    scheme = scheme_for(DNA)
    rng = np.random.default_rng(4)
    reached = 0
    for _ in range(8):
        three = Sequences.from_texts(
            ["".join(rng.choice(list("ACGT"), int(rng.integers(2, 4)))) for _ in range(3)], DNA
        )
        found = align_multiple(three)
        best = best_of_three([list(sequence.data) for sequence in three], scheme)
        assert found.score <= best + 1e-9
        reached += found.score == pytest.approx(best)
    assert reached >= 7


def best_of_three(texts: list[list[int]], scheme: object) -> float:
    """By every path of columns, affine gaps counted on the whole."""

    def grown(left: list[int], made: list[list[int]]) -> float:
        if not any(left):
            return sum_score(made, scheme)  # type: ignore[arg-type]
        found = -np.inf
        for size in (3, 2, 1):
            for chosen in combinations(range(3), size):
                if all(left[row] for row in chosen):
                    after = [count - (row in chosen) for row, count in enumerate(left)]
                    column = [int(texts[row][-left[row]]) if row in chosen else -1 for row in range(3)]
                    found = max(found, grown(after, [[*row, code] for row, code in zip(made, column, strict=True)]))
        return float(found)

    return grown([len(text) for text in texts], [[], [], []])


def test_equal_ones_stand_together_and_count() -> None:
    found = align_multiple(["GATTACA", "GATTACA", "GATACA", "GATTACA"])
    assert found.tree is not None
    assert len(found.tree) == 2
    assert len({found.rows[0], found.rows[1], found.rows[3]}) == 1
    assert align_multiple(["ACGT", "ACGT"]).rows == ["ACGT", "ACGT"]
    assert align_multiple(["ACGT"]).tree is None


def test_a_tree_may_be_given(family: Sequences) -> None:
    tree = dendrogram(exact_distances(family, EditDistance()), family.ids, np.arange(12))
    own = align_multiple(family)
    assert align_multiple(family, tree=tree).rows == own.rows
    other = dendrogram(exact_distances(family, EditDistance()), family.ids, np.arange(12), "single")
    assert bare(align_multiple(family, tree=other)) == family.texts()
    with pytest.raises(MismatchError, match="a tree of 12 leaves is not one over each of the 5 sequences"):
        align_multiple(family[:5], tree=tree)


def test_support_goes_through_third_sequences() -> None:
    """Letter by letter, beside the definition."""
    texts = [np.array(row, np.int16) for row in ([0, 1, 2, 3], [0, 2, 3], [0, 1, 3])]
    between = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    library = library_of(texts, np.array([1.0, 2.0, 1.0]), between, scheme_for(DNA))
    got = support(library, alone(texts[0], 0, 4), alone(texts[2], 2, 4), (4, 3))
    expected = np.zeros((4, 3))
    for p in range(4):
        for z in range(3):
            middle = library.partners[0, z, p]
            q = library.partners[z, 2, middle] if middle >= 0 else -1
            if q >= 0:
                lesser = min(library.identities[0, z], library.identities[z, 2])
                expected[p, q] += 100 / 4 * library.weights[z] * lesser
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert expected.max() > 60


def test_rows_are_written_and_read_back(family: Sequences, tmp_path: Path) -> None:
    found = align_multiple(family)
    found.write(tmp_path / "rows.fasta")
    lines = (tmp_path / "rows.fasta").read_text().splitlines()
    assert lines[::2] == [f">{id}" for id in family.ids]
    assert lines[1::2] == found.rows
    assert read(tmp_path / "rows.fasta", degap=True).texts() == family.texts()
    with pytest.raises(InputError, match="record 1 \\('a b'\\): an id in FASTA needs a character and no white space"):
        align_multiple(Sequences.from_texts(["ACGT"], DNA, ["a b"])).write(tmp_path / "other.fasta")


def test_agreement_by_hand() -> None:
    reference = ["AC-GT", "ACAGT", "A--GT"]
    assert agreement(reference, reference) == (1.0, 1.0)
    shifted = ["ACG-T", "ACAGT", "A-G-T"]  # of 10 pairs G with G twice is lost, of 4 columns one
    assert agreement(shifted, [row.lower().replace("-", ".") for row in reference]) == (0.8, 0.75)
    with pytest.raises(MismatchError, match="row 2 holds other letters"):
        agreement(reference, ["AC-GT", "ACACT", "A--GT"])
    with pytest.raises(MismatchError, match="the rows of an alignment are of one length"):
        agreement(["AC", "A"], ["AC", "A-"])
    with pytest.raises(MismatchError, match="3 rows are not those of a reference of 2"):
        agreement(reference, reference[:2])


def test_what_cannot_be_aligned_is_refused() -> None:
    with pytest.raises(MismatchError, match="not of text"):
        align_multiple(["anna", "otto"])
    with pytest.raises(MismatchError, match="not of series"):
        align_multiple(np.zeros((2, 5)))
    with pytest.raises(EmptyInputError, match="there is no sequence"):
        align_multiple([])
    with pytest.raises(ParameterError, match="refine must be at least 0, not -1"):
        align_multiple(["ACGT"], refine=-1)
