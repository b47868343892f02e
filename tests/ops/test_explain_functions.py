"""The explanations of functions in fixed point and in Eigen's order give what the rules give, for arguments of every size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from recompute import recompute

from qref.arithmetic import gemmlowp
from qref.arithmetic.explanation import Explanation
from qref.ops import _eigen, _explain_eigen, _explain_gemmlowp

WORDS = [0, 1, 5, 100, 4095, 4096, 16384, 30000, 32767, *np.random.default_rng(0).integers(0, 2**15, 30).tolist()]
REALS = [0.0, 1e-30, 0.3, -0.7, 3.3, -9.0, 17.0, -50.0, -103.9, -104.5, 88.0, 500.0, -np.inf]


def explained(explain, argument, *settings):
    e = Explanation()
    name = explain(e, e.given("a", argument), "y", *settings)
    recompute([dataclasses.asdict(step) for step in e])
    return e.value(name)


@pytest.mark.parametrize("integer_bits", range(8))
def test_functions_of_16_bits(integer_bits):
    for a in (*WORDS, *(-a for a in WORDS)):
        assert explained(_explain_gemmlowp.explain_exp, -abs(a), integer_bits, 16) == gemmlowp.exp_on_negative_values(
            -abs(a), integer_bits, 16
        )
        if integer_bits < 7:
            assert explained(_explain_gemmlowp.explain_tanh, a, integer_bits) == gemmlowp.tanh(a, integer_bits, 16)
            assert explained(_explain_gemmlowp.explain_logistic, a, integer_bits) == gemmlowp.logistic(a, integer_bits, 16)


def test_functions_of_32_bits():
    for a in (word << shift for word in WORDS for shift in (0, 9, 16)):
        assert explained(_explain_gemmlowp.explain_exp, -a, 5, 32) == gemmlowp.exp_on_negative_values(-a, 5)
        assert explained(_explain_gemmlowp.explain_one_over_one_plus, a, 32) == gemmlowp.one_over_one_plus_x(a)


@pytest.mark.parametrize("x", REALS)
def test_functions_in_the_order_of_eigen(x):
    x32 = np.float32([x])
    with np.errstate(all="ignore"):
        assert explained(_explain_eigen.explain_exp, x32[0]) == _eigen.exp(x32)[0]
        assert explained(_explain_eigen.explain_tanh, x32[0]) == _eigen.tanh(x32)[0]
        for offset in (0, 3):  # in a whole packet of four, and before the first one
            y = _eigen.logistic(np.repeat(x32, 5)[None], np.array([offset]))[0, 0]
            assert explained(_explain_eigen.explain_logistic, x32[0], offset, 5, 0) == y
