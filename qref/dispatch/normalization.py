"""Operators on rows as calls: SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION of integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.requantize import DoubleRounding
from qref.arithmetic.softmax import exp_table, exponentials_8bit, one_over_one_plus_x_table
from qref.dispatch.cut import Call, along_first_axis
from qref.kernels import l2_normalization as l2_kernels
from qref.kernels import softmax as kernels
from qref.ops import l2_normalization, log_softmax, softmax
from qref.ops.optimized import log_softmax as optimized_log_softmax
from qref.ops.optimized import softmax as optimized_softmax

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None


def on_rows(of: Callable[..., Call]) -> Callable[..., Calls]:
    """The calls of an operator, whose call `of` makes from its plan and the rows of x and y."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        if not inputs[0].size:
            return None
        return [of(plan, *(a.reshape(-1, a.shape[-1]) for a in (inputs[0], outputs[0])))]

    return calls


def softmaxes(plan: softmax.SoftmaxPlan, x: np.ndarray, y: np.ndarray) -> Call:
    """SOFTMAX of 8-bit inputs."""
    limits = np.iinfo(plan.output_dtype)
    exponentials = np.array(exponentials_8bit(plan.multiplier, plan.left_shift, plan.diff_min))
    call = Call(kernels.softmax_8bit, (x, exponentials, limits.bits, int(limits.min), y))
    return along_first_axis(call, (0, -1), 500 + 3 * x.shape[1])


def softmaxes_int16(plan: softmax.Softmax16Plan, x: np.ndarray, y: np.ndarray) -> Call:
    """SOFTMAX of int16 inputs."""
    tables = [table.astype(np.int64) for table in (exp_table(), one_over_one_plus_x_table())]
    return Call(kernels.softmax_16bit, (x, plan.multiplier, plan.shift, *tables, y))


def softmaxes_by_table(plan: optimized_softmax.SoftmaxTablePlan, x: np.ndarray, y: np.ndarray) -> Call:
    """SOFTMAX of 8-bit inputs by a table of float32 exponentials."""
    limits, half_up = np.iinfo(plan.output_dtype), plan.output_dtype == np.uint8
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    call = Call(kernels.softmax_by_table, (x, np.array(plan.table), plan.output_scale, half_up, *bounds, y))
    return along_first_axis(call, (0, -1), 3 * x.shape[1])


def log_softmaxes(plan: log_softmax.LogSoftmaxPlan, x: np.ndarray, y: np.ndarray) -> Call:
    """LOG_SOFTMAX of 8-bit inputs."""
    limits, rule = np.iinfo(y.dtype), DoubleRounding(np.array([plan.multiplier]), np.array([plan.left_shift]))
    tables = np.array(exponentials_8bit(plan.multiplier, plan.left_shift, plan.diff_min)), rule(-np.arange(256))
    reverse = plan.reverse_multiplier, plan.reverse_shift
    return Call(kernels.log_softmax_8bit, (x, *tables, plan.diff_min, *reverse, int(limits.min), int(limits.max), y))


def log_softmaxes_by_table(plan: optimized_log_softmax.LogSoftmaxTablePlan, x: np.ndarray, y: np.ndarray) -> Call:
    """LOG_SOFTMAX of 8-bit inputs by a table of float32 exponentials."""
    limits = np.iinfo(y.dtype)
    bounds = plan.output_offset, int(limits.min), int(limits.max)
    return Call(kernels.log_softmax_by_table, (x, np.array(plan.table), plan.input_scale, plan.output_scale, *bounds, y))


def l2_normalizations(plan: l2_normalization.L2NormalizationPlan, x: np.ndarray, y: np.ndarray) -> Call:
    """L2_NORMALIZATION of 8-bit inputs; where 2^7 comes in depends on the type."""
    limits, bits = np.iinfo(y.dtype), l2_normalization.OUTPUT_BITS
    left, more, output_offset = (0, bits, 0) if x.dtype == np.int8 else (bits, 0, 128)
    bounds = output_offset, int(limits.min), int(limits.max)
    return Call(l2_kernels.l2_normalization, (x, plan.input_offset, left, more, *bounds, y))


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    softmax.softmax: on_rows(softmaxes),
    softmax.softmax_int16: on_rows(softmaxes_int16),
    optimized_softmax.softmax_by_table: on_rows(softmaxes_by_table),
    log_softmax.log_softmax: on_rows(log_softmaxes),
    optimized_log_softmax.log_softmax_by_table: on_rows(log_softmaxes_by_table),
    l2_normalization.l2_normalization: on_rows(l2_normalizations),
}
