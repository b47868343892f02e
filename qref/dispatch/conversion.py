"""QUANTIZE and DEQUANTIZE as calls; functions of one small integer, by a table of all results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.requantize import HalfUpBlocks
from qref.dispatch import elementwise, unary
from qref.dispatch.cut import Call, along_first_axis
from qref.dispatch.movement import moves
from qref.dispatch.requantize import requantizations
from qref.errors import InputError
from qref.kernels import lookup_table
from qref.kernels import quantize as kernels
from qref.ops import concatenation, dequantize, quantize, rsqrt, sqrt
from qref.ops.optimized import dequantize as optimized_dequantize
from qref.ops.optimized import quantize as optimized_quantize
from qref.ops.xnnpack import quantize as xnnpack_quantize

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None


def pointwise(reference: Callable[..., np.ndarray]) -> Callable[..., Calls]:
    """Functions of integers of 8 or 16 bits; None where some integer has no result."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        try:
            return [_look_up(reference, plan, x, y)] if x.itemsize <= 2 and x.dtype.kind in "iu" else None
        except InputError:
            return None

    return calls


def _look_up(reference: Callable[..., np.ndarray], plan: Any, x: np.ndarray, y: np.ndarray) -> Call:
    """A function of integers of 8 or 16 bits."""
    bits, index = np.dtype(f"u{y.itemsize}"), np.dtype(f"u{x.itemsize}")
    table = reference(np.arange(np.iinfo(index).max + 1).astype(index).view(x.dtype), plan)
    kernel = lookup_table.look_up_bytes if x.itemsize == y.itemsize == 1 else lookup_table.look_up
    return along_first_axis(Call(kernel, (table.view(bits), x.view(index), y.view(bits))), (1, 2), 0.4)


def integers(plan: quantize.RequantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """QUANTIZE of integers; rules that round by position need two tables."""
    x, y, rule = inputs[0].reshape(-1), outputs[0].reshape(-1), plan.requantize
    if x.itemsize > 2:
        limits = np.iinfo(y.dtype)
        bounds = plan.output_offset, int(limits.min), int(limits.max)
        return None if plan.input_offset else requantizations(rule, x[:, None], bounds, y[:, None])
    if not isinstance(rule, HalfUpBlocks):
        return [_look_up(quantize.requantize, plan, x, y)]
    n = rule.channels_in_blocks
    return [
        _look_up(quantize.requantize, replace(plan, requantize=rule.half_up), x[:n], y[:n]),
        _look_up(quantize.requantize, replace(plan, requantize=rule.double_rounding), x[n:], y[n:]),
    ]


def real_numbers(plan: quantize.QuantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """QUANTIZE of real numbers."""
    x, y = inputs[0], outputs[0]
    shape = elementwise._channels_in_the_middle(x.shape, plan.quantized_dimension, plan.scale.size)
    scales = plan.scale.astype(np.float32), plan.zero_point.astype(np.int64)
    return [Call(kernels.quantize, (x.reshape(shape), *scales, plan.output_min, plan.output_max, y.reshape(shape)))]


def real_numbers_in_blocks(
    plan: optimized_quantize.BlockQuantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays
) -> Calls:
    """QUANTIZE of real numbers as LiteRT's vector code has it."""
    x, y, n = inputs[0].reshape(-1), outputs[0].reshape(-1), plan.in_blocks
    limits = plan.output_offset, plan.output_min, plan.output_max
    return [
        Call(kernels.quantize_by_reciprocal, (x[:n], plan.reciprocal, *limits, y[:n])),
        Call(kernels.quantize_float64, (x[n:], np.float64(plan.scale), *limits, y[n:])),
    ]


def real_numbers_within(plan: xnnpack_quantize.ReciprocalPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """QUANTIZE of real numbers in XNNPACK."""
    limits = plan.output_offset, plan.output_min, plan.output_max
    return [Call(kernels.quantize_within, (inputs[0].reshape(-1), plan.reciprocal, *limits, outputs[0].reshape(-1)))]


def to_real(plan: dequantize.DequantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """DEQUANTIZE of integers."""
    x, y = inputs[0], outputs[0]
    if x.dtype.kind not in "iu":
        return None
    shape = elementwise._channels_in_the_middle(x.shape, plan.quantized_dimension, plan.scale.size)
    scales = plan.scale.astype(np.float64), plan.zero_point.astype(np.int64)
    return [Call(kernels.dequantize, (x.reshape(shape), *scales, y.reshape(shape)))]


def to_real_in_blocks(
    plan: optimized_dequantize.BlockDequantizePlan, constants: Constants, inputs: Arrays, outputs: Arrays
) -> Calls:
    """DEQUANTIZE of integers as LiteRT's vector code has it."""
    x, y, n = inputs[0].reshape(-1), outputs[0].reshape(-1), plan.in_blocks
    rest = to_real(plan.whole, constants, [x[n:]], [y[n:]])
    return rest and [Call(kernels.dequantize_float32, (x[:n], plan.whole.scale[0], plan.output_offset, y[:n])), *rest]


def concatenations(plan: concatenation.ConcatenationPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """CONCATENATION; an input of another scale is brought to the output's first."""
    whole, calls = replace(plan, rescale=(None,) * len(inputs)), []
    arrays, known = list(inputs), list(constants)
    for i, (x, constant, rescale) in enumerate(zip(inputs, constants, plan.rescale)):
        alone = replace(plan, axis=0, rescale=(rescale,))
        if rescale is not None and constant is not None:
            known[i] = concatenation.concatenation(constant, alone)
        elif rescale is not None:
            arrays[i] = np.empty_like(x)
            calls.append(_look_up(concatenation.concatenation, alone, x.reshape(-1), arrays[i].reshape(-1)))
    moved = moves(concatenation.concatenation)(whole, known, arrays, outputs)
    return moved if moved is None else [*calls, *moved]


POINTWISE: tuple[Callable[..., np.ndarray], ...] = (*unary.POINTWISE, rsqrt.rsqrt_int8, rsqrt.rsqrt_int16, sqrt.sqrt)
CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    **{reference: pointwise(reference) for reference in POINTWISE},
    concatenation.concatenation: concatenations,
    quantize.quantize: real_numbers,
    quantize.requantize: integers,
    optimized_quantize.quantize_in_blocks: real_numbers_in_blocks,
    xnnpack_quantize.quantize: real_numbers_within,
    dequantize.dequantize: to_real,
    optimized_dequantize.dequantize_in_blocks: to_real_in_blocks,
}
