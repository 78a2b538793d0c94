"""The walk over LMDB's pages: it accepts whatever LMDB writes, and what it accepts LMDB reads without a signal."""

import os
import random
import tempfile
from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqsearch.errors import CorruptIndexError, FormatVersionError, NotAnIndexError
from seqsearch.store.structure import check_file, check_trees, give_back_tail, read_metas


def check(path):
    """As a reader does, in a transaction of its own."""
    check_file(path)
    with lmdb.open(str(path), subdir=False, readonly=True) as env, env.begin() as transaction:
        values = check_trees(path, transaction.id())
        assert values is not None
        assert sorted(values) == [(key, len(value), value[:8]) for key, value in transaction.cursor()]


def churn(path, seed, commits=30, value_sizes=(0, 10, 500, 2500, 9000, 100_000), keys=400, hold=False):
    """Write and delete at random, in transactions some of which are given up, some beside a reader."""
    rng = random.Random(seed)
    with lmdb.open(str(path), subdir=False, map_size=1 << 27, sync=False) as env:
        held = []
        for _ in range(commits):
            with env.begin(write=True) as transaction:
                for _ in range(rng.choice([1, 5, 60, 200])):
                    name = b"%d" % rng.randrange(keys) * rng.choice([1, 1, 20, 80])
                    if rng.random() < 0.45:
                        transaction.delete(name)
                    else:
                        transaction.put(name, rng.randbytes(rng.choice(value_sizes)))
                if rng.random() < 0.1:
                    for name in list(dict(transaction.cursor())):
                        transaction.delete(name)
                if rng.random() < 0.1:
                    transaction.abort()
            if hold and rng.random() < 0.3:
                held.append(env.begin())
            if len(held) > 3:
                held.pop(0).abort()
            check_trees(path, env.info()["last_txnid"])
        for transaction in held:
            transaction.abort()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([20, 400, 3000]))
def test_what_lmdb_writes_is_sound(seed, hold, keys):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.mdb"
        churn(path, seed, keys=keys, hold=hold)
        check(path)


def test_a_deep_tree_and_a_long_free_list(tmp_path):
    path = tmp_path / "data.mdb"
    with lmdb.open(str(path), subdir=False, map_size=1 << 28, sync=False) as env:
        for start in range(0, 40_000, 4000):
            with env.begin(write=True) as transaction:
                for number in range(start, start + 4000):
                    transaction.put(b"%064d" % (number * 7919 % 40_000), b"x" * 200)
        with env.begin(write=True) as transaction:
            for number in range(0, 40_000, 3):
                transaction.delete(b"%064d" % number)
            transaction.put(b"large", b"y" * (5 << 20))
        with env.begin(write=True) as transaction:
            transaction.delete(b"large")
        assert env.stat()["depth"] >= 3
    check(path)


def test_an_empty_environment(tmp_path):
    lmdb.open(str(tmp_path / "data.mdb"), subdir=False).close()
    check(tmp_path / "data.mdb")


def test_a_transaction_that_is_over(tmp_path):
    path = tmp_path / "data.mdb"
    churn(path, 1, commits=8)
    with path.open("rb") as file:
        newest = max(meta.transaction for meta in read_metas(file.fileno()))
    assert check_trees(path, newest) is not None
    assert check_trees(path, newest - 5) is None


def test_what_it_accepts_lmdb_reads(tmp_path):
    """Pages damaged at random: whatever passes is read and changed by LMDB, in a child, without a signal."""
    path, rng = tmp_path / "data.mdb", random.Random(5)
    churn(path, 2, commits=20, keys=300)
    pristine = path.read_bytes()
    walked = [i for i in range(len(pristine) // 4096) if pristine[i * 4096 + 10] in (1, 2, 8)]
    refused = 0
    for number in range(60):
        raw = bytearray(pristine)
        page = rng.choice(walked) * 4096
        for _ in range(rng.choice([1, 1, 3])):
            raw[page + rng.choice([rng.randrange(4096), rng.randrange(16, 120), rng.randrange(24)])] ^= (
                1 << rng.randrange(8)
            )
        copy = tmp_path / f"copy{number}.mdb"
        copy.write_bytes(raw)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                check(copy)
                churn(copy, number, commits=5, keys=300)
                code = 0
            except (CorruptIndexError, NotAnIndexError, FormatVersionError):
                code = 3
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        assert os.WIFEXITED(status), f"{number}: signal {os.WTERMSIG(status)}"
        assert os.WEXITSTATUS(status) in (0, 3), number
        refused += os.WEXITSTATUS(status) == 3
        copy.unlink()
    assert refused > 5


@pytest.mark.parametrize(
    ("offset", "flip", "message"),
    [
        (10, 8, "meta page 0 is damaged"),
        (16, 1, "not an index: this is not an LMDB file"),
        (20, 2, "LMDB data version 3 is not supported"),
        (41, 1, "meta page 0 names a page size of 4352"),
        (4096 + 88 + 4, 4, "meta page 1 is damaged"),
        (4096 + 136 + 4, 1, "meta page 1 is damaged"),
    ],
)
def test_damaged_meta_pages(tmp_path, offset, flip, message):
    path = tmp_path / "data.mdb"
    churn(path, 3, commits=5)
    raw = bytearray(path.read_bytes())
    raw[offset] ^= flip
    path.write_bytes(raw)
    with pytest.raises((CorruptIndexError, NotAnIndexError, FormatVersionError), match=f"data.mdb: {message}"):
        check_file(path)


def test_what_lies_behind_the_last_page_is_given_back(tmp_path):
    path = tmp_path / "data.mdb"
    churn(path, 4, commits=5)
    give_back_tail(path)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(b"garbage" * 1000)
    give_back_tail(path)
    assert path.stat().st_size == size
    check(path)
