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

from qref.ops import dequantize as reference
from qref.ops.node import Node, Prepared, Step
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


def explain(x: np.ndarray, plan: BlockDequantizePlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step."""
    position = int(np.ravel_multi_index(element, x.shape)) if element else 0
    if position >= plan.in_blocks:
        return reference.explain(x, plan.whole, element)
    q, scale = x[element].item(), plan.whole.scale[0]
    with np.errstate(all="ignore"):
        scaled = np.float32(q) * scale
        real = scaled + plan.output_offset
    steps = [Step("x", q), Step("scale", float(scale)), Step("x * scale in float32", float(scaled))]
    return [*steps, Step("-zero_point * scale in float32", float(plan.output_offset)), Step("sum in float32", float(real))]
