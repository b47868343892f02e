"""TANH as TFLM computes it: int8 in fixed point, no table; int16 and float32 as LiteRT's reference."""

from __future__ import annotations

from qref.arithmetic.gemmlowp import tanh
from qref.ops.node import Node, Prepared
from qref.ops.tanh import prepare as prepare_base
from qref.schema.enums import TensorType

from ._sigmoid import prepare_fixed_point


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    prepared = prepare_base(node)
    return prepare_fixed_point(node, tanh, 7, 0) if node.input(0).type == TensorType.INT8 else prepared
