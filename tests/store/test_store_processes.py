"""One writer and many readers: who may do what, and what a fork takes along."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from store_cases import ROOT, dna, numbered, points, run, same

from seqsearch.errors import ForkError, IndexClosedError, IndexLockedError, StoreError
from seqsearch.store import Store, StoreBuilder


def test_a_second_writer(path):
    code = """
        import sys
        from seqsearch.store import Store
        try:
            Store.open(sys.argv[1], write=True)
        except Exception as error:
            print(type(error).__name__, error)
    """
    with Store.open(path, write=True):
        assert (
            run(code, path).stdout
            == f"IndexLockedError {path}: process {os.getpid()} is writing to this index: try again once it has ended\n"
        )
        with pytest.raises(IndexLockedError, match=f"process {os.getpid()} is writing"):
            Store.open(path, write=True)
    assert run(code, path).stdout == ""


def test_a_reader_cannot_write(path):
    with Store.open(path) as store:
        for change in (
            lambda: store.append(dna(["x"]), points(1)),
            lambda: store.delete(["a"]),
            store.compact,
            lambda: store.put_document("x", 1),
            lambda: store.write_snapshot("x", Path.touch),
        ):
            with pytest.raises(StoreError, match="open for reading only"):
                change()


def test_a_closed_store(path):
    store = Store.open(path)
    store.close()
    store.close()
    for call in (store.sequences, lambda: store.find(["a"]), lambda: store.document("x"), store.refresh):
        with pytest.raises(IndexClosedError, match="the index is closed"):
            call()


def test_a_store_does_not_cross_a_fork(path):
    with Store.open(path, write=True) as store:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(ForkError, match="opened before a fork"):
                    store.sequences()
                with pytest.raises(ForkError, match="opened before a fork"):
                    store.append(dna(["x"]), points(1))
                with Store.open(path) as own:
                    code = 0 if len(own.sequences()) == 3 else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        store.append(dna(["d"]), points(1))
        assert len(store) == 4
        with Store.open(path) as reader:
            assert len(reader) == 4


def test_a_child_does_not_keep_the_right_to_write(path):
    store = Store.open(path, write=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    store.close()
    Store.open(path, write=True).close()
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


def test_readers_of_other_processes_see_commits_when_they_refresh(path):
    code = """
        import sys
        from seqsearch.store import Store
        with Store.open(sys.argv[1]) as store:
            for line in sys.stdin:
                if line == "refresh\\n":
                    store.refresh()
                print(*store.ids, len(store), store.generation, flush=True)
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    reader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )

    def ask(line):
        reader.stdin.write(line + "\n")
        reader.stdin.flush()
        return reader.stdout.readline().split()

    with reader, Store.open(path, write=True) as store:
        assert ask("look") == ["a", "b", "c", "3", "1"]
        store.append(dna(["d"]), points(1))
        assert ask("look") == ["a", "b", "c", "3", "1"]
        assert ask("refresh") == ["a", "b", "c", "d", "4", "1"]
        for start in range(0, 40_000, 10_000):  # the map has to grow
            store.append(dna(numbered(start, start + 10_000)), points(10_000))
        store.delete(numbered(0, 40_000))
        assert ask("refresh")[-2:] == ["4", "1"]
        store.compact()
        assert ask("look")[-2:] == ["4", "1"]
        assert ask("refresh") == ["a", "b", "c", "d", "4", "2"]
        reader.stdin.close()


def test_a_fork_takes_no_pages_away_from_a_reader_of_the_parent(path):
    """Closing an inherited environment would strike the transactions of the parent from the table of readers."""
    with Store.open(path) as reader, reader._reading() as transaction:
        before = transaction.id()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(ForkError, match="opened before a fork"):
                    reader.sequences()
                reader.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        table = reader._environment._usable().readers()
        assert str(os.getpid()) in table
        assert table.split()[-1] == str(before)


def test_a_child_of_a_thread_that_reads_is_told(path):
    code = """
        import os, sys, threading
        from seqsearch.errors import ForkError
        from seqsearch.store import Store
        store = Store.open(sys.argv[1])
        begun, ended = threading.Event(), threading.Event()
        def read():
            with store._reading():
                begun.set()
                ended.wait()
        thread = threading.Thread(target=read)
        thread.start()
        begun.wait()
        child = os.fork()
        if child == 0:
            try:
                with Store.open(sys.argv[1]) as own:
                    print(len(own), flush=True)
            except ForkError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        ended.set()
        thread.join()
        print(len(store.sequences()))
    """
    said = run(code, path)
    first, second = said.stdout.splitlines()
    assert first == "3" or "a thread was reading this index when the process was forked" in first
    assert (second, said.stderr) == ("3", "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_open_the_index_for_themselves(path, method):
    code = """
        import multiprocessing, sys
        from seqsearch.store import Store
        from store_cases import rows_of_index
        if __name__ == "__main__":
            with Store.open(sys.argv[1], write=True) as store:
                store.sequences()
                with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
                    print(pool.map(rows_of_index, [sys.argv[1]] * 4))
    """
    said = run(code, path, method)
    assert (said.stdout, said.stderr) == ("[3, 3, 3, 3]\n", "")


def test_many_threads_read_through_one_reader(path, tmp_path):
    records, vectors = dna(numbered(0, 5000)), points(5000)
    with StoreBuilder(tmp_path / "large") as builder:
        builder.append(records, vectors)
        builder.put_document("model", {"one": 1})
        builder.put_blob("weights", bytes(5 << 20))
        builder.finish().close()

    def read(seed, store, errors):
        rng = np.random.default_rng(seed)
        try:
            for _ in range(15):
                rows = rng.integers(0, 5000, 40)
                assert same(store.sequences(rows), records[rows])
                assert np.array_equal(store.vectors(rows), vectors[rows])
                assert np.array_equal(store.rows_of(records.ids.take(rows)), rows)
                assert store.document("model") == {"one": 1}
                assert len(store.blob("weights")) == 5 << 20
        except BaseException as error:
            errors.append(error)

    for _ in range(3):  # the caches are empty each time
        errors = []
        with Store.open(tmp_path / "large") as store:
            threads = [threading.Thread(target=read, args=(seed, store, errors)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert errors == []
            assert np.array_equal(store.find(records.ids), np.arange(5000))


def test_threads_read_while_one_writes(path):
    """Ids lead to rows of one commit, whether the reader or the writer made the table of ids longer."""
    errors = []
    stop = threading.Event()

    def read(store):
        try:
            while not stop.is_set():
                rows = store.find(["a", "b", "x7", "x30"])
                assert rows[0] == 0
                assert store.ids.take(rows[rows >= 0])[0] == "a"
        except BaseException as error:
            errors.append(error)

    with Store.open(path, write=True) as store:
        threads = [threading.Thread(target=read, args=(store,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(40):
            store.append(dna([f"x{i}"]), points(1))
            if i % 2:
                store.delete([f"x{i}"])
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_compaction_holds_up_no_reader_and_two_writers_take_turns(path):
    errors = []
    during = []
    stop = threading.Event()

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as error:
                errors.append(error)

        return threading.Thread(target=run)

    with Store.open(path, write=True) as store:
        store.append(dna(numbered(0, 20_000)), points(20_000))

        def read():
            while not stop.is_set():
                generation = store.generation
                assert store.find(["c"])[0] >= 0
                during.append((generation, (path / "data-2.mdb.building").exists()))

        def write(first):
            for i in range(10):
                store.append(dna([f"{first}{i}"]), points(1))

        reader = guarded(read)
        reader.start()
        writers = [guarded(lambda first=first: write(first)) for first in ("p", "q")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(store) == 20_023
        store.compact()
        stop.set()
        reader.join()
        assert errors == []
        assert (1, True) in during  # it was read while the next generation was being written
        assert (store.generation, store.find(["c"])[0]) == (2, 2)
        assert store.verify().ok
