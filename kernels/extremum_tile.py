"""The greatest and the least of taps in vectors of 64 bytes: MAX_POOL_2D, REDUCE_MAX and REDUCE_MIN of integers.

The last block of channels begins where it ends with the last channel; what two blocks hold both compute.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from .jit import numba
from .vector import lanes, load, splat

BLOCK_BYTES = 64


@intrinsic
def _taps(context, x, first, rows, row_step, columns, column_step, greatest, lowest, low, high, y, place):
    """Write y[place:] = clamp(the greatest, or least, of x[first + i * row_step + j * column_step + c]) for BLOCK_BYTES of c."""
    signed, block = x.dtype.signed, BLOCK_BYTES * 8 // x.dtype.bitwidth

    def emit(context, builder, signature, values):
        source, target = (context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 10))
        vector = lanes(source.type.pointee, block)
        compare = builder.icmp_signed if signed else builder.icmp_unsigned
        limits = [splat(builder, builder.trunc(values[i], vector.element), block) for i in (7, 8, 9)]
        is_greatest = values[6]

        def greater(a, b):
            return builder.select(compare(">", a, b), a, b)

        def lesser(a, b):
            return builder.select(compare("<", a, b), a, b)

        best = cgutils.alloca_once_value(builder, limits[0])
        with cgutils.for_range(builder, values[2]) as row:
            start = builder.add(values[1], builder.mul(row.index, values[3]))
            with cgutils.for_range(builder, values[4]) as column:
                tap = load(builder, builder.gep(source, [builder.add(start, builder.mul(column.index, values[5]))]), vector)
                before = builder.load(best)
                builder.store(builder.select(is_greatest, greater(before, tap), lesser(before, tap)), best)
        result = lesser(greater(builder.load(best), limits[1]), limits[2])
        builder.store(result, builder.bitcast(builder.gep(target, [values[11]]), vector.as_pointer()), align=1)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, *[int64] * 5, types.boolean, int64, int64, int64, y, int64), emit


@numba.njit(cache=True, nogil=True)
def pool(x, rows, columns, lowest, low, high, y):
    """Write y [N, H', W', C] = clamp(greatest tap of x [N, H, W, C]), from `lowest` on, C of 64 bytes or more.

    rows, columns  (stride, padding before the image, filter size); the taps outside the image are left out
    """
    batch, height, width, depth = x.shape
    source, target, block = x.reshape(-1), y.reshape(-1), BLOCK_BYTES // x.itemsize
    place = 0
    for n in range(batch):
        for i in range(y.shape[1]):
            top = max(i * rows[0] - rows[1], 0)
            taps = min(i * rows[0] - rows[1] + rows[2], height) - top
            for j in range(y.shape[2]):
                left = max(j * columns[0] - columns[1], 0)
                count = min(j * columns[0] - columns[1] + columns[2], width) - left
                first = ((n * height + top) * width + left) * depth
                for c in range(0, depth, block):
                    c = min(c, depth - block)
                    _taps(source, first + c, taps, width * depth, count, depth, True, lowest, low, high, target, place + c)
                place += depth


@numba.njit(cache=True, nogil=True)
def reduce(x, greatest, worst, last, y):
    """Write y [A, C] = the greatest, or least, of x [A, N, C] along its middle axis, C of 64 bytes or more.

    worst, last  the least and the greatest number of the type if the greatest is wanted, else the greatest and the least
    """
    size, depth = x.shape[1], x.shape[2]
    source, target, block = x.reshape(-1), y.reshape(-1), BLOCK_BYTES // x.itemsize
    low, high = min(worst, last), max(worst, last)
    for a in range(x.shape[0]):
        for c in range(0, depth, block):
            c = min(c, depth - block)
            _taps(source, a * size * depth + c, size, depth, 1, 0, greatest, worst, low, high, target, a * depth + c)
