"""Functions of one small integer: every result from a table of all of them."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import COMPILED, SHUFFLES
from .jit import numba
from .vector import I8, I64, call, lanes, load, same

BLOCK = 64  # bytes that are looked up at once


@intrinsic
def _shuffled(context, table, x, y):
    """Write y = table[x] in whole blocks, all of them uint8; returns how many elements: none where the CPU cannot."""

    def emit(context, builder, signature, values):
        if not SHUFFLES:
            return I64(0)
        arrays = [context.make_array(kind)(context, builder, value) for kind, value in zip(signature.args, values)]
        block = lanes(I8, BLOCK)
        parts = [load(builder, builder.gep(arrays[0].data, [I64(i * BLOCK)]), block) for i in range(4)]
        count = builder.udiv(arrays[2].nitems, I64(BLOCK))
        with cgutils.for_range(builder, count) as loop:
            place = builder.mul(loop.index, I64(BLOCK))
            index = load(builder, builder.gep(arrays[1].data, [place]), block)
            halves = [
                call(builder, "llvm.x86.avx512.vpermi2var.qi.512", block, first, index, last)
                for first, last in (parts[:2], parts[2:])
            ]
            found = builder.select(builder.icmp_signed("<", index, same(block, 0)), halves[1], halves[0])
            target: ir.Value = builder.bitcast(builder.gep(arrays[2].data, [place]), block.as_pointer())
            builder.store(found, target, align=1)
        return builder.mul(count, I64(BLOCK))

    return types.int64(table, x, y), emit


@numba.njit(cache=True, nogil=True)
def look_up_bytes(table, x, y):
    """Write y [n] = table[x [n]], all uint8, with a table of 256."""
    first = _shuffled(table, x, y) if COMPILED and SHUFFLES else 0
    for i in range(first, x.size):
        y[i] = table[x[i]]


@numba.njit(cache=True, nogil=True)
def look_up(table, x, y):
    """Write y [n] = table[x [n]]; x uint8 with a table of 256, or uint16 with one of 65536 entries."""
    for i in range(x.size):
        y[i] = table[x[i]]


@numba.njit(cache=True, nogil=True)
def copy(x, y):
    """Write y [n] = x [n]."""
    for i in range(x.size):
        y[i] = x[i]
