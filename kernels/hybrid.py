"""Float images and rows to 8 bits when they are seen, for hybrid operators.

The rules are those of qref/arithmetic/hybrid.py and qref/ops/xnnpack/_dynamic.py. What holds NaN gets the scale NaN.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES
from .fused import TINY
from .jit import numba
from .vector import F32, I16, I32, I64, LANES32, call, lanes, same, splat

SYMMETRIC, ASYMMETRIC, XNNPACK = range(3)
BLOCK = 8
BELOW_HALF = 0.5 - 2.0**-25  # the float32 that trunc(x + 0.5) takes to 1
FLOATS = lanes(F32)
NUMBERS = ir.Constant(LANES32, list(range(LANES)))


def _each_vector(builder: ir.IRBuilder, x: ir.Value, size: ir.Value):
    """Go through x [size] by vectors of 16, beyond the last element zeros: yields where, the vector and which lanes exist."""
    with cgutils.for_range(builder, builder.sdiv(builder.add(size, I64(LANES - 1)), I64(LANES))) as loop:
        first = builder.mul(loop.index, I64(LANES))
        left = builder.trunc(builder.sub(size, first), I32)
        exists = builder.icmp_signed("<", NUMBERS, splat(builder, left))
        pointer = builder.bitcast(builder.gep(x, [first]), FLOATS.as_pointer())
        zeros = same(FLOATS, 0.0)
        yield first, call(builder, "llvm.masked.load.v16f32.p0", FLOATS, pointer, I32(4), exists, zeros), exists


def _flushed(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Zeros of the same sign in the place of denormals."""
    tiny = builder.fcmp_ordered("<", call(builder, "llvm.fabs.v16f32", FLOATS, x), same(FLOATS, float(TINY)))
    return builder.select(tiny, builder.fmul(x, same(FLOATS, 0.0)), x)


@intrinsic
def _limits(context, x, start, size, low, high, place):
    """Write the least and the greatest of x[start : start + size] and 0 to low[place] and high[place]; NaN where there is one."""

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position]).data

        least, most = (cgutils.alloca_once_value(builder, same(FLOATS, 0.0)) for _ in range(2))
        unordered = cgutils.alloca_once_value(builder, ir.Constant(lanes(ir.IntType(1)), [0] * LANES))
        for _, x, _ in _each_vector(builder, builder.gep(array(0), [values[1]]), values[2]):
            for memory, better in ((least, "<"), (most, ">")):
                before = builder.load(memory)
                builder.store(builder.select(builder.fcmp_ordered(better, x, before), x, before), memory)
            builder.store(builder.or_(builder.load(unordered), builder.fcmp_unordered("uno", x, x)), unordered)
        nan = builder.icmp_unsigned("!=", builder.bitcast(builder.load(unordered), I16), I16(0))
        for memory, better, position in ((least, "<", 3), (most, ">", 4)):
            vector = builder.load(memory)
            while vector.type.count > 1:
                half, nothing = vector.type.count // 2, ir.Constant(vector.type, ir.Undefined)
                a, b = (
                    builder.shuffle_vector(vector, nothing, ir.Constant(lanes(I32, half), list(range(n, n + half))))
                    for n in (0, half)
                )
                vector = builder.select(builder.fcmp_ordered(better, a, b), a, b)
            found = builder.select(nan, ir.Constant(F32, math.nan), builder.extract_element(vector, I32(0)))
            builder.store(found, builder.gep(array(position), [values[5]]))
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, int64, int64, low, high, int64), emit


def _make_quantize_run(xnnpack: bool):
    """The rounding of XNNPACK, to even and by limits of the sum, or of TFLite, where BELOW_HALF is 1 in whole blocks."""

    @intrinsic
    def quantize_run(context, x, start, size, multiplier, zero_point, low, blocked, target, place):
        """Write x[start : start + size] * multiplier + zero_point in 8 bits, from low to 127, to target[place:]."""

        def emit(context, builder, signature, values):
            def array(position, at):
                base = context.make_array(signature.args[position])(context, builder, values[position]).data
                return builder.gep(base, [values[at]])

            multiplier, zero_point, low, blocked = (splat(builder, v) for v in values[3:7])
            target = array(7, 8)
            element = lanes(target.type.pointee)
            least, most = (
                builder.sitofp(builder.sub(limit, zero_point), FLOATS) for limit in (low, same(LANES32, 127))
            )  # of XNNPACK's, without the zero point
            for first, x, exists in _each_vector(builder, array(0, 1), values[2]):
                if xnnpack:
                    v = builder.fmul(_flushed(builder, x), multiplier)
                    v = builder.select(builder.fcmp_ordered("<", v, most), v, most)
                    v = builder.select(builder.fcmp_ordered(">", v, least), v, least)
                    q = builder.add(builder.fptosi(call(builder, "llvm.rint.v16f32", FLOATS, v), LANES32), zero_point)
                else:
                    v = builder.fmul(x, multiplier)
                    number = builder.add(NUMBERS, splat(builder, builder.trunc(first, I32)))
                    magnitude = call(builder, "llvm.fabs.v16f32", FLOATS, v)
                    alone = builder.icmp_signed(">=", number, blocked)
                    to_zero = builder.and_(alone, builder.fcmp_ordered("==", magnitude, same(FLOATS, BELOW_HALF)))
                    half = call(builder, "llvm.copysign.v16f32", FLOATS, same(FLOATS, 0.5), v)
                    v = builder.select(to_zero, same(FLOATS, 0.0), builder.fadd(v, half))
                    fits = builder.fcmp_ordered("<", call(builder, "llvm.fabs.v16f32", FLOATS, v), same(FLOATS, 2.0**31))
                    v = builder.select(fits, v, same(FLOATS, -(2.0**31)))  # as x86 turns what is no int32 into one
                    q = builder.add(builder.fptosi(v, LANES32), zero_point)
                    q = builder.select(builder.icmp_signed("<", q, low), low, q)
                    q = builder.select(builder.icmp_signed(">", q, same(LANES32, 127)), same(LANES32, 127), q)
                result = builder.trunc(q, element)
                pointer = builder.bitcast(builder.gep(target, [first]), element.as_pointer())
                suffix = f"v16i{element.element.width}.p0"
                call(builder, f"llvm.masked.store.{suffix}", ir.VoidType(), result, pointer, I32(1), exists)
            return context.get_dummy_value()

        int32, int64 = types.int32, types.int64
        arguments = (x, int64, int64, types.float32, int32, int32, int32, target, int64)
        return types.void(*arguments), emit

    return quantize_run


_run, _run_of_xnnpack = _make_quantize_run(xnnpack=False), _make_quantize_run(xnnpack=True)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scale_symmetric(low, high):
    """What x is multiplied with, the real units of an LSB, and the zero point."""
    greatest = high if -low <= high or high != high else -low
    if greatest == 0:
        greatest = np.float32(127)
    return np.float32(127) / greatest, greatest / np.float32(127), np.int32(0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scale_asymmetric(low, high):
    """What x is multiplied with, the real units of an LSB, and the zero point."""
    if low == high:
        return np.float32(1), np.float32(1), np.int32(0)
    step = np.float64(high - low) / 255
    low_steps, high_steps = low / step, high / step
    position = -128 - low_steps if 128 + abs(low_steps) < 127 + abs(high_steps) else 127 - high_steps
    position = min(max(position, -128.0), 127.0) if position == position else 0.0
    whole = np.int32(position)
    scale = np.float32(step)
    return np.float32(1) / scale, scale, np.int32(whole + (position - whole >= 0.5) - (position - whole <= -0.5))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scale_xnnpack(low, high):
    """What x is multiplied with, the real units of an LSB, and the zero point."""
    low = low if abs(low) >= TINY else low * np.float32(0)
    high = high if abs(high) >= TINY else high * np.float32(0)
    multiplier = np.float32(1) if low == high else np.float32(255) / (high - low)
    scaled_low, scaled_high = low * multiplier, high * multiplier
    low_is_nearer = (np.float32(-128) + scaled_low) + (np.float32(127) + scaled_high) > 0
    z = np.float32(-128) - scaled_low if low_is_nearer else np.float32(127) - scaled_high
    z = z if z > np.float32(-128) else np.float32(-128)  # NaN becomes the limit
    z = z if z < np.float32(127) else np.float32(127)
    return multiplier, np.float32(1) / multiplier, np.int32(np.rint(z))


@numba.njit(cache=True, nogil=True)
def quantize(x, rule, top, first, limits, target, scale, zero_point):
    """Bring each image of x [B, R, L] float32 to 8 bits in target [B, R', L'] int8 from [top, first] on.

    rule               SYMMETRIC, ASYMMETRIC or XNNPACK
    limits             float32 [3, B], for the least and the greatest of each image and what it is multiplied with
    target             int8; around the image it is filled with the zero point
    scale, zero_point  float32 and int32 [B, rows], written: the same for all rows of an image
    """
    batch, rows, length = x.shape
    flat, out, size = x.reshape(-1), target.reshape(-1), rows * length
    low, high, multiplier = limits[0], limits[1], limits[2]
    blocked, width = size // BLOCK * BLOCK, target.shape[2]
    for image in range(batch):
        _limits(flat, image * size, size, low, high, image)
    for image in range(batch):
        if rule == SYMMETRIC:
            multiplier[image], scale[image, 0], zero_point[image, 0] = scale_symmetric(low[image], high[image])
        elif rule == ASYMMETRIC:
            multiplier[image], scale[image, 0], zero_point[image, 0] = scale_asymmetric(low[image], high[image])
        else:
            multiplier[image], scale[image, 0], zero_point[image, 0] = scale_xnnpack(low[image], high[image])
    least = np.int32(-127 if rule == SYMMETRIC else -128)
    for image in range(batch):
        m, z, here = multiplier[image], zero_point[image, 0], image * target.shape[1] * width
        for row in range(1, scale.shape[1]):
            scale[image, row], zero_point[image, row] = scale[image, 0], z
        if target.shape[1] * width > size:
            out[here : here + target.shape[1] * width] = z
        for row in range(rows):
            source, place = image * size + row * length, here + (row + top) * width + first
            if rule == XNNPACK:
                _run_of_xnnpack(flat, source, length, m, z, least, 0, out, place)
            else:
                _run(flat, source, length, m, z, least, blocked - row * length, out, place)


@intrinsic
def _scale_row(context, acc, row, factors, scale, zero_point, limits, y):
    """Write y[row] as `to_float32` says."""

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position])

        width = cgutils.unpack_tuple(builder, array(0).shape, 2)[1]
        first = builder.mul(values[1], width)
        sums, *reals = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[2], cgutils.unpack_tuple(builder, values[2], len(signature.args[2])))
        )
        scales, zero = (splat(builder, builder.load(builder.gep(array(p).data, [values[1]]))) for p in (3, 4))
        low, high, for_nan, tiny = (splat(builder, builder.load(builder.gep(array(5).data, [I64(i)]))) for i in range(4))
        accumulators, to = (builder.gep(array(p).data, [first]) for p in (0, 6))
        with cgutils.for_range(builder, builder.sdiv(builder.add(width, I64(LANES - 1)), I64(LANES))) as loop:
            channel = builder.mul(loop.index, I64(LANES))
            exists = builder.icmp_signed("<", NUMBERS, splat(builder, builder.trunc(builder.sub(width, channel), I32)))

            def seen(base, vector, name, channel=channel, exists=exists):
                pointer = builder.bitcast(builder.gep(base, [channel]), vector.as_pointer())
                return call(builder, f"llvm.masked.load.v16{name}.p0", vector, pointer, I32(4), exists, same(vector, 0))

            a, b, c, d, bias = (seen(base, FLOATS, "f32") for base in reals)
            total = builder.sub(seen(accumulators, LANES32, "i32"), builder.mul(zero, seen(sums, LANES32, "i32")))
            product = builder.fmul(builder.fmul(builder.sitofp(total, FLOATS), a), builder.fmul(scales, b))
            v = call(builder, "llvm.fma.v16f32", FLOATS, builder.fmul(product, c), d, bias)
            near_zero = builder.fcmp_ordered("<", call(builder, "llvm.fabs.v16f32", FLOATS, v), tiny)
            v = builder.select(near_zero, builder.fmul(v, same(FLOATS, 0.0)), v)
            replaced = builder.and_(builder.fcmp_unordered("uno", v, v), builder.fcmp_ordered("ord", for_nan, for_nan))
            v = builder.select(replaced, for_nan, v)
            v = builder.select(builder.fcmp_ordered("<", v, low), low, v)
            v = builder.select(builder.fcmp_ordered(">", v, high), high, v)
            pointer = builder.bitcast(builder.gep(to, [channel]), FLOATS.as_pointer())
            call(builder, "llvm.masked.store.v16f32.p0", ir.VoidType(), v, pointer, I32(4), exists)
        return context.get_dummy_value()

    return types.void(acc, types.int64, factors, scale, zero_point, limits, y), emit


@numba.njit(cache=True, nogil=True)
def to_float32(acc, factors, scale, zero_point, limits, y):
    """Write y [M, N] = (acc - zero_point sums) a * (scale b) * c * d + bias within limits; the last product and sum are one.

    factors            sums int32, a, b, c, d, bias float32, each [N]; one of a, b, c, d is the filter's scale, the others are 1,
                       which tells in which order the scales are multiplied, exactly
    scale, zero_point  float32 and int32, a number for each row
    limits             float32: least and greatest, what stands for NaN, and below which magnitude a zero of the same sign stands
    """
    for row in range(acc.shape[0]):
        _scale_row(acc, row, factors, scale, zero_point, limits, y)


@numba.njit(cache=True, nogil=True)
def is_zero(x):
    """Whether x [n] holds zeros only."""
    i = 0
    while i < x.size and x[i] == 0:
        i += 1
    return i == x.size


@numba.njit(cache=True, nogil=True)
def bias_for_zeros(x, bias, low, high, y):
    """Where a group of x [G, n] is zero altogether, write the bias [N], within limits, to its rows of y [M, N or more]."""
    rows = y.shape[0] // x.shape[0]
    for row in range(y.shape[0]):
        if row % rows == 0:
            skip = is_zero(x[row // rows])
        if skip:
            for n in range(bias.size):
                value = low if bias[n] < low or (bias[n] != bias[n] and low > -np.inf) else bias[n]
                y[row, n] = high if value > high else value
