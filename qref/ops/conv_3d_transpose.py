"""CONV_3D_TRANSPOSE: y = act(b + x spread by w) in float32, the gradient of CONV_3D with respect to its volume.

Layout   output shape [5] int32, w [KD, KH, KW, O, C], x [B, D, H, W, C], b [O] or absent -> y [B, OD, OH, OW, O] of that shape
Types    x, w, b, y float32
Source   TFLite, conv3d_transpose.cc; facts verified in tests/ops/test_conv_3d_transpose.py
"""

from __future__ import annotations

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._convolution import expect_rank, sequential_transposed_convolution, windows
from ._explain_float import explain_sequential
from ._explain_windows import taps_on_output, values
from ._matmul import check_bias, finish_float32
from .conv_3d import Conv3DPlan
from .node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    shape, w, x, b = node.input(0), node.input(1), node.input(2), node.input(3, optional=True)
    node.expect_type(shape, TensorType.INT32)
    for operand in (x, w, node.output()):
        node.expect_type(operand, TensorType.FLOAT32)
    expect_rank(node, x, "B", "D", "H", "W", "C")
    expect_rank(node, w, "KD", "KH", "KW", "O", "C")
    node.expect(x.shape[4] == w.shape[4], f"filter {w} has {w.shape[4]} input channels; {x} has {x.shape[4]}: expected as many")
    node.expect(
        shape.shape == (5,),
        f"output shape {shape} has shape {list(shape.shape)}; expected [5]: batch, depth, height, width, channels",
    )
    check_bias(node, b, w.shape[3], TensorType.FLOAT32, quantized=False)
    output_shape = tuple(shape.value.tolist())
    fits = output_shape[0] == x.shape[0] and output_shape[4] == w.shape[3]
    node.expect(
        fits,
        f"the output shape is {list(output_shape)}; expected batch {x.shape[0]} and {w.shape[3]} channels, as {x} and {w} have",
    )
    node.resize(0, output_shape)
    axes = windows(node, output_shape[1:4], w.shape[:3], ("d", "h", "w"))
    sizes = tuple(axis.output_size for axis in axes)
    node.expect(
        sizes == x.shape[1:4],
        f"CONV_3D of {list(output_shape)} has the size {list(sizes)}; expected that of {x}, {list(x.shape[1:4])}",
    )
    return Prepared(conv_3d_transpose, Conv3DPlan(axes, *activation_range_float32(node.activation)), explain)


def conv_3d_transpose(shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Conv3DPlan) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: products summed from 0 in ascending id, iy, ix, c, then the bias, then the clamp."""
    return finish_float32(sequential_transposed_convolution(x, np.moveaxis(w, 3, 0), plan.axes), b, plan.low, plan.high)


def explain(
    shape: np.ndarray, w: np.ndarray, x: np.ndarray, b: np.ndarray | None, plan: Conv3DPlan, element: tuple[int, ...]
) -> Explanation:
    """Explain y[element]."""
    batch, *position, channel = element
    taps = taps_on_output(plan.axes, position, descending=True)
    meetings = [((batch, *place, c), (*tap, channel, c)) for tap, place in taps for c in range(x.shape[-1])]
    return explain_sequential(values(x, w, meetings), b, plan, channel)
