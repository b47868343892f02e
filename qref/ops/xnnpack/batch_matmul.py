"""BATCH_MATMUL as XNNPACK computes it: int8 accumulators are brought to the output's scale in float32.

Types    x, w, y int8, w with the zero point 0
         x, w, y float32: fused multiply-adds in ascending k
         x, y float32; w int8: each row of x is quantized to int8 on the fly
Left     to LiteRT's optimized kernels: int16, and int8 with another zero point of w
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops import batch_matmul as base
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._delegate import are_normal, are_weights, is_float32, is_q8
from ._dynamic import DynamicPlan, dynamic_plan, finish, quantize_rows
from ._explain import explain_chain, explain_dynamic
from ._fused import sequential_matmul
from ._requantize import requantized


@dataclass(frozen=True, slots=True)
class BatchMatMulDynamicPlan:
    """The form with int8 w: scales, and which operands are stored transposed."""

    common: DynamicPlan
    adj_x: bool
    adj_y: bool


def prepare(node: Node) -> Prepared | None:
    """Check the operands and derive the plan; None if the delegate leaves the node."""
    x, w, y = node.input(0), node.input(1), node.output()
    if all(is_float32(operand) for operand in (x, w, y)):
        return Prepared(batch_matmul_float32, base.prepare(node).plan, explain_float32)
    if is_float32(x) and is_float32(y) and w.type == TensorType.INT8:
        return _prepare_dynamic(node)
    if not all(is_q8(operand, TensorType.INT8) for operand in (x, y)) or w.type != TensorType.INT8 or w.quantization is None:
        return None
    if w.scales.size > 1 or not are_normal(w.scales) or w.zero_point != 0:
        return None
    return requantized(node, base.prepare(node), x, w)


def _prepare_dynamic(node: Node) -> Prepared | None:
    w = node.input(1)
    axis = len(w.shape) - (2 if node.options.get("adj_y", False) else 1)
    if not are_weights(w, axis):
        return None
    plan = base.prepare(node).plan
    if w.constant is None:
        node.unsupported(f"{w} is not a constant: with float32 inputs, XNNPACK reads it before it is computed")
    return Prepared(
        batch_matmul_dynamic, BatchMatMulDynamicPlan(dynamic_plan(node, w), plan.adj_x, plan.adj_y), explain_dynamic_row
    )


def batch_matmul_float32(x: np.ndarray, w: np.ndarray, plan: base.PlainPlan) -> np.ndarray:
    """Return y [..., M, N] float32 = sum_k x[m, k] * w[k, n] by fused multiply-adds from 0 in ascending k."""
    return sequential_matmul(base.as_rows(x, plan.adj_x), base.as_columns(w, plan.adj_y), 0).reshape(plan.output_shape)


def explain_float32(x: np.ndarray, w: np.ndarray, plan: base.PlainPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the float32 form."""
    e = Explanation()
    explain_chain(e, zip(base.row_at(x, plan.adj_x, element), base.column_at(w, plan.adj_y, element)), 0.0)
    e.derive("y", "acc", "the output")
    return e


def batch_matmul_dynamic(x: np.ndarray, w: np.ndarray, plan: BatchMatMulDynamicPlan) -> np.ndarray:
    """Return y [..., M, N] float32 from float32 x and int8 w, each row of x quantized to int8."""
    inputs, columns = base.as_rows(x, plan.adj_x), base.as_columns(w, plan.adj_y)
    q, scale = quantize_rows(np.ascontiguousarray(inputs).reshape(math.prod(inputs.shape[:-1]), inputs.shape[-1]))
    acc = base.integer_products(q.reshape(inputs.shape), columns)
    return finish(acc, scale.reshape(*inputs.shape[:-1], 1), None, plan.common)


def explain_dynamic_row(x: np.ndarray, w: np.ndarray, plan: BatchMatMulDynamicPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the form with int8 w."""
    row, column = base.row_at(x, plan.adj_x, element), base.column_at(w, plan.adj_y, element)
    return explain_dynamic(row, range(len(row)), column, None, plan.common, element[-1])
