"""What this machine does at most: products as the tiles take them, bytes read and bytes copied, with nothing else around."""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from . import amx_tiles
from .amx import configure, instruction, release
from .cpu import GROUP_BYTES, LANES
from .jit import numba
from .tile import ROWS
from .vector import I8, I32, I64, LANES32, load, multiply_add, splat

VECTORS = max(ROWS)  # of the tile that reads each input least often
GROUPS = 32  # that fit the first cache with all their weights
STEPS = 8  # of AMX, that fit the first cache with all their weights
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


@intrinsic
def _multiply_matrices(context, x, w, times, y):
    def emit(context, builder, signature, values):
        pointers = [context.make_array(signature.args[i])(context, builder, values[i]).data for i in (0, 1, 3)]
        x_tiles, w_tiles, sums = (builder.bitcast(pointer, I8.as_pointer()) for pointer in pointers)
        acc, line = [[I8(0), I8(1)], [I8(2), I8(3)]], I64(amx_tiles.DEPTH)
        for register in range(4):
            instruction(builder, "tilezero", I8(register))
        with cgutils.for_range(builder, values[2]), cgutils.for_range(builder, I64(STEPS)) as step:
            here = builder.mul(step.index, I64(2 * amx_tiles.TILE))
            for i in range(2):
                place = builder.add(here, I64(i * amx_tiles.TILE))
                instruction(builder, "tileloadd64", I8(4 + i), builder.gep(x_tiles, [place]), line)
                instruction(builder, "tileloadd64", I8(6 + i), builder.gep(w_tiles, [place]), line)
            for i, row in enumerate(acc):
                for k, register in enumerate(row):
                    instruction(builder, "tdpbssd", register, I8(4 + i), I8(6 + k))
        for i, register in enumerate(acc[0] + acc[1]):
            instruction(builder, "tilestored64", register, builder.gep(sums, [I64(i * amx_tiles.TILE)]), line)
        return context.get_dummy_value()

    return types.void(x, w, types.int64, y), emit


@numba.njit(cache=True, nogil=True)
def multiply_matrices(x, w, times, y):
    """Write y int32 [2, 2, 16, 16]: `times` times the products of two tiles of rows and two of channels, computed each time.

    x  int8 [STEPS, 2, 16, 64]: for each step two tiles of 16 rows
    w  int8 [STEPS, 2, 16, 16, 4]: two tiles of 16 groups of four for 16 channels
    """
    configure()
    _multiply_matrices(x, w, times, y)
    release()


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
