"""Float32 DEPTHWISE_CONV_2D in tiles of some pixels and 16 channels, each lane a sum of its own over the taps in their order.

What the taps of a pixel meet begins at pixels[m] + taps[t] + channel in a flat array x, which has LANES numbers to spare in
memory behind its last one where the channels do not fill blocks. All else as in float_tile.py.
"""

from __future__ import annotations

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic

from . import vector
from .denormals import flush, restore
from .float_tile import FLOATS, Arrays, Output, add_product, rows_of_tile
from .vector import I64, LANES, load

PIXELS = (12, 8) if vector.WIDE else (4,)  # of a tile


def _make_tile(fused: bool):
    @intrinsic
    def tile(context, x, pixels, first, taps, w, block, rows, start, b, columns, limits, y):
        def emit(context, builder, signature, values):
            array = Arrays(context, builder, signature, values).of
            row, source = rows_of_tile(builder, array(0).data, array(1), values[2], len(rows))
            output = Output(context, builder, signature.args[9:], values[9:])
            channel = builder.mul(values[5], I64(LANES))
            places, blocks = array(3), array(4)
            weights = builder.gep(blocks.data, [builder.mul(channel, places.nitems)])
            begin = load(builder, builder.gep(array(7).data, [channel]), FLOATS)
            acc = [cgutils.alloca_once_value(builder, begin) for _ in source]
            with cgutils.for_range(builder, places.nitems) as tap:
                weight = load(builder, builder.gep(weights, [builder.mul(tap.index, I64(LANES))]), FLOATS)
                place = builder.add(builder.load(builder.gep(places.data, [tap.index])), channel)
                for total, pointer in zip(acc, source):
                    seen = load(builder, builder.gep(pointer, [place]), FLOATS)
                    builder.store(add_product(builder, fused, builder.load(total), seen, weight), total)
            for total, number in zip(acc, row):
                result = builder.load(total)
                if not fused:
                    result = builder.fadd(result, load(builder, builder.gep(array(8).data, [channel]), FLOATS))
                output.store(result, number, channel)
            return context.get_dummy_value()

        int64 = types.int64
        return types.void(x, pixels, int64, taps, w, int64, rows, start, b, columns, limits, y), emit

    return tile


_fused_tile, _tile = _make_tile(fused=True), _make_tile(fused=False)


@numba.njit(cache=True, nogil=True)
def fused_depthwise(x, pixels, taps, w, rows, b, columns, limits, y):
    """Write y [M, C] = clamp(b + x * w) by fused multiply-add, every sum from b on; denormals are zeros.

    rows  (0, 1, ..., n - 1): pixels of a tile, known when this is compiled
    w     float32 [blocks, taps * 16]
    """
    mode = flush(True)
    for first in range(0, pixels.size, len(rows)):
        for block in range(w.shape[0]):
            _fused_tile(x, pixels, first, taps, w, block, rows, b, b, columns, limits, y)
    restore(mode)


@numba.njit(cache=True, nogil=True)
def depthwise(x, pixels, taps, w, rows, start, b, columns, limits, y):
    """Write y [M, C] = clamp((start + x * w) + b)."""
    for first in range(0, pixels.size, len(rows)):
        for block in range(w.shape[0]):
            _tile(x, pixels, first, taps, w, block, rows, start, b, columns, limits, y)


@numba.njit(cache=True, nogil=True)
def replace_nan(y, places, value):
    """Write `value` where y [rows, numbers] is NaN at `places` of a row."""
    for row in range(y.shape[0]):
        for i in range(places.size):
            if y[row, places[i]] != y[row, places[i]]:
                y[row, places[i]] = value
