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
