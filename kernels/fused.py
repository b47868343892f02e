"""Float32 sums by fused multiply-add, as XNNPACK has them: every sum begins with the bias, denormals are flushed to zero.

Zeros outside the image take part in the sums.

geometry: two tuples of integers, for height and width image_size, filter_size, output_size, stride, dilation, padding.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from .jit import numba

TINY = np.finfo(np.float32).tiny
LEAST_NORMAL = 2.0**-126 - 2.0**-151  # what 24 bits round to 2^-126

if numba.config.DISABLE_JIT:

    def fma(a, b, c):
        """Return a * b + c, rounded once: the sum is rounded to odd in float64, which rounding to float32 then does no harm."""
        product = np.float64(a) * np.float64(b)
        total = product + np.float64(c)
        from_c = total - product
        error = (product - (total - from_c)) + (np.float64(c) - from_c)
        if error != 0 and np.isfinite(total) and total.view(np.int64) & 1 == 0:
            total = np.nextafter(total, np.inf if error > 0 else -np.inf)
        return np.float32(total)

else:

    @intrinsic
    def fma(typing_context, a, b, c):
        """Return a * b + c, rounded once."""

        def emit(context, builder, signature, arguments):
            return builder.fma(*arguments)

        return types.float32(types.float32, types.float32, types.float32), emit


@numba.njit(cache=True, nogil=True, inline="always")
def add_product(a, b, total):
    """Return a * b + total, rounded once, or a zero of its sign where that is denormal, and rounded to 24 bits would be."""
    value = fma(a, b, total)
    if abs(value) > TINY:
        return value
    exact = np.float64(a) * np.float64(b) + np.float64(total)
    return value * np.float32(0) if abs(exact) < LEAST_NORMAL else value


@numba.njit(cache=True, nogil=True)
def clamp(y, low, high):
    """Bring y [N] within the limits in place; NaN stays NaN."""
    for n in range(y.shape[0]):
        value = low if y[n] < low else y[n]
        y[n] = high if value > high else value


@numba.njit(cache=True, nogil=True)
def matmul(x, w, b, low, high, y):
    """Write y [M, N] = clamp(b [N] + x [M, K] . w [K, N]), k ascending."""
    for m in range(x.shape[0]):
        for n in range(w.shape[1]):
            y[m, n] = b[n]
        for k in range(w.shape[0]):
            value = x[m, k]
            for n in range(w.shape[1]):
                y[m, n] = add_product(value, w[k, n], y[m, n])
        clamp(y[m], low, high)


@numba.njit(cache=True, nogil=True)
def convolve(x, w, b, geometry, low, high, y):
    """Write y [B * OH * OW, O] = clamp(b + x * w), each sum over ky, kx, c; x [B, H, W, G * C], w [G, KH, KW, C, O / G]."""
    image_h, filter_h, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, output_w, stride_w, dilation_w, padding_w = geometry[1]
    groups, depth, filters = w.shape[0], w.shape[3], w.shape[4]
    for pixel in range(y.shape[0]):
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        for c in range(y.shape[1]):
            y[pixel, c] = b[c]
        for group in range(groups):
            total = y[pixel, group * filters : (group + 1) * filters]
            for filter_y in range(filter_h):
                in_y = out_y * stride_h + filter_y * dilation_h - padding_h
                for filter_x in range(filter_w):
                    in_x = out_x * stride_w + filter_x * dilation_w - padding_w
                    inside = 0 <= in_y < image_h and 0 <= in_x < image_w
                    for c in range(depth):
                        value = x[batch, in_y, in_x, group * depth + c] if inside else np.float32(0)
                        for n in range(filters):
                            total[n] = add_product(value, w[group, filter_y, filter_x, c, n], total[n])
        clamp(y[pixel], low, high)


@numba.njit(cache=True, nogil=True)
def depthwise(x, w, b, geometry, taps, low, high, y):
    """Write y [B * OH * OW, C] = clamp(b + x [B, H, W, C] * w [KH, KW, C]), taps [T, 2] in their order."""
    image_h, _, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, _, output_w, stride_w, dilation_w, padding_w = geometry[1]
    for pixel in range(y.shape[0]):
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        for c in range(y.shape[1]):
            y[pixel, c] = b[c]
        for tap in range(taps.shape[0]):
            filter_y, filter_x = taps[tap, 0], taps[tap, 1]
            in_y = out_y * stride_h + filter_y * dilation_h - padding_h
            in_x = out_x * stride_w + filter_x * dilation_w - padding_w
            inside = 0 <= in_y < image_h and 0 <= in_x < image_w
            for c in range(y.shape[1]):
                value = x[batch, in_y, in_x, c] if inside else np.float32(0)
                y[pixel, c] = add_product(value, w[filter_y, filter_x, c], y[pixel, c])
        clamp(y[pixel], low, high)
