"""Kept machine code made ready to run: what numba does for it, less what only its compiler needs.

Numba makes its whole compiler ready before it loads a function (0.1 s), imports the modules of all functions inlined
there, and parses the bitcode that other kernels are linked with. Here each waits until something is compiled.
"""

from __future__ import annotations

import io
import pickle
import sys
from functools import cache
from typing import Any

import llvmlite.binding
import numba.core.codegen
import numba.core.compiler
import numba.core.environment
import numba.core.runtime.nrt

_codegen: Any = numba.core.codegen  # all these without type hints
_compiler: Any = numba.core.compiler
_environments: Any = numba.core.environment
_runtime: Any = numba.core.runtime.nrt


def unpickled(content: bytes | memoryview) -> tuple[object, tuple[object, ...]]:
    """The signature and the rest of an overload that numba has pickled."""
    kept: tuple[object, tuple[object, ...]] = _Unpickler(io.BytesIO(content)).load()
    return kept


def rebuilt(target: Any, kept: tuple[Any, ...]) -> Any:
    """The overload of which numba's `CompileResult._reduce` gave the parts `kept`; see its `_rebuild`."""
    library, descriptor, environment, signature, objects, lifted, annotation, first, environments = kept
    _name_runtime()
    for function in first:  # threads of parallel kernels
        function()
    loaded = _Library.loaded(target.codegen(), library, descriptor.llvm_cpython_wrapper_name)
    result = _compiler.compile_result(
        target_context=target,
        typing_context=target.typing_context,
        library=loaded,
        environment=environment,
        entry_point=target.get_executable(loaded, descriptor, environment),
        fndesc=descriptor,
        type_annotation=annotation,
        signature=signature,
        objectmode=objects,
        lifted=lifted,
        reload_init=first,
        referenced_envs=environments,
    )
    for each in environments:
        loaded.codegen.set_env(each.env_name, each)
    return result


class _Library(_codegen.JITCodeLibrary):  # type: ignore[misc]
    """Machine code whose bitcode is parsed when something is linked with it, or looks for more than its entry."""

    _shared: Any = None
    _bitcode: bytes | None = None
    _entry = ""

    @classmethod
    def loaded(cls, codegen: Any, library: tuple[str, str, tuple[bytes, bytes]], entry: str) -> _Library:
        """See numba's `_unserialize`; `entry`: the symbol by which it is called."""
        name, form, (machine_code, bitcode) = library
        if form != "object":
            raise ValueError(f"machine code is kept as an object, not as {form!r}")
        made = cls(codegen, name)
        made.enable_object_caching()
        made._set_compiled_object(machine_code)
        made._finalize_final_module()
        made._bitcode, made._entry = bitcode, entry
        return made

    @property
    def _shared_module(self) -> Any:
        if self._bitcode is not None:
            bitcode, self._bitcode = self._bitcode, None
            self._shared = llvmlite.binding.parse_bitcode(bitcode)
            self.codegen._engine._load_defined_symbols(self._shared)
        return self._shared

    @_shared_module.setter
    def _shared_module(self, module: Any) -> None:
        self._shared = module

    def get_pointer_to_function(self, name: str) -> Any:
        if self._bitcode is not None and name == self._entry:
            return self.codegen._engine.get_function_address(name)
        assert self._shared_module is not None  # which names the rest
        return super().get_pointer_to_function(name)


@cache
def _name_runtime() -> None:
    """Let machine code find the allocator of numba by name: all it needs of the runtime."""
    helpers: dict[str, int] = _runtime._nrt.c_helpers
    for name, address in helpers.items():
        llvmlite.binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _environment if found is _environments._rebuild_env else found


def _environment(module: str, constants: list[object], name: str) -> Any:
    """The objects that a compiled function keeps, one of ours or one of numba's that it calls. Its module is not
    imported for them: the globals are read by code that handles Python objects, which no kernel does."""
    if module in sys.modules or _environments.lookup_environment(name) is not None:
        return _environments._rebuild_env(module, constants, name)
    made = _environments.Environment({"__name__": module})
    made.consts[:] = constants
    made.env_name = name
    _environments.Environment._memo[name] = made
    return made
