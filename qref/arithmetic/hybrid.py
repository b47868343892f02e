"""Rows of floats to int8 at run time, for operators with float activations and integer weights ("hybrid", "dynamic range").

x [rows, depth] float32 -> q [rows, depth] int8, scale [rows] float32, zero_point [rows] int64, with x ~ scale * (q - zero_point).

Whole blocks of 8 elements of a row are rounded by vector instructions, trunc(v +- 0.5) in float32, which takes the float32 below
0.5 to 1; the rest of the row by C's round, which does not.

Source: TFLite, neon_tensor_utils.cc, compiled for SSE.
"""

from __future__ import annotations

import numpy as np

from .fixed_point import cast_int32, round_half_away, wrap_int32

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]

_BLOCK = 8


def _round(v: np.ndarray) -> np.ndarray:
    blocks = v.shape[1] // _BLOCK * _BLOCK
    rounded = np.trunc(v + np.copysign(np.float32(0.5), v))
    rounded[:, blocks:] = round_half_away(v[:, blocks:])
    return cast_int32(rounded)


@np.errstate(all="ignore")
def quantize_rows_symmetric(x: np.ndarray) -> Rows:
    """Quantize each row around zero, so that its greatest magnitude becomes 127.

    scale = R / 127, q = clamp(round(x * float32(127 / R)), -127, 127), R = max |x|; a row of zeros has scale 1. All in float32.
    """
    greatest = np.abs(x).max(axis=1, initial=0)
    blank = greatest == 0
    greatest = np.where(blank, np.float32(127), greatest)
    q = _round(x * (np.float32(127) / greatest)[:, None])
    return np.clip(q, -127, 127).astype(np.int8), greatest / np.float32(127), np.zeros(len(x), np.int64)


@np.errstate(all="ignore")
def quantize_rows_asymmetric(x: np.ndarray) -> Rows:
    """Quantize each row over all 256 values, so that its range, widened to hold zero, becomes [-128, 127].

    step = (max - min) / 255, zero_point = round(-128 - min / step) or round(127 - max / step), in float64: the one of them that
    the smaller terms give; scale = float32(step), q = clamp(round(x * float32(1 / scale)) + zero_point, -128, 127).
    """
    low, high = x.min(axis=1, initial=0), x.max(axis=1, initial=0)
    blank = low == high
    step = np.where(blank, 1.0, (high - low).astype(np.float64) / 255)
    low_steps, high_steps = low / step, high / step
    from_low = 128 + np.abs(low_steps) < 127 + np.abs(high_steps)
    position = np.where(from_low, -128 - low_steps, 127 - high_steps)
    zero_point = cast_int32(round_half_away(np.clip(position, -128, 127))).astype(np.int8)  # of NaN it is 0
    zero_point = np.where(blank, 0, zero_point).astype(np.int64)
    scale = step.astype(np.float32)
    q = wrap_int32(_round(x * (np.float32(1) / scale)[:, None]) + zero_point[:, None])
    return np.clip(q, -128, 127).astype(np.int8), scale, zero_point
