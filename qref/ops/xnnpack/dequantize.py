"""DEQUANTIZE in XNNPACK: as in the reference, x int8 or uint8 per tensor; all else is left to LiteRT.

A DEQUANTIZE of constants is computed before execution by the delegate, to the same numbers.
"""

from __future__ import annotations

from qref.ops import dequantize as reference
from qref.ops.node import Node, Prepared

from ._delegate import is_float32, is_q8


def prepare(node: Node) -> Prepared | None:
    """The reference's plan; None for what the delegate leaves."""
    if len(node.inputs) != 1 or len(node.outputs) != 1 or not is_q8(node.inputs[0]) or not is_float32(node.outputs[0]):
        return None
    return reference.prepare(node)
