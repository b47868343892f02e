"""SUB in XNNPACK.

Layout   x1, x2 of at most six dimensions that broadcast to one shape -> y of that shape
Types    int8, uint8, per tensor, s_1 / s_y and s_2 / s_y in [2^-10, 2^8); float32; all else is left to LiteRT
Scales   one rounding, ties up: see _vadd.py
Source   facts verified in tests/ops/test_elementwise_runtimes.py
"""

from __future__ import annotations

from qref.ops.node import Node, Prepared

from ._vadd import prepare_vadd


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    return prepare_vadd(node, -1)
