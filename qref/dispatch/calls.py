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
    float_tiles,
    integer_matmul,
    movement,
    normalization,
    pairs,
    pooling,
    recurrent,
    reduction,
)
from qref.dispatch.program import Call
from qref.kernels import lookup_table
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
    return [Call(lookup_table.copy, (_bytes(inputs[0]), _bytes(outputs[0])))]


def _bytes(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1).view(np.uint8)


def averages(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """AVERAGE_POOL_2D of integers."""
    return [Call(pooling_kernels.average_integer, (inputs[0], *pooling._axes(plan), int(plan.low), int(plan.high), outputs[0]))]


def maxima(plan: PoolPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """MAX_POOL_2D, of all but XNNPACK in float32."""
    x, y = inputs[0], outputs[0]
    number = np.float32 if x.dtype == np.float32 else int
    limits = [number(limit) for limit in (max_pool_2d.lowest(x.dtype), plan.low, plan.high)]
    return [Call(pooling_kernels.greatest, (x, *pooling._axes(plan), *limits, y))]


def resized(kernel: Callable[..., None]) -> Callable[..., Calls]:
    """RESIZE_BILINEAR of integers."""

    def calls(plan: resize_bilinear.ResizeBilinearPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        return [Call(kernel, (inputs[0], *pooling._neighbors(plan), outputs[0]))]

    return calls


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    **integer_matmul.CALLS,
    **float_tiles.CALLS,
    **float_calls.CALLS,
    **conversion.CALLS,
    **movement.CALLS,
    **normalization.CALLS,
    **pairs.CALLS,
    **recurrent.CALLS,
    **reduction.CALLS,
    **{reference: copies for reference in (reshape.reshape, squeeze.squeeze, expand_dims.expand_dims)},
    average_pool_2d.average_pool_2d: averages,
    max_pool_2d.max_pool_2d: maxima,
    resize_bilinear.resize_bilinear_integer: resized(resize_kernels.integer),
    xnnpack_resize_bilinear.resize_bilinear_8bit: resized(resize_kernels.integer_by_rows),
}


def has_calls(prepared: Prepared) -> bool:
    """Whether there may be calls for a prepared operator."""
    return COMPILED and prepared.reference in CALLS


def calls_of(prepared: Prepared, constants: Constants, inputs: Sequence[np.ndarray | None], outputs: Arrays) -> Calls:
    """The calls that compute the outputs of a prepared operator from its inputs; None where there are none."""
    return CALLS[prepared.reference](prepared.plan, constants, inputs, outputs)
