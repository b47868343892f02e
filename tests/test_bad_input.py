"""Bad models and bad calls: each gives one error of qref's tree that names the thing, never another exception."""

import numpy as np
import pytest

import qref
from qref.schema import GraphBuilder, Model, TensorType, write

INT8, FLOAT32, INT32 = TensorType.INT8, TensorType.FLOAT32, TensorType.INT32


def conv(scale=0.1, filter_scale=0.02, stride=1, dilation=1, bias=2, filter_shape=(2, 3, 3, 1), padding=0) -> Model:
    graph = GraphBuilder()
    x = graph.input("x", INT8, (1, 5, 5, 1), scale=scale, zero_point=3)
    w = graph.constant("w", np.ones(filter_shape, np.int8), scale=filter_scale)
    b = graph.constant("b", np.zeros(bias, np.int32), scale=0.002)
    y = graph.tensor("y", INT8, (1, 5, 5, 2), scale=0.2)
    options = {
        "stride_w": stride,
        "stride_h": stride,
        "dilation_w_factor": dilation,
        "dilation_h_factor": dilation,
        "padding": padding,
    }
    graph.operator("CONV_2D", [x, w, b], [y], ("Conv2DOptions", options), version=3)
    return graph.model(outputs=[y])


def one(name, inputs, output, options=None, version=1) -> Model:
    """A model of one operator; each input is (type, shape) or an array, a constant."""
    graph = GraphBuilder()
    operands = []
    for number, spec in enumerate(inputs):
        if isinstance(spec, np.ndarray):
            operands.append(graph.constant(f"c{number}", spec))
        else:
            operands.append(graph.input(f"x{number}", *spec))
    y = graph.tensor("y", *output)
    graph.operator(name, operands, [y], options, version=version)
    return graph.model(outputs=[y])


AXIS = np.int32([7])
MODELS = {
    "a stride of 0": (conv(stride=0), "operator 0 (CONV_2D)"),
    "a dilation of 0": (conv(dilation=0), "operator 0 (CONV_2D)"),
    "a filter larger than the VALID input": (conv(filter_shape=(2, 9, 9, 1), padding=1), "operator 0 (CONV_2D)"),
    "a filter of the wrong depth": (conv(filter_shape=(2, 3, 3, 2)), "operator 0 (CONV_2D)"),
    "a bias of the wrong size": (conv(bias=3), "operator 0 (CONV_2D)"),
    "no quantization": (conv(scale=None), "tensor 0"),
    "a scale of 0": (conv(scale=0.0), "tensor 0"),
    "a negative scale": (conv(scale=-0.5), "tensor 0"),
    "a scale of NaN": (conv(scale=float("nan")), "tensor 0"),
    "an infinite scale": (conv(scale=float("inf")), "tensor 0"),
    "a wrong number of scales": (conv(filter_scale=[0.1, 0.2, 0.3]), "tensor 1"),
    "a mean over an axis out of range": (one("MEAN", [(FLOAT32, (2, 3)), AXIS], (FLOAT32, (2,)), ("ReducerOptions", {})), "MEAN"),
    "a gather on an axis out of range": (
        one("GATHER", [(FLOAT32, (2, 3)), np.int32([0])], (FLOAT32, (1, 3)), ("GatherOptions", {"axis": 5})),
        "GATHER",
    ),
    "a concatenation on an axis out of range": (
        one("CONCATENATION", [(FLOAT32, (2, 3)), (FLOAT32, (2, 3))], (FLOAT32, (4, 3)), ("ConcatenationOptions", {"axis": 4})),
        "CONCATENATION",
    ),
    "a reshape that does not fit": (
        one("RESHAPE", [(FLOAT32, (2, 3)), np.int32([4, 2])], (FLOAT32, (4, 2)), ("ReshapeOptions", {})),
        "RESHAPE",
    ),
    "a reshape with two -1": (
        one("RESHAPE", [(FLOAT32, (4,)), np.int32([-1, -1])], (FLOAT32, (2, 2)), ("ReshapeOptions", {})),
        "RESHAPE",
    ),
    "a pool with a filter of 0": (
        one(
            "AVERAGE_POOL_2D",
            [(FLOAT32, (1, 4, 4, 1))],
            (FLOAT32, (1, 4, 4, 1)),
            ("Pool2DOptions", {"stride_w": 1, "stride_h": 1}),
        ),
        "AVERAGE_POOL_2D",
    ),
    "shapes that do not broadcast": (one("ADD", [(FLOAT32, (2,)), (FLOAT32, (3,))], (FLOAT32, (2,)), ("AddOptions", {})), "ADD"),
    "operands of two types": (one("ADD", [(FLOAT32, (2,)), (INT32, (2,))], (FLOAT32, (2,)), ("AddOptions", {})), "ADD"),
    "too many inputs": (one("ABS", [(FLOAT32, (2,)), (FLOAT32, (2,))], (FLOAT32, (2,))), "ABS"),
    "options of another operator": (
        one("SPLIT", [np.array(0, np.int32), (FLOAT32, (2,))], (FLOAT32, (2,)), ("Conv2DOptions", {"stride_w": 3})),
        "Conv2DOptions",
    ),
    "a missing input": (one("ADD", [(FLOAT32, (2,))], (FLOAT32, (2,)), ("AddOptions", {})), "ADD"),
    "a fill of a huge shape": (
        one("FILL", [np.int32([2**30, 2**30]), np.zeros((), np.float32)], (FLOAT32, (1,)), ("FillOptions", {})),
        "FILL",
    ),
    "an operator that qref lacks": (one("HASHTABLE_SIZE", [(FLOAT32, (2,))], (FLOAT32, (2,))), "HASHTABLE_SIZE"),
}


@pytest.mark.parametrize(("model", "names"), MODELS.values(), ids=MODELS.keys())
def test_a_bad_model_is_refused_by_name_before_anything_is_computed(model, names):
    with pytest.raises(qref.ModelError) as raised:
        qref.Interpreter(model_content=write(model)).allocate_tensors()
    assert names in str(raised.value)


def test_a_tensor_that_is_written_twice_or_an_input_that_is_written_is_refused():
    for twice in (True, False):
        graph = GraphBuilder()
        x, other = graph.input("x", FLOAT32, (2,)), graph.input("other", FLOAT32, (2,))
        y = graph.tensor("y", FLOAT32, (2,))
        graph.operator("ABS", [x], [y])
        graph.operator("NEG", [x], [y if twice else other])
        with pytest.raises(qref.InvalidModel, match=r"operator 1 \(NEG\)"):
            qref.Interpreter(model_content=graph.model(outputs=[y]))


def test_subgraphs_that_call_themselves_are_refused():
    graph = GraphBuilder()
    x, y = graph.input("x", FLOAT32, (2,)), graph.tensor("y", FLOAT32, (2,))
    c = graph.input("c", TensorType.BOOL, (1,))
    graph.operator("IF", [c, x], [y], ("IfOptions", {"then_subgraph_index": 0, "else_subgraph_index": 0}))
    with pytest.raises(qref.InvalidModel, match="subgraph 0"):
        qref.Interpreter(model_content=graph.model(outputs=[y]))


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 100, b"\xff" * 4096], ids=["empty", "short", "zeros", "ones"])
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(qref.InvalidModel):
        qref.load(content)


def test_a_file_that_is_missing_empty_or_a_folder_is_named(tmp_path):
    (tmp_path / "empty.tflite").touch()
    for path in (tmp_path / "missing.tflite", tmp_path / "empty.tflite", tmp_path):
        with pytest.raises(qref.ModelError) as raised:
            qref.Interpreter(path)
        assert str(path) in str(raised.value)


def test_every_truncation_of_a_model_is_refused():
    content = qref.bundled("digits_cnn_int8").read_bytes()
    for size in range(0, len(content) - 1, 97):
        with pytest.raises(qref.InvalidModel):
            qref.load(content[:size])


def test_a_model_that_would_take_more_than_the_limits_is_refused():
    for limits, name in (
        (qref.Limits(max_tensor_bytes=1000), "max_tensor_bytes"),
        (qref.Limits(max_total_bytes=3000), "max_total_bytes"),
    ):
        with pytest.raises(qref.ModelError, match=name):
            qref.Interpreter(qref.bundled("digits_cnn_int8"), limits=limits)
    interpreter = qref.Interpreter(qref.bundled("digits_cnn_int8"), limits=qref.Limits(max_tensor_bytes=100_000))
    interpreter.resize_tensor_input(0, [100, 8, 8, 1])
    with pytest.raises(qref.ModelError, match="max_tensor_bytes is 100000"):
        interpreter.allocate_tensors()


def test_subgraphs_nested_too_deeply_are_refused():
    graph = GraphBuilder()
    builders = [graph, *(graph.subgraph(f"s{i}") for i in range(3000))]
    for number, builder in enumerate(builders):
        c, x = builder.input("c", TensorType.BOOL, ()), builder.input("x", FLOAT32, (2,))
        y = builder.tensor("y", FLOAT32, (2,))
        if number + 1 < len(builders):
            calls = {"then_subgraph_index": number + 1, "else_subgraph_index": number + 1}
            builder.operator("IF", [c, c, x], [y], ("IfOptions", calls))
        else:
            builder.operator("ABS", [x], [y])
        builder.outputs(y)
    with pytest.raises(qref.ModelError, match="max_depth"):
        qref.Interpreter(model_content=graph.model())
