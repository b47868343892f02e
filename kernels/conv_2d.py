"""CONV_2D on top of the matmul core: the taps of some output pixels at a time are gathered into rows.

geometry: two tuples of integers, for height and width image_size, filter_size, output_size, stride, dilation, padding.
"""

from __future__ import annotations

import numpy as np

from .jit import numba
from .matmul import accumulate, accumulate_64, finish_float32

PIXELS = 64  # gathered at a time, so that rows stay in the cache


@numba.njit(cache=True, nogil=True)
def gather(x, geometry, first_pixel, first_channel, depth, rows):
    """Write rows [M, KH * KW * depth]: what the taps of M output pixels see, from first_pixel on; 0 outside the image."""
    image_h, filter_h, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, output_w, stride_w, dilation_w, padding_w = geometry[1]
    for m in range(rows.shape[0]):
        pixel = first_pixel + m
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        k = 0
        for filter_y in range(filter_h):
            in_y = out_y * stride_h + filter_y * dilation_h - padding_h
            for filter_x in range(filter_w):
                in_x = out_x * stride_w + filter_x * dilation_w - padding_w
                if 0 <= in_y < image_h and 0 <= in_x < image_w:
                    for c in range(depth):
                        rows[m, k + c] = x[batch, in_y, in_x, first_channel + c]
                else:
                    for c in range(depth):
                        rows[m, k + c] = 0
                k += depth


@numba.njit(cache=True, nogil=True)
def convolve(x, w, start, geometry, groups, acc):
    """Write acc [B * OH * OW, O] = start [O] + x [B, H, W, groups * C] int16 * w [O, KH * KW * C] int16, in int32."""
    filters, depth = w.shape[0] // groups, x.shape[3] // groups
    rows = np.empty((PIXELS, w.shape[1]), np.int16)
    part = np.empty((PIXELS, filters), np.int32)
    for first in range(0, acc.shape[0], PIXELS):
        count = min(PIXELS, acc.shape[0] - first)
        for group in range(groups):
            gather(x, geometry, first, group * depth, depth, rows[:count])
            n = group * filters
            accumulate(rows[:count], w[n : n + filters], start[n : n + filters], part[:count])
            for m in range(count):
                for c in range(filters):
                    acc[first + m, n + c] = part[m, c]


@numba.njit(cache=True, nogil=True)
def convolve_64(x, w, start, geometry, groups, block, acc):
    """The same in int64; block as for `accumulate_64`."""
    filters, depth = w.shape[0] // groups, x.shape[3] // groups
    rows = np.empty((PIXELS, w.shape[1]), np.int16)
    part = np.empty((PIXELS, filters), np.int64)
    for first in range(0, acc.shape[0], PIXELS):
        count = min(PIXELS, acc.shape[0] - first)
        for group in range(groups):
            gather(x, geometry, first, group * depth, depth, rows[:count])
            n = group * filters
            accumulate_64(rows[:count], w[n : n + filters], start[n : n + filters], block, part[:count])
            for m in range(count):
                for c in range(filters):
                    acc[first + m, n + c] = part[m, c]


@numba.njit(cache=True, nogil=True)
def convolve_float32(x, w, b, geometry, low, high, y):
    """Write y [B * OH * OW, O] = clamp(x * w + b) in float32, each sum from 0 over ky, kx, c; taps outside the image are skipped.

    x [B, H, W, G * C], w [G, KH, KW, C, O / G]: the loop over output channels is innermost, which vectorizes and keeps the order.
    """
    image_h, filter_h, output_h, stride_h, dilation_h, padding_h = geometry[0]
    image_w, filter_w, output_w, stride_w, dilation_w, padding_w = geometry[1]
    groups, depth, filters = w.shape[0], w.shape[3], w.shape[4]
    for pixel in range(y.shape[0]):
        batch, out_y, out_x = pixel // (output_h * output_w), pixel // output_w % output_h, pixel % output_w
        for c in range(y.shape[1]):
            y[pixel, c] = np.float32(0)
        for group in range(groups):
            total = y[pixel, group * filters : (group + 1) * filters]
            for filter_y in range(filter_h):
                in_y = out_y * stride_h + filter_y * dilation_h - padding_h
                for filter_x in range(filter_w):
                    in_x = out_x * stride_w + filter_x * dilation_w - padding_w
                    if 0 <= in_y < image_h and 0 <= in_x < image_w:
                        for c in range(depth):
                            value = x[batch, in_y, in_x, group * depth + c]
                            for n in range(filters):
                                total[n] += value * w[group, filter_y, filter_x, c, n]
        finish_float32(y[pixel], b, low, high)
