"""What the matmul family shares: the plan of its integer forms, exact integer products, float32 sums in the reference's order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.arithmetic.activation import activation_range
from qref.arithmetic.fixed_point import wrap_int16, wrap_int32
from qref.arithmetic.requantize import Requantize
from qref.schema.enums import TensorType

from .node import Node, Operand, Prepared, Shape

SIGN_BLOCK = 16
EXACT_DEPTH = 2**21  # products of 16 bits each that float64 sums without rounding


@dataclass(frozen=True, slots=True)
class IntegerPlan:
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


def integer_plan(node: Node, x: Operand, w: Operand, channels: int, acc_bits: int, **rule: Any) -> dict[str, Any]:
    """The fields of IntegerPlan, by name, for an operator whose output has its shape.

    rule  as for `effective_scale`, and `requantize`: another rule than the runtime's for this operator
    """
    y = node.output()
    offsets = {
        "input": _zero_point(node, x),
        "filter": 0 if w.scales.size > 1 else _zero_point(node, w),
        "output": _zero_point(node, y),
    }
    if x.type == TensorType.INT16:
        node.expect(not any(offsets.values()), f"int16 tensors and their weights need the zero point 0; found {offsets}")
    requantize = rule.pop("requantize", None)
    scale = effective_scale(node, x, w, y, channels, **rule)
    qmin, qmax = activation_range(node.activation, y.dtype, float(y.scale), offsets["output"])
    return {
        "input_offset": -offsets["input"],
        "filter_offset": -offsets["filter"],
        "output_offset": offsets["output"],
        "requantize": node.requantize(scale, acc_bits) if requantize is None else requantize.of(scale),
        "output_activation_min": qmin,
        "output_activation_max": qmax,
        "acc_bits": acc_bits,
        "output_shape": y.shape,
        "output_dtype": y.dtype,
    }


def with_plan(prepared: Prepared, **fields: Any) -> Prepared:
    """The prepared operator with other values in some fields of its plan: how a kernel set changes the rounding rule alone."""
    return replace(prepared, plan=replace(prepared.plan, **fields))


def _zero_point(node: Node, operand: Operand) -> int:
    limits = np.iinfo(operand.dtype)
    message = f"the zero point of {operand} is {operand.zero_point}; {operand.type.name} holds {limits.min} to {limits.max}"
    node.expect(limits.min <= operand.zero_point <= limits.max, message)
    return operand.zero_point


def effective_scale(
    node: Node, x: Operand, w: Operand, y: Operand, channels: int, *, float32_product: bool = False
) -> np.ndarray:
    """s_x * s_w / s_y, float64 [1] or [channels]; the product in float32 first where a kernel forms it so."""
    check_channels(node, w, channels)
    with np.errstate(all="ignore"):
        if float32_product:
            scale = (x.scale * w.scales).astype(np.float64) / np.float64(y.scale)
        else:
            scale = np.float64(x.scale) * w.scales.astype(np.float64) / np.float64(y.scale)
    wrong = scale[~np.isfinite(scale)][:1]
    node.expect(not wrong.size, f"the scales of {x}, {w} and {y} give no finite multiplier: s_x * s_w / s_y = {wrong}")
    return scale


def check_channels(node: Node, w: Operand, channels: int) -> None:
    """Weights have one scale, or one for each of the output's channels along an axis of that size."""
    count = w.scales.size
    node.expect(count in (1, channels), f"weights {w} have {count} scales; expected 1 or {channels}, one for each output channel")
    axis = w.tensor.quantization.quantized_dimension if w.tensor.quantization is not None else 0
    fits = count == 1 or (0 <= axis < len(w.shape) and w.shape[axis] == channels)
    node.expect(
        fits,
        f"weights {w} of shape {list(w.shape)} are quantized along dimension {axis}; expected that of the {channels} channels",
    )


def check_bias(node: Node, b: Operand | None, channels: int, *types: TensorType, quantized: bool = True) -> None:
    """A bias has one element for each output channel, one of the types and, quantized, the zero point 0."""
    if b is None:
        return
    node.expect_type(b, *types)
    count = int(np.prod(b.shape, dtype=np.int64))
    node.expect(
        count == channels, f"bias {b} has shape {list(b.shape)}; expected [{channels}], one element for each output channel"
    )
    zero = not quantized or b.quantization is None or b.scales.size > 1 or b.zero_point == 0
    node.expect(zero, f"bias {b} has zero point {b.zero_points.tolist() if b.quantization else None}; expected 0")


def check_bias_scale(node: Node, x: Operand, w: Operand, b: Operand | None) -> None:
    """Kernels with one scale for all weights refuse a bias in other units than s_x * s_w."""
    if b is None:
        return
    y, bias_scale = node.output(), float(b.scales[0]) if b.quantization is not None and b.scales.size == 1 else 0.0
    product = float(x.scale) * float(w.scale)
    message = f"bias {b} has scale {bias_scale:g}; expected that of input times weights, {product:g}, to within 0.02 output LSB"
    node.expect(float(y.scale) > 0 and abs(product - bias_scale) / float(y.scale) <= 0.02, message)


def bias_type_of_int16(node: Node, b: Operand | None, default: TensorType) -> TensorType:
    """The bias type with int16 activations, which also is the accumulator's: quantized_bias_type, or a kernel's default."""
    code = node.options.get("quantized_bias_type", TensorType.FLOAT32)
    node.expect(
        code in (TensorType.FLOAT32, TensorType.INT32, TensorType.INT64),
        f"quantized_bias_type is {code}; expected INT32 or INT64",
    )
    wanted = default if code == TensorType.FLOAT32 else TensorType(code)
    if b is not None and b.type != wanted:
        node.unsupported(f"bias {b} has type {b.type.name}; expected {wanted.name}, or else say its type in quantized_bias_type")
    return wanted


def integer_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the exact x [..., K] . w [N, K]T as int64 [..., N].

    The products are summed in float64, which is exact: |x|, |w| <= 2^16 keep every partial sum of EXACT_DEPTH terms
    within 2^53, and BLAS makes it many times faster than NumPy's integer product.
    """
    acc = np.zeros((*x.shape[:-1], len(w)), np.int64)
    for k in range(0, x.shape[-1], EXACT_DEPTH):
        terms = slice(k, k + EXACT_DEPTH)
        acc += np.matmul(x[..., terms].astype(np.float64, copy=False), w[:, terms].astype(np.float64, copy=False).T).astype(
            np.int64
        )
    return acc


def sign_errors(w: np.ndarray) -> np.ndarray:
    """Which weights [N, K] int8 LiteRT's hybrid kernels take the wrong way: 1 for -128 in whole blocks of 16 along K, else 0.

    Their vector code for x86 moves the sign of q to the weight, and 128 is no int8: -128 * q comes out as 128 * q for negative q.
    """
    wrong = w == -128
    wrong[:, w.shape[1] // SIGN_BLOCK * SIGN_BLOCK :] = False
    return wrong.astype(np.int8)


def sign_error(q: np.ndarray, w: np.ndarray) -> np.ndarray | int:
    """What those kernels have more than q [..., K] . w [N, K]T, for q and w int8; int64 [..., N]."""
    wrong = sign_errors(w)
    return 256 * integer_matmul(np.minimum(q, 0), wrong) if wrong.any() else 0


def row_sums(w: np.ndarray) -> np.ndarray:
    """What LiteRT's hybrid kernels take for the sums of the rows of w [N, K] int8, int64 [N].

    Their vector code sums whole blocks of 16, and a last one of 8, in eight lanes of 16 bits, which wrap from some 2,000 great
    weights of one sign on; then come the rest of the row.
    """
    lanes, rest = w.shape[1] // SIGN_BLOCK * SIGN_BLOCK, w.shape[1] // 8 * 8
    sums = w[:, :lanes].reshape(len(w), lanes // SIGN_BLOCK, 8, 2).sum(axis=(1, 3), dtype=np.int64)
    if rest > lanes:
        sums += w[:, lanes:rest]
    return wrap_int16(sums).sum(axis=1) + w[:, rest:].sum(axis=1, dtype=np.int64)


def hybrid_matmul(q: np.ndarray, zero_point: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return LiteRT's q [M, K] - zero_point [M, 1] times w [N, K]T, for q and w int8: int64 [M, N], its two errors included."""
    return integer_matmul(q, w) + sign_error(q, w) - zero_point * row_sums(w)


def wrap_accumulator(acc: np.ndarray, acc_bits: int) -> np.ndarray:
    """The accumulator as the compiled kernels hold it: wrapped to 32 bits, or as it is in 64."""
    return wrap_int32(acc) if acc_bits == 32 else acc


@np.errstate(all="ignore")
def requantize_accumulator(acc: np.ndarray, plan: IntegerPlan) -> np.ndarray:
    """Return y = clamp(requantize(acc) + output_offset), the sum in 32 bits; acc int64 [..., C] in the shape of the output."""
    y = wrap_int32(plan.requantize(wrap_accumulator(acc, plan.acc_bits)) + plan.output_offset)
    return np.clip(y, plan.output_activation_min, plan.output_activation_max).astype(plan.output_dtype).reshape(plan.output_shape)


@np.errstate(all="ignore")
def sequential_matmul(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return x [..., K] . w [N, K]T in float32, each sum started at 0 and taken in ascending k, every step rounded."""
    acc = np.zeros((*x.shape[:-1], len(w)), np.float32)
    for k in range(x.shape[-1]):
        acc += x[..., k, None] * w[:, k]
    return acc


@np.errstate(all="ignore")
def finish_float32(acc: np.ndarray, b: np.ndarray | None, low: np.float32, high: np.float32) -> np.ndarray:
    """clamp(acc + b) in float32, b [C] along the last axis."""
    return np.clip(acc if b is None else acc + b.reshape(-1), low, high)
