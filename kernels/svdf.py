"""The integer SVDF: what follows the product of the features."""

from __future__ import annotations

import numba
import numpy as np

from .fixed_point import multiply_by_quantized_multiplier, wrap_int32


@numba.njit(cache=True, nogil=True)
def append_features(state, features, multiplier, shift, new_state):
    """new_state [B F, M] int16 = state one step later; features [B F] int32 are brought to its scale and appended."""
    for f in range(state.shape[0]):
        for m in range(state.shape[1] - 1):
            new_state[f, m] = state[f, m + 1]
        value = multiply_by_quantized_multiplier(features[f], multiplier, shift)
        new_state[f, state.shape[1] - 1] = min(max(value, -32768), 32767)


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
