from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from seqsearch import kernel_cache
from seqsearch.distances import edit_kernels, edit_rerank
from seqsearch.kernel_cache import fingerprint

_SOURCE = """
import numpy as np
import other
from other import LIMIT
from seqsearch.jit import kernel

@kernel()
def inner(x):
    return x + LIMIT

@kernel()
def outer(x):
    return inner(x) * other.FACTOR
"""


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., ModuleType]:
    """A module of two kernels, whose constants stand in another one; its code is kept in an empty folder."""
    monkeypatch.setattr(kernel_cache, "writable_folder", lambda: tmp_path)
    monkeypatch.setattr(kernel_cache, "_folders", lambda: (tmp_path,))

    def make(source: str = _SOURCE, **constants: object) -> ModuleType:
        other = ModuleType("made.other")
        vars(other).update({"LIMIT": 3, "FACTOR": 2, **constants})
        monkeypatch.setitem(sys.modules, "other", other)
        made = ModuleType("made")
        exec(compile(source, "made.py", "exec"), vars(made))
        return made

    return make


def _compiled_by(call: Callable[[], object]) -> int:
    before = kernel_cache.compiled()
    call()
    return kernel_cache.compiled() - before


def test_code_is_compiled_once_whatever_happens_to_lines_and_comments(modules: Callable[..., ModuleType]) -> None:
    first = modules()
    assert _compiled_by(lambda: first.outer(4)) == 2
    again = modules("# a remark\n\n" + _SOURCE.replace("def inner(x):", "def inner(x):  # of x"))
    assert _compiled_by(lambda: again.outer(4)) == 0
    assert again.outer(4) == first.outer(4) == 14


@pytest.mark.parametrize(
    ("source", "constants", "result"),
    [
        (_SOURCE.replace("x + LIMIT", "x - LIMIT"), {}, 2),
        (_SOURCE, {"LIMIT": 10}, 28),
        (_SOURCE, {"FACTOR": 5}, 35),
        (_SOURCE.replace("@kernel()\ndef inner", "@kernel(inline=True)\ndef inner"), {}, 14),
        (_SOURCE.replace("@kernel()\ndef outer", "@kernel(fastmath=True)\ndef outer"), {}, 14),
    ],
)
def test_what_a_kernel_calls_and_reads_is_part_of_it(
    modules: Callable[..., ModuleType], source: str, constants: dict[str, object], result: int
) -> None:
    """The code of a callee, a constant by its name and one of a module: numba's own cache sees none of them."""
    assert modules().outer(4) == 14
    changed = modules(source, **constants)
    assert _compiled_by(lambda: changed.outer(4)) > 0
    assert changed.outer(4) == result


def test_other_types_are_other_code(modules: Callable[..., ModuleType]) -> None:
    made = modules()
    made.outer(4)
    assert _compiled_by(lambda: made.outer(4.5)) == 2
    assert made.outer(4.5) == 15.0


def test_a_damaged_file_is_no_file(modules: Callable[..., ModuleType], tmp_path: Path) -> None:
    modules().outer(4)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-9] + b"not whole")
    again = modules()
    assert _compiled_by(lambda: again.outer(4)) == 2
    assert again.outer(4) == 14


def test_what_is_out_of_date_goes(modules: Callable[..., ModuleType], tmp_path: Path) -> None:
    modules().outer(4)
    count = len(list(tmp_path.iterdir()))
    modules(LIMIT=8).outer(4)
    assert len(list(tmp_path.iterdir())) == count


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(
    modules: Callable[..., ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(kernel_cache, "writable_folder", lambda: tmp_path / "file" / "kernels")
    assert modules().outer(4) == 14


def test_code_for_a_level_of_processors_serves_this_one(
    modules: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a file says the processor: one of a level that this one has is taken for its own."""
    monkeypatch.setattr(kernel_cache, "levels_here", lambda: ("x86-64-v3",))
    plain = kernel_cache.KernelCache._file

    def of_level(self: kernel_cache.KernelCache, signature: object, target: tuple[str, str, str]) -> str:
        return plain(self, signature, (target[0], "x86-64-v3", ""))

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(kernel_cache.KernelCache, "_file", of_level)
        modules().outer(4)
    here = modules()
    assert _compiled_by(lambda: here.outer(4)) == 0
    assert here.outer(4) == 14


def test_levels_are_those_of_the_features(monkeypatch: pytest.MonkeyPatch) -> None:
    features = {name: True for level in kernel_cache.LEVELS.values() for name in level}
    monkeypatch.setattr(kernel_cache.platform, "machine", lambda: "x86_64")
    for missing, levels in ((None, list(kernel_cache.LEVELS)), ("avx512vl", ["x86-64-v3"]), ("avx2", [])):
        here = {name: name != missing for name in features}
        monkeypatch.setattr(kernel_cache.llvmlite.binding, "get_host_cpu_features", here.copy)
        assert list(kernel_cache.levels_here.__wrapped__()) == levels
    monkeypatch.setattr(kernel_cache.platform, "machine", lambda: "aarch64")
    assert kernel_cache.levels_here.__wrapped__() == ()


def test_fingerprints_of_real_kernels_reach_through_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the kernel that re-ranks to a constant of another file, four calls away."""
    before = fingerprint(edit_rerank._rerank)
    assert fingerprint(edit_rerank._rerank) == before
    monkeypatch.setattr(edit_kernels, "_GUARD", 3)
    assert fingerprint(edit_rerank._rerank) != before


def test_emitted_instructions_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqsearch.distances import band_vectors

    before = fingerprint(edit_rerank._rerank)
    monkeypatch.setattr(band_vectors, "_match", lambda *arguments: None)
    assert fingerprint(edit_rerank._rerank) != before


def test_fingerprints_are_the_same_in_every_process() -> None:
    """Of every kernel there is: an address or an order of hashes among its parts would compile it each time anew."""
    program = """
import importlib, pkgutil
import seqsearch
from numba.core.dispatcher import Dispatcher
from seqsearch.kernel_cache import fingerprint
for room in ("ann", "distances", "encoders", "sequences", "trees"):
    package = importlib.import_module("seqsearch." + room)
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for name, value in sorted(vars(importlib.import_module(found.name)).items()):
            if isinstance(value, Dispatcher):
                print(found.name, name, fingerprint(value))
"""
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) > 100
    assert len(np.unique([line.split()[2] for line in told[0].splitlines()])) > 50


LOADED = """
import sys
import numpy as np
from seqsearch.search.known_pairs import KnownPairs
pairs = KnownPairs(1)
assert np.isnan(pairs.of(np.zeros((1, 1), np.int64))).all()
from seqsearch import kernel_cache
print(kernel_cache.compiled(), *sorted(sys.modules))
"""


def test_kept_machine_code_runs_without_the_compiler() -> None:
    subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, env=dict(os.environ))  # now kept
    told = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    compiled, *modules = told.stdout.split()
    assert compiled == "0"
    assert "numba.core.compiler" in modules
    assert not {"numba.np.linalg", "numba.np.arraymath", "numba.cpython.unicode", "scipy.linalg"} & set(modules)


COMPILED = """
import sys
import numpy as np
from seqsearch import kernel_cache
from seqsearch.jit import kernel
@kernel()
def least(values):
    return np.sort(values)[0] + values.sum()
assert least(np.array([3.0, 1.0])) == 5.0
assert kernel_cache.compiled()
from numba.np import arraymath, linalg
assert arraymath._HAVE_BLAS and "scipy.linalg" not in sys.modules
linalg.ensure_blas()
assert "scipy.linalg" in sys.modules
"""


def test_a_kernel_imports_no_linear_algebra_and_leaves_it_to_others(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", COMPILED], check=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)})


CALLED = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from theirs import inner, outer
values = np.array([3.0, 1.0])
if len(sys.argv) == 3:
    assert inner(values) == 1.0
from seqsearch import kernel_cache
before = kernel_cache.compiled()
assert outer(values) == 2.0
print(before, kernel_cache.compiled() - before)
try:
    outer(np.zeros(0))
except ValueError as error:
    print(error)
"""
THEIRS = """
from seqsearch.jit import kernel

@kernel()
def inner(values):
    if values.shape[0] == 0:
        raise ValueError("nothing there")
    kept = values.copy()  # the allocator is needed
    kept.sort()
    return kept[0]

@kernel()
def outer(values):
    return 2 * inner(values)
"""


def test_a_new_kernel_is_linked_with_kept_ones(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def told(*more: str) -> str:
        asked = [sys.executable, "-c", CALLED, str(tmp_path), *more]
        return subprocess.run(asked, check=True, capture_output=True, text=True, env=env).stdout

    assert told("both") == "1 1\nnothing there\n"
    for path in (tmp_path / "seqsearch").glob("theirs.outer-*"):
        path.unlink()
    assert told() == "0 1\nnothing there\n"  # the inner one is loaded to be linked with
    assert told() == "0 0\nnothing there\n"
