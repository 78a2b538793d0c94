"""The one way to write a file, and the container of arrays."""

import errno
import os
import stat
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from seqsearch.errors import CorruptIndexError, InputError, ParseError, StorageFullError
from seqsearch.files import atomic_write, read_tensors, replacing, write_errors, write_tensors


def test_bytes_and_text(tmp_path):
    with atomic_write(tmp_path / "a") as file:
        file.write(b"one")
        assert not (tmp_path / "a").exists()
    with atomic_write(tmp_path / "b", text=True) as lines:
        lines.write("zwölf\n")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert (tmp_path / "b").read_bytes() == "zwölf\n".encode()
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def _fail(write, content, failure):
    write(content)
    raise failure


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    place = tmp_path / "a.txt"
    place.write_text("old")
    with pytest.raises(failure), atomic_write(place) as file:
        _fail(file.write, b"half", failure)
    with pytest.raises(failure), replacing(place) as temporary:
        _fail(temporary.write_bytes, b"half", failure)
    assert place.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_kill_leaves_the_old_file(tmp_path):
    place = tmp_path / "a.txt"
    place.write_text("old")
    code = """
        import os, signal, sys
        from seqsearch.files import atomic_write
        with atomic_write(sys.argv[1]) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), place], check=False)
    assert done.returncode == -9
    assert place.read_text() == "old"
    assert all(name == "a.txt" or name.startswith(".partial-") for name in os.listdir(tmp_path))


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path):
    place = tmp_path / "a.txt"
    place.write_text("old")
    code = """
        import resource, signal, sys
        from seqsearch.errors import StorageFullError
        from seqsearch.files import atomic_write, write_errors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        try:
            with write_errors(sys.argv[1]), atomic_write(sys.argv[1]) as file:
                file.write(bytes(100_000))
        except StorageFullError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), place], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{place}: File too large; nothing was written\n"
    assert place.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_file_then_name_then_folder_reach_the_disk(tmp_path, monkeypatch):
    steps = []
    sync, rename = os.fsync, os.replace

    def noted_sync(handle):
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def noted_rename(source, target):
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_rename)
    with atomic_write(tmp_path / "a") as file:
        file.write(b"one")
    assert steps == ["file", "rename", "folder"]


def test_the_mode_is_what_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as file:
            file.write(b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_stays_and_leads_to_the_new_file(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.txt").write_text("old")
    (tmp_path / "link").symlink_to("far/a.txt")
    with atomic_write(tmp_path / "link", text=True) as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "a.txt").read_text() == "new"
    assert os.listdir(tmp_path / "far") == ["a.txt"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"through")
    reader.join(10)
    assert heard == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_long_names_keep_their_ending(tmp_path):
    name = "ä" * 120 + ".fasta.gz"
    with replacing(tmp_path / name) as temporary:
        assert temporary.name.endswith(".fasta.gz")
        temporary.write_bytes(b"x")
    assert os.listdir(tmp_path) == [name]


def test_what_cannot_be_written_is_told(tmp_path):
    place = tmp_path / "no" / "a.txt"
    problem = "no/a.txt: cannot be written: No such file or directory"
    with pytest.raises(InputError, match=problem), write_errors(place), atomic_write(place):
        pass
    with pytest.raises(StorageFullError, match="a: No space left on device; nothing was written"), write_errors("a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_tensors_come_back():
    arrays = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "a": np.array(3.5),
        "none": np.zeros((0, 4), np.uint8),
    }
    content = write_tensors(arrays, {"version": 1, "name": "ä"})
    document, found = read_tensors(content)
    assert document == {"version": 1, "name": "ä"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert write_tensors(dict(reversed(arrays.items())), {"name": "ä", "version": 1}) == content
    assert read_tensors(write_tensors(arrays), key=None)[0] == {}


@pytest.mark.parametrize("cut", [0, 4, 30, -1])
def test_what_holds_no_tensors_raises_what_was_asked_for(cut):
    content = write_tensors({"a": np.arange(3)}, {"version": 1})[:cut]
    with pytest.raises(CorruptIndexError):
        read_tensors(content)
    with pytest.raises(ParseError, match="points: not a tensor file: "):
        read_tensors(content, error=lambda reason: ParseError(f"not a tensor file: {reason}", path="points"))


def test_tensors_without_the_document():
    with pytest.raises(CorruptIndexError, match="other"):
        read_tensors(write_tensors({"a": np.arange(3)}, {"version": 1}), key="other")
    with pytest.raises(CorruptIndexError):
        read_tensors(write_tensors({"a": np.arange(3)}))
