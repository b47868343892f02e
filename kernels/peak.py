"""What this machine does at most: products as the tiles take them, bytes read and bytes copied, with nothing else around."""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import GROUP_BYTES, LANES
from .jit import numba
from .tile import ROWS
from .vector import I32, I64, LANES32, load, multiply_add, splat

VECTORS = max(ROWS)  # of the tile that reads each input least often
GROUPS = 32  # that fit the first cache with all their weights
CHAINS = 8  # sums that run side by side while memory is read
X_BYTES, W_BYTES = ROWS[VECTORS] * GROUPS * GROUP_BYTES, VECTORS * LANES * GROUPS * GROUP_BYTES


def _lane_sum(builder, accumulators):
    """The sum of all lanes of some accumulators."""
    total = builder.load(accumulators[0])
    for accumulator in accumulators[1:]:
        total = builder.add(total, builder.load(accumulator))
    result = builder.extract_element(total, I32(0))
    for lane in range(1, LANES):
        result = builder.add(result, builder.extract_element(total, I32(lane)))
    return result


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
        return _lane_sum(builder, [accumulator for row in acc for accumulator in row])

    return types.int32(x, w), emit


@numba.njit(cache=True, nogil=True)
def multiply(x, w, sums):
    """Write sums int32 [times]: the sum of all elements of x . w of one tile, computed each time.

    x  uint8 or int16, X_BYTES: rows of GROUPS groups, of four or of two elements
    w  uint8 [W_BYTES]: for each group, VECTORS times 16 channels
    """
    for i in range(sums.size):
        sums[i] = _multiply(x, w)


@numba.njit(cache=True, nogil=True)
def copy(x, y, times):
    """Copy x int64 [n] to y and back, `times` times."""
    for _ in range(times):
        for i in range(x.size):
            y[i] = x[i]
        for i in range(x.size):
            x[i] = y[i]


@intrinsic
def _read(context, x):
    """Take all of x, a whole number of CHAINS vectors of 16 lanes: the sum of the lanes of one sum of vectors each chain."""

    def emit(context, builder, signature, values):
        array = context.make_array(signature.args[0])(context, builder, values[0])
        acc = [cgutils.alloca_once_value(builder, splat(builder, I32(0))) for _ in range(CHAINS)]
        with cgutils.for_range(builder, builder.udiv(array.nitems, I64(CHAINS * LANES))) as step:
            first = builder.mul(step.index, I64(CHAINS * LANES))
            for chain, accumulator in enumerate(acc):
                vector = load(builder, builder.gep(array.data, [builder.add(first, I64(chain * LANES))]), LANES32)
                builder.store(builder.add(builder.load(accumulator), vector), accumulator)
        return _lane_sum(builder, acc)

    return types.int32(x), emit


@numba.njit(cache=True, nogil=True)
def read(x, sums):
    """Write sums int32 [times]: each the sum of x int32 [n], n a multiple of CHAINS times LANES, read each time."""
    for i in range(sums.size):
        sums[i] = _read(x)
