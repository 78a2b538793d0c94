import numpy as np
import pytest
from distance_oracles import family, nearest_oracle
from rapidfuzz.distance import Levenshtein as Fuzzy

from seqsearch.distances import EditDistance
from seqsearch.distances.lanes import pack
from seqsearch.distances.profiles import alike
from seqsearch.sequences import ALPHABETS, DNA, INTEGERS, TEXT, Sequences


def table(a, b):
    return np.array([[Fuzzy.distance(x.data.tolist(), y.data.tolist()) for y in b] for x in a], float)


@pytest.mark.parametrize("name", sorted(ALPHABETS))
@pytest.mark.parametrize("longest", [12, 160])
def test_lossless_over_several_groups(name, longest):
    rng = np.random.default_rng(23)
    targets = family(ALPHABETS[name], 1300, longest, rng, ancestors=12)
    queries = Sequences.concatenate([targets[3:9], family(ALPHABETS[name], 10, longest, rng), targets[1290:]])
    distances = table(queries, targets)
    ready = EditDistance().searcher(targets)
    for k in (1, 10):
        found, pruning = ready.search(queries, k)
        rows, values = nearest_oracle(distances, k)
        assert np.array_equal(found.distances, values)
        assert np.array_equal(found.rows, rows)
        assert pruning.pairs == distances.size
        assert pruning.entered >= k * len(queries)


def test_lengths_of_all_kinds_in_one_group():
    rng = np.random.default_rng(29)
    targets = Sequences.from_arrays(
        [rng.integers(0, 4, n).astype(np.uint8) for n in [1, 2, 3, 700, 699, 63, 64, 65, 128, 511, 300, 301, 40]], DNA
    )
    found, _ = EditDistance().searcher(targets).search(targets, 13)
    rows, values = nearest_oracle(table(targets, targets), 13)
    assert np.array_equal(found.rows, rows)
    assert np.array_equal(found.distances, values)


def test_long_relatives_are_found_within_a_band():
    rng = np.random.default_rng(31)
    root = rng.integers(0, 4, 1400).astype(np.uint8)
    texts = []
    for i in range(600):
        copy = np.delete(root, rng.choice(1400, i % 37, replace=False))
        at = rng.choice(len(copy), 3 + i % 50, replace=False)
        copy[at] = rng.integers(0, 4, len(at))
        texts.append(copy)
    targets = Sequences.from_arrays(texts, DNA)
    queries = targets[::100]
    found, pruning = EditDistance().searcher(targets).search(queries, 5)
    rows, values = nearest_oracle(table(queries, targets), 5)
    assert np.array_equal(found.rows, rows)
    assert np.array_equal(found.distances, values)
    assert pruning.cutoff > 0


def test_symbols_that_no_target_has_match_nothing():
    targets = Sequences.from_texts(["ACGT" * 8] * 20, DNA)
    queries = Sequences.from_texts(["NRYK" * 8, "ACGN" * 8], DNA)
    assert EditDistance().searcher(targets).search(queries, 1)[0].distances.ravel().tolist() == [32.0, 8.0]
    text = Sequences.from_texts(["abc" * 5] * 20, TEXT)
    query = Sequences.from_texts(["xyz" * 5, "abz" * 5], TEXT)
    assert EditDistance().searcher(text).search(query, 1)[0].distances.ravel().tolist() == [15.0, 5.0]


def test_more_than_256_symbols():
    rng = np.random.default_rng(37)
    symbols = rng.choice(2**32, 3000, replace=False).astype(np.uint32)
    targets = Sequences.from_arrays([rng.choice(symbols, 40) for _ in range(40)], INTEGERS)
    queries = Sequences.from_arrays([np.roll(x.data, 3) for x in targets[:9]], INTEGERS)
    assert np.array_equal(EditDistance().matrix(queries, targets), table(queries, targets))
    found, _ = EditDistance().searcher(targets).search(queries, 4)
    assert np.array_equal(found.distances, nearest_oracle(table(queries, targets), 4)[1])


def test_groups_hold_every_row_once_and_put_like_with_like():
    rng = np.random.default_rng(41)
    kinds = rng.integers(0, 4, 1000)
    counts = (rng.integers(0, 3, (1000, 64)) + 50 * np.eye(64)[kinds * 7]).astype(np.uint8)
    groups = alike(counts, 64)
    assert sorted(np.concatenate(groups).tolist()) == list(range(1000))
    assert max(map(len, groups)) <= 64
    assert np.mean([np.bincount(kinds[g]).max() / len(g) for g in groups]) > 0.9


def test_packed_planes_spell_the_symbols():
    rng = np.random.default_rng(43)
    targets = family(DNA, 70, 90, rng)
    lanes = np.full(512, -1)
    lanes[:70] = rng.permutation(70)
    packed = pack(targets.data, targets.offsets, lanes, 4)
    planes = packed.planes[32 * 8 :].reshape(int(packed.columns[0]), 5, 8)
    for lane in range(70):
        word, bit = lane // 64, np.uint64(lane % 64)
        bits = (planes[:, :, word] >> bit) & np.uint64(1)
        expected = targets[int(lanes[lane])].data
        assert bits[:, 4].sum() == len(expected)
        spelled = (bits[: len(expected), :4] << np.arange(4, dtype=np.uint64)).sum(axis=1)
        assert np.array_equal(spelled, expected)
