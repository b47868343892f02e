"""CONV_3D_TRANSPOSE of LiteRT's optimized kernels: products over the channels in Eigen's order, then added where they land.

Source   LiteRT, conv3d_transpose.cc; facts verified in tests/conformance
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops import conv_3d_transpose as base
from qref.ops._convolution import overlaps
from qref.ops._eigen import l1_cache_bytes, matmul
from qref.ops._matmul import finish_float32
from qref.ops.node import Node, Prepared
from qref.ops.optimized.transpose_conv import Float32Plan, explain_float32


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    plan = base.prepare(node).plan
    return Prepared(conv_3d_transpose, Float32Plan(plan.axes, plan.low, plan.high, l1_cache_bytes()), explain)


@np.errstate(all="ignore")
def conv_3d_transpose(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Float32Plan) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: for each volume, x . w for all taps; then sums, bias and clamp.

    What meets at an output element is added from 0 in ascending id, iy, ix.
    """
    y = np.zeros((len(x), *(axis.image_size for axis in plan.axes), w.shape[3]), np.float32)
    columns, products = w.reshape(-1, w.shape[4]), np.empty((*x.shape[:4], *w.shape[:4]), np.float32)
    for volume, product in zip(x, products):
        product[...] = matmul(volume.reshape(-1, x.shape[4]), columns, plan.l1_bytes).reshape(product.shape)
    for tap, source, target in overlaps(plan.axes, descending=True):
        place: Any = (*source, *tap)
        y[target] += products[place]
    return finish_float32(y, b, plan.low, plan.high)


def explain(
    shape: np.ndarray,
    w: np.ndarray,
    x: np.ndarray,
    b: np.ndarray | None,
    plan: Float32Plan,
    element: tuple[int, ...],
) -> Explanation:
    """Explain y[element]: as TRANSPOSE_CONV, one dimension more."""
    return explain_float32(shape, np.moveaxis(w, 3, 0), x, b, plan, element)
