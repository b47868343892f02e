"""Binders of operators of two operands: ADD, SUB, MUL and their kin, QUANTIZE, DEQUANTIZE.

Kernels take flat int16 operands of one shape, which hold 8 bits of either sign too, and writeable, since numba compiles anew for
arrays that are not: one compiled form serves all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.requantize import DoubleRounding, Float32HalfEven, HalfUpBlocks, SingleRounding
from qref.dispatch.requantize import bind_requantize
from qref.kernels import add as add_kernels
from qref.kernels import mul as mul_kernels
from qref.kernels import quantize as quantize_kernels
from qref.ops import _sum, dequantize, mul, quantize
from qref.ops._elementwise import Scaling
from qref.ops.node import Shape
from qref.ops.optimized import add as optimized_add
from qref.ops.xnnpack import _vadd

Run = Callable[..., np.ndarray]


def _flat(x: np.ndarray, shape: Shape, dtype: type = np.int16) -> np.ndarray:
    flat: np.ndarray = np.ascontiguousarray(x if x.shape == shape else np.broadcast_to(x, shape), dtype).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()


def _constants(scaling: Scaling) -> tuple[np.int64, ...]:
    return tuple(map(np.int64, (scaling.input_offset, scaling.left_shift, scaling.quantized_multiplier, -scaling.shift)))


def bind_sum(plan: _sum.SumPlan, constants: Sequence[np.ndarray | None]) -> Run:
    """ADD and SUB; single rounding, and an output factor above 1, whose shift C does not define, stay in NumPy."""
    if plan.output.shift > 0 or plan.output.rule is SingleRounding:
        return lambda x1, x2: _sum.sum_quantized(x1, x2, plan)
    scalings = _constants(plan.input1), _constants(plan.input2), np.int64(plan.sign), _constants(plan.output)
    limits = np.int64(plan.output_offset), np.int64(plan.output_activation_min), np.int64(plan.output_activation_max)

    def run(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        y = np.empty(math.prod(shape), np.int16)
        add_kernels.add(_flat(x1, shape), _flat(x2, shape), *scalings, *limits, y)
        return y.astype(plan.output_dtype, copy=False).reshape(shape)

    return run


def bind_sum_in_blocks(plan: optimized_add.BlockSumPlan, constants: Sequence[np.ndarray | None]) -> Run:
    """ADD with vector code in whole blocks."""
    scalar, segments = plan.scalar, plan.segments
    scalings = _constants(scalar.input1), _constants(scalar.input2), _constants(scalar.output)
    if plan.folded and min(scalings[0][1] - scalings[0][3], scalings[1][1] - scalings[1][3]) < 0:
        return lambda x1, x2: optimized_add.sum_in_blocks(x1, x2, plan)
    limits = np.int64(scalar.output_offset), np.int64(scalar.output_activation_min), np.int64(scalar.output_activation_max)
    form = np.bool_(plan.folded), np.bool_(scalar.output_dtype.itemsize == 1)

    def run(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        y = np.empty(math.prod(shape), np.int16)
        blocks = np.int64(max(segments.size, 1)), np.int64(segments.in_blocks)
        add_kernels.add_in_blocks(_flat(x1, shape), _flat(x2, shape), *scalings, *limits, *form, *blocks, y)
        return y.astype(scalar.output_dtype, copy=False).reshape(shape)

    return run


def bind_vadd(plan: _vadd.VaddPlan, constants: Sequence[np.ndarray | None]) -> Run:
    """ADD and SUB of XNNPACK."""
    integers = (plan.input1_offset, plan.input2_offset, plan.input1_multiplier, plan.input2_multiplier, plan.shift)
    limits = (plan.output_offset, plan.output_activation_min, plan.output_activation_max)

    def run(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        y = np.empty(math.prod(shape), np.int16)
        add_kernels.vadd(_flat(x1, shape), _flat(x2, shape), *map(np.int64, (*integers, *limits)), y)
        return y.astype(plan.output_dtype, copy=False).reshape(shape)

    return run


def _bind_mul_float32(plan: mul.MulPlan, rule: Float32HalfEven) -> Run:
    offsets = np.int64(plan.input1_offset), np.int64(plan.input2_offset)
    limits = np.int64(plan.output_offset), np.int64(plan.output_activation_min), np.int64(plan.output_activation_max)

    def run(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        y = np.empty(math.prod(shape), np.int16)
        scale = np.float32(rule.effective_scale[0])
        mul_kernels.mul_float32(_flat(x1, shape), _flat(x2, shape), *offsets, scale, *limits, y)
        return y.astype(plan.output_dtype, copy=False).reshape(shape)

    return run


def bind_mul(plan: mul.MulPlan, constants: Sequence[np.ndarray | None]) -> Run:
    """MUL under the rounding of gemmlowp or XNNPACK; other rules stay in NumPy."""
    rule = plan.requantize
    if isinstance(rule, Float32HalfEven):
        return _bind_mul_float32(plan, rule)
    if not isinstance(rule, DoubleRounding):
        return lambda x1, x2: mul.mul_quantized(x1, x2, plan)
    offsets = np.int64(plan.input1_offset), np.int64(plan.input2_offset)
    factor = np.int64(rule.quantized_multiplier[0]), np.int64(rule.shift[0])
    limits = np.int64(plan.output_offset), np.int64(plan.output_activation_min), np.int64(plan.output_activation_max)

    def run(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
        y = np.empty(math.prod(shape), np.int16)
        mul_kernels.mul(_flat(x1, shape), _flat(x2, shape), *offsets, *factor, *limits, y)
        return y.astype(plan.output_dtype, copy=False).reshape(shape)

    return run


def _channels_in_the_middle(shape: Shape, quantized_dimension: int, channels: int) -> Shape:
    """[outer, C, inner] of a tensor quantized along one axis; [1, 1, N] of one quantized per tensor."""
    if channels == 1:
        return 1, 1, math.prod(shape)
    return math.prod(shape[:quantized_dimension]), channels, math.prod(shape[quantized_dimension + 1 :])


def bind_quantize(plan: quantize.QuantizePlan, constants: Sequence[np.ndarray | None]) -> Run:
    """QUANTIZE of real numbers."""
    arrays = plan.scale.astype(np.float32), plan.zero_point.astype(np.int64)
    limits = np.int64(plan.output_min), np.int64(plan.output_max)

    def run(x: np.ndarray) -> np.ndarray:
        y = np.empty(_channels_in_the_middle(x.shape, plan.quantized_dimension, plan.scale.size), np.int16)
        with np.errstate(all="ignore"):  # for runs without compilation
            quantize_kernels.quantize(_flat(x, x.shape, np.float32).reshape(y.shape), *arrays, *limits, y)
        return y.astype(plan.output_dtype, copy=False).reshape(x.shape)

    return run


def bind_dequantize(plan: dequantize.DequantizePlan, constants: Sequence[np.ndarray | None]) -> Run:
    """DEQUANTIZE of integers."""
    arrays = plan.scale.astype(np.float64), plan.zero_point.astype(np.int64)

    def run(x: np.ndarray) -> np.ndarray:
        y = np.empty(_channels_in_the_middle(x.shape, plan.quantized_dimension, plan.scale.size), np.float32)
        with np.errstate(all="ignore"):
            quantize_kernels.dequantize(_flat(x, x.shape).reshape(y.shape), *arrays, y)
        return y.reshape(x.shape)

    return run


def bind_integer_quantize(plan: quantize.RequantizePlan, constants: Sequence[np.ndarray | None]) -> Run:
    """QUANTIZE of integers."""
    limits = np.iinfo(plan.output_dtype)
    finish = bind_requantize(plan.requantize, plan.output_offset, int(limits.min), int(limits.max))
    by_position = isinstance(plan.requantize, HalfUpBlocks)

    def run(x: np.ndarray) -> np.ndarray:
        acc = x.reshape((1, -1) if by_position else (-1, 1)).astype(np.int32) + np.int32(plan.input_offset)
        return finish(acc, plan.output_dtype).reshape(x.shape)

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    _sum.sum_quantized: bind_sum,
    mul.mul_quantized: bind_mul,
    optimized_add.sum_in_blocks: bind_sum_in_blocks,
    _vadd.vadd: bind_vadd,
    quantize.quantize: bind_quantize,
    quantize.requantize: bind_integer_quantize,
    dequantize.dequantize: bind_dequantize,
}
