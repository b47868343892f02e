"""ADD and SUB of quantized operands in vectors of 16 elements; what is left over goes to the plain loops of add.py."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES
from .jit import numba
from .vector import I8, I16, I32, I64, LANES32, fixed_point, lanes, load, same, splat


def _scalars(context, builder, kind, value) -> list[ir.Value]:
    """The numbers of a tuple in every lane, in 32 bits."""
    return [splat(builder, builder.trunc(v, I32)) for v in cgutils.unpack_tuple(builder, value, len(kind))]


@intrinsic
def _blocks(context, x1, x2, scaling1, scaling2, scaling_y, form, output, y):
    """Write y = clamp(scale_y(scale_1(x1) + sign * scale_2(x2)) + zero point) in whole blocks of 16; returns how many elements.

    A scaling is (offset, multiplier, left, right, last, away), see vector.fixed_point.
    form    (sign, narrow): narrow, the result and its sum with the zero point wrap to 16 bits
    output  (zero point, least, greatest)
    """

    def emit(context, builder, signature, values):
        first, second, result = (context.make_array(signature.args[i])(context, builder, values[i]) for i in (0, 1, 7))
        scalings = [_scalars(context, builder, signature.args[i], values[i]) for i in (2, 3, 4)]
        sign, narrow = _scalars(context, builder, signature.args[5], values[5])
        offset, low, high = _scalars(context, builder, signature.args[6], values[6])
        is_narrow = builder.icmp_signed("!=", narrow, same(LANES32, 0))
        count = builder.udiv(result.nitems, I64(LANES))

        widen = builder.sext if x1.dtype.signed else builder.zext

        def scaled(array, scaling, index):
            q = load(builder, builder.gep(array.data, [index]), lanes(array.data.type.pointee))
            return fixed_point(builder, builder.add(widen(q, LANES32), scaling[0]), scaling[1:])

        def wrapped(vector):
            return builder.sext(builder.trunc(vector, lanes(I16)), LANES32)

        with cgutils.for_range(builder, count) as block:
            index = builder.mul(block.index, I64(LANES))
            a, b = scaled(first, scalings[0], index), scaled(second, scalings[1], index)
            total = builder.add(a, builder.mul(b, sign))
            total = fixed_point(builder, builder.add(total, scalings[2][0]), scalings[2][1:])
            plain, in_16_bits = builder.add(total, offset), wrapped(builder.add(wrapped(total), offset))
            total = builder.select(is_narrow, in_16_bits, plain)
            total = builder.select(builder.icmp_signed("<", total, low), low, total)
            total = builder.select(builder.icmp_signed(">", total, high), high, total)
            element = lanes(I8 if y.dtype.bitwidth == 8 else I16)
            place = builder.bitcast(builder.gep(result.data, [index]), element.as_pointer())
            builder.store(builder.trunc(total, element), place, align=1)
        return builder.mul(count, I64(LANES))

    return types.int64(x1, x2, scaling1, scaling2, scaling_y, form, output, y), emit


@numba.njit(cache=True, nogil=True)
def add(x1, x2, scaling1, scaling2, scaling_y, form, output, y):
    """Write y [N], a multiple of 16 elements, from x1 and x2 [N], all int8, uint8 or int16, as `_blocks` says."""
    _blocks(x1, x2, scaling1, scaling2, scaling_y, form, output, y)


@intrinsic
def _vadd_blocks(context, x1, x2, multipliers, bias, shift, output, y):
    """Write y = clamp(((x1 m1 + x2 m2 + bias) >> shift) + zero point) in whole blocks of 16, in int32."""

    def emit(context, builder, signature, values):
        first, second, result = (context.make_array(signature.args[i])(context, builder, values[i]) for i in (0, 1, 6))
        factors = _scalars(context, builder, signature.args[2], values[2])
        added, right = (splat(builder, builder.trunc(values[i], I32)) for i in (3, 4))
        offset, low, high = _scalars(context, builder, signature.args[5], values[5])
        widen, element = builder.sext if x1.dtype.signed else builder.zext, lanes(I8)
        with cgutils.for_range(builder, builder.udiv(result.nitems, I64(LANES))) as block:
            index, total = builder.mul(block.index, I64(LANES)), added
            for array, factor in zip((first, second), factors):
                q = widen(load(builder, builder.gep(array.data, [index]), element), LANES32)
                total = builder.add(total, builder.mul(q, factor))
            total = builder.add(builder.ashr(total, right), offset)
            total = builder.select(builder.icmp_signed("<", total, low), low, total)
            total = builder.select(builder.icmp_signed(">", total, high), high, total)
            place = builder.bitcast(builder.gep(result.data, [index]), element.as_pointer())
            builder.store(builder.trunc(total, element), place, align=1)
        return context.get_dummy_value()

    return types.void(x1, x2, multipliers, types.int64, types.int64, output, y), emit


@numba.njit(cache=True, nogil=True)
def vadd(x1, x2, multipliers, bias, shift, output, y):
    """Write y [N], a multiple of 16 elements, from x1 and x2 [N], all int8 or uint8, as `_vadd_blocks` says."""
    _vadd_blocks(x1, x2, multipliers, bias, shift, output, y)
