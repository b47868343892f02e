"""SVDF as TFLM computes it: float32 sums in the order of memory, over the rank from the bias on; int8 as LiteRT's reference."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.libm import tanhf
from qref.ops import svdf as base
from qref.ops._lstm_float import activate
from qref.ops._matmul import sequential_matmul
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = base.prepare(node)
    if isinstance(prepared.plan, base.SvdfPlan):
        bias, product = node.input(3), float(node.input(base.STATE).scale * node.input(2).scale)
        message = f"bias {bias} has the scale {bias.scale:g}; expected that of the state times the time weights, {product:g}"
        node.expect(abs(float(bias.scale) - product) < 1e-5, message)
        return prepared
    node.expect_type(node.input(1), TensorType.FLOAT32)
    return Prepared(svdf_float32, prepared.plan, updates=prepared.updates, pure=prepared.pure)


@np.errstate(all="ignore")
def svdf_float32(
    x: np.ndarray, w: np.ndarray, time_weights: np.ndarray, bias: np.ndarray | None, state: np.ndarray, plan: base.SvdfFloatPlan
) -> tuple[np.ndarray, np.ndarray]:
    """Return y and the new state."""
    steps = base.append_step(state, sequential_matmul(x, w), time_weights.shape[1])
    filtered = _sum_from(np.float32(0), steps * time_weights)
    y = _sum_from(np.float32(0) if bias is None else bias, filtered.reshape(len(x), len(w) // plan.rank, plan.rank))
    return tanhf(y) if plan.activation == "TANH" else activate(plan.activation, y), steps.reshape(state.shape)


def _sum_from(start: np.ndarray | np.float32, values: np.ndarray) -> np.ndarray:
    """Start + values[..., 0] + values[..., 1] + ..., every step rounded."""
    starts = np.broadcast_to(start, values.shape[:-1])[..., None]
    return np.add.accumulate(np.concatenate([starts, values], axis=-1), axis=-1)[..., -1]
