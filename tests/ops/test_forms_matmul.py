"""The three forms of FULLY_CONNECTED, CONV_2D and DEPTHWISE_CONV_2D are equal: explain == NumPy reference == numba kernel."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import check_explanation, some_elements
from hypothesis import given
from hypothesis import strategies as st
from matmul_models import F32, I2, I4, I8, I16, I32, I64, U8, conv_2d, depthwise_conv_2d, fully_connected
from one_operator import every
from oracle import assert_same_bits

from qref.dispatch import bind
from qref.execution import Execution
from qref.ops.session import Session
from qref.runtimes import runtime

OPERATORS = [fully_connected, conv_2d, depthwise_conv_2d]
SEEDS = st.integers(0, 2**32 - 1)
INT32_BIAS = {"bias_type": I32, "options": {"quantized_bias_type": I32}}
INT64_BIAS = {"options": {"quantized_bias_type": I64}}
ASYMMETRIC = {"options": {"asymmetric_quantize_inputs": True}}

INTEGER_CASES = [
    *[(fully_connected, {"x_type": x, "w_type": w}) for x in (I8, I16) for w in (I8, I4, I2)],
    (fully_connected, {"x_type": I8, "per_axis": False}),
    (fully_connected, {"x_type": U8, "per_axis": False}),
    (fully_connected, {"x_type": U8, "per_axis": False, "y_type": I16}),
    (fully_connected, {"x_type": I16, **INT32_BIAS}),
    (fully_connected, {"x_type": I16, "w_type": I16, **INT64_BIAS}),
    (fully_connected, {"x_type": I8, "bias": "left away"}),
    *[(conv_2d, {"x_type": x, "w_type": w, "groups": groups}) for x in (I8, I16) for w in (I8, I4) for groups in (1, 2)],
    (conv_2d, {"x_type": I8, "per_axis": False}),
    (conv_2d, {"x_type": U8, "per_axis": False}),
    (conv_2d, {"x_type": I16, **INT32_BIAS}),
    *[(depthwise_conv_2d, {"x_type": x, "has_bias": has_bias}) for x in (I8, I16) for has_bias in (True, False)],
    (depthwise_conv_2d, {"x_type": U8, "per_axis": False}),
    (depthwise_conv_2d, {"x_type": I8, "w_type": I4}),
]
FLOAT_CASES = [
    *[(operator, {"x_type": F32, "w_type": w}) for operator in (fully_connected, conv_2d, depthwise_conv_2d) for w in (F32, I8)],
    (fully_connected, {"x_type": F32, "w_type": I8, **ASYMMETRIC}),
    (fully_connected, {"x_type": F32, "w_type": I4, "per_axis": False}),
    (conv_2d, {"x_type": F32, "w_type": I8, "per_axis": False}),
    (conv_2d, {"x_type": F32, "w_type": I4, "groups": 2}),
]


def forms(model, seed):
    """The prepared operator, its inputs, the reference's output and the kernel's."""
    execution = Execution(model, model.subgraphs[0], Session(runtime("litert-reference")), "numpy")
    execution.allocate()
    step = execution.steps[0]
    rng = np.random.default_rng(seed)
    arrays = [
        None if o is None else o.constant if o.constant is not None else every(rng, o.type, o.shape) for o in step.node.inputs
    ]
    constants = [None if o is None else o.constant for o in step.node.inputs]
    outputs = [bind(step.prepared, constants, kernels)(*arrays) for kernels in ("numpy", "numba")]
    return step.prepared, arrays, *outputs


def check_equal(case, seed):
    build, fields = case
    prepared, arrays, reference, kernel = forms(build(seed, **fields), seed)
    assert_same_bits(kernel, reference, f"{build.__name__} {fields} seed {seed}")
    return prepared, arrays, reference


def cases_of(operator, cases):
    return st.sampled_from([case for case in cases if case[0] is operator])


@pytest.mark.parametrize("operator", OPERATORS)
@given(data=st.data(), seed=SEEDS)
def test_explain_reference_and_kernel_are_equal_on_integers(operator, data, seed):
    case = data.draw(cases_of(operator, INTEGER_CASES))
    prepared, arrays, reference = check_equal(case, seed)
    for element in some_elements(reference, 4, seed):
        check_explanation(prepared, arrays, reference, element)


@pytest.mark.parametrize("operator", OPERATORS)
@given(data=st.data(), seed=SEEDS)
def test_explain_reference_and_kernel_are_equal_on_floats(operator, data, seed):
    prepared, arrays, reference = check_equal(data.draw(cases_of(operator, FLOAT_CASES)), seed)
    for element in some_elements(reference, 1, seed):
        check_explanation(prepared, arrays, reference, element)


@pytest.mark.parametrize(
    "case", [(fully_connected, {"x_type": I8}), (conv_2d, {"x_type": I8}), (depthwise_conv_2d, {"x_type": I8})]
)
def test_explain_names_every_step(case):
    prepared, arrays, reference = check_equal(case, 3)
    explanation = prepared.explain(*arrays, prepared.plan, (0,) * reference.ndim)
    names = [step.name for step in explanation]
    assert names[:9] == ["x", "w", "input_offset", "filter_offset", "bias", "centred", "products", "running", "acc"]
    assert names[-3:] == ["output_activation_min", "output_activation_max", "y"]
    plan, products = prepared.plan, explanation.value("products")
    assert explanation.value("acc") == explanation.value("bias") + sum(products)
    taps = zip(explanation.value("x"), explanation.value("w"), products)
    assert all(product == (x + plan.input_offset) * (w + plan.filter_offset) for x, w, product in taps)


def test_explain_of_conv_2d_lists_the_taps_inside_the_image_alone():
    prepared, arrays, reference = check_equal((conv_2d, {"x_type": I8, "options": {"padding": 0}}), 1)
    counts = {len(prepared.explain(*arrays, prepared.plan, index)[0].value) for index in np.ndindex(reference.shape)}
    assert max(counts) <= arrays[1][0].size
    assert len(counts) > 1
