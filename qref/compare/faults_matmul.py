"""What goes wrong in the matmul family: accumulators, biases, padding, and data read in another layout than it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.fixed_point import wrap_int32
from qref.compare.case import Case, Hypotheses, matmul_operands, role
from qref.compare.faults_rounding import effective_scales, has_accumulator
from qref.ops._convolution import Axis
from qref.ops._matmul import requantize_accumulator

Reorder = Callable[..., np.ndarray]


def accumulators(case: Case) -> Hypotheses:
    """Biases and accumulators: missing, narrow, or brought to the output's scale in another order."""
    if not has_accumulator(case):
        return
    plan = case.plan
    acc = case.prepared.accumulate(*case.inputs, plan)  # type: ignore[misc]

    def finish(changed: np.ndarray) -> np.ndarray:
        return requantize_accumulator(changed, plan)

    for bits in (16,) if plan.acc_bits == 32 else (16, 32):
        half = 2 ** (bits - 1)
        yield f"an accumulator of {bits} bits that wraps", lambda n=bits: finish(_wrap(acc, n))
        yield f"an accumulator of {bits} bits that saturates", lambda h=half: finish(np.clip(acc, -h, h - 1))
    position = matmul_operands(case)[0] // 2 + 2
    bias = case.inputs[position] if position < len(case.inputs) else None
    if bias is None:
        return
    b = bias.reshape(-1).astype(np.int64)
    yield "the bias missing", lambda: finish(acc - b)
    yield "the bias added twice", lambda: finish(acc + b)
    yield "the bias requantized on its own", lambda: _add(plan, _scaled(acc - b, plan), _scaled(b, plan))
    yield "the bias added after the requantization", lambda: _add(plan, _scaled(acc - b, plan), b)
    for bits in (8, 16):
        half = 2 ** (bits - 1)
        yield f"a bias of {bits} bits that wraps", lambda n=bits: finish(acc - b + _wrap(b, n))
        yield f"a bias of {bits} bits that saturates", lambda h=half: finish(acc - b + np.clip(b, -h, h - 1))
    scales = effective_scales(case)[0][1]
    if scales.size > 1:
        ratio = scales / scales[0]
        yield "a bias in units of the first channel's scale", lambda: finish(acc - b + np.rint(b / ratio).astype(np.int64))


def _wrap(x: np.ndarray, bits: int) -> np.ndarray:
    half = 2 ** (bits - 1)
    return (x + half) % (2 * half) - half


def _scaled(acc: np.ndarray, plan: Any) -> np.ndarray:
    """The rounded product alone, int64."""
    return plan.requantize(np.broadcast_to(acc, plan.output_shape))


def _add(plan: Any, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    y = wrap_int32(first + second + plan.output_offset)
    return np.clip(y, plan.output_activation_min, plan.output_activation_max).astype(plan.output_dtype)


def padding(case: Case) -> Hypotheses:
    """Convolutions that pad with other values, or on another side."""
    if not (has_accumulator(case) and case.node.operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D")):
        return
    axes, x = case.plan.axes, case.inputs[0]
    after = tuple(_padding_after(axis) for axis in axes)
    if any(axis.padding for axis in axes) or any(after):
        widths = ((0, 0), *((axis.padding, behind) for axis, behind in zip(axes, after)), (0, 0))
        whole = tuple(replace(a, image_size=a.image_size + a.padding + behind, padding=0) for a, behind in zip(axes, after))
        limits = np.iinfo(x.dtype)  # type: ignore[union-attr]
        for value, words in ((0, "0 instead of the zero point"), (limits.min, f"{limits.min} instead of the zero point")):
            yield f"padding with {words}", lambda v=value: _padded(case, widths, v, whole)
    if after != tuple(axis.padding for axis in axes):
        other = tuple(replace(axis, padding=behind) for axis, behind in zip(axes, after))
        yield "the odd row and column of padding on the other side", lambda: case.with_plan(axes=other)


def _padded(case: Case, widths: Any, value: int, axes: tuple[Axis, ...]) -> Any:
    arrays = [np.pad(case.inputs[0], widths, constant_values=value), *case.inputs[1:]]  # type: ignore[arg-type]
    return case.prepared.reference(*arrays, replace(case.plan, axes=axes))


def _padding_after(axis: Axis) -> int:
    reach = (axis.filter_size - 1) * axis.dilation + 1
    return max(0, (axis.output_size - 1) * axis.stride + reach - axis.image_size - axis.padding)


def layouts(case: Case) -> Hypotheses:
    """Inputs, weights and outputs whose bytes are taken in another order of axes."""
    _, weights = matmul_operands(case)
    for position, array in enumerate(case.inputs):
        if array is None:
            continue
        is_filter = position == weights and case.prepared.accumulate is not None
        for words, reorder in _orders(array, is_filter=is_filter):
            yield (
                f"{role(case, position)} {words}",
                lambda p=position, a=array, r=reorder: case.with_input(p, np.ascontiguousarray(r(a))),
            )
    (y, *_) = case.node.outputs
    if y.known_shape is not None and len(y.known_shape) == 4:
        for words, reorder in _orders(np.empty(y.known_shape, np.int8), is_filter=False):
            yield f"the output {words}", lambda r=reorder: tuple(r(out) for out in case.of_node(case.evaluate()))


def _orders(array: np.ndarray, *, is_filter: bool) -> Iterator[tuple[str, Reorder]]:
    """Names of other orders, and what brings an array into each."""
    if array.ndim == 2 and is_filter:
        yield "stored as [I, O] instead of [O, I]", lambda a: a.reshape(a.shape[::-1]).T
        yield "transposed: read as [I, O], stored as [O, I]", lambda a: a.T.reshape(a.shape)
    if array.ndim != 4:
        return
    if min(array.shape[1:3]) > 1:
        yield "with height and width swapped", lambda a: a.transpose(0, 2, 1, 3).reshape(a.shape)
    for words, order in ORDERS_OF_FILTERS if is_filter else ORDERS_OF_IMAGES:
        stored = tuple(array.shape[axis] for axis in order)
        yield f"stored as {words}", lambda a, s=stored, o=order: a.reshape(s).transpose(np.argsort(o))
        yield f"read as {words}", lambda a, o=order: a.transpose(o).reshape(a.shape)
    if is_filter and max(array.shape[1:3]) > 1:
        yield "turned by 180 degrees: a convolution instead of a correlation", lambda a: a[:, ::-1, ::-1]


ORDERS_OF_IMAGES = (("NCHW instead of NHWC", (0, 3, 1, 2)),)
ORDERS_OF_FILTERS = (("HWIO instead of OHWI", (1, 2, 3, 0)), ("OIHW instead of OHWI", (0, 3, 1, 2)))
