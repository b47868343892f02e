"""Rewrites of a float graph before it is quantized, and around what is quantized: each by itself."""

import numpy as np
import pytest
from matmul_models import sparse, sparse_weights
from oracle import assert_equals_litert, needs_litert

import qref
from qref.quantizer.batch_norm import fold_batch_norm
from qref.quantizer.conversions import insert_conversions
from qref.quantizer.float16 import store_as_float16
from qref.quantizer.fold_constants import fold_constants
from qref.quantizer.graph import assemble, read
from qref.quantizer.prune import prune
from qref.quantizer.scales import Encoding
from qref.quantizer.sharing import Shared
from qref.schema import ActivationFunctionType, GraphBuilder, Padding, TensorType, load, write

RNG = np.random.default_rng(11)
FLOAT = TensorType.FLOAT32


def run(model, x):
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def convolution_then(operations, *, activation=0, second_reader=False):
    """CONV_2D of 3 channels, then binary operators by constants: (name, constant, constant first, activation)."""
    graph = GraphBuilder()
    x = graph.input("x", FLOAT, (1, 4, 4, 2))
    w = graph.constant("w", RNG.normal(size=(3, 2, 2, 2)).astype(np.float32))
    b = graph.constant("b", RNG.normal(size=3).astype(np.float32))
    y = graph.tensor("conv", FLOAT, (1, 3, 3, 3))
    options = {"padding": int(Padding.VALID), "stride_w": 1, "stride_h": 1, "fused_activation_function": activation}
    graph.operator("CONV_2D", [x, w, b], [y], ("Conv2DOptions", options))
    first = y
    for number, (name, constant, constant_first, its_activation) in enumerate(operations):
        c, z = graph.constant(f"c{number}", np.float32(constant)), graph.tensor(f"y{number}", FLOAT, (1, 3, 3, 3))
        table = {"MUL": "MulOptions", "ADD": "AddOptions", "SUB": "SubOptions"}[name]
        fused = {"fused_activation_function": int(its_activation)}
        graph.operator(name, [c, y] if constant_first else [y, c], [z], (table, fused))
        y = z
    return graph.model(outputs=[first, y] if second_reader else [y])


NORM = [("MUL", [2, -0.5, 0.25], False, 0), ("ADD", [1, 2, 3], True, ActivationFunctionType.RELU6)]


def test_a_missing_bias_is_made():
    graph = GraphBuilder()
    x, y, z = graph.input("x", FLOAT, (1, 4)), graph.tensor("y", FLOAT, (1, 3)), graph.tensor("z", FLOAT, (1, 3))
    w, c = graph.constant("w", RNG.normal(size=(3, 4)).astype(np.float32)), graph.constant("c", np.float32([1, 2, 3]))
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y], ("FullyConnectedOptions", {}))
    graph.operator("ADD", [c, y], [z], ("AddOptions", {}))
    model = graph.model(outputs=[z])
    folded = fold_batch_norm(model)
    assert len(folded.subgraphs[0].operators) == 1
    array = RNG.normal(size=(1, 4)).astype(np.float32)
    np.testing.assert_allclose(run(folded, array), run(model, array), rtol=1e-5)


def test_batch_norm_is_folded_and_its_activation_kept():
    model = convolution_then([*NORM[:1], ("SUB", [[[[0.5]]]], False, 0), *NORM[1:]])
    folded = fold_batch_norm(model)
    (operator,) = folded.subgraphs[0].operators
    assert operator.options.fused_activation_function == ActivationFunctionType.RELU6
    x = RNG.normal(size=(1, 4, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(run(folded, x), run(model, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        convolution_then(NORM, activation=ActivationFunctionType.RELU),
        convolution_then(NORM, second_reader=True),
        convolution_then([("SUB", [1, 2, 3], True, 0)]),
        convolution_then([("MUL", RNG.normal(size=(1, 3, 1, 1)), False, 0)]),
    ],
    ids=["activation between", "read by another", "constant minus result", "one number a row"],
)
def test_what_is_no_batch_norm_stays(model):
    assert len(fold_batch_norm(model).subgraphs[0].operators) == len(model.subgraphs[0].operators)


def test_pruning_takes_the_smallest_and_reports():
    model = load(qref.bundled("digits_cnn_float"))
    pruned, report = prune(model, 0.5)
    assert report
    for entry in report:
        before, after = (m.data(next(t for t in m.subgraphs[0].tensors if t.name == entry.name)) for m in (model, pruned))
        assert entry.zeros == int((after == 0).sum()) >= entry.elements // 2
        kept = after != 0
        np.testing.assert_array_equal(after[kept], before[kept])
        assert np.abs(before[~kept]).max() <= np.abs(before[kept]).min()
    assert prune(pruned, 0.5)[0] == pruned
    with pytest.raises(qref.InputError, match="sparsity"):
        prune(model, 1.5)


def test_a_graph_that_nothing_changes_is_written_as_it_was():
    for name in ("digits_cnn_float", "digits_cnn_int8", "deepconvlstm_int8"):
        model = load(qref.bundled(name))
        again = load(write(assemble(model, read(model))))
        assert [o.name for o in again.subgraphs[0].operators] == [o.name for o in model.subgraphs[0].operators]
        assert again.signatures[0].inputs.keys() == model.signatures[0].inputs.keys()
        x = np.load(qref.bundled(name).with_suffix(".npz"))["input/0"]
        np.testing.assert_array_equal(run(again, x), run(model, x))


def two_readers():
    """x -> RELU -> (LOGISTIC, TANH), both outputs."""
    graph = GraphBuilder()
    x = graph.input("x", FLOAT, (1, 4))
    r, a, b = (graph.tensor(name, FLOAT, (1, 4)) for name in ("r", "a", "b"))
    graph.operator("RELU", [x], [r])
    graph.operator("LOGISTIC", [r], [a])
    graph.operator("TANH", [r], [b])
    return graph.model(outputs=[a, b])


@pytest.mark.parametrize(
    ("integers", "before_readers", "expected"),
    [
        ({"RELU"}, False, ["QUANTIZE", "RELU", "DEQUANTIZE", "LOGISTIC", "TANH"]),
        ({"LOGISTIC"}, False, ["RELU", "QUANTIZE", "LOGISTIC", "DEQUANTIZE", "TANH"]),
        ({"TANH"}, True, ["RELU", "LOGISTIC", "QUANTIZE", "TANH", "DEQUANTIZE"]),
        ({"RELU", "LOGISTIC", "TANH"}, False, ["QUANTIZE", "RELU", "LOGISTIC", "DEQUANTIZE", "TANH", "DEQUANTIZE"]),
        (set(), False, ["RELU", "LOGISTIC", "TANH"]),
    ],
)
def test_conversions_stand_where_two_encodings_meet(integers, before_readers, expected):
    (graph,) = read(two_readers())
    int8 = Encoding(TensorType.INT8, 0.5)
    insert_conversions(
        graph,
        lambda node, value: int8 if node.name in integers else None,
        [None],
        [None, None],
        Shared(dict.fromkeys(graph.values(), int8)),
        before_readers=before_readers,
    )
    assert [node.name for node in graph.nodes] == expected
    assert [value.name for value in graph.outputs] == ["a", "b"]


def test_float16_constants_are_shared_by_their_readers():
    graph = GraphBuilder()
    x, c = graph.input("x", FLOAT, (1, 4)), graph.constant("c", np.float32([1, 1e9, -1e9, 0.1]))
    y, z = graph.tensor("y", FLOAT, (1, 4)), graph.tensor("z", FLOAT, (1, 4))
    graph.operator("ADD", [x, c], [y], ("AddOptions", {}))
    graph.operator("MUL", [y, c], [z], ("MulOptions", {}))
    (changed,) = read(graph.model(outputs=[z]))
    store_as_float16(changed, lambda node: True)
    assert [node.name for node in changed.nodes] == ["DEQUANTIZE", "ADD", "MUL"]
    np.testing.assert_array_equal(changed.nodes[0].inputs[0].data, np.float16([1, 65504, -65504, 0.1]))


def test_what_depends_on_constants_alone_is_computed_once():
    graph = GraphBuilder()
    x, c = graph.input("x", FLOAT, (1, 4)), graph.constant("c", np.float32([[1, 2, 3, 4]]))
    half = graph.constant("h", np.float16([1, 0.5, 0.25, 2]))
    a, b, y = (graph.tensor(name, FLOAT, (1, 4)) for name in ("a", "b", "y"))
    graph.operator("DEQUANTIZE", [half], [a])
    graph.operator("MUL", [a, c], [b], ("MulOptions", {}))
    graph.operator("ADD", [x, b], [y], ("AddOptions", {}))
    model = graph.model(outputs=[y])
    (changed,) = read(model)
    fold_constants(model, changed)
    (add,) = changed.nodes
    np.testing.assert_array_equal(add.inputs[1].data, np.float32([[1, 1, 0.75, 8]]))


def test_what_is_large_only_when_computed_stays():
    graph = GraphBuilder()
    x, one, shape = graph.input("x", FLOAT, (1, 64)), graph.constant("c", np.float32(1)), graph.constant("s", np.int32([1, 64]))
    ones, y = graph.tensor("ones", FLOAT, (1, 64)), graph.tensor("y", FLOAT, (1, 64))
    graph.operator("FILL", [shape, one], [ones])
    graph.operator("ADD", [x, ones], [y], ("AddOptions", {}))
    model = graph.model(outputs=[y])
    (changed,) = read(model)
    fold_constants(model, changed)
    assert [node.name for node in changed.nodes] == ["FILL", "ADD"]


def test_a_float16_file_is_quantized_like_the_float_one():
    images = RNG.uniform(0, 1, (5, 1, 8, 8, 1)).astype(np.float32)
    content = qref.quantize(qref.bundled("digits_cnn_f16"), "full_integer", images)
    names = [operator.name for operator in load(content).subgraphs[0].operators]
    like_float = qref.quantize(qref.bundled("digits_cnn_float"), "full_integer", images)
    assert names == [operator.name for operator in load(like_float).subgraphs[0].operators]


@needs_litert
@pytest.mark.parametrize("scheme", ["dynamic_range", "float16", "full_integer", "int16x8"])
def test_sparse_weights_become_dense_ones(scheme):
    model = sparse(FLOAT, sparse_weights(np.float32), 16)
    samples = RNG.normal(size=(4, 5, 64)).astype(np.float32)
    content = qref.quantize(model, scheme, list(samples))
    assert_equals_litert(load(content), [{0: samples[0]}])
