"""FULLY_CONNECTED as XNNPACK computes it: 8-bit accumulators are brought to the output's scale in float32.

Types    x, y int8; w int8, int4, int2 per axis; b int32   x, y uint8; w uint8; b int32
         x, w, y float32: sums over i ascending
         x, y float32; w int8, int4, int2 per axis: each row of x is quantized to int8 on the fly
Left     to LiteRT's optimized kernels: int16, weights that are no constants, int8 weights with a zero point
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.ops import fully_connected as base
from qref.ops._matmul import integer_matmul
from qref.ops.node import Node, Operand, Prepared
from qref.schema.enums import TensorType

from ._delegate import has_plain_activation, has_rank, is_bias, is_float_or_q8, is_q8, is_static
from ._dynamic import DynamicPlan, dynamic_plan, finish, quantize_rows
from ._explain import explain_dynamic, explain_fused
from ._fused import fused, sequential_matmul, start_of
from ._requantize import requantized

PACKED = {TensorType.INT4: 2, TensorType.INT2: 4}  # weights in a byte; rows that do not fill bytes are left


def prepare(node: Node) -> Prepared | None:
    """Check the operands and derive the plan; None if the delegate leaves the node."""
    if not _is_delegated(node):
        return None
    prepared = base.prepare(node)
    if isinstance(prepared.plan, base.FullyConnectedPlan):
        return requantized(node, prepared, node.input(0), node.input(1))
    if isinstance(prepared.plan, base.Float32Plan):
        return fused(node, prepared, fully_connected_float32, explain_float32)
    return Prepared(fully_connected_dynamic, dynamic_plan(node, node.input(1)), explain_dynamic_row)


def _is_delegated(node: Node) -> bool:
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    if not (is_float_or_q8(x) and is_float_or_q8(y) and x.type == y.type and has_plain_activation(node)):
        return False
    narrow = x.type == TensorType.INT8 and w.type in PACKED
    dynamic = x.type == TensorType.FLOAT32 and (w.type == TensorType.INT8 or w.type in PACKED)
    if not (x.type == w.type or narrow or dynamic) or not has_rank(w, 2, 2) or not is_static(node, w):
        return False
    return (b is None or is_bias(node, b)) and _are_weights(w, dynamic)


def _are_weights(w: Operand, dynamic: bool) -> bool:
    if w.type == TensorType.UINT8:
        return is_q8(w)
    if w.type != TensorType.INT8 and w.type not in PACKED:
        return True
    quantization = w.quantization
    if quantization is None or (quantization.scale.size > 1 and quantization.quantized_dimension != 0):
        return False
    if w.type == TensorType.INT2 and quantization.scale.size != w.shape[0]:
        return False
    return w.shape[1] % PACKED.get(w.type, 1) == 0 and (dynamic or not w.zero_points.any())


def fully_connected_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan) -> np.ndarray:
    """Return y [..., O] float32: fused multiply-adds in ascending i from the bias on, then the clamp."""
    acc = sequential_matmul(base.rows_of(x, w), w, start_of(b))
    return np.clip(acc, plan.low, plan.high).reshape(plan.output_shape)


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: base.Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    row, channel = base.place_of(w, plan, element)
    return explain_fused(zip(base.row_at(x, w, row), w[channel].tolist()), b, plan, channel)


def fully_connected_dynamic(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: DynamicPlan) -> np.ndarray:
    """Return y [..., O] float32 from float32 x and quantized w, each row of x quantized to int8."""
    q, scale = quantize_rows(base.rows_of(x, w))
    return finish(integer_matmul(q, w), scale, b, plan)


def explain_dynamic_row(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: DynamicPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the form with quantized weights."""
    row, channel = base.place_of(w, plan, element)
    return explain_dynamic(base.row_at(x, w, row), range(w.shape[1]), w[channel].tolist(), b, plan, channel)
