"""Fused multiply-add against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qref.arithmetic.fused import flush_denormals, fma

NUMBERS = st.floats(-(2.0**40), 2.0**40, width=32).filter(lambda x: x == 0 or abs(x) > 2.0**-40)


def nearest_float32(value: Fraction) -> np.float32:
    """The float32 nearest to a fraction, ties to even."""
    guess = np.float32(float(value))
    candidates = [guess, np.nextafter(guess, np.float32(-np.inf)), np.nextafter(guess, np.float32(np.inf))]
    return min(candidates, key=lambda c: (abs(Fraction(float(c)) - value), int(c.view(np.uint32)) & 1))


@given(NUMBERS, NUMBERS, NUMBERS)
def test_fma_rounds_once(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert fma(np.float32(a), np.float32(b), np.float32(c)) == nearest_float32(exact)


def test_fma_does_not_round_twice():
    a, b = np.float32(1 + 2**-12), np.float32(1 + 2**-12)
    for c in (2.0**-60, -(2.0**-60)):  # the product is a tie between two float32 numbers, which c alone breaks
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(c)
        assert fma(a, b, np.float32(c)) == nearest_float32(exact)


def test_flush_denormals_keeps_signs():
    flushed = flush_denormals(np.float32([1e-40, -1e-40, 1.2e-38, np.inf]))
    np.testing.assert_array_equal(flushed, np.float32([0, 0, 1.2e-38, np.inf]))
    assert np.signbit(flushed).tolist() == [False, True, False, False]
