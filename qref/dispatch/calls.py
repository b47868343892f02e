"""Operators as calls of kernels on arrays that stay where they are: what a Program is made of.

Each function takes a plan, the constant inputs (None where an input is not constant), the arrays of all inputs and outputs, and
gives the calls that compute the outputs, or None where only the bound form can (see qref.dispatch.bind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.requantize import DoubleRounding, HalfUpBlocks
from qref.arithmetic.softmax import exponentials_8bit
from qref.dispatch import elementwise, movement, pooling, recurrent, reduction, tiled, unary
from qref.dispatch.cut import Call, Cut, along_first_axis
from qref.kernels import add as add_kernels
from qref.kernels import lookup_table, sum_tile
from qref.kernels import pooling as pooling_kernels
from qref.kernels import quantize as quantize_kernels
from qref.kernels import softmax as softmax_kernels
from qref.kernels.vector import COMPILED, LANES
from qref.ops import _sum, average_pool_2d, dequantize, expand_dims, max_pool_2d, quantize, reshape, softmax, squeeze
from qref.ops._elementwise import Scaling
from qref.ops._pooling import PoolPlan
from qref.ops.node import Prepared
from qref.ops.optimized import add as optimized_add
from qref.ops.optimized import softmax as optimized_softmax
from qref.ops.xnnpack import _vadd

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None


def copies(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """RESHAPE and its kin: the elements as they are."""
    return [along_first_axis(Call(lookup_table.copy, (_bytes(inputs[0]), _bytes(outputs[0]))), (0, 1), 0.05)]


def _bytes(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1).view(np.uint8)


def pointwise(reference: Callable[..., np.ndarray]) -> Callable[..., Calls]:
    """Functions of 8-bit integers, by a table of all results."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        (x,), (y,) = inputs, outputs
        return [_look_up(reference, plan, x.reshape(-1), y.reshape(-1))] if x.itemsize == 1 else None

    return calls


def _look_up(reference: Callable[..., np.ndarray], plan: Any, x: np.ndarray, y: np.ndarray) -> Call:
    """A function of 8-bit integers."""
    bits, table = np.dtype(f"u{y.itemsize}"), reference(np.arange(256).astype(np.uint8).view(x.dtype), plan)
    return along_first_axis(Call(lookup_table.look_up, (table.view(bits), x.view(np.uint8), y.view(bits))), (1, 2), 0.4)


def requantizations(plan: quantize.RequantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """QUANTIZE of 8-bit integers; rules that round by position need two tables."""
    x, y, rule = inputs[0].reshape(-1), outputs[0].reshape(-1), plan.requantize
    if x.itemsize != 1:
        return None
    if not isinstance(rule, HalfUpBlocks):
        return [_look_up(quantize.requantize, plan, x, y)]
    n = rule.channels_in_blocks
    return [
        _look_up(quantize.requantize, replace(plan, requantize=rule.half_up), x[:n], y[:n]),
        _look_up(quantize.requantize, replace(plan, requantize=rule.double_rounding), x[n:], y[n:]),
    ]


def quantizations(plan: quantize.QuantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """QUANTIZE of real numbers."""
    x, y = inputs[0], outputs[0]
    shape = elementwise._channels_in_the_middle(x.shape, plan.quantized_dimension, plan.scale.size)
    scales = plan.scale.astype(np.float32), plan.zero_point.astype(np.int64)
    return [Call(quantize_kernels.quantize, (x.reshape(shape), *scales, plan.output_min, plan.output_max, y.reshape(shape)))]


def dequantizations(plan: dequantize.DequantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """DEQUANTIZE of 8-bit integers with one scale."""
    x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
    return [_look_up(dequantize.dequantize, plan, x, y)] if x.itemsize == 1 and plan.scale.size == 1 else None


def vadds(plan: _vadd.VaddPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD and SUB of XNNPACK, operands of one shape."""
    if inputs[0].shape != inputs[1].shape:
        return None
    x1, x2, y = (a.reshape(-1) for a in (*inputs, *outputs))
    integers = plan.input1_offset, plan.input2_offset, plan.input1_multiplier, plan.input2_multiplier, plan.shift
    return [along_first_axis(Call(add_kernels.vadd, (x1, x2, *integers, *_limits(plan), y)), (0, 1, -1), 0.3)]


def _fixed_point(scaling: Scaling, *, folded: bool = False, floor: bool = False) -> tuple[int, ...]:
    """A scaling as vector.fixed_point takes it: rounded twice, at once (folded), or with the second rounding down."""
    left, right = scaling.left_shift, -scaling.shift
    if folded:
        left, right = left - right, 0
    last = int(right > 0 and not floor)
    return scaling.input_offset, scaling.quantized_multiplier, left, right - last, last, -last


def _split(inputs: Arrays, outputs: Arrays) -> tuple[Arrays, Arrays]:
    """Both operands and the output, flat: whole blocks of 16, and the rest."""
    flat = [a.reshape(-1) for a in (*inputs, *outputs)]
    whole = flat[0].size // LANES * LANES
    return [a[:whole] for a in flat], [a[whole:] for a in flat]


def _limits(plan: _sum.SumPlan | _vadd.VaddPlan) -> tuple[int, int, int]:
    return plan.output_offset, plan.output_activation_min, plan.output_activation_max


def _in_blocks(*arguments: Any) -> Call:
    return along_first_axis(Call(sum_tile.add, arguments), (0, 1, -1), 0.5, LANES)


def sums(plan: _sum.SumPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD and SUB of operands of one shape."""
    if inputs[0].shape != inputs[1].shape or plan.output.shift > 0 or plan.output.rule is not DoubleRounding:
        return None
    (*blocks, y), (*rest, y_rest) = _split(inputs, outputs)
    vectors = [_fixed_point(s) for s in (plan.input1, plan.input2, plan.output)]
    first, second, last = (elementwise._constants(s) for s in (plan.input1, plan.input2, plan.output))
    return [
        _in_blocks(*blocks, *vectors, (plan.sign, 0), _limits(plan), y),
        Call(add_kernels.add, (*rest, first, second, plan.sign, last, *_limits(plan), y_rest)),
    ]


def sums_in_blocks(plan: optimized_add.BlockSumPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD of operands of one shape as LiteRT's vector code has it."""
    scalar, (first, second) = plan.scalar, (plan.scalar.input1, plan.scalar.input2)
    if inputs[0].shape != inputs[1].shape or scalar.output.shift > 0:
        return None
    if plan.folded and min(s.left_shift + s.shift for s in (first, second)) < 0:
        return None
    (*blocks, y), (*rest, y_rest) = _split(inputs, outputs)
    narrow, kind = scalar.output_dtype.itemsize == 1, {"folded": plan.folded, "floor": not plan.folded}
    vectors = [_fixed_point(first, **kind), _fixed_point(second, **kind), _fixed_point(scalar.output)]
    form = np.bool_(plan.folded), np.bool_(narrow), max(y_rest.size, 1), plan.segments.in_blocks - y.size
    scalings = [elementwise._constants(s) for s in (first, second, scalar.output)]
    return [
        _in_blocks(*blocks, *vectors, (1, int(narrow)), _limits(scalar), y),
        Call(add_kernels.add_in_blocks, (*rest, *scalings, *_limits(scalar), *form, y_rest)),
    ]


def averages(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """AVERAGE_POOL_2D of integers."""
    return [_pooled(pooling_kernels.average_integer, inputs[0], *pooling._axes(plan), int(plan.low), int(plan.high), outputs[0])]


def _pooled(kernel: Callable[..., None], x: np.ndarray, rows: Any, columns: Any, *arguments: Any) -> Call:
    """A kernel of pooling.py, cut into images; a single one into rows of the output."""
    *limits, y = arguments
    work = y.shape[2] * y.shape[3] * rows[2] * columns[2] * 0.5

    def images(first: int, last: int) -> tuple[Any, ...]:
        return x[first:last], rows, columns, *limits, y[first:last]

    def lines(first: int, last: int) -> tuple[Any, ...]:
        stride, padding, size = rows
        return x, (stride, padding - first * stride, size), columns, *limits, y[:, first:last]

    cut = Cut(len(y), y.shape[1] * work, images) if len(y) != 1 else Cut(y.shape[1], work, lines)
    return Call(kernel, (x, rows, columns, *arguments), cut)


def maxima(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MAX_POOL_2D of integers."""
    x, y = inputs[0], outputs[0]
    if x.dtype == np.float32:
        return None
    lowest = int(max_pool_2d.lowest(x.dtype))
    return [_pooled(pooling_kernels.greatest, x, *pooling._axes(plan), lowest, int(plan.low), int(plan.high), y)]


def softmaxes(plan: softmax.SoftmaxPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """SOFTMAX of 8-bit inputs."""
    if not inputs[0].size:
        return None
    x, y = (a.reshape(-1, a.shape[-1]) for a in (inputs[0], outputs[0]))
    limits = np.iinfo(plan.output_dtype)
    exponentials = np.array(exponentials_8bit(plan.multiplier, plan.left_shift, plan.diff_min))
    call = Call(softmax_kernels.softmax_8bit, (x, exponentials, limits.bits, int(limits.min), y))
    return [along_first_axis(call, (0, -1), 500 + x.shape[1] * 3)]


def softmaxes_by_table(plan: optimized_softmax.SoftmaxTablePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """SOFTMAX of 8-bit inputs by a table of float32 exponentials."""
    if not inputs[0].size:
        return None
    x, y = (a.reshape(-1, a.shape[-1]) for a in (inputs[0], outputs[0]))
    limits, half_up = np.iinfo(plan.output_dtype), plan.output_dtype == np.uint8
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    table = np.array(plan.table)
    call = Call(softmax_kernels.softmax_by_table, (x, table, plan.output_scale, half_up, *bounds, y))
    return [along_first_axis(call, (0, -1), x.shape[1] * 3)]


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    **tiled.CALLS,
    **movement.CALLS,
    **recurrent.CALLS,
    **reduction.CALLS,
    **{reference: pointwise(reference) for reference in unary.POINTWISE},
    **{reference: copies for reference in (reshape.reshape, squeeze.squeeze, expand_dims.expand_dims)},
    _sum.sum_quantized: sums,
    optimized_add.sum_in_blocks: sums_in_blocks,
    _vadd.vadd: vadds,
    quantize.quantize: quantizations,
    quantize.requantize: requantizations,
    dequantize.dequantize: dequantizations,
    average_pool_2d.average_pool_2d: averages,
    max_pool_2d.max_pool_2d: maxima,
    softmax.softmax: softmaxes,
    optimized_softmax.softmax_by_table: softmaxes_by_table,
}


def has_calls(prepared: Prepared) -> bool:
    """Whether there may be calls for a prepared operator."""
    return COMPILED and prepared.reference in CALLS


def calls_of(prepared: Prepared, constants: Constants, inputs: Sequence[np.ndarray | None], outputs: Arrays) -> Calls:
    """The calls that compute the outputs of a prepared operator from its inputs; None where there are none."""
    return CALLS[prepared.reference](prepared.plan, constants, inputs, outputs)
