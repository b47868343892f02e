"""LOGISTIC as TFLM computes it: int8 in fixed point, no table; int16 and float32 as LiteRT's reference."""

from __future__ import annotations

from qref.arithmetic.gemmlowp import logistic
from qref.ops.logistic import prepare as prepare_base
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._sigmoid import prepare_fixed_point

OUTPUT_ZERO_POINT = -128


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = prepare_base(node)
    if node.input(0).type != TensorType.INT8:
        return prepared
    y = node.output()
    node.expect(y.zero_point == OUTPUT_ZERO_POINT, f"{y} has the zero point {y.zero_point}; LOGISTIC needs {OUTPUT_ZERO_POINT}")
    return prepare_fixed_point(node, logistic, 8, OUTPUT_ZERO_POINT)
