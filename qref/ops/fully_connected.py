"""FULLY_CONNECTED: y = act(x . wT + b).

Layout   x [..., I], w [O, I], b [O] -> y [batch, O], or [..., O] with keep_num_dims
Types    x, y int8 or uint8; w alike, int4, int2; b int32       accumulates in int32, wrapping;  x uint8: y also int16
         x, y int16; w int8, int4, int2; b int32 or int64       accumulates in int32 or int64 as b does
         x, y int16; w int16; b int32 or int64                  accumulates in int64, fixed point as in CONV_2D
         x, y float32; w float32, float16 by way of DEQUANTIZE
         x, y float32; w int8, int4, int2 ("hybrid", dynamic range): each row of x is quantized to int8 on the fly
Scales   b: s_x * s_w[o], zero point 0;  w: per tensor, or per axis 0 with zero point 0;  int16: zero point 0
Rows     elements of x behind the last whole row of I are left out, as in LiteRT
Sparse   w float32 in any form; w int8 in blocks of 16 along I, fixed point as in CONV_2D, or hybrid
Hybrid   as LiteRT on x86 has it: uint8 weights are read as if they were int8, no zero point of weights is looked at, -128 * q has
         the wrong sign for negative q in whole blocks of 16 (`sign_errors`), and the sums of rows may wrap (`row_sums`)
Source   8-bit quantization specification, FULLY_CONNECTED; facts verified in tests/ops/test_fully_connected.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric
from qref.schema.enums import TensorType

from ._explain import explain_taps
from ._explain_float import bias_or_zero, explain_clamp, explain_float32_output, explain_sequential
from ._explain_hybrid import explain_row_products, explain_scales, explain_weight_sum, filter_scale_of
from ._matmul import (
    IntegerPlan,
    bias_type_of_int16,
    check_bias,
    check_bias_scale,
    check_channels,
    finish_float32,
    hybrid_matmul,
    integer_matmul,
    integer_plan,
    requantize_accumulator,
    sequential_matmul,
    sign_error,
    wrap_accumulator,
)
from .node import Node, Operand, Prepared, Shape

FILTER_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.INT4, TensorType.INT2),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT16: (TensorType.INT8, TensorType.INT4, TensorType.INT2, TensorType.INT16),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2),
}
SPARSE_BLOCK = 16  # weights, the one form that the kernels for sparse int8 read


@dataclass(frozen=True, slots=True)
class FullyConnectedPlan(IntegerPlan):
    """The integer form."""


@dataclass(frozen=True, slots=True)
class Float32Plan:
    """The float32 form: only limits and shape."""

    low: np.float32
    high: np.float32
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class HybridPlan:
    """The dynamic-range form: weights stay quantized, each row of x is quantized when it is seen."""

    filter_scale: np.ndarray  # float32 [O] or [1]
    asymmetric: bool  # rows of x get a zero point of their own
    low: np.float32
    high: np.float32
    output_shape: Shape


class ShapedPlan(Protocol):
    """A plan that knows the output's shape."""

    @property
    def output_shape(self) -> Shape:
        """Of y."""
        ...


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    node.expect_type(x, *FILTER_TYPES)
    node.expect_type(w, *FILTER_TYPES[x.type])
    node.expect(node.options.get("weights_format", 0) == 0, "weights_format is not DEFAULT; store the weights as [O, I]")
    node.expect(len(w.shape) == 2, f"weights {w} have shape {list(w.shape)}; expected [O, I]")
    units, depth = w.shape
    size = int(np.prod(x.shape, dtype=np.int64))
    node.expect(depth > 0, f"weights {w} have shape {list(w.shape)}; expected rows of 1 element or more")
    if node.options.get("keep_num_dims", False):
        node.expect(x.shape[-1:] == (depth,), f"keep_num_dims needs a last dimension of {depth}; {x} has shape {list(x.shape)}")
        node.resize(0, (*x.shape[:-1], units))
    else:
        node.resize(0, (size // depth, units))
    if x.type != TensorType.FLOAT32:
        return _prepare_integer(node)
    node.expect_type(y, TensorType.FLOAT32)
    check_bias(node, b, units, TensorType.FLOAT32, quantized=False)
    low, high = activation_range_float32(node.activation)
    if w.type == TensorType.FLOAT32:
        return Prepared(fully_connected_float32, Float32Plan(low, high, y.shape), explain_float32)
    if node.activation in ("NONE", "RELU"):
        high = np.float32(np.inf)
    if node.activation == "NONE":
        low = np.float32(-np.inf)
    check_channels(node, w, units)
    asymmetric = bool(node.options.get("asymmetric_quantize_inputs", False))
    if asymmetric and w.constant is None:
        node.unsupported(
            f"weights {w} are not constant: with asymmetric_quantize_inputs, LiteRT keeps the row sums of those it saw first"
        )
    plan = HybridPlan(w.scales, asymmetric, low, high, y.shape)
    if _is_sparse(node, w):
        return Prepared(fully_connected_hybrid_sparse, plan, explain_hybrid_sparse)
    return Prepared(fully_connected_hybrid, plan, explain_hybrid)


def _prepare_integer(node: Node) -> Prepared:
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    node.expect_type(y, x.type, *((TensorType.INT16,) if x.type == TensorType.UINT8 else ()))
    wide, fixed_point = w.type == TensorType.INT16, w.type == TensorType.INT16 or _is_sparse(node, w)
    bias_type = TensorType.INT32
    if x.type == TensorType.INT16:
        bias_type = bias_type_of_int16(node, b, TensorType.INT32 if wide else TensorType.INT64)
    check_bias(node, b, w.shape[0], bias_type, quantized=False)
    per_tensor = w.scales.size == 1
    node.expect(
        per_tensor or x.type != TensorType.UINT8, f"weights {w} have {w.scales.size} scales; expected one with uint8 inputs"
    )
    if per_tensor:
        check_bias_scale(node, x, w, b)
    acc_bits = 64 if wide or bias_type == TensorType.INT64 else 32
    rule = {"requantize": node.session.rules.requantize("*", acc_bits), "float32_product": per_tensor} if fixed_point else {}
    fields = integer_plan(node, x, w, w.shape[0], acc_bits, **rule)
    if w.type in (TensorType.INT4, TensorType.INT2):
        node.expect(
            not w.zero_points.any(), f"weights {w} have zero points {w.zero_points.tolist()}; expected 0 with {w.type.name}"
        )
    return Prepared(fully_connected, FullyConnectedPlan(**fields), explain, accumulate)


def _is_sparse(node: Node, w: Operand) -> bool:
    if w.tensor.sparsity is None:
        return False
    levels = w.tensor.sparsity.dim_metadata
    blocks = len(levels) == 3 and levels[0].format == 0 and levels[1].format == 1 and levels[2].dense_size == SPARSE_BLOCK
    node.expect_type(node.input(0), TensorType.INT8, TensorType.FLOAT32)
    node.expect_type(w, TensorType.INT8)
    node.expect(blocks, f"weights {w} are sparse; expected blocks of 1 x {SPARSE_BLOCK}, the one form for quantized weights")
    node.expect(not w.zero_points.any(), f"weights {w} have zero points {w.zero_points.tolist()}; expected 0 with sparse weights")
    return True


def rows_of(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The input as rows [rows, I] that the weights [O, I] see."""
    rows = x.size // w.shape[1]
    return x.reshape(-1)[: rows * w.shape[1]].reshape(rows, w.shape[1])


def fully_connected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: FullyConnectedPlan) -> np.ndarray:
    """Return y [..., O]: y[o] = clamp(requantize(acc)[o] + output_offset)."""
    return requantize_accumulator(accumulate(x, w, b, plan), plan)


def accumulate(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: FullyConnectedPlan) -> np.ndarray:
    """Return acc [rows, O] int64: acc[o] = b[o] + sum_i (w[o, i] + filter_offset) * (x[i] + input_offset)."""
    rows = rows_of(x, w).astype(np.int64) + plan.input_offset
    return integer_matmul(rows, w.astype(np.int64) + plan.filter_offset) + (0 if b is None else b.reshape(-1))


def explain(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: FullyConnectedPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element]."""
    row, channel = place_of(w, plan, element)
    return explain_taps(zip(row_at(x, w, row), w[channel].tolist()), b, plan, element, channel)


def place_of(w: np.ndarray, plan: ShapedPlan, element: tuple[int, ...]) -> tuple[int, int]:
    """Row and output channel of y[element]."""
    row, channel = divmod(int(np.ravel_multi_index(element, plan.output_shape)), w.shape[0])
    return row, channel


def row_at(x: np.ndarray, w: np.ndarray, row: int) -> list[Any]:
    """A row of the input as Python numbers."""
    return x.ravel()[row * w.shape[1] : (row + 1) * w.shape[1]].tolist()


def explain_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the float32 form."""
    row, channel = place_of(w, plan, element)
    return explain_sequential(zip(row_at(x, w, row), w[channel].tolist()), b, plan, channel)


def explain_hybrid(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the hybrid form: an input of zeros alone gives the bias."""
    e, (row, channel) = Explanation(), place_of(w, plan, element)
    if not x.any():
        explain_clamp(e, e.given("bias", bias_or_zero(b, channel), "all inputs are 0: the bias remains"), plan)
        return e
    explain_row_products(e, row_at(x, w, row), w[channel].view(np.int8).tolist(), asymmetric=plan.asymmetric)
    if plan.asymmetric:
        e.derive("acc", f"wrap(sum(products) - zero_point * {explain_weight_sum(e, 'w')}, 32)", "the accumulator, in 32 bits")
    else:
        e.derive("acc", "wrap(sum(products), 32)", "the accumulator, in 32 bits")
    explain_scales(e, filter_scale_of(plan.filter_scale, channel))
    explain_float32_output(e, "scaled", bias_or_zero(b, channel), plan)
    return e


def explain_hybrid_sparse(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element] of the hybrid form with sparse weights."""
    e, (row, channel) = Explanation(), place_of(w, plan, element)
    start = e.given("bias", bias_or_zero(b, channel), "real; where all inputs are 0 it alone remains")
    if x.any():
        explain_row_products(e, row_at(x, w, row), w[channel].tolist(), asymmetric=plan.asymmetric)
        e.derive("acc", "sum(products)", "the accumulator")
        explain_scales(e, filter_scale_of(plan.filter_scale, channel))
        if plan.asymmetric:
            per_axis = plan.filter_scale.size > 1
            formula = "float32(float32(scale * zero_point) * filter_scale)" if per_axis else "float32(scales * zero_point)"
            e.derive("scaled_offset", formula, "the zero point in real units")
            e.derive("offset", "float32(scaled_offset * float32(sum(w)))", "what the zero point adds to the sum")
            start = e.derive("start", "float32(bias - offset)")
        start = e.derive("total", f"float32({start} + scaled)")
    explain_clamp(e, start, plan)
    return e


def fully_connected_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan) -> np.ndarray:
    """Return y [..., O] float32: products summed from 0 in ascending i, then the bias, then the clamp."""
    return finish_float32(sequential_matmul(rows_of(x, w), w), b, plan.low, plan.high).reshape(plan.output_shape)


def fully_connected_hybrid(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Return y [..., O] float32 from float32 x and quantized w.

    q, s[row], z[row] = row of x quantized to int8 (z = 0 unless asymmetric)
    y[row, o] = clamp(b[o] + f32(acc) * f32(s[row] * filter_scale[o]))          acc = sum_i w[o, i] * (q[row, i] - z[row])
    """
    q, scale, zero_point = quantize_rows(x, w, plan)
    return finish_hybrid(hybrid_matmul(q, zero_point, w.view(np.int8)), scale, x, b, plan)


def quantize_rows(x: np.ndarray, w: np.ndarray, plan: HybridPlan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of x in int8, their scales [rows, 1] float32 and zero points [rows, 1] int16."""
    quantize = quantize_rows_asymmetric if plan.asymmetric else quantize_rows_symmetric
    q, scale, zero_point = quantize(rows_of(x, w))
    return q, scale[:, None], zero_point[:, None].astype(np.int16)


@np.errstate(all="ignore")
def finish_hybrid(acc: np.ndarray, scale: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Bring the accumulators [rows, O] to the output; where all of x is zero that is the bias, the sign of zero kept."""
    bias = np.zeros(acc.shape[1], np.float32) if b is None else b.reshape(-1)
    y = (
        bias + wrap_accumulator(acc, 32).astype(np.float32) * (scale * plan.filter_scale)
        if x.any()
        else np.broadcast_to(bias, acc.shape)
    )
    return clamp_hybrid(y, plan)


def clamp_hybrid(y: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Clamp y and give it the output's shape; with a fused activation, what has become NaN is the lower limit."""
    y = y if np.isinf(plan.low) else np.where(np.isnan(y), plan.low, y)
    return np.clip(y, plan.low, plan.high).reshape(plan.output_shape)


@np.errstate(all="ignore")
def fully_connected_hybrid_sparse(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Return y [..., O] float32 from float32 x and sparse int8 w: the zero points are taken off in float32, before the products.

    y[row, o] = clamp(f32(b[o] - f32(z * scale) * f32(sum_i w[o, i])) + f32(acc) * scale)
    scale = f32(s[row] * filter_scale[o])           acc = sum_i w[o, i] * q[row, i]
    """
    q, row_scale, zero_point = quantize_rows(x, w, plan)
    scale, offset = row_scale * plan.filter_scale, zero_point.astype(np.float32)
    per_axis = plan.filter_scale.size > 1
    scaled_offset = row_scale * offset * plan.filter_scale if per_axis else scale * offset
    y = np.broadcast_to(np.zeros(len(w), np.float32) if b is None else b.reshape(-1), (len(q), len(w)))
    if x.any():
        y = y - scaled_offset * w.sum(axis=1, dtype=np.int64).astype(np.float32) if plan.asymmetric else y
        y = y + (integer_matmul(q, w) + sign_error(q, w)).astype(np.float32) * scale
    return np.clip(y, plan.low, plan.high).reshape(plan.output_shape)
