"""The functions of XNNPACK on float16 tensors: TANH, GELU, SIN, COS in float16 arithmetic, LOGISTIC in float32.

Those in float16 take and return float16 numbers held as float64, in which the product of two of them and the sum of that and a
third one are exact, or as good as exact, before they are rounded once, as a fused multiply-add does. Denormals are not flushed.

TANH, the approximate GELU, SIN and COS are those of the kernels for AVX512-FP16, in which a quotient is a product with the CPU's
reciprocal of 11 bits; GELU divides, on every CPU. LOGISTIC is that of the kernel for AVX2, which newer CPUs take, too, with a
reciprocal of 12 bits. Both tables are Intel's.

Source   XNNPACK, src/f16-vtanh, f16-vgelu, f16-vapproxgelu, f16-vsin, f16-vsigmoid; compared for all float16 numbers
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.fused import fma, horner

from ._functions import power_of_two

TANH_LIMIT, TANH_ABOVE, TANH_BELOW = 4.5, (8.1062316895e-04, 1.0632324219e-01, 1), (1.4091491699e-02, 4.3945312500e-01, 1)
GELU_LIMIT = 3.5
GELU_ABOVE = (4.5998394489e-03, 1.5397867560e-01, 7.9763203859e-01)
GELU_BELOW = (4.2862996459e-02, 3.5756936669e-01, 1)
APPROXIMATE_LIMIT = 3.26367188
APPROXIMATE_ABOVE = (4.3507730588e-03, 1.4811584353e-01, 7.9763704538e-01)
APPROXIMATE_BELOW = (4.0821321309e-02, 3.5130375624e-01, 1)
SINE = (-1.98846e-4, 8.3336e-3, -1.666666e-1, 1)
INVERSE_PI, PI_HIGH, PI_LOW = 0.318359375, 3.140625, 9.675026e-4
TWO_OVER_PI, HALF_PI_HIGH, HALF_PI_LOW = 0.63671875, 1.5703125, 4.837513e-4
EXP = (float.fromhex("0x1.FF3A32p-2"), float.fromhex("0x1.039E10p+0"))
EXP_CUTOFF = np.float32(float.fromhex("-0x1.368p+3"))
LOG2_E, MINUS_LN2, MAGIC = (np.float32(float.fromhex(c)) for c in ("0x1.715476p0", "-0x1.62E43p-1", "0x1.8000FEp23"))

# the mantissas, in steps of 2^-10, whose reciprocal in the CPU's table is one step of 2^-11 above or below the nearest one
RECIPROCALS_ABOVE = (28, 43, 72, 102, 183, 263, 279, 358, 408, 440, 504, 569, 748, 810, 948, 961, 980)
RECIPROCALS_BELOW = (64, 144, 754, 1023)


def half(x: np.ndarray | float) -> np.ndarray:
    """The nearest float16 numbers, ties to even, as float64."""
    return np.asarray(x, np.float64).astype(np.float16).astype(np.float64)


def fma_half(a: np.ndarray, b: np.ndarray | float, c: np.ndarray | float) -> np.ndarray:
    """A * b + c, rounded once."""
    return half(a * b + c)


def horner_half(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """A polynomial in x by fused multiply-add, its coefficients, rounded to float16, from the highest power down."""
    first, *others = half(np.array(coefficients, np.float32))
    value = np.full_like(x, first)
    for coefficient in others:
        value = fma_half(x, value, coefficient)
    return value


def exponent_of(x: np.ndarray) -> np.ndarray:
    """E with 2^e <= x < 2^(e + 1), of x > 0."""
    return np.frexp(x)[1] - 1


def reciprocal_11(x: np.ndarray) -> np.ndarray:
    """About 1 / x of float16 numbers from 1 to 2^13: in steps of 2^-11 below 1, as the CPU's table has them."""
    exponent = exponent_of(x)
    mantissa = np.round((np.ldexp(x, -exponent) - 1) * 1024).astype(np.int64)
    correction = np.isin(mantissa, RECIPROCALS_ABOVE) * 1.0 - np.isin(mantissa, RECIPROCALS_BELOW)
    return np.ldexp(np.round(2048 / (1 + mantissa / 1024)) + correction, -11 - exponent)


def reciprocal_12(x: np.ndarray) -> np.ndarray:
    """About 1 / x of float32 x from 1 on: that of the middle of one of 2048 intervals between powers of two, to 2^-13 below 1."""
    exponent = exponent_of(x)
    interval = np.floor((np.ldexp(x.astype(np.float64), -exponent) - 1) * 2048)
    return np.ldexp(np.round(8192 / (1 + (interval + 0.5) / 2048)), -13 - exponent).astype(np.float32)


def quotient(x: np.ndarray, above: tuple[float, ...], below: tuple[float, ...], divide: bool) -> np.ndarray:
    """A polynomial times x over another one, both in the square of x."""
    square = half(x * x)
    numerator, denominator = half(x * horner_half(square, above)), horner_half(square, below)
    return half(numerator / denominator if divide else numerator * reciprocal_11(denominator))


def tanh(x: np.ndarray) -> np.ndarray:
    """A quotient of two polynomials, constant beyond 4.5."""
    bounded = np.clip(x.astype(np.float64), -TANH_LIMIT, TANH_LIMIT)
    return quotient(bounded, TANH_ABOVE, TANH_BELOW, divide=False)


def gelu(x: np.ndarray) -> np.ndarray:
    """X / 2 * (1 + erf(x / sqrt(2)))."""
    return _gelu(x, GELU_LIMIT, GELU_ABOVE, GELU_BELOW, divide=True)


def gelu_approximate(x: np.ndarray) -> np.ndarray:
    """X / 2 * (1 + tanh(...)): another quotient."""
    return _gelu(x, APPROXIMATE_LIMIT, APPROXIMATE_ABOVE, APPROXIMATE_BELOW, divide=False)


def _gelu(x: np.ndarray, limit: float, above: tuple[float, ...], below: tuple[float, ...], divide: bool) -> np.ndarray:
    x = x.astype(np.float64)
    erf = quotient(np.clip(x, -half(limit), half(limit)), above, below, divide)
    return half(half(x * 0.5) * half(erf + 1))


def sin(x: np.ndarray) -> np.ndarray:
    """A polynomial of what x lacks to a multiple of pi, its sign turned where that is an odd one."""
    angle, bits = turned(x.astype(np.float64), INVERSE_PI, PI_HIGH, PI_LOW, 0)
    return _sine(np.where(bits & 1, -angle, angle))


def cos(x: np.ndarray) -> np.ndarray:
    """The same of multiples of pi / 2, the angle taken from pi / 2 in every other quarter."""
    angle, bits = turned(x.astype(np.float64), TWO_OVER_PI, HALF_PI_HIGH, HALF_PI_LOW, 1)
    angle = np.where(bits & 1, half(HALF_PI_HIGH - np.abs(angle)), angle)
    return _sine(np.where(bits & 2, -angle, angle))


def turned(x: np.ndarray, factor: float, high: float, low: float, quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """X without multiples of high + low, and how many of them and of further quarters that are: the low bits of a float16 sum."""
    biased = half(half(x * factor) + 1536)  # so great a sum is an integer
    count = half(biased - 1536)
    angle = fma_half(count, -half(np.array(low, np.float32)), fma_half(count, -half(high), x))
    return angle, half(biased + quarters).astype(np.float16).view(np.uint16)


def _sine(angle: np.ndarray) -> np.ndarray:
    return half(angle * horner_half(half(angle * angle), SINE))


def logistic(x: np.ndarray) -> np.ndarray:
    """E / (1 + e), e = exp(-|x|), in float32; above zero what it lacks to 1."""
    z = -np.abs(x)
    e = exp(z)
    below = np.where(z < EXP_CUTOFF, np.float32(0), e * reciprocal_12(e + np.float32(1)))
    return np.where(np.signbit(x), below, np.float32(1) - below)


def exp(x: np.ndarray) -> np.ndarray:
    """The exponential of float32 x <= 0, a polynomial good enough for float16; 0 below -9.7."""
    biased = fma(x, LOG2_E, MAGIC)
    scale, n = power_of_two(biased), biased - MAGIC
    t = fma(n, MINUS_LN2, x)
    e = fma(t * scale, horner(t, *EXP), scale)
    return np.where(x < EXP_CUTOFF, np.float32(0), e)
