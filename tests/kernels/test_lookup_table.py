"""Element-wise functions of small integers, looked up, give what their NumPy references give."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qref.arithmetic.requantize import DoubleRounding
from qref.dispatch import bind
from qref.ops import Prepared
from qref.ops import leaky_relu as op


@given(st.data(), st.sampled_from([np.int8, np.uint8, np.int16]), st.floats(0.01, 4), st.floats(-2, 2), st.integers(-9, 9))
def test_look_up_equals_the_reference(data, dtype, scale, alpha, offset):
    x = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0)))
    identity, scaled = (DoubleRounding.of(np.array([value])) for value in (scale, scale * alpha))
    plan = op.LeakyReluPlan(offset, -offset, identity, scaled, 1)
    y = bind(Prepared(op.leaky_relu, plan), [None], "numba")(x)
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    np.testing.assert_array_equal(y, op.leaky_relu(x, plan))


def test_look_up_takes_arrays_that_are_not_contiguous():
    x = np.arange(40, dtype=np.int8).reshape(5, 8)[::2, ::3]
    rule = DoubleRounding.of(np.array([0.3]))
    plan = op.LeakyReluPlan(-20, 0, rule, rule, 1)
    np.testing.assert_array_equal(bind(Prepared(op.leaky_relu, plan), [None], "numba")(x), op.leaky_relu(x, plan))
