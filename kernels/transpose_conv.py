"""TRANSPOSE_CONV on top of the matmul core: each input pixel's products with all taps are added to the output where they land.

geometry: two tuples of integers, for height and width image_size (of the output here), filter_size, output_size (of the input
here), stride, dilation, padding.
"""

from __future__ import annotations

import numpy as np

from .jit import numba
from .matmul import accumulate, accumulate_64, finish_float32


@numba.njit(cache=True, nogil=True)
def scatter(products, geometry, batch, in_y, acc):
    """Add products [W, KH * KW * O] of one row of input pixels to acc [B, OH, OW, O]; int32 wraps."""
    image_h, filter_h, _, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, _, stride_w, dilation_w, padding_w = geometry[1]
    channels = acc.shape[3]
    for in_x in range(products.shape[0]):
        for filter_y in range(filter_h):
            out_y = in_y * stride_h + filter_y * dilation_h - padding_h
            for filter_x in range(filter_w):
                out_x = in_x * stride_w + filter_x * dilation_w - padding_w
                if 0 <= out_y < image_h and 0 <= out_x < image_w:
                    first = (filter_y * filter_w + filter_x) * channels
                    for o in range(channels):
                        acc[batch, out_y, out_x, o] += products[in_x, first + o]


@numba.njit(cache=True, nogil=True)
def convolve(x, w, geometry, acc):
    """Write acc [B, OH, OW, O] += x [B, H, W, C] int16 spread by w [KH * KW * O, C] int16, in int32; acc starts at the bias."""
    start, products = np.zeros(w.shape[0], np.int32), np.empty((x.shape[2], w.shape[0]), np.int32)
    for batch in range(x.shape[0]):
        for in_y in range(x.shape[1]):
            accumulate(x[batch, in_y], w, start, products)
            scatter(products, geometry, batch, in_y, acc)


@numba.njit(cache=True, nogil=True)
def spread(products, start, geometry, acc):
    """Write acc [B, OH, OW, O] = start [O] + the sum over p of products [P, B, H, W, KH * KW * O] int32 where they land.

    acc int64, or int32, which wraps.
    """
    acc[:] = start.astype(acc.dtype)
    for p in range(products.shape[0]):
        for batch in range(products.shape[1]):
            for in_y in range(products.shape[2]):
                scatter(products[p, batch, in_y], geometry, batch, in_y, acc)


@numba.njit(cache=True, nogil=True)
def convolve_64(x, w, geometry, block, acc):
    """The same in int64; block as for `accumulate_64`."""
    start, products = np.zeros(w.shape[0], np.int64), np.empty((x.shape[2], w.shape[0]), np.int64)
    for batch in range(x.shape[0]):
        for in_y in range(x.shape[1]):
            accumulate_64(x[batch, in_y], w, start, block, products)
            scatter(products, geometry, batch, in_y, acc)


@numba.njit(cache=True, nogil=True)
def convolve_float32(x, w, b, geometry, low, high, y):
    """Write y [B, OH, OW, O] = clamp(x [B, H, W, C] spread by w [KH, KW, C, O] + b) in float32; y comes as zeros.

    What meets at an element is added in ascending iy, ix, c.
    """
    image_h, filter_h, _, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, _, stride_w, dilation_w, padding_w = geometry[1]
    for batch in range(x.shape[0]):
        for in_y in range(x.shape[1]):
            for in_x in range(x.shape[2]):
                for filter_y in range(filter_h):
                    out_y = in_y * stride_h + filter_y * dilation_h - padding_h
                    for filter_x in range(filter_w):
                        out_x = in_x * stride_w + filter_x * dilation_w - padding_w
                        if 0 <= out_y < image_h and 0 <= out_x < image_w:
                            for c in range(x.shape[3]):
                                value = x[batch, in_y, in_x, c]
                                for o in range(y.shape[3]):
                                    y[batch, out_y, out_x, o] += value * w[filter_y, filter_x, c, o]
        for out_y in range(y.shape[1]):
            for out_x in range(y.shape[2]):
                finish_float32(y[batch, out_y, out_x], b, low, high)
