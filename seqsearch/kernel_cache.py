"""Where the machine code of kernels is kept, so that nobody waits for the same kernel twice.

Numba's own cache asks when the source file was changed, which differs on every machine, and writes beside the source or
not at all. This one asks what a kernel is made of: its code, that of every kernel and function it calls, and the values
of the constants it reads, in whichever module they stand. So machine code stays valid in a copy of the package, in a
wheel or an image of a container, and is never used for a kernel that has changed.

A file a kernel, signature and processor. Files are looked for in the folder that can be written, then in the package
(where `seqsearch warm-up` puts them) and in the user's cache; code for the levels of x86-64 (v3: AVX2, v4: AVX-512)
serves every processor that has them.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any
from uuid import uuid4

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from .machine_code import rebuilt, unpickled

_pickled: Callable[[object], bytes] = dumps
PACKAGE = Path(__file__).parent
FOLDER = "_kernels"
LEVELS = {
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "x86-64-v3": ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "cx16"),
}
"""Levels of processors, the highest first, and what each has beside what the next one has."""
_MADE_BY = (sys.version_info[:2], numba.__version__, llvmlite.__version__, np.__version__)
_DIGEST = hashlib.sha256().digest_size
_NAMED = 20  # digits of a digest in the name of a file


_compiled = 0


def compiled() -> int:
    """How many overloads this process has compiled, those that others call included, rather than loaded."""
    return _compiled


def _spare_scipy() -> None:
    """Let numba find that scipy is installed without importing its linear algebra, which takes longer than a thousand
    searches: `np.dot` of somebody's own kernel imports it when it is compiled."""
    if "numba.np.arraymath" in sys.modules or "scipy.linalg" in sys.modules:
        return
    linalg: Any = importlib.import_module("numba.np.linalg")
    looks = linalg.ensure_blas
    linalg.ensure_blas = _require_scipy
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = looks


def _require_scipy() -> None:
    """Raise ImportError where scipy is not installed."""
    if importlib.util.find_spec("scipy") is None:
        raise ImportError("scipy is not installed")


def lasting_folder() -> Path | None:
    """Where new machine code is kept: NUMBA_CACHE_DIR, the package or the user's cache; None where neither can be
    written."""
    if chosen := vars(numba.config)["CACHE_DIR"]:
        return Path(chosen) / "seqsearch"
    for folder in (PACKAGE / FOLDER, _of_user()):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if os.access(there, os.W_OK):
            return folder
    return None


@cache
def writable_folder() -> Path:
    """Where new machine code goes: where it lasts, or else a folder of this process alone. (A shared one could hold
    what somebody else put there.)"""
    if (lasting := lasting_folder()) is not None:
        return lasting
    own = tempfile.mkdtemp(prefix="seqsearch-kernels-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


def _of_user() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "seqsearch" / "kernels"


@cache
def _folders() -> tuple[Path, ...]:
    return tuple(dict.fromkeys([writable_folder(), PACKAGE / FOLDER, _of_user()]))


@cache
def levels_here() -> tuple[str, ...]:
    """The levels of x86-64 that this processor has, the highest first."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ()
    has, names = dict(llvmlite.binding.get_host_cpu_features()), list(LEVELS)
    needed = {name: [f for lower in names[i:] for f in LEVELS[lower]] for i, name in enumerate(names)}
    return tuple(name for name in names if all(has.get(feature) for feature in needed[name]))


class KernelCache:
    """The machine code of one function: what a dispatcher of numba asks for its overloads."""

    def __init__(self, kernel: Dispatcher[Any]) -> None:
        self._kernel = kernel

    @property
    def cache_path(self) -> str:
        return str(writable_folder())

    @cached_property
    def _name(self) -> str:
        function = self._kernel.py_func
        return f"{function.__module__}.{function.__qualname__}".replace("<locals>.", "")

    @cached_property
    def _made_of(self) -> str:
        return fingerprint(self._kernel)[:_NAMED]

    def _file(self, signature: object, target: tuple[str, str, str]) -> str:
        """The name of the file of one overload, but for what it is made of."""
        asked = repr((signature, target, _MADE_BY)).encode()
        return f"{self._name}-{hashlib.sha256(asked).hexdigest()[:_NAMED]}"

    def load_overload(self, sig: object, target_context: Any) -> Any:
        """The overload for a signature, or None."""
        own = triple, _, _ = target_context.codegen().magic_tuple()
        for target in (own, *((triple, level, "") for level in levels_here())):
            file = f"{self._file(sig, target)}-{self._made_of}.nbc"
            for folder in _folders():
                kept = _read(folder / file)
                if kept is not None and kept[0] == sig:
                    return rebuilt(target_context, kept[1])
        _spare_scipy()  # numba compiles it now
        return None

    def save_overload(self, sig: object, data: Any) -> None:
        """Keep an overload, in place of what was made of other code; where that cannot be, it is compiled again."""
        global _compiled
        _compiled += 1
        if data.lifted or data.library.has_dynamic_globals:
            return
        folder, file = writable_folder(), self._file(sig, data.codegen.magic_tuple())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{file}-{self._made_of}.nbc"
            _write(path, _pickled((sig, data._reduce())))
            for old in folder.glob(f"{file}-*.nbc"):
                if old != path:
                    old.unlink(missing_ok=True)
        except OSError:
            return

    def enable(self) -> None:
        """Nothing to do: it is never off."""

    def disable(self) -> None:
        """See `enable`."""

    def flush(self) -> None:
        """Forget all overloads."""
        for path in writable_folder().glob(f"{self._name}-*.nbc"):
            path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[object, tuple[object, ...]] | None:
    """A signature and its machine code; None where there is no such file, or not a whole one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        return None
    return unpickled(memoryview(content)[_DIGEST:])


def _write(path: Path, content: bytes) -> None:
    """A digest and the content, at once."""
    unfinished = path.with_suffix(f".{uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(hashlib.sha256(content).digest() + content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def fingerprint(kernel: Dispatcher[Any]) -> str:
    """A digest of all that the machine code of a kernel depends on, the same in every process: its options, its own
    code, that of what it calls in its package and in ours, and the constants that these read.
    """
    digest = hashlib.sha256()
    for part in _parts(kernel, {__name__.split(".")[0], kernel.py_func.__module__.split(".")[0]}):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(kernel: Dispatcher[Any], packages: set[str]) -> Iterator[str]:
    """What a kernel depends on, in words; `packages`: those whose code is looked into."""
    seen: set[int] = set()
    waiting: list[object] = [kernel]

    def ours(value: object) -> bool:
        module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        return isinstance(module, str) and module.split(".")[0] in packages

    while waiting:
        value = waiting.pop()
        if isinstance(value, Dispatcher):
            yield f"kernel {sorted((k, repr(v)) for k, v in value.targetoptions.items())}"
            value = value.py_func
        if id(value) in seen:
            continue
        if isinstance(value, FunctionType) and ours(value):
            seen.add(id(value))
            yield f"function {value.__qualname__} {value.__defaults__!r}"
            yield from _code(value.__code__)
            waiting += _read_by(value, ours)
        elif isinstance(value, type) and ours(value):
            seen.add(id(value))
            yield f"class {value.__qualname__} {getattr(value, '_fields', ())}"
            waiting += [part for name, part in sorted(vars(value).items()) if isinstance(part, FunctionType)]
        elif hasattr(value, "_defn"):  # an intrinsic
            waiting.append(value._defn)
        elif isinstance(value, (tuple, list)):
            yield f"{type(value).__name__} of {len(value)}"
            waiting += reversed(value)
        elif isinstance(value, np.ndarray):
            yield f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        elif callable(value) or isinstance(value, ModuleType):
            name = getattr(value, "__qualname__", getattr(value, "__name__", type(value)))
            yield f"named {getattr(value, '__module__', '')}.{name}"
        else:
            yield f"{type(value).__name__} {value!r}"


def _code(code: CodeType) -> Iterator[str]:
    """The instructions and constants of some code, those inside it included, but not its lines."""
    yield f"code {code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_freevars}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield repr(constant)


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _read_by(function: FunctionType, ours: Callable[[object], bool]) -> Iterable[object]:
    """The values that a function reads: in the cells of its closure, of its module, and in modules that it names."""
    names = sorted(_names(function.__code__))
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for name in names:
        if name not in function.__globals__:
            continue
        value = function.__globals__[name]
        yield value
        if isinstance(value, ModuleType) and ours(value):
            yield from (getattr(value, other) for other in names if hasattr(value, other))
