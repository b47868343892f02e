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
