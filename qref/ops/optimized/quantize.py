"""QUANTIZE in LiteRT's optimized kernels.

float32 to int8, uint8, int16 per tensor: in blocks of 8 elements by the float32 reciprocal of the scale, ties to even,

    y = clamp(rint(x * float32(1 / s_y)) + zero_point(y))

and behind the last block a division in float64, ties away from zero. What fits no 32 bits becomes -2^31.
8 bits to 8 bits: in blocks of 16 elements by HalfUp, behind the last block by DoubleRounding. All else as the reference.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from qref.arithmetic import fixed_point as fp
from qref.arithmetic.explanation import Explanation
from qref.ops import quantize as reference
from qref.ops._elementwise import finish
from qref.ops._explain import explain_clamp, explain_zero_point, place_of, rounded_to_int32
from qref.ops.node import Node, Prepared

from ._blocks import half_up_in_blocks

FLOAT_BLOCK, INTEGER_BLOCK = 8, 16


@dataclass(frozen=True, slots=True)
class BlockQuantizePlan:
    """Constants of real input."""

    scale: np.float32  # real units per LSB
    reciprocal: np.float32  # LSB per real unit
    in_blocks: int  # how many elements lie in whole blocks
    output_offset: int  # +zero_point(y), LSB
    output_min: int  # LSB
    output_max: int
    output_dtype: np.dtype

    @classmethod
    def of(cls, plan: reference.QuantizePlan, in_blocks: int) -> BlockQuantizePlan:
        """The plan of a tensor quantized per tensor."""
        with np.errstate(all="ignore"):
            reciprocal = np.float32(1) / plan.scale[0]
        return cls(
            plan.scale[0], reciprocal, in_blocks, int(plan.zero_point[0]), plan.output_min, plan.output_max, plan.output_dtype
        )


def prepare(node: Node) -> Prepared:
    """The reference's plan with the rounding of blocks."""
    prepared = reference.prepare(node)
    x, y, plan = node.input(0), node.output(), prepared.plan
    size = math.prod(x.shape)
    if isinstance(plan, reference.QuantizePlan):
        if plan.scale.size > 1 or y.type not in reference.PER_AXIS_TYPES:
            return prepared
        return Prepared(quantize_in_blocks, BlockQuantizePlan.of(plan, size // FLOAT_BLOCK * FLOAT_BLOCK), explain)
    if x.dtype.itemsize > 1 or y.dtype.itemsize > 1:
        return prepared
    return replace(prepared, plan=replace(plan, requantize=half_up_in_blocks(plan.requantize, size, INTEGER_BLOCK)))


@np.errstate(all="ignore")
def quantize_in_blocks(x: np.ndarray, plan: BlockQuantizePlan) -> np.ndarray:
    """Return y = clamp(rint(x * reciprocal) + output_offset), behind the last block clamp(round(x / scale) + output_offset)."""
    flat = x.reshape(-1)
    in_blocks, rest = flat[: plan.in_blocks], flat[plan.in_blocks :].astype(np.float64)
    steps = np.concatenate(
        [fp.cast_int32(np.rint(in_blocks * plan.reciprocal)), fp.cast_int32(fp.round_half_away(rest / np.float64(plan.scale)))]
    )
    return finish(steps, plan.output_offset, plan.output_min, plan.output_max, plan.output_dtype).reshape(x.shape)


def explain(x: np.ndarray, plan: BlockQuantizePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = Explanation()
    e.given("x", x[element].item(), "the real number")
    if place_of(element, x.shape) < plan.in_blocks:
        e.given("reciprocal", plan.reciprocal, "of the output's scale, in float32")
        e.derive("steps", "float32(x * reciprocal)", "in float32, LSB")
        e.derive("rounded", rounded_to_int32("steps", "round_half_even"), "the only rounding to an integer, ties to even")
    else:
        e.given("scale", plan.scale, "of the output, real units per LSB")
        e.derive("steps", "divide(x, scale)", "in float64, LSB; the element lies behind the last block")
        e.derive("rounded", rounded_to_int32("steps"), "the only rounding to an integer, ties away from zero")
    explain_zero_point(e, "rounded", plan.output_offset)
    explain_clamp(e, "with_offset", plan.output_min, plan.output_max)
    return e
