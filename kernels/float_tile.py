"""Float32 matmuls in tiles of some rows and some vectors of 16 output channels: a lane is one sum, in the order of its rule.

What a row is made of lies anywhere in a flat array x: at pixels[m] + segments[s], counts[s] numbers for each segment. Weights lie
as they are read, in panels: for a panel of V vectors, V times 16 channels for each number. Products and sums are rounded one by
one, or (fused) together; then denormals are zeros, in the CPU's own way. The last tile computes some rows once more, so that
there is one size of tile.

columns  the first and the last but one output column of the panels
b        float32, one for each channel of the panels
limits   float32 [2]: least and greatest output; NaN stays
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES, WIDE
from .denormals import flush, restore
from .jit import numba
from .vector import F32, I32, I64, LANES32, call, lanes, load, same, splat

# Of a tile, by its vectors: as many as there are registers, or not more than there are rows.
ROWS = {1: (14, 9, 6, 3, 1), 2: (12, 9, 6, 3, 1), 4: (6, 5, 3, 1)} if WIDE else {1: (4, 1)}
UNROLLED = 4
FLOATS = lanes(F32)
ZEROS = same(FLOATS, 0.0)


def add_product(builder: ir.IRBuilder, fused: bool, acc: ir.Value, x: ir.Value, w: ir.Value) -> ir.Value:
    """Return acc + x * w in each lane, rounded twice, or once (fused)."""
    return call(builder, "llvm.fma.v16f32", FLOATS, x, w, acc) if fused else builder.fadd(acc, builder.fmul(x, w))


class Output:
    """Clamps sums and stores them: `columns`, `limits` and y [rows, N] float32 as emitted code sees them."""

    def __init__(self, context, builder: ir.IRBuilder, kinds: tuple, values: tuple):
        self.builder = builder
        self.first, self.stop = cgutils.unpack_tuple(builder, values[0], 2)
        limits = context.make_array(kinds[1])(context, builder, values[1]).data
        self.low, self.high = (splat(builder, builder.load(builder.gep(limits, [I64(i)]))) for i in range(2))
        self.y = context.make_array(kinds[2])(context, builder, values[2])
        self.width = cgutils.unpack_tuple(builder, self.y.shape, 2)[1]

    def _clamped(self, total: ir.Value) -> ir.Value:
        builder = self.builder
        total = builder.select(builder.fcmp_ordered("<", total, self.low), self.low, total)
        return builder.select(builder.fcmp_ordered(">", total, self.high), self.high, total)

    def store(self, totals: list[list[ir.Value]], row: ir.Value, channel: ir.Value) -> None:
        """Write y[row:, first + channel:], row by row some vectors of 16 numbers, or as many as there are columns left."""
        builder, width = self.builder, len(totals[0])
        column = builder.add(self.first, channel)
        start = builder.gep(self.y.data, [builder.add(builder.mul(row, self.width), column)])
        left = builder.trunc(builder.sub(self.stop, column), I32)
        number = ir.Constant(LANES32, list(range(LANES)))
        results = [[self._clamped(total) for total in each] for each in totals]
        with builder.if_else(builder.icmp_signed(">=", left, I32(width * LANES))) as (whole, part):
            for branch, masked in ((whole, False), (part, True)):
                with branch:
                    masks = [
                        builder.icmp_signed("<", number, splat(builder, builder.sub(left, I32(v * LANES)))) for v in range(width)
                    ]
                    place = start
                    for each in results:
                        for v, result in enumerate(each):
                            at = builder.bitcast(builder.gep(place, [I64(v * LANES)]), FLOATS.as_pointer())
                            if masked:
                                call(builder, "llvm.masked.store.v16f32.p0", ir.VoidType(), result, at, I32(4), masks[v])
                            else:
                                builder.store(result, at, align=4)
                        place = builder.gep(place, [self.width])


class Arrays:
    """Arrays of a signature as emitted code sees them."""

    def __init__(self, context, builder: ir.IRBuilder, signature, values: tuple):
        self.of = lambda position: context.make_array(signature.args[position])(context, builder, values[position])


def _make_tile(fused: bool):
    """The tile of a matmul: sums begin with b (fused), or panels of K, `ends`, are summed from 0 one by one, and b is added."""

    @intrinsic
    def tile(context, x, pixels, first, segments, counts, ends, w, panel, vectors, rows, b, columns, limits, y):
        width = len(vectors)

        def emit(context, builder, signature, values):
            array = Arrays(context, builder, signature, values).of
            offsets, numbers, stops, panels = array(3), array(4), array(5), array(6)
            pixels = builder.gep(array(1).data, [values[2]])
            places = [builder.load(builder.gep(pixels, [I64(i)])) for i in range(len(rows))]
            source = [builder.gep(array(0).data, [place]) for place in places]
            output = Output(context, builder, signature.args[11:], values[11:])
            channel = builder.mul(values[7], I64(width * LANES))
            first_bias = builder.gep(array(10).data, [channel])
            bias = [load(builder, builder.gep(first_bias, [I64(v * LANES)]), FLOATS) for v in range(width)]
            panel_size = cgutils.unpack_tuple(builder, panels.shape, 2)[1]
            weights = cgutils.alloca_once_value(builder, builder.gep(panels.data, [builder.mul(values[7], panel_size)]))
            place = [(i, v) for i in range(len(rows)) for v in range(width)]
            total = {(i, v): cgutils.alloca_once_value(builder, bias[v] if fused else ZEROS) for i, v in place}
            segment = cgutils.alloca_once_value(builder, I64(0))

            def steps(inputs, k, count, acc):
                here = builder.load(weights)
                builder.store(builder.gep(here, [I64(count * width * LANES)]), weights)
                for step in range(count):
                    each = [load(builder, builder.gep(here, [I64((step * width + v) * LANES)]), FLOATS) for v in range(width)]
                    for i, pointer in enumerate(inputs):
                        number = splat(builder, builder.load(builder.gep(pointer, [builder.add(k, I64(step))])))
                        for v in range(width):
                            builder.store(add_product(builder, fused, builder.load(acc[i, v]), number, each[v]), acc[i, v])

            with cgutils.for_range(builder, stops.nitems) as part:
                acc = total if fused else {at: cgutils.alloca_once_value(builder, ZEROS) for at in place}
                stop = builder.load(builder.gep(stops.data, [part.index]))
                with cgutils.for_range(builder, stop, start=builder.load(segment)) as run:
                    offset = builder.load(builder.gep(offsets.data, [run.index]))
                    count = builder.load(builder.gep(numbers.data, [run.index]))
                    inputs = [builder.gep(pointer, [offset]) for pointer in source]
                    blocks = builder.udiv(count, I64(UNROLLED))
                    with cgutils.for_range(builder, blocks) as block:
                        steps(inputs, builder.mul(block.index, I64(UNROLLED)), UNROLLED, acc)
                    with cgutils.for_range(builder, count, start=builder.mul(blocks, I64(UNROLLED))) as rest:
                        steps(inputs, rest.index, 1, acc)
                builder.store(stop, segment)
                if not fused:
                    for at in place:
                        builder.store(builder.fadd(builder.load(total[at]), builder.load(acc[at])), total[at])
            sums = [[builder.load(total[i, v]) for v in range(width)] for i in range(len(rows))]
            results = sums if fused else [[builder.fadd(value, b) for value, b in zip(each, bias)] for each in sums]
            output.store(results, values[2], channel)
            return context.get_dummy_value()

        int64 = types.int64
        return types.void(x, pixels, int64, segments, counts, ends, w, int64, vectors, rows, b, columns, limits, y), emit

    return tile


_fused_tile, _tile = _make_tile(fused=True), _make_tile(fused=False)


@numba.njit(cache=True, nogil=True)
def fused_matmul(x, pixels, segments, counts, ends, w, vectors, rows, b, columns, limits, y):
    """Write y [M, N] = clamp(b + x . w) by fused multiply-add, every sum from b on; denormals are zeros.

    vectors, rows  (0, 1, ..., n - 1): of a tile, known when this is compiled; there are as many rows, or more
    w              float32 [panels, K * V * 16]
    """
    mode = flush(True)
    for panel in range(w.shape[0]):
        for row in range(0, pixels.size, len(rows)):
            first = min(row, pixels.size - len(rows))
            _fused_tile(x, pixels, first, segments, counts, ends, w, panel, vectors, rows, b, columns, limits, y)
    restore(mode)


@numba.njit(cache=True, nogil=True)
def matmul(x, pixels, segments, counts, ends, w, vectors, rows, b, columns, limits, y):
    """Write y [M, N] = clamp(x . w + b); ends: of the segments of each panel of K, whose sums are added in order."""
    for panel in range(w.shape[0]):
        for row in range(0, pixels.size, len(rows)):
            first = min(row, pixels.size - len(rows))
            _tile(x, pixels, first, segments, counts, ends, w, panel, vectors, rows, b, columns, limits, y)
