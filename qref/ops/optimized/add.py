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

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import saturating_rounding_doubling_high_mul, wrap_int16, wrap_int32
from qref.ops import add as reference
from qref.ops._elementwise import Scaling, element_of, finish
from qref.ops._explain import explain_clamp, explain_zero_point
from qref.ops._sum import SumPlan, sum_quantized
from qref.ops._sum import explain as explain_scalar
from qref.ops.node import Node, Prepared
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


def explain(x1: np.ndarray, x2: np.ndarray, plan: BlockSumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    scalar, e = plan.scalar, Explanation()
    if not plan.segments.contain(element, np.broadcast_shapes(x1.shape, x2.shape)):
        return explain_scalar(x1, x2, scalar, element)
    for q, x, scaling in (("q1", x1, scalar.input1), ("q2", x2, scalar.input2)):
        e.given(q, element_of(x, element), "the stored value, LSB")
        _explain_scaling(e, q, f"x{q[1]}", scaling, plan.folded)
    e.derive("acc", "scaled_x1 + scaled_x2", "at the scale that both have now")
    scaled = scalar.output.explain(e, "acc")
    if scalar.output_dtype.itemsize == 1:
        scaled = e.derive("narrow", f"wrap({scaled}, 16)", "vector code goes on in 16 bits")
    explain_zero_point(e, scaled, scalar.output_offset, 16 if scalar.output_dtype.itemsize == 1 else 32)
    explain_clamp(e, "with_offset", scalar.output_activation_min, scalar.output_activation_max)
    return e


def _explain_scaling(e: Explanation, q: str, name: str, scaling: Scaling, folded: bool) -> None:
    left = scaling.left_shift + (scaling.shift if folded else 0)
    e.given(f"input_offset_{name}", scaling.input_offset, "minus the zero point, LSB")
    offset, meaning = f"({q} + input_offset_{name})", "shifted by all bits at once" if folded else "shifted to the left"
    e.derive(name, f"wrap({offset} * 2**{left}, 32)" if left >= 0 else f"{offset} // 2**{-left}", f"{meaning}, in 32 bits")
    e.given(f"quantized_multiplier_{name}", scaling.quantized_multiplier, "31 bits")
    e.derive(f"product_{name}", f"{name} * quantized_multiplier_{name}", "in 64 bits")
    e.derive(f"dropped_by_high_{name}", f"product_{name} % 2**31", "the low 31 bits, which the rounding drops")
    high = f"min(ties_up(product_{name}, 2**31), 2**31 - 1)"
    if folded:
        e.derive(f"scaled_{name}", high, "the high half, ties up: the only rounding")
        return
    e.derive(f"high_{name}", high, "the high half, ties up")
    e.derive(f"dropped_{name}", f"high_{name} % 2**{-scaling.shift}", f"the low {-scaling.shift} bits, which the next step drops")
    e.derive(f"scaled_{name}", f"high_{name} // 2**{-scaling.shift}", "shifted to the right, rounded down")
