"""SVDF as TFLM computes it: float32 sums in the order of memory, over the rank from the bias on; int8 as LiteRT's reference."""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.libm import tanhf
from qref.ops import svdf as base
from qref.ops._explain_eigen import explain_activation
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
    return Prepared(svdf_float32, prepared.plan, explain_float32, updates=prepared.updates, pure=prepared.pure)


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


def explain_float32(x, w, time_weights, bias, state, plan: base.SvdfFloatPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]; names end in the number of the filter of its unit."""
    e, (entry, unit), memory = Explanation(), element, time_weights.shape[1]
    e.given("x", x[entry], "the inputs")
    for k, f in enumerate(range(unit * plan.rank, (unit + 1) * plan.rank)):
        e.given(f"w_{k}", w[f], "the feature weights")
        e.derive(f"feature_{k}", f"sum32(float32(x * w_{k}))", "one by one")
        before = state.reshape(len(x), len(w), memory)[entry, f, 1:]
        e.given(f"state_{k}", before, "what the filter gave at the inferences before, the oldest first")
        e.derive(f"memory_{k}", f"joined(state_{k}, feature_{k})", "and what it gives now")
        e.given(f"time_weights_{k}", time_weights[f], "the weights of its past")
        e.derive(f"filtered_{k}", f"sum32(float32(memory_{k} * time_weights_{k}))", "one by one")
    start = "0.0" if bias is None else e.given("bias", bias[unit])
    filtered = ", ".join(f"filtered_{k}" for k in range(plan.rank))
    total = e.derive("total", f"sum32(joined({filtered}), {start})", "from the bias on, one by one")
    if plan.activation == "TANH":
        e.derive("y", f"tanhf({total})", "the C library's function")
    else:
        explain_activation(e, total, "y", plan.activation)
    return e
