"""Whether a graph with batch B computes, sample by sample, the bytes that it computes with batch 1.

A tensor holds samples if it is an input of the graph or depends on one: of shape [1, ...] it becomes [B, ...]. An operator is
known to keep samples apart, and else the graph is said not to, if

    its function is among those below, which never mix elements of different samples, or only moves elements, which is tried;
    its plan is the same, but for the output's shape; so is where vector code ends and another rounding begins, or it never does;
    its constants are the same, but for the shape that RESHAPE is told; and it has no state.

Operands of elementwise functions that hold samples have all axes of the output, since a shorter one would be broadcast to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from qref.arithmetic.libm import cosf, expf, logf, sinf, tanhf
from qref.arithmetic.requantize import HalfUpFlatBlocks
from qref.dispatch import MOVEMENTS, POINTWISE
from qref.execution import Execution, Step
from qref.ops import (
    _extremum,
    _relu,
    _sum,
    _unary,
    abs,
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    dequantize,
    div,
    expand_dims,
    fully_connected,
    hard_swish,
    l2_normalization,
    leaky_relu,
    log_softmax,
    logistic,
    max_pool_2d,
    maximum,
    mean,
    minimum,
    mul,
    pack,
    quantize,
    reshape,
    resize_bilinear,
    softmax,
    split,
    squeeze,
    sub,
    sum,
    transpose_conv,
)
from qref.ops._movement import FIRST_NUMBER
from qref.ops.optimized import add as optimized_add
from qref.ops.optimized import conv_2d as optimized_conv_2d
from qref.ops.optimized import depthwise_conv_2d as optimized_depthwise_conv_2d
from qref.ops.optimized import dequantize as optimized_dequantize
from qref.ops.optimized import log_softmax as optimized_log_softmax
from qref.ops.optimized import mean as optimized_mean
from qref.ops.optimized import mul as optimized_mul
from qref.ops.optimized import quantize as optimized_quantize
from qref.ops.optimized import softmax as optimized_softmax
from qref.ops.xnnpack import _float as xnnpack_float
from qref.ops.xnnpack import _reduction, _vadd
from qref.ops.xnnpack import average_pool_2d as xnnpack_average_pool_2d
from qref.ops.xnnpack import conv_2d as xnnpack_conv_2d
from qref.ops.xnnpack import depthwise_conv_2d as xnnpack_depthwise_conv_2d
from qref.ops.xnnpack import fully_connected as xnnpack_fully_connected
from qref.ops.xnnpack import leaky_relu as xnnpack_leaky_relu
from qref.ops.xnnpack import max_pool_2d as xnnpack_max_pool_2d
from qref.ops.xnnpack import quantize as xnnpack_quantize
from qref.ops.xnnpack import softmax as xnnpack_softmax

Function = Callable[..., Any]

ELEMENTWISE: frozenset[Function] = frozenset(
    {
        *POINTWISE,
        _relu.clamp_float32,
        _sum.sum_quantized,
        _vadd.vadd,
        abs.absolute,
        add.add,
        dequantize.dequantize,
        div.div_float32,
        div.div_quantized,
        leaky_relu.leaky_relu_float32,
        maximum.maximum,
        minimum.minimum,
        mul.mul,
        mul.mul_quantized,
        optimized_add.sum_in_blocks,
        optimized_dequantize.dequantize_in_blocks,
        optimized_mul.mul_in_blocks,
        optimized_quantize.quantize_in_blocks,
        quantize.quantize,
        quantize.requantize,
        sub.sub,
        xnnpack_float.float_operands,
        xnnpack_leaky_relu.leaky_relu_float32,
        xnnpack_quantize.quantize,
    }
)
OF_ONE_NUMBER: frozenset[Function] = frozenset(  # others compute the last numbers of a tensor in another way
    {
        cosf,
        expf,
        hard_swish.hard_swish_float32,
        logf,
        logistic.logistic,
        np.ceil,
        np.floor,
        np.sqrt,
        np.square,
        sinf,
        tanhf,
    }
)
IN_ORDER: frozenset[Function] = frozenset({reshape.reshape, squeeze.squeeze, expand_dims.expand_dims})  # of memory
ALONG_LAST_AXIS: frozenset[Function] = frozenset(
    {
        l2_normalization.l2_normalization,
        l2_normalization.l2_normalization_float32,
        log_softmax.log_softmax,
        log_softmax.log_softmax_float32,
        optimized_log_softmax.log_softmax_by_table,
        optimized_softmax.softmax_by_table,
        softmax.softmax,
        softmax.softmax_float,
        softmax.softmax_int16,
        xnnpack_softmax.softmax_float32,
    }
)
BY_SAMPLE: frozenset[Function] = frozenset(  # windows of an image, rows of a matrix, means within a sample
    {
        _extremum.extremum,
        _reduction.sum_quantized,
        average_pool_2d.average_pool_2d,
        average_pool_2d.average_pool_2d_float32,
        conv_2d.conv_2d,
        conv_2d.conv_2d_float32,
        conv_2d.conv_2d_hybrid_per_channel,
        conv_2d.conv_2d_hybrid_per_tensor,
        depthwise_conv_2d.depthwise_conv_2d,
        depthwise_conv_2d.depthwise_conv_2d_float32,
        depthwise_conv_2d.depthwise_conv_2d_hybrid,
        fully_connected.fully_connected,
        fully_connected.fully_connected_float32,
        fully_connected.fully_connected_hybrid,
        max_pool_2d.max_pool_2d,
        mean.mean,
        mean.mean_float32,
        optimized_conv_2d.conv_2d_hybrid_per_channel,
        optimized_depthwise_conv_2d.depthwise_conv_2d_hybrid,
        optimized_mean.spatial_mean,
        resize_bilinear.resize_bilinear_integer,
        sum.sum_bytes,
        transpose_conv.transpose_conv,
        transpose_conv.transpose_conv_float32,
        xnnpack_average_pool_2d.average_pool_2d,
        xnnpack_conv_2d.conv_2d_dynamic,
        xnnpack_conv_2d.conv_2d_float32,
        xnnpack_depthwise_conv_2d.depthwise_conv_2d_float32,
        xnnpack_fully_connected.fully_connected_dynamic,
        xnnpack_fully_connected.fully_connected_float32,
        xnnpack_max_pool_2d.max_pool_2d_float32,
    }
)
JOINS = (concatenation.concatenation, pack.pack)  # of which every input may hold samples
IMAGE_LAST = (transpose_conv.transpose_conv, transpose_conv.transpose_conv_float32)  # behind the output's shape and the weights
IN_BLOCKS = ("in_blocks", "channels_in_blocks", "size")  # fields that count elements of the output which vector code computes


def held_samples(one: Execution, many: Execution, batch: int) -> frozenset[int] | None:
    """The tensors that hold samples, where `many`, with inputs of `batch` samples, gives what `one` gives for each; else None.

    Both are allocated; the shapes of the inputs of `many` are [batch, ...].
    """
    samples = set(one.subgraph.inputs)
    for first, second in zip(one.steps, many.steps, strict=True):
        if first.folded and second.folded:
            continue
        if not _is_same(first, second, samples):
            return None
        samples.update(operand.tensor.index for operand in first.node.outputs)
    for index in samples:
        shape = one.operands[index].known_shape
        if not shape or shape[0] != 1 or many.operands[index].known_shape != (batch, *shape[1:]):
            return None
    return frozenset(samples)


def _is_same(one: Step, many: Step, samples: set[int]) -> bool:
    a, b = one.prepared, many.prepared
    if a is None or b is None or one.unshaped or many.unshaped or one.folded or many.folded:
        return False
    if a.reference is not b.reference or a.updates or not a.pure:
        return False
    held = [operand is not None and operand.tensor.index in samples for operand in one.node.inputs]
    known = [c for c, h in zip(one.constants, held) if not h], [c for c, h in zip(many.constants, held) if not h]
    if a.reference in IN_ORDER:
        return held[0]
    if not any(held) or not all(c is not None or o is None or h for c, o, h in zip(one.constants, one.node.inputs, held)):
        return False
    if not all(x is y or (x is not None and y is not None and np.array_equal(x, y)) for x, y in zip(*known)):
        return False
    if a.reference in MOVEMENTS:
        rescaled = any(getattr(a.plan, "rescale", ())) or getattr(a.plan, "scale", None) is not None
        data = range(len(held)) if a.reference in JOINS else (1,) if a.reference is split.split else (0,)
        only_data = all(n in data for n, h in enumerate(held) if h)
        return only_data and not rescaled and _moves_within_samples(one, many, held)
    rank = len(one.node.output().shape)
    if a.reference is _unary.by_function:
        return a.plan.function in OF_ONE_NUMBER and a.plan == b.plan
    if a.reference in ELEMENTWISE:
        sizes = math.prod(one.node.output().shape), math.prod(many.node.output().shape)
        shapes = [(o.shape, h) for o, h in zip(one.node.inputs, held) if o is not None]
        fits = all(len(shape) == rank if h else len(shape) < rank or shape[0] == 1 for shape, h in shapes)
        return fits and _is_equal(a.plan, b.plan, sizes)
    if a.reference in ALONG_LAST_AXIS:
        return rank > 1 and _is_equal(a.plan, b.plan)
    x = 2 if a.reference in IMAGE_LAST else 0
    if a.reference is fully_connected.fully_connected_hybrid and _has_negative_zero(one.constants[2:]):
        return False  # it stays negative where the whole input is zero
    return a.reference in BY_SAMPLE and held[x] and held.count(True) == 1 and _is_equal(a.plan, b.plan)


def _has_negative_zero(constants: Sequence[np.ndarray | None]) -> bool:
    return any(c is not None and bool(np.any((c == 0) & np.signbit(c))) for c in constants)


def _moves_within_samples(one: Step, many: Step, held: list[bool]) -> bool:
    """Whether each sample of the outputs comes from the same places of that sample; tried with the places as elements."""
    sizes = np.array([0, *(0 if o is None else math.prod(o.shape) for o in one.node.inputs)])
    for single, several in zip(_places(one, held), _places(many, held)):
        if single.dtype != np.int64 or single.ndim == 0:
            return False
        source, place = np.divmod(np.maximum(single, 0), FIRST_NUMBER)
        number = np.arange(len(several)).reshape(-1, *[1] * (several.ndim - 1))
        if several.shape[1:] != single.shape[1:] or not np.array_equal(several, single + number * sizes[source]):
            return False
        if np.any(place[source > 0] >= sizes[source][source > 0]):
            return False
    return True


def _places(step: Step, held: list[bool]) -> list[np.ndarray]:
    """The outputs for inputs whose elements tell where they are: in input n - 1, n * FIRST_NUMBER and their place in memory."""
    inputs = [
        constant
        if not h or operand is None
        else (n + 1) * FIRST_NUMBER + np.arange(math.prod(operand.shape)).reshape(operand.shape)
        for n, (operand, constant, h) in enumerate(zip(step.node.inputs, step.constants, held))
    ]
    assert step.prepared is not None
    results = step.prepared.reference(*inputs, step.prepared.plan)
    return list(results) if isinstance(results, tuple) else [results]


def _is_equal(a: Any, b: Any, sizes: tuple[int, int] = (-1, -1)) -> bool:
    """Whether two plans are the same but for the output's shape; `sizes`: elements of outputs that may be all in blocks."""
    if isinstance(a, HalfUpFlatBlocks):
        return False  # the last elements of the whole tensor are rounded in another way
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(
            f.name == "output_shape"
            or _is_equal(getattr(a, f.name), getattr(b, f.name), sizes)
            or (f.name in IN_BLOCKS and (getattr(a, f.name), getattr(b, f.name)) == sizes)
            for f in fields(a)
        )
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(_is_equal(x, y, sizes) for x, y in zip(a, b))
    return bool(a == b)
