"""TFLite_Detection_PostProcess in TFLM: behind the last detection, its outputs hold what the memory held before."""

from __future__ import annotations

from qref.ops.node import Node, Prepared


def prepare(node: Node) -> Prepared:
    """Refuse the operator."""
    node.unsupported("TFLM leaves the outputs behind the last detection unset; take the runtime litert-reference")
