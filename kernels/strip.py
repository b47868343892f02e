"""Images as the tiles read them: an offset added, in uint8 or int16, with a border that stands for the zero point."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def copy(x, offset, top, left, strip):
    """Write x [B, H, W, C] + offset into strip [B, H', W', C] from [top, left] on; what does not fit its type wraps."""
    first, added = left * x.shape[3], np.int32(offset)
    for image in range(x.shape[0]):
        for row in range(x.shape[1]):
            source = x[image, row].reshape(-1)
            target = strip[image, row + top].reshape(-1)[first : first + source.size]
            for i in range(source.size):
                target[i] = np.int32(source[i]) + added


@numba.njit(cache=True, nogil=True)
def repeat(x, offset, multiplier, top, left, strip):
    """The same with every channel `multiplier` times in a row."""
    added = np.int32(offset)
    for image in range(x.shape[0]):
        for row in range(x.shape[1]):
            for column in range(x.shape[2]):
                for channel in range(x.shape[3]):
                    for i in range(multiplier):
                        strip[image, row + top, column + left, channel * multiplier + i] = (
                            np.int32(x[image, row, column, channel]) + added
                        )


@numba.njit(cache=True, nogil=True)
def place(x, multiplier, top, left, image):
    """Write x [B, H, W, C] float32, every channel `multiplier` times in a row, into image [B, H', W', C'] from [top, left] on."""
    for number in range(x.shape[0]):
        for row in range(x.shape[1]):
            source = x[number, row].reshape(-1)
            first = left * image.shape[3]
            target = image[number, row + top].reshape(-1)[first : first + source.size * multiplier]
            if multiplier == 1:
                for i in range(source.size):
                    target[i] = source[i]
            else:
                for i in range(target.size):
                    target[i] = source[i // multiplier]


@numba.njit(cache=True, nogil=True)
def gather(x, pixels, segments, rows):
    """Write rows [M, S, N] = x [pixels[m] + segments[s] + n]; x flat."""
    for m in range(rows.shape[0]):
        for s in range(rows.shape[1]):
            first = pixels[m] + segments[s]
            for n in range(rows.shape[2]):
                rows[m, s, n] = x[first + n]
