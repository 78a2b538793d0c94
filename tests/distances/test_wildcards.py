"""Letters that stand for several: every way to compare against plain tables, bounds and groups included."""

from __future__ import annotations

import numpy as np
import pytest
from distance_oracles import nearest_oracle

from seqsearch.distances import Distance, EditDistance, InfixDistance, OverlapDistance, distance_named
from seqsearch.errors import MismatchError, ParameterError
from seqsearch.sequences import DNA, PROTEIN, RNA, TEXT, Sequences

KINDS = [EditDistance, InfixDistance, OverlapDistance]


def same(alphabet):
    """Whether two codes have a letter in common, by the alphabet's own table; "*" is a letter of its own."""
    sets = [{letter} for letter in alphabet.canonical]
    for code, members in alphabet.mixtures.items():
        sets.append({"*"} if code == "*" else set(alphabet.canonical) if code in "NX" else set(members))
    return [[bool(one & other) for other in sets] for one in sets]


def oracle(name, x, y, meets):
    """The distance by the whole table."""
    free = name != "edit"
    gain, start = (1, 0) if name == "overlap" else (0, 1)
    before = [0 if free else -j for j in range(len(y) + 1)]
    last_column = [before[-1]]
    for i, a in enumerate(x, start=1):
        line = [-i * start]
        for j, b in enumerate(y, start=1):
            line.append(max(before[j] - 1, line[-1] - 1, before[j - 1] + (gain if meets[a][b] else -1)))
        before = line
        last_column.append(line[-1])
    if name == "edit":
        return -before[-1]
    if name == "infix":
        return -max(before)
    return min(len(x), len(y)) - max(0, *before, *last_column)


def with_codes(alphabet, n, longest, rng, share=0.1):
    """Sequences from a few ancestors, with edits and ambiguous codes, some of them in runs."""
    letters, codes = len(alphabet.canonical), len(alphabet.letters)
    roots = [rng.integers(0, letters, longest) for _ in range(3)]
    rows = []
    for _ in range(n):
        row = roots[int(rng.integers(3))][: int(rng.integers(longest // 3, longest + 1))].copy()
        edited = rng.random(len(row)) < 0.04
        row[edited] = rng.integers(0, letters, int(edited.sum()))
        coded = rng.random(len(row)) < share * rng.random()
        row[coded] = rng.integers(letters, codes, int(coded.sum()))
        at = int(rng.integers(0, len(row)))
        if rng.random() < 0.2:
            row[at : at + 12] = codes - 1
        rows.append(np.delete(row, at) if rng.random() < 0.5 and len(row) > 1 else row)
    return Sequences.from_arrays([row.astype(alphabet.dtype) for row in rows], alphabet)


@pytest.mark.parametrize("alphabet", [DNA, RNA, PROTEIN], ids=lambda alphabet: alphabet.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_pairs_tables_paths_and_parts_are_those_of_the_plain_table(kind, alphabet):
    rng, meets = np.random.default_rng(1), same(alphabet)
    queries, targets = with_codes(alphabet, 9, 70, rng), with_codes(alphabet, 70, 80, rng)
    distance = kind(wildcards=True)
    table = distance.matrix(queries, targets)
    for row in range(len(queries)):
        for at in range(len(targets)):
            assert table[row, at] == oracle(kind.name, queries[row].data.tolist(), targets[at].data.tolist(), meets)
    assert (table < kind().matrix(queries, targets)).any()
    rows, others = np.divmod(np.arange(table.size), len(targets))
    np.testing.assert_array_equal(distance.pairs(queries, rows, targets, others), table.ravel())
    np.testing.assert_array_equal(distance.matrix(queries, targets[:5]), table[:, :5])
    if distance.partial:
        begins, ends = (each.reshape(table.shape) for each in distance.spans(queries, rows, targets, others))
    for row in range(len(queries)):
        x, y = queries[row], targets[row]
        path = distance.align(x, y)
        i, j = path.before
        for letter, length in path.runs:
            for _ in range(length):
                if letter in "=X":
                    assert meets[x.data[i]][y.data[j]] == (letter == "=")
                i, j = i + (letter in "=XI"), j + (letter in "=XD")
        if kind is OverlapDistance:
            assert path.score == path.count("=") - path.count("XID") == min(len(x), len(y)) - table[row, row]
        else:
            assert path.count("XID") == table[row, row]
            assert i == len(x)
        if distance.partial:
            assert (path.before[1], j) == (begins[row, row], ends[row, row])
        else:
            assert j == len(y)


@pytest.mark.parametrize("alphabet", [DNA, PROTEIN], ids=lambda alphabet: alphabet.name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_searched_by_bounds_is_what_all_pairs_say(kind, alphabet):
    rng, distance = np.random.default_rng(2), kind(wildcards=True)
    queries, targets = with_codes(alphabet, 30, 60, rng, 0.3), with_codes(alphabet, 900, 90, rng)
    table = distance.matrix(queries, targets)
    searcher = distance.searcher(targets)
    for k, radius in ((1, None), (10, None), (40, 6.0)):
        within = None if radius is None else np.full(len(queries), radius)
        found, _ = searcher.search(queries, k, within=within)
        rows, distances = nearest_oracle(table if radius is None else np.where(table <= radius, table, np.inf), k)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_array_equal(found.distances, distances)
    candidates = rng.integers(-1, len(targets), (len(queries), 150))
    for stop in (None, np.sort(rng.integers(0, 30, candidates.shape).astype(float), axis=1)):
        fast = distance.rerank(queries, targets, candidates, 5, stop=stop)
        slow = Distance.rerank(distance, queries, targets, candidates, 5, stop=stop)
        np.testing.assert_array_equal(fast.distances, slow.distances)


def test_long_targets_are_searched_block_by_block_and_in_groups():
    rng, distance = np.random.default_rng(3), InfixDistance(wildcards=True)
    targets = with_codes(DNA, 2300, 800, rng, 0.02)
    queries = Sequences.from_arrays([targets[row].data[40:220] for row in range(0, 30, 3)], DNA)
    searcher = distance.searcher(targets)
    assert searcher._blocks.q > 0
    table = distance.matrix(queries, targets)
    for k in (5, 2000):
        found, pruning = searcher.search(queries, k)
        rows, distances = nearest_oracle(table, k)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_array_equal(found.distances, distances)
        assert k > 5 or pruning.verified < pruning.pairs // 2


def test_infix_and_edit_are_those_of_edlib():
    edlib = pytest.importorskip("edlib", reason="edlib is an oracle of the tests: pip install edlib")
    rng = np.random.default_rng(4)
    meets, letters = same(DNA), DNA.letters
    more = [(x, y) for i, x in enumerate(letters) for j, y in enumerate(letters) if i < j and meets[i][j]]
    queries, targets = with_codes(DNA, 60, 90, rng), with_codes(DNA, 60, 150, rng)
    rows = np.arange(60)
    for kind, mode in ((EditDistance, "NW"), (InfixDistance, "HW")):
        distance = kind(wildcards=True)
        found = distance.pairs(queries, rows, targets, rows)
        for row in range(60):
            texts = queries[row].text, targets[row].text
            told = edlib.align(*texts, mode=mode, task="locations", additionalEqualities=more)
            assert found[row] == told["editDistance"]
            if mode == "HW" and found[row] < len(queries[row]):
                begins, ends = distance.spans(queries, rows[row : row + 1], targets, rows[row : row + 1])
                assert (int(begins[0]), int(ends[0]) - 1) == told["locations"][0]


def test_what_meets_what():
    both = Sequences.from_texts(["ACGTN", "RYSWA", "CCCCC"], DNA)
    assert EditDistance(wildcards=True).matrix(both, both)[0].tolist() == [0, 0, 3]
    protein = Sequences.from_texts(["MX*B", "MU*D", "MUXN"], PROTEIN)
    assert EditDistance(wildcards=True).matrix(protein, protein).tolist() == [[0, 0, 1], [0, 0, 2], [1, 2, 0]]


def test_it_is_a_parameter_that_is_kept_and_text_has_none():
    plain, wild = distance_named("infix"), distance_named("infix", wildcards=True)
    assert plain.parameters() == {}
    assert distance_named(wild.name, **wild.parameters()) == wild != plain
    assert repr(wild) == "InfixDistance(wildcards=True)"
    assert EditDistance().metric
    assert not EditDistance(wildcards=True).metric
    with pytest.raises(ParameterError, match="wildcards must be true or false, not 1"):
        distance_named("edit", wildcards=1)
    texts = Sequences.from_texts(["anna"], TEXT)
    with pytest.raises(MismatchError, match="the alphabet text has no wildcards, as dna, rna and protein have"):
        wild.matrix(texts, texts)
