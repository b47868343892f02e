"""Each clause of the 8-bit specification: an operator that keeps all of them, and one that breaks just this one."""

import numpy as np
import pytest

import qref
from qref.analyzer import analyze
from qref.schema import GraphBuilder, TensorType, write

SCALES = np.array([0.5, 0.25], np.float32)


def dense(x=0.1, y=0.2, w=SCALES, b=None, **changes):
    """FULLY_CONNECTED whose every operand can be changed."""
    graph = GraphBuilder()
    weights = {"array": np.ones((2, 4), np.int8), "scale": w, "zero_point": 0, "quantized_dimension": 0} | changes.get("w_", {})
    bias = {"array": np.ones(2, np.int32), "scale": np.float32(0.1) * SCALES if b is None else b} | changes.get("b_", {})
    x = graph.input("x", TensorType.INT8, (1, 4), **({"scale": x, "zero_point": 3} | changes.get("x_", {})))
    w, b = (
        graph.constant(name, each.pop("array"), each.pop("type", None), **each) for name, each in (("w", weights), ("b", bias))
    )
    y = graph.tensor("y", changes.get("y_type", TensorType.INT8), (1, 2), scale=y)
    graph.operator("FULLY_CONNECTED", [x, w, b], [y], ("FullyConnectedOptions", {}), version=4)
    return graph.model(outputs=[y])


def unary(name, scale, zero_point, options=None):
    """An operator of one int8 input of scale 0.1 and zero point 3."""
    graph = GraphBuilder()
    x = graph.input("x", TensorType.INT8, (1, 4, 4, 4), scale=0.1, zero_point=3)
    y = graph.tensor("y", TensorType.INT8, (1, 4, 4, 4), scale=scale, zero_point=zero_point)
    graph.operator(name, [x], [y], options, version=2)
    return graph.model(outputs=[y])


def breaches(model):
    return analyze(write(model)).specification.breaches


@pytest.mark.parametrize(
    "model",
    [
        dense(),
        dense(w=0.5, b=0.05),
        dense(b=np.nextafter(np.float32(0.1) * SCALES, np.float32(1))),  # rounded in another way
        unary("SOFTMAX", 1 / 256, -128, ("SoftmaxOptions", {"beta": 1.0})),
        unary("LOGISTIC", 1 / 256, -128),
        unary("TANH", 1 / 128, 0),
        unary("LOG_SOFTMAX", 16 / 256, 127),
        unary("L2_NORMALIZATION", 1 / 128, 0),
        unary("MAX_POOL_2D", 0.1, 3),
        unary("ABS", 0.7, 5),
    ],
)
def test_what_keeps_every_clause_has_no_breach(model):
    assert breaches(model) == ()


@pytest.mark.parametrize(
    ("model", "operand", "clause", "found"),
    [
        (dense(x_={"scale": None}), "input 0", "real_value = (int8_value - zero_point) * scale", "no scale"),
        (dense(x_={"scale": [0.1], "zero_point": 128}), "input 0", "zero_point in [-128, 127]", "zero_point 128"),
        (dense(w_={"zero_point": [0, 1]}), "input 1 (weights)", "restriction: zero_point = 0", "zero_point 1, 1 of 2"),
        (
            dense(w_={"array": np.full((2, 4), -128, np.int8)}),
            "input 1 (weights)",
            "range: [-127, 127]",
            "-128 in 8 of 8 elements",
        ),
        (
            dense(w_={"array": np.ones((2, 2), np.int8), "quantized_dimension": 1}),
            "input 1 (weights)",
            "granularity: per-axis (dim = 0) or per-tensor",
            "2 scales along dim 1",
        ),
        (dense(w_={"array": np.ones((2, 4), np.int8), "type": TensorType.INT4}), "input 1 (weights)", "data_type: int8", "INT4"),
        (dense(b_={"array": np.ones(2, np.int64)}), "input 2 (bias)", "data_type: int32", "INT64"),
        (
            dense(b=np.float32(0.1) * SCALES * np.float32([1, 1.01])),
            "input 2 (bias)",
            "restriction: (scale, zero_point) = (input0_scale * input1_scale[...], 0)",
            "scale 0.0252500009, the product is 0.0250000004 at 1, 1 of 2",
        ),
        (
            dense(b_={"zero_point": 1}),
            "input 2 (bias)",
            "restriction: (scale, zero_point) = (input0_scale * input1_scale[...], 0)",
            "zero_point 1, 2 of 2",
        ),
        (dense(y_type=TensorType.INT16), "output 0", "data_type: int8", "INT16"),
        (unary("TANH", 1 / 256, 0), "output 0", "restriction: (scale, zero_point) = (1.0 / 128, 0)", "(0.00390625, 0)"),
        (
            unary("MAX_POOL_2D", 0.1, 4),
            "output 0",
            "restriction: inputs and outputs have the same scale and zero_point",
            "(0.100000001, 4), input 0 has (0.100000001, 3)",
        ),
    ],
)
def test_each_clause_is_found_broken_and_no_other(model, operand, clause, found):
    (breach,) = breaches(model)
    assert (breach.operand, breach.clause, breach.found) == (operand, clause, found)
    assert breach.operator == 0


def test_floats_and_hybrid_operators_are_not_the_subject():
    for name in ("digits_cnn_float", "digits_cnn_drq", "digits_cnn_f16", "digits_cnn_int16"):
        found = analyze(qref.bundled(name)).specification
        assert (found.checked, found.breaches) == (0, ()), name


def test_operators_without_clauses_are_named():
    found = analyze(qref.bundled("deepconvlstm_int8")).specification
    assert found.unlisted == ("STRIDED_SLICE", "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert found.breaches == ()
