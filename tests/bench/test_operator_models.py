"""Operators from descriptions: what the grammar takes, what it refuses and why, and that LiteRT runs what is built."""

import numpy as np
import pytest
from oracle import assert_equals_litert, needs_litert

import qref
from qref.bench.operator_models import OPERATORS, build, parse
from qref.schema import Padding, TensorType

SMALL = (
    "CONV_2D:9x8x5x6k3s2",
    "CONV_2D:9x8x5x6k3x2d2v:int16",
    "DEPTHWISE_CONV_2D:9x8x5k3s2x1m2",
    "DEPTHWISE_CONV_2D:9x8x5k3v:float32",
    "TRANSPOSE_CONV:5x4x3x6k3s2",
    "TRANSPOSE_CONV:5x4x3x6k3s2v:int16",
    "FULLY_CONNECTED:4x16x8",
    "FULLY_CONNECTED:4x16x8:int16",
    "BATCH_MATMUL:2x4x8x5",
    "BATCH_MATMUL:2x4x8x5:float32",
    "ADD:3x4",
    "MUL:3x4:int16",
    "SOFTMAX:2x10",
)


@needs_litert
@pytest.mark.parametrize("text", SMALL)
def test_a_described_operator_runs_alike_in_litert(text):
    assert_equals_litert(build(parse(text), seed=1))


@pytest.mark.parametrize("text", [form.example for form in OPERATORS.values()])
def test_the_examples_that_errors_show_are_descriptions(text):
    assert parse(text).operator == text.split(":")[0]


def test_a_description_says_sizes_filter_stride_dilation_padding_and_type():
    found = parse("CONV_2D:56x28x64x128k3x5s2d1x2v:int16")
    assert (found.sizes, found.filter, found.stride, found.dilation) == ((56, 28, 64, 128), (3, 5), (2, 2), (1, 2))
    assert (found.padding, found.type) == (Padding.VALID, TensorType.INT16)
    assert parse("CONV_2D:56x28x64x128").padding == Padding.SAME
    assert parse("DEPTHWISE_CONV_2D:8x8x4k3m2").multiplier == 2


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("CONV_2D:9x8x5x6k3s2", [(1, 9, 8, 5), (6, 3, 3, 5), (6,), (1, 5, 4, 6)]),
        ("CONV_2D:9x8x5x6k3s2v", [(1, 9, 8, 5), (6, 3, 3, 5), (6,), (1, 4, 3, 6)]),
        ("DEPTHWISE_CONV_2D:9x8x5k3m2", [(1, 9, 8, 5), (1, 3, 3, 10), (10,), (1, 9, 8, 10)]),
        ("TRANSPOSE_CONV:5x4x3x6k3s2v", [(4,), (6, 3, 3, 3), (1, 5, 4, 3), (6,), (1, 11, 9, 6)]),
        ("FULLY_CONNECTED:4x16x8", [(4, 16), (8, 16), (8,), (4, 8)]),
        ("BATCH_MATMUL:2x4x8x5", [(2, 4, 8), (2, 8, 5), (2, 4, 5)]),
    ],
)
def test_the_operands_have_the_described_shapes(text, shapes):
    model = build(parse(text), seed=0)
    (operator,) = model.subgraphs[0].operators
    assert [model.subgraphs[0].tensors[i].shape for i in (*operator.inputs, *operator.outputs)] == shapes
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    assert tuple(interpreter.get_output_details()[0]["shape"]) == shapes[-1]  # as the operator derives it


def test_the_seed_draws_the_constants():
    first, again, other = (build(parse("FULLY_CONNECTED:4x16x8"), seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_outputs_use_their_range_and_seldom_saturate():
    model = build(parse("FULLY_CONNECTED:32x256x64"), seed=0)
    interpreter = qref.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    x = np.random.default_rng(0).integers(-128, 128, (32, 256)).astype(np.int8)
    interpreter.set_tensor(model.subgraphs[0].inputs[0], x)
    interpreter.invoke()
    y = interpreter.get_tensor(model.subgraphs[0].outputs[0])
    assert np.unique(y).size > 60
    assert np.mean((y == -128) | (y == 127)) < 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SVDF:3x4", "those that can are CONV_2D"),
        ("CONV_2D:", "as in CONV_2D:56x56x128x128k1"),
        ("CONV_2D:9x8x5", "takes the sizes HEIGHTxWIDTHxINPUT_CHANNELSxOUTPUT_CHANNELS"),
        ("CONV_2D:9x8x0x5", "each at least 1"),
        ("CONV_2D:9x8x5x6q3", "after CONV_2D: comes"),
        ("CONV_2D:9x8x5x6k3k5", "given twice"),
        ("CONV_2D:9x8x5x6m2", "option 'm' is not one of CONV_2D"),
        ("FULLY_CONNECTED:4x16x8v", "its options are none"),
        ("CONV_2D:9x8x5x6k0", "at least 1"),
        ("CONV_2D:9x8x5x6k9d2v", "larger than the image"),
        ("CONV_2D:9x8x5x6:int3", "unknown type 'int3'"),
        ("FULLY_CONNECTED:100000x100000x10", "the most is"),
    ],
)
def test_a_wrong_description_is_refused_with_what_was_expected(text, message):
    with pytest.raises(qref.InputError) as refused:
        parse(text)
    assert message in str(refused.value)
    assert text in str(refused.value)
