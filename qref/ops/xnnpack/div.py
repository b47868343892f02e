"""DIV in XNNPACK: float32 alone, denormals are zero and infinities stay; all else is left to LiteRT.

Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from qref.arithmetic.fused import flushed_quotient
from qref.ops.node import Node, Prepared
from qref.schema.enums import TensorType

from ._float import prepare_float
from ._vadd import is_taken


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    if not is_taken(node) or node.input(0).type != TensorType.FLOAT32:
        return None
    return prepare_float(node, flushed_quotient, ("raw", "float32(divide(v1, v2))", ""))
