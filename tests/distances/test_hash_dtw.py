import numpy as np
import pytest
from distance_oracles import matching_oracle

from seqsearch.distances import HashDTW, HashSequences
from seqsearch.errors import EmptySequenceError, MismatchError, ParameterError


def hashes(n, longest, dtype, rng, bits=None):
    """Random codes; few bits make many ties."""
    high = 1 << (bits or 8 * np.dtype(dtype).itemsize)
    return [rng.integers(0, high, int(rng.integers(1, longest + 1)), dtype=dtype) for _ in range(n)]


def sequences_of(arrays):
    return HashSequences.of(np.concatenate(arrays), np.cumsum([0, *map(len, arrays)]))


def table(queries, targets, penalty, gully):
    found = np.empty((len(queries), len(targets)))
    for q, x in enumerate(queries):
        for t, y in enumerate(targets):
            costs = np.bitwise_count(x[:, None] ^ y[None, :])
            cost, path = matching_oracle(costs, penalty, gully)
            found[q, t] = cost / len(path)
    return found


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize(("penalty", "gully"), [(4, 0.9), (0, 0.5), (1, 1.0), (15, 0.0)])
def test_scores_equal_the_stored_matrix_bit_for_bit(dtype, penalty, gully):
    rng = np.random.default_rng(71)
    for bits in (None, 3):
        queries, targets = hashes(7, 19, dtype, rng, bits), hashes(37, 22, dtype, rng, bits)
        found = HashDTW(penalty=penalty, gully=gully).scores(sequences_of(queries), sequences_of(targets))
        assert np.array_equal(found, table(queries, targets, penalty, gully))


def test_the_same_sequence_scores_zero_and_a_part_of_it_too():
    rng = np.random.default_rng(79)
    whole = rng.integers(0, 1 << 32, 50, dtype=np.uint32)
    one, part = sequences_of([whole]), sequences_of([whole[7:40], whole])
    assert HashDTW(penalty=15).scores(one, part).tolist() == [[0.0, 0.0]]


def test_packed_bytes_are_codes():
    codes = np.array([[1, 0], [0, 1], [255, 255]], np.uint8)
    sequences = HashSequences.of(codes, np.array([0, 1, 3]))
    assert sequences.bits == 16
    assert sequences.codes.view(np.uint8).reshape(-1, 2).tolist() == codes.tolist()
    assert HashSequences.of(np.zeros((2, 8), np.uint8), np.array([0, 2])).bits == 64


def test_errors_name_what_is_wrong():
    small, large = (sequences_of([np.zeros(2, np.uint16)]), sequences_of([np.zeros(2, np.uint64)]))
    with pytest.raises(MismatchError, match="hashes of 16 bits cannot be compared with hashes of 64"):
        HashDTW(penalty=4).scores(small, large)
    with pytest.raises(ParameterError, match="not of 16, 32 or 64 bits"):
        HashSequences.of(np.zeros((2, 3), np.uint8), np.array([0, 2]))
    with pytest.raises(ParameterError, match="do not run from 0 to the 3 hashes"):
        HashSequences.of(np.zeros(3, np.uint16), np.array([0, 2]))
    with pytest.raises(EmptySequenceError, match="record 2: the sequence is empty"):
        HashSequences.of(np.zeros(3, np.uint16), np.array([0, 3, 3]))
    with pytest.raises(ParameterError, match="penalty must be a whole number of bits"):
        HashDTW(penalty=-1)
    with pytest.raises(ParameterError, match="gully must be a share"):
        HashDTW(penalty=4, gully=2)
