"""GELU of floats as LiteRT computes it: by Eigen's vector code on SSE, its own erfc, exp and tanh, no fused multiply-add.

Whole packets of four elements take Eigen's exp, the last size % 4 elements the C library's.

Source: Eigen, SpecialFunctionsImpl.h and GenericPacketMathFunctions.h; LiteRT, reference/gelu.h.
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.libm import erfcf, expf, tanhf

from ._eigen import LANES, tanh

_HALF, _ONE = np.float32(0.5), np.float32(1)
_MINUS_SQRT_HALF = np.float32(-np.sqrt(0.5))
_SQRT_2_OVER_PI = np.float32(np.sqrt(2 / np.pi))
_CUBIC = np.float32(0.044715)


def _coefficients(*values: str) -> np.ndarray:
    return np.array([float.fromhex(value) for value in values], np.float32)


# Highest power first. erfc(x) = 1 + x S(x^2) up to 1, exp(-x^2) N(1/x^2) / (x D(1/x^2)) beyond.
_S = _coefficients("0x1.268bd4p-11", "-0x1.42082ap-8", "0x1.b59370p-6", "-0x1.ce077cp-4", "0x1.812660p-2", "-0x1.20dd74p0")
_N = _coefficients("0x1.a21fdcp-4", "0x1.b781f4p-2", "0x1.4b8fd0p-2", "0x1.ba2370p-5")
_D = _coefficients("0x1.1aa6c8p-6", "0x1.90c3bap-2", "0x1p0", "0x1.3e53b6p-1", "0x1.87d5c8p-4")
_EXP_EVEN = _coefficients("0x1.6850e4p-10", "0x1.555b98p-5", "0x1.fffff8p-2")
_EXP_ODD = _coefficients("0x1.123bccp-7", "0x1.55548ep-3")


def gelu(x: np.ndarray) -> np.ndarray:
    """Return (x / 2) * erfc(-x / sqrt 2) in float32."""
    return _HALF * x * _erfc(x * _MINUS_SQRT_HALF)


def gelu_approximate(x: np.ndarray) -> np.ndarray:
    """Return (x / 2) * (1 + tanh(k * (x + 0.044715 * (x * (x * x))))) in float32."""
    return _HALF * x * (_ONE + tanh(_SQRT_2_OVER_PI * (x + _CUBIC * (x * (x * x)))))


def gelu_float16(x: np.ndarray) -> np.ndarray:
    """The same of float16 values, each step rounded to float16."""
    return _half(_HALF * x) * _half(erfcf(_half(x * _half(_MINUS_SQRT_HALF))))


def gelu_approximate_float16(x: np.ndarray) -> np.ndarray:
    """The same of float16 values, each step rounded to float16."""
    inner = _half(x + _half(_half(_CUBIC) * _half(x * _half(x * x))))
    return _half(_HALF * x) * _half(_ONE + _half(tanhf(_half(_half(_SQRT_2_OVER_PI) * inner))))


def _half(x: np.ndarray | np.float32) -> np.ndarray:
    return np.asarray(x).astype(np.float16).astype(np.float32)


def _exp(x: np.ndarray) -> np.ndarray:
    """Eigen's exp of float32 x <= 0: x = m ln 2 + r, and a polynomial in r split into even and odd powers."""
    m = np.floor(x * np.float32(1.44269504088896341) + _HALF)
    r = m * np.float32(-0.693359375) + x
    r = m * np.float32(2.12194440e-4) + r
    square = r * r
    y = square * (r * np.polyval(_EXP_ODD, square) + np.polyval(_EXP_EVEN, square)) + (r + _ONE)
    return np.ldexp(y, np.clip(m, -1000, 0).astype(np.int32))


def _erfc(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, np.float32(-11), np.float32(11))
    square = x * x
    near = x * np.polyval(_S, square) + _ONE
    far = square > 1
    beyond = np.where(far, square, _ONE)
    e = np.where(far, _exp(-beyond), _ONE)
    alone = np.arange(x.size).reshape(x.shape) >= x.size // LANES * LANES
    e = np.where(alone, expf(-beyond), e)
    z = e - e * _square_error(x, square)
    inverse = _ONE / beyond
    quotient = np.polyval(_N, inverse) / (np.where(far, x, _ONE) * np.polyval(_D, inverse))
    return np.where(far, z * quotient + np.where(x < 0, np.float32(2), np.float32(0)), near)


def _square_error(x: np.ndarray, square: np.ndarray) -> np.ndarray:
    """What x * x lost in rounding, by splitting x into two halves of 12 bits."""
    t = x * np.float32(4097)
    high = (x - t) + t
    low = x - high
    cross = high * low
    return ((high * high - square) + cross + cross) + low * low
