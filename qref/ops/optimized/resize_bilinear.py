"""RESIZE_BILINEAR of the optimized kernels: every output pixel is an average of the four input pixels around it.

Types    float32; uint8 in float32, truncated after 1/2 is added; int8, int16: as the reference
         float32 of twice the size, without align_corners and half_pixel_centers: averages of two, and of two averages
Source   LiteRT, optimized/resize_bilinear.h, optimized/optimized_ops.h; facts verified in tests/ops/test_resize_runtimes.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from .. import resize_bilinear as base
from ..node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands; take the rules that differ from the reference's."""
    prepared = base.prepare(node)
    if prepared.reference is not base.resize_bilinear_float32:
        return prepared
    x, y = node.input(0), node.output()
    doubled = y.shape[1:3] == (2 * x.shape[1], 2 * x.shape[2])
    modes = [node.options.get(name, False) for name in ("align_corners", "half_pixel_centers")]
    if x.type == TensorType.FLOAT32 and doubled and not any(modes):
        return Prepared(resize_bilinear_twofold, prepared.plan, explain_twofold)
    return Prepared(resize_bilinear_float32, prepared.plan, explain_float32)


@np.errstate(all="ignore")
def resize_bilinear_float32(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan) -> np.ndarray:
    """Return y float32 or uint8: (((x00 + x01) + x10) + x11), each times the product of its row's and its column's weight."""
    one, real = np.float32(1), x.astype(np.float32, copy=False)
    down, right = plan.rows.distance[:, None, None], plan.columns.distance[:, None]
    total = np.zeros((x.shape[0], len(down), len(right), x.shape[3]), np.float32)
    for rows, row_weight in ((plan.rows.before, one - down), (plan.rows.after, down)):
        for columns, column_weight in ((plan.columns.before, one - right), (plan.columns.after, right)):
            total += real[:, rows[:, None], columns] * (row_weight * column_weight)
    return total if x.dtype == np.float32 else (total + np.float32(0.5)).astype(x.dtype)


@np.errstate(all="ignore")
def resize_bilinear_twofold(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan) -> np.ndarray:
    """Return y float32: the pixels themselves, their averages with the right and the lower neighbor, and of two such averages."""
    half = np.float32(0.5)
    right, below = np.concatenate([x[:, :, 1:], x[:, :, -1:]], 2), np.concatenate([x[:, 1:], x[:, -1:]], 1)
    diagonal = np.concatenate([right[:, 1:], right[:, -1:]], 1)
    y = np.empty((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]), np.float32)
    y[:, ::2, ::2] = x
    y[:, ::2, 1::2] = (x + right) * half
    y[:, 1::2, ::2] = (x + below) * half
    y[:, 1::2, 1::2] = ((x + below) * half + (right + diagonal) * half) * half
    return y


def explain_float32(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e = base.explain_neighbors(x, plan, element)
    e.derive("up", "float32(1 - down)", "the weight of the upper pixels")
    e.derive("left", "float32(1 - right)", "the weight of the left pixels")
    total = "0.0"
    for pixel, row, column in (("x00", "up", "left"), ("x01", "up", "right"), ("x10", "down", "left"), ("x11", "down", "right")):
        e.derive(f"weight_{pixel}", f"float32({row} * {column})")
        total = e.derive(f"acc_{pixel}", f"float32({total} + float32({pixel} * weight_{pixel}))")
    e.derive("y", total if x.dtype == np.float32 else f"trunc(float32({total} + 0.5))", "integers to nearest")
    return e


def explain_twofold(x: np.ndarray, size: np.ndarray, plan: base.ResizeBilinearPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    e, (n, i, j, c) = Explanation(), element
    rows, columns = ([k // 2, min(k // 2 + 1, size - 1)] for k, size in ((i, x.shape[1]), (j, x.shape[2])))
    for row in (0, 1) if i % 2 else (0,):
        for column in (0, 1) if j % 2 else (0,):
            e.given(f"x{row}{column}", x[n, rows[row], columns[column], c].item(), "a pixel around, or the pixel itself")
    if i % 2 and j % 2:
        e.derive("left", "float32(float32(x00 + x10) * 0.5)", "the average of two")
        e.derive("right", "float32(float32(x01 + x11) * 0.5)", "the average of two")
        e.derive("y", "float32(float32(left + right) * 0.5)", "the average of both")
    elif i % 2 or j % 2:
        e.derive("y", f"float32(float32(x00 + {'x10' if i % 2 else 'x01'}) * 0.5)", "the average of two")
    else:
        e.derive("y", "x00", "the pixel itself")
    return e
