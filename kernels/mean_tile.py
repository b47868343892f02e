"""Sums of small integers along one axis in vectors of 16 channels, for MEAN and SUM.

The last block of channels begins where it ends with the last channel; what two blocks hold both compute.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES
from .jit import numba
from .vector import I64, LANES32, lanes, load, same

VECTORS = (0, 1, 2, 3)  # of a block, where there are so many channels


@intrinsic
def _sums(context, x, first, count, step, vectors, acc, place):
    """Write acc[place:] = the sum of x[first + i * step + c] for i < count and as many c as the vectors have lanes."""

    def emit(context, builder, signature, values):
        source, target = (context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 5))
        widen, element = builder.sext if x.dtype.signed else builder.zext, lanes(source.type.pointee)
        totals = [cgutils.alloca_once_value(builder, same(LANES32, 0)) for _ in vectors]
        with cgutils.for_range(builder, values[2]) as loop:
            start = builder.add(values[1], builder.mul(loop.index, values[3]))
            for number, total in enumerate(totals):
                tap = load(builder, builder.gep(source, [builder.add(start, I64(number * LANES))]), element)
                builder.store(builder.add(builder.load(total), widen(tap, LANES32)), total)
        for number, total in enumerate(totals):
            pointer = builder.gep(target, [builder.add(values[6], I64(number * LANES))])
            builder.store(builder.load(total), builder.bitcast(pointer, LANES32.as_pointer()), align=1)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, int64, int64, int64, vectors, acc, int64), emit


@numba.njit(cache=True, nogil=True)
def sum_axis(x, vectors, acc):
    """Sum x [A, N, C] over its middle axis into acc [A, C] int32, wrapping as in C; C is at least what the vectors hold."""
    size, depth, block = x.shape[1], x.shape[2], len(vectors) * LANES
    source, target = x.reshape(-1), acc.reshape(-1)
    for a in range(x.shape[0]):
        for c in range(0, depth, block):
            c = min(c, depth - block)
            _sums(source, a * size * depth + c, size, depth, vectors, target, a * depth + c)
