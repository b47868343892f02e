"""Multiply-adds and bytes of operators, against counts made by hand from the shapes."""

import pytest
from recurrent_models import Variant, basic_lstm_model, bidirectional_lstm_model, lstm_model

import qref
from qref.bench.operator_models import build, parse
from qref.inputs import inputs_of, start
from qref.schema import GraphBuilder, TensorType
from qref.work import bits_of, bytes_of, has_matrices, macs_of

LSTM = 4 * 8 * (5 + 8)  # 8 cells of 4 gates, 5 inputs, 8 outputs


def node_of(model):
    interpreter = qref.Interpreter(model_content=model, kernels="numpy")
    start(interpreter, inputs_of(model, (), 0))
    interpreter.invoke()
    (node,) = interpreter.evaluated_operators()
    return node


@pytest.mark.parametrize(
    ("text", "macs", "size"),
    [
        ("CONV_2D:8x8x4x6k3s2", 4 * 4 * 6 * 9 * 4, 256 + 216 + 24 + 96),
        ("DEPTHWISE_CONV_2D:8x8x4k3m2", 8 * 8 * 8 * 9, 256 + 72 + 32 + 512),
        ("TRANSPOSE_CONV:4x4x3x6k3s2", 4 * 4 * 3 * 6 * 9, 16 + 162 + 24 + 48 + 384),
        ("FULLY_CONNECTED:4x16x8:int16", 4 * 16 * 8, 128 + 128 + 64 + 64),
        ("BATCH_MATMUL:2x4x8x5:float32", 2 * 4 * 8 * 5, 4 * (64 + 80 + 40)),
        ("ADD:3x4", 0, 36),
    ],
)
def test_work_of_a_described_operator(text, macs, size):
    node = node_of(build(parse(text), 0))
    assert (macs_of(node), bytes_of(node)) == (macs, size)


def test_the_depth_of_transposed_matrices_is_found():
    graph = GraphBuilder()
    x, w = graph.input("x", TensorType.FLOAT32, (7, 3)), graph.input("w", TensorType.FLOAT32, (2, 7))
    y = graph.tensor("y", TensorType.FLOAT32, (3, 2))
    graph.operator("BATCH_MATMUL", [x, w], [y], ("BatchMatMulOptions", {"adj_x": True, "adj_y": True}))
    assert macs_of(node_of(graph.model(outputs=[y]))) == 3 * 7 * 2


def test_a_tensor_that_is_read_twice_counts_once():
    graph = GraphBuilder()
    x, y = graph.input("x", TensorType.FLOAT32, (8,)), graph.tensor("y", TensorType.FLOAT32, (8,))
    graph.operator("MUL", [x, x], [y], ("MulOptions", {}))
    assert bytes_of(node_of(graph.model(outputs=[y]))) == 64


@pytest.mark.parametrize(
    ("model", "macs"),
    [
        (lstm_model(Variant()), 3 * 2 * LSTM),
        (lstm_model(Variant(integer=True, peephole=True)), 3 * 2 * LSTM),
        (lstm_model(Variant(cifg=True)), 3 * 2 * LSTM * 3 // 4),
        (lstm_model(Variant(projection=6)), 3 * 2 * (4 * 8 * (5 + 6) + 6 * 8)),
        (lstm_model(Variant(operator="LSTM")), 2 * LSTM),
        (basic_lstm_model(batch=2, depth=5, cells=8), 2 * LSTM),
        (bidirectional_lstm_model(Variant()), 2 * 3 * 2 * LSTM),
    ],
    ids=["lstm", "integer with peepholes", "cifg", "projection", "one step", "basic", "bidirectional"],
)
def test_work_of_lstms(model, macs):
    assert macs_of(node_of(model)) == macs


def test_widths_of_what_is_multiplied():
    for text, bits in (("TRANSPOSE_CONV:4x4x3x6", 8), ("CONV_2D:4x4x3x6:int16", 16), ("FULLY_CONNECTED:4x16x8:float32", 0)):
        assert bits_of(node_of(build(parse(text), 0))) == bits


def test_products_of_matrices():
    matrices = ("CONV_2D:4x4x3x6", "FULLY_CONNECTED:4x16x8")
    for text in (*matrices, "FULLY_CONNECTED:1x16x8", "CONV_2D:1x1x3x6k1", "DEPTHWISE_CONV_2D:4x4x3", "TRANSPOSE_CONV:4x4x3x6"):
        assert has_matrices(node_of(build(parse(text), 0))) == (text in matrices), text


def test_counting_leaves_an_operator_as_it_was():
    interpreter = qref.Interpreter(model_content=lstm_model(Variant(operator="LSTM")))
    interpreter.allocate_tensors()
    interpreter.invoke()
    (node,) = interpreter.evaluated_operators()
    before = node.inputs
    macs_of(node)
    bytes_of(node)
    assert node.inputs == before
    interpreter.invoke()


def test_work_of_other_matrix_products():
    graph = GraphBuilder()
    x, w = graph.input("x", TensorType.FLOAT32, (1, 4, 4, 4, 2)), graph.input("w", TensorType.FLOAT32, (2, 2, 2, 2, 3))
    y = graph.tensor("y", TensorType.FLOAT32, (1, 3, 3, 3, 3))
    graph.operator("CONV_3D", [x, w], [y], ("Conv3DOptions", {"padding": 1, "stride_d": 1, "stride_h": 1, "stride_w": 1}))
    assert macs_of(node_of(graph.model(outputs=[y]))) == 81 * 16


def test_work_of_filters_over_time_and_of_an_rnn():
    graph = GraphBuilder()
    shapes = {"x": (2, 5), "features": (6, 5), "times": (6, 7)}
    inputs = [graph.input(name, TensorType.FLOAT32, shape) for name, shape in shapes.items()]
    state, y = graph.variable("state", TensorType.FLOAT32, (2, 42)), graph.tensor("y", TensorType.FLOAT32, (2, 3))
    graph.operator("SVDF", [*inputs, -1, state], [y], ("SVDFOptions", {"rank": 2}))
    assert macs_of(node_of(graph.model(outputs=[y]))) == 2 * 6 * (5 + 7)

    graph = GraphBuilder()
    shapes = {"x": (2, 3, 5), "w": (4, 5), "r": (4, 4), "b": (4,)}
    inputs = [graph.input(name, TensorType.FLOAT32, shape) for name, shape in shapes.items()]
    state, y = graph.variable("state", TensorType.FLOAT32, (2, 4)), graph.tensor("y", TensorType.FLOAT32, (2, 3, 4))
    graph.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [*inputs, state], [y], ("SequenceRNNOptions", {}))
    assert macs_of(node_of(graph.model(outputs=[y]))) == 2 * 3 * 4 * (5 + 4)
