"""The kernels of ADD and MUL in the optimized kernel set and in XNNPACK, against their NumPy references."""

from __future__ import annotations

import numpy as np
from elementwise_models import whole_range
from hypothesis import given, settings
from hypothesis import strategies as st

from qref.arithmetic.requantize import Float32HalfEven
from qref.dispatch import bind
from qref.ops._elementwise import Scaling
from qref.ops._sum import SumPlan
from qref.ops.mul import MulPlan, mul_quantized
from qref.ops.node import Prepared
from qref.ops.optimized._blocks import Segments
from qref.ops.optimized.add import BlockSumPlan, sum_in_blocks
from qref.ops.xnnpack._vadd import VaddPlan, vadd
from qref.schema import TensorType

TYPES = st.sampled_from([TensorType.INT8, TensorType.UINT8, TensorType.INT16])
SHAPES = st.sampled_from([((37,), (37,)), ((3, 19), (3, 1)), ((2, 1, 5), (3, 1)), ((), (40,))])
SEEDS = st.integers(0, 2**32 - 1)
MULTIPLIERS = st.integers(2**30, 2**31 - 1)


def check(reference, plan, type, shapes, seed):
    inputs = whole_range(np.random.default_rng(seed), type, *shapes)
    y = bind(Prepared(reference, plan), [None, None], "numba")(*inputs)
    expected = reference(*inputs, plan)
    np.testing.assert_array_equal(y, expected)
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape)


@settings(deadline=None)
@given(TYPES, SHAPES, SEEDS, MULTIPLIERS, st.integers(-31, 0), st.integers(-20, 0), st.booleans(), st.integers(1, 40))
def test_add_in_blocks(type, shapes, seed, multiplier, input_shift, output_shift, folded, segment):
    left = 15 if type == TensorType.INT16 else 20
    offset = 0 if type == TensorType.INT16 else -7
    limits = np.iinfo(type.dtype)
    scalings = Scaling(offset, left, multiplier, input_shift), Scaling(offset, left, 2**30, -1)
    scalar = SumPlan(*scalings, 1, Scaling(0, 0, multiplier, output_shift), 5, limits.min, limits.max, type.dtype)
    check(sum_in_blocks, BlockSumPlan(scalar, folded, Segments.of(segment, 8)), type, shapes, seed)


@settings(deadline=None)
@given(TYPES.filter(lambda t: t != TensorType.INT16), SHAPES, SEEDS, st.integers(1, 2**21), st.integers(-(2**21), 2**21))
def test_vadd(type, shapes, seed, first, second):
    limits = np.iinfo(type.dtype)
    check(vadd, VaddPlan(-3, 7, first, second, 20, 5, limits.min, limits.max - 9, type.dtype), type, shapes, seed)


@settings(deadline=None)
@given(TYPES.filter(lambda t: t != TensorType.INT16), SHAPES, SEEDS, st.floats(2**-16, 255, width=32))
def test_mul_in_float32(type, shapes, seed, scale):
    limits = np.iinfo(type.dtype)
    plan = MulPlan(-3, 7, Float32HalfEven.of(np.array([scale])), 5, limits.min + 3, limits.max, type.dtype)
    check(mul_quantized, plan, type, shapes, seed)
