"""What this machine does at most: products as the tiles take them, and bytes copied, with nothing else around."""

from __future__ import annotations

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic

from .tile import ROWS
from .vector import GROUP_BYTES, I32, I64, LANES, LANES32, load, multiply_add, splat

VECTORS = max(ROWS)  # of the tile that reads each input least often
GROUPS = 32  # that fit the first cache with all their weights
X_BYTES, W_BYTES = ROWS[VECTORS] * GROUPS * GROUP_BYTES, VECTORS * LANES * GROUPS * GROUP_BYTES


@intrinsic
def _multiply(context, x, w):
    """Sum GROUPS groups into each accumulator of one tile; the sum of all lanes."""
    quads = x.dtype == types.uint8

    def emit(context, builder, signature, values):
        inputs, weights = (
            builder.bitcast(context.make_array(kind)(context, builder, value).data, I32.as_pointer())
            for kind, value in zip(signature.args, values)
        )
        zero = splat(builder, I32(0))
        acc = [[cgutils.alloca_once_value(builder, zero) for _ in range(VECTORS)] for _ in range(ROWS[VECTORS])]
        with cgutils.for_range(builder, I64(GROUPS)) as group:
            here = builder.mul(group.index, I64(VECTORS * LANES))
            each = [load(builder, builder.gep(weights, [builder.add(here, I64(v * LANES))]), LANES32) for v in range(VECTORS)]
            for row, accumulators in enumerate(acc):
                place = builder.gep(inputs, [builder.add(group.index, I64(row * GROUPS))])
                four = splat(builder, load(builder, place, I32))
                for accumulator, vector in zip(accumulators, each):
                    builder.store(multiply_add(builder, builder.load(accumulator), four, vector, quads), accumulator)
        total = zero
        for accumulator in (one for row in acc for one in row):
            total = builder.add(total, builder.load(accumulator))
        result = builder.extract_element(total, I32(0))
        for lane in range(1, LANES):
            result = builder.add(result, builder.extract_element(total, I32(lane)))
        return result

    return types.int32(x, w), emit


@numba.njit(cache=True, nogil=True)
def multiply(x, w, times, sums):
    """Write sums [times] int32: the sum of all elements of x . w of one tile, computed each time.

    x  uint8 or int16, X_BYTES: rows of GROUPS groups, of four or of two elements
    w  uint8 [W_BYTES]: for each group, VECTORS times 16 channels
    """
    for i in range(times):
        sums[i] = _multiply(x, w)


@numba.njit(cache=True, nogil=True)
def copy(x, y, times):
    """Copy x int64 [n] to y and back, `times` times."""
    for _ in range(times):
        for i in range(x.size):
            y[i] = x[i]
        for i in range(x.size):
            x[i] = y[i]
