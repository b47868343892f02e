"""Many kernels in one call: a table of compiled functions and their arguments, gone through without Python and without the GIL.

A Call is a kernel with all its arguments, arrays at addresses that stay as they are. numba compiles each kernel for the types of
its arguments; a Program holds the addresses of the compiled functions and, for each, its arguments laid out as numba passes them:
an array as nine numbers or so, eight bytes each. Without compilation the kernels are called one after the other.

On several threads, calls that can be cut are: see cut.py for how, and threads.py for who runs the parts.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import config, types
from numba.core.types.containers import BaseTuple

from qref.dispatch import threads
from qref.dispatch.cut import Call, stages
from qref.dispatch.native import addresses_of

I32, I64 = ir.IntType(32), ir.IntType(64)
BYTES = ir.IntType(8).as_pointer()


class Program:
    """Calls in their order, run as one, on so many threads."""

    def __init__(self, calls: Sequence[Call], num_threads: int = 1):
        self.calls = tuple(calls)
        self._compiled = None if config.DISABLE_JIT else _Compiled(self.calls, num_threads)

    def __call__(self) -> None:
        """Run all calls."""
        if self._compiled is None:
            for call in self.calls:
                call.kernel(*call.arguments)
        elif failed := self._compiled.run():
            call = self._compiled.calls[failed - 1]
            if call.refused is not None:
                call.refused()
            raise AssertionError(f"kernel {call.kernel.__name__} of a program raised an exception")


class _Compiled:
    def __init__(self, calls: Sequence[Call], num_threads: int):
        table, self._kept = [], []
        parts = stages(calls, num_threads)
        self.calls = [call for stage in parts for part in stage for call in part]  # with the arrays that are parts of others
        for call in self.calls:
            kinds = tuple(numba.typeof(argument) for argument in call.arguments)
            call.kernel.compile(kinds)  # type: ignore[attr-defined]
            compiled = call.kernel.overloads[kinds]  # type: ignore[attr-defined]
            function = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
            slots = np.array([slot for kind, value in zip(kinds, call.arguments) for slot in _slots(kind, value)], np.uint64)
            self._kept.append(slots)
            table.append((_entry(tuple(f for kind in kinds for f in _floats(kind))), function, slots.ctypes.data))
        self._table = np.array(table, np.int64).reshape(len(table), 3)
        self._arguments = len(table), self._table.ctypes.data
        shared = any(len(stage) > 1 for stage in parts)
        counts = [[len(part) for part in stage] for stage in parts]
        self._work = threads.Work(self._table, counts, num_threads) if shared else None

    def run(self) -> int:
        failed = None if self._work is None else threads.run(self._work)
        return _runner()(*self._arguments) if failed is None else failed


def _slots(kind: types.Type, value: Any) -> list[int]:
    """An argument as numba's functions take it, in numbers of eight bytes."""
    if isinstance(kind, types.Array):
        assert value.flags.c_contiguous
        return [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
    if isinstance(kind, BaseTuple):
        return [slot for element, v in zip(kind, value) for slot in _slots(element, v)]
    if isinstance(kind, types.Float):
        return [int.from_bytes(struct.pack("<f4x" if kind.bitwidth == 32 else "<d", value), "little")]
    return [int(value) % 2**64]


def _floats(kind: types.Type) -> list[int]:
    """The widths of an argument's numbers where they are floats, else 0."""
    if isinstance(kind, types.Array):
        return [0] * (5 + 2 * kind.ndim)
    if isinstance(kind, BaseTuple):
        return [width for element in kind for width in _floats(element)]
    return [kind.bitwidth if isinstance(kind, types.Float) else 0]


@functools.cache
def _entry(floats: tuple[int, ...]) -> int:
    """The address of a function (function, slots) -> status that passes the slots on; `floats` as _floats gives them."""
    module = ir.Module(f"entry_{len(floats)}")
    name = "entry_" + "".join({0: "i", 32: "f", 64: "d"}[width] for width in floats)
    entry = ir.Function(module, ir.FunctionType(I32, [I64, I64]), name)
    builder = ir.IRBuilder(entry.append_basic_block())
    kinds = [{0: I64, 32: ir.FloatType(), 64: ir.DoubleType()}[width] for width in floats]
    slots = builder.inttoptr(entry.args[1], I64.as_pointer())
    values = [builder.load(builder.bitcast(builder.gep(slots, [I64(i)]), kind.as_pointer())) for i, kind in enumerate(kinds)]
    result, error = builder.alloca(BYTES), builder.alloca(BYTES)
    native = ir.FunctionType(I32, [BYTES.as_pointer(), BYTES.as_pointer(), *kinds])
    builder.ret(builder.call(builder.inttoptr(entry.args[0], native.as_pointer()), [result, error, *values]))
    (address,) = addresses_of(module, name)
    return address


@functools.cache
def _runner() -> Callable[[int, int], int]:
    """Goes through a table of n rows (entry, function, slots); gives 0, or the number of the row that failed, from 1 on."""
    module = ir.Module("program")
    run = ir.Function(module, ir.FunctionType(I32, [I64, I64]), "qref_run_program")
    count, table = run.args
    start, loop, body, end = (run.append_basic_block(name) for name in ("start", "loop", "body", "end"))
    builder = ir.IRBuilder(start)
    rows = builder.inttoptr(table, I64.as_pointer())
    builder.branch(loop)
    builder = ir.IRBuilder(loop)
    number = builder.phi(I64)
    number.add_incoming(I64(0), start)
    builder.cbranch(builder.icmp_signed("<", number, count), body, end)
    builder = ir.IRBuilder(body)
    first = builder.mul(number, I64(3))
    entry, function, slots = (builder.load(builder.gep(rows, [builder.add(first, I64(i))])) for i in range(3))
    kind = ir.FunctionType(I32, [I64, I64])
    status = builder.call(builder.inttoptr(entry, kind.as_pointer()), [function, slots])
    following = builder.add(number, I64(1))
    number.add_incoming(following, body)
    failed = run.append_basic_block("failed")
    builder.cbranch(builder.icmp_signed("==", status, I32(0)), loop, failed)
    builder = ir.IRBuilder(failed)
    builder.ret(builder.trunc(following, I32))
    ir.IRBuilder(end).ret(I32(0))
    (address,) = addresses_of(module, "qref_run_program")
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64)(address)
