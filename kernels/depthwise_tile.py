"""DEPTHWISE_CONV_2D in vectors of 16 channels: rows of the image are interleaved into groups, once for all taps they meet.

For 16 channels and one output row, each column of the image that the filter reaches becomes 16 groups: what a filter column
meets, two rows in a group (int16) or four (uint8). An output is then one multiply_add for each column of the filter and band of
rows. Rows beyond the filter have the weight 0.
"""

from __future__ import annotations

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from .cpu import GROUP_BYTES, LANES
from .jit import numba
from .vector import I64, LANES32, Output, interleave, lanes, load, multiply_add

GROUPS_BYTES = LANES * GROUP_BYTES
OUTPUTS = (8, 7, 5)  # so many neighbors in a row are computed together: what wastes least


@intrinsic
def _interleave(context, x, row, offset, step, columns, place, bands):
    """Write the columns of a band, groups of rows that lie `row` elements apart, to bands[place:], 64 bytes each."""
    depth = GROUP_BYTES * 8 // x.dtype.bitwidth

    def emit(context, builder, signature, values):
        source = builder.gep(context.make_array(signature.args[0])(context, builder, values[0]).data, [values[2]])
        target = builder.gep(context.make_array(signature.args[6])(context, builder, values[6]).data, [values[5]])
        vector = lanes(source.type.pointee)
        with cgutils.for_range(builder, values[4]) as column:
            here = builder.gep(source, [builder.mul(column.index, values[3])])
            rows = [load(builder, builder.gep(here, [builder.mul(I64(i), values[1])]), vector) for i in range(depth)]
            place = builder.gep(target, [builder.mul(column.index, I64(GROUPS_BYTES))])
            groups = interleave(builder, rows)
            builder.store(groups, builder.bitcast(place, groups.type.as_pointer()), align=1)
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, int64, int64, int64, int64, int64, bands), emit


@intrinsic
def _outputs(context, x, bands, taps, outputs, first, stride, last, w, row, channel, channels, output, y):
    """Write y[row + first + i] for i in outputs and 16 channels; taps: where in bands what the taps of output 0 meet begins."""
    quads = x.dtype == types.uint8

    def emit(context, builder, signature, values):
        def array(position):
            return context.make_array(signature.args[position])(context, builder, values[position])

        finish = Output(context, builder, signature.args[10:], values[10:])
        constants = finish.constants(values[9])
        acc = [cgutils.alloca_once_value(builder, constants[0]) for _ in outputs]
        number = []
        for i in range(len(outputs)):
            place = builder.add(values[4], I64(i))
            number.append(builder.select(builder.icmp_signed("<", place, values[6]), place, values[6]))
        starts = [builder.mul(n, builder.mul(values[5], I64(GROUPS_BYTES))) for n in number]
        places, weights, groups = array(2), array(7).data, array(1).data
        with cgutils.for_range(builder, places.nitems) as tap:
            weight = load(builder, builder.gep(weights, [builder.mul(tap.index, I64(GROUPS_BYTES))]), LANES32)
            place = builder.load(builder.gep(places.data, [tap.index]))
            for total, start in zip(acc, starts):
                x_groups = load(builder, builder.gep(groups, [builder.add(start, place)]), LANES32)
                builder.store(multiply_add(builder, builder.load(total), x_groups, weight, quads), total)
        for total, n in zip(acc, number):
            finish.store(builder.load(total), constants, builder.add(values[8], n), values[9])
        return context.get_dummy_value()

    int64 = types.int64
    return types.void(x, bands, taps, outputs, int64, int64, int64, w, int64, int64, channels, output, y), emit


@numba.njit(cache=True, nogil=True)
def depthwise(x, geometry, outputs, w, channels, output, y):
    """Write y [B * OH * OW, C] from x [B, H, W, C] uint8 or int16, padded, and packed w [blocks, bands * KW * 64] uint8.

    geometry  for height and width: output_size, filter_size, stride, dilation
    outputs   (0, 1, ..., n - 1): n of OUTPUTS, known when this is compiled
    x has LANES elements to spare behind its last one, in memory
    """
    output_h, filter_h, stride_h, dilation_h = geometry[0]
    output_w, filter_w, stride_w, dilation_w = geometry[1]
    batch, height, width, depth = x.shape
    flat = x.ravel()
    rows = 4 // x.itemsize
    bands_count = (filter_h + rows - 1) // rows
    columns = (output_w - 1) * stride_w + (filter_w - 1) * dilation_w + 1
    bands = np.empty(bands_count * columns * GROUPS_BYTES, np.uint8)
    taps = np.empty(bands_count * filter_w, np.int64)
    for tap in range(taps.size):
        taps[tap] = (tap // filter_w * columns + tap % filter_w * dilation_w) * GROUPS_BYTES
    for block in range(w.shape[0]):
        channel = block * LANES
        for line in range(batch * output_h):
            image, out_y = line // output_h, line % output_h
            for band in range(bands_count):
                first = (image * height + out_y * stride_h + band * rows * dilation_h) * width * depth + channel
                _interleave(flat, dilation_h * width * depth, first, depth, columns, band * columns * GROUPS_BYTES, bands)
            row = line * output_w
            for out_x in range(0, output_w, len(outputs)):
                _outputs(flat, bands, taps, outputs, out_x, stride_w, output_w - 1, w[block], row, channel, channels, output, y)
