"""AVERAGE_POOL_2D and MAX_POOL_2D in float32 as XNNPACK: nine taps at a time, 16 channels together. Denormals are zeros.

taps [P, chunks, 9] int64: where in a flat x the channels of each tap of an output pixel begin, -1 for zeros.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES
from .denormals import flush, restore
from .float_tile import FLOATS, ZEROS, Arrays
from .fused import TINY
from .jit import numba
from .vector import I32, I64, LANES32, call, same, splat

CHUNK = 9


def _greater(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _less(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _flushed(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Zeros of the same sign in the place of denormals."""
    sign = builder.bitcast(builder.and_(builder.bitcast(x, LANES32), same(LANES32, -(2**31))), FLOATS)
    size = call(builder, "llvm.fabs.v16f32", FLOATS, x)
    return builder.select(builder.fcmp_ordered("<", size, same(FLOATS, float(TINY))), sign, x)


def _combined(builder: ir.IRBuilder, join, t: list[ir.Value]) -> ir.Value:
    """A chunk: the taps 2 to 5 in pairs, with 0, 1 and 8, 6 and 7."""
    first = join(builder, join(builder, t[2], t[3]), join(builder, t[4], t[5]))
    return join(builder, first, join(builder, join(builder, join(builder, t[0], t[1]), t[8]), join(builder, t[6], t[7])))


def _make_pixel(greatest: bool):
    @intrinsic
    def pixel(context, x, taps, number, factor, low, high, y):
        """Write y[number]: the greatest tap, or the sum of all times the factor."""

        def emit(context, builder, signature, values):
            array = Arrays(context, builder, signature, values).of
            image, table, output = array(0), array(1), array(6)
            channels = cgutils.unpack_tuple(builder, output.shape, 2)[1]
            chunks = cgutils.unpack_tuple(builder, table.shape, 3)[1]
            least, most, times = (splat(builder, values[i]) for i in (4, 5, 3))
            lane = ir.Constant(LANES32, list(range(LANES)))
            all_taps = builder.gep(table.data, [builder.mul(values[2], builder.mul(chunks, I64(CHUNK)))])
            row = builder.gep(output.data, [builder.mul(values[2], channels)])
            blocks = builder.udiv(builder.add(channels, I64(LANES - 1)), I64(LANES))
            with cgutils.for_range(builder, blocks) as block:
                channel = builder.mul(block.index, I64(LANES))
                left = splat(builder, builder.trunc(builder.sub(channels, channel), I32))
                inside = builder.icmp_signed("<", lane, left)
                acc = cgutils.alloca_once_value(builder, ZEROS)
                with cgutils.for_range(builder, chunks) as chunk:
                    seen = []
                    for slot in range(CHUNK):
                        place = builder.gep(all_taps, [builder.add(builder.mul(chunk.index, I64(CHUNK)), I64(slot))])
                        start = builder.load(place)
                        there = splat(builder, builder.icmp_signed(">=", start, I64(0)))
                        at = builder.bitcast(builder.gep(image.data, [builder.add(start, channel)]), FLOATS.as_pointer())
                        mask = builder.and_(inside, there)
                        seen.append(call(builder, "llvm.masked.load.v16f32.p0", FLOATS, at, I32(4), mask, ZEROS))
                    before, is_first = builder.load(acc), splat(builder, builder.icmp_signed("==", chunk.index, I64(0)))
                    if greatest:
                        best = _combined(builder, _greater, [_flushed(builder, tap) for tap in seen])
                        both = _greater(builder, best, least), _greater(builder, before, best)
                        builder.store(_less(builder, builder.select(is_first, *both), most), acc)
                    else:
                        total = _combined(builder, lambda builder, a, b: builder.fadd(a, b), seen)
                        builder.store(builder.select(is_first, total, builder.fadd(before, total)), acc)
                result = builder.load(acc)
                if not greatest:
                    result = _less(builder, _greater(builder, builder.fmul(result, times), least), most)
                at = builder.bitcast(builder.gep(row, [channel]), FLOATS.as_pointer())
                call(builder, "llvm.masked.store.v16f32.p0", ir.VoidType(), result, at, I32(4), inside)
            return context.get_dummy_value()

        single = types.float32
        return types.void(x, taps, types.int64, single, single, single, y), emit

    return pixel


_average, _greatest = _make_pixel(greatest=False), _make_pixel(greatest=True)


@numba.njit(cache=True, nogil=True)
def average(x, taps, factors, low, high, y):
    """Write y [P, C] = clamp(sum of chunks * factors [P]); NaN becomes the lower limit."""
    mode = flush(True)
    for pixel in range(y.shape[0]):
        _average(x, taps, pixel, factors[pixel], low, high, y)
    restore(mode)


@numba.njit(cache=True, nogil=True)
def greatest(x, taps, low, high, y):
    """Write y [P, C] = min(max(chunk, low), high), then min(max(y, chunk), high) for each chunk more."""
    for pixel in range(y.shape[0]):
        _greatest(x, taps, pixel, low, low, high, y)
