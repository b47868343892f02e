"""Operators as calls of kernels on arrays that stay where they are: what a Program is made of.

Each function takes a plan, the constant inputs (None where an input is not constant), the arrays of all inputs and outputs, and
gives the calls that compute the outputs, or None where only the bound form can (see qref.dispatch.bind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch import (
    conversion,
    float_calls,
    float_recurrent,
    float_rnn,
    float_tiles,
    hybrid,
    integer_matmul,
    movement,
    normalization,
    pairs,
    plain,
    pooling,
    recurrent,
    reduction,
)
from qref.dispatch.cut import Call, Cut, along_first_axis
from qref.kernels import extremum_tile, lookup_table
from qref.kernels import pooling as pooling_kernels
from qref.kernels import resize_bilinear as resize_kernels
from qref.kernels.cpu import COMPILED
from qref.ops import average_pool_2d, expand_dims, max_pool_2d, reshape, resize_bilinear, squeeze
from qref.ops._pooling import PoolPlan
from qref.ops.node import Prepared
from qref.ops.xnnpack import resize_bilinear as xnnpack_resize_bilinear

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None


def copies(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """RESHAPE and its kin: the elements as they are."""
    return [along_first_axis(Call(lookup_table.copy, (_bytes(inputs[0]), _bytes(outputs[0]))), (0, 1), 0.05)]


def _bytes(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1).view(np.uint8)


def averages(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """AVERAGE_POOL_2D of integers."""
    return [_pooled(pooling_kernels.average_integer, inputs[0], *pooling._axes(plan), int(plan.low), int(plan.high), outputs[0])]


def _pooled(kernel: Callable[..., None], x: np.ndarray, rows: Any, columns: Any, *arguments: Any) -> Call:
    """A kernel of pooling.py, cut into images; a single one into rows of the output."""
    *limits, y = arguments
    work = y.shape[2] * y.shape[3] * rows[2] * columns[2] * 0.5

    def images(first: int, last: int) -> tuple[Any, ...]:
        return x[first:last], rows, columns, *limits, y[first:last]

    def lines(first: int, last: int) -> tuple[Any, ...]:
        stride, padding, size = rows
        return x, (stride, padding - first * stride, size), columns, *limits, y[:, first:last]

    cut = Cut(len(y), y.shape[1] * work, images) if len(y) != 1 else Cut(y.shape[1], work, lines)
    return Call(kernel, (x, rows, columns, *arguments), cut=cut)


def maxima(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MAX_POOL_2D, of all but XNNPACK in float32."""
    x, y = inputs[0], outputs[0]
    if x.dtype == np.float32:
        limits = [np.float32(limit) for limit in (max_pool_2d.lowest(x.dtype), plan.low, plan.high)]
        return [_pooled(pooling_kernels.greatest, x, *pooling._axes(plan), *limits, y)]
    lowest = int(max_pool_2d.lowest(x.dtype))
    kernel = extremum_tile.pool if x.shape[3] * x.itemsize >= extremum_tile.BLOCK_BYTES else pooling_kernels.greatest_integer
    return [_pooled(kernel, x, *pooling._axes(plan), lowest, int(plan.low), int(plan.high), y)]


def resized(plan: resize_bilinear.ResizeBilinearPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """RESIZE_BILINEAR of int8 and int16."""
    kernel = resize_kernels.integer_8bit if inputs[0].itemsize == 1 else resize_kernels.integer
    return [Call(kernel, (inputs[0], *pooling._neighbors(plan), outputs[0]))]


def resized_by_rows(plan: resize_bilinear.ResizeBilinearPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """RESIZE_BILINEAR of XNNPACK."""
    return [Call(resize_kernels.integer_by_rows, (inputs[0], *pooling._neighbors(plan), outputs[0]))]


IMAGES: dict[Callable[..., Any], Callable[..., Calls]] = {
    **{reference: copies for reference in (reshape.reshape, squeeze.squeeze, expand_dims.expand_dims)},
    average_pool_2d.average_pool_2d: averages,
    max_pool_2d.max_pool_2d: maxima,
    resize_bilinear.resize_bilinear_integer: resized,
    xnnpack_resize_bilinear.resize_bilinear_8bit: resized_by_rows,
}


def joined(*families: dict[Callable[..., Any], Callable[..., Calls]]) -> dict[Callable[..., Any], Callable[..., Calls]]:
    """One function for each reference; of those that share one, as ADD of integers and of floats, the first that gives calls."""
    found: dict[Callable[..., Any], list[Callable[..., Calls]]] = {}
    for family in families:
        for reference, calls in family.items():
            found.setdefault(reference, []).append(calls)

    def first_of(functions: list[Callable[..., Calls]]) -> Callable[..., Calls]:
        return lambda *arguments: next((calls for f in functions if (calls := f(*arguments)) is not None), None)

    return {reference: each[0] if len(each) == 1 else first_of(each) for reference, each in found.items()}


CALLS = joined(
    integer_matmul.CALLS,
    float_tiles.CALLS,
    float_calls.CALLS,
    float_recurrent.CALLS,
    float_rnn.CALLS,
    hybrid.CALLS,
    conversion.CALLS,
    movement.CALLS,
    normalization.CALLS,
    pairs.CALLS,
    plain.CALLS,
    recurrent.CALLS,
    reduction.CALLS,
    IMAGES,
)


def has_calls(prepared: Prepared) -> bool:
    """Whether there may be calls for a prepared operator."""
    return COMPILED and prepared.reference in CALLS


def calls_of(prepared: Prepared, constants: Constants, inputs: Sequence[np.ndarray | None], outputs: Arrays) -> Calls:
    """The calls that compute the outputs of a prepared operator from its inputs; None where there are none.

    Empty outputs are left to the operator's reference: compiled forms are laid out for at least one number.
    """
    if not all(y.size for y in outputs):
        return None
    return CALLS[prepared.reference](prepared.plan, constants, inputs, outputs)
