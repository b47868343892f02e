"""Operators on plain integers and booleans as calls."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.cut import Call
from qref.dispatch.movement import moves
from qref.dispatch.pairs import flat, spread
from qref.dispatch.reduction import blocks_of
from qref.kernels import compare as compare_kernels
from qref.kernels import mean as mean_kernels
from qref.kernels import plain as kernels
from qref.ops import (
    _arg_extremum,
    _select,
    _stablehlo,
    abs,
    add,
    bitwise_xor,
    cast,
    embedding_lookup,
    gather,
    logical_and,
    logical_not,
    logical_or,
    mul,
    neg,
    reduce_all,
    reduce_any,
    sign,
    sub,
    sum,
)
from qref.ops._elementwise import PlainPlan
from qref.ops._extremum import ExtremumPlan
from qref.ops._reduction import ReducePlan

Arrays = Sequence[np.ndarray]
Constants = Sequence[np.ndarray | None]
Calls = list[Call] | None
Kernel = Callable[..., None]
UFUNCS: dict[Any, Kernel] = {
    np.add: kernels.add,
    np.multiply: kernels.multiply,
    np.bitwise_and: kernels.bitwise_and,
    np.logical_and: kernels.bitwise_and,
    _stablehlo.maximum: compare_kernels.maximum,
    _stablehlo.minimum: compare_kernels.minimum,
}


def _bits(x: np.ndarray) -> np.ndarray:
    """Booleans as bytes, anything else as it is."""
    return x.view(np.uint8) if x.dtype == bool else x


def _is_integer(x: np.ndarray) -> bool:
    return x.dtype.kind in "iub"


def with_limits(kernel: Kernel) -> Callable[..., Calls]:
    """ADD and its kin."""

    def calls(plan: PlainPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        if not _is_integer(inputs[0]):
            return None
        (x1, x2, y), calls = flat(constants, inputs, outputs)
        return [*calls, Call(kernel, (x1, x2, int(plan.low), int(plan.high), y))]

    return calls


def of_two(kernel: Kernel) -> Callable[..., Calls]:
    """LOGICAL_AND and its kin."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        if not _is_integer(inputs[0]):
            return None
        arrays, calls = flat(constants, inputs, outputs)
        return [*calls, Call(kernel, tuple(map(_bits, arrays)))]

    return calls


def of_one(kernel: Kernel) -> Callable[..., Calls]:
    """NEG and its kin."""

    def calls(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        return [Call(kernel, (x, y))] if x.dtype.kind == "i" else None

    return calls


def negations(plan: None, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """LOGICAL_NOT."""
    x, y = (_bits(a.reshape(-1)) for a in (inputs[0], outputs[0]))
    return [Call(kernels.bitwise_xor, (x, np.ones_like(x), y))]


def functions_of_stablehlo(plan: Any, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """STABLEHLO_ADD and its kin."""
    kernel = UFUNCS.get(plan)
    if kernel is None or not _is_integer(inputs[0]):
        return None
    arrays, calls = flat(constants, inputs, outputs)
    limits: tuple[int, ...] = ()
    if kernel in (kernels.add, kernels.multiply):
        limits = int(np.iinfo(inputs[0].dtype).min), int(np.iinfo(inputs[0].dtype).max)
    x1, x2, y = map(_bits, arrays)
    return [*calls, Call(kernel, (x1, x2, *limits, y))]


def casts(plan: cast.CastPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """CAST of integers and booleans."""
    x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
    if not _is_integer(x) or y.dtype.kind not in "iubf" or y.dtype == np.float16:
        return None
    return [Call(kernels.nonzero if y.dtype == bool else kernels.cast, (_bits(x), _bits(y)))]


def selections(plan: _select.SelectPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """SELECT and SELECT_V2, of elements of any type."""
    shape = np.broadcast_shapes(plan.condition_shape, inputs[1].shape, inputs[2].shape)
    condition = None if constants[0] is None else constants[0].reshape(plan.condition_shape)
    operands = [inputs[0].reshape(plan.condition_shape), *inputs[1:]]
    spreads = [spread(x, c, shape) for x, c in zip(operands, (condition, *constants[1:]))]
    bits = np.dtype(f"u{outputs[0].itemsize}")
    choice, *values = (x for x, _ in spreads)
    arrays = choice.view(np.uint8), *(v.view(bits) for v in (*values, outputs[0].reshape(-1)))
    return [*(call for _, calls in spreads for call in calls), Call(kernels.select, arrays)]


def reductions(kernel: Kernel) -> Callable[..., Calls]:
    """SUM of integers, REDUCE_ANY and REDUCE_ALL."""

    def calls(plan: ReducePlan | ExtremumPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        found = blocks_of(_bits(inputs[0]), plan.axes) if _is_integer(inputs[0]) else None
        if found is None:
            return None
        blocks, calls = found
        return [*calls, Call(kernel, (blocks, _bits(outputs[0]).reshape(len(blocks), -1)))]

    return calls


def sums(plan: ReducePlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """SUM of integers; of booleans whether any is true."""
    kernel = mean_kernels.greatest if inputs[0].dtype == bool else kernels.sum_axis
    return reductions(kernel)(plan, constants, inputs, outputs)


def places(plan: _arg_extremum.ArgPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """ARG_MAX and ARG_MIN of integers."""
    found = blocks_of(_bits(inputs[0]), (plan.axis,)) if _is_integer(inputs[0]) else None
    if found is None:
        return None
    blocks, calls = found
    kernel = kernels.first_greatest if plan.greatest else kernels.first_least
    return [*calls, Call(kernel, (blocks, outputs[0].reshape(len(blocks), -1)))]


def gathered(plan: gather.GatherPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """GATHER of elements of any type; positions that are constant tell what moves where."""
    (x, positions), (y,), first, axis = inputs, outputs, plan.batch_dims, plan.axis
    if constants[1] is not None and constants[0] is None:
        return moves(gather.gather, 0)(plan, constants, inputs, outputs)
    bits = np.dtype(f"u{y.itemsize}")
    sizes = math.prod(x.shape[:first]), math.prod(x.shape[first:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :])
    wanted = positions.reshape(sizes[0], -1)
    result = y.view(bits).reshape(sizes[0], sizes[1], wanted.shape[1], sizes[3])
    refused = functools.partial(gather.gather, x, positions, plan)
    table = x if constants[0] is None else np.array(x)  # of an array that is read alone numba would make another kernel
    return [Call(kernels.gather, (table.view(bits).reshape(sizes), wanted, result), refused)]


def embeddings(plan: embedding_lookup.EmbeddingPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """EMBEDDING_LOOKUP of rows as they are."""
    if plan.scale is not None:
        return None
    (positions, table), rows = inputs, gather.GatherPlan(0, 0, plan.name)
    return gathered(rows, (constants[1], constants[0]), (table, positions), outputs)


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    add.add: with_limits(kernels.add),
    sub.sub: with_limits(kernels.subtract),
    mul.mul: with_limits(kernels.multiply),
    logical_and.logical_and: of_two(kernels.bitwise_and),
    logical_or.logical_or: of_two(kernels.bitwise_or),
    bitwise_xor.bitwise_xor: of_two(kernels.bitwise_xor),
    logical_not.logical_not: negations,
    neg.negative: of_one(kernels.negative),
    abs.absolute: of_one(kernels.absolute),
    sign.sign: of_one(kernels.sign),
    _stablehlo.elementwise: functions_of_stablehlo,
    cast.cast: casts,
    _select.select: selections,
    sum.sum_integer: sums,
    reduce_any.reduce_any: reductions(mean_kernels.greatest),
    reduce_all.reduce_all: reductions(mean_kernels.least),
    _arg_extremum.arg_extremum: places,
    gather.gather: gathered,
    embedding_lookup.embedding_lookup: embeddings,
}
