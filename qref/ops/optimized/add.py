"""ADD in LiteRT's optimized kernels.

Quantized operands, equal shapes or (8 bits only) one of the broadcasts that are five loops or fewer: the output falls into
segments, the innermost loops, and in the whole blocks of a segment the operands are scaled in vector code, which rounds them in
another way. With the factor M * 2^(shift - 31) and shift <= 0,

    folded      scaled = high((q + input_offset) * 2^(left_shift + shift), M)         blocks of 16: one rounding
    truncated   scaled = floor(high((q + input_offset) * 2^left_shift, M) / 2^-shift)  blocks of 8: the second step rounds down

int8 and int16 are folded, uint8 truncated; where an operand does not move along the segment both 8-bit types are truncated.
An output of 8 bits is the sum, wrapped to 16 bits, and its zero point, wrapped once more, clamped.
Behind a segment's last block, for other broadcasts, and for all else: as the reference.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.fixed_point import saturating_rounding_doubling_high_mul, wrap_int16, wrap_int32
from qref.ops import add as reference
from qref.ops._elementwise import Scaling, element_of, explain_finish, finish, wrap
from qref.ops._sum import SumPlan, sum_quantized
from qref.ops._sum import explain as explain_scalar
from qref.ops.node import Node, Prepared, Step
from qref.schema.enums import TensorType

from ._blocks import Segments, innermost_loop

FOLDED_BLOCK, TRUNCATED_BLOCK = 16, 8


@dataclass(frozen=True, slots=True)
class BlockSumPlan:
    """The reference's plan, and where vector code takes its place."""

    scalar: SumPlan
    folded: bool  # else truncated
    segments: Segments


def prepare(node: Node) -> Prepared:
    """The reference's plan, with blocks where there is vector code."""
    prepared = reference.prepare(node)
    if not isinstance(prepared.plan, SumPlan):
        return prepared
    x1, x2 = node.input(0), node.input(1)
    size, moving = innermost_loop(x1.shape, x2.shape)
    if size == 0 or (x1.type == TensorType.INT16 and x1.shape != x2.shape):
        return prepared
    folded = moving and x1.type != TensorType.UINT8
    segments = Segments.of(size, FOLDED_BLOCK if folded else TRUNCATED_BLOCK)
    return Prepared(sum_in_blocks, BlockSumPlan(prepared.plan, folded, segments), explain)


def sum_in_blocks(x1: np.ndarray, x2: np.ndarray, plan: BlockSumPlan) -> np.ndarray:
    """Return y = clamp(scale_y(scale_1(x1) + scale_2(x2)) + output_offset), vector code's scale_1 and scale_2 in whole blocks."""
    scalar, whole = plan.scalar, sum_quantized(x1, x2, plan.scalar)
    total = scalar.output(scale_in_block(x1, scalar.input1, plan.folded) + scale_in_block(x2, scalar.input2, plan.folded))
    if scalar.output_dtype.itemsize == 1:
        total = wrap_int16(wrap_int16(total) + scalar.output_offset) - scalar.output_offset
    limits = scalar.output_activation_min, scalar.output_activation_max
    vector = finish(total, scalar.output_offset, *limits, scalar.output_dtype)
    return np.where(plan.segments.mask(whole.shape), vector, whole)


def scale_in_block(q: np.ndarray, scaling: Scaling, folded: bool) -> np.ndarray:
    """The operand at the common scale, as vector code rounds it."""
    offset = np.asarray(q, np.int64) + scaling.input_offset
    left = scaling.left_shift + (scaling.shift if folded else 0)
    shifted = wrap_int32(offset << left) if left >= 0 else offset >> -left
    high = saturating_rounding_doubling_high_mul(shifted, scaling.quantized_multiplier)
    return high if folded else high >> -scaling.shift


def explain(x1: np.ndarray, x2: np.ndarray, plan: BlockSumPlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step in plain Python integers."""
    scalar = plan.scalar
    if not plan.segments.contain(element, np.broadcast_shapes(x1.shape, x2.shape)):
        return explain_scalar(x1, x2, scalar, element)
    first = _explain_scaling(element_of(x1, element), scalar.input1, plan.folded, "x1")
    second = _explain_scaling(element_of(x2, element), scalar.input2, plan.folded, "x2")
    output = scalar.output.explain(first[-1].value + second[-1].value, "sum")
    result, bits = output[-1].value, 16 if scalar.output_dtype.itemsize == 1 else 32
    result = wrap(result + scalar.output_offset, bits) - scalar.output_offset
    last = explain_finish(result, scalar.output_offset, scalar.output_activation_min, scalar.output_activation_max)
    return [*first, *second, *output, *last]


def _explain_scaling(q: int, scaling: Scaling, folded: bool, name: str) -> list[Step]:
    offset, left = q + scaling.input_offset, scaling.left_shift + (scaling.shift if folded else 0)
    shifted = wrap(offset * 2**left, 32) if left >= 0 else offset // 2**-left
    high = min((shifted * scaling.quantized_multiplier + 2**30) // 2**31, 2**31 - 1)
    steps = [Step(name, q), Step(f"{name} + input_offset", offset), Step(f"... * 2^{left}", shifted)]
    steps += [Step("quantized_multiplier", scaling.quantized_multiplier), Step("high half, ties up", high)]
    return steps if folded else [*steps, Step(f"divided by 2^{-scaling.shift}, rounded down", high // 2**-scaling.shift)]
