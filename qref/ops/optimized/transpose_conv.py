"""TRANSPOSE_CONV as LiteRT's optimized kernels compute it: whole blocks are rounded half up, what is left over as the reference.

Blocks   int8, and int16 with an int32 bias: 8 output channels;  uint8: 16 elements in the order of memory
Types    float32: see `transpose_conv_float32`;  int16 with an int64 bias, and hybrid: as the reference
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.requantize import DoubleRounding, HalfUp, HalfUpBlocks, HalfUpFlatBlocks
from qref.ops import transpose_conv as base
from qref.ops._convolution import Axis, overlaps
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._explain_eigen import explain_matmul
from qref.ops._explain_float import bias_of, explain_float32_output, explain_products
from qref.ops._explain_windows import taps_on_output
from qref.ops._matmul import finish_float32, with_plan
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

BLOCK = 8  # channels


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: windows, limits, and what decides where long sums are split."""

    axes: tuple[Axis, ...]
    low: np.float32
    high: np.float32
    l1_bytes: int


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    plan = prepared.plan
    if isinstance(plan, base.Float32Plan):
        return Prepared(transpose_conv_float32, Float32Plan(plan.axes, plan.low, plan.high, l1_cache_bytes()), explain_float32)
    if not isinstance(plan, base.TransposeConvPlan) or not isinstance(plan.requantize, DoubleRounding):
        return prepared
    half_up = HalfUp(plan.requantize.quantized_multiplier, plan.requantize.shift)
    if node.input(2).type == TensorType.UINT8:
        return with_plan(prepared, requantize=HalfUpFlatBlocks(half_up, plan.requantize))
    in_blocks = node.output().shape[-1] // BLOCK * BLOCK
    return with_plan(prepared, requantize=HalfUpBlocks(half_up, plan.requantize, in_blocks))


@np.errstate(all="ignore")
def transpose_conv_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Float32Plan
) -> np.ndarray:
    """Return y [B, OH, OW, O] float32: for each image, x . w in Eigen's order for all taps, which are then added where they land.

    What meets at an output element is added from 0 in ascending iy, ix; then come the bias and the clamp.
    """
    y = np.zeros((len(x), *(axis.image_size for axis in plan.axes), len(w)), np.float32)
    weights = np.moveaxis(w, 0, 2)
    columns = weights.reshape(-1, x.shape[-1])
    products = np.empty((*x.shape[:3], *weights.shape[:3]), np.float32)
    for image, sizes in zip(x, products):
        sizes[...] = matmul(image.reshape(-1, x.shape[-1]), columns, plan.l1_bytes).reshape(sizes.shape)
    for tap, source, target in overlaps(plan.axes, descending=True):
        place: Any = (*source, *tap)
        y[target] += products[place]
    return finish_float32(y, b, plan.low, plan.high)


def explain_float32(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form: a sum over the channels for each input position that reaches it, and their sum."""
    e, (batch, *position, channel) = Explanation(), element
    units, *filter_sizes, depth = w.shape
    rows, columns = math.prod(x.shape[1:-1]), w.size // depth
    sums = []
    for number, (tap, place) in enumerate(taps_on_output(plan.axes, position, descending=True)):
        products = explain_products(e, zip(x[batch, *place].tolist(), w[channel, *tap].tolist()), f"_{number}")
        row = int(np.ravel_multi_index(place, x.shape[1:-1]))
        column = int(np.ravel_multi_index((*tap, channel), (*filter_sizes, units)))
        sums.append(explain_matmul(e, products, f"acc_{number}", row, rows, column, columns, plan.l1_bytes))
    e.derive("acc", f"sum32([{', '.join(sums)}])", "the sums of all input positions, in ascending order")
    explain_float32_output(e, "acc", bias_of(b, channel), plan)
    return e
