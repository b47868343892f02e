"""Float32 functions and sums in the order of Eigen's vector code: the compiled twins of qref/ops/_eigen.py."""

from __future__ import annotations

import numpy as np

from . import libm
from .float_elementwise import clamp
from .float_functions import power_of_two
from .jit import numba

F = np.float32
LOG2_E, LN2_HIGH, LN2_LOW = F(1.44269504088896341), F(-0.693359375), F(2.12194440e-4)
EXP_EVEN = tuple(F(float.fromhex(c)) for c in ("0x1.6850e4p-10", "0x1.555b98p-5", "0x1.fffff8p-2"))
EXP_ODD = tuple(F(float.fromhex(c)) for c in ("0x1.123bccp-7", "0x1.55548ep-3"))
TWICE_EVEN = F(4.1898667812347412109375e-2), F(0.49999141693115234375)
TWICE_ODD = F(8.33471305668354034423828125e-3), F(0.16666877269744873046875)
LOGISTIC_BOUND, SIXTH = F(16.6355324), F(1 / 6)
TANH_BOUND = F(7.90738964080810547)
TANH_ABOVE = tuple(F(c) for c in (1.394553628e-8, 2.102733560e-5, 3.520756727e-3, 1.340216100e-1))
TANH_BELOW = tuple(F(c) for c in (8.015776984e-7, 3.326951409e-4, 2.597254514e-2, 4.673548340e-1))


@numba.njit(cache=True, nogil=True, inline="always")
def exp(x):
    """The exponential, 0 below -104."""
    bounded = F(88.723) if x > F(88.723) else x
    m = np.floor(bounded * LOG2_E + F(0.5))
    r = m * LN2_LOW + (m * LN2_HIGH + bounded)
    square = r * r
    even = (EXP_EVEN[0] * square + EXP_EVEN[1]) * square + EXP_EVEN[2]
    p = square * (r * (EXP_ODD[0] * square + EXP_ODD[1]) + even) + (r + F(1))
    half = np.floor(m * F(0.5)) if m > F(-160) else F(0)
    return F(0) if x < F(-104) else p * power_of_two(half) * power_of_two(m - half if m > F(-160) else F(0))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def tanh(x, y):
    """Write y [n], the hyperbolic tangent of x [n]: a quotient of polynomials."""
    for i in range(x.size):
        v = clamp(x[i], -TANH_BOUND, TANH_BOUND)
        q = v * v
        above = ((TANH_ABOVE[0] * q + TANH_ABOVE[1]) * q + TANH_ABOVE[2]) * q + TANH_ABOVE[3]
        below = (((TANH_BELOW[0] * q + TANH_BELOW[1]) * q + TANH_BELOW[2]) * q + TANH_BELOW[3]) * q + F(1)
        y[i] = (q * v * above + v) / below


@numba.njit(cache=True, nogil=True, inline="always")
def _exp_of_twice(half):
    """exp(half)^2, half from -52 on."""
    m = np.floor(half * LOG2_E + F(0.5))
    r = m * LN2_LOW + (m * LN2_HIGH + half)
    square = r * r
    even, odd = TWICE_EVEN[0] * square + TWICE_EVEN[1], TWICE_ODD[0] * square + TWICE_ODD[1]
    e = (square * (r * odd + even) + (r + F(1))) * power_of_two(m if m > F(-126) else F(-126))
    return e * e


@numba.njit(cache=True, nogil=True, error_model="numpy")
def packed_logistic(x, y):
    """Write y [n] = e / (1 + e), e = exp(x [n]), by Eigen's exp."""
    for i in range(x.size):
        bounded = LOGISTIC_BOUND if x[i] > LOGISTIC_BOUND else x[i]
        e = _exp_of_twice(bounded * F(0.5))
        y[i] = F(0) if x[i] < F(-104) else e / (F(1) + e)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scalar_logistic(x, y):
    """The same by the C library's exp: what lies beside whole packets."""
    for i in range(x.size):
        bounded = LOGISTIC_BOUND if x[i] > LOGISTIC_BOUND else x[i]
        e = libm.expf(bounded)
        y[i] = e / (F(1) + e)


@numba.njit(cache=True, nogil=True)
def logistic(x, y):
    """Write y [n], the logistic of x [n], whose last n % 4 numbers fill no packet."""
    whole = x.size // 4 * 4
    packed_logistic(x[:whole], y[:whole])
    scalar_logistic(x[whole:], y[whole:])


@numba.njit(cache=True, nogil=True)
def hard_swish(x, y):
    """Write y [n] = (x / 6) * relu6(x + 3), of the last n % 4 numbers (x * relu6(x + 3)) / 6; 1/6 is a factor."""
    whole = x.size // 4 * 4
    for i in range(whole):
        y[i] = x[i] * SIXTH * clamp(x[i] + F(3), F(0), F(6))
    for i in range(whole, x.size):
        y[i] = x[i] * clamp(x[i] + F(3), F(0), F(6)) * SIXTH


@numba.njit(cache=True, nogil=True)
def packet_sum(x, head):
    """The sum of x [n], n > 0, whose first `head` numbers lie before a boundary of 16 bytes."""
    head = min(head, x.size)
    packets = (x.size - head) // 4
    paired, stop = packets // 2 * 2, head + packets * 4
    total, first = x[0], 1
    if packets:
        lanes = np.empty((2, 4), np.float32)
        for packet in range(paired):
            for lane in range(4):
                value = x[head + packet * 4 + lane]
                lanes[packet % 2, lane] = lanes[packet % 2, lane] + value if packet > 1 else value
        for lane in range(4):
            both = lanes[0, lane] + lanes[1, lane] if paired else x[stop - 4 + lane]
            lanes[0, lane] = both + x[stop - 4 + lane] if paired and paired < packets else both
        total, first = (lanes[0, 0] + lanes[0, 2]) + (lanes[0, 1] + lanes[0, 3]), stop
        for k in range(head):
            total += x[k]
    for k in range(first, x.size):
        total += x[k]
    return total
