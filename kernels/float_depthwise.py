"""Float32 DEPTHWISE_CONV_2D in tiles of some neighbors in a row and 16 channels, each lane a sum of its own over the taps.

What the taps of a pixel meet begins at lines[l] + column * step + taps[t] + channel in a flat array x, which has LANES numbers to
spare in memory behind its last one where the channels do not fill blocks. All else as in float_tile.py.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import LANES, WIDE
from .denormals import flush, restore
from .float_tile import FLOATS, Arrays, Output, add_product
from .jit import numba
from .vector import I64, load

PIXELS = (12, 8, 6, 4, 3, 2, 1) if WIDE else (4, 3, 2, 1)  # of a tile
APART = 4  # pixels that one address serves: a CPU adds a multiple of the step to it


def _make_tile(fused: bool):
    @intrinsic
    def tile(context, x, place, step, row, taps, w, pixels, start, b, columns, limits, y):
        def emit(context, builder, signature, values):
            array = Arrays(context, builder, signature, values).of
            output = Output(context, builder, signature.args[9:], values[9:])
            offsets, blocks = array(4), array(5)
            source = builder.gep(array(0).data, [values[1]])
            steps = [builder.mul(values[2], I64(i)) for i in range(max(len(pixels), APART))]
            with cgutils.for_range(builder, cgutils.unpack_tuple(builder, blocks.shape, 2)[0]) as block:
                channel = builder.mul(block.index, I64(LANES))
                weights = builder.gep(blocks.data, [builder.mul(channel, offsets.nitems)])
                first = builder.gep(source, [channel])
                begin = load(builder, builder.gep(array(7).data, [channel]), FLOATS)
                acc = [cgutils.alloca_once_value(builder, begin) for _ in pixels]
                with cgutils.for_range(builder, offsets.nitems) as tap:
                    weight = load(builder, builder.gep(weights, [builder.mul(tap.index, I64(LANES))]), FLOATS)
                    corner = builder.gep(first, [builder.load(builder.gep(offsets.data, [tap.index]))])
                    for i, total in enumerate(acc):
                        near = builder.gep(corner, [steps[i // APART * APART]])
                        seen = load(builder, builder.gep(near, [steps[i % APART]]), FLOATS)
                        builder.store(add_product(builder, fused, builder.load(total), seen, weight), total)
                results = [builder.load(total) for total in acc]
                if not fused:
                    bias = load(builder, builder.gep(array(8).data, [channel]), FLOATS)
                    results = [builder.fadd(result, bias) for result in results]
                output.store([[result] for result in results], values[3], channel)
            return context.get_dummy_value()

        int64 = types.int64
        return types.void(x, int64, int64, int64, taps, w, pixels, start, b, columns, limits, y), emit

    return tile


_fused_tile, _tile = _make_tile(fused=True), _make_tile(fused=False)


@numba.njit(cache=True, nogil=True)
def fused_depthwise(x, lines, step, width, taps, w, pixels, b, columns, limits, y):
    """Write y [lines * width, C] = clamp(b + x * w) by fused multiply-add, every sum from b on; denormals are zeros.

    pixels  (0, 1, ..., n - 1): of a tile, known when this is compiled; n <= width
    w       float32 [blocks, taps * 16]
    """
    mode = flush(True)
    for line in range(lines.size):
        for column in range(0, width, len(pixels)):
            first = min(column, width - len(pixels))
            place, row = lines[line] + first * step, line * width + first
            _fused_tile(x, place, step, row, taps, w, pixels, b, b, columns, limits, y)
    restore(mode)


@numba.njit(cache=True, nogil=True)
def depthwise(x, lines, step, width, taps, w, pixels, start, b, columns, limits, y):
    """Write y [lines * width, C] = clamp((start + x * w) + b)."""
    for line in range(lines.size):
        for column in range(0, width, len(pixels)):
            first = min(column, width - len(pixels))
            place, row = lines[line] + first * step, line * width + first
            _tile(x, place, step, row, taps, w, pixels, start, b, columns, limits, y)


@numba.njit(cache=True, nogil=True)
def replace_nan(y, places, value):
    """Write `value` where y [rows, numbers] is NaN at `places` of a row."""
    for row in range(y.shape[0]):
        for i in range(places.size):
            if y[row, places[i]] != y[row, places[i]]:
                y[row, places[i]] = value
