"""Float32 arithmetic as XNNPACK's kernels do it: fused multiply-add, denormals flushed to zero."""

from __future__ import annotations

import numpy as np

TINY = np.finfo(np.float32).tiny
LEAST_NORMAL = 2.0**-126 - 2.0**-151  # what 24 bits round to 2^-126


def flush_denormals(x: np.ndarray) -> np.ndarray:
    """Float32 x with zeros, of the same sign, in the place of denormals.

    >>> flush_denormals(np.float32([1e-40, -1e-40, 1e-30]))
    array([ 0.e+00, -0.e+00,  1.e-30], dtype=float32)
    """
    return np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x)


@np.errstate(all="ignore")
def fma(a: np.ndarray | np.float32, b: np.ndarray | np.float32, c: np.ndarray | np.float32) -> np.ndarray:
    """A * b + c of float32 numbers, rounded once to float32.

    The product is exact in float64. The sum is rounded to odd there: where it is not exact, of the two neighbors the one
    with an odd mantissa is taken, so that rounding it again, to float32, gives what one rounding gives.

    >>> fma(np.float32(1 + 2**-12), np.float32(1 - 2**-12), np.float32(-1)) == -(2.0**-24)
    np.True_
    """
    return _to_odd(a, b, c).astype(np.float32)


@np.errstate(all="ignore")
def flushed_fma(a: np.ndarray | np.float32, b: np.ndarray | np.float32, c: np.ndarray | np.float32) -> np.ndarray:
    """A * b + c, rounded once to float32, with zeros in the place of denormals, as x86 decides what is one.

    That is what would be below 2^-126 if float32 had smaller exponents: rounded to 24 bits, not to steps of 2^-149.

    >>> below = 1 - 2.0**-24
    >>> fma(np.float32(below), np.float32(2**-126), np.float32(0)) == TINY, flushed_fma(below, np.float32(2**-126), 0)
    (np.True_, array(0., dtype=float32))
    """
    odd = _to_odd(a, b, c)
    return np.where(np.abs(odd) < LEAST_NORMAL, np.copysign(0, odd), odd).astype(np.float32)


def _to_odd(a: np.ndarray | np.float32, b: np.ndarray | np.float32, c: np.ndarray | np.float32) -> np.ndarray:
    """A * b + c in float64, rounded to odd."""
    product, c64 = np.multiply(a, b, dtype=np.float64), np.asarray(c, np.float64)
    total = product + c64
    from_c = total - product
    error = (product - (total - from_c)) + (c64 - from_c)
    inexact = (error != 0) & np.isfinite(total) & (total.view(np.int64) & 1 == 0)
    return np.where(inexact, np.nextafter(total, np.where(error > 0, np.inf, -np.inf)), total)


def horner(x: np.ndarray, *coefficients: float) -> np.ndarray:
    """A polynomial in x by fused multiply-add, its coefficients from the highest power down."""
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = fma(value, x, np.float32(coefficient))
    return value
