"""Float32 matmuls of one row at a time, each sum in several parts that take its terms in turn, as Eigen has them.

A lane is an output channel, as in float_tile.py; how many parts there are tells the order:

     2  blocks of 8 terms in turn; a + b
     4  blocks of 4; crosswise (a + c) + (b + d), else (a + b) + (c + d)
     8  blocks of 8; folded to 4, which take one block of 4 more; crosswise
    16  blocks of 16, then blocks of 4 to one four after the other; fours added from the last to the first; crosswise

The terms left over are then added one by one.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES
from .float_tile import FLOATS, ZEROS, Arrays, Output, add_product
from .jit import numba
from .vector import I64, load, splat

FOUR = 4


class _Walk:
    """Terms of a sum, one after the other: x[k] times the weights of `width` vectors of channels."""

    def __init__(self, builder: ir.IRBuilder, x: ir.Value, weights: ir.Value, width: int):
        self.builder, self.x, self.weights, self.width = builder, x, weights, width
        self.place = cgutils.alloca_once_value(builder, I64(0))

    def add(self, size: int, count: ir.Value, parts: list[list[ir.Value]]) -> None:
        """Add `count` blocks of `size` terms, in turn to the parts."""
        builder = self.builder
        with cgutils.for_range(builder, count):
            k = builder.load(self.place)
            for step in range(size):
                at = builder.add(k, I64(step))
                number = splat(builder, builder.load(builder.gep(self.x, [at])))
                first = builder.gep(self.weights, [builder.mul(at, I64(self.width * LANES))])
                for v, total in enumerate(parts[step % len(parts)]):
                    weight = load(builder, builder.gep(first, [I64(v * LANES)]), FLOATS)
                    builder.store(add_product(builder, False, builder.load(total), number, weight), total)
            builder.store(builder.add(k, I64(size)), self.place)


def _sum(builder: ir.IRBuilder, walk: _Walk, depth: ir.Value, count: int, crosswise: ir.Value) -> list[ir.Value]:
    """The sums of `depth` terms in the order of `count` parts, for each vector."""

    def variable(value: ir.Value) -> ir.Value:
        return cgutils.alloca_once_value(builder, value)

    def added(first: list[ir.Value], second: list[ir.Value]) -> list[ir.Value]:
        return [variable(builder.fadd(builder.load(a), builder.load(b))) for a, b in zip(first, second)]

    parts = [[variable(ZEROS) for _ in range(walk.width)] for _ in range(count)]
    block = max(count, 8) if count != FOUR else FOUR
    walk.add(block, builder.udiv(depth, I64(block)), parts)
    fours = builder.udiv(builder.urem(depth, I64(block)), I64(FOUR))
    if count == 16:
        for number, first in enumerate(range(0, count - FOUR, FOUR)):
            more = builder.icmp_signed(">", fours, I64(number))
            walk.add(FOUR, builder.zext(more, I64(0).type), parts[first : first + FOUR])
        for first in range(2 * FOUR, -1, -FOUR):
            parts[first : first + FOUR] = [added(a, b) for a, b in zip(parts[first:], parts[first + FOUR : first + 2 * FOUR])]
    if count == 8:
        parts = [added(a, b) for a, b in zip(parts[:FOUR], parts[FOUR:])]
        walk.add(FOUR, fours, parts)
    if count == 2:
        total = added(*parts)
    else:
        across, along = (added(added(parts[0], parts[i]), added(parts[j], parts[3])) for i, j in ((2, 1), (1, 2)))
        chosen = [builder.select(crosswise, builder.load(a), builder.load(b)) for a, b in zip(across, along)]
        total = [variable(value) for value in chosen]
    walk.add(1, builder.sub(depth, builder.load(walk.place)), [total])
    return [builder.load(value) for value in total]


@intrinsic
def _row(context, x, pixel, depths, w, panel, vectors, parts, crosswise, b, columns, limits, y, row):
    width = len(vectors)

    def emit(context, builder, signature, values):
        array = Arrays(context, builder, signature, values).of
        panels, sizes = array(3), array(2)
        panel_size = cgutils.unpack_tuple(builder, panels.shape, 2)[1]
        source = cgutils.alloca_once_value(builder, builder.gep(array(0).data, [values[1]]))
        weights = cgutils.alloca_once_value(builder, builder.gep(panels.data, [builder.mul(values[4], panel_size)]))
        total = [cgutils.alloca_once_value(builder, ZEROS) for _ in range(width)]
        flag = builder.icmp_unsigned("!=", values[7], values[7].type(0))
        with cgutils.for_range(builder, sizes.nitems) as part:
            depth = builder.load(builder.gep(sizes.data, [part.index]))
            walk = _Walk(builder, builder.load(source), builder.load(weights), width)
            for variable, value in zip(total, _sum(builder, walk, depth, len(parts), flag)):
                builder.store(builder.fadd(builder.load(variable), value), variable)
            builder.store(builder.gep(builder.load(source), [depth]), source)
            builder.store(builder.gep(builder.load(weights), [builder.mul(depth, I64(width * LANES))]), weights)
        output = Output(context, builder, signature.args[9:12], values[9:12])
        channel = builder.mul(values[4], I64(width * LANES))
        bias = builder.gep(array(8).data, [channel])
        each = [load(builder, builder.gep(bias, [I64(v * LANES)]), FLOATS) for v in range(width)]
        results = [builder.fadd(builder.load(variable), value) for variable, value in zip(total, each)]
        output.store([results], values[12], channel)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, int64, depths, w, int64, vectors, parts, types.boolean, b, columns, limits, y, int64), emit


@numba.njit(cache=True, nogil=True)
def matmul(x, pixels, depths, w, vectors, parts, crosswise, b, columns, limits, y):
    """Write y [m] = clamp(x[pixels[m]:] . w + b) for each of the pixels; depths: of the panels of K.

    parts  (0, 1, ..., n - 1), crosswise: the order of the sums; known when this is compiled are the lengths of tuples
    """
    for panel in range(w.shape[0]):
        for row in range(pixels.size):
            _row(x, pixels[row], depths, w, panel, vectors, parts, crosswise, b, columns, limits, y, row)
