"""Calls of the hybrid operators: float inputs to 8 bits, integer sums by tiles, and back to float.

The tiles read an input as q + offset, without its zero point, which is known only then; what the zero point adds to a sum, it
times the sum of the weights, is taken off at the end. Taps outside an image are the zero point, and so add nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qref.arithmetic.fused import TINY
from qref.arithmetic.requantize import Float32HalfEven
from qref.dispatch.program import Call
from qref.dispatch.tiled import ConvolutionTiles, DepthwiseTiles, RowTiles
from qref.dispatch.tiles import Constants
from qref.kernels import hybrid as kernels
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops._convolution import Axis
from qref.ops._matmul import IntegerPlan, row_sums, sign_errors
from qref.ops.optimized import conv_2d as optimized_conv
from qref.ops.optimized import depthwise_conv_2d as optimized_depthwise
from qref.ops.xnnpack import conv_2d as xnnpack_conv
from qref.ops.xnnpack import fully_connected as xnnpack_fc
from qref.ops.xnnpack._dynamic import DynamicPlan

Arrays = Sequence[np.ndarray]
Calls = list[Call] | None
Tiles = ConvolutionTiles | DepthwiseTiles | RowTiles
AXES: dict[type, type] = {ConvolutionTiles: conv.ConvPlan, DepthwiseTiles: depthwise.DepthwiseConvPlan}


class Quantized:
    """Images or rows x [B, R, L] that meet constant weights by tiles, in the form that kernels.quantize gives them.

    image   where they go, [B, R', ...], and at which row and element of a row they begin, `corner`
    matmul  the call that reads the image
    """

    def __init__(self, tiles: Tiles, x: np.ndarray, rule: int, image: np.ndarray, corner: tuple[int, int], matmul: Call):
        rows = matmul.arguments[-1].shape[0] // len(x)
        self.scale, self.zero_point = np.empty((len(x), rows), np.float32), np.empty((len(x), rows), np.int32)
        self.tiles, self.matmul = tiles, matmul
        target = image.reshape(len(x), -1, math.prod(image.shape[2:]))
        limits = np.empty((3, len(x)), np.float32)
        into = (limits, target, self.scale, self.zero_point)
        self.before = [Call(kernels.quantize, (x, rule, tiles.form.offset, *corner, *into))]

    @classmethod
    def rows(cls, x: np.ndarray, w: np.ndarray, rule: int, y: np.ndarray) -> Quantized:
        """The rows x [M, K] with weights [N, K]."""
        tiles = RowTiles.of(np.empty(x.shape, np.int8), w, None, _accumulators(IntegerPlan, (len(x), len(w))))
        assert tiles is not None
        image = tiles.rows.reshape(len(x), 1, -1)
        return cls(tiles, x[:, None], rule, image, (0, 0), tiles.calls(x, y)[-1])

    @classmethod
    def images(
        cls,
        kind: type[ConvolutionTiles | DepthwiseTiles],
        x: np.ndarray,
        w: np.ndarray,
        axes: Sequence[Axis],
        multiplier: int,
        rule: int,
        y: np.ndarray,
    ) -> Quantized:
        """The images x [B, H, W, C] under windows of weights; multiplier: how often a DEPTHWISE_CONV_2D takes each channel."""
        tiles = kind.of(np.empty(x.shape, np.int8), w, None, _accumulators(AXES[kind], y.shape, tuple(axes), multiplier))
        assert tiles is not None
        matmul, images, (top, left) = tiles.calls(x, y)[-1], x.reshape(len(x), x.shape[1], -1), (axis.padding for axis in axes)
        if multiplier == 1:
            return cls(tiles, images, rule, tiles.image, (top, left * x.shape[3]), matmul)
        once = np.empty(x.shape, tiles.image.dtype)
        made = cls(tiles, images, rule, once, (0, 0), matmul)
        arguments = once, made.zero_point, tiles.form.offset, multiplier, top, left, tiles.image
        made.before.append(Call(kernels.repeat, arguments))
        return made

    def calls(self, sums: np.ndarray, scales: Sequence[Any], bias: Any, output: Sequence[Any]) -> list[Call]:
        """All of them, from x to y.

        sums    of the weights that the inputs of each channel meet
        scales  what is multiplied with, see scales_first and its kin
        output  limits, what stands for NaN, and what is flushed to zero
        """
        (start, scale), matmul = self.tiles.channels, self.matmul

        def table(values: Any, dtype: type) -> np.ndarray:
            each: np.ndarray = np.zeros(len(scale), dtype)
            each[: len(sums)] = values
            return each

        reals = (table(values, np.float32) for values in (*scales, bias))
        of_rows = self.scale.reshape(-1), self.zero_point.reshape(-1)
        channels = start, table(sums, np.int32), *reals, *of_rows
        changed = {id(self.tiles.channels): channels, id(self.tiles.output): np.array(output, np.float32)}
        return [*self.before, Call(matmul.kernel, tuple(changed.get(id(a), a) for a in matmul.arguments))]


def _accumulators(kind: type[IntegerPlan], shape: tuple[int, ...], *windows: Any) -> Any:
    """A plan of a matmul; its rule gives way to what brings sums to float32."""
    return kind(0, 0, 0, Float32HalfEven(np.ones(1, np.float32)), 0, 0, 32, shape, np.dtype(np.float32), *windows)


def scales_first(f: np.ndarray) -> tuple[Any, ...]:
    """Sums times the product of both scales."""
    return 1, f, 1, 1


def filter_first(f: np.ndarray) -> tuple[Any, ...]:
    """Sums times the filter's scale, then times the input's."""
    return f, 1, 1, 1


def filter_first_in_blocks(f: np.ndarray) -> tuple[Any, ...]:
    """The same in whole blocks of channels; in those left over the input's scale comes first."""
    blocked = np.arange(f.size) < f.size // optimized_depthwise.HYBRID_BLOCK * optimized_depthwise.HYBRID_BLOCK
    return np.where(blocked, f, 1), 1, np.where(blocked, 1, f), 1


def fused(f: np.ndarray) -> tuple[Any, ...]:
    """Sums times the input's scale; that times the filter's plus the bias in one rounding."""
    return 1, 1, 1, f


def _is_constant(constants: Constants, inputs: Arrays) -> bool:
    """Whether weights and bias are constant, and nothing is empty."""
    known = all(c is not None or i is None for c, i in zip(constants[1:], inputs[1:]))
    return known and inputs[0].size > 0 and inputs[1].size > 0


def rows(plan: fc.HybridPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """FULLY_CONNECTED; None for weights that LiteRT takes the wrong way."""
    x, w, b, y = inputs[0], inputs[1].view(np.int8), (*inputs, None)[2], outputs[0]
    if not _is_constant(constants, inputs) or sign_errors(w).any():
        return None
    x, y = fc.rows_of(x, w), y.reshape(-1, len(w))
    bias = np.zeros(len(w), np.float32) if b is None else b.reshape(-1)
    made = Quantized.rows(x, w, kernels.ASYMMETRIC if plan.asymmetric else kernels.SYMMETRIC, y)
    for_nan = np.nan if np.isinf(plan.low) else plan.low
    return [
        *made.calls(row_sums(w), scales_first(plan.filter_scale), bias, (plan.low, plan.high, for_nan, 0)),
        Call(kernels.bias_for_zeros, (x.reshape(1, -1), bias, plan.low, plan.high, y)),
    ]


def rows_in_xnnpack(plan: DynamicPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """FULLY_CONNECTED of XNNPACK."""
    x, w, b = inputs[0], inputs[1], (*inputs, None)[2]
    if not _is_constant(constants, inputs):
        return None
    made = Quantized.rows(fc.rows_of(x, w), w, kernels.XNNPACK, outputs[0].reshape(-1, len(w)))
    return _in_xnnpack(made, w, b, plan)


def _in_xnnpack(made: Quantized, w: np.ndarray, b: np.ndarray | None, plan: DynamicPlan) -> list[Call]:
    sums, bias = w.sum(axis=tuple(range(1, w.ndim)), dtype=np.int64), 0 if b is None else b.reshape(-1)
    return made.calls(sums, fused(plan.filter_scale), bias, (plan.low, plan.high, plan.low, TINY))


def images(scales: Callable[[np.ndarray], tuple[Any, ...]], rule: int) -> Callable[..., Calls]:
    """CONV_2D without groups, the scales multiplied in that order; None for weights that LiteRT takes the wrong way."""

    def calls(plan: conv.HybridPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, w, b = inputs
        wrong = rule == kernels.SYMMETRIC and conv.wrong_signs(w) is not None
        if not _is_constant(constants, inputs) or plan.groups > 1 or wrong:
            return None
        made = Quantized.images(ConvolutionTiles, x, w, plan.axes, 1, rule, outputs[0])
        sums = w.sum(axis=(1, 2, 3), dtype=np.int64)
        return made.calls(sums, scales(plan.filter_scale), b.reshape(-1), (plan.low, plan.high, np.nan, 0))

    return calls


def images_in_xnnpack(plan: xnnpack_conv.ConvDynamicPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
    """CONV_2D of XNNPACK without groups."""
    (x, w, b), y = inputs, outputs[0]
    if not _is_constant(constants, inputs) or plan.groups > 1:
        return None
    if plan.by_pixel:
        made = Quantized.rows(x.reshape(-1, x.shape[3]), w.reshape(len(w), -1), kernels.XNNPACK, y.reshape(-1, len(w)))
    else:
        made = Quantized.images(ConvolutionTiles, x, w, plan.axes, 1, kernels.XNNPACK, y)
    return _in_xnnpack(made, w, b, plan.common)


def channels(scales: Callable[[np.ndarray], tuple[Any, ...]]) -> Callable[..., Calls]:
    """DEPTHWISE_CONV_2D, the scales multiplied in that order."""

    def calls(plan: depthwise.HybridPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, w, b = inputs[0], inputs[1], (*inputs, None)[2]
        if not _is_constant(constants, inputs):
            return None
        made = Quantized.images(DepthwiseTiles, x, w, plan.axes, plan.depth_multiplier, kernels.ASYMMETRIC, outputs[0])
        bias = np.float32(-0.0) if b is None else b  # -0 changes no sum
        sums = w.sum(axis=(0, 1, 2), dtype=np.int64)
        return made.calls(sums, scales(plan.filter_scale), bias, (plan.low, plan.high, np.nan, 0))

    return calls


CALLS: dict[Callable[..., Any], Callable[..., Calls]] = {
    fc.fully_connected_hybrid: rows,
    xnnpack_fc.fully_connected_dynamic: rows_in_xnnpack,
    conv.conv_2d_hybrid_per_tensor: images(scales_first, kernels.SYMMETRIC),
    conv.conv_2d_hybrid_per_channel: images(filter_first, kernels.ASYMMETRIC),
    optimized_conv.conv_2d_hybrid_per_channel: images(scales_first, kernels.ASYMMETRIC),
    xnnpack_conv.conv_2d_dynamic: images_in_xnnpack,
    depthwise.depthwise_conv_2d_hybrid: channels(scales_first),
    optimized_depthwise.depthwise_conv_2d_hybrid: channels(filter_first_in_blocks),
}
