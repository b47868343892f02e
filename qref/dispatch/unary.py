"""Binders of functions of one operand: lookup tables, activations, SOFTMAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.softmax import exp_table, exponentials_8bit, one_over_one_plus_x_table
from qref.kernels import lookup_table, softmax
from qref.ops import _relu, _unary, abs, hard_swish, leaky_relu, logistic, tanh
from qref.ops import softmax as op
from qref.ops.optimized import logistic as optimized_logistic
from qref.ops.optimized import softmax as optimized_softmax
from qref.ops.optimized import tanh as optimized_tanh

Reference = Callable[[np.ndarray, Any], np.ndarray]
Bound = Callable[[np.ndarray], np.ndarray]
Constants = Sequence[np.ndarray | None]


def bind_pointwise(reference: Reference) -> Callable[[Any, Constants], Bound]:
    """A function of integers of 8 or 16 bits, element by element: the reference's results for all values, looked up."""

    def bind(plan: Any, constants: Constants) -> Bound:
        tables: dict[np.dtype, np.ndarray] = {}

        def run(x: np.ndarray) -> np.ndarray:
            index = np.dtype(f"uint{8 * x.dtype.itemsize}")
            if x.dtype not in tables:
                tables[x.dtype] = reference(np.arange(np.iinfo(index).max + 1).astype(index).view(x.dtype), plan)
            y = np.empty(x.size, x.dtype)
            values = np.ascontiguousarray(x).reshape(-1)
            lookup_table.look_up(tables[x.dtype].view(index), values.view(index), y.view(index))
            return y.reshape(x.shape)

        return run

    return bind


def bind_softmax(plan: op.SoftmaxPlan, constants: Constants) -> Bound:
    """SOFTMAX of 8-bit inputs: the exponential of each possible difference is computed once."""
    exponentials = exponentials_8bit(plan.multiplier, plan.left_shift, plan.diff_min)
    limits = np.iinfo(plan.output_dtype)

    def run(x: np.ndarray) -> np.ndarray:
        if x.size == 0:
            return np.zeros(x.shape, plan.output_dtype)
        rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1]).astype(np.int16)
        y = np.empty(rows.shape, np.int16)
        softmax.softmax_8bit(rows, exponentials, limits.bits, int(limits.min), y)
        return y.reshape(x.shape).astype(plan.output_dtype, copy=False)

    return run


def bind_softmax_by_table(plan: optimized_softmax.SoftmaxTablePlan, constants: Constants) -> Bound:
    """SOFTMAX of 8-bit inputs by a table of float32 exponentials."""
    limits = np.iinfo(plan.output_dtype)
    half_up = plan.output_dtype == np.uint8

    def run(x: np.ndarray) -> np.ndarray:
        if x.size == 0:
            return np.zeros(x.shape, plan.output_dtype)
        rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1]).astype(np.int16)
        y = np.empty(rows.shape, np.int16)
        bounds = (plan.output_offset, int(limits.min), int(limits.max))
        softmax.softmax_by_table(rows, plan.table, plan.output_scale, half_up, *bounds, y)
        return y.reshape(x.shape).astype(plan.output_dtype, copy=False)

    return run


def bind_softmax_int16(plan: op.Softmax16Plan, constants: Constants) -> Bound:
    """SOFTMAX of int16 inputs: two tables of 513 entries."""
    tables = [table.astype(np.int64) for table in (exp_table(), one_over_one_plus_x_table())]

    def run(x: np.ndarray) -> np.ndarray:
        if x.size == 0:
            return np.zeros(x.shape, np.int16)
        rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        y = np.empty(rows.shape, np.int16)
        softmax.softmax_16bit(rows, plan.multiplier, plan.shift, *tables, y)
        return y.reshape(x.shape)

    return run


POINTWISE: tuple[Reference, ...] = (
    _relu.clamp_quantized,
    _unary.by_table_8bit,
    _unary.by_table_16bit,
    abs.absolute_quantized,
    hard_swish.hard_swish,
    leaky_relu.leaky_relu,
    logistic.logistic_int16,
    tanh.tanh_int16,
    optimized_logistic.logistic_power_of_two,
    optimized_tanh.tanh_power_of_two,
)

BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{reference: bind_pointwise(reference) for reference in POINTWISE},
    op.softmax: bind_softmax,
    op.softmax_int16: bind_softmax_int16,
    optimized_softmax.softmax_by_table: bind_softmax_by_table,
}
