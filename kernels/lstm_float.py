"""The LSTM on float32 activations, all steps in one call: the equations are those of qref/ops/_lstm_float.py.

Sums of a step's inputs are computed before, for all steps; those of its output state come from the matmuls of float_lanes.py or,
with weights of 8 bits, of tile.py. Each function of a gate is a loop over cells, so that it becomes vectors.
"""

from __future__ import annotations

import math

import numpy as np

from . import float_eigen, float_lanes, hybrid
from .float_elementwise import clamp
from .hybrid_matmul import multiply
from .jit import numba
from .lstm_float_constants import SIGN_BIT, TANH

CELL, OUTPUT = 2, 3
SLOTS = (0, 2, 1, 3)  # of the gates input, forget, cell, output in LiteRT's buffer
FOUR = 4
F = np.float32


@numba.njit(cache=True, nogil=True)
def activate(x, activation, y):
    """The activation function of x [n]."""
    if activation.kind == TANH:
        float_eigen.tanh(x, y)
    elif activation.kind == SIGN_BIT:
        for i in range(x.size):
            y[i] = F(math.copysign(F(1), x[i]) < 0)
    else:
        for i in range(x.size):
            y[i] = clamp(x[i], activation.low, activation.high)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def normalize(x, weights, biases):
    """Bring x [n] to mean 0 and variance 1, times weights, plus biases, in place; sums in order."""
    size, total = F(x.size), x[0]
    for i in range(1, x.size):
        total += x[i]
    mean = total / size
    total = (x[0] - mean) * (x[0] - mean)
    for i in range(1, x.size):
        total += (x[i] - mean) * (x[i] - mean)
    inverse = F(1) / np.sqrt(total / size + F(1e-8))
    for i in range(x.size):
        x[i] = (x[i] - mean) * inverse * weights[i] + biases[i]


@numba.njit(cache=True, nogil=True)
def gate(k, first, entry, batch, sums, c, k_, y):
    """Gate k of a batch entry, y [C], from its sums [C], which change; `first` is the number of the first gate there is."""
    cells = c.size
    if k_.peephole.size > 0 and k != CELL:
        weights = k_.peephole[k - first]
        for n in range(cells):
            sums[n] += weights[n] * c[n]
    if k_.norm_weights.size > 0:
        normalize(sums, k_.norm_weights[k - first], k_.norm_biases[k - first])
    if k == CELL:
        activate(sums, k_.activation, y)
        return
    size = k_.rows * cells  # a vector in LiteRT's buffer
    start = (SLOTS[k] - (first > 0)) * batch * cells + entry // k_.rows * size
    aligned = (start + FOUR - 1) // FOUR * FOUR
    end = aligned + max(start + size - aligned, 0) // FOUR * FOUR
    here = start + entry % k_.rows * cells
    before = min(max(aligned - here, 0), cells)
    behind = max(min(end - here, cells), before)
    float_eigen.packed_logistic(sums, y)
    float_eigen.scalar_logistic(sums[:before], y[:before])
    float_eigen.scalar_logistic(sums[behind:], y[behind:])


@numba.njit(cache=True, nogil=True)
def step(entry, batch, sums, k_, gates, c, hidden):
    """One step of a batch entry: c [C] in place and hidden [C] from the sums [G C]; gates [4, C] is overwritten."""
    cells = c.size
    first = 4 - sums.size // cells
    i, f, j, o = gates[0], gates[1], gates[2], gates[3]
    for k in range(first, 4):
        if k == OUTPUT:
            for n in range(cells):
                value = f[n] * c[n] + j[n] * (F(1) - f[n] if first > 0 else i[n])
                c[n] = clamp(value, -k_.cell_clip, k_.cell_clip) if k_.cell_clip > 0 else value
        gate(k, first, entry, batch, sums[(k - first) * cells : (k - first + 1) * cells], c, k_, gates[k])
    activate(c, k_.activation, hidden)
    for n in range(cells):
        hidden[n] *= o[n]


@numba.njit(cache=True, nogil=True)
def write_output(value, limit, h, y, column):
    """The new output state h [O] within a limit, 0 for none, and the same in y, from a column on."""
    for n in range(h.size):
        h[n] = clamp(value[n], -limit, limit) if limit > 0 else value[n]
        y[column + n] = h[n]


@numba.njit(cache=True, nogil=True)
def lstm(places, starts, k_, recurrent, projection, bias, h, c, hidden, projected, column, y):
    """All steps with float32 weights, each batch entry on its own: y [T B, O or more], from a column on.

    places     int64 [T, B]: the rows of y and starts
    starts     float32 [T B, N]: the sums of the inputs, N >= G C
    recurrent, projection
               the arguments of float_lanes.matmul without b and y: they read h and `hidden`, of shape [B, C]
    bias       float32 [N]: of the projection
    h, c       float32 [B, O] and [B, C], before and after
    projected  float32 [1, O], overwritten
    """
    batch, cells = c.shape
    x, pixels, depths, w, vectors, parts, crosswise, columns, limits = recurrent
    x_p, pixels_p, depths_p, w_p, vectors_p, parts_p, crosswise_p, columns_p, limits_p = projection
    gates, sums = np.empty((4, cells), np.float32), np.empty((1, columns[1]), np.float32)
    for t in range(places.shape[0]):
        for b in range(batch):
            start = starts[places[t, b]]
            float_lanes.matmul(x, pixels[b : b + 1], depths, w, vectors, parts, crosswise, start, columns, limits, sums)
            step(b, batch, sums[0], k_, gates, c[b], hidden[b])
            value = hidden[b]
            if k_.projects:
                entry = pixels_p[b : b + 1]
                float_lanes.matmul(
                    x_p, entry, depths_p, w_p, vectors_p, parts_p, crosswise_p, bias, columns_p, limits_p, projected
                )
                value = projected[0]
            write_output(value, k_.projection_clip, h[b], y[places[t, b]], column)


@numba.njit(cache=True, nogil=True)
def hybrid_lstm(places, starts, k_, recurrent, projection, bias, h, c, hidden, products, projected, column, y):
    """All steps with weights of 8 bits: y [T B, O or more], from a column on.

    recurrent, projection  the arguments of hybrid_matmul.multiply, from rows of h and `hidden` to products [B, G C] and
                           projected [B, O]; they are not added where rows are zero altogether
    """
    batch, cells = c.shape
    gates, sums = np.empty((4, cells), np.float32), np.empty(products.shape[1], np.float32)
    for t in range(places.shape[0]):
        multiply(recurrent)
        for b in range(batch):
            if b % k_.rows == 0:
                skip = hybrid.is_zero(h[b : b + k_.rows].reshape(-1))
            start, product = starts[places[t, b]], products[b]
            for n in range(sums.size):
                sums[n] = start[n] if skip else start[n] + product[n]
            step(b, batch, sums, k_, gates, c[b], hidden[b])
        if k_.projects:
            multiply(projection)
        for b in range(batch):
            value = hidden[b]
            if k_.projects:
                if b % k_.rows == 0:
                    skip = hybrid.is_zero(hidden[b : b + k_.rows].reshape(-1))
                value = projected[b]
                for n in range(value.size):
                    value[n] = bias[n] if skip else bias[n] + value[n]
            write_output(value, k_.projection_clip, h[b], y[places[t, b]], column)
