"""Operators as calls against their references: data moved, means, integers quantized anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qref.arithmetic.requantize import DoubleRounding, HalfUp, HalfUpBlocks
from qref.dispatch.calls import CALLS
from qref.dispatch.movement import runs
from qref.kernels.cpu import COMPILED
from qref.ops import _pad, concatenation, quantize, split, strided_slice, transpose
from qref.ops.concatenation import ConcatenationPlan
from qref.ops.quantize import RequantizePlan
from qref.ops.split import SplitPlan
from qref.ops.xnnpack import _reduction

NONE = np.zeros(0, np.int32)
MOVES = {
    "pad": (_pad.pad, _pad.PadPlan(((0, 1), (2, 0), (3, 1)), -7), (NONE,)),
    "strided_slice": (strided_slice.strided_slice, (slice(None, None, -1), 1, slice(1, 4, 2)), (NONE,) * 3),
    "transpose": (transpose.transpose, (2, 0, 1), (NONE,)),
}


def equal_to_the_reference(reference, plan, constants, inputs):
    want = reference(*inputs, plan)
    want = want if isinstance(want, tuple) else (want,)
    outputs = [np.full_like(y, 99) for y in want]
    for call in CALLS[reference](plan, constants, inputs, outputs):
        call.kernel(*call.arguments)
    for got, expected in zip(outputs, want, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32])
def test_moved_elements(name, dtype):
    reference, plan, fixed = MOVES[name]
    if dtype == np.uint8 and name == "pad":
        plan = _pad.PadPlan(plan.paddings, 255)
    x = np.arange(3 * 4 * 5).astype(dtype).reshape(3, 4, 5)
    equal_to_the_reference(reference, plan, (None, *fixed), (x, *fixed))


def test_inputs_side_by_side_and_constants_between_them():
    x, constant, z = (np.arange(n * 6).astype(np.int8).reshape(2, n, 3) + n for n in (2, 1, 3))
    plan = ConcatenationPlan(1, (None,) * 3, 0)
    equal_to_the_reference(concatenation.concatenation, plan, (None, constant, None), (x, constant, z))


def test_pieces_of_one_input():
    axis, x = np.array(1), np.arange(24).astype(np.int8).reshape(2, 6, 2)
    equal_to_the_reference(split.split, SplitPlan(1, (2, 4)), (axis, None), (axis, x))


@given(hnp.arrays(np.int64, st.integers(1, 20), elements=st.integers(0, 4)), st.integers(0, 2**20 - 1))
def test_runs_are_the_elements_in_their_order(sources, gaps):
    targets = np.cumsum([1 + (gaps >> i & 1) for i in range(sources.size)])
    found = list(zip(*runs(sources, targets), strict=True))
    assert [s + i * step for s, step, _, count in found for i in range(count)] == sources.tolist()
    assert [t + i for _, _, t, count in found for i in range(count)] == targets.tolist()


def test_a_transposed_matrix_is_one_run_a_column():
    x = np.arange(64 * 128).astype(np.int16).reshape(64, 128)
    equal_to_the_reference(transpose.transpose, (1, 0), (None, NONE), (x, NONE))
    assert len(runs(np.arange(64 * 128).reshape(64, 128).T.reshape(-1), np.arange(64 * 128))[0]) == 128


@pytest.mark.skipif(not COMPILED, reason="numpy warns of products that leave float32")
@given(st.floats(2.0**-20, 2.0**20, width=32), st.floats(-300, 300, width=32), st.integers(0, 2**32 - 1))
def test_sums_scaled_in_float32(scale, bias, seed):
    x = np.random.default_rng(seed).integers(0, 256, (2, 3, 5, 4)).astype(np.uint8)
    plan = _reduction.ScaledSumPlan((1, 2), (2, 4), np.float32(scale), np.float32(bias), np.dtype(np.uint8))
    equal_to_the_reference(_reduction.sum_quantized, plan, (None, NONE), (x, NONE))


@given(st.integers(2**30, 2**31 - 1), st.integers(-12, 2), st.integers(-128, 127), st.sampled_from([0, 16, 48, 51]))
def test_integers_quantized_anew_by_tables(multiplier, shift, zero_point, in_blocks):
    x = np.arange(-128, 128).astype(np.int8)[:51]
    constants = np.array([multiplier]), np.array([shift])
    rule = HalfUpBlocks(HalfUp(*constants), DoubleRounding(*constants), in_blocks)
    for each in (rule, rule.double_rounding):
        equal_to_the_reference(quantize.requantize, RequantizePlan(5, each, zero_point, np.dtype(np.int8)), (None,), (x,))
