"""CONV_3D of LiteRT's optimized kernels: fused multiply-adds from the bias on, as ruy has them; denormals are zeros.

Source   LiteRT, conv3d.cc; ruy; facts verified in tests/conformance
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fused import flush_denormals, flushed_fma
from qref.ops import conv_3d as base
from qref.ops._convolution import sequential_convolution
from qref.ops._explain_windows import values
from qref.ops._matmul import finish_float32
from qref.ops.node import Node, Prepared
from qref.ops.xnnpack._explain import explain_fused
from qref.ops.xnnpack._fused import start_of


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    return Prepared(conv_3d, base.prepare(node).plan, explain)


def conv_3d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Conv3DPlan) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: fused multiply-adds over kd, ky, kx, c from the bias on, then the clamp."""
    x, w = flush_denormals(x), flush_denormals(np.moveaxis(w, 4, 0))
    return finish_float32(sequential_convolution(x, w, plan.axes, start=start_of(b), step=flushed_fma), None, plan.low, plan.high)


def explain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Conv3DPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return explain_fused(values(x, w, base.meetings(x, plan, element)), b, plan, element[-1])
