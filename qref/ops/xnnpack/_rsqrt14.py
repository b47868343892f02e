"""The reciprocal square root to 14 bits that AVX-512 CPUs compute, on which XNNPACK's SQRT and RSQRT are built.

Intel defines it bit by bit. Here it is in integers, in 32 straight pieces for mantissas of an even and 32 for those of an odd
exponent, found from a CPU's results for all inputs: with j the mantissa's bits in a piece without the last 8,

    y = (128 start - slope j) / 2^9, rounded down, in steps of 2^-17, from 1/2 on

Source: probed; equal to an Intel Xeon's instruction for all mantissas of two neighboring exponents.
"""

from __future__ import annotations

import numpy as np

STARTS = np.array(
    [
        (
            *(262121, 254113, 246469, 239154, 232142, 225415, 218957, 212753, 206778, 201025, 195479),
            *(190132, 184962, 179962, 175135, 170459, 165927, 161539, 157279, 153144, 149133, 145235),
            *(141448, 137763, 134175, 130683, 127286, 123966, 120735, 117590, 114511, 111514),
        ),
        (
            *(108565, 102905, 97500, 92324, 87372, 82615, 78049, 73657, 69437, 65371, 61445),
            *(57661, 54005, 50474, 47057, 43755, 40551, 37443, 34431, 31513, 28675, 25918),
            *(23236, 20632, 18098, 15629, 13223, 10878, 8597, 6365, 4192, 2070),
        ),
    ]
)  # of the even exponents, then of the odd ones
SLOPES = np.array(
    [
        (
            *(1001, 955, 915, 877, 841, 807, 775, 747, 719, 693, 669),
            *(647, 625, 603, 585, 567, 549, 533, 517, 501, 487, 473),
            *(461, 449, 437, 425, 415, 403, 393, 385, 375, 367),
        ),
        (
            *(707, 675, 647, 619, 595, 571, 549, 527, 509, 491, 473),
            *(457, 441, 427, 413, 401, 389, 377, 365, 355, 345, 335),
            *(325, 317, 309, 301, 293, 285, 279, 271, 265, 259),
        ),
    ]
)


@np.errstate(all="ignore")
def rsqrt14(x: np.ndarray) -> np.ndarray:
    """About 1 / sqrt(x) of float32 x without denormals: infinite for zeros, of their sign, NaN below, 0 for infinity.

    >>> rsqrt14(np.float32([4, 2, 3]))
    array([0.5      , 0.7070694, 0.5773392], dtype=float32)
    """
    bits = x.view(np.uint32).astype(np.int64)
    exponent, mantissa = (bits >> 23 & 255) - 127, bits & 0x7FFFFF
    odd, piece, j = exponent & 1, mantissa >> 18, (mantissa >> 8) & 1023
    steps = (128 * STARTS[odd, piece] - SLOPES[odd, piece] * j) >> 9
    half = (steps << 7) + (126 << 23)
    half = np.where((odd == 0) & (mantissa == 0), 127 << 23, half)
    y = (half - ((exponent >> 1) << 23)).astype(np.uint32).view(np.float32)
    y = np.where(x == 0, np.copysign(np.float32(np.inf), x), np.where(np.isinf(x), np.float32(0), y))
    return np.where(np.isnan(x) | (x < 0), np.float32(np.nan), y)
