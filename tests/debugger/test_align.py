"""Which operators belong together: by structure, constants and names, and never silently wrong."""

import dataclasses
import pathlib

import numpy as np
import pytest

import qref
from qref.debugger import debug
from qref.debugger.align import align
from qref.quantizer import fold_batch_norm, quantize_model
from qref.quantizer.graph import read
from qref.schema import GraphBuilder, TensorType

RNG = np.random.default_rng(3)
FLOAT = qref.bundled("digits_cnn_float")
DIGITS = RNG.uniform(0, 1, (10, 1, 8, 8, 1)).astype(np.float32)
SCHEMES = ["float16", "dynamic_range", "full_integer", "int16x8"]


def without_names(model):
    subgraphs = tuple(
        dataclasses.replace(s, tensors=tuple(dataclasses.replace(t, name=f"t{t.index}") for t in s.tensors))
        for s in model.subgraphs
    )
    return dataclasses.replace(model, subgraphs=subgraphs)


def branches(seed=0, order=(0, 1, 2)):
    """Three convolutions of one shape on one input, joined; `order` is that of the operators in the file."""
    rng, graph = np.random.default_rng(seed), GraphBuilder()
    x = graph.input("x", TensorType.FLOAT32, (1, 6, 6, 4))
    weights = [rng.normal(size=(4, 3, 3, 4)).astype(np.float32) for _ in range(3)]
    outputs = {}
    for i in order:
        w, b = graph.constant(f"w{i}", weights[i]), graph.constant(f"b{i}", rng.normal(size=4).astype(np.float32))
        outputs[i] = graph.tensor(f"y{i}", TensorType.FLOAT32, (1, 4, 4, 4))
        graph.operator("CONV_2D", [x, w, b], [outputs[i]], ("Conv2DOptions", {"padding": 1, "stride_w": 1, "stride_h": 1}))
    y = graph.tensor("y", TensorType.FLOAT32, (1, 4, 4, 12))
    graph.operator("CONCATENATION", [outputs[i] for i in range(3)], [y], ("ConcatenationOptions", {"axis": 3}))
    return graph.model(outputs=[y])


def normalized():
    """A convolution, a batch norm as MUL and ADD, a RELU, a convolution."""
    rng, graph = np.random.default_rng(4), GraphBuilder()
    options = ("Conv2DOptions", {"padding": 0, "stride_w": 1, "stride_h": 1})
    x = graph.input("x", TensorType.FLOAT32, (1, 6, 6, 4))
    a, m, s, r, y = (graph.tensor(name, TensorType.FLOAT32, (1, 6, 6, 4)) for name in "amsry")
    w = [graph.constant(f"w{i}", rng.normal(size=(4, 3, 3, 4)).astype(np.float32)) for i in range(2)]
    b = [graph.constant(f"b{i}", rng.normal(size=4).astype(np.float32)) for i in range(2)]
    factor = graph.constant("factor", np.float32([1, -2, 0.5, 3]))
    shift = graph.constant("shift", np.float32([0, 1, -1, 2]))
    graph.operator("CONV_2D", [x, w[0], b[0]], [a], options)
    graph.operator("MUL", [a, factor], [m], ("MulOptions", {}))
    graph.operator("ADD", [m, shift], [s], ("AddOptions", {}))
    graph.operator("RELU", [s], [r])
    graph.operator("CONV_2D", [r, w[1], b[1]], [y], options)
    return graph.model(outputs=[y])


def samples(model, count=4):
    graph = model.subgraphs[0]
    return [RNG.normal(size=graph.tensors[graph.inputs[0]].shape).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("named", [True, False])
def test_every_operator_of_every_scheme_is_aligned(scheme, named):
    quantized = qref.load(qref.quantize(FLOAT, scheme, DIGITS))
    found = align(read(qref.load(FLOAT))[0], read(quantized if named else without_names(quantized))[0])
    assert not found.unaligned
    assert [pair.node.name for pair in found.pairs] == [pair.float_node.name for pair in found.pairs]
    assert [pair.float_node.source.index for pair in found.pairs] == list(range(len(found.pairs)))


def test_mixed_schemes_and_four_bits_are_aligned():
    recipe = {"scheme": "dynamic_range", "rules": [{"operators": ".*CONV_2D", "scheme": "full_integer", "weight_bits": 4}]}
    recipe["rules"].append({"operators": "DEPTHWISE_CONV_2D", "weight_bits": 8})
    report = debug(FLOAT, quantize_model(FLOAT, recipe=recipe, representative_dataset=DIGITS).content, DIGITS)
    assert not report.unaligned
    assert {"INT4", "INT8"} <= {w.type for layer in report.layers for w in layer.weights}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_branches_of_one_shape_are_told_apart_by_their_weights(order):
    quantized = without_names(qref.load(qref.quantize(branches(order=order), "full_integer", samples(branches()))))
    pairs = align(read(branches())[0], read(quantized)[0]).pairs
    assert [int(pair.float_node.outputs[0].name[1:]) for pair in pairs[:3]] == list(order)


@pytest.mark.parametrize("named", [True, False])
def test_what_was_merged_becomes_a_region(named):
    folded = fold_batch_norm(normalized())
    inputs = samples(folded)
    quantized = qref.load(qref.quantize(folded, "full_integer", inputs))
    pairs = align(read(normalized())[0], read(quantized if named else without_names(quantized))[0]).pairs
    assert [[node.name for node in pair.region] for pair in pairs] == [["CONV_2D", "MUL", "ADD"], ["RELU"], ["CONV_2D"]]
    report = debug(normalized(), quantized, inputs)
    assert all(layer.own.snr > 25 for layer in report.layers)


def test_the_same_structure_with_other_weights_is_refused():
    other = qref.quantize(branches(seed=7), "full_integer", samples(branches()))
    with pytest.raises(qref.InputError, match=r"only 1 of 4 .*constants of its counterpart are others"):
        debug(branches(), other, samples(branches()))


def test_one_layer_with_other_weights_is_named():
    model = branches()
    graph = model.subgraphs[0]
    buffers = list(model.buffers)
    changed = graph.tensors[graph.operators[1].inputs[1]].buffer
    buffers[changed] = dataclasses.replace(buffers[changed], data=RNG.normal(size=144).astype("<f4").tobytes())
    quantized = qref.quantize(dataclasses.replace(model, buffers=tuple(buffers)), "full_integer", samples(model))
    report = debug(model, quantized, samples(model))
    (entry,) = report.unaligned
    assert entry[0].endswith("(CONV_2D)")
    assert "constants of its counterpart are others" in entry[1]
    assert [layer.op_name for layer in report.layers] == ["CONV_2D", "CONV_2D", "CONCATENATION"]


@pytest.mark.parametrize(
    ("quantized", "why"),
    [("deepconvlstm_int8", "input 0 has the shape"), ("digits_cnn_int8", "of 1 quantized operators|shape|of 9 quantized")],
)
def test_models_that_do_not_belong_together_are_refused(quantized, why):
    with pytest.raises(qref.InputError, match=why):
        debug(normalized(), qref.bundled(quantized), samples(normalized()))


def test_a_control_flow_operator_is_compared_whole():
    model = qref.load(pathlib.Path(__file__).parent.parent / "quantizer" / "keras3_lstm.tflite")
    inputs = samples(model)
    report = debug(model, qref.quantize(model, "full_integer", inputs), inputs)
    assert not report.unaligned
    assert all(layer.own.snr > 25 for layer in report.layers if layer.op_name == "WHILE" and layer.own.snr is not None)
