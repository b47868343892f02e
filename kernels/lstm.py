"""The integer LSTM: all time steps of one sequence. The equations are those of qref/ops/_lstm_integer.py.

The gates' activations are tables of all 65536 sums, by their bits, so that a step is a product by tiles, a few multiplications
and look-ups.
"""

from __future__ import annotations

import numpy as np

from . import tile
from .fixed_point import (
    multiply_by_quantized_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from .jit import numba
from .lstm_constants import CELL_TANH, HIDDEN, LAYER_NORM, LOGISTIC, PEEPHOLE, PROJECTION, TANH
from .matmul import accumulate


@numba.njit(cache=True, nogil=True)
def saturate_int16(x):
    """Clamp x to int16."""
    return min(max(x, -32768), 32767)


@numba.njit(cache=True, nogil=True)
def truncate(x, divisor):
    """C's division: the quotient truncated."""
    return x // divisor if x >= 0 else -(-x // divisor)


@numba.njit(cache=True, nogil=True)
def inverse_sqrt(x):
    """1 / sqrt(x) as multiplier and shift: five steps of Newton's method from 1, on x scaled to about 1/4 to 1."""
    if x <= 1:
        return np.int64(2147483647), np.int64(0)
    right = np.int64(11)
    while x >= 536870912:
        x >>= 2
        right += 1
    pairs = np.int64(0)
    while x << 2 * (pairs + 1) < 536870912:
        pairs += 1
    right -= pairs
    half = rounding_divide_by_pot((x << 2 * pairs) >> 1, 1)
    y = np.int64(268435456)
    for _ in range(5):
        cube = saturating_rounding_doubling_high_mul(saturating_rounding_doubling_high_mul(y, y), y)
        cube = min(max(cube << 6, -2147483648), 2147483647)
        step = saturating_rounding_doubling_high_mul(402653184, y) - saturating_rounding_doubling_high_mul(half, cube)
        y = np.int64(min(max(step << 3, -2147483648), 2147483647))
    y = saturating_rounding_doubling_high_mul(y, 1518500250)
    return (y << -right, np.int64(0)) if right < 0 else (y, -right)


@numba.njit(cache=True, nogil=True)
def layer_normalize(g, weights, biases, guard, multiplier, shift):
    """Bring g [C] int64 to mean 0 and variance 1, times weights, plus biases, in place."""
    cells = len(g)
    total = np.int64(0)
    squares = np.int64(0)
    for c in range(cells):
        total += g[c]
        squares += g[c] * g[c]
    mean = truncate(1024 * total, cells)
    variance = truncate(squares * (1048576 // cells) - mean * mean, 1048576)
    inverse, inverse_shift = inverse_sqrt(variance if variance >= 1 else guard)
    for c in range(cells):
        normal = multiply_by_quantized_multiplier(1024 * g[c] - mean, inverse, inverse_shift)
        scaled = wrap_int32(normal * weights[c] + biases[c])
        rounded = truncate(scaled + 512 if scaled > 0 else scaled - 512, 1024)
        g[c] = saturate_int16(multiply_by_quantized_multiplier(rounded, multiplier, shift + 12))


@numba.njit(cache=True, nogil=True)
def peephole_sums(k, weights, cell_state, k_, g):
    """Add what gate k sees of the cell state [C] to its sums g [C]."""
    for c in range(g.size):
        seen = multiply_by_quantized_multiplier(weights[c] * cell_state[c], k_.multipliers[PEEPHOLE, k], k_.shifts[PEEPHOLE, k])
        g[c] = saturate_int16(g[c] + seen)


@numba.njit(cache=True, nogil=True)
def gate(k, place, of_input, of_output, cell_state, k_, g, out):
    """Gate k of all entries, out [B, C] int16, the `place`-th of those with sums of_input int16 + of_output int32 [B, G C]."""
    cells, table = out.shape[1], k_.activations[TANH if k == 2 else LOGISTIC]
    columns = slice(place * cells, (place + 1) * cells)
    for b in range(out.shape[0]):
        first, second, result = of_input[b][columns], of_output[b][columns], out[b]
        for c in range(cells):
            g[c] = saturate_int16(np.int64(first[c]) + np.int64(second[c]))
        if k_.peephole.size > 0 and k != 2:
            peephole_sums(k, k_.peephole[place, b * cells : (b + 1) * cells], cell_state[b], k_, g)
        if k_.norm_weights.size > 0:
            multiplier, shift = k_.multipliers[LAYER_NORM, k], k_.shifts[LAYER_NORM, k]
            layer_normalize(g, k_.norm_weights[place], k_.norm_biases[place], k_.variance_guards[k], multiplier, shift)
        for c in range(cells):
            result[c] = table[np.uint16(g[c])]


@numba.njit(cache=True, nogil=True)
def update_cell(i, f, j, cifg, cell_state, k_):
    """The new cell state [B, C] int16, in place."""
    for b in range(f.shape[0]):
        for c in range(f.shape[1]):
            forget = np.int64(f[b, c])
            kept = rounding_divide_by_pot(forget * cell_state[b, c], 15)
            factor = 32767 - forget if cifg else np.int64(i[b, c])
            added = np.int64(np.int16(rounding_divide_by_pot(factor * j[b, c], k_.product_shift)))
            value = saturate_int16(kept + added)
            if k_.cell_clip > 0:
                value = min(max(value, -k_.cell_clip), k_.cell_clip)
            cell_state[b, c] = value


@numba.njit(cache=True, nogil=True)
def finish_step(o, cell_state, k_, hidden, acc, h):
    """The new output state h [B, O] int8 from the output gate [B, C]."""
    table, multiplier, shift = k_.activations[CELL_TANH], k_.multipliers[HIDDEN, 0], k_.shifts[HIDDEN, 0]
    for b in range(o.shape[0]):
        for c in range(o.shape[1]):
            hidden[b, c] = table[np.uint16(cell_state[b, c])]
        for c in range(o.shape[1]):
            value = multiply_by_quantized_multiplier(np.int64(o[b, c]) * np.int64(hidden[b, c]), multiplier, shift)
            hidden[b, c] = min(max(value + k_.hidden_offset, -128), 127)
    if k_.projection_weights.size == 0:
        for b in range(h.shape[0]):
            for c in range(h.shape[1]):
                h[b, c] = hidden[b, c]
        return
    accumulate(hidden, k_.projection_weights, k_.projection_start, acc)
    for b in range(h.shape[0]):
        for n in range(h.shape[1]):
            value = multiply_by_quantized_multiplier(acc[b, n], k_.multipliers[PROJECTION, 0], k_.shifts[PROJECTION, 0])
            value = min(max(value + k_.output_zero_point, -128), 127)
            if k_.projection_clip > 0:
                value = min(max(value, -k_.projection_clip), k_.projection_clip)
            h[b, n] = value


@numba.njit(cache=True, nogil=True)
def lstm(places, of_input, k_, recurrent, rows, of_output, h, cell_state, y):
    """All steps: y [T B, O] int8 from the input's sums of_input [T B, G C] int16, saturated.

    places     int64 [T, B]: the rows of y and of_input
    recurrent  the arguments of tile.matmul that write of_output [B, G C] int32, the sums of the output state, from `rows`
    h, cell_state  int8 [B, O] and int16 [B, C], before and after
    """
    (batch, outputs), cells = h.shape, cell_state.shape[1]
    first = 4 - of_input.shape[1] // cells  # 1 with CIFG
    gates, now = np.empty((4, batch, cells), np.int16), np.empty((batch, of_input.shape[1]), np.int16)
    hidden, acc = np.empty((batch, cells), np.int16), np.empty(h.shape, np.int32)
    g = np.empty(cells, np.int64)
    for t in range(places.shape[0]):
        for b in range(batch):
            now[b] = of_input[places[t, b]]
            for n in range(outputs):
                rows[b * outputs + n] = h[b, n] + k_.row_offset
        tile.matmul(*recurrent)
        for k in range(first, 4):
            if k == 3:
                update_cell(gates[0], gates[1], gates[2], first == 1, cell_state, k_)
            gate(k, k - first, now, of_output, cell_state, k_, g, gates[k])
        finish_step(gates[3], cell_state, k_, hidden, acc, h)
        for b in range(batch):
            y[places[t, b]] = h[b]
