"""Images as the tiles read them: an offset added, in uint8 or int16, with a border that stands for the zero point."""

from __future__ import annotations

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from .jit import numba


@numba.njit(cache=True, nogil=True)
def run(x, first, size, offset, strip, place):
    """Write x[first : first + size] + offset to strip from `place` on, both flat; what does not fit its type wraps."""
    source, target, added = x[first : first + size], strip[place : place + size], np.int32(offset)
    for i in range(size):
        target[i] = np.int32(source[i]) + added


@numba.njit(cache=True, nogil=True)
def repeated(x, first, size, multiplier, offset, strip, place):
    """The same with every element `multiplier` times in a row."""
    if multiplier == 1:
        run(x, first, size, offset, strip, place)
        return
    source, target, added = x[first : first + size], strip[place : place + size * multiplier], np.int32(offset)
    for i in range(size):
        for m in range(multiplier):
            target[i * multiplier + m] = np.int32(source[i]) + added


@numba.njit(cache=True, nogil=True)
def copy(x, offset, top, left, strip):
    """Write x [B, H, W, C] + offset into strip [B, H', W', C] from [top, left] on."""
    rows, depth = x.shape[1], x.shape[3]
    size, pitch = x.shape[2] * depth, strip.shape[2] * depth
    if size == pitch:  # rows follow each other in both
        rows, size = 1, rows * size
    x_flat, flat = x.reshape(-1), strip.reshape(-1)
    for image in range(x.shape[0]):
        for row in range(rows):
            place = ((image * strip.shape[1] + row + top) * strip.shape[2] + left) * depth
            run(x_flat, (image * rows + row) * size, size, offset, flat, place)


@intrinsic
def _move(context, x, first, y, start, count):
    """Copy y[start : start + count] = x[first : first + count], flat arrays of one type."""

    def emit(context, builder, signature, values):
        source, target = (context.make_array(signature.args[i])(context, builder, values[i]) for i in (0, 2))
        places = builder.gep(target.data, [values[3]]), builder.gep(source.data, [values[1]])
        cgutils.raw_memcpy(builder, *places, values[4], x.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(x, types.int64, y, types.int64, types.int64), emit


@numba.njit(cache=True, nogil=True)
def place(x, multiplier, top, left, image):
    """Write x [B, H, W, C] float32, every channel `multiplier` times in a row, into image [B, H', W', C'] from [top, left] on."""
    source, target = x.reshape(-1), image.reshape(-1)
    size, row_size = x.shape[2] * x.shape[3], image.shape[2] * image.shape[3]
    for number in range(x.shape[0]):
        for row in range(x.shape[1]):
            here = (number * x.shape[1] + row) * size
            there = (number * image.shape[1] + row + top) * row_size + left * image.shape[3]
            if multiplier == 1:
                _move(source, here, target, there, size)
            else:
                for i in range(size):
                    target[there + i * multiplier : there + (i + 1) * multiplier] = source[here + i]


@numba.njit(cache=True, nogil=True)
def gather(x, pixels, segments, rows):
    """Write rows [M, S, N] = x [pixels[m] + segments[s] + n]; x flat."""
    flat, size = rows.reshape(-1), rows.shape[2]
    for m in range(rows.shape[0]):
        for s in range(rows.shape[1]):
            _move(x, pixels[m] + segments[s], flat, (m * rows.shape[1] + s) * size, size)
