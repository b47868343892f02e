import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recurrent_models import Variant, prepared_with_inputs, svdf_model

from qref.dispatch import bind
from qref.ops import svdf

VARIANTS = st.builds(
    Variant,
    integer=st.just(True),
    activation=st.just(1),
    batch=st.integers(0, 3),
    depth=st.integers(0, 20),
    cells=st.integers(1, 6),
    seed=st.integers(0, 10**6),
)


@given(VARIANTS, st.integers(1, 4), st.integers(1, 6), st.booleans())
def test_svdf_kernel_equals_the_reference(variant, rank, memory, bias):
    prepared, tensors = prepared_with_inputs(svdf_model(variant, rank, memory, bias), svdf.prepare, variant.seed)
    results = bind(prepared, [None] * 5, "numba")(*tensors)
    for got, want in zip(results, prepared.reference(*tensors, prepared.plan), strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(got, want)
