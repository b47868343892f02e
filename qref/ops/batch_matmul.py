"""BATCH_MATMUL: y = x . w for the matrices that the last two dimensions hold, the others broadcast.

Layout   x [..., M, K] ([..., K, M] with adj_x), w [..., K, N] ([..., N, K] with adj_y) -> y [..., M, N], rank 2 to 5
Types    x, w, y int8                          accumulates in int32, wrapping; y int32: the products of the integers as they are
         x, y int16; w int16, int8             accumulates in int64
         x, w, y float32
         x, y float32; w int8 ("hybrid", dynamic range): each row of x is quantized to int8 on the fly
Scales   x, w, y per tensor;  int16: zero point 0;  hybrid: w also per axis, a scale for each column of y
Hybrid   for the batch [b0, b1, b2], LiteRT takes row scales, zero points and sums of columns of matrix number b0 + b1 + b2: of a
         wrong one where an operand has two batch dimensions above 1. Reproduced here.
Source   TFLite, batch_matmul.cc; facts verified in tests/ops/test_batch_matmul.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.hybrid import quantize_rows_asymmetric, quantize_rows_symmetric
from qref.schema.enums import TensorType

from ._explain import explain_taps
from ._explain_float import explain_products
from ._explain_hybrid import explain_row_products, explain_scale, explain_scales, explain_weight_sum, filter_scale_of
from ._matmul import EXACT_DEPTH, IntegerPlan, integer_plan, requantize_accumulator, row_sums, wrap_accumulator
from .node import Node, Prepared, Shape

RHS_TYPES = {
    TensorType.INT8: (TensorType.INT8,),
    TensorType.INT16: (TensorType.INT16, TensorType.INT8),
    TensorType.FLOAT32: (TensorType.FLOAT32, TensorType.INT8),
}


@dataclass(frozen=True, slots=True)
class BatchMatMulPlan(IntegerPlan):
    """The integer form: IntegerPlan and which operands are stored transposed."""

    adj_x: bool
    adj_y: bool


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """The forms without quantization, float32 and int8 -> int32."""

    adj_x: bool
    adj_y: bool
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class HybridPlan:
    """The dynamic-range form: w stays quantized, each row of x is quantized when it is seen."""

    adj_x: bool
    adj_y: bool
    filter_scale: np.ndarray  # float32 [N] or [1]
    asymmetric: bool  # rows of x get a zero point of their own
    output_shape: Shape


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, y = node.input(0), node.input(1), node.output()
    node.expect(len(node.inputs) == 2, f"expected 2 inputs, found {len(node.inputs)}")
    node.expect_type(x, *RHS_TYPES)
    node.expect_type(w, *RHS_TYPES[x.type])
    adj_x, adj_y = bool(node.options.get("adj_x", False)), bool(node.options.get("adj_y", False))
    node.resize(0, _output_shape(node, adj_x, adj_y))
    if x.type == TensorType.FLOAT32:
        node.expect_type(y, TensorType.FLOAT32)
        if w.type == TensorType.FLOAT32:
            return Prepared(batch_matmul_float32, PlainPlan(adj_x, adj_y, y.shape), explain_float32)
        return _prepare_hybrid(node, adj_x, adj_y)
    if x.type == TensorType.INT8 and y.type == TensorType.INT32:
        return Prepared(batch_matmul_int32, PlainPlan(adj_x, adj_y, y.shape), explain_int32)
    node.expect_type(y, x.type)
    node.expect(w.scales.size == 1, f"{w} has {w.scales.size} scales; expected one: quantize it per tensor")
    acc_bits = 64 if x.type == TensorType.INT16 else 32
    fields = integer_plan(node, x, w, 1, acc_bits, float32_product=True)
    return Prepared(batch_matmul, BatchMatMulPlan(**fields, adj_x=adj_x, adj_y=adj_y), explain, accumulate)


def _output_shape(node: Node, adj_x: bool, adj_y: bool) -> Shape:
    x, w = node.input(0), node.input(1)
    for operand in (x, w):
        node.expect(2 <= len(operand.shape) <= 5, f"{operand} has shape {list(operand.shape)}; expected 2 to 5 dimensions")
    rows, depth = x.shape[-2:][:: -1 if adj_x else 1]
    w_depth, columns = w.shape[-2:][:: -1 if adj_y else 1]
    shapes = f"{list(x.shape)} and {list(w.shape)}"
    node.expect(depth == w_depth, f"the inner dimensions of {shapes} are {depth} and {w_depth}; expected equal ones")
    rank = max(len(x.shape), len(w.shape)) - 2
    left, right = ((1,) * (rank - len(s) + 2) + s[:-2] for s in (x.shape, w.shape))
    fits = all(m == n or 1 in (m, n) for m, n in zip(left, right))
    node.expect(fits, f"the batch dimensions of {shapes} do not broadcast; expected equal ones, or 1")
    return (*(n if m == 1 else m for m, n in zip(left, right)), rows, columns)


def _prepare_hybrid(node: Node, adj_x: bool, adj_y: bool) -> Prepared:
    w, y = node.input(1), node.output()
    columns = y.shape[-1]
    axis = w.tensor.quantization.quantized_dimension if w.tensor.quantization else 0
    per_axis = w.scales.size == columns and axis == len(w.shape) - (2 if adj_y else 1)
    node.expect(
        w.scales.size == 1 or per_axis,
        f"{w} has {w.scales.size} scales along dimension {axis}; expected 1, or {columns} for the columns",
    )
    asymmetric = bool(node.options.get("asymmetric_quantize_inputs", False))
    if asymmetric and w.constant is None:
        node.unsupported(
            f"{w} is not a constant: with asymmetric_quantize_inputs, LiteRT keeps the sums of the columns it saw first"
        )
    if asymmetric and len(w.shape) == 5 and w.shape[0] > 1:
        node.unsupported(
            f"{w} has {w.shape[0]} batches in the first of 5 dimensions: LiteRT sums the columns of the first one alone"
        )
    return Prepared(batch_matmul_hybrid, HybridPlan(adj_x, adj_y, w.scales, asymmetric, y.shape), explain_hybrid)


def batch_matmul(x: np.ndarray, w: np.ndarray, plan: BatchMatMulPlan) -> np.ndarray:
    """Return y [..., M, N] = clamp(requantize(acc) + output_offset)."""
    return requantize_accumulator(accumulate(x, w, plan), plan)


def accumulate(x: np.ndarray, w: np.ndarray, plan: BatchMatMulPlan) -> np.ndarray:
    """Return acc [..., M, N] int64 = sum_k (x[m, k] + input_offset) * (w[k, n] + filter_offset)."""
    inputs, weights = as_rows(x, plan.adj_x).astype(np.int64), as_columns(w, plan.adj_y).astype(np.int64)
    return integer_products(inputs + plan.input_offset, weights + plan.filter_offset)


def explain(x: np.ndarray, w: np.ndarray, plan: BatchMatMulPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    pairs = zip(row_at(x, plan.adj_x, element), column_at(w, plan.adj_y, element))
    return explain_taps(pairs, None, plan, element, element[-1])


def row_at(x: np.ndarray, adj_x: bool, element: tuple[int, ...]) -> list[Any]:
    """The row of x that makes y[element], as Python numbers."""
    place: Any = (*_matrix_of(x, element), *((slice(None), element[-2]) if adj_x else (element[-2],)))
    return x[place].tolist()


def column_at(w: np.ndarray, adj_y: bool, element: tuple[int, ...]) -> list[Any]:
    """The column of w that makes y[element], as Python numbers."""
    place: Any = (*_matrix_of(w, element), *((element[-1],) if adj_y else (slice(None), element[-1])))
    return w[place].tolist()


def _matrix_of(operand: np.ndarray, element: tuple[int, ...]) -> tuple[int, ...]:
    """Which matrix of an operand makes y[element], batch dimensions broadcast."""
    batches = operand.shape[:-2]
    return tuple(0 if size == 1 else i for size, i in zip(batches, element[len(element) - 2 - len(batches) : -2]))


def batch_matmul_int32(x: np.ndarray, w: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y [..., M, N] int32 = sum_k x[m, k] * w[k, n], wrapping; the zero points are left alone, as in LiteRT."""
    acc = integer_products(as_rows(x, plan.adj_x), as_columns(w, plan.adj_y))
    return wrap_accumulator(acc, 32).astype(np.int32).reshape(plan.output_shape)


def explain_int32(x: np.ndarray, w: np.ndarray, plan: PlainPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the form that gives the accumulators."""
    e = Explanation()
    e.given("x", row_at(x, plan.adj_x, element), "the row of x, LSB")
    e.given("w", column_at(w, plan.adj_y, element), "the column of w, LSB")
    e.derive("products", "x * w", "of each pair; the zero points are left alone")
    e.derive("running", "cumsum(products)", "the accumulator after each of them")
    e.derive("y", "wrap(sum(products), 32)", "the output, the accumulator in 32 bits")
    return e


@np.errstate(all="ignore")
def batch_matmul_float32(x: np.ndarray, w: np.ndarray, plan: PlainPlan) -> np.ndarray:
    """Return y [..., M, N] float32 = sum_k x[m, k] * w[k, n] from 0 in ascending k, every step rounded."""
    inputs, columns = as_rows(x, plan.adj_x), as_columns(w, plan.adj_y)
    y = np.zeros(plan.output_shape, np.float32)
    for k in range(inputs.shape[-1]):
        y += inputs[..., :, k, None] * columns[..., None, :, k]
    return y


def explain_float32(x: np.ndarray, w: np.ndarray, plan: PlainPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the float32 form."""
    e = Explanation()
    products = explain_products(e, zip(row_at(x, plan.adj_x, element), column_at(w, plan.adj_y, element)))
    e.derive("running", f"cumsum32({products})", "the sum after each tap, every step rounded to float32")
    e.derive("y", f"sum32({products})", "the output, the sum of all taps")
    return e


def batch_matmul_hybrid(x: np.ndarray, w: np.ndarray, plan: HybridPlan) -> np.ndarray:
    """Return y [..., M, N] float32 from float32 x and quantized w.

    q, s[row], z[row] = row of x quantized to int8 (z = 0 unless asymmetric)
    y[m, n] = f32(s * filter_scale[n]) * f32(int32(f32(sum_k q[m, k] * w[k, n]) - f32(z * f32(sum_k w[k, n]))))
    """
    inputs, columns = as_rows(x, plan.adj_x), as_columns(w, plan.adj_y)
    quantize_rows = quantize_rows_asymmetric if plan.asymmetric else quantize_rows_symmetric
    q, scale, zero_point = quantize_rows(np.ascontiguousarray(inputs).reshape(math.prod(inputs.shape[:-1]), inputs.shape[-1]))
    acc = wrap_accumulator(integer_products(q.reshape(inputs.shape), columns), 32)
    return finish_hybrid(acc, scale, zero_point, x, w, plan)


@np.errstate(all="ignore")
def finish_hybrid(
    acc: np.ndarray, scale: np.ndarray, zero_point: np.ndarray, x: np.ndarray, w: np.ndarray, plan: HybridPlan
) -> np.ndarray:
    """Bring sum_k q[m, k] * w[k, n] to the output; scale and zero_point are those of all rows of x, in order."""
    batches, rows = list(plan.output_shape[:-2]), plan.output_shape[-2]
    left, right = ([1] * (len(batches) + 2 - len(shape)) + list(shape[:-2]) for shape in (x.shape, w.shape))
    if not plan.adj_x and len(x.shape) > 2 and len(w.shape) > 2 and w.shape[-3] == 1:  # LiteRT joins this dimension to the rows
        rows *= batches.pop()
        left.pop(), right.pop()
    row = _matrix_numbers(left, batches)[..., None] * rows + np.arange(rows)
    columns = as_columns(w, plan.adj_y)
    sums = row_sums(columns.reshape(math.prod(columns.shape[:-1]), columns.shape[-1])).reshape(columns.shape[:-1])
    sums = sums.reshape(math.prod(columns.shape[:-2]), columns.shape[-2])[_matrix_numbers(right, batches)]
    acc = acc.reshape(*batches, rows, acc.shape[-1]).astype(np.float32)
    total = acc - zero_point[row][..., None].astype(np.float32) * sums.astype(np.float32)[..., None, :]
    y = scale[row][..., None] * plan.filter_scale * total.astype(np.int32).astype(np.float32)
    return (np.float32(0) + y).reshape(plan.output_shape)


def _matrix_numbers(shape: list[int], batches: list[int]) -> np.ndarray:
    """Which of an operand's matrices gives scales and sums to each batch of the output: LiteRT adds up the batch indices."""
    index = np.zeros(batches, np.int64)
    for axis, (size, batch) in enumerate(zip(shape, batches)):
        if size != 1:
            index += np.arange(batch).reshape([-1 if a == axis else 1 for a in range(len(batches))])
    return index


def explain_hybrid(x: np.ndarray, w: np.ndarray, plan: HybridPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element] of the hybrid form; scale, zero point and sum of weights may be those of another row and column."""
    e = Explanation()
    explain_row_products(e, row_at(x, plan.adj_x, element), column_at(w, plan.adj_y, element), asymmetric=plan.asymmetric)
    row, matrix = _numbers_of_constants(x, w, plan, element)
    of = "" if row == _number(x, element) * plan.output_shape[-2] + element[-2] else "_taken"
    if of:
        taken = (*map(int, np.unravel_index(row, (*x.shape[:-2], plan.output_shape[-2]))), 0)
        e.given(f"x{of}", row_at(x, plan.adj_x, taken), "the row whose scale LiteRT takes, real")
        explain_scale(e, f"x{of}", of, asymmetric=plan.asymmetric)
    e.derive("total", "wrap(sum(products), 32)", "the sum of all products, in 32 bits")
    if plan.asymmetric:
        weights = "w"
        if matrix != _number(w, element):
            taken = (*map(int, np.unravel_index(matrix, w.shape[:-2])), 0, element[-1])
            weights = e.given("w_taken", column_at(w, plan.adj_y, taken), "the column whose sum LiteRT takes, LSB")
        e.derive("offset", f"float32(zero_point{of} * float32({explain_weight_sum(e, weights)}))", "what the zero point adds")
        e.derive("acc", "cast_int32(float32(float32(total) - offset))", "the accumulator, by way of float32")
    else:
        e.derive("acc", "cast_int32(float32(total))", "the accumulator, by way of float32")
    explain_scales(e, filter_scale_of(plan.filter_scale, element[-1]), scale=f"scale{of}")
    e.derive("y", "0.0 + scaled", "the output")
    return e


def _number(operand: np.ndarray, element: tuple[int, ...]) -> int:
    """The number of the matrix of an operand that makes y[element]."""
    return int(np.ravel_multi_index(_matrix_of(operand, element), operand.shape[:-2])) if operand.ndim > 2 else 0


def _numbers_of_constants(x: np.ndarray, w: np.ndarray, plan: HybridPlan, element: tuple[int, ...]) -> tuple[int, int]:
    """The number of the row of x whose scale LiteRT takes, and that of the matrix of w whose sums it takes."""
    batches, row, rows = element[:-2], element[-2], plan.output_shape[-2]
    left, right = ((1,) * (len(element) - operand.ndim) + operand.shape[:-2] for operand in (x, w))
    if not plan.adj_x and x.ndim > 2 and w.ndim > 2 and w.shape[-3] == 1:
        row, rows = batches[-1] * rows + row, plan.output_shape[-3] * rows
        batches = batches[:-1]
    x_number, w_number = (sum(i for i, size in zip(batches, sizes) if size != 1) for sizes in (left, right))
    return x_number * rows + row, w_number


def as_rows(x: np.ndarray, adj_x: bool) -> np.ndarray:
    """The operand as [..., M, K]."""
    return x.swapaxes(-1, -2) if adj_x else x


def as_columns(w: np.ndarray, adj_y: bool) -> np.ndarray:
    """The operand as [..., N, K]."""
    return w if adj_y else w.swapaxes(-1, -2)


def integer_products(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the exact x [..., M, K] . w [..., N, K]T as int64, batch dimensions broadcast."""
    acc: np.ndarray | int = 0
    for k in range(0, max(1, x.shape[-1]), EXACT_DEPTH):
        terms = slice(k, k + EXACT_DEPTH)
        acc = acc + np.matmul(x[..., terms].astype(np.float64), w[..., terms].swapaxes(-1, -2).astype(np.float64)).astype(
            np.int64
        )
    return np.asarray(acc)
