"""CUMSUM as TFLM computes it: int8 too, scaled as in ADD_N; float32 as LiteRT's reference.

Scales   int8: s_x < 2^19 s_y
         y[i] = clamp(scale_y(scale_x(input_offset) + sum of scale_x(q[k] + input_offset)) + output_offset)

What should be a sum of 0 at the start is the stored value 0, which stands for 0 only where the zero point is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qref.arithmetic.explanation import Explanation
from qref.arithmetic.fixed_point import wrap_int32
from qref.ops import cumsum as base
from qref.ops._elementwise import Scaling, finish, zero_point
from qref.ops._explain import explain_output_of_type
from qref.ops._movement import axis_of, index_scalar
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from .add_n import LEFT_SHIFT


@dataclass(frozen=True, slots=True)
class QuantizedCumsumPlan:
    """The integers that are fixed before the first inference."""

    sums: base.CumsumPlan
    input: Scaling
    output: Scaling
    output_offset: int  # +zero_point(y), LSB


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = node.input(0), node.output()
    if x.type != TensorType.INT8:
        return base.prepare(node)
    node.expect_type(y, TensorType.INT8)
    axis = axis_of(node, index_scalar(node, node.input(1), TensorType.INT32), len(x.shape))
    sums = base.CumsumPlan(axis, bool(node.options.get("exclusive", False)), bool(node.options.get("reverse", False)))
    node.resize(0, x.shape)
    scaling = Scaling.of(node, 0.5, str(x), input_offset=-zero_point(node, x), left_shift=LEFT_SHIFT)
    factor = 2 * float(x.scale) / (2.0**LEFT_SHIFT * float(y.scale))
    return Prepared(cumsum, QuantizedCumsumPlan(sums, scaling, Scaling.of(node, factor, str(y)), zero_point(node, y)), explain)


def cumsum(x: np.ndarray, axis: np.ndarray, plan: QuantizedCumsumPlan) -> np.ndarray:
    """Return y int8."""
    total = wrap_int32(plan.input(np.array(0)) + base.cumsum(plan.input(x), axis, plan.sums))
    return finish(plan.output(total), plan.output_offset, -128, 127, np.dtype(np.int8))


def explain(x: np.ndarray, axis: np.ndarray, plan: QuantizedCumsumPlan, element: tuple[int, ...]) -> Explanation:
    """Explain y[element]."""
    summed = base.explain(x, axis, plan.sums, element).value("x")
    e = Explanation()
    e.given("x", summed, "the inputs up to here, in the order in which they are summed, LSB")
    e.given("input_offset", plan.input.input_offset, "minus the zero point, LSB")
    scaled = []
    for k, q in enumerate(("0", *(f"x[{i}]" for i in range(len(summed))))):
        name = e.derive(
            f"x{k}", f"wrap(({q} + input_offset) * 2**{plan.input.left_shift}, 32)", "shifted to the left, in 32 bits"
        )
        scaled.append(plan.input.explain(e, name))
    e.derive("acc", f"wrap({' + '.join(scaled)}, 32)", "from the stored value 0 on, at the scale that all have now")
    explain_output_of_type(e, plan.output.explain(e, "acc"), plan.output_offset, np.dtype(np.int8))
    return e
