"""Two models compared: what changed is found, and nothing else."""

from dataclasses import replace

import numpy as np

import qref
from qref.analyzer import compare
from qref.schema import Buffer, GraphBuilder, TensorType

INT8 = qref.load(qref.bundled("digits_cnn_int8"))


def changed(tensor=None, operator=None, **fields):
    """The int8 model with one tensor or operator changed."""
    (subgraph,) = INT8.subgraphs
    name, index = ("tensors", tensor) if operator is None else ("operators", operator)
    rows = list(getattr(subgraph, name))
    rows[index] = replace(rows[index], **fields)
    return replace(INT8, subgraphs=(replace(subgraph, **{name: tuple(rows)}),))


def test_a_model_does_not_differ_from_itself():
    found = compare(INT8, qref.load(qref.bundled("digits_cnn_int8")))
    assert not found.differs
    assert found.paired == len(INT8.subgraphs[0].tensors)


def test_a_scale_and_a_zero_point():
    tensor = INT8.subgraphs[0].tensors[12]
    other = replace(tensor.quantization, scale=tensor.quantization.scale * 2, zero_point=tensor.quantization.zero_point + 1)
    (difference,) = compare(INT8, changed(tensor=12, quantization=other)).tensors
    scale = tensor.quantization.scale
    assert (difference.a, difference.b, difference.constant) == (12, 12, None)
    assert difference.fields == {"scales": (scale.tolist(), (scale * 2).tolist()), "zero_points": ([-128], [-127])}


def test_elements_of_a_constant_in_what_is_stored_and_in_real_numbers():
    tensor = INT8.subgraphs[0].tensors[3]
    data = np.frombuffer(INT8.buffers[tensor.buffer].data, np.int8).copy()
    data[:3] += np.int8([1, 0, 5])
    buffers = list(INT8.buffers)
    buffers[tensor.buffer] = Buffer(data.tobytes())
    (difference,) = compare(INT8, replace(INT8, buffers=tuple(buffers))).tensors
    assert difference.fields == {}
    assert (difference.constant.elements, difference.constant.of, difference.constant.stored) == (2, 320, 5)
    np.testing.assert_allclose(difference.constant.real, 5 * tensor.quantization.scale[0], rtol=1e-6)


def test_float_and_quantized_weights_are_compared_as_real_numbers():
    found = compare(qref.load(qref.bundled("digits_cnn_float")), INT8)
    weights = next(t for t in found.tensors if t.name == "model/dense/MatMul")
    scales = INT8.subgraphs[0].tensors[weights.b].quantization.scale
    assert weights.fields["type"] == ("FLOAT32", "INT8")
    assert weights.constant.stored is None
    assert 0 < weights.constant.real <= scales.max() / 2 * 1.0001


def test_an_operator_that_one_model_has_alone_and_its_neighbors_still_paired():
    (subgraph,) = INT8.subgraphs
    shorter = replace(INT8, subgraphs=(replace(subgraph, operators=(*subgraph.operators[:4], *subgraph.operators[5:])),))
    found = compare(INT8, shorter)
    assert [(o.name, o.a, o.b) for o in found.operators] == [("ADD", 4, None)]
    assert found.tensors == ()
    assert [(o.name, o.a, o.b) for o in compare(shorter, INT8).operators] == [("ADD", None, 4)]


def test_options_and_versions():
    operator = INT8.subgraphs[0].operators[0]
    options = replace(operator.options, values={**operator.options.values, "stride_w": 9})
    (difference,) = compare(INT8, changed(operator=0, options=options, version=7)).operators
    assert difference.fields == {"version": (3, 7), "stride_w": ("1", "9")}


def test_tensors_are_paired_by_the_place_of_operators_whatever_their_names():
    (subgraph,) = INT8.subgraphs
    renamed = tuple(replace(tensor, name=f"t{tensor.index}") for tensor in subgraph.tensors)
    found = compare(INT8, replace(INT8, subgraphs=(replace(subgraph, tensors=renamed),)))
    assert not found.differs


def test_tensors_and_subgraphs_that_stand_alone():
    one, two = GraphBuilder(), GraphBuilder()
    x, y = one.input("x", TensorType.FLOAT32, (1,)), two.input("x", TensorType.FLOAT32, (1,))
    two.tensor("more")
    two.subgraph("called")
    found = compare(one.model(outputs=[x]), two.model(outputs=[y]))
    assert (found.alone, found.subgraphs) == ((0, 1), (1, 2))
    assert found.differs


def test_constants_of_nan_and_strings():
    def model(values, words):
        graph = GraphBuilder()
        graph.constant("values", np.array(values, np.float32))
        graph.constant("words", np.array(words, object), TensorType.STRING)
        return graph.model(outputs=[])

    nan = float("nan")
    assert not compare(model([nan, 1], [b"a"]), model([nan, 1], [b"a"])).differs
    values, words = compare(model([nan, 1], [b"a"]), model([0, 1], [b"b"])).tensors
    assert (values.constant.elements, words.constant.elements) == (1, 1)
    assert compare(model([nan], [b"a"]), model([0], [b"a"])).to_dict()["tensors"][0]["constant"]["stored"] == "nan"
