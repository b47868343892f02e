"""CONCATENATION: several tensors side by side along one axis.

Layout   x_k [..., n_k, ...] -> y [..., sum of n_k, ...]
Types    float32, float16, int8, uint8, int16, int32, int64, uint32 or bool; all alike
Scales   int8: all x as y; int16: zero point 0; uint8: where they differ, x_k is rescaled in float32:
         y = trunc(round(q * scale + bias)) + zp_y      scale = s_k * (1 / s_y), bias = -zp_k * scale
Source   facts verified in tests/ops/test_movement.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import cast_int32, round_half_away, wrap_int32
from qref.schema.enums import TensorType

from ._explain import explain_output_of_type, rounded_to_int32
from ._movement import QUANTIZED, axis_of, copied, expect_same_parameters, explain_source, parameters, source_of
from .node import Node, Operand, Prepared

TYPES = (
    *QUANTIZED,
    TensorType.FLOAT32,
    TensorType.FLOAT16,
    TensorType.INT32,
    TensorType.INT64,
    TensorType.UINT32,
    TensorType.BOOL,
)


@dataclass(frozen=True, slots=True)
class ConcatenationPlan:
    """The axis and, for each input, how it is rescaled: (scale, bias) float32, or None for a copy."""

    axis: int
    rescale: tuple[tuple[np.float32, np.float32] | None, ...]
    output_offset: int  # +zero_point(y), LSB; used where an input is rescaled


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    first, y = node.input(0), node.output()
    inputs = [node.input(position) for position in range(len(node.inputs))]
    node.expect(node.activation == "NONE", f"fused activation function {node.activation}; expected NONE")
    axis = axis_of(node, node.options.get("axis", 0), len(first.shape))
    for x in inputs:
        copied(node, x, *TYPES)
        others = [(i, n) for i, n in enumerate(x.shape) if i != axis]
        fits = len(x.shape) == len(first.shape) and all(first.shape[i] == n for i, n in others)
        node.expect(fits, f"{x} of shape {list(x.shape)} does not fit {list(first.shape)} beside axis {axis}")
        if y.type == TensorType.INT8:
            expect_same_parameters(node, x, y)
        elif y.type == TensorType.INT16:
            node.expect(parameters(x)[1] == parameters(y)[1] == 0, f"{x} and {y}: int16 tensors need the zero point 0")
    node.resize(0, [sum(x.shape[axis] for x in inputs) if i == axis else n for i, n in enumerate(first.shape)])
    rescale = tuple(_rescale(x, y) if y.type == TensorType.UINT8 else None for x in inputs)
    return Prepared(concatenation, ConcatenationPlan(axis, rescale, parameters(y)[1]), explain)


def _rescale(x: Operand, y: Operand) -> tuple[np.float32, np.float32] | None:
    if parameters(x) == parameters(y):
        return None
    with np.errstate(all="ignore"):
        scale = x.scale * (np.float32(1) / y.scale)
        return scale, np.float32(-x.zero_point) * scale


def concatenation(*inputs_and_plan: np.ndarray | ConcatenationPlan) -> np.ndarray:
    """Return y; the last argument is the plan."""
    *inputs, plan = inputs_and_plan
    return np.concatenate([_rescaled(x, r, plan) for x, r in zip(inputs, plan.rescale)], axis=plan.axis)  # type: ignore[union-attr, arg-type]


def _rescaled(x: np.ndarray, rescale: tuple[np.float32, np.float32] | None, plan: ConcatenationPlan) -> np.ndarray:
    if rescale is None:
        return x
    scale, bias = rescale
    with np.errstate(all="ignore"):
        rounded = cast_int32(round_half_away(x.astype(np.float32) * scale + bias))
    return np.clip(wrap_int32(rounded + plan.output_offset), 0, 255).astype(np.uint8)


def explain(*arguments: Any) -> Explanation:
    """Explain y[element]; the last two arguments are the plan and the element."""
    *inputs, plan, element = arguments
    e = Explanation()
    source = source_of(concatenation, inputs, replace(plan, rescale=(None,) * len(inputs)), element)
    explain_source(e, source, inputs)
    rescale = plan.rescale[e.value("input")]
    if rescale is None:
        e.derive("y", "x", "moved as it is")
        return e
    e.given("scale", rescale[0], "of the input over that of the output, in float32")
    e.given("bias", rescale[1], "minus the input's zero point * scale")
    e.derive("product", "float32(x * scale)")
    e.derive("steps", "float32(product + bias)", "LSB of the output")
    e.derive("rounded", rounded_to_int32("steps"), "ties away from zero")
    explain_output_of_type(e, "rounded", plan.output_offset, np.dtype(np.uint8))
    return e
