"""SVDF: what follows the product of the features; on integers all of it."""

from __future__ import annotations

import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int32
from .jit import numba


@numba.njit(cache=True, nogil=True)
def append(features, state):
    """Bring state [B F, M] one step further, in place: features [B F] become the last of each row."""
    for f in range(state.shape[0]):
        row = state[f]
        for m in range(row.size - 1):
            row[m] = row[m + 1]
        row[row.size - 1] = features[f]


@numba.njit(cache=True, nogil=True)
def filter_time(state, weights, bias, multiplier, shift, zero_point, y):
    """Y [B, U] int8 from state [B, U, rank * M] int16, weights [U, rank * M] int16 and bias [U] int64."""
    for b in range(y.shape[0]):
        for u in range(y.shape[1]):
            acc = bias[u]
            for m in range(weights.shape[1]):
                acc += np.int64(state[b, u, m]) * np.int64(weights[u, m])
            value = multiply_by_quantized_multiplier(wrap_int32(acc), multiplier, shift) + zero_point
            y[b, u] = min(max(value, -128), 127)
