"""Calls of the hybrid operators: float inputs to 8 bits, integer sums by tiles, and back to float.

The tiles read an input as q + offset, without its zero point, which is known only then; what the zero point adds to a sum, it
times the sum of the weights, is taken off at the end. Taps outside an image are the zero point, and so add nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from qref.arithmetic.fused import TINY
from qref.arithmetic.requantize import SingleRounding64
from qref.dispatch import tiles
from qref.dispatch.cut import Call
from qref.dispatch.tile_matmul import TileMatmul
from qref.dispatch.tiled import ConvolutionTiles, RowTiles, depthwise_tiles, tile_calls
from qref.dispatch.tiles import Constants
from qref.kernels import hybrid as kernels
from qref.kernels import strip
from qref.ops import conv_2d as conv
from qref.ops import depthwise_conv_2d as depthwise
from qref.ops import fully_connected as fc
from qref.ops._matmul import IntegerPlan, row_sums, sign_errors
from qref.ops.optimized import conv_2d as optimized_conv
from qref.ops.optimized import depthwise_conv_2d as optimized_depthwise
from qref.ops.xnnpack import conv_2d as xnnpack_conv
from qref.ops.xnnpack import fully_connected as xnnpack_fc
from qref.ops.xnnpack._dynamic import DynamicPlan

Arrays = Sequence[np.ndarray]
Calls = list[Call] | None


class Quantized:
    """Images or rows x [B, R, L] float32 that go to an image [B, R', L'] int8, and are multiplied there.

    corner   the row and the element of a row at which they begin
    product  gives the calls that write the sums y [M, N] int32 of the image's products
    """

    def __init__(
        self, x: np.ndarray, rule: int, image: np.ndarray, corner: tuple[int, int], y: np.ndarray, product: Callable[..., Calls]
    ):
        self.y, self.acc = y, np.empty(y.shape, np.int32)
        self.scale, self.zero_point = (np.empty((len(x), len(y) // len(x)), dtype) for dtype in (np.float32, np.int32))
        limits, found = np.empty((3, len(x)), np.float32), product(self.acc)
        assert found is not None
        self.before = [Call(kernels.quantize, (x, rule, *corner, limits, image, self.scale, self.zero_point)), *found]

    @classmethod
    def rows(cls, x: np.ndarray, w: np.ndarray, rule: int, y: np.ndarray) -> Quantized:
        """The rows x [M, K] with weights [N, K], to y [M, N]."""
        image, plan = np.empty(x.shape, np.int8), _sums(IntegerPlan, y.shape)
        constants = None, w, None
        return cls(
            x[:, None], rule, image[:, None], (0, 0), y, lambda acc: tile_calls(RowTiles.of, plan, constants, (image, w), [acc])
        )

    @classmethod
    def steps(cls, x: np.ndarray, w: np.ndarray, rule: int, y: np.ndarray) -> Quantized:
        """The same by the kernels that kernels/hybrid_matmul.py calls, whatever the number of rows."""
        form, image = tiles.Form.of(np.dtype(np.int8), 0, w), np.empty(x.shape, np.int8)
        rows, pixels, whole = form.image((1, 1, *x.shape)), np.arange(len(x)) * x.shape[1], np.zeros(1, np.int64)
        matmul = TileMatmul.of(form, pixels, whole, w.astype(np.int32)[:, None], None, _sums(IntegerPlan, y.shape))
        assert matmul is not None

        def product(acc: np.ndarray) -> Calls:
            return [Call(strip.copy, (image[None, None], form.offset, 0, 0, rows)), matmul.call(rows.reshape(-1), acc)]

        return cls(x[:, None], rule, image[:, None], (0, 0), y, product)

    @classmethod
    def images(cls, of: Callable[..., Any], x: np.ndarray, w: np.ndarray, plan: Any, rule: int, y: np.ndarray) -> Quantized:
        """The images x [B, H, W, C] by the tiles that `of` makes; plan: of CONV_2D or DEPTHWISE_CONV_2D, for sums."""
        rows, columns = plan.axes
        image = np.empty((len(x), rows.padded_size, columns.padded_size, x.shape[3]), np.int8)
        padded = replace(plan, axes=tuple(replace(a, image_size=a.padded_size, padding=0) for a in plan.axes))

        def product(acc: np.ndarray) -> Calls:
            return tile_calls(of, padded, (None, w, None), (image, w), [acc.reshape(y.shape)])

        lines, target = (a.reshape(len(x), a.shape[1], -1) for a in (x, image))
        return cls(lines, rule, target, (rows.padding, columns.padding * x.shape[3]), y.reshape(-1, y.shape[-1]), product)

    def calls(self, sums: np.ndarray, scales: Sequence[Any], bias: Any, limits: Sequence[Any]) -> list[Call]:
        """All of them, from x to y.

        sums    of the weights that the inputs of each channel meet
        scales  what is multiplied with, see scales_first and its kin
        limits  least and greatest, what stands for NaN, and what is flushed to zero
        """
        reals = [np.array(np.broadcast_to(np.float32(values), sums.shape)) for values in (*scales, bias)]
        of_rows = self.scale.reshape(-1), self.zero_point.reshape(-1)
        factors = sums.astype(np.int32), *reals
        return [*self.before, Call(kernels.to_float32, (self.acc, factors, *of_rows, np.array(limits, np.float32), self.y))]


def _sums(kind: type[IntegerPlan], shape: tuple[int, ...], *windows: Any) -> Any:
    """A plan of a matmul whose accumulators are its output."""
    return kind(0, 0, 0, SingleRounding64.of(np.ones(1)), 0, 0, 32, shape, np.dtype(np.int32), *windows)


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
        (x, w, b), (y,) = inputs, outputs
        wrong = rule == kernels.SYMMETRIC and conv.wrong_signs(w) is not None
        if not _is_constant(constants, inputs) or plan.groups > 1 or wrong:
            return None
        made = Quantized.images(ConvolutionTiles.of, x, w, _sums(conv.ConvPlan, y.shape, plan.axes, 1), rule, y)
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
        made = Quantized.images(ConvolutionTiles.of, x, w, _sums(conv.ConvPlan, y.shape, plan.axes, 1), kernels.XNNPACK, y)
    return _in_xnnpack(made, w, b, plan.common)


def channels(scales: Callable[[np.ndarray], tuple[Any, ...]]) -> Callable[..., Calls]:
    """DEPTHWISE_CONV_2D, the scales multiplied in that order."""

    def calls(plan: depthwise.HybridPlan, constants: Constants, inputs: Arrays, outputs: Arrays) -> Calls:
        x, w, b, y = inputs[0], inputs[1], (*inputs, None)[2], outputs[0]
        if not _is_constant(constants, inputs):
            return None
        product = _sums(depthwise.DepthwiseConvPlan, y.shape, plan.axes, plan.depth_multiplier)
        made = Quantized.images(depthwise_tiles, x, w, product, kernels.ASYMMETRIC, y)
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
