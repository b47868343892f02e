"""MUL as TFLM computes it: as LiteRT's reference, but int16 only quantized and into int16."""

from __future__ import annotations

from qref.ops.mul import prepare as prepare_base
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType


def prepare(node: Node) -> Prepared:
    """Check the operands and derive the plan."""
    x, y = node.input(0), node.output()
    plain = x.type == TensorType.INT16 and (y.type != TensorType.INT16 or y.quantization is None)
    if plain:
        node.unsupported(f"int16 into {y} of type {y.type.name}; TFLM has quantized int16 into quantized int16")
    return prepare_base(node)
