"""Operators of two operands as calls: ADD, SUB, MUL, MAXIMUM and their kin.

Kernels take flat operands of one shape. An operand of another shape is spread before: a constant once, any other by a call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.requantize import DoubleRounding, Float32HalfEven
from qref.dispatch import elementwise
from qref.dispatch.cut import Call, along_first_axis
from qref.dispatch.movement import moved
from qref.kernels import add as add_kernels
from qref.kernels import compare as compare_kernels
from qref.kernels import div as div_kernels
from qref.kernels import mul as mul_kernels
from qref.kernels import prelu as prelu_kernels
from qref.kernels import sum_tile
from qref.kernels.cpu import LANES
from qref.ops import _comparison, _sum, div, maximum, minimum, mul, prelu, squared_difference
from qref.ops._elementwise import Scaling
from qref.ops.node import Shape
from qref.ops.optimized import add as optimized_add
from qref.ops.optimized import mul as optimized_mul
from qref.ops.xnnpack import _vadd

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None


def spread(x: np.ndarray, constant: np.ndarray | None, shape: Shape) -> tuple[np.ndarray, list[Call]]:
    """An operand, flat, in the shape of the output, and the calls that bring it there."""
    if constant is not None:
        return np.array(np.broadcast_to(constant, shape), order="C").reshape(-1), []
    if x.shape == shape:
        return x.reshape(-1), []
    target = np.empty(shape, x.dtype)
    sources = np.broadcast_to(np.arange(x.size).reshape(x.shape), shape).reshape(-1)
    return target.reshape(-1), moved(x.reshape(-1), sources, np.arange(target.size), target.reshape(-1))


def flat(constants: Constants, inputs: Arrays, outputs: Arrays) -> tuple[Arrays, list[Call]]:
    """Both operands and the output, flat and of one size, and the calls that come first."""
    (y,) = outputs
    spreads = [spread(x, constant, y.shape) for x, constant in zip(inputs, constants)]
    return [*(x for x, _ in spreads), y.reshape(-1)], [call for _, calls in spreads for call in calls]


def _split(arrays: Arrays) -> tuple[Arrays, Arrays]:
    """Flat arrays: whole blocks of 16, and the rest."""
    whole = arrays[0].size // LANES * LANES
    return [a[:whole] for a in arrays], [a[whole:] for a in arrays]


def _limits(plan: Any) -> tuple[int, int, int]:
    return plan.output_offset, plan.output_activation_min, plan.output_activation_max


def _fixed_point(scaling: Scaling, *, folded: bool = False, floor: bool = False) -> tuple[int, ...]:
    """A scaling as vector.fixed_point takes it: rounded twice, at once (folded), or with the second rounding down."""
    left, right = scaling.left_shift, -scaling.shift
    if folded:
        left, right = left - right, 0
    last = int(right > 0 and not floor)
    return scaling.input_offset, scaling.quantized_multiplier, left, right - last, last, -last


def vadds(plan: _vadd.VaddPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD and SUB of XNNPACK."""
    arrays, calls = flat(constants, inputs, outputs)
    (*blocks, y), (*rest, y_rest) = _split(arrays)
    offsets, multipliers = (plan.input1_offset, plan.input2_offset), (plan.input1_multiplier, plan.input2_multiplier)
    bias = offsets[0] * multipliers[0] + offsets[1] * multipliers[1] + (1 << plan.shift - 1)
    return [
        *calls,
        along_first_axis(Call(sum_tile.vadd, (*blocks, multipliers, bias, plan.shift, _limits(plan), y)), (0, 1, -1), 0.3, LANES),
        Call(add_kernels.vadd, (*rest, *offsets, *multipliers, plan.shift, *_limits(plan), y_rest)),
    ]


def _in_blocks(*arguments: Any) -> Call:
    """Vectors of 16 elements of a sum."""
    return along_first_axis(Call(sum_tile.add, arguments), (0, 1, -1), 0.5, LANES)


def sums(plan: _sum.SumPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD and SUB."""
    if plan.output.shift > 0 or plan.output.rule is not DoubleRounding:
        return None
    arrays, calls = flat(constants, inputs, outputs)
    (*blocks, y), (*rest, y_rest) = _split(arrays)
    vectors = [_fixed_point(s) for s in (plan.input1, plan.input2, plan.output)]
    first, second, last = (elementwise._constants(s) for s in (plan.input1, plan.input2, plan.output))
    return [
        *calls,
        _in_blocks(*blocks, *vectors, (plan.sign, 0), _limits(plan), y),
        Call(add_kernels.add, (*rest, first, second, plan.sign, last, *_limits(plan), y_rest)),
    ]


def sums_in_blocks(plan: optimized_add.BlockSumPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ADD as LiteRT's vector code has it; in our vectors where there is one segment or whole blocks alone."""
    scalar, segments, (first, second) = plan.scalar, plan.segments, (plan.scalar.input1, plan.scalar.input2)
    if scalar.output.shift > 0 or (plan.folded and min(s.left_shift + s.shift for s in (first, second)) < 0):
        return None
    arrays, calls = flat(constants, inputs, outputs)
    narrow, kind = scalar.output_dtype.itemsize == 1, {"folded": plan.folded, "floor": not plan.folded}
    scalings = [elementwise._constants(s) for s in (first, second, scalar.output)]
    form, limits = (np.bool_(plan.folded), np.bool_(narrow)), _limits(scalar)
    if segments.size not in (arrays[2].size, segments.in_blocks):
        *pair, y = arrays
        return [*calls, Call(add_kernels.add_in_blocks, (*pair, *scalings, *limits, *form, segments.size, segments.in_blocks, y))]
    (*blocks, y), (*rest, y_rest) = _split(arrays)
    vectors = [_fixed_point(first, **kind), _fixed_point(second, **kind), _fixed_point(scalar.output)]
    in_blocks = y_rest.size if segments.size == segments.in_blocks else segments.in_blocks - y.size
    return [
        *calls,
        _in_blocks(*blocks, *vectors, (1, int(narrow)), limits, y),
        Call(add_kernels.add_in_blocks, (*rest, *scalings, *limits, *form, max(y_rest.size, 1), in_blocks, y_rest)),
    ]


def products(plan: mul.MulPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MUL under the rounding of gemmlowp or XNNPACK."""
    rule, offsets = plan.requantize, (plan.input1_offset, plan.input2_offset)
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    if isinstance(rule, Float32HalfEven):
        scale = np.float32(rule.effective_scale[0])
        return [*calls, Call(mul_kernels.mul_float32, (x1, x2, *offsets, scale, *_limits(plan), y))]
    if not isinstance(rule, DoubleRounding):
        return None
    factor = int(rule.quantized_multiplier[0]), int(rule.shift[0])
    return [*calls, Call(mul_kernels.mul, (x1, x2, *offsets, *factor, *_limits(plan), y))]


def products_in_blocks(plan: optimized_mul.BlockMulPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MUL as LiteRT's vector code has it."""
    scalar, rule = plan.scalar, plan.scalar.requantize
    if not isinstance(rule, DoubleRounding) or rule.shift[0] > 31:
        return None
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    integers = scalar.input1_offset, scalar.input2_offset, int(rule.quantized_multiplier[0]), int(rule.shift[0])
    blocks = plan.segments.size, plan.segments.in_blocks, np.bool_(plan.saturates)
    return [*calls, Call(mul_kernels.mul_in_blocks, (x1, x2, *integers, *_limits(scalar), *blocks, y))]


def chosen(kernel: Callable[..., None]) -> Callable[..., Calls]:
    """MAXIMUM and MINIMUM: elements as they are."""

    def calls(plan: None, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        if inputs[0].dtype == np.float16:
            return None
        (x1, x2, y), calls = flat(constants, inputs, outputs)
        return [*calls, Call(kernel, (x1, x2, y))]

    return calls


def quotients(plan: div.DivPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """DIV; the reference says what is wrong with a divisor of zero."""
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    integers = plan.input1_offset, plan.input2_offset, plan.quantized_multiplier, plan.shift
    refused = functools.partial(div.div_quantized, inputs[0], inputs[1], plan)
    return [*calls, Call(div_kernels.div, (x1, x2, *integers, *_limits(plan), y), refused)]


def squared_differences(
    plan: squared_difference.SquaredDifferencePlan, constants: Constants, inputs: Arrays, outputs: Arrays
) -> Calls:
    """SQUARED_DIFFERENCE."""
    scalings = plan.input1, plan.input2, plan.output
    if not all(_is_rounded_twice(s) for s in scalings):
        return None
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    limits, integers = np.iinfo(plan.output_dtype), (elementwise._constants(s) for s in scalings)
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    return [*calls, Call(add_kernels.squared_difference, (x1, x2, *integers, *bounds, y))]


def _is_rounded_twice(scaling: Scaling) -> bool:
    return scaling.shift <= 0 and scaling.rule is DoubleRounding


def slopes(plan: prelu.PreluPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """PRELU; not with the bytes of an int16 alpha."""
    rules, limits = (plan.identity, plan.slope), np.iinfo(plan.output_dtype)
    if inputs[1].itemsize != 1 or not all(isinstance(rule, DoubleRounding) for rule in rules):
        return None
    (x, alpha, y), calls = flat(constants, inputs, outputs)
    factors = [(int(r.quantized_multiplier[0]), int(r.shift[0])) for r in rules]  # type: ignore[attr-defined]
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    return [*calls, Call(prelu_kernels.prelu, (x, alpha, plan.input_offset, plan.alpha_offset, *factors, *bounds, y))]


def comparisons(plan: Callable[..., Any], constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """EQUAL, GREATER and their kin of integers."""
    if inputs[0].dtype.kind not in "iu":
        return None
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    return [*calls, Call(compare_kernels.compare, (x1, x2, *_truths(plan), y))]


def scaled_comparisons(plan: _comparison.ComparisonPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """The same of quantized operands."""
    if not (_is_rounded_twice(plan.input1) and _is_rounded_twice(plan.input2)):
        return None
    (x1, x2, y), calls = flat(constants, inputs, outputs)
    scalings = elementwise._constants(plan.input1), elementwise._constants(plan.input2)
    return [*calls, Call(compare_kernels.compare_scaled, (x1, x2, *scalings, *_truths(plan.compare), y))]


def _truths(compare: Callable[..., Any]) -> list[bool]:
    """What a comparison gives for a number that is less, equal and greater."""
    return [bool(compare(x, 0)) for x in (-1, 0, 1)]


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    _sum.sum_quantized: sums,
    optimized_add.sum_in_blocks: sums_in_blocks,
    _vadd.vadd: vadds,
    mul.mul_quantized: products,
    optimized_mul.mul_in_blocks: products_in_blocks,
    maximum.maximum: chosen(compare_kernels.maximum),
    minimum.minimum: chosen(compare_kernels.minimum),
    div.div_quantized: quotients,
    squared_difference.squared_difference_quantized: squared_differences,
    prelu.prelu_quantized: slopes,
    _comparison.compared: comparisons,
    _comparison.compared_quantized: scaled_comparisons,
}
