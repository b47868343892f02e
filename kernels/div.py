"""DIV of quantized operands, by the reciprocal of the divisor's leading bits."""

from __future__ import annotations

import numpy as np

from .fixed_point import saturating_rounding_doubling_high_mul, wrap_int32
from .gemmlowp import count_leading_zeros, one_over_one_plus_x
from .jit import numba


@numba.njit(cache=True, nogil=True, inline="always")
def _divide_by_pot(x, exponent):
    """round(x / 2^exponent), ties away from zero; exponents beyond 31 as x86 takes them, modulo 32, in the mask modulo 64."""
    mask = wrap_int32(~(np.int64(-1) << (exponent & np.int64(63))))
    return (x >> (exponent & np.int64(31))) + np.int64((x & mask) > (mask >> np.int64(1)) + np.int64(x < 0))


@numba.njit(cache=True, nogil=True)
def div(x1, x2, input1_offset, input2_offset, multiplier, shift, output_offset, qmin, qmax, y):
    """Write y [N] = clamp((x1 + input1_offset) / (x2 + input2_offset) * multiplier * 2^(shift - 31) + output_offset).

    Raises ZeroDivisionError.
    """
    for i in range(y.shape[0]):
        a, b = np.int64(x1[i]) + input1_offset, np.int64(x2[i]) + input2_offset
        if b == 0:
            raise ZeroDivisionError("division by zero")
        a, b = (-a, -b) if b < 0 else (a, b)
        zeros = np.int64(count_leading_zeros(b))
        reciprocal = one_over_one_plus_x(wrap_int32((b << zeros) - np.int64(1 << 31)))
        headroom = np.int64(count_leading_zeros(~a if a < 0 else a)) - 1
        unscaled = saturating_rounding_doubling_high_mul(wrap_int32(a << headroom), reciprocal)
        high = saturating_rounding_doubling_high_mul(unscaled, multiplier)
        quotient = _divide_by_pot(high, headroom + 31 - zeros - shift)
        y[i] = min(max(wrap_int32(quotient + output_offset), qmin), qmax)
