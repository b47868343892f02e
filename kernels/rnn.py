"""The fully connected recurrent network and SVDF on float32 activations: the equations are those of qref/ops/_rnn.py and svdf.py.

Sums in lanes are those of TFLite's own code for SSE: four, which take the terms in turn; ((l0 + l1) + l2) + l3, then the terms
left over one by one.
"""

from __future__ import annotations

import numpy as np

from . import hybrid
from .hybrid_matmul import multiply
from .jit import numba
from .lstm_float import activate

LANES = 4


@numba.njit(cache=True, nogil=True)
def add_products(x, w, lanes, total):
    """Add x [K] . w [K, N] to total [N], each sum in lanes; lanes [4, N] is overwritten."""
    packets = x.size // LANES * LANES
    lanes[:] = 0
    for k in range(packets):
        value, weights, lane = x[k], w[k], lanes[k % LANES]
        for n in range(lane.size):
            lane[n] += value * weights[n]
    a, b, c, d = lanes[0], lanes[1], lanes[2], lanes[3]
    for n in range(total.size):
        total[n] += ((a[n] + b[n]) + c[n]) + d[n]
    for k in range(packets, x.size):
        value, weights = x[k], w[k]
        for n in range(total.size):
            total[n] += value * weights[n]


@numba.njit(cache=True, nogil=True)
def rnn(places, x, w, bias, recurrent, activation, h, column, y):
    """All steps with float32 weights: y [T B, U or more], from a column on.

    places        int64 [T, B]: the rows of x [T B, I] and y
    w, recurrent  float32 [I, U] and [U, U]
    h             float32 [B, U], before and after
    """
    units = bias.size
    total, lanes = np.empty(units, np.float32), np.empty((LANES, units), np.float32)
    for t in range(places.shape[0]):
        for b in range(places.shape[1]):
            place = places[t, b]
            total[:] = bias
            add_products(x[place], w, lanes, total)
            add_products(h[b], recurrent, lanes, total)
            activate(total, activation, h[b])
            y[place, column : column + units] = h[b]


@numba.njit(cache=True, nogil=True)
def hybrid_rnn(places, starts, recurrent, rows, activation, h, products, column, y):
    """All steps with weights of 8 bits: y [T B, U or more], from a column on.

    starts     float32 [T B, U]: bias and products of the inputs
    recurrent  the arguments of hybrid_matmul.multiply, from h to products [B, U]
    rows       of h that are not multiplied where all of them are zero
    """
    units = starts.shape[1]
    for t in range(places.shape[0]):
        multiply(recurrent)
        for b in range(places.shape[1]):
            if b % rows == 0:
                skip = hybrid.is_zero(h[b : b + rows].reshape(-1))
            start, total = starts[places[t, b]], products[b]
            for n in range(units):
                total[n] = start[n] if skip else start[n] + total[n]
        for b in range(places.shape[1]):
            activate(products[b], activation, h[b])
            y[places[t, b], column : column + units] = h[b]


@numba.njit(cache=True, nogil=True)
def products_in_lanes(x, w, y):
    """Write y [M, N] = x [M, K] . w [K, N], each sum in lanes."""
    lanes = np.empty((LANES, w.shape[1]), np.float32)
    for row in range(x.shape[0]):
        y[row] = 0
        add_products(x[row], w, lanes, y[row])


@numba.njit(cache=True, nogil=True)
def sum_in_lanes(terms):
    """The sum of terms [n], in lanes that begin with their first term."""
    packets, total = terms.size // LANES * LANES, np.float32(0)
    if packets > 0:
        a, b, c, d = terms[0], terms[1], terms[2], terms[3]
        for k in range(LANES, packets, LANES):
            a += terms[k]
            b += terms[k + 1]
            c += terms[k + 2]
            d += terms[k + 3]
        total = ((a + b) + c) + d
    for k in range(packets, terms.size):
        total += terms[k]
    return total


@numba.njit(cache=True, nogil=True)
def filter_time(state, time_weights, bias, activation, y):
    """Write y [B, U] = activation(bias [U] + the sums of state [B, F, M] * time_weights [F, M]), F / U filters each."""
    terms, filtered = np.empty(state.shape[2], np.float32), np.empty(state.shape[1], np.float32)
    rank, total = state.shape[1] // bias.size, np.empty(bias.size, np.float32)
    for b in range(state.shape[0]):
        for f in range(filtered.size):
            for m in range(terms.size):
                terms[m] = state[b, f, m] * time_weights[f, m]
            filtered[f] = sum_in_lanes(terms)
        for u in range(bias.size):
            total[u] = sum_in_lanes(filtered[u * rank : (u + 1) * rank]) + bias[u]
        activate(total, activation, y[b])
