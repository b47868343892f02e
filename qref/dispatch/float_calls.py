"""Float32 operators other than matmuls as calls: element by element, pooling, SOFTMAX, means."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.fused import flushed_product, flushed_quotient
from qref.arithmetic.libm import expf, logf, tanhf
from qref.arithmetic.lookup_table import elu
from qref.dispatch import pooling
from qref.dispatch.cut import Call
from qref.dispatch.tiles import Constants
from qref.kernels import denormals, float_eigen, float_functions, float_pooling, float_softmax
from qref.kernels import float_elementwise as elementwise
from qref.kernels import mean as mean_kernels
from qref.kernels import pooling as pooling_kernels
from qref.ops import (
    _eigen,
    _relu,
    _unary,
    abs,
    add,
    average_pool_2d,
    div,
    hard_swish,
    leaky_relu,
    logistic,
    mean,
    mul,
    neg,
    softmax,
    squared_difference,
    sub,
    sum,
)
from qref.ops._pooling import PoolPlan
from qref.ops.optimized import hard_swish as optimized_hard_swish
from qref.ops.optimized import logistic as optimized_logistic
from qref.ops.optimized import mean as optimized_mean
from qref.ops.optimized import softmax as optimized_softmax
from qref.ops.optimized._merged import merge_axes
from qref.ops.xnnpack import _float, _functions
from qref.ops.xnnpack import _reduction as xnnpack_reduction
from qref.ops.xnnpack import _unary as xnnpack_unary
from qref.ops.xnnpack import average_pool_2d as xnnpack_average
from qref.ops.xnnpack import leaky_relu as xnnpack_leaky_relu
from qref.ops.xnnpack import max_pool_2d as xnnpack_max
from qref.ops.xnnpack import softmax as xnnpack_softmax
from qref.ops.xnnpack import squared_difference as xnnpack_squared_difference
from qref.ops.xnnpack._cpu import has_avx512

Arrays = Sequence[np.ndarray]
Calls = list[Call] | None
MOST_TAPS = 2**22  # of all output pixels: what a table of them may hold


def _place(functions: Sequence[str], name: str) -> tuple[int, ...]:
    """A function as the kernels take it: see `elementwise.binary`."""
    return tuple(range(functions.index(name) + 1))


PLAIN: dict[Callable[..., Any], str] = {
    add.add: "add",
    sub.sub: "subtract",
    mul.mul: "multiply",
    div.div_float32: "divide",
    squared_difference.squared_difference: "squared difference",
}
ONE: dict[Callable[..., Any], str] = {np.square: "square", np.sqrt: "sqrt", np.floor: "floor", np.ceil: "ceil"}
NORMAL_ONE: dict[Callable[..., Any], str] = {np.floor: "floor", np.ceil: "ceil", np.rint: "rint"}
NORMAL_TWO: dict[Callable[..., Any], str] = {
    np.add: "add",
    np.subtract: "subtract",
    flushed_product: "multiply",
    flushed_quotient: "divide",
    xnnpack_squared_difference._squared_difference: "squared difference",
}
FUNCTIONS: dict[Callable[..., Any], tuple[Any, ...]] = {
    logistic.logistic: (float_functions.logistic,),
    tanhf: (float_functions.tanh,),
    hard_swish.hard_swish_float32: (float_functions.hard_swish,),
    _eigen.tanh: (float_eigen.tanh,),
    optimized_logistic.logistic: (float_eigen.logistic,),
    optimized_hard_swish.hard_swish: (float_eigen.hard_swish,),
    expf: (float_functions.exp,),
    logf: (float_functions.log,),
    elu: (float_functions.elu,),
    **{function: (elementwise.unary, _place(elementwise.NAMES_OF_ONE, name), False) for function, name in ONE.items()},
}
NORMAL: dict[Callable[..., Any], tuple[Any, ...]] = {
    _functions.logistic_avx512: (float_functions.logistic_by_roots, np.array(_functions.ROOTS)),
    _functions.tanh: (float_functions.tanh_by_quotient,),
    _functions.exp: (float_functions.exp_by_quotient,),
    _functions.elu_avx512: (float_functions.elu_by_polynomial,),
    _functions.hard_swish: (float_functions.hard_swish_fused,),
    _functions.negative: (elementwise.unary, _place(elementwise.NAMES_OF_ONE, "zero minus"), True),
    _functions.square: (elementwise.unary, _place(elementwise.NAMES_OF_ONE, "square"), True),
    **{function: (elementwise.unary, _place(elementwise.NAMES_OF_ONE, name), True) for function, name in NORMAL_ONE.items()},
}  # of XNNPACK, where denormals are zeros


def is_float32(*arrays: np.ndarray) -> bool:
    """Whether all are float32, and none is empty."""
    return all(a.dtype == np.float32 and a.size for a in arrays)


def _binary(name: str, flushed: bool, plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    if not is_float32(*inputs, *outputs) or (flushed and not denormals.SWITCHABLE):
        return None
    (y,) = outputs
    whole = [np.array(np.broadcast_to(x, y.shape), order="C") if c is not None else x for x, c in zip(inputs, constants)]
    forms = _forms([x.shape for x in whole], y.shape)
    if forms is None:
        return None
    x1, x2, to = (a.reshape(form) for a, form in zip((*whole, y), forms))
    limits = (-np.inf, np.inf) if plan is None else (plan.low, plan.high)
    fixed = _place(elementwise.NAMES, name), flushed, *map(np.float32, limits)
    return [Call(elementwise.binary, (x1, x2, *fixed, to))]


def _forms(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> list[tuple[int, int]] | None:
    """Operands and output as [rows, columns], of which an operand has all or one; None where there are no two such axes.

    >>> _forms([(1, 4, 4, 8), (1, 1, 1, 8)], (1, 4, 4, 8))
    [(16, 8), (1, 8), (16, 8)]
    """
    size = math.prod(shape)
    for split in (0, *range(1, len(shape))):
        whole = math.prod(shape[:split]), math.prod(shape[split:])
        forms = []
        for each in shapes:
            padded = (1,) * (len(shape) - len(each)) + tuple(each)
            form = math.prod(padded[:split]), math.prod(padded[split:])
            forms.append(form if all(n in (1, m) for n, m in zip(form, whole)) else (0, 0))
        if size and (0, 0) not in forms:
            return [*forms, whole]
    return None


def plain(name: str) -> Callable[..., Calls]:
    """ADD and its kin."""
    return functools.partial(_binary, name, False)


def normal(plan: _float.FloatPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """Those of XNNPACK."""
    name = NORMAL_TWO.get(plan.function)
    return None if name is None else _binary(name, True, plan, constants, inputs, outputs)


def functions(plan: _unary.FunctionPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """Functions of one operand."""
    (x,), (y,) = inputs, outputs
    found = FUNCTIONS.get(plan.function)
    if found is None and denormals.SWITCHABLE:
        found = NORMAL.get(plan.function) or NORMAL.get(getattr(plan.function, "__wrapped__", plan.function))
    return [Call(found[0], (x.reshape(-1), *found[1:], y.reshape(-1)))] if found is not None and is_float32(x) else None


def numbers(name: str) -> Callable[..., Calls]:
    """NEG and ABS of numbers without scale."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        (x,), (y,) = inputs, outputs
        place = _place(elementwise.NAMES_OF_ONE, name)
        return [Call(elementwise.unary, (x.reshape(-1), place, False, y.reshape(-1)))] if is_float32(x) else None

    return calls


def slopes(plan: leaky_relu.Float32LeakyReluPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """LEAKY_RELU."""
    return [Call(elementwise.slope_unless_positive, (inputs[0].reshape(-1), np.float32(plan.alpha), outputs[0].reshape(-1)))]


def normal_slopes(plan: leaky_relu.Float32LeakyReluPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """LEAKY_RELU of XNNPACK for AVX-512."""
    if not (denormals.SWITCHABLE and has_avx512()):
        return None
    return [Call(elementwise.slope_below_zero, (inputs[0].reshape(-1), np.float32(plan.alpha), outputs[0].reshape(-1)))]


def clamps(flushed: bool) -> Callable[..., Calls]:
    """RELU and its kin."""

    def calls(plan: _relu.Float32ClampPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        limits = np.float32(plan.low), np.float32(plan.high)
        return [Call(float_functions.clamped, (inputs[0].reshape(-1), flushed, *limits, outputs[0].reshape(-1)))]

    return calls


def averages(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """AVERAGE_POOL_2D, row after row."""
    axes = pooling._axes(plan)
    return [Call(pooling_kernels.average_float32, (inputs[0], *axes, np.float32(plan.low), np.float32(plan.high), outputs[0]))]


def _taps(x: np.ndarray, plan: PoolPlan, rows: np.ndarray, outside: bool) -> np.ndarray | None:
    """What float_pooling.py calls taps; rows: whose window an output row takes; taps outside are zeros or nearest pixels."""
    places = []
    count = plan.rows.filter_size * plan.columns.filter_size
    if count * math.prod(plan.output_shape[:3]) > MOST_TAPS:
        return None
    for axis, windows in ((plan.rows, rows), (plan.columns, np.arange(plan.columns.output_size))):
        position = (windows * axis.stride - axis.padding)[:, None] + np.arange(axis.filter_size)
        within = np.clip(position, 0, axis.image_size - 1)
        places.append(np.where((position == within) | (not outside), within, -1))
    down, right = places[0][:, None, None, :], places[1][None, :, :, None]  # a column of the filter after the other
    pixel = np.where((down < 0) | (right < 0), -1, down * plan.columns.image_size + right)
    images = np.arange(len(x))[:, None, None, None, None] * (plan.rows.image_size * plan.columns.image_size)
    taps = np.where(pixel < 0, -1, (images + pixel) * x.shape[3]).reshape(-1, count)
    chunks = -(-count // float_pooling.CHUNK)
    padded = np.full((len(taps), chunks * float_pooling.CHUNK), -1)
    padded[:, :count] = taps
    filled = padded.reshape(len(taps), chunks, float_pooling.CHUNK)
    lacking = np.arange(chunks * float_pooling.CHUNK).reshape(chunks, -1) >= count
    return filled if outside else np.where(lacking, filled[:, :, :1], filled)


def averages_of_nine(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """AVERAGE_POOL_2D of XNNPACK."""
    (x,), (y,) = inputs, outputs
    taps = _taps(x, plan, xnnpack_average.window_rows(plan.rows), True) if y.size else None
    if taps is None or not denormals.SWITCHABLE:
        return None
    factors = np.array(np.broadcast_to(np.float32(1) / plan.count.astype(np.float32)[..., 0], y.shape[:3])).reshape(-1)
    limits = np.float32(plan.low), np.float32(plan.high)
    return [Call(float_pooling.average, (x.reshape(-1), taps, factors, *limits, y.reshape(len(taps), -1)))]


def maxima(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MAX_POOL_2D of XNNPACK."""
    (x,), (y,) = inputs, outputs
    fits = y.size and plan.rows.filter_size * plan.columns.filter_size <= xnnpack_max.MOST_TAPS
    taps = _taps(x, plan, np.arange(plan.rows.output_size), False) if fits else None
    if taps is None:
        return None
    limits = np.float32(plan.low), np.float32(plan.high)
    return [Call(float_pooling.greatest, (x.reshape(-1), taps, *limits, y.reshape(len(taps), -1)))]


def softmaxes(kernel: Callable[..., None]) -> Callable[..., Calls]:
    """SOFTMAX of the reference and of the optimized kernels."""

    def calls(plan: softmax.FloatSoftmaxPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, y = inputs[0], outputs[0]
        if not is_float32(x):
            return None
        return [Call(kernel, (x.reshape(-1, x.shape[-1]), plan.beta, y.reshape(-1, x.shape[-1])))]

    return calls


def softmaxes_in_lanes(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """SOFTMAX of XNNPACK."""
    x, y = inputs[0], outputs[0]
    if not is_float32(x) or not denormals.SWITCHABLE:
        return None
    return [Call(float_softmax.in_lanes, (x.reshape(-1, x.shape[-1]), plan.lanes, y.reshape(-1, x.shape[-1])))]


def _means(of: Callable[..., tuple[Any, ...] | None]) -> Callable[..., Calls]:
    """MEAN over neighboring axes; `of` gives average_float32's arguments between x and y, or None where it has another order."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, y, axes = inputs[0], outputs[0], plan.axes
        if not is_float32(x) or not axes or len(axes) != axes[-1] + 1 - axes[0]:
            return None
        sizes = [math.prod(x.shape[: axes[0]]), math.prod(x.shape[axes[0] : axes[-1] + 1]), math.prod(x.shape[axes[-1] + 1 :])]
        fixed = of(plan, x, np.float32(sizes[1]))
        return None if fixed is None else [Call(mean_kernels.average_float32, (x.reshape(sizes), *fixed, y.reshape(sizes[::2])))]

    return calls


means = _means(lambda plan, x, count: (False, False, count))
sums = _means(lambda plan, x, count: (plan.all_axes, False, np.float32(1)))


def optimized_means(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MEAN of the optimized kernels, the last axis alone in packets."""
    x, y = inputs[0], outputs[0]
    sizes, reduced = merge_axes(x.shape, plan.axes, drop_ones=True)
    if reduced == [False, True] and is_float32(x):
        return [Call(mean_kernels.average_packets, (x.reshape(sizes), y.reshape(-1)))]
    return _means(lambda plan, x, count: (True, False, count))(plan, constants, inputs, outputs)


@_means
def normal_means(plan: xnnpack_reduction.FloatSumPlan, x: np.ndarray, count: np.float32) -> tuple[Any, ...] | None:
    """MEAN and SUM of XNNPACK, where the last axis is kept."""
    return None if x.ndim - 1 in plan.axes or not denormals.SWITCHABLE else (False, True, plan.scale)


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    **{reference: plain(name) for reference, name in PLAIN.items()},
    _float.float_operands: normal,
    abs.absolute: numbers("fabs"),
    neg.negative: numbers("negative"),
    leaky_relu.leaky_relu_float32: slopes,
    xnnpack_leaky_relu.leaky_relu_float32: normal_slopes,
    _unary.by_function: functions,
    _relu.clamp_float32: clamps(False),
    xnnpack_unary.clamp: clamps(True),
    average_pool_2d.average_pool_2d_float32: averages,
    xnnpack_average.average_pool_2d: averages_of_nine,
    xnnpack_max.max_pool_2d_float32: maxima,
    mean.mean_float32: means,
    sum.sum_float32: sums,
    optimized_mean.mean_float32: optimized_means,
    xnnpack_reduction.sum_float32: normal_means,
    softmax.softmax_float: softmaxes(float_softmax.sequential),
    optimized_softmax.softmax_float32: softmaxes(float_softmax.in_packets),
    xnnpack_softmax.softmax_float32: softmaxes_in_lanes,
}
