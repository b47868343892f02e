"""CONV_3D: y = act(x * w + b) in float32, the filter slid over a volume.

Layout   x [B, D, H, W, C], w [KD, KH, KW, C, O], b [O] or absent -> y [B, OD, OH, OW, O]
Types    x, w, b, y float32
Source   TFLite, conv3d.cc; facts verified in tests/ops/test_conv_3d.py
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.activation import activation_range_float32
from qref.arithmetic.explanation import Explanation
from qref.schema.enums import TensorType

from ._convolution import Axis, expect_rank, resize_to_windows, sequential_convolution, windows
from ._explain_float import explain_sequential
from ._explain_windows import Meeting, taps_on_image, values
from ._matmul import check_bias, finish_float32
from .node import Node, Prepared


@dataclass(frozen=True, slots=True)
class Conv3DPlan:
    """Windows and limits."""

    axes: tuple[Axis, ...]  # depth, height, width
    low: np.float32
    high: np.float32


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, w, b = node.input(0), node.input(1), node.input(2, optional=True)
    for operand in (x, w, node.output()):
        node.expect_type(operand, TensorType.FLOAT32)
    expect_rank(node, x, "B", "D", "H", "W", "C")
    expect_rank(node, w, "KD", "KH", "KW", "C", "O")
    node.expect(x.shape[4] == w.shape[3], f"filter {w} has {w.shape[3]} input channels; {x} has {x.shape[4]}: expected as many")
    node.expect(
        min(*x.shape[1:], *w.shape) > 0, f"{x} has shape {list(x.shape)} and {w} {list(w.shape)}; expected no empty dimensions"
    )
    check_bias(node, b, w.shape[4], TensorType.FLOAT32, quantized=False)
    axes = windows(node, x.shape[1:4], w.shape[:3], ("d", "h", "w"))
    resize_to_windows(node, x.shape[0], axes, w.shape[4])
    return Prepared(conv_3d, Conv3DPlan(axes, *activation_range_float32(node.activation)), explain)


def conv_3d(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Conv3DPlan) -> np.ndarray:
    """Return y [B, OD, OH, OW, O]: products summed from 0 over kd, ky, kx, c in that order, then the bias, then the clamp."""
    return finish_float32(sequential_convolution(x, np.moveaxis(w, 4, 0), plan.axes), b, plan.low, plan.high)


def explain(x: np.ndarray, w: np.ndarray, b: np.ndarray | None, plan: Conv3DPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    return explain_sequential(values(x, w, meetings(x, plan, element)), b, plan, element[-1])


def meetings(x: np.ndarray, plan: Conv3DPlan, element: tuple[int, ...]) -> list[Meeting]:
    """Where in x and in w the values stand that meet at an element of the output."""
    batch, *position, channel = element
    taps = taps_on_image(plan.axes, position)
    return [((batch, *place, c), (*tap, c, channel)) for tap, place in taps for c in range(x.shape[-1])]
