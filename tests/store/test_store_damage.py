"""Short forms of benchmarks/reliability.py, and damage aimed at the one check that must notice it."""

import shutil

import lmdb
import numpy as np
import pytest
from store_cases import dna, numbered, points

from seqsearch.errors import CorruptIndexError, StoreError
from seqsearch.store import Store, StoreBuilder
from seqsearch.store.envelope import LOG, SEQUENCES, VECTORS
from seqsearch.store.envelope import numbered as key


def test_kill_9_while_it_is_changed(reliability, tmp_path):
    row = reliability.kill_rounds(reliability.StoreTarget(), tmp_path, 10, seed=1)
    assert row["acknowledged"] > 0
    assert "lost" not in row
    assert "failed" not in row


def test_kill_9_while_it_is_built(reliability, tmp_path):
    row = reliability.kill_builds(reliability.StoreTarget(), tmp_path, 10, seed=1)
    assert "wrong" not in row
    assert row.get("complete", 0) + row.get("nothing there", 0) == 10


def test_damage_is_noticed_or_harmless(reliability, tmp_path):
    row = reliability.corruption_rounds(reliability.StoreTarget(), tmp_path, 50, seed=2)
    assert row["failures"] == []
    assert row["detected"] > 15


def test_readers_beside_a_writer(reliability, tmp_path):
    row = reliability.beside_each_other(reliability.StoreTarget(), tmp_path, seconds=2, readers=2, seed=3)
    assert row["errors"] == []
    assert row["commits"] > 10
    assert row["readings"] > 2


@pytest.fixture
def path(tmp_path):
    """An index with several chunks, a log, deletions and a snapshot, closed."""
    with StoreBuilder(tmp_path / "index") as builder:
        builder.append(dna(numbered(0, 3000)), points(3000))
        builder.put_document("model", {"one": 1})
        with builder.finish() as store:
            store.delete(["id5"])
            store.put_document("model", {"one": 2})
            store.write_snapshot("graph", lambda file: file.write_bytes(b"graph" * 100))
            store.append(dna(["late"]), points(1))
    return tmp_path / "index"


def change(path, work):
    """Do something to the LMDB file behind the back of the store, with all of LMDB's own structure intact."""
    with lmdb.open(str(path / "data-1.mdb"), subdir=False, map_size=1 << 26) as env, env.begin(write=True) as txn:
        work(txn)


def problems(path):
    with Store.open(path) as store:
        return store.verify().problems


def test_verify_of_a_sound_index_counts_what_it_read(path):
    with Store.open(path) as store:
        report = store.verify()
    assert report.ok
    assert report.counts == {
        "sequence chunks": 4,
        "vector chunks": 4,
        "log entries": 5,
        "other values": 3,
        "rows": 3001,
        "live rows": 3000,
        "snapshots": 1,
    }


@pytest.mark.parametrize(
    ("prefix", "start", "message"),
    [(SEQUENCES, 1024, "the sequence chunk at row 1024"), (VECTORS, 2048, "the vector chunk at row 2048")],
)
def test_a_flipped_bit_in_a_chunk(path, prefix, start, message):
    raw = bytearray((path / "data-1.mdb").read_bytes())
    with lmdb.open(str(path / "data-1.mdb"), subdir=False) as env, env.begin() as txn:
        value = txn.get(key(prefix, start))
    raw[raw.index(value) + len(value) // 2] ^= 1
    (path / "data-1.mdb").write_bytes(raw)
    assert problems(path) == [f"the checksum of {message} does not hold"]
    with Store.open(path) as store:
        read, other = (store.sequences, store.vectors) if prefix == SEQUENCES else (store.vectors, store.sequences)
        with pytest.raises(CorruptIndexError, match=f"index: the checksum of {message} does not hold"):
            read()
        with pytest.raises(CorruptIndexError, match=message):
            read([start])
        assert len(read([0])) == 1
        assert len(other()) == 3001


def test_a_lost_value(path):
    change(path, lambda txn: txn.delete(key(VECTORS, 1024)))
    with pytest.raises(CorruptIndexError, match=r"index: the values do not add up to the digest in the head"):
        Store.open(path)


def test_a_stale_value(path):
    older = shutil.copytree(path, path.with_name("older"))
    with Store.open(path, write=True) as store:
        store.put_document("model", {"one": 3})
    with lmdb.open(str(older / "data-1.mdb"), subdir=False) as env, env.begin() as txn:
        value = bytes(txn.get(b"d:model"))
    change(path, lambda txn: txn.put(b"d:model", value))
    with pytest.raises(CorruptIndexError, match=r"one is lost, stale or foreign"):
        Store.open(path)


def test_values_that_changed_places(path):
    def swap(txn):
        one, two = (bytes(txn.get(key(VECTORS, start))) for start in (0, 1024))
        txn.put(key(VECTORS, 0), two)
        txn.put(key(VECTORS, 1024), one)

    change(path, swap)
    with pytest.raises(CorruptIndexError, match=r"do not add up"):
        Store.open(path)


def test_a_log_that_was_changed(path):
    change(path, lambda txn: txn.put(key(LOG, 2), bytes(txn.get(key(LOG, 3)))))
    with pytest.raises(CorruptIndexError, match=r"do not add up"):
        Store.open(path)


def test_a_damaged_and_a_missing_snapshot(path):
    with Store.open(path) as store:
        file = store.snapshot_file("graph")
        file.write_bytes(b"graph" * 99 + b"grapf")
        with pytest.raises(CorruptIndexError, match=r"graph-.*\.bin: the digest of snapshot 'graph' does not hold"):
            store.snapshot_file("graph")
        assert "the digest of snapshot 'graph' does not hold" in store.verify().problems[0]
        file.unlink()
        with pytest.raises(CorruptIndexError, match=r"snapshot 'graph' cannot be read: No such file"):
            store.snapshot_file("graph")
        with pytest.raises(CorruptIndexError, match=r"there is no snapshot 'tree'"):
            store.snapshot_file("tree")
    with Store.open(path, write=True) as store:
        store.write_snapshot("graph", lambda file: file.write_bytes(b"new"))
        assert store.snapshot_file("graph").read_bytes() == b"new"
        assert len(list((path / "snapshots").iterdir())) == 1
        assert store.verify().ok


def test_a_snapshot_that_fails_leaves_the_one_before(path):
    def fail(file):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with Store.open(path, write=True) as store:
        with pytest.raises(StoreError, match=r"no space left, the index is as it was before"):
            store.write_snapshot("graph", fail)
        assert store.snapshot_file("graph").read_bytes() == b"graph" * 100
        assert len(list((path / "snapshots").iterdir())) == 1


def test_marks_that_are_gone_or_torn_do_not_matter(path):
    mark = path / "commit.mark"
    for content in (b"", mark.read_bytes()[:70], b"\0" * 128, b"x" * 50):
        mark.write_bytes(content)
        with Store.open(path) as store:
            assert len(store) == 3000
    mark.unlink()
    with Store.open(path, write=True) as store:
        assert np.array_equal(store.vectors([0]), points(3000)[:1])
    assert mark.exists()


def test_the_log_is_trimmed(path, monkeypatch):
    monkeypatch.setattr("seqsearch.store.writing.LOG_KEPT", 4)
    with Store.open(path, write=True) as store:
        for number in range(10):
            store.append(dna([f"more{number}"]), points(1))
        assert store.log_since(store.lsn - 5) is None
        assert [len(rows) for _, rows in store.log_since(store.lsn - 4)] == [1, 1, 1, 1]
        assert store.verify().problems == []
        store.compact()
        for number in range(10):
            assert len(store.log_since(store.lsn)) == 0
            store.delete([f"more{number}"])
        assert store.log_since(store.lsn - 5) is None
        assert store.verify().problems == []
    Store.open(path).close()
