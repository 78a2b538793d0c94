"""Shards on a cluster of several nodes on this machine: the answers of one process, also while nodes die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from seqsearch import ShardedIndex
from seqsearch.cli.main import run
from seqsearch.distributed import copies
from seqsearch.errors import (
    CorruptIndexError,
    IndexExistsError,
    IndexLockedError,
    ParameterError,
    UnavailableShardError,
)
from seqsearch.sequences import write_fasta
from seqsearch.store import WriterLock
from tests.families import families

pytest.importorskip("ray", reason="Ray is not installed: pip install 'seqsearch[cluster]'")

_ALL = families(12, 8, 60, seed=4)
_ORDER = np.random.default_rng(2).permutation(len(_ALL))
STORED, QUERIES = _ALL[_ORDER[:80]], _ALL[_ORDER[80:]]

pytestmark = [
    pytest.mark.timeout(400),  # nodes start, die and are missed in seconds, on a busy machine in more
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ShardedIndex.build(tmp_path / "i.shards", STORED[:60], shards=2, encoder="kmer") as index:
        return Path(index.path)


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.2)


def process_of(index: ShardedIndex, shard: int) -> int:
    return next(copy.pid for copy in index.copies() if copy.number == shard and not copy.away)


def test_answers_and_changes_outlive_a_node(cluster: object, folder: Path) -> None:
    """Every answer is compared with that of one process, whatever happens to the nodes."""
    with (
        ShardedIndex.open(folder) as here,
        ShardedIndex.open(folder, ray=cluster.address, replicas=2, timeout=90) as there,  # type: ignore[attr-defined]
    ):
        same = lambda: there.search(QUERIES, 5, exact=True).to_dicts() == here.search(QUERIES, 5, exact=True).to_dicts()  # noqa: E731
        assert same()
        there.add(STORED[60:70])
        assert here.refresh()
        assert same()
        assert len(there) == 70
        node = next(iter(cluster.worker_nodes))  # type: ignore[attr-defined]
        cluster.remove_node(node, allow_graceful=False)  # type: ignore[attr-defined]
        for at in range(70, 76):
            there.add(STORED[[at]])
            assert here.refresh()
            assert same()
        cluster.add_node(num_cpus=1)  # type: ignore[attr-defined]
        until(lambda: not any(copy.away for copy in there.copies()))
        assert same()
        there.remove(list(STORED.ids)[:5])
        assert here.refresh()
        assert same()


def test_what_others_change_in_the_folder_is_fetched(cluster: object, folder: Path) -> None:
    with (
        ShardedIndex.open(folder) as here,
        ShardedIndex.open(folder, ray=cluster.address, replicas=2) as there,  # type: ignore[attr-defined]
    ):
        here.add(STORED[60:70])
        assert len(there) == 60
        assert there.refresh()
        assert not there.refresh()
        for _ in range(4):  # whichever copy is asked
            assert there.search(QUERIES, 5, exact=True).to_dicts() == here.search(QUERIES, 5, exact=True).to_dicts()


def test_a_change_that_fails_half_way_leaves_no_copy_behind(cluster: object, folder: Path) -> None:
    with ShardedIndex.open(folder, ray=cluster.address) as there:  # type: ignore[attr-defined]
        lock = WriterLock(folder / "0001")  # somebody else writes there
        with pytest.raises(IndexLockedError, match="0001"):
            there.add(STORED[60:80])
        lock.release()
        with ShardedIndex.open(folder) as here:
            assert len(here) > 60  # the part of the first shard is there
            assert there.search(QUERIES, 5, exact=True).to_dicts() == here.search(QUERIES, 5, exact=True).to_dicts()


def test_a_damaged_copy_is_refused_and_fetched_anew(tmp_path: Path, folder: Path) -> None:
    packed = copies.Packed.of(folder / "0000")
    hurt = copies.Packed(packed.content[:2000] + b"x" + packed.content[2001:], packed.digest)
    with pytest.raises(CorruptIndexError, match="its digest does not hold"):
        hurt.unpack(tmp_path / "copy")
    packed.unpack(tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir() if "lock" not in path.name) == sorted(
        path.name for path in (folder / "0000").iterdir() if "lock" not in path.name
    )


def test_a_damaged_folder_is_not_taken_where_another_copy_is_sound(cluster: object, folder: Path) -> None:
    with ShardedIndex.open(folder, ray=cluster.address, replicas=2) as index:  # type: ignore[attr-defined]
        whole = index.search(QUERIES, 5, exact=True).to_dicts()
        data = next((folder / "0000").glob("data*.mdb"))
        content = bytearray(data.read_bytes())
        for at in range(3 * len(content) // 8, len(content), 97):
            content[at] ^= 0x55
        data.write_bytes(content)
        assert run(["verify", str(folder / "0000"), "--quiet"]) == 1
        os.kill(process_of(index, 0), signal.SIGKILL)
        for _ in range(3):  # so that whoever is asked first, the dead copy is met
            assert index.search(QUERIES, 5, exact=True).to_dicts() == whole
        until(lambda: not any(copy.away for copy in index.copies()))
        for _ in range(3):
            assert index.search(QUERIES, 5, exact=True).to_dicts() == whole


def test_what_cannot_be_reached_is_told(cluster: object, folder: Path) -> None:
    with pytest.raises(ParameterError, match="replicas must be at least 1, not 0"):
        ShardedIndex.open(folder, ray=cluster.address, replicas=0)  # type: ignore[attr-defined]
    with ShardedIndex.open(folder, ray=cluster.address, timeout=3) as index:  # type: ignore[attr-defined]
        whole = index.search(QUERIES, 5, exact=True).to_dicts()
        os.rename(folder / "0001", folder / "0001.gone")  # nothing to fetch it from
        os.kill(process_of(index, 1), signal.SIGKILL)
        with pytest.raises(UnavailableShardError, match=r"0001: no copy of this shard answers: partial=True"):
            index.search(QUERIES, 5)
        index.partial = True
        found = index.search(QUERIES, 5)
        assert 0 < index.coverage < 1
        assert found.warnings[-1].endswith("of the stored sequences were searched: some shards cannot be asked")
        index.partial = False
        os.rename(folder / "0001.gone", folder / "0001")
        until(lambda: not any(copy.away for copy in index.copies()))
        assert index.search(QUERIES, 5, exact=True).to_dicts() == whole
        assert index.coverage == 1


def test_shards_are_built_on_the_cluster(cluster: object, tmp_path: Path) -> None:
    where = cluster.address  # type: ignore[attr-defined]
    with (
        ShardedIndex.build(tmp_path / "a.shards", STORED, shards=3, encoder="kmer", ray=where) as there,
        ShardedIndex.build(tmp_path / "b.shards", STORED, shards=3, encoder="kmer") as here,
    ):
        assert there.search(QUERIES, 5, exact=True).to_dicts() == here.search(QUERIES, 5, exact=True).to_dicts()
        assert there.info()["encoder_digest"] == here.info()["encoder_digest"]
    with pytest.raises(IndexExistsError, match="exists already"):
        ShardedIndex.build(tmp_path / "a.shards", STORED, shards=3, ray=where)


def test_several_processes_ask_and_write(cluster: object, folder: Path, tmp_path: Path) -> None:
    """In a process of its own: threads of Ray Data outlive it, and format errors of theirs beside other tests."""
    import pyarrow.parquet as parquet

    write_fasta(tmp_path / "queries.fasta", QUERIES)
    words = ["search", folder, tmp_path / "queries.fasta", "-k", 4, "--exact", "--ray", cluster.address]  # type: ignore[attr-defined]
    words += ["--workers", 2, "--format", "parquet", "-o", tmp_path / "hits"]
    command = [sys.executable, "-c", "from seqsearch.cli.main import main; main()", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert f"hits of {len(QUERIES)} queries" in done.stderr
    with ShardedIndex.open(folder) as here:
        whole = here.search(QUERIES, 4, exact=True).to_dicts()
        with pytest.raises(ParameterError, match="open the shards with ray="):
            here.search_to_parquet([QUERIES], tmp_path / "more", 4)
    rows = parquet.read_table(tmp_path / "hits").to_pylist()
    key = lambda row: (row["query"], row["rank"])  # noqa: E731
    assert sorted(rows, key=key) == sorted(whole, key=key)
    again = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert again.returncode == 1
    assert "hits exists already" in again.stderr


def test_a_frozen_copy_costs_little_where_another_answers(cluster: object, folder: Path) -> None:
    with ShardedIndex.open(folder, ray=cluster.address, replicas=2) as index:  # type: ignore[attr-defined]
        whole = index.search(QUERIES, 5, exact=True).to_dicts()
        frozen = process_of(index, 0)
        os.kill(frozen, signal.SIGSTOP)
        try:
            start = time.monotonic()
            for _ in range(4):
                assert index.search(QUERIES, 5, exact=True).to_dicts() == whole
            assert time.monotonic() - start < 20
        finally:
            os.kill(frozen, signal.SIGCONT)
