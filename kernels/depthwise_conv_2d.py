"""DEPTHWISE_CONV_2D, the loop over channels innermost, which vectorizes. A depth multiplier is already unrolled in x.

geometry: two tuples of integers, for height and width image_size, filter_size, output_size, stride, dilation, padding.
"""

from __future__ import annotations

import numpy as np

from .jit import numba
from .matmul import finish_float32


@numba.njit(cache=True, nogil=True)
def convolve(x, w, start, geometry, acc):
    """Write acc [B * OH * OW, C] = start [C] + x [B, H, W, C] int16 * w [KH, KW, C] int16; start, acc int32 (wraps) or int64."""
    image_h, filter_h, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, output_w, stride_w, dilation_w, padding_w = geometry[1]
    for pixel in range(acc.shape[0]):
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        for c in range(acc.shape[1]):
            acc[pixel, c] = start[c]
        for filter_y in range(filter_h):
            in_y = out_y * stride_h + filter_y * dilation_h - padding_h
            for filter_x in range(filter_w):
                in_x = out_x * stride_w + filter_x * dilation_w - padding_w
                if 0 <= in_y < image_h and 0 <= in_x < image_w:
                    for c in range(acc.shape[1]):
                        acc[pixel, c] += np.int32(np.int32(x[batch, in_y, in_x, c]) * np.int32(w[filter_y, filter_x, c]))


@numba.njit(cache=True, nogil=True)
def convolve_float32(x, w, b, geometry, low, high, y):
    """Write y [B * OH * OW, C] = clamp(x [B, H, W, C] * w [KH, KW, C] + b [C]) in float32, each sum from 0 over ky, kx."""
    image_h, filter_h, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, output_w, stride_w, dilation_w, padding_w = geometry[1]
    for pixel in range(y.shape[0]):
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        for c in range(y.shape[1]):
            y[pixel, c] = np.float32(0)
        for filter_y in range(filter_h):
            in_y = out_y * stride_h + filter_y * dilation_h - padding_h
            for filter_x in range(filter_w):
                in_x = out_x * stride_w + filter_x * dilation_w - padding_w
                if 0 <= in_y < image_h and 0 <= in_x < image_w:
                    for c in range(y.shape[1]):
                        y[pixel, c] += x[batch, in_y, in_x, c] * w[filter_y, filter_x, c]
        finish_float32(y[pixel], b, low, high)
