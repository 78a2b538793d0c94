"""One writer and many readers: who may do what, and what a fork takes along."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from store_cases import ROOT, dna, numbered, points, run

from seqsearch.errors import IndexLockedError, StoreError
from seqsearch.store import Store


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
        assert run(code, path).stdout == f"IndexLockedError {path}: process {os.getpid()} is writing to this index\n"
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
    with pytest.raises(StoreError, match="the index is closed"):
        store.sequences()


def test_a_store_does_not_cross_a_fork(path):
    with Store.open(path, write=True) as store:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(StoreError, match="opened before a fork"):
                    store.sequences()
                with pytest.raises(StoreError):
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
