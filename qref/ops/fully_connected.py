"""FULLY_CONNECTED: y = act(x . wT + b).

Layout   x [..., I], w [O, I], b [O] -> y [batch, O], or [..., O] with keep_num_dims
Types    x, y int8 or uint8; w alike, int4; b int32            accumulates in int32, wrapping
         x, y int16; w int8, int4; b int32 or int64            accumulates in int32 or int64 as b does
         x, y int16; w int16; b int64
         x, y float32; w float32, float16 by way of DEQUANTIZE
         x, y float32; w int8, int4, uint8 ("hybrid", dynamic range): each row of x is quantized to int8 on the fly
Scales   b: s_x * s_w[o], zero point 0;  w: per tensor, or per axis 0 with zero point 0;  int16: zero point 0
Source   8-bit quantization specification, FULLY_CONNECTED; facts verified in tests/ops/test_fully_connected.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range, activation_range_float32
from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from ._matmul import integer_matmul, sequential_matmul, wrap_accumulator
from .node import Node, Prepared, Shape, Step

FILTER_TYPES = {
    TensorType.INT8: (TensorType.INT8, TensorType.INT4, TensorType.INT2),
    TensorType.UINT8: (TensorType.UINT8,),
    TensorType.INT16: (TensorType.INT8, TensorType.INT4, TensorType.INT2, TensorType.INT16),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2),
}


@dataclass(frozen=True, slots=True)
class FullyConnectedPlan:
    """The integers that are fixed before the first inference."""

    input_offset: int  # -zero_point(x), LSB
    filter_offset: int  # -zero_point(w), LSB; 0 per axis
    output_offset: int  # +zero_point(y), LSB
    requantize: Requantize  # the runtime's rule, holding its per-channel constants
    output_activation_min: int  # LSB
    output_activation_max: int
    acc_bits: int  # 32 or 64
    output_shape: Shape
    output_dtype: np.dtype


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
    filter_offset: int
    asymmetric: bool  # rows of x get a zero point of their own
    low: np.float32
    high: np.float32
    output_shape: Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    node.expect_type(x, *FILTER_TYPES)
    node.expect_type(w, *FILTER_TYPES[x.type])
    node.expect(node.options.get("weights_format", 0) == 0, "weights_format is not DEFAULT; store the weights as [O, I]")
    node.expect(len(w.shape) == 2, f"weights {w} have shape {list(w.shape)}; expected [O, I]")
    units, depth = w.shape
    node.expect(depth > 0 and np.prod(x.shape, dtype=np.int64) % depth == 0, f"input {x} of shape {list(x.shape)} does not divide into rows of {depth}")
    node.expect(b is None or b.shape in ((units,), (1, units)), f"bias {b} has shape {list(b.shape) if b else None}; expected [{units}]")
    if node.options.get("keep_num_dims", False):
        node.expect(x.shape[-1:] == (depth,), f"keep_num_dims needs a last dimension of {depth}; {x} has shape {list(x.shape)}")
        node.resize(0, (*x.shape[:-1], units))
    else:
        node.resize(0, (int(np.prod(x.shape, dtype=np.int64)) // depth, units))
    if x.type != TensorType.FLOAT32:
        return _prepare_integer(node)
    node.expect_type(y, TensorType.FLOAT32)
    low, high = activation_range_float32(node.activation)
    if w.type == TensorType.FLOAT32:
        return Prepared(fully_connected_float32, Float32Plan(low, high, y.shape))
    offset = -w.zero_point if w.scales.size == 1 else 0
    asymmetric = bool(node.options.get("asymmetric_quantize_inputs", False))
    return Prepared(fully_connected_hybrid, HybridPlan(w.scales, offset, asymmetric, low, high, y.shape))


def _prepare_integer(node: Node) -> Prepared:
    x, w, b, y = node.input(0), node.input(1), node.input(2, optional=True), node.output()
    node.expect_type(y, x.type, *((TensorType.INT16,) if x.type == TensorType.UINT8 else ()))
    if b is not None:
        node.expect_type(b, TensorType.INT32, *((TensorType.INT64,) if x.type == TensorType.INT16 else ()))
    node.expect(w.scales.size in (1, w.shape[0]), f"weights {w} have {w.scales.size} scales; expected 1 or {w.shape[0]}")
    node.expect(x.type != TensorType.INT16 or x.zero_point == y.zero_point == 0, "int16 tensors need the zero point 0")
    acc_bits = 64 if b is not None and b.type == TensorType.INT64 else 32
    effective_scale = np.float64(x.scale) * w.scales.astype(np.float64) / np.float64(y.scale)
    qmin, qmax = activation_range(node.activation, y.dtype, y.scale, y.zero_point)
    plan = FullyConnectedPlan(
        input_offset=-x.zero_point,
        filter_offset=-w.zero_point if w.scales.size == 1 else 0,
        output_offset=y.zero_point,
        requantize=node.requantize(effective_scale, acc_bits),
        output_activation_min=qmin,
        output_activation_max=qmax,
        acc_bits=acc_bits,
        output_shape=y.shape,
        output_dtype=y.dtype,
    )
    return Prepared(fully_connected, plan, explain)


def fully_connected(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: FullyConnectedPlan) -> np.ndarray:
    """Return y [..., O].

    acc[o] = b[o] + sum_i (w[o, i] + filter_offset) * (x[i] + input_offset)       wraps as in C
    y[o]   = clamp(requantize(acc)[o] + output_offset)
    """
    rows = x.reshape(-1, w.shape[1]).astype(np.int64) + plan.input_offset
    acc = integer_matmul(rows, w.astype(np.int64) + plan.filter_offset) + (0 if b is None else b.reshape(-1))
    y = plan.requantize(wrap_accumulator(acc, plan.acc_bits)) + plan.output_offset
    return np.clip(y, plan.output_activation_min, plan.output_activation_max).astype(plan.output_dtype).reshape(plan.output_shape)


def explain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: FullyConnectedPlan, element: tuple[int, ...]) -> list[Step]:
    """Return y[element] step by step in plain Python integers."""
    row, o = divmod(int(np.ravel_multi_index(element, plan.output_shape)), w.shape[0])
    inputs, weights = x.reshape(-1, w.shape[1])[row].tolist(), w[o].tolist()
    taps = tuple((q, k, (q + plan.input_offset) * (k + plan.filter_offset)) for q, k in zip(inputs, weights))
    bias = 0 if b is None else int(b.reshape(-1)[o])
    acc = bias + sum(product for _, _, product in taps)
    half = 1 << (plan.acc_bits - 1)
    acc = (acc + half) % (2 * half) - half
    steps = [Step("taps (x, w, (x + input_offset) * (w + filter_offset))", taps), Step("bias", bias), Step("acc", acc)]
    steps += [Step(name, value) for name, value in plan.requantize.explain(acc, o)]
    result = steps[-1].value + plan.output_offset
    clamped = min(max(result, plan.output_activation_min), plan.output_activation_max)
    return [*steps, Step("+ output_offset", result), Step("clamped", clamped)]


def fully_connected_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Float32Plan) -> np.ndarray:
    """Return y [..., O] float32: products summed from 0 in ascending i, then the bias, then the clamp."""
    acc = sequential_matmul(x.reshape(-1, w.shape[1]), w)
    y = acc if b is None else acc + b.reshape(-1)
    return np.clip(y, plan.low, plan.high).reshape(plan.output_shape)


def fully_connected_hybrid(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: HybridPlan) -> np.ndarray:
    """Return y [..., O] float32 from float32 x and quantized w.

    q, s[row], z[row] = row of x quantized to int8 (z = 0 unless asymmetric)
    y[row, o] = clamp(b[o] + f32(acc) * f32(s[row] * filter_scale[o]))          acc = sum_i w[o, i] * (q[row, i] - z[row])
    """
    quantize_rows = quantize_rows_asymmetric if plan.asymmetric else quantize_rows_symmetric
    q, scale, zero_point = quantize_rows(x.reshape(-1, w.shape[1]))
    acc = integer_matmul(q.astype(np.int64) - zero_point[:, None], w.astype(np.int64) + plan.filter_offset)
    y = wrap_accumulator(acc, 32).astype(np.float32) * (scale[:, None] * plan.filter_scale)
    y = y if b is None else b.reshape(-1) + y
    return np.clip(y, plan.low, plan.high).reshape(plan.output_shape)
