"""SUM in XNNPACK: int8, uint8 and float32 over constant axes, see _reduction.py; all else is left to LiteRT.

Source   facts verified in tests/ops/test_reductions_runtimes.py
"""

from __future__ import annotations

from qref.ops import sum as reference
from qref.ops.node import Node, Prepared

from ._reduction import prepare_sum


def prepare(node: Node) -> Prepared | None:
    """Derive the plan; None for what the delegate leaves."""
    return prepare_sum(node, reference.prepare, mean=False)
