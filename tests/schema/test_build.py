import numpy as np
import pytest
from schema_samples import F32, I8

from qref.schema import NO_OPTIONS, GraphBuilder, InvalidModel, Options, TensorType, load, write


def test_a_scale_makes_a_quantization_and_no_scale_makes_none():
    graph = GraphBuilder()
    graph.tensor("per tensor", I8, (2, 3), scale=0.5, zero_point=-3)
    graph.tensor("per axis", I8, (2, 3), scale=[1, 2, 3], quantized_dimension=1)
    graph.tensor("none", F32)
    tensors = graph.model([]).subgraphs[0].tensors
    assert tensors[0].quantization.scale.tolist() == [0.5]
    assert tensors[0].quantization.zero_point.tolist() == [-3]
    assert tensors[1].quantization.zero_point.tolist() == [0, 0, 0]
    assert tensors[1].quantization.quantized_dimension == 1
    assert tensors[2].quantization is None


def test_options_not_given_have_the_default_of_the_schema():
    graph = GraphBuilder()
    graph.operator("CONV_2D", [], [], ("Conv2DOptions", {"stride_w": np.int64(2)}))
    options = graph.model([]).subgraphs[0].operators[0].options
    assert (options.stride_w, options.stride_h, options.dilation_h_factor, options.padding) == (2, 0, 1, 0)
    assert type(options.stride_w) is int


def test_operators_of_one_kind_and_version_share_an_operator_code():
    graph = GraphBuilder()
    for version in (1, 2, 1):
        graph.operator("ADD", [], [], version=version)
    model = graph.model([])
    assert [code.version for code in model.operator_codes] == [1, 2]
    assert [operator.opcode_index for operator in model.subgraphs[0].operators] == [0, 1, 0]


def test_options_of_the_second_union_go_there():
    graph = GraphBuilder()
    graph.operator("STABLEHLO_PAD", [], [], ("StablehloPadOptions", {"interior_padding": [1, 2]}))
    (operator,) = graph.model([]).subgraphs[0].operators
    assert operator.options == NO_OPTIONS
    assert operator.options_2.interior_padding == (1, 2)


def test_an_unknown_field_table_or_operator_is_refused():
    graph = GraphBuilder()
    with pytest.raises(InvalidModel, match="Conv2DOptions has no field 'stride'; it has padding, stride_w"):
        graph.operator("CONV_2D", [], [], ("Conv2DOptions", {"stride": 1}))
    with pytest.raises(InvalidModel, match="Conv5DOptions is not a table"):
        graph.operator("CONV_2D", [], [], ("Conv5DOptions", {}))
    with pytest.raises(KeyError, match="CONV2D"):
        graph.operator("CONV2D", [], [])
    with pytest.raises(InvalidModel, match="custom_code goes with CUSTOM"):
        graph.operator("ADD", [], [], custom_code="Mine")


@pytest.mark.parametrize("dtype", ["f4", "f2", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "c8", "c16"])
def test_the_type_of_a_constant_is_that_of_its_array(dtype):
    graph = GraphBuilder()
    graph.constant("c", np.ones((2, 2), dtype))
    (tensor,) = graph.model([]).subgraphs[0].tensors
    assert tensor.type.dtype == np.dtype(dtype)
    assert tensor.type.bits == 8 * np.dtype(dtype).itemsize


def test_an_array_that_no_type_holds_is_refused():
    with pytest.raises(InvalidModel, match="no tensor type holds float"):
        GraphBuilder().constant("c", np.ones(2, np.longdouble))


def test_an_index_that_is_not_there_is_refused():
    graph = GraphBuilder()
    graph.operator("ADD", [0, 1], [2])
    with pytest.raises(InvalidModel, match=r"operator 0 \(ADD\), inputs"):
        graph.model([])


def test_custom_operators_and_metadata_are_kept():
    graph = GraphBuilder()
    x, y = graph.input("x", F32, (1,)), graph.tensor("y", F32, (1,))
    graph.operator("CUSTOM", [x], [y], custom_code="Mine", custom_options=b"abc")
    graph.metadata("author", b"me")
    model = load(write(graph.model([y])))
    (operator,) = model.subgraphs[0].operators
    assert (operator.name, operator.custom_options) == ("Mine", b"abc")
    assert model.buffers[model.metadata[0].buffer].data == b"me"


def test_options_may_be_given_as_an_object():
    graph = GraphBuilder()
    graph.operator("SOFTMAX", [], [], Options("SoftmaxOptions", {"beta": 0.1}))
    assert graph.model([]).subgraphs[0].operators[0].options.beta == float(np.float32(0.1))


def test_types_may_be_given_as_numbers():
    graph = GraphBuilder()
    graph.tensor("t", 9, [2])
    assert graph.model([]).subgraphs[0].tensors[0].type is TensorType.INT8
