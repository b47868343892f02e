"""DEQUANTIZE in LiteRT's optimized kernels.

int8, uint8 and int16 per tensor: in blocks of 8 elements with two roundings in float32,

    y = float32(float32(x * s_x) + float32(-zero_point(x) * s_x))

and behind the last block as the reference, which rounds once. All else as the reference.
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops import dequantize as reference
from qref.ops._explain import place_of
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

BLOCK = 8
TYPES = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class BlockDequantizePlan:
    """Constants of the input."""

    whole: reference.DequantizePlan  # of the elements behind the last block
    in_blocks: int  # how many elements lie in whole blocks
    output_offset: np.float32  # -zero_point * scale, real units


def prepare(node: Node) -> Prepared:
    """The reference's plan with the rounding of blocks."""
    prepared = reference.prepare(node)
    x, plan = node.input(0), prepared.plan
    if x.type not in TYPES or plan.scale.size > 1:
        return prepared
    with np.errstate(all="ignore"):
        offset = np.float32(-x.zero_point) * x.scale
    return Prepared(dequantize_in_blocks, BlockDequantizePlan(plan, math.prod(x.shape) // BLOCK * BLOCK, offset), explain)


@np.errstate(all="ignore")
def dequantize_in_blocks(x: np.ndarray, plan: BlockDequantizePlan) -> np.ndarray:
    """Return y = float32(x * scale) + output_offset, behind the last block float32(scale * (x - zero_point))."""
    flat, scale = x.reshape(-1), plan.whole.scale[0]
    in_blocks = flat[: plan.in_blocks].astype(np.float32) * scale + plan.output_offset
    return np.concatenate([in_blocks, reference.dequantize(flat[plan.in_blocks :], plan.whole)]).reshape(x.shape)


def explain(x: np.ndarray, plan: BlockDequantizePlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    if place_of(element, x.shape) >= plan.in_blocks:
        return reference.explain(x, plan.whole, element)
    e = Explanation()
    e.given("x", x[element].item(), "the stored value, LSB")
    e.given("scale", plan.whole.scale[0], "of the input, real units per LSB")
    e.given("output_offset", plan.output_offset, "minus zero point * scale in float32, real units")
    e.derive("product", "float32(x * scale)")
    e.derive("y", "float32(product + output_offset)", "the real number, rounded twice")
    return e
