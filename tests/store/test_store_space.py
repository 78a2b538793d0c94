"""A full map, a full disk and a file one may not write to: a clear error, and nothing half-written."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from store_cases import dna, numbered, points, run

from seqsearch.errors import StorageFullError
from seqsearch.store import Store, StoreBuilder


def test_a_full_map_while_building(tmp_path):
    with StoreBuilder(tmp_path / "i", map_limit=2 << 20) as builder:
        builder.append(dna(numbered(0, 1000)), points(1000))
        with pytest.raises(StorageFullError, match=re.escape(f"{tmp_path}/")) as caught:
            builder.append(dna(numbered(1000, 50_000)), points(49_000))
        assert "no space left, the index is as it was before" in str(caught.value)
    assert os.listdir(tmp_path) == []


FILL = """
    import resource, signal, sys
    import numpy as np
    from store_cases import dna, numbered, points
    from seqsearch.errors import StorageFullError
    from seqsearch.store import Store, StoreBuilder
    path, how, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
    store = Store.open(path, write=True)
    held = list(store.ids)
    if how == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    full = 0
    for start in range(0, 200_000, 2000):
        try:
            store.append(dna(numbered(start, start + 2000)), points(2000, width=64))
            held += numbered(start, start + 2000)
        except StorageFullError as error:
            assert str(error).startswith(path + ": no space left"), error
            full += 1
            if full == 3:
                break
        assert list(store.ids) == held
    assert full == 3, full
    assert list(store.ids) == held
    for change in (store.compact, lambda: store.write_snapshot("g", lambda p: p.write_bytes(bytes(limit + 1)))):
        try:
            change()  # the compacted file may just fit
        except StorageFullError as error:
            assert str(error).startswith(path + ": no space left"), error
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.append(dna(["after"]), points(1, width=64))
        held += ["after"]
    store.close()
    store = Store.open(path)
    assert list(store.ids) == held
    assert store.verify().problems == []
    print("sound")
"""


def _small(path):
    with StoreBuilder(path) as builder:
        builder.append(dna(["a"]), points(1, width=64))
        builder.finish().close()
    return path


def test_a_file_size_limit(tmp_path):
    done = run(FILL, _small(tmp_path / "i"), "limit", 8 << 20)
    assert (done.stdout, done.stderr) == ("sound\n", "")


def test_a_full_disk():
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=12m", "none", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("a small file system cannot be mounted here")
        try:
            done = run(FILL, _small(Path(folder) / "i"), "disk", 12 << 20)
            assert (done.stdout, done.stderr) == ("sound\n", "")
        finally:
            subprocess.run(["umount", folder], check=True)


def test_an_index_one_may_not_write_to(path):
    if os.getuid() != 0:
        pytest.skip("needs the right to become somebody else")
    code = """
        import os, sys
        from seqsearch.errors import StoreError
        from seqsearch.store import Store, StoreBuilder
        os.setgid(65534); os.setuid(65534)
        with Store.open(sys.argv[1]) as store:
            print(len(store.sequences()))
        try:
            Store.open(sys.argv[1], write=True)
        except StoreError as error:
            print(error)
    """
    for folder in (path, *path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    done = run(code, path)
    assert done.stdout == f"3\n{path}: cannot be written: Permission denied\n", done.stderr
    with Store.open(path, write=True):
        assert "somebody is writing to this index" in run(code, path).stderr
