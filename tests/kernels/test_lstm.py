from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recurrent_models import Variant, lstm_model, prepared_with_inputs

from qref.arithmetic.gemmlowp import get_inv_sqrt_quantized_multiplier_exp
from qref.arithmetic.requantize import HalfUp
from qref.dispatch import KERNELS, bind
from qref.execution import Execution
from qref.kernels import lstm as kernels
from qref.ops import lstm, unidirectional_sequence_lstm
from qref.ops.session import Session
from qref.runtimes import runtime

VARIANTS = st.builds(
    Variant,
    integer=st.just(True),
    cifg=st.booleans(),
    peephole=st.booleans(),
    layer_norm=st.booleans(),
    projection=st.sampled_from([0, 3]),
    projection_bias=st.booleans(),
    clip=st.booleans(),
    time_major=st.booleans(),
    operator=st.sampled_from(["LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"]),
    time=st.integers(0, 4),
    batch=st.integers(1, 3),
    depth=st.integers(1, 9),
    cells=st.integers(3, 12),
    seed=st.integers(0, 10**6),
)


def equal_forms(variant: Variant, change_plan=lambda plan: plan) -> None:
    prepare = (lstm if variant.operator == "LSTM" else unidirectional_sequence_lstm).prepare
    prepared, tensors = prepared_with_inputs(lstm_model(variant), prepare, variant.seed)
    plan = change_plan(prepared.plan)
    bound = type(prepared)(prepared.reference, plan)
    constants = [None if position in (0, 18, 19) else tensor for position, tensor in enumerate(tensors)]
    for known in (constants, [None] * len(tensors)):
        kept = [None if tensor is None else tensor.copy() for tensor in tensors]
        results = bind(bound, known, "numba")(*tensors)
        for got, want in zip(results, prepared.reference(*tensors, plan), strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            np.testing.assert_array_equal(got, want)
        for tensor, before in zip(tensors, kept):
            np.testing.assert_array_equal(tensor, before)


@given(VARIANTS)
def test_lstm_kernel_equals_the_reference(variant):
    equal_forms(variant)


@pytest.mark.parametrize("projection", [0, 3])
def test_states_persist_between_the_inferences_of_a_program(projection):
    model = lstm_model(Variant(integer=True, projection=projection, batch=2, time=3, depth=5, cells=7))
    forms = [Execution(model, model.subgraphs[0], Session(runtime("litert-reference")), kernels) for kernels in KERNELS]
    for execution in forms:
        execution.allocate()
    (x,) = model.subgraphs[0].inputs
    for seed in range(4):
        if seed == 3:
            for execution in forms:
                execution.reset_variables()
        q = np.random.default_rng(seed).integers(-128, 128, forms[0].operands[x].shape).astype(np.int8)
        for execution in forms:
            execution.put(x, q)
            execution.invoke()
        for got, want in zip(*(execution.values for execution in forms), strict=True):
            np.testing.assert_array_equal(got, want)


def test_lstm_with_a_rule_that_has_no_kernel_runs_in_numpy():
    equal_forms(
        Variant(integer=True), lambda plan: replace(plan, hidden=HalfUp(plan.hidden.quantized_multiplier, plan.hidden.shift))
    )


@given(st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 5000))
def test_inverse_sqrt_kernel_equals_the_reference(x):
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(x)
    assert kernels.inverse_sqrt(np.int64(x)) == (multiplier, shift)


@pytest.mark.parametrize("x", [0, 1, 2, 3, 4, 2**29 - 1, 2**29, 2**30 - 1, 2**30, 2**31 - 1])
def test_inverse_sqrt_kernel_at_the_ends_of_its_ranges(x):
    multiplier, shift = get_inv_sqrt_quantized_multiplier_exp(x)
    assert kernels.inverse_sqrt(np.int64(x)) == (multiplier, shift)


@pytest.mark.parametrize(("x", "divisor", "quotient"), [(7, 2, 3), (-7, 2, -3), (0, 5, 0), (-8, 4, -2)])
def test_truncate_divides_as_c_does(x, divisor, quotient):
    assert kernels.truncate(np.int64(x), np.int64(divisor)) == quotient
