"""Binders of CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV: weights packed once, windows as plain integers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.dispatch.requantize import bind_requantize
from qref.dispatch.tiled import ConvolutionTiles, bind_tiles, depthwise_tiles
from qref.dispatch.tiles import Constants, Run
from qref.kernels import conv_2d as conv_kernels
from qref.kernels import depthwise_conv_2d as depthwise_kernels
from qref.kernels import matmul as core
from qref.kernels import transpose_conv as transpose_kernels
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import transpose_conv as transpose
from qref.ops._convolution import Axis
from qref.ops._matmul import IntegerPlan

INT32_MAX = 2**31 - 1


def geometry(axes: Sequence[Axis]) -> tuple[tuple[int, ...], ...]:
    """The axes as the kernels take them."""
    return tuple((a.image_size, a.filter_size, a.output_size, a.stride, a.dilation, a.padding) for a in axes)


def once(pack: Callable[[np.ndarray], Any], constant: np.ndarray | None) -> Callable[[np.ndarray], Any]:
    """`pack`, called once, at the first inference, where the weights are constant, else at every inference."""
    if constant is None:
        return pack
    packed = functools.cache(lambda: pack(constant))
    return lambda _: packed()


def centred(x: np.ndarray, offset: int) -> np.ndarray:
    """Integers of 8 or 16 bits with their zero point taken off, contiguous, in int16."""
    return np.add(x, np.int16(offset), dtype=np.int16, casting="unsafe") if offset else np.ascontiguousarray(x, np.int16)


def block_of(x: np.dtype, w: np.ndarray) -> int:
    """How many products of values of that type with packed weights surely have a sum within int32."""
    greatest = max(1, int(np.abs(w.astype(np.int64)).max(initial=0)))
    return max(1, INT32_MAX // (-int(np.iinfo(x).min) * greatest))


def starts(b: np.ndarray | None, channels: int, acc_bits: int) -> np.ndarray:
    """The bias as accumulators start with it."""
    dtype = np.int32 if acc_bits == 32 else np.int64
    return np.zeros(channels, dtype) if b is None else np.array(b.reshape(-1), dtype)


def bind_finish(plan: IntegerPlan) -> Callable[[np.ndarray], np.ndarray]:
    """From accumulators [..., C] to the output in its shape."""
    finish = bind_requantize(plan.requantize, plan.output_offset, plan.output_activation_min, plan.output_activation_max)
    return lambda acc: finish(acc, plan.output_dtype).reshape(plan.output_shape)


def convolve(x: np.ndarray, w: np.ndarray, start: np.ndarray, axes: Sequence[Axis], groups: int) -> np.ndarray:
    """Accumulators [B, OH, OW, O] of centred x and packed w [O, KH * KW * C]."""
    shape = (len(x), *(axis.output_size for axis in axes), len(w))
    acc = np.empty((shape[0] * shape[1] * shape[2], len(w)), start.dtype)
    if acc.size and start.dtype == np.int32:
        conv_kernels.convolve(x, w, start, geometry(axes), groups, acc)
    elif acc.size:
        conv_kernels.convolve_64(x, w, start, geometry(axes), groups, block_of(np.dtype(np.int16), w), acc)
    return acc.reshape(shape)


def bind_conv_2d(plan: conv.ConvPlan, constants: Constants) -> Run:
    """CONV_2D on integers: by tiles where accumulators have 32 bits and there are no groups, else from gathered rows."""
    finish = bind_finish(plan)
    packed = once(lambda w: rows_of(w.astype(np.int16) + np.int16(plan.filter_offset)), constants[1])

    @np.errstate(all="ignore")
    def gathered(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        start = starts(b, len(w), plan.acc_bits)
        return finish(convolve(centred(x, plan.input_offset), packed(w), start, plan.axes, plan.groups))

    if plan.acc_bits != 32 or plan.groups != 1:
        return gathered
    return bind_tiles(lambda x, w, b: ConvolutionTiles.of(x, w, b, plan), constants, gathered)


def bind_conv_2d_float32(plan: conv.Float32Plan, constants: Constants) -> Run:
    """CONV_2D in float32, output channels innermost."""

    def pack(w: np.ndarray) -> np.ndarray:
        grouped = w.reshape(plan.groups, len(w) // plan.groups, *w.shape[1:])
        return np.array(np.moveaxis(grouped, 1, -1), order="C")

    packed = once(pack, constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        y = np.empty(plan.output_shape, np.float32)
        if y.size:
            rows = y.reshape(-1, len(w))
            bias = np.array(b.reshape(-1))
            conv_kernels.convolve_float32(
                np.ascontiguousarray(x), packed(w), bias, geometry(plan.axes), plan.low, plan.high, rows
            )
        return y

    return run


def rows_of(w: np.ndarray) -> np.ndarray:
    """Weights [O, KH, KW, C] packed as [O, KH * KW * C]."""
    return core.pack(w.reshape(len(w), w[0].size))


def bind_conv_2d_hybrid_per_tensor(plan: conv.HybridPlan, constants: Constants) -> Run:
    """CONV_2D on float32 images quantized on the fly, one scale for all weights."""

    def pack(w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        wrong = conv.wrong_signs(w)
        return rows_of(w), None if wrong is None else rows_of(wrong)

    packed = once(pack, constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        q, scale = conv.quantize_images_symmetric(x)
        (weights, wrong), start = packed(w), starts(None, len(w), 32)
        acc = convolve(q, weights, start, plan.axes, plan.groups)
        if wrong is not None:
            acc += 256 * convolve(np.minimum(q, 0), wrong, start, plan.axes, plan.groups)
        return conv.finish_hybrid_per_tensor(acc, scale, b, plan)

    return run


def bind_conv_2d_hybrid_per_channel(plan: conv.HybridPlan, constants: Constants) -> Run:
    """CONV_2D on float32 images quantized on the fly, a scale for each output channel."""
    packed = once(rows_of, constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        q, scale = conv.quantize_images_asymmetric(x)
        acc = convolve(q, packed(w), starts(None, len(w), 32), plan.axes, plan.groups)
        return conv.finish_hybrid_per_channel(acc, scale, b, plan)

    return run


def depthwise_convolve(x: np.ndarray, w: np.ndarray, start: np.ndarray, axes: Sequence[Axis], multiplier: int) -> np.ndarray:
    """Accumulators [B, OH, OW, C * M] of centred x and w [KH, KW, C * M] int16."""
    shape = (len(x), *(axis.output_size for axis in axes), w.shape[2])
    acc = np.empty((shape[0] * shape[1] * shape[2], w.shape[2]), start.dtype)
    if acc.size:
        depthwise_kernels.convolve(unroll(x, multiplier), w, start, geometry(axes), acc)
    return acc.reshape(shape)


def unroll(x: np.ndarray, multiplier: int) -> np.ndarray:
    """Every channel `multiplier` times in a row."""
    return np.repeat(x, multiplier, axis=-1) if multiplier > 1 else np.ascontiguousarray(x)


def bind_depthwise_conv_2d(plan: depthwise.DepthwiseConvPlan, constants: Constants) -> Run:
    """DEPTHWISE_CONV_2D on integers: by tiles where accumulators have 32 bits."""
    finish = bind_finish(plan)
    packed = once(lambda w: w[0].astype(np.int16) + np.int16(plan.filter_offset), constants[1])

    @np.errstate(all="ignore")
    def plain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        start = starts(b, w.shape[3], plan.acc_bits)
        return finish(depthwise_convolve(centred(x, plan.input_offset), packed(w), start, plan.axes, plan.depth_multiplier))

    return plain if plan.acc_bits != 32 else bind_tiles(lambda x, w, b: depthwise_tiles(x, w, b, plan), constants, plain)


def bind_depthwise_conv_2d_float32(plan: depthwise.Float32Plan, constants: Constants) -> Run:
    """DEPTHWISE_CONV_2D in float32."""
    packed = once(lambda w: np.array(w[0]), constants[1])

    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        y = np.empty(plan.output_shape, np.float32)
        bias = np.zeros(w.shape[3], np.float32) if b is None else np.array(b)
        if y.size:
            inputs, rows = unroll(x, plan.depth_multiplier), y.reshape(-1, w.shape[3])
            depthwise_kernels.convolve_float32(inputs, packed(w), bias, geometry(plan.axes), plan.low, plan.high, rows)
        return y

    return run


def bind_depthwise_conv_2d_hybrid(plan: depthwise.HybridPlan, constants: Constants) -> Run:
    """DEPTHWISE_CONV_2D on float32 images quantized on the fly."""
    packed = once(lambda w: w[0].astype(np.int16), constants[1])

    @np.errstate(all="ignore")
    def run(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        q, scale = conv.quantize_images_asymmetric(x)
        acc = depthwise_convolve(q, packed(w), starts(None, w.shape[3], 32), plan.axes, plan.depth_multiplier)
        return depthwise.finish_hybrid(acc, scale, b, plan)

    return run


def bind_transpose_conv(plan: transpose.TransposeConvPlan, constants: Constants) -> Run:
    """TRANSPOSE_CONV on integers: rows of the weights are one tap of one output channel."""
    finish = bind_finish(plan)

    def pack(w: np.ndarray) -> np.ndarray:
        return core.pack((np.moveaxis(w, 0, 2).astype(np.int16) + np.int16(plan.filter_offset)).reshape(-1, w.shape[3]))

    packed = once(pack, constants[1])

    @np.errstate(all="ignore")
    def run(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        acc = np.array(np.broadcast_to(starts(b, len(w), plan.acc_bits), plan.output_shape))
        inputs, weights = centred(x, plan.input_offset), packed(w)
        if acc.size and plan.acc_bits == 32:
            transpose_kernels.convolve(inputs, weights, geometry(plan.axes), acc)
        elif acc.size:
            transpose_kernels.convolve_64(inputs, weights, geometry(plan.axes), block_of(inputs.dtype, weights), acc)
        return finish(acc)

    return run


def bind_transpose_conv_float32(plan: transpose.Float32Plan, constants: Constants) -> Run:
    """TRANSPOSE_CONV in float32."""
    packed = once(lambda w: np.array(np.moveaxis(w, 0, 3), order="C"), constants[1])

    def run(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        y = np.zeros((len(x), *(axis.image_size for axis in plan.axes), len(w)), np.float32)
        bias = np.zeros(len(w), np.float32) if b is None else np.array(b.reshape(-1))
        if y.size:
            transpose_kernels.convolve_float32(
                np.ascontiguousarray(x), packed(w), bias, geometry(plan.axes), plan.low, plan.high, y
            )
        return y

    return run


BINDERS: dict[Callable[..., Any], Callable[..., Any]] = {
    conv.conv_2d: bind_conv_2d,
    conv.conv_2d_float32: bind_conv_2d_float32,
    conv.conv_2d_hybrid_per_tensor: bind_conv_2d_hybrid_per_tensor,
    conv.conv_2d_hybrid_per_channel: bind_conv_2d_hybrid_per_channel,
    depthwise.depthwise_conv_2d: bind_depthwise_conv_2d,
    depthwise.depthwise_conv_2d_float32: bind_depthwise_conv_2d_float32,
    depthwise.depthwise_conv_2d_hybrid: bind_depthwise_conv_2d_hybrid,
    transpose.transpose_conv: bind_transpose_conv,
    transpose.transpose_conv_float32: bind_transpose_conv_float32,
}
