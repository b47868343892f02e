"""ADD, SUB, MUL, QUANTIZE, DEQUANTIZE, LEAKY_RELU and kin in LiteRT's optimized kernels and in XNNPACK."""

from __future__ import annotations

import numpy as np
import pytest
from elementwise_models import SHAPES, TIES, arrays_of, binary, options_of, quantizations, whole_range
from explanations import check_explanations
from one_operator import T, const, model_of
from oracle import assert_equals_litert, needs_litert, run_qref

from qref.ops import find_prepare
from qref.ops.optimized._blocks import Segments, innermost_loop
from qref.schema import TensorType

INT8, UINT8, INT16, FLOAT32 = TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.FLOAT32
KERNEL_SETS = ["optimized", "xnnpack"]
BROADCASTS = [
    *SHAPES[:-2],
    ((2, 3, 21), (21,)),
    ((1,), (2, 3, 37)),
    ((2, 5, 7, 16), (2, 1, 1, 16)),
    ((2, 5, 7, 16), (2, 5, 7, 1)),
    ((2, 5, 1, 16), (1, 1, 7, 16)),
    ((3, 1, 19), (1, 5, 19)),
    ((4, 1, 6, 1, 9), (4, 5, 6, 3, 9)),
    ((2, 3, 37, 1), (2, 3, 1, 1)),
]
WIDE = [(1.0, 1.0, 0.0025), (0.001, 7.0, 7.0), (1.0, 0.001, 0.02), (0.001, 1.0, 1.0)]
SPECIAL = [np.inf, -np.inf, 0.0, -0.0, 6.5, -1.5, 1e-40, -1e-40, 1e-20, -1e-20, 3e38, 1.2e-38, 2.0]


def compare(kernel_set, model, *inputs):
    return assert_equals_litert(model, [dict(enumerate(inputs))], kernel_set)


def models_of_two_operands(name, type, count):
    rng = np.random.default_rng(len(name) + type)
    for number, (scales, zero_points) in enumerate(quantizations(rng, type, count)):
        shapes = BROADCASTS[number % len(BROADCASTS)]
        scales = scales if number % 3 else [*TIES, *WIDE][number // 3 % (len(TIES) + len(WIDE))]
        fields = {"fused_activation_function": number % 4} | ({} if name == "MUL" else {"pot_scale_int16": False})
        version = 5 if (name, type) == ("SUB", INT16) else 2
        yield binary(name, type, *shapes, scales, zero_points, version=version, **fields), whole_range(rng, type, *shapes)


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_sums_round_by_broadcast_block_and_kernel_set(kernel_set, name, type):
    for model, inputs in models_of_two_operands(name, type, 42):
        compare(kernel_set, model, *inputs)


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_mul_passes_through_16_bits_in_blocks_and_through_float32_in_xnnpack(kernel_set, type):
    for model, inputs in models_of_two_operands("MUL", type, 42):
        compare(kernel_set, model, *inputs)


@needs_litert
@pytest.mark.parametrize("shapes", [((40,), (40,)), ((3, 20), (3, 1))])
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_optimized_mul_shifts_out_everything_above_31_bits(type, shapes):
    rng = np.random.default_rng(5)
    compare("optimized", binary("MUL", type, *shapes, (1.0, 1.0, 1e-12), (3, 5, 7)), *whole_range(rng, type, *shapes))


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("type", [INT8, UINT8])
def test_explanations_end_at_the_result(kernel_set, name, type):
    rng = np.random.default_rng(7)
    prepare = find_prepare(name, kernel_set=kernel_set) or find_prepare(name)
    for shapes in (((19,), (19,)), ((2, 21), (2, 1)), ((2, 17), (17,))):
        for scales in ((0.02, 0.03, 0.04), (0.5, 0.25, 0.125)):
            model = binary(name, type, *shapes, scales, (3, 100, 7))
            check_explanations(model, prepare, *whole_range(rng, type, *shapes))


def test_the_innermost_loop_is_what_both_operands_or_one_move_along():
    assert innermost_loop((2, 3, 4), (2, 1, 1)) == (12, False)
    assert innermost_loop((2, 1, 3, 1, 5, 1), (1, 2, 1, 3, 1, 5)) == (0, False)
    assert innermost_loop((), ()) == (1, True)
    assert Segments.of(5, 4).mask((2, 5)).sum() == 8


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_quantize_rounds_to_even_but_behind_the_last_block(kernel_set, type):
    rng = np.random.default_rng(1)
    for scale, zero_point in ((0.5, 3), (0.02, 7), (0.03, 1)):
        zero_point = zero_point if type != INT16 else 0
        x = (np.concatenate([np.arange(-300, 300) / 2, rng.normal(size=405) * 100]) * np.float32(scale)).astype(np.float32)
        x[:13] = SPECIAL
        model = model_of("QUANTIZE", [T(FLOAT32, x.shape)], [T(type, x.shape, scale, zero_point)], options_of("QUANTIZE", {}))
        compare(kernel_set, model, x)


@needs_litert
@pytest.mark.parametrize("source", [INT8, UINT8])
@pytest.mark.parametrize("target", [INT8, UINT8])
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_quantize_from_8_bits_to_8_bits(kernel_set, source, target):
    rng = np.random.default_rng(2)
    for s_x, s_y in ((0.5, 0.25), (0.25, 0.5), (0.02, 0.03), (0.04, 0.03), (1.0, 128.0), (1.0, 300.0), (1.0, 0.007)):
        model = model_of("QUANTIZE", [T(source, (301,), s_x, 3)], [T(target, (301,), s_y, 7)], options_of("QUANTIZE", {}))
        compare(kernel_set, model, *whole_range(rng, source, (301,)))


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_dequantize_rounds_twice_in_blocks_of_the_optimized_kernels_alone(kernel_set, type):
    rng = np.random.default_rng(3)
    for scale, zero_point in ((0.5, 3), (0.03, 1), (0.37, 5), (1e38, 3)):
        for shape in ((301,), (2, 3, 5), (), (7,)):
            zero_point = 0 if type == INT16 else zero_point
            model = model_of("DEQUANTIZE", [T(type, shape, scale, zero_point)], [T(FLOAT32, shape)])
            compare(kernel_set, model, *whole_range(rng, type, shape))


@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_quantize_and_dequantize_explain_every_element(kernel_set):
    rng = np.random.default_rng(4)
    x = np.float32([0.25, -0.25, 0.75, 1e9, -1e9, *rng.normal(size=16)])
    quantize, dequantize = (find_prepare(name, kernel_set=kernel_set) for name in ("QUANTIZE", "DEQUANTIZE"))
    check_explanations(model_of("QUANTIZE", [T(FLOAT32, (21,))], [T(INT8, (21,), 0.5, 3)]), quantize, x)
    q = whole_range(rng, INT8, (5, 7))
    check_explanations(model_of("QUANTIZE", [T(INT8, (5, 7), 0.5, 1)], [T(INT8, (5, 7), 0.75, 3)]), quantize, *q)
    check_explanations(model_of("DEQUANTIZE", [T(INT8, (5, 7), 0.3, 1)], [T(FLOAT32, (5, 7))]), dequantize, *q)


@needs_litert
@pytest.mark.parametrize("kernel_set", ["reference", *KERNEL_SETS])
@pytest.mark.parametrize("type", [INT8, UINT8, INT16])
def test_leaky_relu_with_alphas_of_either_sign(kernel_set, type):
    limits = np.iinfo(type.dtype)
    x = np.arange(limits.min, limits.max + 1, 1 if type != INT16 else 397).astype(type.dtype)
    for s_x, s_y in ((0.02, 0.03), (0.25, 0.5), (0.1, 0.1), (1.0, 0.007)):
        for alpha in (0.2, -0.5, -1.5, 0.003, 100.0):
            zero_points = (0, 0) if type == INT16 else (5, 100)
            operands = [T(type, x.shape, s, z) for s, z in zip((s_x, s_y), zero_points)]
            compare(kernel_set, model_of("LEAKY_RELU", operands[:1], operands[1:], ("LeakyReluOptions", {"alpha": alpha})), x)


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
def test_float_slopes_leave_what_is_not_below_zero(kernel_set):
    x = np.float32(SPECIAL)
    for alpha in (0.2, -0.5, 1e-10):
        compare(
            kernel_set,
            model_of("LEAKY_RELU", [T(FLOAT32, x.shape)], [T(FLOAT32, x.shape)], ("LeakyReluOptions", {"alpha": alpha})),
            x,
        )
    slope = const(np.float32([1e-40, -0.0, 1e-10, -1.0] * 3 + [0.5]), np.float32)
    compare(kernel_set, model_of("PRELU", [T(FLOAT32, (2, 13)), slope], [T(FLOAT32, (2, 13))]), np.stack([x, x[::-1]]))


@needs_litert
@pytest.mark.parametrize("kernel_set", KERNEL_SETS)
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"])
def test_float_operands_with_denormals_infinities_and_zeros_of_both_signs(kernel_set, name):
    rng, x = np.random.default_rng(6), np.float32(SPECIAL)
    activations = (0, 1, 2, 3) if name in ("ADD", "SUB", "MUL", "DIV") else (None,)
    for activation in activations:
        fields = {} if activation is None else {"fused_activation_function": activation}
        compare(kernel_set, binary(name, FLOAT32, (13,), (13, 1), **fields), x, x.reshape(13, 1))
        for shapes in BROADCASTS[:5]:
            compare(kernel_set, binary(name, FLOAT32, *shapes, **fields), *arrays_of(rng, FLOAT32, *shapes))


@needs_litert
def test_xnnpack_takes_an_end_of_zero_for_the_end_of_its_axis():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    inputs = [T(FLOAT32, (3, 4)), const([1, -3]), const([0, 4]), const([1, 1])]
    model = model_of("STRIDED_SLICE", inputs, [T(FLOAT32)], ("StridedSliceOptions", {}))
    compare("xnnpack", model, x)
    for runtime, shape in (("xnnpack", (2, 3)), ("litert-optimized", (0, 3))):
        assert run_qref(model, [{0: x}], "numpy", runtime)[0][model.subgraphs[0].outputs[0]].shape == shape
