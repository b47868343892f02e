"""The three forms of SOFTMAX give the same: explain in Python integers, the NumPy reference, the numba kernel."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qref.arithmetic.softmax import softmax_scaling, softmax_scaling_16bit
from qref.dispatch import bind
from qref.ops import Prepared
from qref.ops import softmax as op

SCALES = st.floats(0.0005, 0.5) | st.sampled_from([2.0**-8, 2.0**-4, 0.02, 0.03, 0.04])
DEPTHS = st.integers(1, 3000) | st.sampled_from([4096, 8191, 8192, 8193, 9000])
BETAS = st.just(1.0) | st.floats(0.1, 4)


def assert_three_forms_agree(prepared: Prepared, x: np.ndarray, element: tuple[int, ...]) -> None:
    y = prepared.reference(x, prepared.plan)
    np.testing.assert_array_equal(bind(prepared, [None], "numba")(x), y)
    assert prepared.explain(x, prepared.plan, element)[-1].value == y[element]


def arrays(dtype):
    shapes, limits = hnp.array_shapes(min_dims=1, max_dims=3, max_side=12), np.iinfo(dtype)

    def up_to(high: int):
        return hnp.arrays(dtype, shapes, elements=st.integers(max(-high, limits.min), high))

    return st.integers(1, limits.max).flatmap(up_to)


@given(st.data(), SCALES, BETAS, st.sampled_from([np.int8, np.uint8]), st.booleans())
def test_softmax_of_8_bits_has_three_equal_forms(data, scale, beta, dtype, wide):
    x = data.draw(arrays(dtype))
    plan = op.SoftmaxPlan(*softmax_scaling(beta, scale), np.dtype(np.int16 if wide else dtype))
    element = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape)
    assert_three_forms_agree(Prepared(op.softmax, plan, op.explain), x, element)


@given(st.data(), st.floats(1e-6, 0.01) | st.sampled_from([2.0**-12, 2.0**-8]), BETAS)
def test_softmax_of_16_bits_has_three_equal_forms(data, scale, beta):
    x = data.draw(arrays(np.int16))
    plan = op.Softmax16Plan(*softmax_scaling_16bit(beta, scale))
    element = tuple(data.draw(st.integers(0, n - 1)) for n in x.shape)
    assert_three_forms_agree(Prepared(op.softmax_int16, plan, op.explain_int16), x, element)


@given(
    DEPTHS,
    st.sampled_from([np.int8, np.uint8]),
    st.booleans(),
    st.integers(0, 3),
)
def test_softmax_of_long_rows_has_three_equal_forms(depth, dtype, wide, step):
    x = (np.arange(depth) % 4 * step).astype(dtype)[None]
    plan = op.SoftmaxPlan(*softmax_scaling(1.0, 0.1), np.dtype(np.int16 if wide else dtype))
    assert_three_forms_agree(Prepared(op.softmax, plan, op.explain), x, (0, depth - 1))
