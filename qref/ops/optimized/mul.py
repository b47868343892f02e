"""MUL in LiteRT's optimized kernels: as the reference, but in the blocks of vector code a result of 8 bits passes through 16.

8 bits, equal shapes or a broadcast of five loops or fewer, the whole blocks of each innermost loop, 16 elements of int8 or 8 of
uint8: the scaled product is clamped to 16 bits (uint8 where one operand does not move along the loop: wraps to them), and its sum
with the zero point wraps there. A scale with a shift above 31 to the left gives 0.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import saturate_int16, wrap_int16
from qref.ops import mul as reference
from qref.ops._explain import explain_clamp, explain_zero_point
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._blocks import Segments, innermost_loop

BLOCKS = {TensorType.INT8: 16, TensorType.UINT8: 8}


@dataclass(frozen=True, slots=True)
class BlockMulPlan:
    """The reference's plan, and where vector code takes its place."""

    scalar: reference.MulPlan
    segments: Segments
    saturates: bool  # whether a scaled product is clamped to 16 bits, else it wraps to them


def prepare(node: Node) -> Prepared:
    """The reference's plan, with blocks where there is vector code."""
    prepared = reference.prepare(node)
    x1, x2 = node.input(0), node.input(1)
    size, moving = innermost_loop(x1.shape, x2.shape)
    if x1.type not in BLOCKS or size == 0:
        return prepared
    saturates = moving or x1.type == TensorType.INT8
    return Prepared(mul_in_blocks, BlockMulPlan(prepared.plan, Segments.of(size, BLOCKS[x1.type]), saturates), explain)


def mul_in_blocks(x1: np.ndarray, x2: np.ndarray, plan: BlockMulPlan) -> np.ndarray:
    """Return y, in whole blocks clamp(wrap16(narrow(scaled) + output_offset)) with the reference's scaled product."""
    scalar, whole = plan.scalar, reference.mul_quantized(x1, x2, plan.scalar)
    narrow = saturate_int16 if plan.saturates else wrap_int16
    result = wrap_int16(narrow(_scaled(x1, x2, scalar)) + scalar.output_offset)
    vector = np.clip(result, scalar.output_activation_min, scalar.output_activation_max).astype(scalar.output_dtype)
    return np.where(plan.segments.mask(whole.shape), vector, whole)


def _scaled(x1: np.ndarray, x2: np.ndarray, plan: reference.MulPlan) -> np.ndarray:
    acc = (x1.astype(np.int64) + plan.input1_offset) * (x2.astype(np.int64) + plan.input2_offset)
    return np.zeros_like(acc) if _vanishes(plan) else plan.requantize(acc.reshape(-1)).reshape(acc.shape)


def _vanishes(plan: reference.MulPlan) -> bool:
    return bool(plan.requantize.shift[0] > 31)  # type: ignore[attr-defined]


def explain(x1: np.ndarray, x2: np.ndarray, plan: BlockMulPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    scalar = plan.scalar
    if not plan.segments.contain(element, np.broadcast_shapes(x1.shape, x2.shape)):
        return reference.explain(x1, x2, scalar, element)
    e = reference.explain_product(x1, x2, scalar, element)
    if _vanishes(scalar):
        scaled = e.derive("scaled", "acc * 0", "shifted to the left by more than 31 bits")
    else:
        scaled = scalar.requantize.explain(e, "acc")
    narrow = f"clamp({scaled}, -(2**15), 2**15 - 1)" if plan.saturates else f"wrap({scaled}, 16)"
    e.derive("narrow", narrow, "vector code goes on in 16 bits")
    explain_zero_point(e, "narrow", scalar.output_offset, 16)
    explain_clamp(e, "with_offset", scalar.output_activation_min, scalar.output_activation_max)
    return e
