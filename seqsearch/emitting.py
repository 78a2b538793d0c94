"""Functions for numba kernels that emit LLVM instructions, for vectors, which numba itself does not have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba.core.cgutils
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

cgutils: Any = numba.core.cgutils  # without type hints

BYTE, INT, WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)


class Emitter:
    """Emits the instructions of one call with the builder `b`; `args`: what the function is called with."""

    def __init__(self, context: Any, b: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> None:
        self.context, self.b, self.signature, self.args = context, b, signature, args

    def number(self, value: int) -> ir.Value:
        """A 64-bit number."""
        return ir.Constant(WORD, value)

    def variable(self, value: ir.Value) -> ir.Value:
        """The address of a local variable that holds a value."""
        return cgutils.alloca_once_value(self.b, value)

    def place(self, which: int, at: ir.Value | int = 0) -> ir.Value:
        """The address of element `at` of the flat array that is argument `which`."""
        array = self.context.make_array(self.signature.args[which])(self.context, self.b, self.args[which])
        return self.step(array.data, at)

    def step(self, pointer: ir.Value, by: ir.Value | int) -> ir.Value:
        """The address `by` elements further on."""
        return self.b.gep(pointer, [self.number(by) if isinstance(by, int) else by], inbounds=True)

    def read(self, pointer: ir.Value, kind: ir.Type) -> ir.Value:
        """A value of type `kind`, often a vector, that is aligned as its elements are."""
        loaded = self.b.load(self.b.bitcast(pointer, kind.as_pointer()))
        loaded.align = _bytes(kind)
        return loaded

    def write(self, value: ir.Value, pointer: ir.Value) -> None:
        """Store a value, often a vector, where it is aligned as its elements are."""
        self.b.store(value, self.b.bitcast(pointer, value.type.as_pointer())).align = _bytes(value.type)

    def spread(self, value: ir.Value, kind: ir.Type) -> ir.Value:
        """A vector of type `kind` that holds a value in every lane."""
        one = self.b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(INT, 0))
        lanes = ir.Constant(ir.VectorType(INT, kind.count), [0] * kind.count)
        return self.b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), lanes)

    def instruction(self, name: str, result: ir.Type, *values: ir.Value) -> ir.Value:
        """The result of an intrinsic of LLVM."""
        kind = ir.FunctionType(result, [value.type for value in values])
        return self.b.call(cgutils.get_or_insert_function(self.b.module, kind, name), values)

    @contextmanager
    def loop(self, first: ir.Value, last: ir.Value) -> Iterator[ir.Value]:
        """The numbers first..last - 1."""
        with cgutils.for_range_slice(self.b, first, last, self.number(1), WORD) as (index, _):
            yield index


Typed = tuple[Signature, Callable[[Emitter], ir.Value | None]]
"""The signature of a function for its argument types, and what emits its code and returns its value."""


def emitted(typing: Callable[..., Typed]) -> Callable[..., Any]:
    """A function for kernels to call, from what types it: called with numba's types of the arguments, by position."""

    def definition(_: object, *given: types.Type) -> tuple[Signature, Callable[..., ir.Value]]:
        signature, emit = typing(*given)

        def generate(context: Any, builder: ir.IRBuilder, signature: Signature, args: list[ir.Value]) -> ir.Value:
            value = emit(Emitter(context, builder, signature, args))
            return context.get_dummy_value() if value is None else value

        return signature, generate

    first = inspect.Parameter("_", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [first, *inspect.signature(typing).parameters.values()]
    definition.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # by which numba calls it
    definition.__name__ = typing.__name__
    made: Callable[..., Any] = intrinsic(definition)
    return made


def _bytes(kind: ir.Type) -> int:
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    if isinstance(element, ir.DoubleType):
        return 8
    return 4 if isinstance(element, ir.FloatType) else int(element.width) // 8
